"""Compute again, with TRL's own code, the losses of the pairs in trl_dpo.json.

    python -m tests.training.methods.golden.make_trl_dpo        # where TRL is installed

The logits are small random ones, written out: whoever reads the file computes the loss on the same numbers. TRL's
`DPOTrainer._compute_loss` is called as it is, on a model that returns the log-probabilities of these logits.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

GOLDEN = Path(__file__).with_name("trl_dpo.json")
PAIRS, TOKENS, VOCABULARY, PROMPT = 5, 9, 11, 3
CASES: list[dict[str, Any]] = [
    {"beta": 0.1, "length_normalised": False, "sft_weight": 0.0},
    {"beta": 0.5, "length_normalised": False, "sft_weight": 0.0},
    {"beta": 2.0, "length_normalised": True, "sft_weight": 0.0},
    {"beta": 0.1, "length_normalised": False, "sft_weight": 0.3},
    {"beta": 2.0, "length_normalised": True, "sft_weight": 1.0},
]


def main() -> None:
    """Draw logits, run TRL and write both."""
    import trl

    draw = np.random.default_rng(0)
    shape = (2 * PAIRS, TOKENS, VOCABULARY)
    inputs = {
        "ids": draw.integers(0, VOCABULARY, shape[:2]).tolist(),
        "lengths": draw.integers(PROMPT + 1, TOKENS + 1, 2 * PAIRS).tolist(),
        "prompt": PROMPT,
        "logits": np.round(3 * draw.standard_normal(shape), 3).tolist(),
        "reference_logits": np.round(3 * draw.standard_normal(shape), 3).tolist(),
    }
    cases = [{**case, "loss": loss(inputs, case)} for case in CASES]
    golden = {"library": "trl", "version": trl.__version__, **inputs, "cases": cases}
    GOLDEN.write_text(json.dumps(golden) + "\n", encoding="utf-8")


def loss(inputs: dict[str, Any], case: dict[str, Any]) -> float:
    """Return TRL's loss; sequences are its batch, the chosen ones first."""
    import torch
    from trl.trainer import dpo_trainer

    ids = torch.tensor(inputs["ids"])
    place = torch.arange(TOKENS)[None]
    mask = ((place >= inputs["prompt"]) & (place < torch.tensor(inputs["lengths"])[:, None])).long()
    policy, base = (_log_probabilities(inputs[name], ids, mask) for name in ("logits", "reference_logits"))
    kinds = ["sigmoid_norm" if case["length_normalised"] else "sigmoid"]
    kinds += ["sft"] if case["sft_weight"] else []
    itself = SimpleNamespace(same=lambda values: values)
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        ref_model=lambda **_: SimpleNamespace(log_probs=base),
        accelerator=SimpleNamespace(device="cpu", gather=itself.same, gather_for_metrics=itself.same),
        args=SimpleNamespace(gradient_checkpointing_kwargs=None),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=False,
        f_divergence_type="reverse_kl",
        loss_types=kinds,
        loss_weights=[1.0, case["sft_weight"]][: len(kinds)],
        beta=case["beta"],
        use_weighting=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )
    filler = torch.zeros_like(policy)
    said = SimpleNamespace(
        log_probs=policy,
        entropy=filler,
        mean_logits=filler,
        is_top1=torch.zeros_like(policy, dtype=torch.bool),
    )
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "completion_mask": mask}
    silent = mock.patch.object(
        dpo_trainer, "disable_gradient_checkpointing", lambda *_: contextlib.nullcontext()
    )
    with silent, mock.patch.object(dpo_trainer, "is_peft_model", lambda _: False):
        found = dpo_trainer.DPOTrainer._compute_loss(trainer, lambda **_: said, batch, False)
    return float(found)


def _log_probabilities(logits: list, ids: Any, mask: Any) -> Any:
    """Return log p of each next token in double precision, 0 where it is no completion."""
    import torch

    values = torch.tensor(logits, dtype=torch.float64)[:, :-1].log_softmax(-1)
    return values.gather(2, ids[:, 1:, None])[..., 0] * mask[:, 1:]


if __name__ == "__main__":
    main()
