"""One row of state/, looked at by itself and beside the rows that it must agree with.

Checksums cover values, so a key with a flipped bit is found by what other rows say: a payout leads
to the id that leads back to it; see also `ties`.
"""

from ledgerd.formats import leaves, memberships, records
from ledgerd.formats.records import Table
from ledgerd.ledger.identity import IdKind
from ledgerd.limits import ID_BYTES
from ledgerd.replica.tree import parent_hash
from ledgerd.storage import account_ties, applied, keys, ties
from ledgerd.storage.tables import Tables


def check_row(tables: Tables, table: Table, key: bytes, value: bytes) -> None:
    """Return if the row is intact. Errors: CorruptionError, naming table and key."""
    match table:
        case Table.PAYOUT:
            _check_payout(tables, key, value)
        case Table.PAYOUT_STATE:
            status = records.decode_payout_status(key, value)
            ties.check_payout_status(tables, key, status)
        case Table.JOURNAL:
            ties.check_journal(tables, key, records.decode_journal(key, value))
        case Table.EVENT:
            ties.check_event(tables, key, records.decode_event(key, value))
        case Table.EVENT_SEEK:
            position = records.decode_event_seek(key, value)
            ties.check_event_seek(tables, key, position)
        case Table.ACCOUNT:
            ties.check_account(tables, records.decode_account(key, value))
        case Table.ACCOUNT_MARK:
            mark = records.decode_account_mark(key, value)
            ties.check_account_mark(tables, key, mark)
        case Table.INTERNAL:
            records.internal_of(key)
            records.decode_internal(key, value)
        case Table.ID:
            _check_id(tables, key, value)
        case Table.REQUEST:
            records.decode_request(key, value)
        case Table.EVIDENCE:
            if key.startswith(records.EVIDENCE_PREFIX):
                records.decode_evidence(key, value)
            else:
                records.decode_external_ref(key, value)
        case Table.RAIL_KEY:
            records.decode_rail_key(key, value)
        case Table.EXCEPTION:
            records.decode_exception(key, value)
        case Table.READY:
            records.ready_of(key)
            records.decode_ready(key, value)
        case Table.REVERSAL:
            account_ties.check_reversal(tables, key, value)
        case Table.HOLD:
            account_ties.check_hold(tables, key, value)
        case Table.UNDER_WAY:
            account_ties.check_under_way(tables, key, value)
        case Table.VOUCHER:
            account_ties.check_voucher(tables, key, value)
        case Table.CONFIG:
            ties.check_setting(key, records.decode_setting(key, value))
        case Table.WINDOW:
            account_ties.check_window(tables, key, value)
        case Table.TIMER:
            account_ties.check_timer(tables, key, value)
        case Table.META:
            _check_meta(key, value)
        case Table.PAYOUT_PAST:
            records.decode_payout_past(key, value)
        case Table.TREE:
            check_tree_row(tables, key, value)


def check_tree_row(tables: Tables, key: bytes, value: bytes) -> None:
    """Return if a leaf stands at its number, or a node is the root of the two below it.

    Errors: CorruptionError, naming table and key.
    """
    level, number = leaves.tree_position(key)
    if level == 0:
        leaf, first = leaves.decode_leaf(key, value), tables.leaf(0)
        if first is None or leaf.index != first.index + number:
            raise ties.lonely(
                Table.TREE, key, f"a leaf of index {leaf.index}, out of its place"
            )
        return
    below = (tables.tree_node(level - 1, 2 * number + right) for right in (0, 1))
    if leaves.decode_node(key, value) != parent_hash(*below):
        raise ties.lonely(Table.TREE, key, "it is not the root of the two below it")


def _check_payout(tables: Tables, key: bytes, value: bytes) -> None:
    head = records.decode_payout(key, value)
    kept = tables.id(IdKind.PAYOUT, head.payout_id)
    if kept is None or kept.refusal or (kept.index, kept.ordinal) != head.position:
        raise ties.lonely(Table.PAYOUT, key, "its id does not lead back to it")


def _check_id(tables: Tables, key: bytes, value: bytes) -> None:
    kept = records.decode_id(key, value)
    if kept.refusal:
        return
    if key[ID_BYTES] == IdKind.HOLD:
        hold = tables.hold((kept.index, kept.ordinal))
        if hold is None or hold.hold_id != key[:ID_BYTES]:
            raise ties.lonely(Table.ID, key, "no hold of this id stands where it says")
    if key[ID_BYTES] != IdKind.PAYOUT:
        return
    head = tables.payout_head((kept.index, kept.ordinal))
    if head is None or head.payout_id != key[:ID_BYTES]:
        raise ties.lonely(Table.ID, key, "no payout of this id stands where it says")


def _check_meta(key: bytes, value: bytes) -> None:
    ties.check_meta_key(key)
    if key == keys.APPLIED:
        applied.unpack(value)
    elif key == memberships.META_MEMBERSHIP:
        memberships.decode_membership(value)
    elif key == records.META_EVENT_SEQ:
        records.decode_event_seq(key, value)
