"""tilth init: looks at data and a base, and writes a recipe that says what it found."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from ruamel.yaml import YAML

from tilth.curation.reading.files import find_files, source_of, stem
from tilth.curation.reading.folders import saved_files, what_to_name
from tilth.curation.reading.formats import suffixes
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.read import Peek, peek
from tilth.curation.reading.remote import is_remote
from tilth.shards.atomic import write_file
from tilth.shards.errors import TilthError, UsageError
from tilth.shards.lock import temporary
from tilth.shards.tables import Shape
from tilth.validators.wording import shorten, visible
from tilth.workbench.recipes.schema import first_line, write_schema
from tilth.workbench.screen import argument, one_line, shown
from tilth.workbench.session import in_brackets

if TYPE_CHECKING:
    from rich.console import Console

SMALL_BASE = "smollm2-135m"  # named where the user has no model
SHOWN_SAMPLES = 3
COMMENT_CHARS = 200
PLAIN = re.compile(
    r"[A-Za-z0-9_./][A-Za-z0-9_./*?@:-]*(?<!:)"
)  # a text, unless it reads as a number or the like
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # JSON leaves them, YAML refuses them
SHOWN_CHARS = 100  # of a turn, where a row is shown by several readings

RECIPE = """\
# Written by: tilth init. Every key has a default; what stands here is what you may want to change.
name: {name}

sources:
{sources}
curation:
  # A key switches a stage on with its parameters, null switches it off. Silent: the safe defaults, which
  # drop empty, echoed, truncated, broken and duplicated rows and only tag the rest.
  # language: {{keep: [en]}}                  # drop answers in another language
  # decontaminate: [evals/*.jsonl]            # drop rows that leak your evaluation items
  # balance: {{by: [source], target: {{source: {{a: 0.7, b: 0.3}}}}}}
  dedup: {{near_jaccard: 0.8}}
  split: {{feedback: 0.02, promotion: 0.02, final: 0.02}}

checks:
  max_duplicate_rate: 0.01
  min_rows: 1

{training}
evaluation:
  share: 0.05                                # of the run's time
  # tasks: [{{path: evals/task.jsonl, metric: exact}}]   # questions the model answers, base against tuned

# refresh: {{schedule: "0 3 * * *", promote: training}}
"""

TRAINING = """\
training:
  base: {base}
  method: {method:<34} # {other}
  epochs: 2
  # rate: 2.0e-4                              # lora 2.0e-4, full 1.0e-5 where nothing is said
