"""tilth schema: the JSON schema of a recipe, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP
from tilth.workbench.session import guarded, say


@click.command("schema", context_settings=HELP)
@click.option("--out", type=click.Path(path_type=Path), help="Write it to this file instead of printing it.")
@guarded
def main(out: Path | None) -> None:
    """Print a JSON schema of the recipe, by which editors complete and check keys.

    Every key with its sentence, type, default and range. `tilth init` writes it beside the recipe and names it in the
    first line, as editors with a YAML language server look for it:

        # yaml-language-server: $schema=recipe.schema.json
    """
    from tilth.workbench.recipes.schema import schema_bytes, write_schema

    if out is None:
        click.echo(schema_bytes(), nl=False)
    else:
        write_schema(out)
        say(str(out))


if __name__ == "__main__":
    main()
