"""Checkpoints that are whole or not there, and that know what they belong to.

A checkpoint is a folder `<step>` of safetensors files and one `state.<sha256>.json`, which carries the digest
of every other file and, in its name, its own. It is written under another name, synced, then renamed. No
pickle is ever written or read.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tilth.shards.atomic import TEMPORARY_SUFFIX, storage_errors, sync_folder, write_file
from tilth.shards.digest import file_sha256, sha256_hex
from tilth.shards.errors import TrainingError
from tilth.training.export import tensor_file

FORMAT = 1
KEPT = 2
NAME = re.compile(r"\d{8}")


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on: plain JSON values, and named groups of tensors."""

    step: int
    state: dict[str, Any]
    tensors: dict[str, dict[str, Tensor]]


def save(folder: Path, checkpoint: Checkpoint, inputs: Mapping[str, str]) -> None:
    """Write a checkpoint and remove all but the last two.

    inputs: digests of what the run was started with; `load` refuses others. Raises StoreError if the disk
    does: the checkpoints before are then untouched.
    """
    final = folder / f"{checkpoint.step:08d}"
    draft = folder / f"{checkpoint.step:08d}{TEMPORARY_SUFFIX}"
    with storage_errors(final):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        files = {}
        for name, group in sorted(checkpoint.tensors.items()):
            file = f"{name}.safetensors"
            files[file] = tensor_file.write(draft / file, group)
        head = {"format": FORMAT, "step": checkpoint.step, "inputs": dict(inputs), "files": files}
        state = json.dumps({**head, "state": checkpoint.state}, sort_keys=True).encode()
        write_file(draft / f"state.{sha256_hex(state)}.json", state)
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        sync_folder(folder)
        for old in _folders(folder)[KEPT:]:
            shutil.rmtree(old)


def load(folder: Path, inputs: Mapping[str, str]) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest whole checkpoint (None if there is none at all) and what is wrong with newer ones.

    Raises TrainingError if every checkpoint is damaged, or if it belongs to a run that was started with
    something else, naming what changed.
    """
    problems: list[str] = []
    for candidate in _folders(folder):
        try:
            head = _read_head(candidate)
        except (OSError, ValueError, KeyError) as error:
            problems.append(f"checkpoint {candidate.name}: {error}")
            continue
        changed = sorted(k for k in {*inputs, *head["inputs"]} if inputs.get(k) != head["inputs"].get(k))
        if changed:
            raise TrainingError(
                f"run {folder.parent.name}",
                f"what it was started with has changed: {', '.join(changed)}",
                "Going on would mix two runs",
                "Undo the change, or start anew with --fresh",
            )
        return Checkpoint(int(head["step"]), head["state"], _read_tensors(candidate, head["files"])), problems
    if problems:
        raise TrainingError(
            f"run {folder.parent.name}",
            "; ".join(problems),
            "There is nothing whole to resume from",
            "Start anew with --fresh",
        )
    return None, []


def split_state(state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Split a flat state into its JSON values and its numpy arrays, as tensors."""
    arrays = {
        k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in state.items() if isinstance(v, np.ndarray)
    }
    return {key: value for key, value in state.items() if key not in arrays}, arrays


def join_state(values: Mapping[str, Any], arrays: Mapping[str, Tensor]) -> dict[str, Any]:
    """Undo `split_state`."""
    return {**values, **{key: tensor.numpy() for key, tensor in arrays.items()}}


def _folders(folder: Path) -> list[Path]:
    """Return the checkpoint folders, newest first."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)


def _read_head(candidate: Path) -> dict[str, Any]:
    """Return the state file of a checkpoint once every digest fits. Raises ValueError where one does not."""
    found = list(candidate.glob("state.*.json"))
    if len(found) != 1:
        raise ValueError("its state file is missing")
    data = found[0].read_bytes()
    if found[0].name != f"state.{sha256_hex(data)}.json":
        raise ValueError("its state file is damaged")
    head = json.loads(data)
    if head["format"] != FORMAT:
        raise ValueError(f"format {head['format']} is not {FORMAT}")
    for name, digest in head["files"].items():
        path = candidate / name
        if not path.is_file() or file_sha256(path) != digest:
            raise ValueError(f"{name} is damaged or missing")
    return head


def _read_tensors(candidate: Path, files: Mapping[str, str]) -> dict[str, dict[str, Tensor]]:
    from safetensors.torch import load_file

    return {name.removesuffix(".safetensors"): load_file(candidate / name) for name in files}
