"""The seed that found each bug last, by `make sim-mutants`; tried first by the short gate."""

from typing import Final

SEEDS: Final = {
    "M1": 1,
    "M2": 3,
    "M3": 2,
    "M4": 3,
    "M5": 1,
    "M7": 4,
    "M8": 2,
    "M9": 12,
    "M10": 4,
    "M13": 3,
    "M14": 2,
    "M15": 3,
    "M16": 1,
    "M20": 1,
    "M21": 1,
    "M22": 1,
    "M23": 5,
    "M24": 2,
    "X1": 8,
    "X9": 5,
    "X18": 1,
    "T22": 1,
    "C4": 1,
    "C4b": 3,
    "I3": 1,
    "I11": 1,
    "R1": 2,
}
