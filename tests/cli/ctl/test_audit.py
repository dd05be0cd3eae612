"""`ledgerctl audit` against a server over TLS, and against files alone."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledgerd.api.v1 import payouts_pb2
from ledgerd.cli.ctl.root import cli
from ledgerd.client import Endpoint, Profile
from ledgerd.client.log_files import verify_log
from ledgerd.files import PROOF_BYTES_MAX
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
                kind = "json" if "json" in arguments else "out"
                name = f"{arguments[0]}.{kind}"
                (folder / name).write_text(result.stdout)

            await told("head", "--save", folder / "head.json")
            await told("receipt", order.payout_id, "-o", folder / "receipt.json")
            await told("digest", "--output", "json")
            await told("export-log", "--out", folder / "log", "--output", "json")
            await told("export-log", "--from", 2, "--to", 3, "--out", folder / "end")
            partial = folder / "again.part"
            partial.write_bytes((folder / "log").read_bytes()[:-40])
            other = await asyncio.to_thread(
                run,
                *("export-log", "--from", 2, "--out", folder / "again"),
                *("--config", path),
            )
            assert other.exit_code == 2
            assert "is of entries 1 .. 3; name these, or remove it" in other.stderr
            await told("export-log", "--out", folder / "again")
            assert not partial.exists()
            taken = await asyncio.to_thread(
                run, "export-log", "--out", folder / "log", "--config", path
            )
            assert taken.exit_code == 2
            assert "is not overwritten" in taken.stderr
            world.node.cut(3)
            cut = await asyncio.to_thread(
                run,
                *("export-log", "--from", 1, "--out", folder / "cut"),
                *("--config", path),
            )
            assert cut.exit_code == 3
            assert "3 or later" in cut.stderr
            assert not (folder / "cut.part").exists()
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


@pytest.mark.parametrize("command", ["verify", "consistency"])
def test_a_file_too_large_to_be_a_proof(tmp_path: Path, command: str) -> None:
    """One without an end, as /dev/zero is, cannot be read: that proves nothing of it."""
    path = tmp_path / "receipt.json"
    with path.open("wb") as file:
        file.truncate(PROOF_BYTES_MAX + 1)

    result = run(command, path)

    assert result.exit_code == 2
    assert result.stderr == f"error: {path}: more than 67108864 bytes\n"


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\x00\xff"])
@pytest.mark.parametrize(
    ("command", "file"),
    [("verify", "receipt.json"), ("verify-log", "log"), ("consistency", "head.json")],
)
def test_a_ca_that_is_none_is_usage(
    folder: Path, tmp_path: Path, command: str, file: str, content: bytes
) -> None:
    """Nothing was found out about the proof, and it is not called refused."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(content)

    result = run(command, folder / file, "--ca", ca)

    assert result.exit_code == 2
    assert "ca.pem: expected the CA's certificate in PEM" in result.stderr.replace(
        "\n", " "
    )
    assert "NOT PROVEN" not in result.stderr


def test_commands_show_what_they_checked(folder: Path) -> None:
    """Head, growth and digest, from the answers of the node."""
    assert "signed by" in (folder / "head.out").read_text()
    assert "index 1 .. 4" in (folder / "consistency.out").read_text()
    told = (folder / "digest.json").read_text()
    digest = json.loads(told[told.index("{\n") :])  # behind what the server logged
    assert digest["index"] == "3"
    assert len(digest["digest"]) == 64


def test_an_exported_log_is_verified_without_the_cluster(folder: Path) -> None:
    """For people and for programs; with the CA and a head that were kept; what was resumed too."""
    table = run("verify-log", folder / "log")
    shown = run(
        "verify-log",
        folder / "log",
        *("--ca", folder / "ca.pem", "--head", folder / "head.json"),
        *("--output", "json"),
    )
    end = run("verify-log", folder / "end", "--head", folder / "receipt.json")

    assert (table.exit_code, shown.exit_code, end.exit_code) == (0, 0, 0)
    assert "1 .. 3" in table.stdout
    assert "ca is the file's own" in table.stderr.lower()
    facts = json.loads(shown.stdout)
    told = (folder / "export-log.json").read_text()  # behind what the server logged
    assert json.loads(told[told.index("{\n") :]) == facts
    assert (facts["entries"], facts["by_the_chain_alone"]) == ("1 .. 3", "0")
    assert "2 .. 3" in end.stdout
    again = verify_log(folder / "again")
    assert (again.from_index, again.to_index) == (1, 3)


def test_a_log_that_is_not_proven_ends_with_1(folder: Path, tmp_path: Path) -> None:
    """One line that says what is wrong and where."""
    raw = bytearray((folder / "log").read_bytes())
    raw[-10] ^= 1
    changed = tmp_path / "changed"
    changed.write_bytes(raw)

    result = run("verify-log", changed)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: NOT PROVEN")
    assert "entry 3: byte " in result.stderr.replace("\n", " ")
    assert run("verify-log", tmp_path / "none").exit_code == 2


@pytest.mark.parametrize("out", ["", "."])
def test_an_export_to_no_file_is_usage(out: str) -> None:
    """Nothing is asked of the cluster."""
    result = CliRunner().invoke(cli, ["audit", "export-log", "--out", out])

    assert result.exit_code == 2
    assert "a file" in result.stderr or "directory" in result.stderr
