"""What variants of LoRA need beyond a configuration: directions, starting points, plain adapters to be saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ADAPTER = "default"
START = "_pissa_start"
FIRST_STEP = 1e-6  # of an update that gives a direction: far below what 32 bits add to a weight


def give_direction(adapted: Any) -> None:
    """Give rows of zeros a direction, in a model with new DoRA adapters.

    DoRA (Liu et al., arXiv 2402.09353) learns the norm of a row apart from its direction. A row of zeros has none, and
    its output is 0/0. Its update begins at FIRST_STEP instead of 0, and its norm at that of the update: the base is
    computed as before, and whoever loads the adapter computes the same.
    """
    for layer in _dora_layers(adapted):
        up, norms = _base_values(layer)
        with torch.no_grad():
            layer.lora_B[ADAPTER].weight.copy_(up)
            layer.lora_magnitude_vector[ADAPTER].weight.copy_(norms)


def osf_config(model: Any, rank: int) -> Any:
    """Return a configuration that trains `rank` directions of every linear layer: those that carry the least.

    OSF (Nayak et al., arXiv 2504.07097) keeps the others, and projects every gradient away from them.
    """
    from peft import OSFConfig

    head = model.get_output_embeddings()
    linear = {
        name: min(module.weight.shape)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    kept: dict[str, int | float] = {
        rf"(?:^|\.){name.replace('.', chr(92) + '.')}$": max(1, size - rank) for name, size in linear.items()
    }
    return OSFConfig(rank_pattern=kept, target_modules="all-linear", task_type="CAUSAL_LM")


def keep_start(adapted: Any) -> None:
    """Keep what PiSSA's adapters began with (Meng et al., arXiv 2404.02948): the base lacks it in memory."""
    trained = adapted.named_parameters()
    setattr(adapted, START, {name: p.detach().clone() for name, p in trained if p.requires_grad})


def save_as_lora(adapted: Any, folder: Path) -> None:
    """Write PiSSA's adapters as LoRA of twice the rank, which adds to the base as it is: B A - B0 A0."""
    import json

    from safetensors.torch import load_file, save_file

    adapted.save_pretrained(folder, safe_serialization=True)
    start: Mapping[str, Tensor] = getattr(adapted, START)
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    first = {name.replace(f".{ADAPTER}.", "."): values.cpu() for name, values in start.items()}
    for name, values in tensors.items():
        sign, axis = (-1, 1) if ".lora_B." in name else (1, 0)
        tensors[name] = torch.cat([values, sign * first[name].to(values.dtype)], axis).contiguous()
    save_file(tensors, path, metadata={"format": "pt"})
    path = folder / "adapter_config.json"
    config = json.loads(path.read_bytes())
    config |= {"r": 2 * config["r"], "lora_alpha": 2 * config["lora_alpha"], "init_lora_weights": True}
    path.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


def untuned(adapted: Any, trained: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the values under which adapters compute the base, by name; what is left out may be anything."""
    kept: dict[str, Tensor] = getattr(adapted, START, {})
    if kept:
        return {name: kept[name] for name in trained}
    start = {name: torch.zeros_like(values) for name, values in trained.items() if ".lora_B." in name}
    names = {id(parameter): name for name, parameter in adapted.named_parameters()}
    for layer in _dora_layers(adapted):
        up, norms = _base_values(layer)
        start[names[id(layer.lora_B[ADAPTER].weight)]] = up
        start[names[id(layer.lora_magnitude_vector[ADAPTER].weight)]] = norms
    for name, values in adapted.named_buffers():
        if "._osf_" in name and "_low_init." in name:
            layer, _, part = name.partition("._osf_")
            start[f"{layer}.osf_svd_params.{ADAPTER}.{part.partition('_low_init.')[0]}_low"] = values
    return start


def _dora_layers(adapted: Any) -> Iterator[Any]:
    """Yield the layers that learn a norm apart from a direction."""
    for module in adapted.modules():
        if ADAPTER in getattr(module, "lora_magnitude_vector", ()):
            yield module


@torch.no_grad()
def _base_values(layer: Any) -> tuple[Tensor, Tensor]:
    """Return (B, norms of the rows) under which a DoRA layer computes its base, whatever A is."""
    from peft.utils.integrations import dequantize_module_weight

    weight: Tensor = dequantize_module_weight(layer.get_base_layer()).to(torch.float32)
    weight = weight.T if layer.fan_in_fan_out else weight
    down: Tensor = layer.lora_A[ADAPTER].weight
    up: Tensor = torch.zeros_like(layer.lora_B[ADAPTER].weight)
    up[~weight.any(dim=1)] = FIRST_STEP
    return up, (weight + layer.scaling[ADAPTER] * (up @ down)).norm(dim=1)
