"""Who is in the data: shares by slice, source, language and length, as read, as kept, as wanted."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tilth.shards.columns import column
from tilth.shards.shares import Aim, aim_of
from tilth.shards.tables import Split, Verdict
from tilth.validators.drift import with_language
from tilth.validators.facts.data import Distribution, DistributionLine
from tilth.validators.metrics import Tables, total_weight

LENGTH = "length.response_chars"
_KEPT = pl.col("verdict") == Verdict.KEEP
_TRAIN = _KEPT & (pl.col("split") == Split.TRAIN)


def distributions(tables: Tables, targets: Mapping[str, Mapping[str, float]]) -> list[Distribution]:
    """Return one distribution per attribute that the tables hold or that the recipe sets a target for.

    before: share of the distinct rows read. after: share of the weight of the kept train rows. A slice is
    only known of kept rows, so it has no before. A target may name an attribute of the sources.
    """
    rows = tables.decisions.select("row_id", "verdict", "split", "slice", "weight")
    asked = [by for by in targets if by not in ("slice", "source", "language", "length")]
    named = {by: column(tables.rows, by) for by in (*asked, "source" if "source" in targets else "file")}
    none = pl.lit(None, pl.String)
    known = tables.rows.select("row_id", **{by: none if v is None else v for by, v in named.items()})
    rows = with_language(
        rows.join(known.rename({"file": "source"}, strict=False), on="row_id"), tables.row_measures
    )
    found = [_shares(rows.filter(_KEPT), "slice", targets, read=False), _shares(rows, "source", targets)]
    if "language" in rows.columns:
        found.append(_shares(rows, "language", targets))
    found += [_shares(rows, by, targets) for by in asked]
    lengths = _length_buckets(tables.row_measures)
    if lengths is not None:
        found.append(_shares(rows.join(lengths, on="row_id"), "length", targets, ordered=True))
    return found


def _shares(
    rows: pl.DataFrame,
    by: str,
    targets: Mapping[str, Mapping[str, float]],
    *,
    read: bool = True,
    ordered: bool = False,
) -> Distribution:
    aim = _aim(rows, by, targets.get(by, {}))
    counted = (
        rows.group_by(pl.col(by).fill_null("unknown"))
        .agg(
            rows_before=pl.len(),
            rows_after=_KEPT.sum(),
            after=total_weight(_TRAIN),
            order=pl.col("order").min() if ordered else pl.lit(0),
        )
        .with_columns(
            before=pl.col("rows_before") / max(rows.height, 1),
            after=(pl.col("after") / pl.col("after").sum()).fill_nan(0.0),
        )
        .sort("order", "rows_before", by, descending=[False, True, False])
    )
    lines = [
        DistributionLine(
            value=str(line[by]),
            rows_before=line["rows_before"] if read else None,
            rows_after=line["rows_after"],
            before=line["before"] if read else None,
            after=line["after"],
            target=aim.shares.get(str(line[by])),
        )
        for line in counted.to_dicts()
    ]
    absent = [value for value in aim.shares if value not in {line["value"] for line in lines}]
    lines += [
        DistributionLine(value=v, rows_before=0 if read else None, rows_after=0, before=0.0 if read else None,
                         after=0.0, target=aim.shares[v])
        for v in absent
    ]  # fmt: skip
    return Distribution(by=by, ordered=ordered, lines=lines, note=aim.note)


def _aim(rows: pl.DataFrame, by: str, declared: Mapping[str, float]) -> Aim:
    """Return what the declared shares come to among the training rows, as `balance` takes them."""
    if not declared:
        return Aim({}, 0.0, "")
    return aim_of(declared, dict(rows.filter(_TRAIN).group_by(by).len().iter_rows()))


def _length_buckets(measures: pl.DataFrame) -> pl.DataFrame | None:
    """Return row_id, length (characters of the responses, in powers of two) and its order."""
    if LENGTH not in measures.columns:
        return None
    low = 2 ** pl.col(LENGTH).clip(1).log(2).floor().cast(pl.Int64)
    return measures.filter(pl.col(LENGTH).is_not_null()).select(
        "row_id",
        order=low,
        length=pl.concat_str(low.cast(pl.String), pl.lit("–"), (2 * low - 1).cast(pl.String)),
    )
