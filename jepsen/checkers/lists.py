"""The lists of all payouts that every node gave at the end."""

from jepsen import wire
from jepsen.history import OK, History, flag, rows
from jepsen.wire import PayoutSeen


def final_lists(history: History) -> dict[str, list[PayoutSeen]]:
    """Return the rows of each node's final list; a list without its end is left out."""
    lists: dict[str, list[PayoutSeen]] = {}
    complete: set[str] = set()
    for op in history.client_ops(wire.LIST):
        node = op.invoke.node
        if op.type != OK or node is None or not flag(op.invoke.v, "final"):
            continue
        seen = lists.setdefault(node, [])
        seen += [PayoutSeen(row) for row in rows(op.answer, "rows")]
        if not flag(op.answer, "more"):
            complete.add(node)
    return {node: seen for node, seen in lists.items() if node in complete}
