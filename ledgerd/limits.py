"""Every bound of ledgerd, in one place, with the relations between them asserted at import.

Unit last: `_bytes`, `_commands`, `_ms`; a bound without a unit is a count.
A bound here is part of a protocol or of a durable format; what an operator may tune is in `config`.
"""

# The batch: the unit of work from the client to the disk.
BATCH_COMMANDS_MAX = 8192  # rows of one log entry; an ordinal fits 16 bits
ORDINAL_MAX = 0xFFFF
# The variable part of one payout: destination, reference, metadata. 50 keys with values of the
# largest size fit; under state versions before 3 only a part of them did.
DETAILS_BYTES_MAX = 32 * 1024
DETAILS_BYTES_MAX_BEFORE_3 = 16 * 1024
ENTRY_BYTES_MAX = 8 * 1024 * 1024  # payload of one log entry
REQUEST_BYTES_MAX = 12 * 1024 * 1024  # one gRPC message of the public API
CALL_BYTES_MAX = 128 * 1024  # one that is no batch; 1,000 fee rules are the largest
ORDER_BYTES_MAX = 64 * 1024  # one order of a batch, as a message
PEER_MESSAGE_BYTES_MAX = 12 * 1024 * 1024  # one gRPC message between nodes

# The turn (raft.md 1.6, T94).
TURN_BYTES_MAX = 4 * 1024 * 1024  # persisted in one turn, except one larger entry alone
TURN_COMMANDS_MAX = 8192  # taken from the inbox for one turn
# Decided, recorded or settled in one turn; an entry is not split. Three nodes on two cores take
# 150 ms for a step of 8,192, and nobody hears a heartbeat meanwhile (decision 28).
PAGE_COMMANDS_MAX = 1_000
# What a follower puts off at most; with more it would have much to do when it is to lead, and who
# was down has a long log to fold.
PUT_OFF_ENTRIES_MAX = 16
PUT_OFF_BYTES_MAX = 4096

# Queues. Each says at its definition what happens when it is full.
INBOX_COMMANDS_MAX = 65_536
INBOX_BYTES_MAX = 64 * 1024 * 1024
INBOX_MESSAGES_MAX = 4_096
PEER_QUEUE_MESSAGES_MAX = 512
PEER_QUEUE_BYTES_MAX = 32 * 1024 * 1024
READS_WAITING_MAX = 16_384

# Money.
AMOUNT_MINOR_MAX = 2**63 - 1

# Identifiers and text.
ID_BYTES = 16
PRINCIPAL_BYTES_MAX = 128
REFERENCE_BYTES_MAX = 140
NAME_BYTES_MAX = 140
OWNER_REF_BYTES_MAX = 128
ACCOUNT_CLASS_BYTES_MAX = 32
EXTERNAL_REF_BYTES_MAX = 64
METADATA_KEYS_MAX = 50
METADATA_KEY_BYTES_MAX = 40
METADATA_VALUE_BYTES_MAX = 500
RAIL_NAME_BYTES_MAX = 32

# Fees.
FEE_RULES_MAX = 1_000  # of one schedule
QUOTE_VALID_US_MAX = 7 * 24 * 3600 * 1_000_000  # of log time
FEES_AS_OF_BYTES_MAX = 32

# Rails.
CATALOGUE_RAILS_MAX = 64  # of one command
RAIL_WINDOWS_MAX = 24  # of one business day
RAIL_FACTS_MAX = 64
RAIL_FACT_BYTES_MAX = 256  # one source, as text
CALENDAR_NAME_BYTES_MAX = 32
CALENDAR_DAYS_MAX = 2_048  # closed days beside the weekend: a century of any rail
RAIL_CODE_BYTES_MAX = 35  # every scheme's codes are shorter
LEASE_US_MAX = 24 * 3600 * 1_000_000  # of log time

# Limits and risk rules: of one version.
LIMITS_MAX = 1_000
# Each payout is counted in every window of its currency, so they are few. A limit that names an
# account shares the window of the others of its kind and length.
LIMIT_WINDOWS_MAX = 16  # of one currency
RULES_MAX = 100
RULE_NAME_BYTES_MAX = 40
RULE_DESTINATIONS_MAX = 2_000  # blocked ones, of all rules together
RULE_BANKS_MAX = 1_000
RULE_BANK_BYTES_MAX = 35
WINDOW_US_MAX = 366 * 24 * 3600 * 1_000_000  # of log time

# Roles of clients: of one version.
ROLE_GRANTS_MAX = 1_000

# Holds and entries that people write out.
HOLD_TTL_US_MAX = 400 * 24 * 3600 * 1_000_000  # of log time
ENTRY_LEGS_MAX = 32

# Storage.
LMDB_KEY_BYTES_MAX = 511
PAGE_ROWS_MAX = 1_000  # rows of one list page
STALE_AGE_MS_MAX = 24 * 3600 * 1_000  # the oldest state that a read may ask for by age

# Idempotency: request ids are kept at least this long in log time (ledger.md 6).
REQUEST_ID_RETENTION_US = 35 * 24 * 3600 * 1_000_000

assert BATCH_COMMANDS_MAX <= ORDINAL_MAX + 1
assert BATCH_COMMANDS_MAX <= INBOX_COMMANDS_MAX
assert TURN_COMMANDS_MAX >= BATCH_COMMANDS_MAX
assert ENTRY_BYTES_MAX < PEER_MESSAGE_BYTES_MAX
assert ENTRY_BYTES_MAX < REQUEST_BYTES_MAX
assert DETAILS_BYTES_MAX < ORDER_BYTES_MAX < CALL_BYTES_MAX < REQUEST_BYTES_MAX
assert ENTRY_BYTES_MAX <= PEER_QUEUE_BYTES_MAX
assert INBOX_BYTES_MAX >= ENTRY_BYTES_MAX
assert (
    METADATA_KEYS_MAX * (METADATA_KEY_BYTES_MAX + METADATA_VALUE_BYTES_MAX + 3)
    + (NAME_BYTES_MAX + REFERENCE_BYTES_MAX)
    < DETAILS_BYTES_MAX - 1024
), "what the edge takes one by one fits together"
