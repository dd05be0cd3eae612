"""Consensus as a state machine without I/O: how to drive it.

`RaftCore` (in `core`) orders entries on a set of nodes that those entries change. It has no
thread, clock, random source, file or socket. Its owner tells it what happened and does what it
wants:

    core = RaftCore(node_id, options=..., membership=state.membership(), log=store,
                    hard_state=store.hard_state(), applied=state.applied(),
                    jitter=..., link=..., encode_change=...)
    while True:
        for item in wait_for_inputs():            # in order of arrival; ticks stand among them
            core.step(message)                    # or one of
            core.tick(elapsed, missed)            #   tick, propose, change, read, note
        for _ in range(2):                        # the second round tells what the first decided
            ready = core.ready()
            if ready is None:
                break
            send(ready.send_early)                # may leave before the write (C2)
            store.persist(ready)                  # one transaction, one sync (C1); or the end (T8)
            core.persisted(ready.ticket)          # own vote and own ack count from here (C3)
            send(ready.send_after)                # rests on what is durable now (C2)
            resolve(ready.reads, ready.reads_failed, ready.lost_from, ready.role_change)
            pages.extend([ready.apply] if ready.apply else [])
        for first, last in pages:                 # committed and durable, in order, once (C4)
            for entry in core.entries(first, last, bytes_max):
                state.apply(entry)                # the applied index in the same transaction
                if entry.kind is MEMBERSHIP:      # in force here and nowhere else (T53)
                    core.apply_change(entry.index, decoded(entry.payload))
            core.applied(entry.index)             # in steps, if a page is too much for one turn

The duties of the owner are the contract of `Ready`, in `ready`. Tickets are acknowledged in
order; several may be in flight. An `AssertionError` or a `CorruptionError` out of the core is the
end of the process: something is wrong that going on would spread.

A proposal is named by term and index. It came true when the entry applied at its index has its
term. `lost_from` says which waiting ones nobody can vouch for any more: their callers are told
"unknown", never "failed" (T65).

Who knows what: `entries` and `messages` the nouns, `facts` what a caller may note, `membership`
who takes part, `changes` how that becomes another one, `requests` what operators ask for,
`reconfiguration` what follows from it, `quorum` the arithmetic, `log` the tail that is not
durable yet, `progress` one peer as its leader sees it, `elections`, `replication` and `reads`
the decisions, `roles` the state they act on, `dispatch` what each message does, `core` the
calls, `describe` one line for everything.
"""
