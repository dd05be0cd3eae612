"""Bad input to a real cluster: the words that tell it, and that nothing changed.

What is malformed stops at the edge: no log entry, same digest, same money, and the id may still be
used. What the ledger refuses is one entry that says so: same money, and the id is spent.
"""

import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from click.testing import CliRunner
from google.rpc import error_details_pb2, status_pb2

from ledgerd.api.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    admin_pb2,
    common_pb2,
    payouts_pb2_grpc,
)
from ledgerd.api.v1 import payouts_pb2 as pb
from ledgerd.cli.ctl.root import cli
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import (
    Client,
    NotLogged,
    Profile,
    new_account_id,
    new_payout_id,
    new_request_id,
    payout_order,
    us_account,
)
from ledgerd.errors import Reason
from ledgerd.formats.versions import STATE_VERSION
from ledgerd.security.identity import node_dns
from tests.client.files.documents import changed, joined, nacha, pain001
from tests.e2e.disks import freezable, freeze, thaw
from tests.waiting import lasting, until

pytestmark = pytest.mark.e2e

MAX = 2**63 - 1
MIB = 1024 * 1024
SUBMIT = "/ledgerd.api.v1.Payouts/Submit"
BATCH = "/ledgerd.api.v1.Payouts/SubmitBatch"
STREAM = "/ledgerd.api.v1.Payouts/SubmitStream"
PAYEE = us_account("021000021", "1234567890", "Some Payee")


class Cluster(NamedTuple):
    """A running cluster, a client, a channel to the leader, and two accounts with money."""

    nodes: DevCluster
    client: Client
    channel: grpc.Channel
    dollars: str
    other_dollars: str
    euros: str

    @property
    def payouts(self) -> payouts_pb2_grpc.PayoutsStub:
        return payouts_pb2_grpc.PayoutsStub(self.channel)

    @property
    def ledger(self) -> accounts_pb2_grpc.LedgerStub:
        return accounts_pb2_grpc.LedgerStub(self.channel)

    def raw(self, method: str, data: bytes) -> bytes:
        """Send bytes as a request; return the answer's."""
        answer: bytes = self.channel.unary_unary(method)(data, timeout=20)
        return answer


