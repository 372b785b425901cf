"""Files of tensors: what the library reads back is what was given, byte by byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from tilth.shards.digest import file_sha256
from tilth.training.export import tensor_file

SHAPES = st.lists(st.integers(0, 4), max_size=3)
TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(lambda name: name != "__metadata__"),
    st.tuples(st.sampled_from(list(tensor_file.DTYPES)), SHAPES),
    max_size=6,
)


@given(described=TENSORS)
def test_the_library_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, described: dict
) -> None:
    path = tmp_path_factory.mktemp("tensors") / "some.safetensors"
    given_tensors = {name: (torch.rand(shape) * 100).to(dtype) for name, (dtype, shape) in described.items()}
    assert tensor_file.write(path, given_tensors) == file_sha256(path)
    read = load_file(path)
    assert set(read) == set(given_tensors)
    for name, tensor in given_tensors.items():
        assert read[name].dtype == tensor.dtype and read[name].shape == tensor.shape
        assert torch.equal(read[name], tensor)


def test_a_view_is_written_as_it_reads(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    tensor_file.write(tmp_path / "t", {"turned": whole.t(), "some": whole[:, 1]})
    read = load_file(tmp_path / "t")
    assert torch.equal(read["turned"], whole.t()) and torch.equal(read["some"], whole[:, 1])


def test_an_empty_array_is_written(tmp_path: Path) -> None:
    tensor_file.write(tmp_path / "t", {"none": torch.from_numpy(np.zeros(0, np.int64))})  # its stride is 0
    assert load_file(tmp_path / "t")["none"].shape == (0,)


def test_values_in_main_memory_are_not_copied() -> None:
    tensor = torch.zeros(4)
    view = tensor_file._values(tensor)
    tensor += 1
    assert bytes(view) == tensor.numpy().tobytes()
