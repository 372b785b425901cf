"""What is read back from the token cache is what rendering gives, or it is rendered anew."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from tests import tiny
from tilth.shards.version import Version
from tilth.training.rows import template, text, token_cache
from tilth.training.rows.text import Rendered, Renderer
from tilth.training.rows.token_cache import render


@pytest.fixture
def samples(version: Version) -> pl.DataFrame:
    return version.samples()


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that were rendered, one number a call."""
    counted: list[int] = []
    plain = Renderer.render_all

    def counting(renderer: Renderer, samples: Any) -> Rendered:
        counted.append(len(samples))
        return plain(renderer, samples)

    monkeypatch.setattr(Renderer, "render_all", counting)
    return counted


def plainly(rendered: Rendered) -> list[Any]:
    rows = [
        (e.row_id, e.slice, e.weight, e.input_ids.tolist(), e.is_label.tolist()) for e in rendered.examples
    ]
    return [rows, rendered.skipped, rendered.truncated]


@pytest.mark.parametrize("max_tokens", [256, 21, 4])
def test_what_is_read_back_is_what_was_rendered(
    samples: pl.DataFrame, tokenizer, tmp_path: Path, renders: list[int], max_tokens: int
) -> None:
    first = render(samples, Renderer(tokenizer, max_tokens=max_tokens), tmp_path)
    second = render(samples, Renderer(tokenizer, max_tokens=max_tokens), tmp_path)
    assert renders == [samples.height]
    assert (
        plainly(first)
        == plainly(second)
        == plainly(Renderer(tokenizer, max_tokens=max_tokens).render_all(samples))
    )
    assert bool(first.truncated) == (max_tokens < 256)
    assert bool(first.skipped) == (max_tokens == 4)
    assert {e.input_ids.dtype.name for e in second.examples} <= {"int32"}
    assert {e.is_label.dtype.name for e in second.examples} <= {"bool"}


def test_whatever_changes_the_tokens_is_rendered_anew(
    samples: pl.DataFrame, tokenizer, tmp_path: Path, renders: list[int]
) -> None:
    other = tiny.make_tokenizer()
    other.add_special_tokens({"eos_token": "<|endoftext|>"})
    changed = samples.with_columns(text_digest=samples["text_digest"].reverse())
    one_line = tiny.CHATML.replace("\n", "")
    calls = [
        (samples, Renderer(tokenizer, max_tokens=256)),
        (samples, Renderer(tokenizer, max_tokens=255)),
        (samples, Renderer(tokenizer, max_tokens=256, template=one_line)),
        (samples, Renderer(other, max_tokens=256)),
        (samples.head(10), Renderer(tokenizer, max_tokens=256)),
        (changed, Renderer(tokenizer, max_tokens=256)),
    ]
    for rows, renderer in calls:
        render(rows, renderer, tmp_path)
    assert len(renders) == len(calls)


@pytest.mark.parametrize("module", [template, text])
def test_other_code_renders_anew(
    samples: pl.DataFrame,
    tokenizer,
    tmp_path: Path,
    renders: list[int],
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
) -> None:
    render(samples, Renderer(tokenizer, max_tokens=256), tmp_path)
    other = tmp_path / "other.py"
    other.write_text("# the code of another release")
    monkeypatch.setattr(module, "__file__", str(other))
    render(samples, Renderer(tokenizer, max_tokens=256), tmp_path)
    assert len(renders) == 2


def test_slice_and_weight_are_those_of_today(samples: pl.DataFrame, tokenizer, tmp_path: Path) -> None:
    renderer = Renderer(tokenizer, max_tokens=256)
    render(samples, renderer, tmp_path)
    moved = samples.with_columns(slice=pl.lit("new"), weight=pl.lit(2_500_000, dtype=pl.UInt32))
    assert {(e.slice, e.weight) for e in render(moved, renderer, tmp_path).examples} == {("new", 2.5)}


@pytest.mark.parametrize("damage", [b"", b"x" * 200])
def test_a_damaged_file_is_made_again(
    samples: pl.DataFrame, tokenizer, tmp_path: Path, renders: list[int], damage: bytes
) -> None:
    renderer = Renderer(tokenizer, max_tokens=256)
    whole = render(samples, renderer, tmp_path)
    (file,) = tmp_path.glob("*.tokens")
    data = file.read_bytes()
    file.write_bytes(damage or data[:-1] + bytes([data[-1] ^ 1]))
    assert plainly(render(samples, renderer, tmp_path)) == plainly(whole)
    assert len(renders) == 2 and file.read_bytes() == data


def test_old_files_go(
    samples: pl.DataFrame, tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "KEPT_FILES", 2)
    folder = tmp_path / "tokens"
    for max_tokens in (100, 101, 102):
        render(samples, Renderer(tokenizer, max_tokens=max_tokens), folder)
    assert len(list(folder.iterdir())) == 2


def test_a_part_is_what_rendering_the_part_gives(samples: pl.DataFrame, tokenizer) -> None:
    renderer = Renderer(tokenizer, max_tokens=21)
    part = samples[::3]
    assert plainly(renderer.render_all(samples).of(set(part["row_id"]))) == plainly(renderer.render_all(part))