"""

NO_TRAINING = """\
# To train, name a base: a folder, a hub name, or one that `tilth base` brings, as this small open one.
# training:
#   base: {base}
#   method: {method:<34} # {other}
"""


@dataclass(frozen=True)
class Found:
    """One source and what its first rows look like; `peek` is None for what is not on this machine."""

    path: str
    peek: Peek | None

    @property
    def is_empty(self) -> bool:
        """Whether the file was looked at and holds no column at all."""
        return self.peek is not None and not self.peek.columns


def write_recipe(data: Sequence[str], base: str | None, out: Path, screen: Console) -> None:
    """Write a recipe for `data` and `base` to `out`, its schema beside it, and show how the first rows will be learned.

    Without a base the recipe curates only. What fails or is interrupted leaves no file. Raises UsageError if the
    recipe exists already or nothing readable is found.
    """
    if out.exists():
        raise UsageError(str(out), "is there already", "Nothing was written", "name another file with --out")
    found = [source for one in data for source in look(one, out.absolute().parent)]
    if all(source.is_empty for source in found):
        raise UsageError(
            ", ".join(source.path for source in found[:SHOWN_SAMPLES]),
            "no row can be read",
            "Nothing was written",
            f"see why: validate {argument(data[0])}",
        )
    for source in found:
        _show(screen, source)
    is_rendered = base is not None and _show_rendered(screen, found, base)
    if not is_rendered:
        _show_rows(screen, found)
    _write(out, found, _name(data), base)
    screen.print(f"wrote {shown(out)}")
    for line in _next(found, out, base, is_rendered=is_rendered):
        screen.print(shown(line))


def _write(out: Path, found: Sequence[Found], name: str, base: str | None) -> None:
    """Write the recipe and its schema, or neither."""
    schema = out.with_name(f"{out.stem}.schema.json")
    method, other = _method(found)
    training = (NO_TRAINING if base is None else TRAINING).format(
        base=scalar(base or SMALL_BASE), method=method, other=other
    )
    sources = "".join(_source_lines(source) for source in found)
    recipe = first_line(schema.name) + RECIPE.format(name=scalar(name), sources=sources, training=training)
    before = schema.read_bytes() if schema.is_file() else None
    try:
        write_schema(schema)
        write_file(out, recipe.encode())
    except BaseException:
        out.unlink(missing_ok=True)
        if before is None:
            schema.unlink(missing_ok=True)
        else:
            write_file(schema, before)
        raise


def _next(found: Sequence[Found], out: Path, base: str | None, *, is_rendered: bool) -> list[str]:
    """Return what is to be done before the next command, and the command."""
    to_map = [
        source for source in found if source.peek and source.peek.mapping is None and not source.is_empty
    ]
    if to_map:
        more = f" and of {len(to_map) - 1:,} more" if len(to_map) > 1 else ""
        steps = [f"next: fill in the map of {to_map[0].path}{more} in {out}, then: curate {argument(out)}"]
    elif is_rendered:
        return [f"next: curate {argument(out)} && train {argument(out)}"]
    else:
        steps = [f"next: curate {argument(out)}"]
    if base is None:
        own = f"to train: name a base in {out}, then: train {argument(out)}"
        steps += [own, f"no model of your own? {_small_base()}, and uncomment training there"]
    elif not is_rendered:
        steps.append(f"to train: correct training.base in {out}, then: train {argument(out)}")
    return steps


def _small_base() -> str:
    """Return how to come by the base that the recipe names where the user has none."""
    from tilth.training.model.named_bases import BASES, bases_folder

    base = BASES[SMALL_BASE]
    if (bases_folder() / base.name).is_dir():
        return f"{base.name} is on this machine already ({base.licence})"
    return f"tilth base {base.name} brings one ({base.size_mb} MB, {base.licence})"


def look(data: str, base_dir: Path) -> list[Found]:
    """Find the files that `data` names, relative to `base_dir`, and look at the first rows of each."""
    if is_remote(data):
        return [Found(data, None)]
    path = Path(data)
    is_saved_set = path.is_dir() and saved_files(data, path) != [data]
    if path.is_dir() and not is_saved_set:
        names = sorted(p for p in path.iterdir() if p.name.lower().endswith(suffixes()))
        if not names:
            raise UsageError(data, "holds no data file", next_step=what_to_name(data, path))
    else:
        with temporary() as folder:
            files = find_files([source_of(data)], Path.cwd(), folder, ReadLimits())
        names = [file.local for file in files]
    if is_saved_set:
        return [Found(_relative(path, base_dir), peek(names[0], ReadLimits()))]
    return [Found(_relative(p, base_dir), peek(p, ReadLimits())) for p in names]


def _method(found: Sequence[Found]) -> tuple[str, str]:
    """Return the method that learns from the rows found, and what to say of others."""
    shapes = [source.peek.mapping.shape for source in found if source.peek and source.peek.mapping]
    if shapes and all(shape is Shape.PREFERENCE for shape in shapes):
        return "dpo", "learns from preference pairs; say dpo: {weights: full} for all weights"
    if Shape.PREFERENCE in shapes:
        return "lora", "or full; preference rows are left out, dpo learns from them in a run of its own"
    return "lora", "or full"


def _name(data: Sequence[str]) -> str:
    """Return a name for the versions: that of the file, or of the folder of several."""
    named = stem(data[0].rstrip("/*")) if len(data) == 1 else Path(data[0]).absolute().parent.name
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in named).strip("-.") or "data"


def _relative(path: Path, base_dir: Path) -> str:
    absolute = path.absolute()
    return str(absolute.relative_to(base_dir)) if absolute.is_relative_to(base_dir) else str(absolute)


def _source_lines(source: Found) -> str:
    """Return a source as YAML; names of files and columns come from outside and stay on their line."""
    path = scalar(source.path)
    if source.peek is None:
        return f"  - path: {path}\n"
    if source.peek.mapping is None:
        columns = _comment(", ".join(source.peek.columns))
        return (
            f"  - path: {path}\n    map: {{prompt: COLUMN, response: COLUMN}}   # columns here: {columns}\n"
        )
    return f"  - path: {path}   # {_comment(source.peek.mapping.says(source.peek.columns))}\n"


def scalar(text: str) -> str:
    """Return a text as a YAML scalar on one line: as it is where YAML takes it for that text, else in quotes."""
    if PLAIN.fullmatch(text) and YAML(typ="safe", pure=True).load(text) == text:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _comment(text: str) -> str:
    return shorten(visible(" ".join(text.split())), COMMENT_CHARS)


def _show(screen: Console, source: Found) -> None:
    seen = source.peek
    if seen is None:
        screen.print(f"{shown(source.path)}: read when you run curate")
    elif seen.mapping is None:
        why = seen.problem
        screen.print(
            f"[yellow]{shown(source.path)}[/]: {escape(why.what if why else 'no known shape')}; "
            f"{escape(why.next_step if why else 'fill in the map in the recipe')}"
        )
    else:
        bad = ", ".join(f"{n} {reason}" for reason, n in seen.reasons.items()) or "none"
        chars = sorted(sum(len(t.get("text") or "") for t in row["turns"]) for row in seen.rows)
        middle, longest = (chars[len(chars) // 2], chars[-1]) if chars else (0, 0)
        screen.print(
            f"{shown(source.path)}: {seen.format}, {seen.mapping.shape.value}; of the first "
            f"{len(seen.rows) + sum(seen.reasons.values())} lines unreadable: {bad}; "
            f"characters a row: median {middle:,}, longest {longest:,}"
        )
        for what, rows in seen.intake.unread.items():
            screen.print(f"[yellow]unread[/] {shown(what)}: {rows:,} of the rows looked at")
        _show_others(screen, seen)


def _show_others(screen: Console, seen: Peek) -> None:
    """Show a row by each reading that fits, where more than one does."""
    assert seen.mapping is not None
    readings = [(seen.mapping, seen.rows), *seen.others] if seen.others else []
    for number, (mapping, rows) in enumerate(readings):
        taken = "taken" if not number else "fits too; say so with `map:`"
        screen.print(f"  [cyan]{shown(mapping.says(seen.columns))}[/] {taken}")
        _show_turns(screen, rows[0]["turns"] if rows else ())


def _show_turns(screen: Console, turns: Sequence[dict[str, Any]]) -> None:
    for turn in turns:
        text = " ".join(str(turn.get("text") or turn.get("tool_calls") or "").split())
        screen.print(f"    {turn['role']}: {escape(shorten(text, SHOWN_CHARS))}")


def _show_rows(screen: Console, found: Sequence[Found]) -> None:
    """Show a row of each of the first sources as it is read."""
    for source in found[:SHOWN_SAMPLES]:
        for row in source.peek.rows[:1] if source.peek and not source.peek.others else ():
            screen.print(f"  {shown(source.path)}, its first row:")
            _show_turns(screen, row["turns"])


def _show_rendered(screen: Console, found: list[Found], base: str) -> bool:
    """Show three rows as the base's template renders them, learned tokens in reverse video, and what it passes over.

    Returns whether the base could be asked.
    """
    rows = [
        {**row, "place": f"{one_line(source.path)}, row {number}"}
        for source in found
        if source.peek
        for number, row in enumerate(source.peek.rows, 1)
    ]
    if not rows:
        return True
    try:
        from tilth.training.plan.peek import look_at

        seen = look_at(base, rows, SHOWN_SAMPLES)
        for sample in seen.shown:
            screen.print(in_brackets(screen, sample))
            screen.print()
        for line in seen.lines:
            screen.print(f"[yellow]of the first {len(rows):,} rows[/] {escape(line)}")
        return True
    except TilthError as error:
        screen.print(
            f"[yellow]note[/] the rows cannot be shown as the base renders them: {escape(error.what)}. "
            "curate works all the same; correct training.base before you train"
        )
        return False
