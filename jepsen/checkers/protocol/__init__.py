"""Protocol events judged from files alone: the invariants of consensus, a second time.

Nothing here knows the product. What an event holds stands in docs/reference/protocol-events.md.
"""