class State(NamedTuple):
    """All that must not change: of every node at rest, and of the books."""

    term: int
    index: int
    digest: str
    books: tuple[bytes, ...]
    balances: tuple[bytes, ...]

    @property
    def money(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        return self.books, self.balances

    def is_followed_by(self, after: "State", *, entries: int) -> bool:
        """Return whether that many entries were asked for between this state and `after`.

        A leader that was elected in between has added an empty one of its own.
        """
        others = after.index - self.index - entries
        return 0 <= others <= after.term - self.term


def start(folder: Path, nodes: int, **limits: int) -> DevCluster:
    """Return a running cluster that adds no entry by itself any more, but at an election.

    It has recorded its founders and the newest state version, and a machine must be very busy to
    make it hold an election.
    """
    cluster = prepared(folder, nodes, **limits)
    begin(cluster)
    return cluster


def prepared(folder: Path, nodes: int, **limits: int) -> DevCluster:
    """Return such a cluster before its nodes are started."""
    settings = {
        "raft": {"election_base_ticks": 100},
        "storage": {"free_bytes_min": 1024**2},
        "limits": limits,
    }
    cluster = DevCluster(folder, nodes, settings=settings)
    cluster.prepare()
    return cluster


def begin(cluster: DevCluster) -> None:
    """Start the nodes and wait until the log has all that they say of themselves."""
    try:
        cluster.start()
        cluster.wait_ready()
        with Client.from_profile(cluster.profile_path) as client:
            until("it is founded", lambda: is_founded(client), passing=NotLogged)
    except BaseException:
        cluster.stop()
        raise


def is_founded(client: Client) -> bool:
    """Whether the log has what a new cluster says of itself."""
    status = client.cluster_status()
    return status.membership_index > 0 and status.state_version == STATE_VERSION


def channel_to(profile: Profile, node_id: int) -> grpc.Channel:
    """Return a channel as a stranger with a certificate would make it, without our bounds."""
    assert profile.ca is not None
    assert profile.key is not None
    assert profile.certificate is not None
    address = next(e.address for e in profile.endpoints if e.node_id == node_id)
    return grpc.secure_channel(
        address,
        grpc.ssl_channel_credentials(
            profile.ca.read_bytes(),
            profile.key.read_bytes(),
            profile.certificate.read_bytes(),
        ),
        options=[
            ("grpc.ssl_target_name_override", node_dns(profile.cluster_id, node_id)),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_send_message_length", -1),
        ],
    )


def funded(client: Client, currency: str) -> str:
    account = client.open_account(currency=currency, livemode=False)
    client.fund(account, 10**6, currency, bank="main", external_ref=account[-20:])
    return account


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    nodes = start(tmp_path_factory.mktemp("bad-input") / "cluster", 3)
    try:
        with Client.from_profile(nodes.profile_path) as client:
            leader = nodes.leader()
            assert leader is not None
            with channel_to(client.profile, leader) as channel:
                yield Cluster(
                    nodes,
                    client,
                    channel,
                    funded(client, "USD"),
                    funded(client, "USD"),
                    funded(client, "EUR"),
                )
    finally:
        nodes.stop()


def state_of(cluster: Cluster) -> State:
    """Return the state once every node is at rest at one index with one digest."""
    client = cluster.client
    books = client.trial_balance()  # linearizable: it has seen all that was answered
    reached = books.header.applied_index

    def at_rest() -> tuple[int, int, str] | None:
        seen = {
            (
                status.last_index,
                status.commit_index,
                status.visible_index,
                status.term,
                status.digest,
            )
            for status in client.statuses(deadline=5.0).values()
            if isinstance(status, admin_pb2.StatusReply)
        }
        at = {index for indexes in seen for index in indexes[:3]}
        if len(seen) == len(at) == 1 and min(at) >= reached:
            return next(iter(seen))[2:]
        return None

    found = until("the nodes come to rest", at_rest)
    assert found is not None
    index, term, digest = found
    accounts = (cluster.dollars, cluster.other_dollars, cluster.euros)
    return State(
        term,
        index,
        digest,
        tuple(book.SerializeToString() for book in books.books),
        tuple(client.balance(one).balances.SerializeToString() for one in accounts),
    )


def assert_unchanged(cluster: Cluster, before: State) -> None:
    """Nothing was logged since, on any node."""
    after = state_of(cluster)
    assert before.is_followed_by(after, entries=0), (before, after)
    assert after.money == before.money
    assert after.index > before.index or after.digest == before.digest


class Refusal(NamedTuple):
    """How a call ended that got no answer of the log."""

    code: grpc.StatusCode
    text: str
    reason: str
    outcome: str


def refusal_of(call: Callable[[], object]) -> Refusal:
    """Return how a call was refused; fail if it was answered."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error = caught.value
    assert isinstance(error, grpc.Call)
    info = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                detail.Unpack(info)
    return Refusal(
        error.code(), error.details() or "", info.reason, info.metadata["outcome"]
    )


def order(cluster: Cluster, **fields: object) -> pb.PayoutOrder:
    """Return a right order, with some fields replaced; `amount_` fields are of the amount."""
    made = payout_order(
        account=cluster.dollars,
        amount=100,
        currency="USD",
        rail="sandbox",
        destination=PAYEE,
        reference="bad input",
    )
    for name, value in fields.items():
        if name.startswith("amount_"):
            setattr(made.amount, name.removeprefix("amount_"), value)
        elif name == "metadata":
            made.metadata.update(value)
        else:
            setattr(made, name, value)
    return made


A_ID = "01kr41xpb0fx08ddrk0r57dd23"
ID_OF = "and 26 characters of base 32 (0-9 a-z without i l o u), found"
UNITS = f"expected 1 .. {MAX} minor units, found"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"amount_units": 0}, f"amount.units: {UNITS} 0"),
        ({"amount_units": -1}, f"amount.units: {UNITS} -1"),
        # 2**63 on the wire; a number of 64 bits has no place for it.
        ({"amount_units": -(2**63)}, f"amount.units: {UNITS} -{2**63}"),
        (
            {"amount_exponent": 3},
            "amount.exponent: expected 2, the number of decimals of USD, found 3",
        ),
        (
            {"amount_currency": "usd"},
            "amount.currency: expected an ISO 4217 code with minor units, three capital "
            'letters, found "usd"',
        ),
        (
            {"amount_currency": "\x1b[2J"},
            "amount.currency: expected an ISO 4217 code with minor units, three capital "
            'letters, found "\\x1b[2J"',
        ),
        (
            {"payout_id": f"payout_{A_ID.upper()}"},
            f'payout_id: expected payout_ {ID_OF} "payout_{A_ID.upper()}"',
        ),
        (
            {"payout_id": f"acct_{A_ID}"},
            f'payout_id: expected payout_ {ID_OF} "acct_{A_ID}": the prefix is "acct"',
        ),
        (
            {"payout_id": f"payout_{A_ID[:-1]}"},
            f'payout_id: expected payout_ {ID_OF} "payout_{A_ID[:-1]}": 25 characters',
        ),
        ({"payout_id": ""}, f"payout_id: expected payout_ {ID_OF} nothing"),
        (
            {"payout_id": "payout_" + "0" * 26},
            "payout_id: expected a UUIDv7 (RFC 9562) in payout_..., found version 0, "
            "variant 00: payout_" + "0" * 26,
        ),
        (
            {"account_id": f"payout_{A_ID}"},
            f'account_id: expected acct_ {ID_OF} "payout_{A_ID}": the prefix is "payout"',
        ),
        (
            {"metadata": {"cafe\u0301": "x"}},
            "metadata.key: expected text in Unicode NFC, found text in another form",
        ),
        (
            {"metadata": {str(n): "" for n in range(51)}},
            "metadata: expected at most 50 keys, found 51",
        ),
        (
            {"reference": "a\0b"},
            "reference: expected text without control characters, found some",
        ),
    ],
)
def test_a_malformed_order_is_told_and_leaves_nothing(
    cluster: Cluster, fields: dict[str, object], text: str
) -> None:
    """Alone, and as one row of a batch whose other rows are right."""
    bad, right = order(cluster, **fields), order(cluster)
    before = state_of(cluster)

    single = refusal_of(lambda: cluster.payouts.Submit(pb.SubmitRequest(order=bad)))
    batch = refusal_of(
        lambda: cluster.payouts.SubmitBatch(pb.SubmitBatchRequest(orders=[right, bad]))
    )

    for path, refused in (("order", single), ("orders[1]", batch)):
        assert refused.text.startswith(f"{path}.{text}")
        assert refused[2:] == ("MALFORMED", "NOT_LOGGED")
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert_unchanged(cluster, before)
    with pytest.raises(NotLogged) as unknown:
        cluster.client.get(right.payout_id)
    assert unknown.value.reason is Reason.NOT_FOUND


def requests(cluster: Cluster) -> dict[str, tuple[Callable[[], object], str]]:
    """Return malformed calls of every other kind, and their words."""
    payouts, ledger = cluster.payouts, cluster.ledger
    right = pb.SubmitRequest(order=order(cluster)).SerializeToString()
    money = common_pb2.Money(units=1, currency="USD")
    a_request = new_request_id()

    def fund(units: int) -> accounts_pb2.FundRequest:
        return accounts_pb2.FundRequest(
            request_id=new_request_id(),
            account_id=cluster.dollars,
            amount=common_pb2.Money(units=units, currency="USD"),
            bank="main",
            external_ref="bad",
        )

    return {
        "fund 0": (partial(ledger.Fund, fund(0)), f"amount.units: {UNITS} 0"),
        "fund -1": (partial(ledger.Fund, fund(-1)), f"amount.units: {UNITS} -1"),
        "fund 2**63": (
            partial(ledger.Fund, fund(-(2**63))),
            f"amount.units: {UNITS} -{2**63}",
        ),
        "transfer to itself": (
            partial(
                ledger.Transfer,
                accounts_pb2.TransferRequest(
                    request_id=a_request,
                    from_account_id=cluster.dollars,
                    to_account_id=cluster.dollars,
                    amount=money,
                ),
            ),
            "to_account_id: expected another account than from_account_id, found the same",
        ),
        "cancel nothing": (
            partial(payouts.Cancel, pb.CancelPayoutRequest(request_id=a_request)),
            f"payout_id: expected payout_ {ID_OF} nothing",
        ),
        "read nothing": (
            partial(payouts.Get, pb.GetPayoutRequest()),
            f"payout_id: expected payout_ {ID_OF} nothing",
        ),
        "page of -1": (
            partial(cluster.raw, "/ledgerd.api.v1.Payouts/List", b"\x38" + b"\xff" * 9 + b"\1"),
            "page_size: expected 0 .. 1000, found 4294967295",
        ),
        "cursor of nobody": (
            partial(payouts.List, pb.ListPayoutsRequest(cursor="AAAA")),
            "cursor: expected the cursor of an answer of this cluster, unchanged; begin "
            "again without a cursor",
        ),
        "no UTF-8": (
            partial(cluster.raw, SUBMIT, right.replace(b"bad input", b"bad \xff\xfeput")),
            "expected a message of this call: Error parsing message with type "
            "'ledgerd.api.v1.SubmitRequest': String field had bad UTF-8",
        ),
        "cut off": (
            partial(cluster.raw, SUBMIT, right[:-3]),
            "expected a message of this call: Error parsing message with type "
            "'ledgerd.api.v1.SubmitRequest': Wire format was corrupt",
        ),
        "batch of 0": (
            partial(payouts.SubmitBatch, pb.SubmitBatchRequest()),
            "orders: expected 1 .. 8192 orders, found 0",
        ),
        "batch of 8,193": (
            lambda: payouts.SubmitBatch(
                pb.SubmitBatchRequest(orders=[order(cluster)] * 8_193)
            ),
            "orders: expected 1 .. 8192 orders, found more",
        ),
        "batch of millions": (
            lambda: cluster.raw(BATCH, b"\x0a\x00" * (6 * MIB)),
            "orders: expected 1 .. 8192 orders, found more",
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        *("fund 0", "fund -1", "fund 2**63", "transfer to itself", "cancel nothing"),
        *("read nothing", "page of -1", "cursor of nobody", "no UTF-8", "cut off"),
        *("batch of 0", "batch of 8,193", "batch of millions"),
    ],
)
def test_a_malformed_call_is_told_and_leaves_nothing(
    cluster: Cluster, name: str
) -> None:
    """Whatever is wrong: INVALID_ARGUMENT, the words, NOT_LOGGED, and it is so."""
    call, text = requests(cluster)[name]
    before = state_of(cluster)

    refused = refusal_of(call)

    assert refused.text == text
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason in ("MALFORMED", "CURSOR_INVALID")
    assert refused.outcome == "NOT_LOGGED"
    assert_unchanged(cluster, before)


@pytest.mark.parametrize(
    ("method", "size", "text"),
    [
        (SUBMIT, 128 * 1024 + 1, "expected a request of at most 131072 bytes, found 131073"),
        (BATCH, 12 * MIB + 1, "expected a request of at most 12582912 bytes, found 12582913"),
        (BATCH, 17 * MIB, "SERVER: Received message larger than max (17825792 vs. 16777216)"),
    ],
)  # fmt: skip
def test_an_oversized_message_is_told_and_leaves_nothing(
    cluster: Cluster, method: str, size: int, text: str
) -> None:
    """By the node up to its bound and some more, beyond that by gRPC."""
    before = state_of(cluster)

    refused = refusal_of(lambda: cluster.raw(method, bytes(size)))

    if size > 16 * MIB:
        assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.text == text
    else:
        assert refused == Refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"{text}: split it into smaller ones",
            "TOO_LARGE",
            "NOT_LOGGED",
        )
    assert_unchanged(cluster, before)


def test_a_packed_message_is_as_large_as_what_it_holds(cluster: Cluster) -> None:
    """A bomb of gzip is refused while it is unpacked."""
    before = state_of(cluster)
    call = cluster.channel.unary_unary(BATCH)

    refused = refusal_of(
        lambda: call(bytes(64 * MIB), timeout=20, compression=grpc.Compression.Gzip)
    )

    assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused.text == "Decompressed message larger than max"
    assert_unchanged(cluster, before)


def test_a_batch_larger_than_an_entry_is_told_and_leaves_nothing(
    cluster: Cluster,
) -> None:
    """Rows that are each fine; together they do not fit the log's largest entry."""
    orders = [
        order(cluster, metadata={f"{n:02}": "x" * 500 for n in range(20)})
        for _ in range(900)
    ]
    before = state_of(cluster)

    with pytest.raises(
        NotLogged, match="expected a batch of at most 8388608 bytes"
    ) as no:
        cluster.client.submit_batch(orders)

    assert no.value.reason is Reason.TOO_LARGE
    assert_unchanged(cluster, before)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"account_id": new_account_id()}, "ACCOUNT_NOT_FOUND"),
        ({"amount_currency": "EUR"}, "CURRENCY_MISMATCH"),
        ({"rail": "us_ach"}, "LIVEMODE_MISMATCH"),
        ({"amount_units": MAX}, "INSUFFICIENT_FUNDS"),
    ],
)
def test_what_the_ledger_refuses_is_one_entry_that_says_so(
    cluster: Cluster, fields: dict[str, object], code: str
) -> None:
    """Committed, the money as before, the id spent: now and for every retry the same answer."""
    bad = order(cluster, **fields)
    before = state_of(cluster)

    refused = cluster.client.submit_order(bad)
    after = state_of(cluster)
    again = cluster.client.submit_order(bad)
    found = cluster.client.get(bad.payout_id)

    assert (refused.outcome, refused.refusal) == ("REFUSED", code)
    assert before.is_followed_by(after, entries=1), (before, after)
    assert before.index < refused.index <= after.index
    assert after.money == before.money
    assert (again.refusal, again.replayed, again.original_index) == (
        code,
        True,
        refused.index,
    )
    assert not found.HasField("payout")
    assert found.refused.index == refused.index
    assert state_of(cluster).money == before.money


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fund an unknown account", "ACCOUNT_NOT_FOUND"),
        ("fund in another currency", "CURRENCY_MISMATCH"),
        ("fund beyond 64 bits", "OVERFLOW"),
        ("transfer to an unknown account", "ACCOUNT_NOT_FOUND"),
        ("transfer between currencies", "CURRENCY_MISMATCH"),
        ("transfer more than there is", "INSUFFICIENT_FUNDS"),
        ("cancel an unknown payout", "PAYOUT_NOT_FOUND"),
    ],
)
def test_commands_that_the_ledger_refuses_move_nothing(
    cluster: Cluster, name: str, code: str
) -> None:
    """The rarer calls, by request id; `fund` leaves the bank's reference unused."""
    client, mine, theirs = cluster.client, cluster.dollars, cluster.euros
    nobody, bank = new_account_id(), {"bank": "main", "external_ref": new_request_id()}
    call = {
        "fund an unknown account": lambda: client.fund(nobody, 1, "USD", **bank),
        "fund in another currency": lambda: client.fund(mine, 1, "EUR", **bank),
        "fund beyond 64 bits": lambda: client.fund(mine, MAX, "USD", **bank),
        "transfer to an unknown account": lambda: client.transfer(
            mine, nobody, 1, "USD"
        ),
        "transfer between currencies": lambda: client.transfer(mine, theirs, 1, "USD"),
        "transfer more than there is": lambda: client.transfer(
            mine, cluster.other_dollars, MAX - 10**6, "USD"
        ),
        "cancel an unknown payout": lambda: client.cancel(new_payout_id()),
    }[name]
    before = state_of(cluster)

    refused = call()
    after = state_of(cluster)

    assert (refused.outcome, refused.refusal) == ("REFUSED", code)
    assert before.is_followed_by(after, entries=1), (before, after)
    assert before.index < refused.index <= after.index
    assert after.money == before.money


