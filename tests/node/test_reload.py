"""The configuration is read again whenever somebody asks, and a wrong file changes nothing."""

import asyncio

from ledgerd.errors import ConfigError
from ledgerd.node.reload import Reload


def test_what_is_read_is_taken_and_what_is_wrong_is_not() -> None:
    """Each wish reads the file anew; those that wait together are one."""
    files: list[str] = ["first", "", "third"]
    taken: list[str] = []

    def load() -> str:
        if not (found := files.pop(0)):
            raise ConfigError("expected something, found nothing")
        return found

    async def run() -> None:
        reload = Reload(load, taken.append)
        task = asyncio.create_task(reload.run())
        async with asyncio.timeout(5):
            for left in (2, 1, 0):
                reload.ask()
                reload.ask()
                while len(files) > left:  # noqa: ASYNC110 - read in another thread
                    await asyncio.sleep(0)
            while len(taken) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
        task.cancel()

    asyncio.run(run())

    assert taken == ["first", "third"]
    assert files == []
