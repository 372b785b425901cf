"""A base is loaded whole and without anyone's code, or refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import tiny
from tilth.shards.errors import TrainingError, Untrainable
from tilth.training.methods.method import attach
from tilth.training.model.base import base_digest, find_base, load_base, load_model


@pytest.fixture
def copy(base_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base_path, tmp_path / "copy"))


def test_a_base_is_found_beside_the_recipe_and_by_full_path(copy: Path) -> None:
    assert find_base("copy", copy.parent) == copy
    assert find_base(str(copy), Path("/elsewhere")) == copy
    model, tokenizer = load_base(copy)
    assert model.config.model_type == "llama"
    assert tokenizer.chat_template == tiny.CHATML


def test_a_hub_name_on_this_machine_needs_no_network(
    base_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "models--org--name"
    shutil.copytree(base_path, folder / "snapshots" / "abc")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    found = find_base("org/name", Path("/elsewhere"))
    assert load_model(found).config.hidden_size == 32
    with pytest.raises(TrainingError, match="no model of that name can be had"):
        find_base("org/other", Path("/elsewhere"))


def test_a_missing_base_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(TrainingError, match=r"there is no folder .*/nowhere, and no model of that name"):
        find_base("nowhere", tmp_path)


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        (
            "GatedRepoError",
            403,
            r"the model is gated: its licence .*Accept the licence at \S+/org/name, then set HF_TOKEN",
        ),
        (
            "RepositoryNotFoundError",
            401,
            r"no folder .*the hub shows no model .*if the model is private, set HF_TOKEN",
        ),
        ("RevisionNotFoundError", 404, "no such revision"),
        ("DisabledRepoError", 403, "disabled"),
        ("HfHubHTTPError", 401, "refuses the token"),
        ("HfHubHTTPError", 500, "no model of that name can be had"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_why_the_hub_gives_no_model_is_said(
    kind: str, status: int, words: str, wrapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    def refuse(*_: object, local_files_only: bool = False, **__: object) -> None:
        if local_files_only:
            raise errors.LocalEntryNotFoundError("not here")
        reply = SimpleNamespace(status_code=status, headers={}, request=None)
        error = getattr(errors, kind)("no", response=reply)
        if wrapped:
            raise errors.LocalEntryNotFoundError("and no network") from error
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(Untrainable, match=words) as refused:
        find_base("org/name@abc", tmp_path)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_custom_code_is_refused(copy: Path, file: str) -> None:
    settings = json.loads((copy / file).read_text())
    (copy / file).write_text(json.dumps({**settings, "auto_map": {"AutoModelForCausalLM": "evil.Model"}}))
    with pytest.raises(TrainingError, match=rf"{file} names custom code"):
        find_base("copy", copy.parent)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "config.json is missing"),
        ("model.safetensors", "holds no"),
        ("tokenizer.json", "has no tokenizer"),
    ],
)
def test_an_incomplete_folder_is_refused_by_what_it_lacks(copy: Path, missing: str, message: str) -> None:
    (copy / missing).unlink()
    with pytest.raises(TrainingError, match=message):
        find_base("copy", copy.parent)


def test_weights_that_are_not_in_the_files_are_not_made_up(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match=r"1 weights are not in its files, first model\.layers\.1"):
        load_model(copy)


@pytest.mark.parametrize("damage", [b"", b"\xff" * 64, b'{"model_type": "no such family"}'])
def test_a_damaged_folder_is_an_error_in_words(copy: Path, damage: bytes) -> None:
    for file in ("model.safetensors", "config.json"):
        (copy / file).write_bytes(damage)
    with pytest.raises(TrainingError):
        load_base(find_base("copy", copy.parent))


def test_the_digest_is_of_what_decides(copy: Path) -> None:
    before = base_digest(copy)
    (copy / "README.md").write_text("hello")
    assert base_digest(copy) == before
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text() + " ")
    assert base_digest(copy) != before


def test_adapters_cover_every_linear_layer_but_the_output(base_path: Path) -> None:
    recipe = tiny.make_recipe(base_path)
    adapted = attach(tiny.make_model(), recipe, 0)
    trained = {name.split(".")[-4] for name, p in adapted.named_parameters() if p.requires_grad}
    assert trained == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    again = attach(tiny.make_model(), recipe, 0)
    assert all(torch.equal(a, b) for a, b in zip(adapted.parameters(), again.parameters()))
    full = attach(tiny.make_model(), tiny.make_recipe(base_path, method="full"), 0)
    assert all(p.requires_grad for p in full.parameters())