def test_one_id_eight_thousand_times_pays_once(cluster: Cluster) -> None:
    """A batch of one id: the first row is created, all others replay it."""
    one = order(cluster, amount_units=1)
    before = cluster.client.balance(cluster.dollars).balances.reserved_units

    results = cluster.client.submit_batch([one] * 8_192, deadline=30.0)

    # The first one too, if the whole call was repeated because nobody answered in time.
    assert results[0].outcome in ("CREATED", "REPLAYED")
    assert [result.outcome for result in results[1:]] == ["REPLAYED"] * 8_191
    assert {result.original_ordinal for result in results[1:]} == {0}
    after = cluster.client.balance(cluster.dollars).balances.reserved_units
    assert after == before + 1


def test_a_deadline_that_has_passed_logs_nothing(cluster: Cluster) -> None:
    """0 and less: told as certainly not logged, and it is so."""
    before = state_of(cluster)

    for deadline in (0.0, -1.0):
        with pytest.raises(NotLogged, match="not logged within the deadline"):
            cluster.client.submit_order(order(cluster), deadline=deadline)
        with pytest.raises(
            NotLogged, match=r"not logged within 0\.00 s and 0 attempts"
        ):
            cluster.client.cancel(new_payout_id(), deadline=deadline)

    assert_unchanged(cluster, before)


