"""Charts as SVG text made here: no script, no picture from elsewhere, readable at any width.

Positions along x are per cent of the drawing, so a chart narrows with its page while its text keeps its
size. Colours are classes that page.html.j2 defines for light and for dark. Each chart carries its numbers as
a table, which the page shows beneath it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tilth.validators.wording import number, percent, shorten

LABEL_CHARS = 44
MAX_POINTS = 40
SERIES = ("s1", "s2", "s3")
PLOT_UNITS = 1000  # width of the stretched inner drawing of a line chart

Format = Callable[[float | None], str]


@dataclass(frozen=True)
class Chart:
    """A drawing, what its marks mean (class, words), and its numbers as text."""

    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bar:
    """One line of a bar chart: `value` drawn solid, `before` pale behind it, `target` as a mark."""

    label: str
    value: float
    before: float | None = None
    target: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Range:
    """An estimate with its interval; `mark` is the class that draws it, `words` what it is."""

    mark: str
    words: str
    value: float | None
    low: float | None
    high: float | None


BAR_LEGEND = (("before", "read"), ("after", "kept, weighted"), ("target", "target"))


def bars(title: str, lines: Sequence[Bar], show: Format = percent) -> Chart:
    """Draw horizontal bars, each under its label, from zero to the largest number."""
    top = max([_largest(line) for line in lines], default=0.0) or 1.0
    step, parts = 38, []
    for index, line in enumerate(lines):
        y = index * step
        parts += [
            _text(0, y + 13, shorten(line.label, LABEL_CHARS)),
            _text(100, y + 13, line.note or show(line.value), "value end"),
            _rect(0, y + 21, line.before / top, 10, "before") if line.before is not None else Markup(),
            _rect(0, y + 23, line.value / top, 6, "after"),
            _line(line.target / top, y + 19, y + 33, "target") if line.target is not None else Markup(),
        ]
    return _bar_chart(title, _svg(title, len(lines) * step, parts), lines, show)


def columns(title: str, lines: Sequence[Bar], show: Format = percent) -> Chart:
    """Draw a histogram: one column per line in the order given, labels where there is room."""
    top = max([_largest(line) for line in lines], default=0.0) or 1.0
    height, width, parts = 140, 100 / max(len(lines), 1), []
    labelled = _spread(len(lines), 4)
    for index, line in enumerate(lines):
        x = index * width
        for value, share, mark in ((line.before, 0.9, "before"), (line.value, 0.5, "after")):
            if value is not None:
                tall = height * value / top
                inset = x + width * (1 - share) / 2
                parts.append(_rect(inset, height - tall + 4, width * share / 100, tall, mark))
        if index in labelled:
            anchor = "start" if index == 0 else "end" if index == len(lines) - 1 else "middle"
            at = {"start": x, "middle": x + width / 2, "end": x + width}[anchor]
            parts.append(_text(at, height + 20, line.label, f"small {anchor}"))
    parts.append(_line_across(height + 4))
    return _bar_chart(title, _svg(title, height + 28, parts), lines, show)


def lines(
    title: str,
    x_name: str,
    x: Sequence[float],
    series: Mapping[str, Sequence[float | None]],
    show: Format = number,
) -> Chart:
    """Draw up to three series over x, with gaps where a value is missing."""
    kept = sorted(_spread(len(x), MAX_POINTS))
    xs = [float(x[i]) for i in kept]
    picked = {name: [values[i] for i in kept] for name, values in series.items()}
    low, high = _padded([v for values in picked.values() for v in values if v is not None])
    height, top = 150, 6
    across, up = _scale(*_padded(xs, 0), PLOT_UNITS), _scale(low, high, height)
    parts = []
    for tick in round_ticks(low, high, 4):
        y = top + height - up(tick)
        parts += [
            _line_across(y),
            Markup('<text x="-8" y="{}" class="small end">{}</text>').format(_short(y + 4), number(tick)),
        ]
    inner = []
    for mark, values in zip(SERIES, picked.values(), strict=False):
        points = [
            (across(a), height - up(v)) if v is not None else None for a, v in zip(xs, values, strict=True)
        ]
        inner += [_polyline(piece, mark) for piece in _pieces(points)]
        parts += [_dot(p[0] / PLOT_UNITS * 100, top + p[1], mark) for p in _lonely(points)]
    plot = Markup(
        '<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">{}</svg>'
    ).format(top, height, PLOT_UNITS, height, Markup().join(inner))
    if xs:
        ends = [_text(0, height + 24, number(xs[0]), "small"), _text(50, height + 24, x_name, "small middle")]
        parts += [*ends, _text(100, height + 24, number(xs[-1]), "small end")]
    table = [(number(a), *(show(values[i]) for values in picked.values())) for i, a in enumerate(xs)]
    legend = tuple(zip(SERIES, picked, strict=False)) if len(picked) > 1 else ()
    svg = _svg(title, height + 30, [*parts, plot], "plot")
    return Chart(title, svg, legend, (x_name, *picked), tuple(table))


def intervals(
    title: str,
    labelled: Sequence[tuple[str, Sequence[Range]]],
    *,
    zero: bool = False,
    show: Format = number,
) -> Chart:
    """Draw estimates as dots on their intervals, those of one label together; `zero` marks no difference."""
    ends = [e for _, ranges in labelled for r in ranges for e in (r.value, r.low, r.high) if e is not None]
    low, high = _padded([*ends, *([0.0] if zero else [])])
    across = _scale(low, high, 100)
    parts: list[Markup] = []
    y = 0
    for label, ranges in labelled:
        words = " → ".join(show(r.value) for r in ranges)
        parts += [_text(0, y + 13, shorten(label, LABEL_CHARS)), _text(100, y + 13, words, "value end")]
        y += 25
        for r in ranges:
            if r.low is not None and r.high is not None:
                parts.append(_segment(across(r.low), across(r.high), y, r.mark))
            if r.value is not None:
                parts.append(_dot(across(r.value), y, r.mark))
            y += 10
        y += 8
    axis = [_line_across(y)]
    for tick in round_ticks(low, high, 5) if labelled else []:
        at = across(tick)
        axis += [_line(at / 100, y, y + 4, "tick"), _text(at, y + 16, number(tick), "small middle")]
        axis += [_line(at / 100, 20, y, "zero")] if zero and tick == 0 else []
    table = tuple(
        (label, r.words, show(r.value), show(r.low), show(r.high))
        for label, ranges in labelled
        for r in ranges
    )
    legend = tuple(dict.fromkeys((r.mark, r.words) for _, ranges in labelled for r in ranges))
    svg = _svg(title, y + 20, [*axis, *parts])
    return Chart(title, svg, legend if len(legend) > 1 else (), ("", "", "value", "low", "high"), table)


def stack(title: str, shares: Iterable[tuple[str, str, float]]) -> Chart:
    """Draw one bar cut into (class, words, number), widths in proportion."""
    pieces = list(shares)
    total, x, parts = sum(size for *_, size in pieces) or 1, 0.0, []
    for mark, _, size in pieces:
        parts.append(_rect(x, 0, size / total, 12, mark))
        x += 100 * size / total
    legend = tuple((mark, words) for mark, words, _ in pieces)
    rows = tuple((words, number(size), percent(size / total)) for _, words, size in pieces)
    return Chart(title, _svg(title, 12, parts), legend, ("", "lines", "share"), rows)


def _bar_chart(title: str, svg: Markup, shown: Sequence[Bar], show: Format) -> Chart:
    """Give a bar chart the legend and the table columns of the marks it really has."""
    has = {
        "before": any(line.before is not None for line in shown),
        "after": True,
        "target": any(line.target is not None for line in shown),
    }
    legend = tuple(entry for entry in BAR_LEGEND if has[entry[0]])
    rows = []
    for line in shown:
        values = {"before": line.before, "after": line.value, "target": line.target}
        rows.append((line.label, *(show(values[mark]) for mark, _ in legend)))
    return Chart(
        title, svg, legend if len(legend) > 1 else (), ("", *(words for _, words in legend)), tuple(rows)
    )


def _svg(title: str, height: float, parts: Iterable[Markup], classes: str = "") -> Markup:
    start = Markup('<svg class="{}" role="img" width="100%" height="{}"><title>{}</title>')
    return (
        start.format(f"chart {classes}".strip(), _short(height), title)
        + Markup().join(parts)
        + Markup("</svg>")
    )


def _text(x: float, y: float, words: str, classes: str = "") -> Markup:
    return Markup('<text x="{}%" y="{}" class="{}">{}</text>').format(_short(x), _short(y), classes, words)


def _rect(x: float, y: float, share: float, height: float, mark: str) -> Markup:
    width = max(100 * share, 0.0)
    return Markup('<rect x="{}%" y="{}" width="{}%" height="{}" rx="1.5" class="{}"/>').format(
        _short(x), _short(y), _short(width), _short(height), mark
    )


def _line(share: float, y1: float, y2: float, mark: str) -> Markup:
    at = _short(100 * share)
    return Markup('<line x1="{}%" x2="{}%" y1="{}" y2="{}" class="{}"/>').format(
        at, at, _short(y1), _short(y2), mark
    )


def _line_across(y: float) -> Markup:
    return Markup('<line x1="0" x2="100%" y1="{}" y2="{}" class="grid"/>').format(_short(y), _short(y))


def _segment(x1: float, x2: float, y: float, mark: str) -> Markup:
    return Markup('<line x1="{}%" x2="{}%" y1="{}" y2="{}" class="range {}"/>').format(
        _short(x1), _short(x2), _short(y), _short(y), mark
    )


def _dot(x: float, y: float, mark: str) -> Markup:
    return Markup('<circle cx="{}%" cy="{}" r="3.5" class="dot {}"/>').format(_short(x), _short(y), mark)


def _polyline(points: Sequence[tuple[float, float]], mark: str) -> Markup:
    path = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
    return Markup('<polyline points="{}" class="curve {}"/>').format(path, mark)


def _pieces(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Split at the gaps; pieces of one point are left to `_lonely`."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            pieces.append([])
        else:
            pieces[-1].append(point)
    return [piece for piece in pieces if len(piece) > 1]


def _lonely(points: Sequence[tuple[float, float] | None]) -> list[tuple[float, float]]:
    padded = [None, *points, None]
    return [
        middle
        for before, middle, after in zip(padded, padded[1:], padded[2:], strict=False)
        if middle is not None and before is None and after is None
    ]


def _largest(line: Bar) -> float:
    return max(line.value, line.before or 0.0, line.target or 0.0)


def _padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """Return the range of the values, a little wider, never empty."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = (high - low) * share or (0 if high > low else abs(high) * 0.1 or 1.0)
    return low - margin, high + margin


def _scale(low: float, high: float, length: float) -> Callable[[float], float]:
    return lambda value: (value - low) / (high - low) * length


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` round numbers in the range, a step of 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
    digits = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, digits) + 0.0 for i in range(first, last + 1)]


def _spread(total: int, most: int) -> set[int]:
    """Return at most `most` indices of `total`, evenly spread, both ends among them."""
    if total <= most:
        return set(range(total))
    return {round(i * (total - 1) / (most - 1)) for i in range(most)}


def _short(value: float) -> str:
    """Return a coordinate with at most one decimal, so that a page stays small."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if math.isfinite(value) else "0"
