"""The reference in docs/reference, written from the code: python -m tilth.workbench.reference [--check]."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from enum import Enum
from inspect import cleandoc
from pathlib import Path

import click

from tilth.curation.reading.formats import formats
from tilth.curation.reading.limits import Reason
from tilth.curation.stage import Phase, acting_order, registry
from tilth.shards import errors
from tilth.training.evaluation import metric
from tilth.training.methods import method
from tilth.training.monitors import monitor
from tilth.validators.gate import CHECKS
from tilth.workbench.recipes.keys import RecipeKey, recipe_keys
from tilth.workbench.recipes.sentences import comments_of, first_sentence
from tilth.workbench.registry import TOP, command_names, command_of

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
NOTE = "<!-- Written by: make reference. Change what the code says instead. -->\n"
COMPLETION = '    eval "$(_TILTH_COMPLETE=bash_source tilth)"     # bash; zsh_source, fish_source for others'
INTRO = {
    "commands": "What can be typed. curate, train, validate and refresh are commands of their own as well. A "
    "shell completes versions, names, runs, stages and keys:",
    "recipe": "What can be set: every key, what it takes and what it means. Only `name`, `sources` and the "
    "`path` of a source are needed, and `training.base` to train. A stage's key takes `null` to "
    "switch it off. `tilth schema` prints the same as a JSON schema.",
    "stages": "What curation does, in the order it acts. A row's decision is the first rule it breaks in this "
    "order; within a phase the least order acts first. Parameters are in [recipe](recipe.md); `tilth "
    "stages NAME` prints all of one.",
    "monitors": "What watches a training run. A monitor reports; what is done about a finding is decided in the "
    "next curation, within its bounds.",
    "methods": "What `training.method` may name.",
    "metrics": "What `evaluation.tasks[].metric` may name: a score from 0 to 1 of one answer against its "
    "reference, higher is better. Installed packages add others (entry point group `tilth.metrics`).",
    "checks": "What a version must keep to be served: bounds on its metrics. A breached error fails the "
    "version, which stays the candidate (exit code 3); a warning is only shown.",
    "formats": "What files of rows may be, found by their bytes, and why a line of one is set aside. Text may be"
    " compressed.",
    "exit codes": "What a command ends with. Its message says where, what, what follows and what to do next.",
}
# What ends a command without an error of ours.
OTHER_CODES = {0: "done, or nothing new", 130: "interrupted; the same command goes on"}


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    made = {
        "commands.md": commands_page(),
        "recipe.md": recipe_page(),
        "stages.md": stages_page(),
        "monitors.md": monitors_page(),
        "methods.md": methods_page(),
        "metrics.md": metrics_page(),
        "checks.md": checks_page(),
        "formats.md": formats_page(),
        "exit-codes.md": exit_codes_page(),
    }
    lines = [f"- [{name.removesuffix('.md')}]({name}): {_about(text)}" for name, text in made.items()]
    index = ["# Reference", "", "What can be typed and set, from the code itself.", "", *lines, ""]
    whole = {"README.md": "\n".join(index), **made}
    return {name: f"{NOTE}{text.rstrip()}\n" for name, text in whole.items()}


def stale(folder: Path = FOLDER) -> list[str]:
    """Return the names of the pages in a folder that are not as the code would write them."""
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def commands_page() -> str:
    """Return the page of the commands: what each does, its arguments and options."""
    parts = [
        *_head("commands"),
        COMPLETION,
        "",
        *_table(
            ("command", "does"),
            ((f"[`{words}`](#{_anchor(words)})", _sentence(c)) for words, c in _commands()),
        ),
    ]
    for words, command in _commands():
        context = click.Context(command, info_name=words, **command.context_settings)
        parts += [f"## {words}", "", _as_markdown(cleandoc(command.help or "")), ""]
        parts += [f"    {' '.join([words, *command.collect_usage_pieces(context)])}", ""]
        options = [param for param in command.params if isinstance(param, click.Option)]
        parts += _table(("option", "does", "default"), (_option(option) for option in options))
    return "\n".join(parts)


def recipe_page() -> str:
    """Return the page of the keys of a recipe, a table a section."""
    parts = _head("recipe")
    sections: dict[str, list[RecipeKey]] = {}
    for key in recipe_keys():
        head, _, _ = key.path.rpartition(".")
        sections.setdefault(head, []).append(key)
    for head, keys in sections.items():
        parts += [f"## {head or 'The recipe'}", ""]
        rows = (
            (f"`{key.path}`", f"{key.type} {key.range}".strip(), key.default, key.unit, key.sentence)
            for key in keys
        )
        parts += _table(("key", "takes", "default", "unit", "what"), rows)
    return "\n".join(parts)


def stages_page() -> str:
    """Return the page of the stages, in the order they act."""
    parts = _head("stages")
    rows = (
        (Phase(one.phase).name.lower(), str(one.order), f"[`{one.name}`](recipe.md#{_anchor(f'curation.{one.name}')})"
         if fields(one) else f"`{one.name}`",  # type: ignore[arg-type]
         "on" if one.default else "off", f"{first_sentence(one)}.")
        for one in sorted(registry().values(), key=acting_order)
    )  # fmt: skip
    return "\n".join([*parts, *_table(("phase", "order", "stage", "by default", "does"), rows)])


def monitors_page() -> str:
    """Return the page of the monitors of a training run."""
    parts = _head("monitors")
    rows = (
        (f"`{name}`", one.label, f"{first_sentence(type(one))}.", ", ".join(one.looks_at), one.version,
         "; ".join(f"{finding.value}: {what}" for finding, what in one.proposes.items()))
        for name, one in monitor.registry().items()
    )  # fmt: skip
    titles = ("monitor", "in old records", "finds", "looks at", "version", "finding: what follows")
    return "\n".join([*parts, *_table(titles, rows)])


def methods_page() -> str:
    """Return the page of the methods of training."""
    parts = _head("methods")
    rows = (
        (
            f"`{name}`",
            f"{first_sentence(one)}.",
            f"{one.default_rate:g}",
            "an adapter" if one.frozen_base else "a model",
        )
        for name, one in method.registry().items()
    )
    return "\n".join([*parts, *_table(("method", "does", "rate by default", "leaves"), rows)])


def metrics_page() -> str:
    """Return the page of the metrics of evaluation tasks."""
    parts = _head("metrics")
    rows = ((f"`{name}`", one.sentence) for name, one in metric.registry().items())
    return "\n".join([*parts, *_table(("metric", "scores"), rows)])


def checks_page() -> str:
    """Return the page of the checks of a version, and what is called alike."""
    parts = _head("checks")
    keys = {key.path.removeprefix("checks."): key for key in recipe_keys() if key.path.startswith("checks.")}
    rows = (
        (f"`{name}`", keys[name].sentence, f"`{CHECKS[name][0]}`", keys[name].default, CHECKS[name][1])
        for name in CHECKS
    )
    parts += _table(("check", "bounds", "metric", "by default", "severity"), rows)
    parts += ["## Verify, validate, check", ""]
    alike = [(f"[`tilth {name}`](commands.md#{_anchor(f'tilth {name}')})", _sentence(command_of(name)))
             for name in ("verify", "validate", "check")]  # fmt: skip
    alike.append(
        ("`checks:` in a recipe", "Bounds that a version must keep to be served; `curate` judges by them.")
    )
    return "\n".join([*parts, *_table(("called", "does"), alike)])


def formats_page() -> str:
    """Return the page of the formats that rows come in, and of the reasons for which a line is none."""
    parts = _head("formats")
    rows = (
        (f"`{name}`", f"{first_sentence(type(one))}.", ", ".join(one.suffixes), one.unit)
        for name, one in formats().items()
    )
    parts += _table(("format", "what it is", "suffixes", "counted by"), rows)
    parts += ["## Why a line is set aside", ""]
    return "\n".join([*parts, *_table(("reason", "means"), _members(Reason))])


def exit_codes_page() -> str:
    """Return the page of the exit codes."""
    codes: dict[int, list[str]] = {code: [what] for code, what in OTHER_CODES.items()}
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.TilthError):
            codes.setdefault(error.exit_code, []).append(f"{first_sentence(error)} (`{error.__name__}`)")
    parts = [
        "# Exit codes",
        "",
        "What a command ends with. A message says where, what, what follows and what to do next.",
        "",
    ]
    return "\n".join(
        [*parts, *_table(("code", "means"), ((str(c), "; ".join(said)) for c, said in sorted(codes.items())))]
    )


def _head(name: str) -> list[str]:
    return [f"# {name.capitalize()}", "", INTRO[name], ""]


def _members(enumeration: type[Enum]) -> Iterator[tuple[str, str]]:
    said = comments_of(enumeration, [member.name for member in enumeration])
    for member in enumeration:
        yield f"`{member.value}`", said.get(member.name, member.value.replace("_", " "))


def _commands(parent: str = TOP, above: str = TOP) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with the words that call it, a group before its commands."""
    for name in command_names(parent):
        yield f"{above} {name}", command_of(name, parent)
        if parent == TOP:
            yield from _commands(name, f"{above} {name}")


