"""tilth: one word for every command; each is a file beside this one."""

from __future__ import annotations

import click

from tilth.workbench.options import HELP
from tilth.workbench.registry import TOP, CommandFiles


@click.group(TOP, cls=CommandFiles, context_settings=HELP)
@click.version_option(package_name="tilth", message="%(package)s %(version)s")
def main() -> None:
    """Curate data, tune a model on it, and look into what came of both.

    `curate`, `train`, `validate` and `refresh` are commands of their own as well. VERSION is an id, a unique
    beginning of one, NAME (what is served) or NAME.candidate.
    """


if __name__ == "__main__":
    main()