def test_callers_that_vanish_leave_whole_batches_or_none(cluster: Cluster) -> None:
    """Connections cut at every moment of a batch and a stream: an entry is never in part."""
    profile = cluster.client.profile
    leader = cluster.nodes.leader()
    assert leader is not None
    batches = []
    for pause_s in (0.0, 0.01, 0.03, 0.06, 0.1):
        orders = [order(cluster, amount_units=1) for _ in range(1_000)]
        batches += [orders[:500], orders[500:]]
        with channel_to(profile, leader) as channel:
            grpc.channel_ready_future(channel).result(timeout=10)
            stub = payouts_pb2_grpc.PayoutsStub(channel)
            stub.SubmitBatch.future(pb.SubmitBatchRequest(orders=orders[:500]))
            stub.SubmitStream(iter([pb.SubmitBatchRequest(orders=orders[500:])]))
            lasting(pause_s)  # where in the call it is cut is the point of it

    state_of(cluster)
    there = payouts_of(cluster.client, cluster.dollars)
    found = [sum(row.payout_id in there for row in rows) for rows in batches]

    assert set(found) <= {0, 500}
    assert_alive(cluster)


def payouts_of(client: Client, account: str) -> set[str]:
    """Return the ids of all payouts of an account."""
    found: set[str] = set()
    cursor = ""
    while True:
        page = client.list(account=account, page_size=1_000, cursor=cursor)
        found |= {payout.order.payout_id for payout in page.payouts}
        cursor = page.next_cursor
        if not cursor:
            return found


