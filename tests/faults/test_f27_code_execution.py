"""Nothing that comes with a model or lies in a run folder is ever executed."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests import tiny
from tests.faults import training_run
from tilth.shards.errors import TrainingError
from tilth.training.model.base import find_base, load_base
from tilth.training.recipe import TrainingRecipe
from tilth.training.run.checkpoint import Checkpoint, load, save


class Canary:
    """Sings, when unpickled, by making a folder."""

    def __init__(self, cage: Path) -> None:
        self.cage = cage

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.cage),)


@pytest.fixture
def cage(tmp_path: Path) -> Path:
    """The folder that a canary makes."""
    return tmp_path / "sang"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny.save_base(tmp_path / "base")


def test_the_canary_sings(cage: Path) -> None:
    pickle.loads(pickle.dumps(Canary(cage)))
    assert cage.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "adapter_model.bin", "training_args.bin"])
def test_pickles_beside_a_model_are_never_opened(base: Path, cage: Path, name: str) -> None:
    (base / name).write_bytes(pickle.dumps(Canary(cage)))
    load_base(find_base("base", base.parent))
    (base / "model.safetensors").unlink()
    with pytest.raises(TrainingError, match=r"pickles|holds no \*\.safetensors"):
        load_base(find_base("base", base.parent))
    assert not cage.exists()


def test_a_pickle_named_safetensors_is_refused(base: Path, cage: Path) -> None:
    (base / "model.safetensors").write_bytes(pickle.dumps(Canary(cage)))
    with pytest.raises(TrainingError, match="cannot load its model"):
        load_base(find_base("base", base.parent))
    assert not cage.exists()


def test_code_that_a_model_names_is_refused(base: Path, cage: Path) -> None:
    (base / "evil.py").write_text(f"import os; os.mkdir({str(cage)!r})")
    for file, auto in (
        ("config.json", {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["evil.Tokenizer", None]}),
    ):
        settings = json.loads((base / file).read_text())
        (base / file).write_text(json.dumps({**settings, "auto_map": auto}))
        with pytest.raises(TrainingError, match="custom code"):
            load_base(find_base("base", base.parent))
        with pytest.raises(TrainingError):
            training_run.run(base.parent)
        (base / file).write_text(json.dumps(settings))
    assert not cage.exists()


def test_a_template_cannot_reach_out_of_its_sandbox(base: Path, cage: Path) -> None:
    reach = "{{ cycler.__init__.__globals__.os.mkdir('" + str(cage) + "') }}"
    (base.parent / "evil.jinja").write_text(reach + tiny.CHATML)
    with pytest.raises(TrainingError, match="the template refuses: SecurityError"):
        training_run.run(base.parent, {"template": "evil.jinja"})
    assert not cage.exists()


def test_a_pickle_among_checkpoints_is_never_opened(tmp_path: Path, cage: Path) -> None:
    import torch

    folder = tmp_path / "run" / "checkpoints"
    save(folder, Checkpoint(1, {}, {"weights": {"x": torch.ones(2)}}), {})
    (folder / "00000001" / "weights.safetensors").write_bytes(pickle.dumps(Canary(cage)))
    with pytest.raises(TrainingError, match="damaged"):
        load(folder, {})
    assert not cage.exists()


@pytest.mark.parametrize("key", ["trust_remote_code", "remote_code", "allow_pickle"])
def test_no_key_of_a_recipe_turns_it_on(key: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        TrainingRecipe.model_validate({"base": "x", key: True})
