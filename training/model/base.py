"""The base model: found, loaded without running anyone's code, and checked for packing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError

from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.errors import TrainingError, Untrainable
from tilth.training.model import attention
from tilth.training.model.loss import hidden_states, logits_of
from tilth.training.model.named_bases import BASES, bases_folder
from tilth.training.rows.pack import collate
from tilth.training.rows.text import Example

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
# Largest difference of logits, relative to the largest logit: rounding stays below, the smallest leak seen
# (a short convolution) is seven times above, attention leaks are of the order of the logits.
PARITY = {torch.float32: 3e-5, torch.float64: 1e-10}
PARITY_HALF = 5e-2
HUB_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt", "tokenizer.model", "*.spm")
OFFLINE = {"local_files_only": True, "trust_remote_code": False}
LOADING_ERRORS = (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError)
PROBE_LENGTHS = (17, 23, 9)


def find_base(name: str, base_dir: Path) -> Path:
    """Return the folder of a base: a path (relative to the recipe), a name that `tilth base` knows, else of the hub.

    Raises TrainingError if it is neither, or holds what must not be loaded: code, pickles, no tokenizer.
    """
    path = base_dir / Path(name).expanduser()
    if not path.is_dir():
        path = _named(name) if name in BASES else _of_hub(name, path)
    _check_files(name, path)
    return path


def load_base(path: Path, *, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """Return (model, tokenizer) of a folder. Raises TrainingError as the two functions it calls."""
    return load_model(path, dtype=dtype), load_tokenizer(path)


def load_tokenizer(path: Path) -> Any:
    """Return the tokenizer of a folder; no remote code, no network. Raises TrainingError."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, **OFFLINE)
    except LOADING_ERRORS as error:
        raise _unloadable(path, "tokenizer", error) from error


def load_config(path: Path) -> Any:
    """Return the configuration of a folder. Raises TrainingError."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(path, **OFFLINE)
    except LOADING_ERRORS as error:
        raise _unloadable(path, "configuration", error) from error


def load_model(
    path: Path,
    *,
    dtype: torch.dtype | Literal["auto"] = torch.float32,
    device: torch.device | None = None,
    quantised: Any = None,
) -> Any:
    """Return the causal language model of a folder: safetensors only, no remote code, no network.

    dtype: "auto" keeps that of the files. quantised: as from `Method.quantisation`; such a model is loaded onto its
    device at once, any other is moved.
    Raises TrainingError if it cannot be loaded whole.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    attention.register()
    in_place = {"quantization_config": quantised, "device_map": {"": device}} if quantised else {}
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            path, dtype=dtype, use_safetensors=True, output_loading_info=True, **in_place, **OFFLINE
        )
    except LOADING_ERRORS as error:
        raise _unloadable(path, "model", error) from error
    model, info = loaded
    if info["missing_keys"]:
        raise TrainingError(
            f"base {path.name}",
            f"{len(info['missing_keys'])} weights are not in its files, first {min(info['missing_keys'])}",
            "They would start at random",
            "Download the model again",
        )
    return model if quantised or device is None else model.to(device)


def base_digest(path: Path) -> str:
    """Return the sha256 over the names and contents of the files that decide what a base computes."""
    kept = sorted(
        file
        for file in path.iterdir()
        if file.suffix in {".json", ".safetensors", ".jinja", ".model", ".txt"}
    )
    return sha256_hex(canonical_json({file.name: file_sha256(file) for file in kept}))


def choose_attention(model: Any, arithmetic: torch.dtype | None = None) -> bool:
    """Switch to packed attention if packed rows then compute what separate rows compute; say whether.

    arithmetic: the type the model computes in, if it is not that of its weights.
    Hybrids with a recurrent state, and families that hand no lengths on, keep their own and run unpacked.
    Raises TrainingError if even single rows do not agree with the model's own forward.
    """
    attention.register()
    stock = model.config._attn_implementation
    reference = _separate(model)
    allowed = PARITY.get(arithmetic or model.dtype, PARITY_HALF) * float(reference.abs().max())
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


def max_context(config: Any) -> int:
    """Return how many tokens a base reads at most."""
    config = config.get_text_config()
    return int(
        getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 2048
    )


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


def _unloadable(path: Path, what: str, error: Exception) -> Untrainable:
    first = (str(error).splitlines() or [""])[0][:200]
    return Untrainable(
        f"base {path.name}",
        f"transformers cannot load its {what} ({type(error).__name__}: {first})",
        "Nothing was trained",
        "Check that the folder is a causal language model saved by save_pretrained",
    )


