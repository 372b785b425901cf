"""Finds commands by their files being there.

commands/NAME.py holds the click command `main` of `tilth NAME`, commands/NAME_SUB.py that of `tilth NAME SUB`.
A file is imported only when its name is typed or listed, so it imports what is heavy inside `main`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import Any

import click

TOP = "tilth"
FOLDER = "tilth.workbench.commands"  # by name: its files import this one
SENTENCE_CHARS = 120
# What people do, in the order in which they do it; a command in none of them is listed after them.
GROUPS = {
    "Begin": ("demo", "doctor", "validate", "base", "init"),
    "Make": ("curate", "train", "judge", "refresh"),
    "Look": ("serve", "log", "show", "diff", "explain", "find", "rows", "runs", "compare", "review", "index"),
    "Keep and hand on": (
        "promote",
        "rollback",
        "export",
        "gguf",
        "check",
        "retract",
        "erase",
        "verify",
        "cache",
        "gc",
    ),
}


def command_names(parent: str = TOP) -> list[str]:
    """Return the names of the commands under `tilth`, or of the subcommands of one of them, in order."""
    stems = [module.name for module in pkgutil.iter_modules(importlib.import_module(FOLDER).__path__)]
    if parent == TOP:
        return sorted(stem for stem in stems if "_" not in stem and stem != TOP)
    return sorted(stem.removeprefix(f"{parent}_") for stem in stems if stem.startswith(f"{parent}_"))


def command_of(name: str, parent: str = TOP) -> click.Command:
    """Import a command and return it."""
    stem = name if parent == TOP else f"{parent}_{name}"
    command: click.Command = importlib.import_module(f"{FOLDER}.{stem}").main
    return command


def closest(name: str, known: list[str]) -> str:
    """Return a question that names the closest known word, or a list of all."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"


class CommandFiles(click.Group):
    """A group whose commands are the files beside it: all for `tilth`, NAME_*.py for the group NAME."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in order."""
        return command_names(str(self.name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of a name; None where there is no such file."""
        parent = str(self.name)
        return command_of(cmd_name, parent) if cmd_name in command_names(parent) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the words begin with; an unknown one is refused with the closest known."""
        word = args[0]
        if (
            word
            and not word.startswith("-")
            and self.get_command(ctx, word) is None
            and not ctx.resilient_parsing
        ):
            ctx.fail(f"no command {word!r}; {closest(word, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command with its whole sentence; those of `tilth` grouped by what people do."""
        parent, rest = str(self.name), self.list_commands(ctx)
        for title, names in GROUPS.items() if parent == TOP else ():
            _write_list(formatter, parent, title, [name for name in names if name in rest])
            rest = [name for name in rest if name not in names]
        _write_list(formatter, parent, "More" if parent == TOP else "Commands", rest)


class WithSubcommands(click.Command):
    """A command that hands over to a subcommand where its first word is the name of one: `train score`."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the words as the subcommand they begin with, or as this command."""
        if args and args[0] in command_names(str(self.name)):
            subcommand = command_of(args[0], str(self.name))
            return subcommand.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run whichever command the words were parsed as."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands under the options."""
        super().format_epilog(ctx, formatter)
        _write_list(formatter, str(self.name), "Commands", command_names(str(self.name)))


def _write_list(formatter: click.HelpFormatter, parent: str, title: str, names: list[str]) -> None:
    if not names:
        return
    with formatter.section(title):
        named = [(name, command_of(name, parent)) for name in names]
        formatter.write_dl([(name, command.get_short_help_str(SENTENCE_CHARS)) for name, command in named])
