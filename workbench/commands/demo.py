"""tilth demo: the whole loop on a bundled sample."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP
from tilth.workbench.session import guarded


@click.command("demo", context_settings=HELP)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="Where to work.  [default: demo, or demo-real]",
)
@click.option("--real", is_flag=True, help="Real messages and SmolLM2-135M (tilth base smollm2-135m).")
@guarded
def main(folder: Path | None, real: bool) -> None:
    """Run the whole loop on a bundled sample.

    Curates, trains, curates again, trains again, compares.
    """
    from tilth.workbench import session
    from tilth.workbench.running.demo import INVENTED, REAL, run_demo

    run_demo(folder or Path("demo-real" if real else "demo"), session.console(), REAL if real else INVENTED)


if __name__ == "__main__":
    main()
