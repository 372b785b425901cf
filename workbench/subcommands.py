"""A command that also has subcommands: `train RECIPE` and `train score RECIPE`.

A file beside the command named COMMAND_SUB.py is its subcommand SUB: it holds a click command `main` and is
imported only when its name is typed or listed.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click


class WithSubcommands(click.Command):
    """A click command that hands over to a subcommand where its first word is the name of one."""

    def subcommands(self) -> list[str]:
        """Return the names of the subcommands, in order."""
        files = (Path(__file__).parent / "commands").glob(f"{self.name}_*.py")
        return sorted(file.stem.removeprefix(f"{self.name}_") for file in files)

    def subcommand(self, name: str) -> click.Command:
        """Import a subcommand."""
        module = importlib.import_module(f"tilth.workbench.commands.{self.name}_{name}")
        command: click.Command = module.main
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the words as the subcommand they begin with, or as this command."""
        if args and args[0] in self.subcommands():
            command = self.subcommand(args[0])
            return command.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run whichever command the words were parsed as."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands under the options."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Commands"):
            names = self.subcommands()
            formatter.write_dl([(name, self.subcommand(name).get_short_help_str(limit=90)) for name in names])
