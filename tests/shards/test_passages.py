"""Passages of erased texts are found wherever they stand, and nothing else is."""

from __future__ import annotations

import gzip
import html
import io
import json
import random
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.shards.passages import PASSAGE_BYTES, Passages, passages_of
from tilth.shards.payloads import pieces

TEXT = (
    "Dear desk, my name is Oriana Telmarsh of 14 Quarry Lane and the kettle <b>broke</b> & leaked.\n"
    "Das Gerät löste sich «von selbst» aus der Verankerung, wie Frau Müßigbrodt sagte: schönen Gruß."
)
ROW = b"r" * 16


@given(st.binary(max_size=200), st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_passage_is_found_at_any_offset(before: bytes, after: bytes) -> None:
    known = Passages.of({ROW: [TEXT]})
    passage = passages_of([TEXT], 64)[0]
    assert len(passage) == PASSAGE_BYTES
    assert known.hits([before + passage + after]).height >= 1
    assert known.hits([before + after]).height == 0


@pytest.mark.parametrize(
    "written",
    [
        json.dumps({"a": [TEXT]}),
        json.dumps({"a": TEXT}, ensure_ascii=False),
        f"<p>{html.escape(TEXT)}</p>",
        " ".join(TEXT.split()),
        TEXT[:70] + "…",
    ],
)
def test_json_pages_and_shortened_texts_are_seen_through(written: str) -> None:
    assert Passages.of({ROW: [TEXT]}).hits([written.encode()]).height >= 1


def test_random_bytes_hold_no_passage() -> None:
    noise = random.Random(1).randbytes(2_000_000)
    assert Passages.of({bytes([n]) * 16: [f"{n} {TEXT}"] for n in range(50)}).hits([noise]).is_empty()


@pytest.mark.parametrize("kind", ["plain", "gzip", "zstd", "parquet", "sealed", "arrow", "nested", "large"])
def test_packed_files_are_unpacked(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"n": [1, 2], "text": ["nothing", TEXT * 3]})
    parquet, arrow = io.BytesIO(), io.BytesIO()
    frame.write_parquet(parquet, compression="zstd")
    frame.write_ipc(arrow, compression="zstd")
    nested = io.BytesIO()
    pl.DataFrame({"turns": [[{"role": "user", "text": TEXT}]]}).write_parquet(nested)
    data = {
        "plain": TEXT.encode(),
        "gzip": gzip.compress(b"x" * 99 + TEXT.encode()),
        "zstd": zstandard.compress(b"x" * 5_000_001 + TEXT.encode()),
        "parquet": parquet.getvalue(),
        "sealed": b"d" * 32 + parquet.getvalue(),
        "arrow": arrow.getvalue() + b"d" * 32,
        "nested": nested.getvalue(),
        "large": b"y" * ((4 << 20) - 17) + TEXT.encode() + b"z" * 100,
    }[kind]
    (tmp_path / "file").write_bytes(data)
    known = Passages.of({ROW: [TEXT]})
    assert known.hits(pieces(tmp_path / "file")).height >= 1
    (tmp_path / "file").write_bytes(data[: len(data) // 2])  # cut: what can be unpacked is, without an error
    assert known.hits(pieces(tmp_path / "file")).height >= 0
