"""Names of rails and their numbers, as the node that a call came to knows them.

The twelve of the seed are always known. Others are brought by records of the catalogue: the server
looks for them once a second and after each `SetCatalogue` that it takes, and puts what it knows
beside the call, so that requests are read and answers written without a look at the state.
"""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

from ledgerd.api.handle import NodeHandle
from ledgerd.errors import CallError
from ledgerd.ledger.catalogue import Catalogue
from ledgerd.storage.reader import StateReader

_LOOK_EVERY_S: Final = 1.0
_LOOK_S: Final = 2.0


class RailNames:
    """What one node knows. `numbers` is by name; a name or number never means another rail."""

    def __init__(self, node: NodeHandle | None = None) -> None:
        self._node = node
        self._applied = 0
        self.numbers: Mapping[str, int] = {}
        self._names: Mapping[int, str] = {}
        self._learn(Catalogue())

    def name(self, number: int) -> str:
        """Return the name of a rail; a word with its number for one not heard of yet."""
        return self._names.get(number, f"rail-{number}")

    async def look(self, at_least: int = 0) -> None:
        """Learn what records have brought by the index `at_least`, if the state can be read."""
        node = self._node
        if node is None:
            return

        def query(reader: StateReader) -> tuple[int, Catalogue | None]:
            applied = reader.applied()
            is_news = applied != self._applied
            return applied, reader.catalogue() if is_news else None

        deadline = asyncio.get_running_loop().time() + _LOOK_S
        try:
            _, (applied, catalogue) = await node.read(
                query, at_least=at_least, deadline=deadline
            )
        except CallError:
            return  # it looks again
        # A look that was slow comes behind a newer one, and knows less.
        if catalogue is not None and applied > self._applied:
            self._applied = applied
            self._learn(catalogue)

    async def run(self) -> None:
        """Look again and again. Endless."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _learn(self, catalogue: Catalogue) -> None:
        self.numbers = catalogue.names()
        self._names = {number: name for name, number in self.numbers.items()}


_SEED: Final = RailNames()
_CURRENT: Final[ContextVar[RailNames]] = ContextVar("rail_names", default=_SEED)


def known() -> RailNames:
    """Return what the node of this call knows; the seed outside of any call."""
    return _CURRENT.get()


def begin(names: RailNames) -> None:
    """Let this call, and what it starts, use these names."""
    _CURRENT.set(names)
