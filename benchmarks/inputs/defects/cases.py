"""Reads the cases and lays them out as the sources of one curation run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.inputs.defects.damage import DAMAGES

HERE = Path(__file__).parent
PAIRED = ("copy", "edit", "other_number", "other_answer")  # damages that need the undamaged row beside them
Group = Literal["defect", "twin", "hard_negative", "clean", "background"]
Expect = Literal["out", "tag", "flag", "keep"]
Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A row with what default curation should do with it.

    expect: `out` drops or quarantines, `tag` notes without dropping, `flag` either, `keep` neither.
    defect: the class of a defect. real: made from a real row. fair_tags: defects whose tag is no mistake here.
    A `twin` is the row that makes a duplicate or a conflict of the case whose id it carries. beyond: why the
    design does not ask for this case, which is counted apart.
    """

    id: str
    group: Group
    expect: Expect
    row: dict[str, Any]
    real: bool
    defect: str | None = None
    fair_tags: tuple[str, ...] = ()
    beyond: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether failures on this case may be shown to who writes the rules; the other half stays sealed."""
        return self.group != "defect" or int(self.id[-2:]) % 2 == 1


def read(name: str) -> list[dict[str, Any]]:
    """Return the lines of a file of this folder."""
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def load(real: Mapping[str, Messages] | None) -> list[Case]:
    """Return every case; without `real` (id -> messages of the public set) those that were written.

    Raises KeyError if `real` lacks a row that a case names.
    """
    cases = list(_written())
    if real is not None:
        cases += [*_damaged(real), *_untouched(real)]
    return cases


def _written() -> Iterator[Case]:
    for path in sorted((HERE / "written").glob("*.jsonl")):
        for line in read(f"written/{path.name}"):
            clean = line["expect"] == "keep"
            group: Group = "clean" if clean else "defect"
            defect = None if clean else line["defect"]
            yield Case(
                line["id"], group, line["expect"], line["row"], False, defect, beyond=line.get("beyond")
            )
            if "twin" in line:
                yield Case(f"{line['id']}/twin", "twin", "keep", line["twin"], False, line["defect"])


def _damaged(real: Mapping[str, Messages]) -> Iterator[Case]:
    for line in read("damaged.jsonl"):
        other = real[line["other"]] if "other" in line else []
        row = DAMAGES[line["damage"]](real[line["row"]], other, line["number"])
        beyond = line.get("beyond")
        yield Case(line["id"], "defect", line["expect"], row, True, line["defect"], beyond=beyond)
        if line["damage"] in PAIRED:
            twin = {"messages": real[line["row"]]}
            yield Case(f"{line['id']}/twin", "twin", "keep", twin, True, line["defect"])


def _untouched(real: Mapping[str, Messages]) -> Iterator[Case]:
    for line in read("hard_negatives.jsonl"):
        fair = tuple(line.get("fair_tags", ()))
        yield Case(line["row"], "hard_negative", "keep", {"messages": real[line["row"]]}, True, None, fair)
    for row_id in (HERE / "background.txt").read_text(encoding="utf-8").split():
        yield Case(row_id, "background", "keep", {"messages": real[row_id]}, True)


def evaluation(real: Mapping[str, Messages] | None) -> list[dict[str, str]]:
    """Return the evaluation items (prompt, response) that the cases of contamination leak."""
    items: list[dict[str, str]] = read("evaluation.jsonl")
    for line in read("damaged.jsonl") if real is not None else []:
        if line["damage"] == "leak":
            turns = real[line["other"]]  # type: ignore[index]
            items.append({"prompt": turns[0]["content"], "response": turns[-1]["content"]})
    return items


def is_instruction(case: Case) -> bool:
    """Return whether the row has the columns instruction, input and output."""
    return "instruction" in case.row
