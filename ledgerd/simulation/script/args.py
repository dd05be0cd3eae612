"""The arguments of one command: taken one by one, and none may be left over."""

from collections.abc import Collection
from typing import Final, get_args

from ledgerd.raft.entries import NodeId
from ledgerd.raft.messages import EarlyMessage, LateMessage
from ledgerd.simulation.script.text import Block, ScriptError, values_in

_CLASSES: Final = tuple(
    sorted(each.__name__ for each in (*get_args(EarlyMessage), *get_args(LateMessage)))
)


class Args:
    """What a block says after its name. Each method takes something; `done` finds leftovers."""

    def __init__(self, path: str, block: Block, known: Collection[NodeId]) -> None:
        self._path = path
        self._block = block
        self._known = known
        self._words = list(block.words)
        self._options = dict(block.options)
        self._input = list(block.input)

    def fault(self, problem: str) -> ScriptError:
        """Return the error that names the file, the line and the command."""
        return ScriptError(
            self._path, self._block.line, f"{self._block.name}: {problem}"
        )

    @property
    def has_words(self) -> bool:
        """Whether a positional word is left."""
        return bool(self._words)

    # Words.

    def word(self, what: str) -> str:
        """Take the next word."""
        if not self._words:
            raise self.fault(f"the {what} is missing")
        return self._words.pop(0)

    def number(self, what: str) -> int:
        """Take the next word as a number that is not negative."""
        return self._number(self.word(what), what)

    def node(self, what: str = "node") -> NodeId:
        """Take the next word as a node of this script."""
        return self._node(self.word(what))

    def nodes(self) -> list[NodeId]:
        """Take all words as nodes, `1 2` or `(1,2)`; without one, all nodes."""
        if not self._words:
            return list(self._known)
        found = [self._node(value) for word in self._words for value in values_in(word)]
        self._words = []
        return found

    def groups(self) -> list[list[NodeId]]:
        """Take all words as groups of nodes."""
        groups = [[self._node(v) for v in values_in(word)] for word in self._words]
        self._words = []
        return groups

    # Options.

    def has(self, key: str) -> bool:
        """Whether the option stands there and was not taken."""
        return key in self._options

    def option(self, key: str, default: str) -> str:
        """Take an option with one value."""
        values = self._options.pop(key, (default,))
        if len(values) != 1:
            raise self.fault(f"{key}= takes one value, not {len(values)}")
        return values[0]

    def count(self, key: str, default: int) -> int:
        """Take an option that is a number."""
        return self._number(self.option(key, str(default)), f"{key}=")

    def flag(self, key: str, *, default: bool) -> bool:
        """Take an option that is true or false."""
        word = self.option(key, "true" if default else "false")
        if word not in ("true", "false"):
            raise self.fault(f"{key}= is true or false, not {word!r}")
        return word == "true"

    def message_class(self) -> str | None:
        """Take type=, the class of message that a command is about; None: of every class."""
        if "type" not in self._options:
            return None
        name = self.option("type", "")
        if name not in _CLASSES:
            raise self.fault(f"type= is one of {', '.join(_CLASSES)}, not {name!r}")
        return name

    def ids(self, key: str) -> tuple[NodeId, ...]:
        """Take an option that lists node ids, of this script or not yet."""
        return tuple(
            sorted(NodeId(self._number(v, key)) for v in self._options.pop(key, ()))
        )

    def counts(self, key: str) -> tuple[int, ...]:
        """Take an option that lists numbers, in the order they stand."""
        return tuple(self._number(v, key) for v in self._options.pop(key, ()))

    def peer(self, key: str) -> NodeId:
        """Take an option that is one node of this script."""
        return self._node(self.option(key, ""))

    # The rest.

    def input(self) -> list[str]:
        """Take the input lines."""
        taken, self._input = self._input, []
        return taken

    def done(self) -> None:
        """Raise ScriptError if anything was not taken."""
        if self._words:
            raise self.fault(f"does not know what {self._words[0]!r} is for")
        if self._options:
            raise self.fault(f"has no option {min(self._options)}=")
        if self._input:
            raise self.fault(f"takes no input, but {self._input[0]!r} follows")

    def _number(self, word: str, what: str) -> int:
        if not word.isascii() or not word.isdecimal():
            raise self.fault(f"{what} is a number, not {word!r}")
        return int(word)

    def _node(self, word: str) -> NodeId:
        node_id = NodeId(self._number(word, "a node"))
        if node_id not in self._known:
            raise self.fault(f"there is no node {word}; add-nodes made {self._made()}")
        return node_id

    def _made(self) -> str:
        return f"1..{len(self._known)}" if self._known else "none yet"
