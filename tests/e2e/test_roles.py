"""Roles of a real cluster: set once, obeyed by every node, and by those that come back. 2.7."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ledgerd.api.v1 import settings_pb2
from ledgerd.cli.ctl.root import cli
from ledgerd.cli.dev_cluster import DevCluster
from ledgerd.client import Client, NotLogged, Outcome
from ledgerd.client.profile import Profile
from ledgerd.errors import Reason
from ledgerd.security import pki
from ledgerd.security.identity import Role
from tests.e2e.test_cluster import check_directory, funded_account, submit
from tests.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture
def leaver(cluster: DevCluster, tmp_path: Path) -> Profile:
    """The profile of a client whose certificate says submitter and auditor."""
    roles = [Role.SUBMITTER, Role.AUDITOR]
    files = pki.issue_client(cluster.directory / "pki", "leaver", roles, out=tmp_path)
    return replace(
        Profile.load(cluster.profile_path),
        ca=files.ca,
        certificate=files.certificate,
        key=files.key,
    )


def audits(profile: Profile) -> dict[int, str]:
    """What each node answers an auditor's call, from its own state: "" or the reason."""
    found = {}
    for endpoint in profile.endpoints:
        with Client(replace(profile, endpoints=(endpoint,))) as client:
            try:
                client.limits(at_least=0, deadline=10.0)
                found[endpoint.node_id] = ""
            except NotLogged as error:
                found[endpoint.node_id] = error.reason.value
    return found


YES, NO = "", Reason.ROLE_MISSING.value


def everywhere(profile: Profile, answer: str) -> bool:
    """Wait until every node gives this answer; return whether none goes back on it."""
    all_say = dict.fromkeys((1, 2, 3), answer)
    until(f"every node says {answer or 'yes'}", lambda: audits(profile) == all_say)
    return (NO if answer == YES else YES) not in audits(profile).values()


def ctl(cluster: DevCluster, *arguments: str) -> Result:
    """Run ledgerctl as the client whose certificate has every role."""
    options = ("--config", str(cluster.profile_path), "roles", "set")
    return CliRunner().invoke(cli, [*options, "--source", "board", *arguments])


def test_a_role_that_was_taken_is_taken_on_every_node_for_good(
    cluster: DevCluster, client: Client, leaver: Profile
) -> None:
    """Through a kill of the leader and a stop of all; what is left of the roles still works."""
    account = funded_account(client)
    before = audits(leaver)
    until(
        "roles are understood",
        lambda: ctl(cluster, "--grant", "leaver=submitter").exit_code == 0,
    )
    taken = everywhere(leaver, NO)
    with Client(leaver) as own:
        first = submit(own, account)
        leader = cluster.leader()
        assert leader is not None
        cluster.kill(leader)
        second = submit(own, account)
    cluster.start(leader)
    cluster.wait_ready()
    stays = everywhere(leaver, NO)
    cluster.stop()
    cluster.start()
    cluster.wait_ready()
    kept = everywhere(leaver, NO)

    locked = ctl(cluster, "--grant", "dev=auditor")
    unseen = ctl(cluster, "--none", "--expected-version", "0")
    given_back = ctl(cluster, "--none", "--expected-version", "1")
    again = everywhere(leaver, YES)

    later_us = int(time.time() * 1_000_000) + 5_000_000
    nothing = [settings_pb2.Grant(principal="leaver")]
    planned = client.set_roles(
        nothing, source="board", effective_from_us=later_us, deadline=20.0
    )
    # Nobody writes meanwhile: the cluster by itself brings log time there.
    flipped = everywhere(leaver, NO)
    cluster.stop()

    assert before == dict.fromkeys((1, 2, 3), YES)
    assert all((taken, stays, kept, again))
    assert {first.outcome, second.outcome} <= {Outcome.CREATED, Outcome.REPLAYED}
    assert (locked.exit_code, "ADMIN_LOCKED_OUT" in locked.output) == (1, True)
    assert (unseen.exit_code, "VERSION_MISMATCH" in unseen.output) == (1, True)
    assert given_back.exit_code == 0
    assert flipped
    assert planned.outcome in (Outcome.CREATED, Outcome.REPLAYED)
    assert [check_directory(cluster, n)["findings"] for n in (1, 2, 3)] == [[], [], []]
