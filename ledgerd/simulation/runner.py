"""Running seeds: one, or many on several processes; the verdict of each, and what they reached."""

import dataclasses
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from ledgerd.raft.marks import MARKS
from ledgerd.simulation.cluster import Simulation
from ledgerd.simulation.cut import WHOLE, Cut
from ledgerd.simulation.real_disk import suited
from ledgerd.simulation.swarm import Setup, draw
from ledgerd.simulation.trace import Line, Trace
from ledgerd.simulation.verdict import Kind, Violation

# A clone of the repository may stand in a directory of the same name.
_PACKAGE: Final = f"{Path(__file__).resolve().parents[1]}/"
_OWN: Final = f"{_PACKAGE}simulation/"


@dataclass(frozen=True, slots=True)
class Result:
    """How one seed ended, and what it did on the way.

    invariant: id of what is broken; for a crash the exception and where it came from.
    trace_hash: SHA-256 over all events. marks, faults: how often each rare path was taken and
    each kind of fault injected.
    """

    seed: int
    kind: Kind
    invariant: str
    text: str
    trace_hash: str
    events: int
    simulated_ns: int
    committed: int
    answered: int
    reads: int
    elections: int
    marks: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return self.kind is Kind.GOOD

    @property
    def signature(self) -> tuple[Kind, str]:
        """What makes two failures the same one, for shrinking."""
        return self.kind, self.invariant


def run_seed(
    seed: int,
    cut: Cut = WHOLE,
    *,
    sink: Callable[[Line], None] | None = None,
    is_real: bool = False,
) -> Result:
    """Run a seed, or what a cut leaves of it. sink: is given every event.

    is_real: one node over real LMDB environments in a temporary folder (`real_disk`).
    """
    if not is_real:
        return _run(draw(seed), cut, Trace(sink), None)
    with tempfile.TemporaryDirectory(prefix="ledgerd-simulate-") as folder:
        return _run(suited(draw(seed)), cut, Trace(sink), Path(folder))


def _run(drawn: Setup, cut: Cut, trace: Trace, directory: Path | None) -> Result:
    seed = drawn.seed
    setup, planned = cut.apply(drawn)
    run = Simulation(setup, planned=planned, trace=trace, directory=directory)
    kind, invariant, text = Kind.GOOD, "", ""
    try:
        run.run()
    except Violation as violation:
        kind, invariant, text = violation.kind, violation.invariant, str(violation)
    except Exception as error:  # whatever the product raised is what the run is for
        kind, invariant = _blame(error)
        text = f"{type(error).__name__}: {error} in {invariant}"
    finally:
        if directory is not None:
            run.close()
    if text:
        trace.event(run.agenda.now_ns, 0, 0, "!", None, text)
    return Result(
        seed=seed,
        kind=kind,
        invariant=invariant,
        text=text,
        trace_hash=trace.digest(),
        events=trace.count,
        simulated_ns=run.agenda.now_ns,
        committed=run.ledger.index,
        answered=run.answers.tally.answered,
        reads=run.answers.tally.reads,
        elections=run.chronicle.elections,
        marks=dict(sorted(run.marks.items())),
        faults=dict(sorted(run.fault_counts.items())),
    )


def _blame(error: Exception) -> tuple[Kind, str]:
    """Return whose fault an exception is: the innermost frame of ours decides, and names it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_PACKAGE)]
    where = ours[-1] if ours else frames[-1]
    kind = Kind.SIMULATOR if where.filename.startswith(_OWN) else Kind.CRASH
    name = where.filename.removeprefix(_PACKAGE).removesuffix(".py")
    return kind, f"{type(error).__name__} in {name.replace('/', '.')}.{where.name}"


def run_seeds(
    seeds: Iterable[int], *, jobs: int = 1, is_real: bool = False
) -> Iterator[Result]:
    """Yield the results of seeds in order, from `jobs` processes; is_real: as in `run_seed`."""
    run = partial(run_seed, is_real=is_real)
    if jobs <= 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run, seeds, chunksize=4)


@dataclass(slots=True)
class Summary:
    """What many seeds came to."""

    seeds: int = 0
    simulated_ns: int = 0
    committed: int = 0
    answered: int = 0
    reads: int = 0
    elections: int = 0
    failed: list[Result] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Add a result."""
        self.seeds += 1
        self.simulated_ns += result.simulated_ns
        self.committed += result.committed
        self.answered += result.answered
        self.reads += result.reads
        self.elections += result.elections
        self.marks.update(result.marks)
        self.faults.update(result.faults)
        if not result.is_good:
            self.failed.append(result)

    @property
    def missing(self) -> list[str]:
        """Return the marks that no seed hit."""
        return [name for name in MARKS if not self.marks[name]]


def header(setup: Setup) -> dict[str, object]:
    """Return what a seed is made of, as JSON takes it."""
    return dataclasses.asdict(setup)
