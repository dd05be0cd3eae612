"""Nodes at rest: all that any of them has in its log is applied and settled on every one."""

from collections.abc import Collection

from ledgerd.api.v1.admin_pb2 import StatusReply


def rest_of(statuses: Collection[StatusReply]) -> set[tuple[int, str]]:
    """Return (index, digest) of the nodes if they stand at one index; nothing if they do not.

    That readers see one index everywhere is not enough: what a leader answered a moment ago is
    settled by none of them yet.
    """
    indexes = {
        index for one in statuses for index in (one.last_index, one.visible_index)
    }
    if len(indexes) > 1 or not all(one.digest for one in statuses):
        return set()  # a node that cannot read its state in time tells no digest of it
    return {(one.visible_index, one.digest) for one in statuses}
