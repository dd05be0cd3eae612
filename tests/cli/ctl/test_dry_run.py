"""`--dry-run` of `ledgerctl`: what would be answered, and nothing is written."""

import asyncio
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from ledgerd.api import dry_calls
from ledgerd.api.dry_calls import JUDGED
from ledgerd.cli.ctl.root import cli
from ledgerd.client import AsyncClient, Endpoint, NotLogged, Profile
from ledgerd.formats.versions import STATE_VERSION
from tests.api.world import CLUSTER, START_US, Certificates, World

# The call that each command makes.
NAMES = {
    "account open": "open_account",
    "account fund": "fund",
    "account transfer": "transfer",
    "account close": "close_account",
    "account freeze": "freeze",
    "account unfreeze": "unfreeze",
    "account reverse": "fund_reverse",
    "hold create": "create_hold",
    "hold capture": "capture_hold",
    "hold release": "release_hold",
    "voucher post": "post_entry",
    "voucher adjust": "adjust",
    "voucher approve": "approve_voucher",
    "voucher reject": "reject_voucher",
    "payout cancel": "cancel",
    "payout approve": "approve",
    "payout reject": "reject",
    "payout reroute": "reroute",
    "payout recall": "request_recall",
    "payout tell": "tell_evidence",
}


def profile_of(world: World, certificates: Certificates) -> Profile:
    files = certificates.client("submitter")
    return Profile(
        CLUSTER,
        (Endpoint(1, f"127.0.0.1:{world.server.port}"),),
        ca=files.ca,
        certificate=files.certificate,
        key=files.key,
    )


def test_every_call_that_is_judged_has_the_option() -> None:
    """And no command that would be done in spite of it."""
    found = {}
    for group_name, group in cli.commands.items():
        if not isinstance(group, click.Group) or group_name == "calendar":
            continue
        for name, command in group.commands.items():
            if any("--dry-run" in parameter.opts for parameter in command.params):
                full = f"{group_name} {name}"
                found[full] = NAMES.get(full)

    assert found.pop("payout send") is None  # a submit, which `Payouts.Validate` judges
    assert set(found.values()) == set(JUDGED), found
    assert found == NAMES


def test_it_says_what_would_be_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For people and programs, with the exit code of the answer; then the call is as good."""
    certificates = Certificates(tmp_path / "pki")
    world = World(tmp_path, certificates)
    world.node.state_version = STATE_VERSION
    monkeypatch.setattr(
        dry_calls, "clock_us", lambda: START_US + (world.node.index + 1) * 1_000_000
    )
    monkeypatch.setenv("LEDGERCTL_CONFIG", str(tmp_path / "client.toml"))

    async def run() -> None:
        async with world.running():
            profile = profile_of(world, certificates)
            (tmp_path / "client.toml").write_text(profile.to_toml())

            async def ran(*arguments: object) -> Result:
                return await asyncio.to_thread(
                    CliRunner().invoke, cli, [str(one) for one in arguments]
                )

            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            other = await world.account(stub)
            index = world.node.index

            def transfer(minor: int) -> tuple[object, ...]:
                return (
                    *("account", "transfer", account, other),
                    *("--amount-minor", minor, "--currency", "USD"),
                    *("--request-id", world.new_id("req"), "--dry-run"),
                )

            asked = transfer(400)
            good = await ran(*asked)
            assert good.exit_code == 0, good.output
            assert "nothing was written" in good.stdout
            assert "position" not in good.stdout
            bad = await ran(*transfer(4_000))
            assert bad.exit_code == 1
            assert "dry run, nothing was written: refused: INSUFFICIENT_FUNDS" in (
                bad.stderr
            )
            shown = await ran("--output", "json", *transfer(1))
            document = json.loads(shown.stdout[shown.stdout.index("{\n") :])
            assert (document["dry_run"], document["index"]) == (True, "0")
            assert document["outcome"] == "CREATED"
            assert world.node.index == index

            sent = (
                *("payout", "send", "--account", account, "--rail", "sandbox"),
                *("--amount-minor", 9_999, "--currency", "USD", "--name", "Ada"),
                *("--iban", "DE89370400440532013000", "--dry-run"),
            )
            poor = await ran(*sent)
            assert poor.exit_code == 1, poor.output
            assert "INSUFFICIENT_FUNDS" in poor.stderr
            assert world.node.index == index

            done = await ran(*asked[:-1])
            assert done.exit_code == 0, done.output
            assert world.node.index == index + 1
            again = await ran(*asked)
            assert "replayed" in again.stdout

    asyncio.run(run())


def test_a_client_for_dry_runs_changes_nothing(tmp_path: Path) -> None:
    """Submits are judged; settings and the cluster, which nobody judges, are refused."""
    certificates = Certificates(tmp_path / "pki")
    world = World(tmp_path, certificates)

    async def run() -> None:
        async with world.running():
            stub = world.stub("submitter")
            account = await world.account(stub, units=1_000)
            order = world.order(account)
            index = world.node.index
            profile = profile_of(world, certificates)
            async with AsyncClient(profile, dry_run=True) as client:
                stranger = world.order(account)
                stranger.account_id = world.new_id("acct")
                results = await client.submit_batch([order, stranger, order])
                assert [
                    (result.outcome.value, result.refusal, result.index)
                    for result in results
                ] == [
                    ("CREATED", None, 0),
                    ("REFUSED", "ACCOUNT_NOT_FOUND", 0),
                    ("REPLAYED", None, 0),
                ]
                one = await client.submit_order(order)
                assert (one.outcome.value, one.state) == ("CREATED", "READY")
                with pytest.raises(NotLogged, match="dry runs only"):
                    await client.transfer_leadership(2)
                with pytest.raises(NotLogged, match="dry runs only"):
                    await client.snapshot(make=True)
            assert world.node.index == index
            assert world.node.transfers == []

    asyncio.run(run())
