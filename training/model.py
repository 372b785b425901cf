"""The base model: found, loaded without running anyone's code, made trainable, and checked for packing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.errors import TrainingError
from tilth.training import attention
from tilth.training.loss import hidden_states, logits_of
from tilth.training.pack import collate
from tilth.training.recipe import TrainingRecipe
from tilth.training.text import Example

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
PARITY = {torch.float32: 1e-4, torch.float64: 1e-8}  # largest difference in the logits
PARITY_HALF = 5e-2  # leaks are of the order of the logits themselves
PROBE_LENGTHS = (17, 23, 9)


def find_base(name: str, base_dir: Path) -> Path:
    """Return the folder of a base: a path (relative to the recipe), else a model of the local hub cache.

    Raises TrainingError if it is neither, or holds what must not be loaded: code, pickles, no tokenizer.
    """
    path = base_dir / Path(name).expanduser()
    if not path.is_dir():
        path = _cached(name, path)
    _check_files(name, path)
    return path


def load_base(path: Path, *, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """Return (model, tokenizer) from a folder: safetensors only, no remote code, no network.

    Raises TrainingError if the folder cannot be loaded whole.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    attention.register()
    where = f"base {path.name}"
    trusted = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **trusted)
        model, info = AutoModelForCausalLM.from_pretrained(
            path, dtype=dtype, use_safetensors=True, output_loading_info=True, **trusted
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise TrainingError(
            where,
            f"transformers cannot load it ({type(error).__name__}: {str(error).splitlines()[0][:200]})",
            "Nothing was trained",
            "Check that the folder is a causal language model saved by save_pretrained",
        ) from error
    if info["missing_keys"]:
        raise TrainingError(
            where,
            f"{len(info['missing_keys'])} weights are not in its files, first {min(info['missing_keys'])}",
            "They would start at random",
            "Download the model again",
        )
    return model, tokenizer


def base_digest(path: Path) -> str:
    """Return the sha256 over the names and contents of the files that decide what a base computes."""
    kept = sorted(
        file
        for file in path.iterdir()
        if file.suffix in {".json", ".safetensors", ".jinja", ".model", ".txt"}
    )
    return sha256_hex(canonical_json({file.name: file_sha256(file) for file in kept}))


def attach(model: Any, recipe: TrainingRecipe, seed: int) -> Any:
    """Return the model with what the method trains made trainable: adapters, or every weight."""
    torch.manual_seed(seed)
    if recipe.method == "full":
        return model.train()
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=recipe.lora.rank,
        lora_alpha=recipe.lora.alpha,
        lora_dropout=recipe.lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config).train()


def choose_attention(model: Any) -> bool:
    """Switch to packed attention if packed rows then compute what separate rows compute; say whether.

    Hybrids with a recurrent state, and attentions with capped scores, keep their own and run unpacked.
    Raises TrainingError if even single rows do not agree with the model's own forward.
    """
    stock = model.config._attn_implementation
    reference = _separate(model)
    allowed = PARITY.get(model.dtype, PARITY_HALF) * max(1.0, float(reference.abs().max()))
    try:
        model.set_attn_implementation(attention.NAME)
        if model.config._attn_implementation == attention.NAME and _apart(model, reference) <= allowed:
            return True
    except (ValueError, TypeError, RuntimeError, NotImplementedError, AttributeError):
        pass
    model.set_attn_implementation(stock)
    apart = _apart(model, reference)
    if not apart <= allowed:
        raise TrainingError(
            "parity probe",
            f"logits computed for training differ from the model's own by {apart:.1e}",
            "The loss would not be the model's",
            "This family is not supported; choose another base",
        )
    return False


def max_context(model: Any) -> int:
    """Return how many tokens the base reads at most."""
    config = model.config.get_text_config()
    return int(getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", 2048))


def _probe_examples(model: Any) -> list[Example]:
    """Return fixed pseudo-random rows over the vocabulary."""
    vocabulary = model.get_input_embeddings().weight.shape[0]
    generator = np.random.default_rng(0)
    return [
        Example(b"", "", 1.0, generator.integers(0, vocabulary, n).astype(np.int32), np.ones(n, dtype=bool))
        for n in PROBE_LENGTHS
    ]


@torch.no_grad()
def _separate(model: Any) -> torch.Tensor:
    """Return the logits of the probe rows, one at a time, through the model's own forward."""
    model.eval()
    rows = [torch.from_numpy(e.input_ids.astype(np.int64))[None] for e in _probe_examples(model)]
    rows = [row.to(model.device) for row in rows]
    return torch.cat([model(input_ids=row, use_cache=False).logits[0].float() for row in rows])


@torch.no_grad()
def _apart(model: Any, reference: torch.Tensor) -> float:
    """Return the largest difference of the logits that training would compute from `reference`."""
    model.eval()
    batch = collate(_probe_examples(model)).to(model.device)
    return float((logits_of(model, hidden_states(model, batch)) - reference).abs().max())


def _cached(name: str, tried: Path) -> Path:
    """Return the snapshot of a hub model that is already on this machine."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name.removeprefix("hf://"), local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise TrainingError(
            f"training.base {name}",
            f"there is no folder {tried} and no such model in the local hub cache",
            "Nothing was trained",
            f"Correct the path, or fetch the model once: hf download {name.removeprefix('hf://')}",
        ) from error


def _check_files(name: str, path: Path) -> None:
    """Refuse what would run code or cannot work, before a library looks at it."""
    where = f"training.base {name}"
    for file in ("config.json", "tokenizer_config.json"):
        if not (path / file).exists():
            continue
        try:
            settings = json.loads((path / file).read_bytes())
        except ValueError as error:
            raise TrainingError(
                where, f"{file} is not JSON", "Nothing was trained", "Download it again"
            ) from error
        if "auto_map" in settings:
            raise TrainingError(
                where,
                f"{file} names custom code (auto_map)",
                "Tilth never runs code that comes with a model",
                "Choose a model whose family is part of transformers",
            )
    if not (path / "config.json").exists():
        raise TrainingError(where, "config.json is missing", "It is no model folder", "Correct the path")
    if not any(path.glob("*.safetensors")):
        pickled = any(path.glob("*.bin")) or any(path.glob("*.pt")) or any(path.glob("*.pth"))
        raise TrainingError(
            where,
            "its weights are pickles" if pickled else "it holds no *.safetensors",
            "A pickle can run code when it is opened" if pickled else "There is nothing to tune",
            "Convert it to safetensors, or choose another base",
        )
    if not any((path / file).exists() for file in TOKENIZER_FILES):
        raise TrainingError(
            where, "it has no tokenizer", "Text cannot become tokens", "Copy the tokenizer files beside it"
        )
