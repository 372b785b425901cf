"""Great Expectations suites as JSON: read into expectations of ours and written from them, so that teams keep theirs.

Both forms are read: `type` with `name` (1.x) and `expectation_type` with `expectation_suite_name` (0.x). What Great
Expectations has no word for is kept under `meta.tilth` and read back from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tilth.shards.errors import UsageError
from tilth.validators.recipe import Expectation

PREFIX = "expect_column_"
SEVERITIES = {"critical": "error", "error": "error", "warning": "warning", "info": "warning"}
MAX_BYTES = 8 << 20


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _between(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {"low": kwargs.get("min_value"), "high": kwargs.get("max_value")}


def _lengths(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    length = f"pl.col({_quoted(kwargs['column'])}).str.len_chars()"
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    parts = [f"({length} >= {low})"] if low is not None else []
    parts += [f"({length} <= {high})"] if high is not None else []
    return {"column": None, "expression": " & ".join(parts)}


def _no_match(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    found = f"pl.col({_quoted(kwargs['column'])}).str.contains({_quoted(kwargs['regex'])})"
    return {"column": None, "expression": f"~{found}"}


# what follows `expect_column_` -> the arguments it takes beside column and mostly, and what they are here
KNOWN: dict[str, tuple[set[str], Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "values_to_be_between": ({"min_value", "max_value"}, _between),
    "values_to_not_be_null": (set(), lambda kwargs: {"present": True}),
    "values_to_be_in_set": (
        {"value_set"},
        lambda kwargs: {"one_of": [str(one) for one in kwargs["value_set"]]},
    ),
    "values_to_match_regex": ({"regex"}, lambda kwargs: {"matches": kwargs["regex"]}),
    "values_to_not_match_regex": ({"regex"}, _no_match),
    "value_lengths_to_be_between": ({"min_value", "max_value"}, _lengths),
    "values_to_be_unique": (set(), lambda kwargs: {"unique": True}),
}


def read_suite(path: Path) -> tuple[Expectation, ...]:
    """Return what a suite expects. Raises UsageError where it is none, or expects what nobody here can judge."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(path.name, f"is larger than {MAX_BYTES:,} bytes", "Nothing was judged")
        suite = json.loads(path.read_bytes())
        listed = suite["expectations"]
        kept = (suite.get("meta") or {}).get("tilth", [])
        found = [_read(path, at, one) for at, one in enumerate(listed)]
        found += [Expectation.model_validate(one) for one in kept]
    except OSError as error:
        raise UsageError(path.name, f"cannot be read ({error.strerror})", "Nothing was judged") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "is no suite in JSON"
        raise UsageError(
            path.name, what, "Nothing was judged", "Write it with: suite.to_json_dict()"
        ) from None
    return tuple(_distinct(found))


def _read(path: Path, at: int, one: Mapping[str, Any]) -> Expectation:
    kind = str(one.get("type") or one.get("expectation_type"))
    kwargs = {k: v for k, v in one["kwargs"].items() if v not in (None, False) and k != "batch_id"}
    takes, translate = KNOWN.get(kind.removeprefix(PREFIX), (None, None))
    where = f"{path.name}: expectations[{at}]"
    if translate is None or takes is None:
        known = ", ".join(PREFIX + name for name in KNOWN)
        raise UsageError(where, f"{kind} is not judged here", "Nothing was judged", f"Known are {known}")
    extra = set(kwargs) - takes - {"column", "mostly"}
    if extra or "column" not in kwargs:
        what = f"{kind} with {', '.join(sorted(extra))} is not judged here" if extra else "it names no column"
        raise UsageError(where, what, "Nothing was judged", "Say it under checks.expect, with `where`")
    said = {"column": kwargs["column"], "mostly": kwargs.get("mostly", 1.0), **translate(kwargs)}
    word = re.sub(r"\W+", "_", f"{kwargs['column']}_{kind.removeprefix(PREFIX)}")[:72]
    name = (one.get("meta") or {}).get("name") or (word if re.match(r"[A-Za-z_]", word) else f"_{word}")
    severity = SEVERITIES.get(str(one.get("severity") or "critical"), "error")
    return Expectation.model_validate({"name": name, "severity": severity, **said})


def _distinct(found: Sequence[Expectation]) -> list[Expectation]:
    """Number the names that several bear."""
    seen: dict[str, int] = {}
    distinct = []
    for one in found:
        seen[one.name] = seen.get(one.name, 0) + 1
        again = seen[one.name] > 1
        distinct.append(one.model_copy(update={"name": f"{one.name}_{seen[one.name]}"}) if again else one)
    return distinct


def write_suite(name: str, expectations: Sequence[Expectation]) -> dict[str, Any]:
    """Return expectations as a suite of Great Expectations 1.x, as plain JSON values."""
    written = [(_written(one), one) for one in expectations]
    rest = [one.model_dump(mode="json", exclude_defaults=True) for found, one in written if found is None]
    return {
        "name": name,
        "expectations": [found for found, _ in written if found is not None],
        "meta": {"tilth": rest} if rest else {},
    }


def _written(one: Expectation) -> dict[str, Any] | None:
    """Return one in Great Expectations' words, None where it has none."""
    asked = {
        "values_to_be_between": {"min_value": one.low, "max_value": one.high}
        if (one.low, one.high) != (None, None)
        else None,
        "values_to_not_be_null": {} if one.present else None,
        "values_to_be_in_set": None if one.one_of is None else {"value_set": list(one.one_of)},
        "values_to_match_regex": None if one.matches is None else {"regex": one.matches},
        "values_to_be_unique": {} if one.unique else None,
    }
    said = {kind: kwargs for kind, kwargs in asked.items() if kwargs is not None}
    if len(said) != 1 or one.where or one.column is None:
        return None
    ((kind, kwargs),) = said.items()
    return {
        "type": PREFIX + kind,
        "kwargs": {
            "column": one.column,
            "mostly": one.mostly,
            **{k: v for k, v in kwargs.items() if v is not None},
        },
        "severity": "critical" if one.severity == "error" else "warning",
        "meta": {"name": one.name},
    }
