"""Examples into batches of bounded length, side by side, never cut."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tilth.training.rows.text import Example

IGNORED = -100


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples laid end to end; position restarts at 0 with each of them."""

    input_ids: Tensor  # int64 (tokens,)
    position_ids: Tensor  # int64 (tokens,)
    lengths: list[int]  # tokens of each sequence, in order: of each example, of both sides of a pair
    targets: Tensor  # int64 (tokens,): the next token, IGNORED where there is no loss
    example_of: Tensor  # int64 (tokens,): index into `examples`
    examples: list[Example]
    label_count: int

    def to(self, device: torch.device) -> Batch:
        """Return the batch with its tensors on `device`."""
        if self.input_ids.device == device:
            return self
        return self._with([t.to(device, non_blocking=t.is_pinned()) for t in self._tensors()])

    def pinned(self) -> Batch:
        """Return the batch with its tensors in page-locked memory."""
        return self._with([t.pin_memory() for t in self._tensors()])

    def _tensors(self) -> tuple[Tensor, ...]:
        return self.input_ids, self.position_ids, self.targets, self.example_of

    def _with(self, tensors: list[Tensor]) -> Batch:
        ids, positions, targets, example_of = tensors
        return replace(self, input_ids=ids, position_ids=positions, targets=targets, example_of=example_of)


def pack(examples: list[Example], pack_tokens: int) -> list[Batch]:
    """Return batches of at most `pack_tokens` tokens holding every example exactly once, whole.

    An example longer than `pack_tokens` gets a batch to itself.
    """
    lengths = [len(example.input_ids) for example in examples]
    return [collate([examples[i] for i in chosen]) for chosen in bins(lengths, pack_tokens)]


def bins(lengths: list[int], capacity: int) -> list[list[int]]:
    """Return the indices of `lengths` in bins: best fit decreasing.

    The longest first, each into the fullest bin that still has room (Johnson, 1973: at most 11/9 of the
    least possible number of bins).
    """
    members: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # free tokens and bin, sorted
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[index]
        fullest = bisect_left(rooms, (length, -1))
        if fullest < len(rooms):
            free, chosen = rooms.pop(fullest)
            members[chosen].append(index)
        else:
            free, chosen = max(capacity, length), len(members)
            members.append([index])
        insort(rooms, (free - length, chosen))
    return members


def filled(batch: Batch, multiple: int) -> Batch:
    """Return a batch whose tokens are a multiple of `multiple`: what is added sees only itself and has no label."""
    extra = -len(batch.input_ids) % multiple
    if not extra:
        return batch
    ids, positions, targets, example_of = batch._tensors()
    more = ids.new_zeros(extra)
    return replace(
        batch,
        input_ids=torch.cat([ids, more]),
        position_ids=torch.cat([positions, torch.arange(extra)]),
        lengths=[*batch.lengths, extra],
        targets=torch.cat([targets, more + IGNORED]),
        example_of=torch.cat([example_of, more + len(batch.examples)]),
    )


def sequence_of(batch: Batch) -> Tensor:
    """Return the sequence that each token of a batch belongs to, int64 (tokens,)."""
    return torch.repeat_interleave(torch.arange(len(batch.lengths)), torch.tensor(batch.lengths))


def collate(examples: list[Example]) -> Batch:
    """Return one batch of these examples, in this order."""
    parts = [[len(part.input_ids) for part in example.parts] for example in examples]
    lengths = np.array([length for of_example in parts for length in of_example], dtype=np.int64)
    ends = np.cumsum(lengths)
    ids = np.concatenate([example.input_ids for example in examples]).astype(np.int64)
    is_label = np.concatenate([example.is_label for example in examples])
    targets = np.full(len(ids), IGNORED, dtype=np.int64)
    targets[:-1] = np.where(is_label[1:], ids[1:], IGNORED)
    targets[ends - 1] = IGNORED
    return Batch(
        input_ids=torch.from_numpy(ids),
        position_ids=torch.from_numpy(np.arange(len(ids)) - np.repeat(ends - lengths, lengths)),
        lengths=lengths.tolist(),
        targets=torch.from_numpy(targets),
        example_of=torch.from_numpy(np.repeat(np.arange(len(examples)), [sum(of) for of in parts])),
        examples=examples,
        label_count=int((targets != IGNORED).sum()),
    )
