"""make figures: the tables of figures in README.md and benchmarks/README.md, made from benchmarks/results/.

`FIGURES` says what stands in which line and where in a result it is found; no number is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby
from statistics import median
from typing import Any

from benchmarks.tools.figure_list import FIGURES, HEADLINES, Figure
from benchmarks.tools.record import RESULTS, ROOT

START, END = "<!-- figures: written by make figures -->", "<!-- end of figures -->"
PAGES = {"README.md": "headlines", "benchmarks/README.md": "tables"}
BUSY = "\\*"  # taken beside other work


@cache
def result(name: str) -> dict[str, Any]:
    """Return what was measured under a name, with command, date and machine."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def look_up(figures: Any, path: str) -> Any:
    """Return what lies at a path of keys; `*` is the median over a list, a key with `?` that lacks is 0."""
    if not path:
        return figures
    key, _, rest = path.partition("/")
    if key == "*":
        return median(look_up(one, rest) for one in figures)
    if key.endswith("?"):
        return figures.get(key[:-1], 0)
    return look_up(figures[key], rest)


def written(value: Any, form: str) -> str:
    """Return a figure as the page shows it: a share without its zero, a count with commas, `of` as 3 of 4."""
    if form == "share":
        return f"{value:.3f}".replace("0.", ".", 1)
    if form == "count" and 0 < value < 1:
        return f"{value:.2g}".replace("0.", ".", 1)
    if form == "percent":
        return f"{100 * value:+.1f} %"
    if form == "of":
        return str(value).replace("/", " of ")
    if form == "text":
        return str(value)
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def cells(figure: Figure) -> tuple[str, ...]:
    """Return what | Tilth | the peer | its name and version | command | date, processor."""
    found = result(figure.result)
    machine = found["machine"]
    ours = written(look_up(found["figures"], figure.ours), figure.form)
    peer = written(look_up(found["figures"], figure.peer), figure.form) if figure.peer else ""
    version = look_up(found["figures"], figure.version) if "/" in figure.version else figure.version
    processor = machine["processor"].replace("(R)", "")
    taken = f"{found['date']}{BUSY if machine.get('beside_other_work') else ''}, {processor}"
    name, comma, setting = figure.name.partition(",")
    which = f"{name} {version}".strip() + comma + setting
    return figure.what, ours, peer, which, f"`{found['command']}`", taken


def tables() -> Iterator[str]:
    """Yield the lines of all tables, one for each heading."""
    for heading, figures in groupby(FIGURES, key=lambda figure: figure.heading):
        yield from (
            "",
            f"### {heading}",
            "",
            "| what | Tilth | the peer | which | command | date, processor |",
        )
        yield "|---|---|---|---|---|---|"
        for figure in figures:
            yield f"| {' | '.join(cells(figure))} |"
    yield ""


def headlines() -> Iterator[str]:
    """Yield the lines of the short table."""
    yield from ("", "| what | figure | command |", "|---|---|---|")
    for figure in HEADLINES:
        what, ours, _, _, command, _ = cells(figure)
        yield f"| {what} | {ours} | {command} |"
    yield ""


MAKERS: dict[str, Callable[[], Iterator[str]]] = {"headlines": headlines, "tables": tables}


def filled(page: str) -> str:
    """Return a page with its figures as the results have them now."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = "\n".join(MAKERS[PAGES[page]]())
    marked = re.compile(f"{re.escape(START)}.*{re.escape(END)}", re.DOTALL)
    return marked.sub(lambda _: f"{START}\n{lines}\n{END}", text)


def main() -> None:
    """Write the tables of both pages."""
    for page in PAGES:
        (ROOT / page).write_text(filled(page), encoding="utf-8")
        print(f"wrote {page}")


if __name__ == "__main__":
    main()
