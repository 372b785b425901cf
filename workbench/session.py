"""What every command shares: the store beside the recipe, the console, progress, and how errors end."""

from __future__ import annotations

import functools
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tilth.shards.progress import Progress
    from tilth.shards.store import Store
    from tilth.workbench.recipes.sections import Recipe

INTERRUPTED = 130
PIPED_COLUMNS = 140
SILENT_S = 20.0
REVERSE = "reverse"
Function = Callable[..., Any]


def guarded(function: Function) -> Function:
    """End a command as its errors say: one message on stderr and the documented exit code."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        # transformers speaks through these; its bars and advice would drown what we say.
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        try:
            function(*args, **kwargs)
        except KeyboardInterrupt:
            click.echo("interrupted: nothing half-done was kept; the same command continues", err=True)
            sys.exit(INTERRUPTED)
        except OSError as error:
            from tilth.shards.errors import StoreError

            _fail_if_full(error)
            where = str(error.filename or "system")
            _fail(
                StoreError(where, (error.strerror or type(error).__name__).lower(), "The store is as it was")
            )
        except Exception as error:
            from tilth.shards.errors import TilthError

            if not isinstance(error, TilthError):
                _fail_if_full(error)
                raise
            _fail(error)

    return run


def _interrupt(*_: Any) -> None:
    """Stop once; a second signal while things are being put away changes nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _fail_if_full(error: Exception) -> None:
    """End with one line where the disk is full, whatever noticed it."""
    from tilth.shards import disk

    if disk.is_full(error):
        _fail(disk.full(Path(getattr(error, "filename", None) or tempfile.gettempdir())))


def _fail(error: Any) -> None:
    say(f"error: {error.message()}", err=True)
    sys.exit(error.exit_code)


def say(text: str, *, err: bool = False) -> None:
    """Print a line without styles, on stdout or stderr; nothing in it can steer a terminal."""
    from tilth.validators.wording import visible

    click.echo(visible(text), err=err)


def load(path: Path, overrides: tuple[str, ...]) -> Recipe:
    """Load the recipe at `path`."""
    from tilth.workbench.recipes import recipe_file

    return recipe_file.load(path, overrides)


def start(
    recipe_path: Path, overrides: tuple[str, ...], store_path: Path | None, *, quiet: bool
) -> tuple[Recipe, Store, Console]:
    """Return what a command on a recipe works with: the recipe, its store, and the console to speak on."""
    return load(recipe_path, overrides), open_store(recipe_path, store_path), console(quiet=quiet)


def store_path_of(recipe_path: Path, store_path: Path | None) -> Path:
    """Return the folder of the store: the one named, else `.tilth` beside the recipe."""
    return store_path or recipe_path.absolute().parent / ".tilth"


def open_store(recipe_path: Path, store_path: Path | None) -> Store:
    """Open the store of a recipe, making it where there is none."""
    return opened(store_path_of(recipe_path, store_path))


def opened(path: Path) -> Store:
    """Open the store at `path`; an erasure that was killed is ended first."""
    from tilth.shards.store import Store

    store = Store.open(path)
    if (store.root / "erasing.json").is_file():
        from tilth.workbench.retraction import erase

        for line in ("ending an erasure that was interrupted", *erase.after(erase.finish(store))):
            say(line, err=True)
    return store


def console(*, quiet: bool = False) -> Console:
    """Return the console that commands print on; `quiet` leaves stdout to JSON.

    Of the processes that torchrun starts the first one alone speaks.
    """
    from tilth.workbench.screen import Screen

    width = None if sys.stdout.isatty() else PIPED_COLUMNS
    follows = os.environ.get("RANK", "0") != "0"
    return Screen(stderr=quiet, quiet=follows, highlight=False, soft_wrap=True, width=width)


@contextmanager
def progress(screen: Console) -> Iterator[Progress]:
    """Show what a long run is at; yields a function of (phase, done, total).

    A terminal shows a bar; a file or a pipe gets a line where nothing was said for SILENT_S seconds.
    """
    if not screen.is_terminal:
        yield _lines(screen)
        return
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    from tilth.validators.wording import visible

    columns = (
        TextColumn("{task.description:<16}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[at]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=screen, transient=True) as bar:
        task: TaskID = bar.add_task("", total=None, at="")

        clock = _Clock()

        def report(phase: str, done: int, total: int) -> None:
            at = _at(done, total) + clock.left(phase, done, total)
            bar.update(task, description=visible(phase), completed=done, total=total or None, at=at)

        yield report


def _lines(screen: Console) -> Progress:
    started = spoken = time.monotonic()
    clock = _Clock()

    def report(phase: str, done: int, total: int) -> None:
        nonlocal spoken
        now, left = time.monotonic(), clock.left(phase, done, total)
        if now - spoken >= SILENT_S:
            spoken = now
            screen.print(f"{now - started:,.0f} s: {phase} {_at(done, total)}{left}".rstrip(), markup=False)

    return report


class _Clock:
    """How long a phase goes on, at the pace it had since it was first heard of."""

    def __init__(self) -> None:
        self._phase, self._since, self._done = "", 0.0, 0

    def left(self, phase: str, done: int, total: int) -> str:
        """Return the time left in words, "" while nothing tells."""
        now, named = time.monotonic(), phase.partition(",")[0]
        if named != self._phase:
            self._phase, self._since, self._done = named, now, done
        made = done - self._done
        if made <= 0 or total <= done:
            return ""
        from tilth.validators.wording import seconds

        return f", about {seconds((now - self._since) / made * (total - done))} left"


def _at(done: int, total: int) -> str:
    return f"{done:,}/{total:,}" if total else ""


def in_brackets(screen: Console, text: Text) -> Text:
    """Return a text with what stands in reverse video put in ⟦brackets⟧, where the screen is a file or a pipe."""
    from rich.text import Text

    if screen.is_terminal:
        return text
    plain, at = text.plain, 0
    marked = Text()
    for span in sorted(span for span in text.spans if span.style == REVERSE and span.end > span.start):
        marked.append(plain[at : span.start] + f"⟦{plain[span.start : span.end]}⟧")
        at = span.end
    return marked.append(plain[at:])


def plain_table(*titles: str) -> Table:
    """Return a table without lines, whose cells are folded where the screen is narrow."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def show_reasons(screen: Console, facts: Mapping[str, Any]) -> None:
    """Print the reasons of a page's word, a line each."""
    from rich.markup import escape

    for reason in facts["reasons"]:
        screen.print(f"  {escape(reason)}")


def print_json(value: Any) -> None:
    """Print a JSON object on stdout."""
    import orjson

    from tilth.workbench.screen import plain_json

    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY
    click.echo(plain_json(orjson.dumps(value, default=_plain, option=option).decode()))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