def _option(option: click.Option) -> tuple[str, str, str]:
    kind = option.type
    name = "INTEGER" if isinstance(kind, click.IntRange) else kind.name.upper()
    metavar = "" if option.is_flag else f" {option.metavar or name}"
    default = (
        "" if option.default is None or option.is_flag or not option.show_default else str(option.default)
    )
    least = f" From {kind.min}." if isinstance(kind, click.IntRange) and kind.min is not None else ""
    needed = " Needed." if option.required else ""
    return f"`{', '.join(option.opts)}{metavar}`", f"{option.help or ''}{least}{needed}", default


def _sentence(command: click.Command) -> str:
    return first_sentence(command.callback) + "." if command.callback else ""


def _as_markdown(text: str) -> str:
    """Return help text with what click takes for an unwrapped block indented as code already is."""
    return text.replace("\b\n", "")


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [" | ".join(_cell(text) for text in row) for row in rows]
    if not lines:
        return []
    return [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles), *(f"| {line} |" for line in lines), ""]


def _cell(text: str) -> str:
    """Return text that stays in its cell: no bar ends it, and outside of code nothing is read as HTML."""
    parts = text.replace("|", "\\|").replace("\n", " ").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def _anchor(heading: str) -> str:
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def _about(page: str) -> str:
    """Return the first sentence of a page."""
    return page.split("\n\n")[1].split(". ", maxsplit=1)[0].split(": ", maxsplit=1)[0].rstrip(".") + "."


def main() -> None:
    """Write the pages; with --check only say which are not as the code would write them (exit code 1)."""
    if "--check" in sys.argv[1:]:
        if old := stale():
            sys.exit(f"docs/reference is stale ({', '.join(old)}): run make reference")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(wanted)} pages in {FOLDER}")


if __name__ == "__main__":
    main()
