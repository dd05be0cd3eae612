"""Whether anybody listens where a peer was: the one question that quick suspicion rests on (F4).

A connection that is refused proves that the process is gone while its machine runs. Silence proves
nothing: it may be the network, so it is told apart.
"""

import asyncio
from typing import Final

_ATTEMPT_S: Final = 0.1
_AGAIN_S: Final = 0.01  # a dying process may close its listener last
_ATTEMPTS: Final = 2


async def is_refused(address: str) -> bool:
    """Return whether `address`, host:port, refuses connections; False if it is silent."""
    host, _, port = address.rpartition(":")
    for attempt in range(_ATTEMPTS):
        if attempt:
            await asyncio.sleep(_AGAIN_S)
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except ConnectionRefusedError:
            return True
        except (OSError, TimeoutError):
            return False
        writer.transport.abort()
    return False