def assert_alive(cluster: Cluster) -> None:
    """Every node runs, and none has anything to tell that nobody foresaw."""
    assert None not in cluster.nodes.pids().values()
    for node_id in cluster.nodes.node_ids:
        log = cluster.nodes.log_path(node_id)
        for path in (log, log.with_name("stderr.log")):
            words = path.read_text()
            assert "Traceback" not in words
            assert '"level": "error"' not in words


@pytest.mark.parametrize(
    "requests_",
    [
        (),
        (b"",),
        (b"\xff\xff",),
        (b"\x0a\x00",),
        (b"", b"\x10\x01", b"\x0b"),
    ],
)
def test_a_stream_of_nothing_right_ends_and_leaves_nothing(
    cluster: Cluster, requests_: Sequence[bytes]
) -> None:
    """No request, empty ones, no messages: each is answered, or the stream ends as malformed."""
    before = state_of(cluster)
    call = cluster.channel.stream_stream(
        STREAM, response_deserializer=pb.SubmitStreamReply.FromString
    )(iter(requests_), timeout=10)

    replies: list[pb.SubmitStreamReply] = []
    if b"\xff\xff" in requests_ or b"\x0b" in requests_:
        with pytest.raises(grpc.RpcError, match="expected a message of this call: "):
            replies.extend(call)
    else:
        replies.extend(call)
        assert len(replies) == len(requests_)

    assert {reply.error.outcome for reply in replies} <= {"NOT_LOGGED"}
    assert_unchanged(cluster, before)
    assert_alive(cluster)


