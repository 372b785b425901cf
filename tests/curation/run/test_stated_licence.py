from __future__ import annotations

import polars as pl
import pytest

from tilth.curation.reading.stated_licence import with_stated_licence
from tilth.curation.rules.licences import Licences
from tilth.curation.run.required_licence import require_licences
from tilth.shards.errors import RecipeError
from tilth.shards.tables import Verdict


def rows(*cells: tuple[str | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(cells, schema={"licence": pl.String, "attributes": pl.String}, orient="row")


@pytest.mark.parametrize("column", ["license", "licence", "License"])
def test_a_column_called_so_is_the_licence(column: str) -> None:
    attributes = f'{{"id":7,"{column}":"CC-BY-4.0"}}'
    found = with_stated_licence(
        rows((None, attributes), ("MIT", attributes), (None, None), (None, '{"id":1}'))
    )
    assert found["licence"].to_list() == ["CC-BY-4.0", "MIT", None, None]
    assert found["attributes"].to_list() == [attributes, attributes, None, '{"id":1}']


def test_an_empty_licence_states_none() -> None:
    assert with_stated_licence(rows((None, '{"license":" "}')))["licence"].to_list() == [None]


def test_a_list_that_would_keep_everything_is_refused() -> None:
    unstated, stated = rows((None, None), (None, None)), rows((None, None), ("MIT", None))
    with pytest.raises(RecipeError, match="no row states a licence"):
        require_licences([Licences(allow=("MIT",))], unstated)
    require_licences([Licences(allow=("MIT",))], stated)
    require_licences([Licences(allow=("MIT",), unknown=Verdict.DROP)], unstated)
    require_licences([Licences()], unstated)
    require_licences([], unstated)
