"""Rendered rows kept in the store's cache: a second run over the same rows neither renders nor tokenises them.

A file is named by all that decides what is in it: rows by the digest of their text, the tokenizer, the template,
the longest row, and the code that renders. It opens with the digest of the rest; a file that is damaged or gone is
made again. The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.training.rows import conversations, jinja, probe, template, text
from tilth.training.rows.text import Example, Rendered, Renderer, weight_of

KEPT_FILES = 8


def render(samples: pl.DataFrame, renderer: Renderer, folder: Path | None) -> Rendered:
    """Return what `renderer.render_all` gives for samples (columns of Version.samples), from `folder` if it is there.

    A tokenizer that cannot be named by its contents is not cached.
    """
    identity = _tokenizer(renderer)
    if folder is None or identity is None:
        return renderer.render_all(samples)
    path = folder / f"{_key(samples, renderer, identity)}.tokens"
    try:
        found = _load(read_sealed(path), samples)
        path.touch()  # the oldest are removed first
        return found
    except (OSError, ValueError, KeyError):
        rendered = renderer.render_all(samples)
    write_sealed(path, _bytes(rendered, samples))
    for old in sorted(folder.glob("*.tokens"), key=lambda file: -file.stat().st_mtime_ns)[KEPT_FILES:]:
        old.unlink(missing_ok=True)
    return rendered


def _tokenizer(renderer: Renderer) -> str | None:
    """Return the digest of all that decides how a text becomes ids."""
    backend = getattr(renderer.tokenizer, "backend_tokenizer", None)
    if backend is None or not hasattr(backend, "to_str"):
        return None
    named = {name: str(value) for name, value in renderer.tokenizer.special_tokens_map.items()}
    return sha256_hex(canonical_json([backend.to_str(), named]))


def _key(samples: pl.DataFrame, renderer: Renderer, tokenizer: str) -> str:
    """Return the name of a file: a digest of the rows, in order, and of what renders them."""
    rows = hashlib.sha256()
    for column in ("row_id", "text_digest"):
        rows.update(b"".join(samples[column].to_list()))
    shapes = canonical_json([samples["shape"].cast(pl.String).to_list(), samples["tools"].to_list()])
    rows.update(shapes)
    files = [Path(str(module.__file__)) for module in (conversations, probe, template, text)]
    code = [file_sha256(file) for file in (*files, jinja.PROGRAM)]
    how = [
        rows.hexdigest(),
        tokenizer,
        renderer.template.digest,
        renderer.max_tokens,
        renderer.vocabulary,
        *code,
    ]
    return sha256_hex(canonical_json(how))


def _bytes(rendered: Rendered, samples: pl.DataFrame) -> bytes:
    """Return a file's contents: the arrays of all examples end to end."""
    from safetensors.numpy import save

    place = {row_id: number for number, row_id in enumerate(samples["row_id"])}
    examples = rendered.examples
    empty = np.zeros(0, dtype=np.int32)
    notes: dict[str, Any] = {
        "skipped": {row.hex(): why for row, why in rendered.skipped.items()},
        "truncated": {row.hex(): cut for row, cut in rendered.truncated.items()},
        "unshown": {part: sorted(row.hex() for row in rows) for part, rows in rendered.unshown.items()},
    }
    return save(
        {
            "row": np.array([place[e.row_id] for e in examples], dtype=np.int64),
            "length": np.array([len(e.input_ids) for e in examples], dtype=np.int64),
            "ids": np.concatenate([empty, *(e.input_ids for e in examples)]),
            "labels": np.concatenate([empty == 1, *(e.is_label for e in examples)]),
            "notes": np.frombuffer(canonical_json(notes), dtype=np.uint8),
        }
    )


def _load(data: bytes, samples: pl.DataFrame) -> Rendered:
    """Return the rows of a file."""
    from safetensors.numpy import load

    arrays = load(data)
    notes = json.loads(arrays["notes"].tobytes())
    ends = np.cumsum(arrays["length"])
    of_row: list[tuple[bytes, str, float]] = [
        (row_id, name or "", weight_of(weight))
        for row_id, name, weight in samples.select("row_id", "slice", "weight").iter_rows()
    ]
    spans = zip(arrays["row"].tolist(), (ends - arrays["length"]).tolist(), ends.tolist(), strict=True)
    ids, labels = arrays["ids"], arrays["labels"]
    return Rendered(
        examples=[_example(of_row[row], ids[a:b], labels[a:b]) for row, a, b in spans],
        skipped={bytes.fromhex(row): why for row, why in notes["skipped"].items()},
        truncated={bytes.fromhex(row): cut for row, cut in notes["truncated"].items()},
        unshown={part: {bytes.fromhex(row) for row in rows} for part, rows in notes["unshown"].items()},
    )


def _example(row: tuple[bytes, str, float], ids: np.ndarray, labels: np.ndarray) -> Example:
    row_id, name, weight = row
    return Example(row_id, name, weight, ids, labels)