@pytest.mark.parametrize("listener", ["api", "peer", "metrics"])
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01" + b"\xff" * 2_000,
        b"\0" * 100_000,
    ],
    ids=["nothing", "http", "tls", "zeros"],
)
def test_junk_on_a_port_harms_nobody(
    cluster: Cluster, listener: str, junk: bytes
) -> None:
    """Whoever knocks without a handshake is not heard."""
    before = state_of(cluster)

    for ports in cluster.nodes.ports().values():
        with socket.create_connection(("127.0.0.1", getattr(ports, listener))) as knock:
            knock.settimeout(5)
            try:
                knock.sendall(junk)
                knock.shutdown(socket.SHUT_WR)
                while knock.recv(65_536):
                    pass
            except OSError:
                continue  # refused in the middle, which is as good

    assert_unchanged(cluster, before)
    assert_alive(cluster)


# The command line


def ctl(
    cluster: Cluster, *arguments: str, output: str = "table"
) -> tuple[int, str, str]:
    """Run `ledgerctl`; return its exit code, and what it wrote to both outputs."""
    runner = CliRunner(env={"LEDGERCTL_CONFIG": str(cluster.nodes.profile_path)})
    done = runner.invoke(cli, ["--output", output, *arguments])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done.exit_code, done.stdout, done.stderr


def send(account: str, **changes: str) -> tuple[str, ...]:
    options = {
        "account": account,
        "amount-minor": "100",
        "currency": "USD",
        "rail": "sandbox",
        "name": "Some Payee",
        "routing-number": "021000021",
        "account-number": "1234567890",
        **changes,
    }
    pairs = ((f"--{name}", value) for name, value in options.items())
    return ("payout", "send", *(word for pair in pairs for word in pair))


