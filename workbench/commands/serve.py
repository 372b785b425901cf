"""tilth serve [STORE]: the room in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP
from tilth.workbench.session import guarded


@click.command("serve", context_settings=HELP)
@click.argument("store", type=click.Path(path_type=Path), default=Path(".tilth"))
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="0 takes a free one."
)
@click.option("--read-only", is_flag=True, help="Look, and decide nothing.")
@click.option("--recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The recipe of What if (default: the one beside the store).")  # fmt: skip
@click.option("--user", help="Who decides here (default: your login name).")
@click.option(
    "--socket", type=click.Path(path_type=Path), help="Listen on this Unix socket, behind a reverse proxy."
)
@click.option(
    "--user-header", help="With --socket: the header in which the proxy names the user, and vouches for it."
)
@click.option("--host-name", multiple=True, help="With --socket: the name that people ask the proxy for.")
@guarded
def main(
    store: Path,
    port: int,
    read_only: bool,
    recipe: Path | None,
    user: str | None,
    socket: Path | None,
    user_header: str | None,
    host_name: tuple[str, ...],
) -> None:
    """Browse, compare and decide in the browser; what is decided is in the next version.

    Only this machine can ask (127.0.0.1), and only with the link that is printed. Needs pip install 'tilth[ui]'.
    """
    from tilth.workbench.looking.versions import open_existing
    from tilth.workbench.serving.serve import Listening, serve_room

    where = Listening(port, socket, user_header, host_name)
    serve_room(open_existing(store), where, read_only=read_only, recipe=recipe, user=user)


if __name__ == "__main__":
    main()
