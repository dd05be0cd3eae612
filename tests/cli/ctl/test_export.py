"""`ledgerctl export` against a server over TLS."""

import asyncio

import pytest
from click.testing import CliRunner, Result

from ledgerd.cli.ctl.root import cli
from ledgerd.client import Client, Endpoint, Profile
from tests.api.world import CLUSTER, Certificates, World
from tests.client.random_books import fill

FORMS = ("hledger", "beancount", "csv")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", *map(str, arguments)])


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Result | list[int] | list[str]]:
    """What some commands ended with, and the indexes that the library gave."""
    folder = tmp_path_factory.mktemp("export")
    certificates = Certificates(folder / "pki")
    world = World(folder, certificates)
    found: dict[str, Result | list[int] | list[str]] = {}

    def ask(port: int) -> None:
        files = certificates.client("auditor")
        profile = Profile(
            CLUSTER,
            (Endpoint(1, f"127.0.0.1:{port}"),),
            ca=files.ca,
            certificate=files.certificate,
            key=files.key,
        )
        path = folder / "client.toml"
        path.write_text(profile.to_toml())
        for form in FORMS:
            found[form] = run("--format", form, "--config", path)
            new = folder / f"books.{form}"
            found[f"save {form}"] = run(
                "--format", form, "--save", new, "--config", path
            )
        found["again"] = run("--format", "csv", "--save", new, "--config", path)
        found["as of"] = run("--format", "csv", "--as-of", 20, "--config", path)
        found["future"] = run(
            *("--format", "csv", "--as-of", 0, "--config", path),
        )
        with Client(profile) as client:
            found["all"] = [entry.index for entry in client.export_books()]
            found["20"] = [entry.index for entry in client.export_books(20)]
        for form in FORMS:
            text = (folder / f"books.{form}").read_text()
            found[f"lines {form}"] = text.splitlines()

    async def work() -> None:
        async with world.running():
            await fill(world, seed=3, count=1_000)
            await asyncio.to_thread(ask, world.server.port)

    asyncio.run(work())
    return found


@pytest.mark.parametrize("form", FORMS)
def test_the_books_are_written_in_each_form(told, form: str) -> None:
    """To standard output and to a new file; the index it is of goes to standard error."""
    shown, saved = told[form], told[f"save {form}"]

    assert (shown.exit_code, saved.exit_code) == (0, 0)
    assert "submit" in shown.stdout
    assert "as of index 51" in shown.stderr
    lines = told[f"lines {form}"]
    assert len(lines) > 500
    assert set(lines) <= set(shown.stdout.splitlines())


def test_an_older_index_gives_the_beginning(told) -> None:
    """In the command and in the library."""
    assert told["as of"].exit_code == 0
    lines = told["as of"].stdout.splitlines()
    whole = [line for line in told["csv"].stdout.splitlines() if line.count(",") == 11]
    rows = [line for line in lines if line.count(",") == 11]

    assert rows == whole[: len(rows)]
    assert 10 < len(rows) < len(whole)
    assert max(told["20"]) <= 20
    assert told["20"] == [index for index in told["all"] if index <= 20]


def test_no_file_is_overwritten(told) -> None:
    """Exit code 2, and an index is 1 or more."""
    assert told["again"].exit_code == 2
    assert "is not overwritten" in told["again"].stderr
    assert told["future"].exit_code == 2
