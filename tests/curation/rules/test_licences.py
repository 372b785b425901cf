from __future__ import annotations

import polars as pl
import pytest

from tests.turn_frames import answers, reasons
from tilth.curation.rules.licences import Licences
from tilth.shards.tables import Verdict


def licensed(*licences: str | None) -> pl.DataFrame:
    turns = answers(*["Yes."] * len(licences))
    of_row = pl.DataFrame({"row_id": turns["row_id"].unique(maintain_order=True), "licence": licences})
    of_row = of_row.with_columns(pl.col("licence").cast(pl.String))
    return turns.drop("licence").join(of_row, on="row_id", maintain_order="left")


@pytest.mark.parametrize("allow", [("MIT", "CC-BY-4.0"), ("mit license", "cc by 4.0")])
def test_only_allowed_licences_stay_however_they_are_spelled(allow: tuple[str, ...]) -> None:
    turns = licensed(
        "mit", "CC BY 4.0", "CC-BY-SA-4.0", "MIT OR GPL-3.0", None, "House terms", "cc-by-nc-4.0"
    )
    assert reasons(Licences(allow=allow), turns) == [
        set(),
        set(),
        {"licence_not_allowed"},
        set(),
        {"licence_unknown"},
        {"licence_not_allowed"},
        {"licence_not_allowed", "non_commercial"},
    ]


def test_without_a_list_only_terms_are_noted() -> None:
    turns = licensed("mit", None, "CC-BY-NC-4.0", "for research use only")
    assert reasons(Licences(), turns) == [set(), set(), {"non_commercial"}, {"non_commercial"}]


def test_rows_without_licence_are_tagged_or_what_the_recipe_says() -> None:
    verdicts = {rule.reason: rule.verdict for rule in Licences(allow=("MIT",)).rules()}
    assert verdicts == {
        "licence_not_allowed": Verdict.DROP,
        "licence_unknown": Verdict.KEEP,
        "non_commercial": Verdict.KEEP,
    }
    strict = Licences(allow=("MIT",), unknown=Verdict.DROP).rules()
    assert strict[1].verdict is Verdict.DROP


def test_without_any_licence_nothing_is_measured() -> None:
    assert Licences().measure(licensed(None, None)).is_empty()
    assert Licences(allow=("MIT",)).measure(licensed(None, None))["unknown"].to_list() == [1.0, 1.0]
