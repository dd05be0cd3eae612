"""Has gRPC read its connections in the thread that hands messages over; before gRPC is used.

Otherwise gRPC's event engine reads in a thread of its own and passes what came through a pool: two
threads more to wake for each message. With three nodes on two cores that is a sixth of what one
caller waits for. Source: docs/decisions/0017-what-one-caller-pays.md, with what was measured.
"""

import os
from typing import Final

VARIABLE: Final = "GRPC_EXPERIMENTS"
OWN_THREAD: Final = "-event_engine_client,-event_engine_listener"
STRATEGY: Final = "GRPC_POLL_STRATEGY"


def read_in_own_thread() -> None:
    """Set it for the life of the process, and of those that it starts.

    What an operator has put into the variable stays as it is. So does all of it where the way of
    polling was chosen: without the event engine and with `poll`, a client connects to nobody.
    A gRPC that no longer knows one of the names says so on standard error, and goes on as it is
    used to.
    """
    if STRATEGY not in os.environ:
        os.environ.setdefault(VARIABLE, OWN_THREAD)
