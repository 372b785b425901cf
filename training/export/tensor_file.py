"""Safetensors files written a tensor at a time.

The library's own writer first copies everything it is given, twice: for the weights and the optimizer of a full
run that is more memory than the step itself takes. The layout is that of the format: the length of a JSON header, the
header, the values end to end (https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from tilth.shards.atomic import write_pieces

ALIGNMENT = 8  # bytes, of the first value
DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write named tensors to `path`, whole or not at all, and return the hex sha256 of the file.

    Tensors on another device come to main memory one by one. Raises StoreError.
    """
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes | memoryview]:
        yield _header(tensors)
        for name in _order(tensors):
            yield _values(tensors[name])

    def digested() -> Iterator[bytes | memoryview]:
        for piece in pieces():
            digest.update(piece)
            yield piece

    write_pieces(path, digested())
    return digest.hexdigest()


def _order(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names, wide values first: each value then lies where its type is aligned."""
    return sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))


def _header(tensors: Mapping[str, Tensor]) -> bytes:
    entries, end = {}, 0
    for name in _order(tensors):
        start, end = end, end + tensors[name].numel() * tensors[name].element_size()
        entries[name] = {
            "dtype": DTYPES[tensors[name].dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [start, end],
        }
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % ALIGNMENT)
    return len(header).to_bytes(8, "little") + header


def _values(tensor: Tensor) -> memoryview:
    """Return the bytes of a tensor, without a copy where it is contiguous and in main memory."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data if len(flat) else memoryview(b"")
