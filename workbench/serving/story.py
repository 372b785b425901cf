"""A row's whole story: what it says, what was measured, what decided, what training saw, where it went in each version.

Read from the shards that hold the row, never from whole tables, so that it takes as long for a million rows as for
a thousand.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

import polars as pl
from markupsafe import Markup, escape

from tilth.shards.errors import CorruptObject, TilthError
from tilth.shards.judgement import standings
from tilth.shards.tables import DECISIONS, ROWS, TURNS, conform
from tilth.validators.wording import visible
from tilth.workbench.looking.review import as_facts

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.shards.version import Version
    from tilth.workbench.serving.search.index import Index

SHOWN_CHARS = 20_000  # of a turn; the rest is a link away
COMPARED_WORDS = 3_000
MAX_VERSIONS = 12
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


def line_at(version: Version, table: str, pos: int) -> dict[str, Any]:
    """Return the line of `rows` or `decisions` at a position of row_id order, from the one shard that holds it."""
    for digest in version.manifest.objects[table]:
        shard = version.objects.scan(digest)
        height = shard.select(pl.len()).collect().item()
        if pos < height:
            schema = pl.Schema({k: v for k, v in {"rows": ROWS, "decisions": DECISIONS}[table].items()})
            return conform(shard.slice(pos, 1).collect(), schema).to_dicts()[0]
        pos -= height
    raise CorruptObject(
        f"version {version.short}", "holds no such row", "It cannot be shown", "See `tilth verify`"
    )


def turns_of(version: Version, row_id: bytes, text_digest: bytes) -> list[dict[str, Any]]:
    """Return the turns of a row as the version holds them."""
    held = []
    for digest in version.manifest.objects["turns"]:
        lines = version.objects.scan(digest).filter(pl.col("row_id") == row_id).collect()
        held.append(conform(lines.filter(pl.col("text_digest") == text_digest), TURNS))
        if held[-1].height:
            break
    turns = pl.concat(held).sort("turn") if held else TURNS.to_frame()
    return turns.drop("row_id").to_dicts()


def measures_of(version: Version, row_id: bytes) -> list[dict[str, Any]]:
    """Return name, turn (or None) and value of everything that was measured of a row, those of the row first."""
    found = []
    for digest in version.manifest.objects["measures"]:
        lines = version.objects.scan(digest).filter(pl.col("row_id") == row_id).collect()
        for line in lines.drop("row_id").to_dicts():
            turn = line.pop("turn")
            found += [{"name": n, "turn": turn, "value": v} for n, v in line.items() if v is not None]
    return sorted(found, key=lambda one: (one["name"], -1 if one["turn"] is None else one["turn"]))


def short_story(index: Index, pos: int) -> dict[str, Any]:
    """Return what is needed to judge a row: row_id, text_digest, decision, turns, places, tags, witness."""
    version = index.version
    row, decision = line_at(version, "rows", pos), line_at(version, "decisions", pos)
    row_id, witness_id = row["row_id"], decision["witness_id"]
    witness_at = index.pos_of(witness_id) if witness_id else None
    witness = None
    turns = turns_of(version, row_id, row["text_digest"])
    if witness_at is not None:
        of_witness = line_at(version, "rows", witness_at)
        theirs = turns_of(version, witness_id, of_witness["text_digest"])
        witness = {"row_id": witness_id.hex(), "places": places(index, witness_at), "turns": theirs}
    return {
        "row_id": row_id.hex(),
        "text_digest": row["text_digest"].hex(),
        "row": {key: row[key] for key in ("shape", "source", "group", "licence", "attributes")},
        "decision": {k: v.hex() if isinstance(v, bytes) else v for k, v in decision.items() if k != "row_id"},
        "turns": turns,
        "places": places(index, pos),
        "tags": index.tags.filter(pl.col("pos") == pos)["tag"].to_list(),
        "witness": witness,
    }


def places(index: Index, pos: int) -> list[dict[str, Any]]:
    """Return path and line of every occurrence of a row."""
    found = (
        index.lines.lazy()
        .filter(pl.col("pos") == pos)
        .select(pl.col("path").cast(pl.String), "line")
        .collect()
    )
    return found.to_dicts()


def whole_story(store: Store, index: Index, pos: int) -> dict[str, Any]:
    """Return `short_story` with measures, versions, training (what runs saw) and people (what was said of the row)."""
    story = short_story(index, pos)
    row_id = bytes.fromhex(story["row_id"])
    name = index.version.manifest.name
    log = store.judgement_log.read(name).judgements
    standing = standings(log).get(story["row_id"])
    return story | {
        "measures": measures_of(index.version, row_id),
        "versions": _versions(store, name, row_id),
        "training": _training(store, name, row_id),
        "people": [as_facts(one) | {"undoes": one.undoes} for one in log if one.row == story["row_id"]],
        "standing": standing,
    }


def _versions(store: Store, name: str, row_id: bytes) -> list[dict[str, Any]]:
    """Return, newest first, what each version decided of a row; a version that cannot be read says so."""
    found = []
    for entry in store.log(name)[:MAX_VERSIONS]:
        said: dict[str, Any] = {"id": entry["id"], "at": entry["published_at"], "refs": entry["refs"]}
        try:
            version = store.version(entry["id"])
            pos = _position(version, row_id)
            said["decision"] = None if pos is None else line_at(version, "decisions", pos)
            said["text"] = None if pos is None else line_at(version, "rows", pos)["text_digest"].hex()[:12]
        except TilthError as error:
            said["problem"] = error.what
        found.append(said)
    return found


def _position(version: Version, row_id: bytes) -> int | None:
    start = 0
    for digest in version.manifest.objects["rows"]:
        ids = version.objects.frame(digest, ["row_id"])["row_id"]
        at = int(ids.search_sorted(row_id))
        if at < ids.len() and ids[at] == row_id:
            return start + at
        start += ids.len()
    return None


def _training(store: Store, name: str, row_id: bytes) -> list[dict[str, Any]]:
    """Return what each run saw of a row: losses, margin, exposures, finding and its evidence."""
    found = []
    for digest in store.feedback_digests(name):
        header = store.feedback_log.header(digest)
        lines = store.objects.scan(header.rows).filter(pl.col("row_id") == row_id).collect()
        found += [
            {**line, "run_id": header.run_id} for line in lines.drop("row_id", "text_digest").to_dicts()
        ]
    return found


def marked(left: str, right: str) -> tuple[Markup, Markup]:
    """Return both texts with the words that the other lacks marked; too long ones are left as they are."""
    a, b = _WORD.findall(visible(left)), _WORD.findall(visible(right))
    if max(len(a), len(b)) > COMPARED_WORDS:
        return escape(visible(left)[:SHOWN_CHARS]), escape(visible(right)[:SHOWN_CHARS])
    sides: tuple[list[Markup], list[Markup]] = ([], [])
    for kind, a0, a1, b0, b1 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        for out, words in ((sides[0], a[a0:a1]), (sides[1], b[b0:b1])):
            text = escape("".join(words))
            out.append(text if kind == "equal" or not words else Markup("<mark>{}</mark>").format(text))
    return Markup("").join(sides[0]), Markup("").join(sides[1])


def beside(story: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the turns of a row and of its witness side by side, with what differs marked."""
    ours, theirs = story["turns"], story["witness"]["turns"] if story["witness"] else []
    lines = []
    for at in range(max(len(ours), len(theirs))):
        a, b = (side[at] if at < len(side) else None for side in (ours, theirs))
        left, right = marked(*(full_text(turn) if turn else "" for turn in (a, b)))
        role = (a or b or {})["role"]
        lines.append({"role": role, "left": left, "right": right})
    return lines


def full_text(turn: dict[str, Any]) -> str:
    """Return what a turn says: reasoning, text and calls."""
    return "\n".join(part for part in (turn["reasoning"], turn["text"], turn["tool_calls"]) if part)
