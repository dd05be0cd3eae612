"""The client library against real nodes that are killed under it."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledgerd.api.v1 import payouts_pb2
from ledgerd.cli.ctl.root import cli
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import (
    AsyncClient,
    Client,
    NotLogged,
    Profile,
    iban,
    new_payout_id,
    payout_order,
    us_account,
)
from ledgerd.errors import Reason
from ledgerd.security import pki
from ledgerd.security.identity import Role
from tests.waiting import until

pytestmark = pytest.mark.e2e

PAYEE = us_account("021000021", "123456789", "Payee")


def test_books_agree_on_all_nodes(dev_cluster: DevCluster) -> None:
    """What a client wrote is read back from each node, at its own position or later."""
    with Client.from_profile(dev_cluster.profile_path) as client:
        account = client.open_account(currency="USD", livemode=True, owner_ref="e2e")
        client.fund(account, 1_000, "USD", bank="main", external_ref=account[-26:])
        result = client.submit(
            account=account,
            amount=600,
            currency="USD",
            rail="us_ach",
            destination=PAYEE,
            metadata={"order": "17"},
        )
        poor = client.submit(
            account=account,
            amount=600,
            currency="USD",
            rail="us_ach",
            destination=PAYEE,
        )
        cancelled = client.cancel(result.payout_id)

        assert result.accepted
        assert poor.refusal == "INSUFFICIENT_FUNDS"
        assert cancelled.payout_state == "CANCELLED"
        assert client.get(poor.payout_id).HasField("refused")
        assert all(book.balanced for book in client.trial_balance().books)
    for node_id in dev_cluster.node_ids:
        with Client.from_profile(dev_cluster.profile_path, node_id=node_id) as pinned:
            read = pinned.get(result.payout_id, at_least=cancelled.index)
            assert read.payout.order.metadata == {"order": "17"}
            assert pinned.balance(account).balances.available_units == 1_000
            assert pinned.list(account=account).payouts[0] == read.payout


def test_mistakes_are_told_by_field(dev_cluster: DevCluster) -> None:
    """A malformed order is refused before the log, and its neighbours are not."""

    async def scenario() -> None:
        async with AsyncClient.from_profile(dev_cluster.profile_path) as client:
            account = await client.open_account(currency="USD", livemode=True)
            good, bad = (
                payout_order(
                    account=account,
                    amount=amount,
                    currency="USD",
                    rail="us_ach",
                    destination=PAYEE,
                )
                for amount in (1, 0)
            )
            first, second = await asyncio.gather(
                client.submit_order(good),
                client.submit_order(bad),
                return_exceptions=True,
            )
            assert not isinstance(first, BaseException)
            assert isinstance(second, NotLogged)
            assert "amount" in second.message

    asyncio.run(scenario())


HOUSE_RAIL = """
[[rail]]
number = 1000
name = "us_house"
currencies = ["USD"]
amount_minor_max = 100000
destination_kinds = ["US_ACCOUNT"]
account_number_bytes_max = 17
reference_bytes_max = 80
deduplicates = true
answers_queries = true
burns_refused_keys = false
"""


def test_a_file_pays_by_a_rail_that_no_release_brings(
    dev_cluster: DevCluster, tmp_path: Path
) -> None:
    """Decision 21: set from a file of its own, it is a name for payout files at once."""

    def ledgerctl(*arguments: str | Path) -> Result:
        profile = ("--config", str(dev_cluster.profile_path))
        return CliRunner().invoke(cli, [*profile, *map(str, arguments)])

    (tmp_path / "house.toml").write_text(HOUSE_RAIL)
    (tmp_path / "one.csv").write_text(
        "id,amount_minor,currency,rail,destination.kind,destination.bank_code,"
        "destination.account_number,destination.name\n"
        f"{new_payout_id()},700,USD,us_house,us_account,021000021,1,Payee\n"
    )
    with Client.from_profile(dev_cluster.profile_path) as client:
        account = client.open_account(currency="USD", livemode=True, owner_ref="file")
        client.fund(account, 1_000, "USD", bank="main", external_ref=account[-26:])
        submit = ("payout", "submit", tmp_path / "one.csv", "--account", account)
        before = ledgerctl(*submit)
        until(
            "the rail is set",
            lambda: ledgerctl("rail", "set", tmp_path / "house.toml").exit_code == 0,
        )
        # A node that did not take the call itself knows the name within a second.
        until("each node knows it", lambda: ledgerctl(*submit).exit_code == 0)
        (paid,) = client.list(account=account).payouts

    assert before.exit_code == 65
    assert "expected auto or one of sandbox, us_ach, " in before.stderr
    assert (paid.order.rail, paid.state) == ("us_house", payouts_pb2.READY)


@pytest.mark.alone
def test_certificate_of_another_cluster_is_named(
    dev_cluster: DevCluster, own_cluster: DevCluster
) -> None:
    """The error of a client with the wrong CA says so, in time."""
    foreign = Profile.load(own_cluster.profile_path)
    endpoints = Profile.load(dev_cluster.profile_path).endpoints
    profile = Profile(
        foreign.cluster_id, endpoints, foreign.ca, foreign.certificate, foreign.key
    )
    with Client(profile) as client:
        began = time.monotonic()
        with pytest.raises(NotLogged, match="certificate") as caught:
            client.open_account(currency="USD", livemode=True, deadline=2.0)

        assert time.monotonic() - began <= 2.1
    assert "no connection" in caught.value.message


def test_renewed_certificate_is_used_without_a_restart(
    dev_cluster: DevCluster, tmp_path: Path
) -> None:
    """A client whose role was missing goes on when its files have it."""
    authority = dev_cluster.directory / "pki"
    weak = pki.issue_client(authority, "weak", [Role.AUDITOR], out=tmp_path)
    strong = pki.issue_client(
        authority, "strong", [Role.SUBMITTER], out=tmp_path / "new"
    )
    profile = replace(
        Profile.load(dev_cluster.profile_path),
        ca=weak.ca,
        certificate=weak.certificate,
        key=weak.key,
    )
    with Client(profile) as client:
        with pytest.raises(NotLogged, match="submitter") as caught:
            client.open_account(currency="USD", livemode=True)
        shutil.copy(strong.key, weak.key)
        shutil.copy(strong.certificate, weak.certificate)

        until(  # files are looked at now and then
            "the renewed certificate is used",
            lambda: client.open_account(currency="USD", livemode=True),
            passing=NotLogged,
        )
    assert caught.value.reason is Reason.ROLE_MISSING


@pytest.mark.slow
def test_killed_leader_loses_and_doubles_nothing(own_cluster: DevCluster) -> None:
    """Concurrent single submits ride through two SIGKILLs of the leader, all answered."""
    own_cluster.start()
    own_cluster.wait_ready()

    async def submits(
        client: AsyncClient, account: str, is_over: Callable[[], bool]
    ) -> Counter[str]:
        seen: Counter[str] = Counter()
        while not is_over():
            result = await client.submit(
                account=account,
                amount=1,
                currency="EUR",
                rail="eu_sct",
                destination=iban("DE89370400440532013000", "Payee"),
                payout_id=new_payout_id(),
                deadline=20.0,
            )
            seen[result.payout_id if result.accepted else str(result.refusal)] += 1
        return seen

    async def scenario() -> None:
        over = False
        async with AsyncClient.from_profile(own_cluster.profile_path) as client:
            account = await client.open_account(currency="EUR", livemode=True)
            await client.fund(
                account, 10**9, "EUR", bank="main", external_ref="wire", deadline=20.0
            )
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(submits(client, account, lambda: over))
                    for _ in range(8)
                ]
                for _ in range(2):
                    killed = await asyncio.to_thread(own_cluster.leader)
                    assert killed is not None
                    await asyncio.to_thread(own_cluster.kill, killed)
                    await client.submit_batch(  # there is a new leader when it answers
                        [
                            payout_order(
                                account=account,
                                amount=1,
                                currency="EUR",
                                rail="eu_sct",
                                destination=iban("DE89370400440532013000", "Payee"),
                            )
                        ],
                        deadline=20.0,
                    )
                    own_cluster.start(killed)
                    await asyncio.to_thread(own_cluster.wait_ready)
                over = True
            seen = sum((task.result() for task in tasks), Counter[str]())

            assert set(seen.values()) == {1}
            balance = await client.balance(account)
            assert balance.balances.reserved_units == len(seen) + 2

    asyncio.run(scenario())
