"""Tasks that a client has left on its loop."""

import asyncio
from typing import Final

# Ends when gRPC's core has told of the end of a stream: after `cancel` that is a moment later, and
# on a busy machine behind all that a test looks at.
_OF_GRPC: Final = "_AioCall._handle_status_once_received"


def left_behind() -> list[str]:
    """Return what runs beside the current task, but for what is gRPC's own."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    names = [getattr(task.get_coro(), "__qualname__", repr(task)) for task in others]
    return [name for name in names if name != _OF_GRPC]
