"""A starting point for the base: weights that already hold an induction circuit.

A head that looks one token back and a later head that looks for "where did this token stand before, and what
came next" let a model copy from its context (Olsson et al., 2022, "In-context learning and induction heads").
From random weights a model of this size finds them only after several million tokens; starting weights that
resemble trained ones are cheap (Trockman and Kolter, 2023, "Mimetic initialization"). Everything stays
trainable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

HEADS = 2  # of each of the two layers
BACK_LAYER, MATCH_LAYER = 0, 2
BACK_SHARPNESS, MATCH_SHARPNESS = 60.0, 40.0  # attention score of a hit
BACK_GAIN, COPY_GAIN = 0.1, 0.2  # how loud the heads speak, against an embedding of norm about one


def seed_induction(model: Any, generator: torch.Generator) -> None:
    """Overwrite two heads in each of two layers of a Llama; all else starts silent (output zero)."""
    import torch

    config = model.config
    width, size = config.hidden_size, config.hidden_size // config.num_attention_heads
    dtype = model.model.embed_tokens.weight.dtype

    def directions(rows: int) -> torch.Tensor:
        return torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=dtype))[0][:rows]

    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        common = _give_common_direction(model.model.embed_tokens.weight, directions(1)[0])
        turned = directions(width)  # where the token before is written, apart from the token itself
        frequencies = model.model.rotary_emb.inv_freq
        back = model.model.layers[BACK_LAYER].self_attn
        match = model.model.layers[MATCH_LAYER].self_attn
        carried, copied = directions(HEADS * size), directions(HEADS * size)
        for head in range(HEADS):
            rows = slice(head * size, (head + 1) * size)
            _look_back(back, rows, common, frequencies)
            back.v_proj.weight[rows] = carried[rows]
            back.o_proj.weight[:, rows] = BACK_GAIN * turned @ carried[rows].T
            _look_for(match, rows, directions(size), turned, frequencies)
            match.v_proj.weight[rows] = copied[rows]
            match.o_proj.weight[:, rows] = COPY_GAIN * copied[rows].T


def _give_common_direction(embeddings: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """Give all embeddings the same part along `direction`; return what to multiply it out to one."""
    norm = embeddings.norm(dim=1).mean()
    embeddings -= (embeddings @ direction)[:, None] * direction
    embeddings += 0.7 * norm * direction
    normal = embeddings / embeddings.pow(2).mean(1, keepdim=True).sqrt()
    return direction / (normal @ direction).mean()


def _look_back(attention: Any, rows: slice, common: torch.Tensor, frequencies: torch.Tensor) -> None:
    """Set query and key so that the score is highest one token back: the key is turned by one position."""
    import torch

    size = 2 * len(frequencies)
    loudness = (BACK_SHARPNESS * size**0.5) ** 0.5 / len(frequencies) ** 0.5
    query = torch.cat([torch.ones_like(frequencies), torch.zeros_like(frequencies)])
    key = torch.cat([torch.cos(frequencies), torch.sin(frequencies)])
    attention.q_proj.weight[rows] = loudness * query[:, None] * common
    attention.k_proj.weight[rows] = loudness * key[:, None] * common


def _look_for(
    attention: Any,
    rows: slice,
    directions: torch.Tensor,
    turned: torch.Tensor,
    frequencies: torch.Tensor,
) -> None:
    """Set query and key so that a token finds the places whose token before was the same.

    Only the slow half of the rotary frequencies carries content over some hundred tokens.
    """
    import torch

    size = 2 * len(frequencies)
    slow = torch.cat([frequencies < frequencies.median()] * 2)
    expected = int(slow.sum()) / 4  # of a hit, before scaling: half the token, half the place
    loudness = (MATCH_SHARPNESS * size**0.5 / expected) ** 0.5
    content = loudness * slow[:, None] * directions
    attention.q_proj.weight[rows] = content
    attention.k_proj.weight[rows] = content @ turned.T