def _named(name: str) -> Path:
    """Return the folder of a base that can be brought by name."""
    folder = bases_folder() / name
    if not folder.is_dir():
        raise Untrainable(
            f"training.base {name}",
            f"it is not in {folder.parent} yet",
            "Nothing was trained",
            f"say: tilth base {name}",
        )
    return folder


def _of_hub(name: str, tried: Path) -> Path:
    """Return the snapshot of a hub model (ORG/NAME or ORG/NAME@REVISION), downloaded if it is not here yet.

    Naming one is the user's leave to download it; weights other than safetensors are not fetched.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository, _, revision = name.removeprefix("hf://").partition("@")
    wanted: dict[str, Any] = {"revision": revision or None, "allow_patterns": list(HUB_FILES)}
    try:
        try:
            return Path(snapshot_download(repository, local_files_only=True, **wanted))
        except LocalEntryNotFoundError:
            return Path(snapshot_download(repository, **wanted))
    except (OSError, ValueError) as error:  # every error of the hub is one of them
        what, next_step = _why_not(error, repository, tried)
        raise Untrainable(f"training.base {name}", what, "Nothing was trained", next_step) from error


def _why_not(error: BaseException, repository: str, tried: Path) -> tuple[str, str]:
    """Return why the hub gives no model, and what to do: the first that is known of an error and its causes."""
    from huggingface_hub import errors

    named = f"there is no folder {tried}, and "
    token = "set HF_TOKEN to a token of yours, or run: hf auth login"
    known: list[tuple[type[BaseException], str, str]] = [
        (
            errors.GatedRepoError,
            "the model is gated: its licence has to be accepted, and the hub has to know who asks",
            f"Accept the licence at https://huggingface.co/{repository}, then {token}",
        ),
        (errors.DisabledRepoError, "the hub has disabled this model", "Choose another base"),
        (
            errors.RevisionNotFoundError,
            "the model has no such revision",
            "Correct what stands behind the @, or leave it out",
        ),
        (
            errors.RepositoryNotFoundError,
            named + "the hub shows no model of that name",
            f"Correct the path or the name; if the model is private, {token}",
        ),
        (
            errors.OfflineModeIsEnabled,
            named
            + "no model of that name can be had from the cache of the hub, which may not be asked (HF_HUB_OFFLINE)",
            "Correct the path or the name, or download the model first",
        ),
    ]
    cause: BaseException | None = error
    while cause is not None:
        for kind, what, next_step in known:
            if isinstance(cause, kind):
                return what, next_step
        if getattr(getattr(cause, "response", None), "status_code", None) in (401, 403):
            return "the hub refuses the token it was given, or asks for one", token.capitalize()
        cause = cause.__cause__ or cause.__context__
    return (
        named + "no model of that name can be had from the hub or its local cache",
        "Correct the path or the name",
    )


def _check_files(name: str, path: Path) -> None:
    """Refuse what would run code or cannot work, before a library looks at it."""
    where = f"training.base {name}"
    for file in ("config.json", "tokenizer_config.json"):
        if not (path / file).exists():
            continue
        try:
            settings = json.loads((path / file).read_bytes())
        except ValueError as error:
            raise Untrainable(
                where, f"{file} is not JSON", "Nothing was trained", "Download it again"
            ) from error
        if "auto_map" in settings:
            raise Untrainable(
                where,
                f"{file} names custom code (auto_map)",
                "Tilth never runs code that comes with a model",
                "Choose a model whose family is part of transformers",
            )
    if not (path / "config.json").exists():
        raise Untrainable(where, "config.json is missing", "It is no model folder", "Correct the path")
    if not any(path.glob("*.safetensors")):
        pickled = any(path.glob("*.bin")) or any(path.glob("*.pt")) or any(path.glob("*.pth"))
        raise Untrainable(
            where,
            "its weights are pickles" if pickled else "it holds no *.safetensors",
            "A pickle can run code when it is opened" if pickled else "There is nothing to tune",
            "Convert it to safetensors, or choose another base",
        )
    if not any((path / file).exists() for file in TOKENIZER_FILES):
        raise Untrainable(
            where, "it has no tokenizer", "Text cannot become tokens", "Copy the tokenizer files beside it"
        )
