"""The monitor contract: a test of what a run has seen. A file in this folder that holds one is found by being there.

A monitor reports; what is done about a finding is decided in the next curation, within its bounds. One that raises
costs its own finding, which the page and the journal then say, and never the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from traceback import extract_tb
from typing import ClassVar, Literal, Protocol, TypeVar, get_args

from tilth.shards.discovery import import_all
from tilth.shards.feedback import Finding
from tilth.training.monitors.observations import Observations
from tilth.training.monitors.signal import Signal

FOLDER = "tilth.training.monitors"
# Panels and exposures are looked at at every evaluation, the others once, after the last step.
Looks = Literal["probe", "twin", "feedback", "base", "exposures", "rows", "canaries", "promotion"]
AT_THE_END = {"rows", "canaries", "promotion"}
PARTS = ("version", "looks_at", "proposes", "examine")


class Monitor(Protocol):
    """A test. Its class is registered by `@monitor`, its docstring says in a sentence what it finds.

    version: raised where the same observations would give another signal. looks_at: what it is asked after: whoever
    looks at rows, canaries or promotion is asked after the last step, whoever looks at anything else at every
    evaluation. proposes: for each
    finding it may come to, what the next curation does about it or is asked to do.
    """

    name: ClassVar[str]
    label: ClassVar[str]  # what records of runs before called it: "M1"; "" for one that has no past
    version: ClassVar[str]
    looks_at: ClassVar[tuple[Looks, ...]]
    proposes: ClassVar[Mapping[Finding, str]]

    def examine(self, observations: Observations) -> Sequence[Signal]:
        """Return what is to be said of the slices, of the run, or of single rows."""


M = TypeVar("M", bound=type)
_MONITORS: dict[str, Monitor] = {}


def monitor(name: str, *, label: str = "") -> Callable[[M], M]:
    """Register a class as the monitor `name`, in the field's words."""

    def register(cls: M) -> M:
        known = _MONITORS.get(name)
        if known is not None and type(known).__module__ != cls.__module__:
            raise ValueError(f"two monitors are named {name!r}")
        lacking = [part for part in PARTS if not hasattr(cls, part)]
        if lacking or not set(cls.looks_at) <= set(get_args(Looks)):  # type: ignore[attr-defined]
            raise TypeError(f"monitor {name!r} lacks {', '.join(lacking) or 'something to look at'}")
        cls.name, cls.label = name, label  # type: ignore[attr-defined]
        _MONITORS[name] = cls()
        return cls

    return register


@cache
def registry() -> dict[str, Monitor]:
    """Return every monitor by name, importing the folder of monitors and nothing else."""
    import_all(FOLDER)
    return dict(sorted(_MONITORS.items()))


def versions() -> dict[str, str]:
    """Return the version of every monitor."""
    return {name: one.version for name, one in registry().items()}


def name_of(name_or_label: str) -> str:
    """Return the name of a monitor that a record calls by its name or, before it had one, by its label."""
    labels = {one.label: name for name, one in registry().items() if one.label}
    return labels.get(name_or_label, name_or_label)


def listen(observations: Observations) -> list[Signal]:
    """Ask every monitor that looks at what there is, and return all they say."""
    at_the_end = observations.rows is not None
    signals: list[Signal] = []
    for name, one in registry().items():
        if at_the_end in {look in AT_THE_END for look in one.looks_at}:
            signals += _heard(name, one, observations)
    return signals


def _heard(name: str, one: Monitor, observations: Observations) -> list[Signal]:
    """Return the signals of a monitor under its name; of one that raises, that it did and where."""
    try:
        return [
            replace(signal.checked(), monitor=name, proposes=one.proposes.get(signal.finding, ""))
            for signal in one.examine(observations)
        ]
    except Exception as error:
        # The message may quote a row: the kind of error and its place do not.
        frame = extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        what = f"the monitor raised {type(error).__name__} at {place}: it says nothing here"
        return [Signal(Finding.INCONCLUSIVE, None, what, monitor=name)]