def test_the_command_line_says_what_was_wrong_in_one_line(cluster: Cluster) -> None:
    """Refused before the log: exit code 3 (2 where no call was made), and nothing changed."""
    before = state_of(cluster)
    for arguments, exit_code, text in (
        (send("acct_x"), 3, 'account_id: expected acct_ and 26 characters of base 32'),
        (send(cluster.dollars, currency="usd"), 3, 'three capital letters, found "usd"'),
        (send(cluster.dollars, rail="pigeon"), 3, "rail: expected one of eu_sct, "),
        (send(cluster.dollars, **{"payout-id": A_ID}), 3, "payout_id: expected payout_"),
        (send(cluster.dollars, reference="x" * 141), 3, "0 .. 140 bytes of UTF-8"),
        (("payout", "get", "x"), 3, "payout_id: expected payout_ and 26"),
        (("payout", "get", new_payout_id()), 1, "NOT_FOUND: "),
        (("account", "list", "--cursor", "AAAA"), 3, "CURSOR_INVALID: "),
    ):  # fmt: skip
        for output in ("table", "json"):
            found = ctl(cluster, *arguments, output=output)
            assert found[0] == exit_code, (arguments, found)
            assert found[1] == ""
            assert text in found[2]
            assert found[2].startswith("error: ")
            assert found[2].count("\n") == 1
    for amount in ("0", "-1", str(2**63)):
        code, _, errors = ctl(
            cluster, *send(cluster.dollars, **{"amount-minor": amount})
        )
        assert code == 2
        assert f"{amount} is not in the range 1<=x<={MAX}" in errors

    assert_unchanged(cluster, before)


def test_a_refusal_on_the_command_line_is_1_and_moves_nothing(cluster: Cluster) -> None:
    """The code for people, the whole answer for programs."""
    before = state_of(cluster)

    for arguments, code in (
        (send(new_account_id()), "ACCOUNT_NOT_FOUND"),
        (send(cluster.dollars, currency="EUR"), "CURRENCY_MISMATCH"),
        (send(cluster.dollars, **{"amount-minor": str(MAX)}), "INSUFFICIENT_FUNDS"),
    ):
        table = ctl(cluster, *arguments)
        found = ctl(cluster, *arguments, output="json")

        assert table[:2] == (1, "")
        assert table[2].startswith(f"error: refused: {code}; the id is spent")
        assert table[2].count("\n") == 1
        assert found[0] == 1
        assert json.loads(found[1])["refusal"] == code

    assert state_of(cluster).money == before.money


WRONG_DIGIT = joined(changed(nacha(3), 4, 12, "9"))
HOSTILE = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "{}">]><Document>&x;</Document>'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (WRONG_DIGIT, "line 4, receiving bank: expected the check digit"),
        (
            joined(changed(nacha(3), 6, 33, "000000000001")),
            "line 6, total credits: expected 321, counted from the records, found 1",
        ),
        (
            joined(changed(nacha(3), 7, 44, "000000000001")),
            "line 7, total credits: expected 321, counted from the records, found 1",
        ),
        (gzip.compress(joined(nacha(3)))[:-9], "expected a whole gzip archive, found a dam"),
        (gzip.compress(bytes(200 * MIB)), "expected pain.001 XML, NACHA (101 in front) or"),
        (pain001().encode()[:-40], "expected well-formed XML, found unclosed token"),
        (
            HOSTILE.format("file:///etc/hostname").encode(),
            "found a DOCTYPE; nothing was expanded or fetched",
        ),
        (
            HOSTILE.format("http://127.0.0.1:{port}/").encode(),
            "found a DOCTYPE; nothing was expanded or fetched",
        ),
        (b"id,amount_minor\n\xff\xfe,1\n", "expected the column currency, found none"),
    ],
    ids=[
        *("check digit", "batch total", "file total", "cut gzip", "gzip bomb"),
        *("cut XML", "XML of a file", "XML of the network", "CSV"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_pays_nobody(
    cluster: Cluster, tmp_path: Path, content: bytes, text: str
) -> None:
    """Exit code 65, the place and the words; nothing submitted, and nobody called."""
    path = tmp_path / "payouts"
    before = state_of(cluster)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1]).encode()
        path.write_bytes(content.replace(b"{port}", port))

        code, printed, errors = ctl(
            cluster, "payout", "submit", str(path), "--account", cluster.dollars
        )
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()

    assert (code, printed) == (65, "")
    assert f"{path.name} is refused: " in errors
    assert text in errors
    assert errors.endswith("error: nothing was submitted\n")
    assert_unchanged(cluster, before)


def test_ledgerctl_itself_never_ends_in_a_traceback(cluster: Cluster) -> None:
    """The real command: bytes that are no text, and a terminal that is not for this text."""
    name = "[/bold] Zo\u00eb \u2602"
    cluster.client.open_account(currency="USD", livemode=False, owner_ref=name)
    base = [sys.executable, "-m", "ledgerd.cli.ledgerctl"]
    environment = {
        **os.environ,
        "LEDGERCTL_CONFIG": str(cluster.nodes.profile_path),
        "PYTHONIOENCODING": "ascii",
    }
    run = partial(
        subprocess.run, env=environment, capture_output=True, text=True, check=False
    )

    undecodable = run([*base, "account", "get", b"acct_\xff"])
    table = run([*base, "account", "list"])
    document = run([*base, "account", "list", "--output", "json"])

    assert undecodable.returncode == 2
    assert undecodable.stderr == (
        "error: expected arguments in UTF-8, found 'acct_\\udcff'\n"
    )
    assert (table.returncode, table.stderr) == (0, "")
    assert "[/bold] Zo\\xeb \\u2602" in table.stdout
    assert document.returncode == 0
    owners = {one["owner_ref"] for one in json.loads(document.stdout)["accounts"]}
    assert name in owners


