"""tilth: everything beside curate, train, validate and refresh."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.session import HELP, guarded, json_option, recipe_options

store_dir = click.option(
    "--store",
    "store_path",
    type=click.Path(path_type=Path),
    default=Path(".tilth"),
    show_default=True,
    help="The store to look into.",
)
version_argument = click.argument("version")


@click.group(context_settings=HELP)
@click.version_option(package_name="tilth", message="%(package)s %(version)s")
def main() -> None:
    """Start a recipe, watch the demo, and look into a store of versions.

    VERSION is an id, a unique beginning of one, NAME (what is served) or NAME.candidate.
    """


@main.command()
@click.argument("data", nargs=-1, required=True)
@click.option("--base", required=True, help="The model to tune: a folder or a hub name.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("recipe.yaml"),
    show_default=True,
    help="The recipe to write.",
)
@guarded
def init(data: tuple[str, ...], base: str, out: Path) -> None:
    """Write a commented recipe for DATA and a base.

    DATA: files, globs or folders on this machine, or an address: s3://, hf://.
    """
    from tilth.workbench import session
    from tilth.workbench.looking import init as starting

    starting.run(data, base, out, session.console())


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The folder of the page (default: doctor-FILE).")
@json_option
@guarded
def doctor(file: Path, out: Path | None, as_json: bool) -> None:
    """Examine a data FILE without a recipe, changing nothing.

    Writes a page about its health, and says what a recipe for it could say.
    """
    from tilth.workbench import session
    from tilth.workbench.looking import doctor as examining

    facts, page = examining.run(file, out)
    if as_json:
        session.print_json({**facts, "page": str(page)})
    else:
        examining.show(session.console(), facts, page)


@main.command()
@recipe_options
@click.option("--url", required=True, help="An OpenAI-compatible endpoint: http://127.0.0.1:8000/v1")
@click.option("--model", required=True, help="The name of the judge at that endpoint.")
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the endpoint's key.")
@click.option("--dry-run", is_flag=True, help="Show what would be asked, and send nothing.")
@json_option
@guarded
def judge(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    url: str,
    model: str,
    key_env: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Let a model at an endpoint score every kept row from 1 to 5.

    The rows are those of RECIPE's candidate. Their text goes to --url and nowhere else. A rerun asks only about
    rows not asked about before.
    """
    from tilth.workbench import session
    from tilth.workbench.running import judge as judging

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    judging.run(
        loaded, store, screen, judging.endpoint(url, model, key_env), dry_run=dry_run, as_json=as_json
    )


@main.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where to work.",
)
@guarded
def demo(folder: Path) -> None:
    """Run the whole loop on the bundled sample.

    Curates, trains, curates again, trains again, compares.
    """
    from tilth.workbench import session
    from tilth.workbench.running import demo as showing

    showing.run(folder, session.console())


@main.command()
@click.argument("name", required=False)
@guarded
def stages(name: str | None) -> None:
    """List what curation can do, or all parameters of the stage NAME."""
    from tilth.workbench import session
    from tilth.workbench.looking import stages as listing

    listing.show(session.console(), name)


@main.command()
@click.argument("name", required=False)
@store_dir
@json_option
@guarded
def log(name: str | None, store_path: Path, as_json: bool) -> None:
    """List the versions of NAME, newest first.

    NAME may be left out where there is only one.
    """
    from tilth.workbench.looking import store as looking

    looking.log(store_path, name, as_json=as_json)


@main.command()
@version_argument
@store_dir
@json_option
@guarded
def show(version: str, store_path: Path, as_json: bool) -> None:
    """Show what a version is made of."""
    from tilth.workbench.looking import store as looking

    looking.show(store_path, version, as_json=as_json)


@main.command()
@click.argument("old")
@click.argument("new")
@click.option("--rows", "max_rows", type=int, default=50, show_default=True, help="How many rows to list.")
@store_dir
@json_option
@guarded
def diff(old: str, new: str, max_rows: int, store_path: Path, as_json: bool) -> None:
    """List row by row what changed from OLD to NEW, and why."""
    from tilth.workbench.looking import store as looking

    looking.diff(store_path, old, new, max_rows=max_rows, as_json=as_json)


