"""Fixtures of the API tests."""

from pathlib import Path

import pytest

from tests.api.world import Certificates, World


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The CA of the test cluster."""
    return Certificates(tmp_path_factory.mktemp("api-pki"))


@pytest.fixture
def world(tmp_path: Path, certificates: Certificates) -> World:
    """A server that is not started yet."""
    return World(tmp_path, certificates)
