"""The model card: what it was made from, what was measured, under which licences, and how to make it again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tilth.shards import licences
from tilth.shards.tables import Split, Verdict
from tilth.shards.version import Version
from tilth.training.plan.job import Job
from tilth.validators.facts.run import RunFacts

MAX_CURVE_COLUMNS = 6
MAX_TABLE_ROWS = 40
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)
_LICENCE = re.compile(r"^license:\s*['\"]?([^'\"\n#]+?)['\"]?\s*$", re.MULTILINE)


def model_card(job: Job, facts: RunFacts) -> str:
    """Return the card as Markdown with the front matter that model hubs read."""
    base_licence = licence_of(job.base)
    front = [f"base_model: {json.dumps(job.recipe.base)}", "library_name: transformers", "tags: [tilth]"]
    if base_licence:
        front.append(f"license: {json.dumps(base_licence)}  # of the base; those of the data are below")
    parts = [
        "\n".join(["---", *front, "---"]),
        f"# {job.version.manifest.name}\n\n**{facts['verdict']}.** "
        + ". ".join(map(_upper, facts["reasons"]))
        + ".",
        _table(("", ""), _made_from(job, facts)),
        "## Tasks\n\n" + _tasks(facts),
        "## Held-out loss\n\nNat per token, 95 % intervals; the change is paired by row.\n\n"
        + _slices(facts),
        "## Curves\n\nHeld-out loss by slice over the run.\n\n" + _curves(facts),
        "## What the base knew\n\n" + _retention(facts),
        "## Licences\n\n" + _licences(job.version, base_licence),
        "## Make it again\n\n" + _again(job),
    ]
    return "\n\n".join(parts) + "\n"


def licence_of(base: Path) -> str | None:
    """Return the licence that the card of a model names, or None."""
    card = base / "README.md"
    if not card.is_file():
        return None
    front = _FRONT_MATTER.search(card.read_text(encoding="utf-8", errors="replace"))
    named = _LICENCE.search(front[1]) if front else None
    return named[1] if named else None


def _made_from(job: Job, facts: RunFacts) -> list[tuple[str, str]]:
    manifest = job.version.manifest
    return [
        ("base", f"{job.recipe.base} (sha256 of its files {job.inputs['base'][:12]})"),
        ("data", f"{manifest.name}, version {job.version.id}"),
        ("content id of the data", manifest.content_id),
        (
            "method",
            f"{facts['method']}, {facts['steps']:,} steps, {facts['tokens']:,} tokens, seed {facts['seed']}",
        ),
        ("weights", f"those of step {facts['best_step']:,}"),
        ("run", facts["run_id"]),
    ]


def _tasks(facts: RunFacts) -> str:
    if not facts["tasks"]:
        return "None was given: this model is judged on its loss only."
    lines = []
    for task in facts["tasks"]:
        few = task.get("few_shot")
        lines.append(
            (
                task["name"],
                task["metric"],
                f"{task['items']:,}",
                _interval(task["base"]),
                _interval(few["score"]) if few else "–",
                _interval(task["tuned"]),
                _interval(task["change"]),
            )
        )
    return _table(("task", "metric", "items", "base", "base with examples", "tuned", "change"), lines)


def _slices(facts: RunFacts) -> str:
    lines = [
        (s["slice"], f"{s['rows']:,}", *(_interval(s[side]) for side in ("base", "tuned", "change")))
        for s in facts["slices"][:MAX_TABLE_ROWS]
    ]
    return _table(("slice", "rows", "base", "tuned", "change"), lines) if lines else "No held-out rows."


def _curves(facts: RunFacts) -> str:
    curves = [curve for curve in facts["curves"] if any(v is not None for v in curve["feedback"])]
    if not curves:
        return "Nothing was measured on the way."
    steps = curves[0]["step"]
    last = len(steps) - 1
    columns = sorted({round(i * last / (MAX_CURVE_COLUMNS - 1)) for i in range(MAX_CURVE_COLUMNS)})
    lines = [
        (
            curve["slice"],
            *(_number(curve["feedback"][i]) if i < len(curve["feedback"]) else "–" for i in columns),
        )
        for curve in curves[:MAX_TABLE_ROWS]
    ]
    return _table(("slice", *(f"step {steps[i]:,}" for i in columns)), lines)


def _retention(facts: RunFacts) -> str:
    kept = facts["retention"]
    if kept is None:
        return "Not measured."
    return (
        f"Loss on {kept['rows']:,} texts the base already knew ({kept['note']}): {kept['base']:.3f} to "
        f"{kept['tuned']:.3f} nat per token, change {_interval(kept['change'])}."
    )


def _licences(version: Version, of_base: str | None) -> str:
    rows = version.rows(["licence"]).hstack(version.decisions().select("verdict", "split"))
    trained = rows.filter((rows["verdict"] == Verdict.KEEP.value) & (rows["split"] == Split.TRAIN.value))
    counts = list(trained.group_by("licence").len().iter_rows())
    lines = [("the base", of_base or "not stated")]
    lines += [
        (f"{count:,} training rows", licence or "not stated")
        for licence, count in licences.count_normal(counts)
    ]
    return "\n\n".join([_table(("of", "licence"), lines), *licences.notes(counts)])


def _again(job: Job) -> str:
    changed = {
        "training": job.recipe.model_dump(mode="json", exclude_defaults=True),
        "evaluation": job.evaluation.model_dump(mode="json", exclude_defaults=True),
    }
    return (
        f"```sh\ntrain RECIPE --version {job.version.short} --seed {job.seed}\n```\n\n"
        f"with these sections in the recipe (JSON is YAML):\n\n```yaml\n{json.dumps(changed, indent=1)}\n```"
    )


def _table(titles: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    titles = list(titles)
    rows = [titles, ["---"] * len(titles), *(list(line) for line in lines)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _interval(value: Mapping[str, Any] | None) -> str:
    if value is None:
        return "–"
    return f"{value['value']:.3f}" + (
        "" if value["low"] is None else f" [{value['low']:.3f}, {value['high']:.3f}]"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
