"""`ledgerctl audit` against a server over TLS, and against files alone."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledgerd.api.v1 import payouts_pb2
from ledgerd.cli.ctl.root import cli
from ledgerd.client import Endpoint, Profile
from tests.api.world import CLUSTER, Certificates, World


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["audit", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an auditor's session left behind: receipt.json, head.json, ca.pem; outputs in JSON."""
    folder = tmp_path_factory.mktemp("audit")
    certificates = Certificates(folder / "pki")
    world = World(folder, certificates)

    async def work() -> None:
        async with world.running():
            stub = world.stub("submitter", "auditor")
            account = await world.account(stub, units=100_000)
            order = world.order(account)
            await stub.payouts.Submit(payouts_pb2.SubmitRequest(order=order))
            files = certificates.client("auditor")
            profile = Profile(
                CLUSTER,
                (Endpoint(1, f"127.0.0.1:{world.server.port}"),),
                ca=files.ca,
                certificate=files.certificate,
                key=files.key,
            )
            path = folder / "client.toml"
            path.write_text(profile.to_toml())

            async def told(*arguments: object) -> None:
                result = await asyncio.to_thread(run, *arguments, "--config", path)
                assert result.exit_code == 0, (arguments, result.output)
                name = f"{arguments[0]}.out"
                (folder / name).write_text(result.stdout)

            await told("head", "--save", folder / "head.json")
            await told("receipt", order.payout_id, "-o", folder / "receipt.json")
            await told("digest", "--output", "json")
            await stub.payouts.Submit(
                payouts_pb2.SubmitRequest(order=world.order(account))
            )
            await told("consistency", folder / "head.json")
            again = await asyncio.to_thread(
                run, "head", "--save", folder / "head.json", "--config", path
            )
            assert again.exit_code == 2
            assert "is not overwritten" in again.stderr

    asyncio.run(work())
    (folder / "ca.pem").write_bytes((folder / "pki" / "ca.pem").read_bytes())
    return folder


def test_what_the_cluster_gave_is_proven_without_it(folder: Path) -> None:
    """The server is gone: a receipt and a head, for people and for programs."""
    table = run("verify", folder / "receipt.json")
    shown = run(
        "verify", folder / "receipt.json", "--ca", folder / "ca.pem", "--output", "json"
    )
    head = run("verify", folder / "head.json", "--output", "json")

    assert (table.exit_code, shown.exit_code, head.exit_code) == (0, 0, 0)
    assert "250 USD" in table.stdout
    assert "ca is the file's own" in table.stderr.lower()
    facts = json.loads(shown.stdout)
    assert facts["position"] == "3.0"
    assert facts["tree"] == "index 1 .. 3"
    assert (
        facts["payout"]
        == json.loads((folder / "receipt.json").read_text())["payout_id"]
    )
    assert json.loads(head.stdout)["root"] == facts["root"]


def test_what_is_not_proven_ends_with_1(folder: Path, tmp_path: Path) -> None:
    """A changed receipt, another CA, and a file of another kind: one line each, that says why."""
    raw = (folder / "receipt.json").read_text()
    document = json.loads(raw)
    document["leaf"]["ts_us"] += 1
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(document, indent=1) + "\n")
    other = tmp_path / "other.json"
    other.write_text("{}")
    stranger = Certificates(tmp_path / "pki").folder / "ca.pem"

    for arguments, told in (
        ((changed,), "not in the signed tree"),
        ((other,), "expected the file as it was written"),
        ((folder / "receipt.json", "--ca", stranger), "the CA that was named"),
    ):
        result = run("verify", *arguments)
        assert result.exit_code == 1
        assert result.stderr.startswith("error: NOT PROVEN")
        assert told in result.stderr
        assert result.stdout == ""


def test_a_file_that_is_not_there_is_usage(tmp_path: Path) -> None:
    """Exit code 2, as for any wrong argument."""
    assert run("verify", tmp_path / "none.json").exit_code == 2


def test_commands_show_what_they_checked(folder: Path) -> None:
    """Head, growth and digest, from the answers of the node."""
    assert "signed by" in (folder / "head.out").read_text()
    assert "index 1 .. 4" in (folder / "consistency.out").read_text()
    told = (folder / "digest.out").read_text()
    digest = json.loads(told[told.index("{\n") :])  # behind what the server logged
    assert digest["index"] == "3"
    assert len(digest["digest"]) == 64
