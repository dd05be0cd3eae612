"""Fixtures of the API tests."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from ledgerd.observability import logs
from tests.api.world import Certificates, World


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The CA of the test cluster."""
    return Certificates(tmp_path_factory.mktemp("api-pki"))


@pytest.fixture
def world(tmp_path: Path, certificates: Certificates) -> World:
    """A server that is not started yet."""
    return World(tmp_path, certificates)


@pytest.fixture
def log_stream() -> Iterator[io.StringIO]:
    """Where log lines go, as JSON, while the test runs."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # else configure would close those of the test runner
    logs.configure(format="json", stream=stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