# A queue that is full


def test_a_full_queue_refuses_at_once_and_what_it_refused_was_never_logged(
    tmp_path: Path,
) -> None:
    """A node whose disk hangs: what fits waits, what does not is refused and leaves no trace."""
    nodes = prepared(tmp_path / "full", 1, inbox_commands_max=8_192)
    disk = nodes.data_directory(1)
    with freezable(disk, tmp_path / "image", 256 * 1024**2):
        try:
            begin(nodes)
            with (
                Client.from_profile(nodes.profile_path) as client,
                channel_to(client.profile, 1) as channel,
            ):
                account = funded(client, "USD")
                look_at_a_full_queue(
                    Cluster(nodes, client, channel, account, account, account), disk
                )
        finally:
            thaw(disk)
            nodes.stop()


def look_at_a_full_queue(cluster: Cluster, disk: Path) -> None:
    """Fill the queue of the only node while its disk hangs, and ask for more."""
    client = cluster.client
    before = state_of(cluster)
    late = [order(cluster, amount_units=1) for _ in range(3)]
    hanging = order(cluster, amount_units=1)
    fitting = [order(cluster, amount_units=1) for _ in range(8_192)]
    refused, took_s = [], []

    freeze(disk)
    try:
        first = cluster.payouts.Submit.future(pb.SubmitRequest(order=hanging))
        until("the submit is under way", lambda: other_calls(client) == 1)
        second = filled_inbox(cluster, fitting)
        for one in late:
            began_at = time.monotonic()
            call = partial(cluster.payouts.Submit, pb.SubmitRequest(order=one))
            refused.append(refusal_of(call))
            took_s.append(time.monotonic() - began_at)
        commit = client.status().commit_index
    finally:
        thaw(disk)
    created = first.result(timeout=20)
    batch = second.result(timeout=20)
    after = state_of(cluster)
    later = [client.submit_order(one) for one in late]

    assert set(refused) == {
        Refusal(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "too many calls wait on this node; wait, then try again",
            "OVERLOADED",
            "NOT_LOGGED",
        )
    }
    assert min(took_s) < 1.0  # a busy machine may hold up one of them
    assert commit == before.index
    assert created.header.index == before.index + 1
    assert batch.header.index == after.index == before.index + 2
    assert [result.outcome for result in later] == ["CREATED"] * 3


def other_calls(client: Client) -> int:
    """Return how many calls are under way on the only node besides the one that asks."""
    return client.status().calls_in_flight - 1


def filled_inbox(cluster: Cluster, orders: Sequence[pb.PayoutOrder]) -> grpc.Future:
    """Return the call with so many orders as an inbox holds, once they wait in it.

    The call before it is under way, but may not have left the inbox yet. Then there is no room and
    this one is refused: as its caller is told, it waits and tries again.
    """
    request = pb.SubmitBatchRequest(orders=orders)

    def waits() -> grpc.Future | None:
        call = cluster.payouts.SubmitBatch.future(request)
        until("the batch waits or is refused", lambda: call.done() or is_full())
        if not call.done():
            return call
        assert call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, call.details()
        return None

    def is_full() -> bool:
        # The reads that a node makes by itself, for its gauges, wait behind the batch.
        return cluster.client.status().inbox_length >= len(orders)

    return until("the batch waits in the inbox", waits)


def test_z_every_directory_is_clean_at_the_end(cluster: Cluster) -> None:
    """Last, since it ends the nodes: chains, journals, balances and digests agree.

    At once: a leader that is told to stop hands over, and who leads then adds an entry.
    """
    before = state_of(cluster)
    assert_alive(cluster)
    cluster.nodes.kill()

    reports = []
    for node_id in cluster.nodes.node_ids:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ledgerd", "check", "--output", "json"),
                *("--data-dir", str(cluster.nodes.data_directory(node_id))),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        reports.append(json.loads(done.stdout))

    assert [report["findings"] for report in reports] == [[], [], []]
    assert {report["digest"] for report in reports} == {before.digest}
