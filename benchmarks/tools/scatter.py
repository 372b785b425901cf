"""A drawing of points with bars in both directions, as SVG that stands alone: no script, no font of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tilth.validators.charts import round_ticks

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 420, 64, 52, 34, 130
INK, SOFT, RULE = "#1b201d", "#5d655f", "#e2e2d9"
COLOURS = ("#2c6e4c", "#b4592a", "#3a5f9a", "#8a5b00", "#7a3f8f", "#1f7d86", "#a62f1d", "#5d655f")


@dataclass(frozen=True)
class Point:
    """A mean and how far single runs reached: (low, mean, high) along each axis."""

    label: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]


def scatter(path: Path, title: str, x_name: str, y_name: str, points: Sequence[Point]) -> None:
    """Write the drawing; each point carries its label."""
    x_low, x_high = _range([v for p in points for v in p.x])
    y_low, y_high = _range([v for p in points for v in p.y])

    def across(value: float) -> float:
        return LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - (value - y_low) / (y_high - y_low) * (HEIGHT - BOTTOM - TOP)

    parts = [_text(LEFT, 20, title, "start", INK, 15)]
    for tick in round_ticks(x_low, x_high, 6):
        parts.append(_line(across(tick), up(y_low), across(tick), up(y_high), RULE, 1))
        parts.append(_text(across(tick), HEIGHT - BOTTOM + 18, f"{tick:g}", "middle"))
    for tick in round_ticks(y_low, y_high, 6):
        parts.append(_line(across(x_low), up(tick), across(x_high), up(tick), RULE, 1))
        parts.append(_text(LEFT - 8, up(tick) + 4, f"{tick:g}", "end"))
    parts.append(_text((across(x_low) + across(x_high)) / 2, HEIGHT - 12, x_name, "middle"))
    parts.append(_text(LEFT, TOP - 2, y_name, "start"))
    for colour, point in zip(COLOURS, points, strict=False):
        x, y = across(point.x[1]), up(point.y[1])
        parts.append(_line(across(point.x[0]), y, across(point.x[2]), y, colour, 2))
        parts.append(_line(x, up(point.y[0]), x, up(point.y[2]), colour, 2))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        parts.append(_text(x + 9, y - 7, point.label, "start", colour, 13))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui,sans-serif"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#faf9f5"/>{"".join(parts)}</svg>\n',
        encoding="utf-8",
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 0.1
    return low - margin, high + margin


def _text(x: float, y: float, words: str, anchor: str, colour: str = SOFT, size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}" font-size="{size}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'
