"""Turns the facts of a page into its charts, and decides how much of a long list is shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tilth.validators import charts, wording
from tilth.validators.charts import Bar, Chart, Range

MAX_BARS = 30
MAX_VALUES = 14  # of one distribution; the rest is summed up
MAX_CURVES = 12

Charts = dict[str, list[Chart]]
MAIN, SIDE = ("s1", "primary"), ("s0", "secondary")
CURVES = ("probe", "twin", "feedback")


class Cut:
    """Shows at most `most` of a list, less where the page would grow too large."""

    def __init__(self, share: float) -> None:
        self._share = share

    def shown(self, items: Sequence[Any], most: int) -> Sequence[Any]:
        """Return the first items."""
        return items[: max(1, int(most * self._share))]

    def left_out(self, items: Sequence[Any], most: int) -> int:
        """Return how many `shown` leaves out."""
        return len(items) - len(self.shown(items, most))


Draw = Callable[[Mapping[str, Any], Cut], Charts]


def of_data(facts: Mapping[str, Any], cut: Cut) -> Charts:
    """The conservation bar, the funnel and the distributions of a data page."""
    counts = facts["conservation"]
    fates = [("s1", "kept", counts["kept"]), ("before", "dropped", counts["dropped"])]
    fates.append(("s2", "quarantined", counts["quarantined"]))
    if counts["unaccounted"]:
        fates.append(("bad-fill", "unaccounted for", counts["unaccounted"]))
    return {
        "conservation": [charts.stack("Where every input line went", fates)],
        "funnel": [charts.bars("Lines left after each phase", _funnel(facts), wording.count)],
        "distributions": [_distribution(d, cut) for d in facts["distributions"] if d["lines"]],
    }


def of_run(facts: Mapping[str, Any], cut: Cut) -> Charts:
    """Losses per slice, task scores, curves and the rate of a run page."""
    rate = facts["rate"]
    return {
        "slices": _base_and_tuned("Loss on held-out rows, nat/token", facts["slices"], "slice", cut),
        "tasks": _base_and_tuned("Task score", facts["tasks"], "name", cut),
        "curves": [
            charts.lines(c["slice"], "step", c["step"], {n: c[n] for n in CURVES}, wording.decimal)
            for c in cut.shown(facts["curves"], MAX_CURVES)
        ],
        "rate": [charts.lines("Learning rate", "step", rate["step"], {"rate": rate["rate"]})]
        if rate["step"]
        else [],
        "rate_search": [_range_test(facts["rate_search"])] if "rate_search" in facts else [],
    }


def of_comparison(facts: Mapping[str, Any], cut: Cut) -> Charts:
    """The paired differences: a chart per unit, those from the base apart because they dwarf the others."""
    apart: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
    for difference in facts["differences"]:
        from_base = difference["label"].partition(",")[0].endswith("base")
        apart.setdefault((difference["unit"], from_base), []).append(difference)
    drawn = []
    for (unit, from_base), differences in sorted(apart.items(), key=lambda item: item[0][1]):
        labelled = [
            (d["label"], [_range(*(MAIN if d["primary"] else SIDE), d["interval"])])
            for d in cut.shown(differences, MAX_BARS)
        ]
        title = "Against the base, " if from_base else "Paired differences, "
        title += f"{unit} ({differences[0]['better']} is better)"
        drawn.append(charts.intervals(title, labelled, zero=True, show=wording.signed))
    return {"differences": drawn}


def of_index(facts: Mapping[str, Any], cut: Cut) -> Charts:
    """None: the index of a store is lists."""
    return {}


def of_doctor(facts: Mapping[str, Any], cut: Cut) -> Charts:
    """Where the lines of a file went, and the histograms of its rows."""
    counts = facts["lines"]
    fates = [("s1", "distinct rows", counts["rows"]), ("before", "repeats", counts["repeated"])]
    fates.append(("s2", "unreadable", counts["unreadable"]))
    drawn = []
    for histogram in facts["histograms"]:
        most = 2 * MAX_VALUES if histogram["ordered"] else MAX_VALUES
        shown = [Bar(label, share) for label, share in cut.shown(histogram["bars"], most)]
        rest = histogram["bars"][len(shown) :]
        if rest:
            shown.append(Bar(f"{len(rest)} others", sum(share for _, share in rest)))
        chart = (charts.columns if histogram["ordered"] else charts.bars)(histogram["title"], shown)
        drawn.append(replace(chart, legend=()))
    return {"lines": [charts.stack("What every line of the file is", fates)], "histograms": drawn}


def _funnel(facts: Mapping[str, Any]) -> list[Bar]:
    bars = [Bar("lines in", facts["conservation"]["lines"])]
    for phase in facts["funnel"]:
        taken = [(phase["dropped"], "dropped"), (phase["quarantined"], "quarantined")]
        words = [f"{wording.count(-n)} {fate}" for n, fate in taken if n]
        note = " · ".join([*words, f"{wording.count(phase['rows_left'])} left"])
        bars.append(Bar(phase["phase"], phase["rows_left"], note=note))
    return bars


def _distribution(facts: Mapping[str, Any], cut: Cut) -> Chart:
    shown = cut.shown(facts["lines"], 2 * MAX_VALUES if facts["ordered"] else MAX_VALUES)
    bars = [Bar(str(line["value"]), line["after"], line["before"], line["target"]) for line in shown]
    rest = facts["lines"][len(shown) :]
    if rest:
        before = [line["before"] for line in rest]
        bars.append(
            Bar(
                f"{len(rest)} others",
                sum(line["after"] for line in rest),
                None if None in before else sum(before),
            )
        )
    draw = charts.columns if facts["ordered"] else charts.bars
    return draw(_title(facts["by"]), bars)


def _range_test(search: Mapping[str, Any]) -> Chart:
    """Draw the loss while the rate rises, over the rate's logarithm."""
    powers = [math.log10(rate) for rate in search["test_rate"]]
    return charts.lines(
        "Range test: loss while the rate rises",
        "rate, power of ten",
        powers,
        {"loss": search["test_loss"]},
        wording.decimal,
    )


def _title(by: str) -> str:
    return "length of the responses, characters" if by == "length" else by


def _base_and_tuned(title: str, results: Sequence[Mapping[str, Any]], label: str, cut: Cut) -> list[Chart]:
    if not results:
        return []
    labelled = [
        (r[label], [_range("s0", "base", r["base"]), _range("s1", "tuned", r["tuned"])])
        for r in cut.shown(results, MAX_BARS)
    ]
    return [charts.intervals(title, labelled, show=wording.decimal)]


def _range(mark: str, words: str, interval: Mapping[str, Any]) -> Range:
    return Range(mark, words, interval["value"], interval["low"], interval["high"])
