"""The options and arguments that commands share, each declared once, and what a shell completes in their place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tilth.workbench.completion import (
    complete_keys,
    complete_names,
    complete_runs,
    complete_stages,
    complete_versions,
)

__all__ = [
    "HELP",
    "anyway_option",
    "complete_keys",
    "complete_names",
    "complete_runs",
    "complete_stages",
    "complete_versions",
    "json_option",
    "named_rows_options",
    "recipe_options",
    "rows_option",
    "run_argument",
    "store_folder",
    "store_option",
    "version_argument",
    "version_option",
]

HELP = {"help_option_names": ["-h", "--help"]}
Function = Callable[..., Any]


def recipe_options(function: Function) -> Function:
    """Add RECIPE, --set and --store to a command."""
    for option in (
        click.argument("recipe", type=click.Path(path_type=Path)),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Set one key: --set training.rate=1e-5",
            shell_complete=complete_keys,
        ),
        store_option,
    ):
        function = option(function)
    return function


def store_option(function: Function) -> Function:
    """Add --store to a command on a recipe."""
    return click.option(
        "--store",
        "store_path",
        type=click.Path(path_type=Path),
        help="Where versions are kept (default: .tilth beside the recipe).",
    )(function)


def store_folder(function: Function) -> Function:
    """Add --store to a command that looks into a store without a recipe."""
    return click.option(
        "--store",
        "store_path",
        type=click.Path(path_type=Path),
        default=Path(".tilth"),
        show_default=True,
        help="The store to look into.",
    )(function)


def json_option(function: Function) -> Function:
    """Add --json to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")(function)


def named_rows_options(function: Function) -> Function:
    """Add ROW…, --source, --where, --with-duplicates, --yes and --dry-run: which rows are to go."""
    for option in (
        click.argument("rows", metavar="[ROW]...", nargs=-1),
        click.option("--source", metavar="S", help="Every row that a source, or a file by its path, holds."),
        click.option(
            "--where", metavar="EXPRESSION", help="Rows for which it is true: 'pl.col(\"text\")...'"
        ),
        click.option(
            "--with-duplicates", "duplicates", is_flag=True, help="Also rows dropped for saying the same."
        ),
        click.option("--yes", is_flag=True, help="Mean it where nothing, or everything, is named."),
        click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
    ):
        function = option(function)
    return function


def rows_option(default: int, help_text: str = "How many rows to list.") -> Callable[[Function], Function]:
    """Add --rows, how many rows are listed, to a command."""
    return click.option(
        "--rows",
        "max_rows",
        type=click.IntRange(0),
        default=default,
        show_default=True,
        help=help_text,
    )


def version_argument(name: str, *, required: bool = True) -> Callable[[Function], Function]:
    """Add a version as an argument of a command."""
    return click.argument(name, required=required, shell_complete=complete_versions)


def anyway_option(function: Function) -> Function:
    """Add --anyway to a command that takes only versions whose checks passed."""
    return click.option("--anyway", is_flag=True, help="Take a version even if its checks failed.")(function)


def version_option(help_text: str) -> Callable[[Function], Function]:
    """Add --version, which version to work on, to a command."""
    return click.option("--version", "version_id", help=help_text, shell_complete=complete_versions)


def run_argument(function: Function) -> Function:
    """Add RUN, the beginning of a run id, to a command."""
    return click.argument("run", shell_complete=complete_runs)(function)
