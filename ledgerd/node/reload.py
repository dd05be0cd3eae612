"""Reading the configuration again at SIGHUP: what may change while the node runs, changes (F27)."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from ledgerd.errors import ConfigError
from ledgerd.observability import logs

log = logs.get(__name__)

Config = TypeVar("Config")


class Reload(Generic[Config]):
    """Reads a configuration anew whenever it is asked to. Belongs to the loop.

    load: reads and checks the file; raises ConfigError. Called beside the loop.
    take: puts a configuration in force as far as it goes; on the loop.
    """

    def __init__(
        self, load: Callable[[], Config], take: Callable[[Config], None]
    ) -> None:
        self._load = load
        self._take = take
        self._is_asked = asyncio.Event()

    def ask(self) -> None:
        """Read it soon; several wishes that wait are one."""
        self._is_asked.set()

    async def run(self) -> None:
        """Read it each time that it is asked for. A file that is wrong changes nothing."""
        while True:
            await self._is_asked.wait()
            self._is_asked.clear()
            try:
                config = await asyncio.to_thread(self._load)
            except ConfigError as error:
                log.error("configuration_not_reloaded", why=str(error))
            else:
                self._take(config)
