"""The functions of a notebook: each takes a column of texts and returns a result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.shards.errors import UsageError
from tilth.workbench.notebook.results import BoundedResult, Result, shortened
from tilth.workbench.notebook.texts import Texts, as_texts

if TYPE_CHECKING:
    from tilth.curation.dedup.contamination import RuleName
    from tilth.shards.version import Version

Bounded = BoundedResult[Any]
Search = Callable[[float], pl.DataFrame]


def near_duplicates(
    texts: Any, responses: Any = None, *, jaccard: float = 0.8, keep_siblings: bool = True
) -> Bounded:
    """Find texts that repeat an earlier one; with `responses`, texts are prompts and both must be alike.

    jaccard: the least exact Jaccard similarity of word 5-grams. `.at(0.9)` answers for another bound.
    keep_siblings: texts of one template that differ in what they are about are no duplicates.

    >>> near_duplicates(["a b c d e f", "g h i j k l", "A b  c d e f!"]).explain(2)
    'dropped: repeats text 0 with a similarity of 1.000: a b c d e f'
    """
    from tilth.curation.dedup.duplicates import near_duplicates as find

    said = as_texts(texts)
    answers = _answers(said, responses)

    def search(bound: float) -> pl.DataFrame:
        return find(said.series, answers, jaccard=bound, keep_siblings=keep_siblings)

    return _repeats(said, f"near duplicates (Jaccard ≥ {jaccard:g})", jaccard, search)


def semantic_duplicates(
    texts: Any, responses: Any = None, *, cosine: float = 0.95, keep_siblings: bool = True
) -> Bounded:
    """Find texts that say what an earlier one says, by the cosine of vectors made of their words.

    With `responses`, texts are prompts and both must be alike. `.at(0.9)` answers for another bound. For vectors of
    an encoder of yours see `tilth.curation.dedup.semantic_duplicates`.
    """
    from tilth.curation.dedup.duplicates import semantic_duplicates as find

    said = as_texts(texts)
    answers = _answers(said, responses)

    def search(bound: float) -> pl.DataFrame:
        return find(said.series, answers, cosine=bound, keep_siblings=keep_siblings)

    return _repeats(said, f"semantic duplicates (cosine ≥ {cosine:g})", cosine, search)


def identify(texts: Any, *, confidence: float = 0.5) -> Bounded:
    """Name the language of every text (ISO 639-1); kept are those named with at least this confidence.

    `.table` has index, language and confidence of every text; `.at(0.8)` asks for more confidence.

    >>> identify(["Wir gehen morgen auf den Markt.", "x = 1"]).table["language"].to_list()
    ['de', 'unknown']
    """
    from tilth.curation.language import identify as name

    said = as_texts(texts)
    table = name(said.series).with_row_index("index")

    def at(bound: float) -> Bounded:
        unsure = (pl.col("language") == "unknown") | (pl.col("confidence") < bound)
        title = f"languages (confidence ≥ {bound:g})"
        return BoundedResult(said, table, table.filter(unsure)["index"].to_list(), title, why, at)

    def why(place: int, lines: list[dict[str, Any]]) -> str:
        return f"{lines[0]['language']}, with a confidence of {lines[0]['confidence']:.3f}"

    return at(confidence)


class PersonalData(Result):
    """What holds personal data; `.redacted` are all texts with it replaced."""

    @property
    def redacted(self) -> list[str | None]:
        """All texts, personal data and secrets replaced by its kind."""
        from tilth.curation.pii import redact

        return redact(self.texts.series).to_list()


def find_personal_data(texts: Any) -> PersonalData:
    """Find personal data and secrets; kept are the texts that hold none.

    `.table` has index, kind, start and end (in characters) of each; no text of it is shown.

    >>> find_personal_data(["Hello.", "Write to bob@firm.org."]).explain(1)
    'dropped: holds email (9-21)'
    """
    from tilth.curation.pii import find, redact

    said = as_texts(texts)
    table = find(said.series).with_columns(pl.col("kind").cast(pl.String))

    def why(place: int, lines: list[dict[str, Any]]) -> str:
        held = ", ".join(f"{line['kind']} ({line['start']}-{line['end']})" for line in lines)
        return f"dropped: holds {held}" if held else "kept: holds no personal data that is known here"

    shown = Texts(redact(said.series), said.given)
    places = table["index"].unique().sort().to_list()
    return PersonalData(shown, table, places, "personal data", why)


def statistics(texts: Any) -> Result:
    """Return 37 prose statistics of every text (Gopher, C4, FineWeb); nothing is dropped.

    `.table` has a line a text; see `tilth.curation.quality.statistics` for the columns.
    """
    from tilth.curation.quality import statistics as count

    said = as_texts(texts)
    table = count(said.series).with_row_index("index")

    def why(place: int, lines: list[dict[str, Any]]) -> str:
        values = {name: value for name, value in lines[0].items() if name != "index" and value is not None}
        return ", ".join(f"{name} {value:.4g}" for name, value in values.items())

    return Result(said, table, [], "prose statistics", why)


def decontaminate(texts: Any, items: Any, *, rule: RuleName = "tilth") -> Bounded:
    """Find texts that hold an evaluation item, by a named rule (tilth, tulu-3, gpt-3, llama-2, longest-span).

    `.table` names the item, the share of its words that is covered and the longest shared run; `.at(0.9)` drops
    only those that cover that share of an item.
    """
    from tilth.curation.dedup.contamination import find

    said, asked = as_texts(texts), as_texts(items, "items")
    whole = find(said.series, asked.series, rule)

    def at(bound: float) -> Bounded:
        table = whole.filter(pl.col("coverage") >= bound)
        return BoundedResult(said, table, table["index"].to_list(), f"evaluation items ({rule})", why, at)

    def why(place: int, lines: list[dict[str, Any]]) -> str:
        if not lines:
            return "kept: holds no item"
        line = lines[0]
        return (
            f"dropped: holds {line['coverage']:.0%} of item {line['item']} ({line['span']} words in a run): "
            f"{shortened(line['words'])}"
        )

    return at(0.0)


def load(version: str, store: str | Path = ".tilth") -> Version:
    """Open a version by ref (NAME, NAME.candidate), id or unique prefix, its bytes verified when they are read.

    Its `samples("train")` are rows to train on, its `ledger()` says what became of every line. Raises UsageError
    where there is no such store or version.
    """
    from tilth.shards.store import Store

    if not Path(store).is_dir():
        raise UsageError(str(store), "there is no store", "Nothing was read", "name its folder: store=…")
    return Store.open(Path(store)).version(version)


def _answers(texts: Texts, responses: Any) -> pl.Series | None:
    if responses is None:
        return None
    answers = as_texts(responses, "responses")
    if len(answers) != len(texts):
        raise UsageError(
            "responses", f"{len(answers)} responses for {len(texts)} texts", "", "give one for each text"
        )
    return answers.series


def _repeats(said: Texts, title: str, bound: float, search: Search) -> Bounded:
    """Return the duplicates at a bound, and how to find those at another."""
    table = search(bound)

    def why(place: int, lines: list[dict[str, Any]]) -> str:
        if lines:
            line = lines[0]
            witness = shortened(said.series[line["witness"]])
            return f"dropped: repeats text {line['witness']} with a similarity of {line['similarity']:.3f}: {witness}"
        repeats = table.filter(pl.col("witness") == place)["index"].to_list()
        if not repeats:
            return "kept: repeats no text before it"
        return f"kept, for the {len(repeats)} that repeat it: {', '.join(map(str, repeats[:10]))}"

    def again(other: float) -> Bounded:
        return _repeats(said, title.replace(f"{bound:g}", f"{other:g}"), other, search)

    return BoundedResult(said, table, table["index"].to_list(), title, why, again)
