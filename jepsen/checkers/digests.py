"""Equal digests at equal index, one leader a term, and nothing visible goes back.

Reads what the monitor noted of every node's own status, during the run and at its end. A node
that could not read its state in time says so by an empty digest: nothing is compared with that.
"""

from jepsen.checkers.verdict import Result
from jepsen.history import MONITOR, History, flag, number, text

FINDINGS_MAX = 20


def check_digests(history: History) -> Result:
    """Judge all statuses; at the end all nodes must stand at one index, equal."""
    result = Result("digests")
    by_index: dict[int, tuple[str, str]] = {}
    leaders: dict[int, str] = {}
    compared = unread = 0
    for event in history.of(MONITOR, "status"):
        node = event.node or "?"
        index, digest = number(event.v, "index"), text(event.v, "digest")
        if text(event.v, "role") == "LEADER":
            term = number(event.v, "term")
            leader = leaders.setdefault(term, node)
            if leader != node and len(result.findings) < FINDINGS_MAX:
                result.invalid(f"term {term} has leaders {leader} and {node}", event.i)
        if not digest:
            unread += 1
            continue
        first = by_index.setdefault(index, (digest, node))
        compared += first[1] != node
        if first[0] != digest and len(result.findings) < FINDINGS_MAX:
            result.invalid(
                f"at index {index} {first[1]} has digest {first[0][:16]}, {node} has"
                f" {digest[:16]}",
                event.i,
            )
    _check_end(history, result)
    result.numbers["compared"] = compared
    result.numbers["unread"] = unread
    result.numbers["terms led"] = len(leaders)
    return result


def _check_end(history: History, result: Result) -> None:
    """After the last fault was healed all nodes come to rest at one index."""
    final = {
        event.node or "?": (number(event.v, "index"), text(event.v, "digest"))
        for event in history.of(MONITOR, "status")
        if flag(event.v, "final")
    }
    nodes: list[str] = []
    for event in history.of("rig", "cluster"):
        value = event.v.get("nodes")
        if isinstance(value, list | tuple):
            nodes = [str(node) for node in value]
    missing = [node for node in nodes if node not in final]
    if missing or not nodes:
        result.unknown(f"no final status of {', '.join(missing) or 'any node'}")
        return
    unread = [node for node, (_, digest) in sorted(final.items()) if not digest]
    if unread:
        result.unknown(f"no digest in the final status of {', '.join(unread)}")
    elif len({index for index, _ in final.values()}) > 1:
        result.unknown(f"the nodes did not come to rest at one index: {final}")
