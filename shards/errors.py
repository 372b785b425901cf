"""Every error a user can meet, with the exit code it ends a command with.

TilthError              1   something failed
├── UsageError          2   the command line or the recipe is wrong
│   └── RecipeError     2   one key of the recipe is wrong; the loader adds file and line
├── SourceError         1   an input file cannot be read at all
│   └── Unsettled       1   an input cannot be read now, and may be later
├── StoreError          1   the store cannot be used
│   ├── CorruptObject   1   stored bytes do not match their digest
│   └── NewerFormat     1   the store was written by a newer Tilth
├── TrainingError       1   training refused to start or had to stop
│   └── Untrainable     2   base, template or rows as they are named cannot be trained on; the user can change that
├── ChecksFailed        3   a check failed; the candidate stays for inspection
└── Busy               75   another process holds the store

A message says where, what, what follows from it, and what to do next. It never holds row text.
"""

from __future__ import annotations

from typing import Any


class TilthError(Exception):
    """Something failed in a way the user can act on."""

    exit_code = 1
    is_transient = False  # whether doing the same again, later, may well succeed

    def __init__(self, where: str, what: str, consequence: str = "", next_step: str = "") -> None:
        self.where, self.what, self.consequence, self.next_step = where, what, consequence, next_step
        super().__init__(self.message())

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with all that was said, whatever the arguments of the class."""
        return _restored, (type(self), self.args, self.__dict__)

    def message(self) -> str:
        """Return `where: what. consequence. next step.` on one line."""
        parts = (f"{self.where}: {self.what}", self.consequence, self.next_step)
        return " ".join(part if part[-1] in ".?!" else part + "." for part in parts if part)


class UsageError(TilthError):
    """The command line or the recipe is wrong."""

    exit_code = 2


class RecipeError(UsageError):
    """One key of the recipe is wrong; whoever loaded the recipe turns `key` into file and line."""

    def __init__(self, key: tuple[str | int, ...], what: str, next_step: str = "") -> None:
        self.key = key
        super().__init__(".".join(str(part) for part in key), what, "", next_step)


class SourceError(TilthError):
    """An input file cannot be read at all."""


class Unsettled(SourceError):
    """An input cannot be read now, and may be later: it is being written, or its server does not answer."""

    is_transient = True


class StoreError(TilthError):
    """The store cannot be used."""


class CorruptObject(StoreError):
    """Stored bytes do not match their digest."""


class NewerFormat(StoreError):
    """The store was written by a newer Tilth."""


class TrainingError(TilthError):
    """Training refused to start or had to stop."""


class Untrainable(TrainingError):
    """Base, template or rows as they are named cannot be trained on; the user can change that."""

    exit_code = 2


class ChecksFailed(TilthError):
    """A check failed; the candidate stays for inspection."""

    exit_code = 3


class Busy(TilthError):
    """Another process holds the store."""

    exit_code = 75
    is_transient = True


def _restored(cls: type[TilthError], args: tuple[Any, ...], state: dict[str, Any]) -> TilthError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error