@main.command()
@click.argument("row")
@click.option("--version", "version_id", help="Look in this version (default: the newest candidate).")
@store_dir
@json_option
@guarded
def explain(row: str, version_id: str | None, store_path: Path, as_json: bool) -> None:
    """Say why ROW stayed or went.

    ROW: the beginning of a row id, or file:line.
    """
    from tilth.workbench.looking import store as looking

    looking.explain(store_path, row, version_id, as_json=as_json)


@main.command()
@click.argument("version", required=False)
@store_dir
@guarded
def verify(version: str | None, store_path: Path) -> None:
    """Check every byte of a version, or of the whole store."""
    from tilth.workbench.looking import store as looking

    looking.verify(store_path, version)


@main.command()
@version_argument
@click.argument("folder", type=click.Path(path_type=Path))
@store_dir
@guarded
def export(version: str, folder: Path, store_path: Path) -> None:
    """Write a version to FOLDER, for datasets.load_dataset.

    Parquet shards, a card, the ledger of every line, and croissant.json.
    """
    from tilth.workbench.looking import store as looking

    looking.export(store_path, version, folder)


@main.command()
@click.argument("run")
@click.option(
    "--rows", type=click.IntRange(1), default=20, show_default=True, help="How many prompts to vote on."
)
@store_dir
@json_option
@guarded
def compare(run: str, rows: int, store_path: Path, as_json: bool) -> None:
    """Vote, blind, on answers of base and tuned side by side.

    RUN: the beginning of a run id. Keys: 1 or 2 for the better answer, 0 or = for neither, q to stop; the same
    command goes on. --json prints the votes so far and asks nothing.
    """
    from tilth.workbench import session
    from tilth.workbench.looking import compare as side_by_side
    from tilth.workbench.looking import store as looking
    from tilth.workbench.running.runs import find_run

    folder = find_run(looking.open_existing(store_path), run)
    if as_json:
        session.print_json(side_by_side.results(folder, rows))
    else:
        screen = session.console()
        side_by_side.show(screen, side_by_side.run(folder, screen, rows), folder)


@main.command()
@click.argument("url")
@click.option("--model", help="The model's name at the server (default: the first it lists).")
@click.option("--run", help="The beginning of a run id (default: the newest finished run).")
@click.option(
    "--allow", type=click.IntRange(0), default=2, show_default=True, help="How many answers may differ."
)
@store_dir
@json_option
@guarded
def check(url: str, model: str | None, run: str | None, allow: int, store_path: Path, as_json: bool) -> None:
    """Ask a server a run's stored prompts and compare the answers.

    URL: OpenAI-compatible, http://127.0.0.1:8000/v1. Exit code 3 where more answers differ than may.
    """
    from tilth.workbench import session
    from tilth.workbench.looking import check as server_check
    from tilth.workbench.looking import store as looking
    from tilth.workbench.running.runs import find_run

    named, routes = server_check.run(find_run(looking.open_existing(store_path), run), url, model)
    if as_json:
        session.print_json(server_check.as_dict(named, routes))
    else:
        server_check.show(session.console(), named, routes)
    server_check.require_same(url, routes, allow)


@main.command()
@click.argument("run")
@store_dir
@guarded
def gguf(run: str, store_path: Path) -> None:
    """Write the merged weights of RUN as one GGUF file.

    llama.cpp's own converter does it, where it is installed.
    """
    from tilth.workbench.looking import gguf as converting
    from tilth.workbench.looking import store as looking
    from tilth.workbench.running.runs import find_run

    click.echo(converting.run(find_run(looking.open_existing(store_path), run)))


@main.command()
@click.argument("name")
@click.option("--to", help="Go back to this version (default: the one before).")
@store_dir
@guarded
def rollback(name: str, to: str | None, store_path: Path) -> None:
    """Make an earlier version of NAME the candidate again.

    Nothing is deleted.
    """
    from tilth.workbench.looking import store as looking

    looking.rollback(store_path, name, to)


@main.command()
@click.option("--keep", type=int, default=10, show_default=True, help="Versions to keep behind each ref.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@store_dir
@guarded
def gc(keep: int, dry_run: bool, store_path: Path) -> None:
    """Remove objects that no kept version and no feedback names."""
    from tilth.workbench.looking import store as looking

    looking.gc(store_path, keep=keep, dry_run=dry_run)


if __name__ == "__main__":
    main()
