"""LoRA on chat rows by TRL's SFTTrainer on two cores, at the best of the settings it is given.

    python benchmarks/peers/trl.py ROWS.jsonl BASE SETTING

SETTING: padded-N-PRECISION or packed-N-PRECISION, N rows (or packs of 512 tokens) a batch; padding-free batches need
flash attention, which no CPU has. PRECISION: float32, or bfloat16 (autocast, TRL's own default). Loss on the
assistant's turns, rows cut at 512 tokens, one pass. Tokens are real ones, no padding.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "HF_DATASETS_CACHE": mkdtemp()}
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import torch  # noqa: E402
from datasets import Dataset, disable_progress_bars  # noqa: E402
from peft import LoraConfig  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

MAX_TOKENS = 512


def main(rows_path: str, base: str, setting: str) -> None:
    """Train once and print the figures."""
    disable_progress_bars()
    torch.set_num_threads(2)
    torch.manual_seed(0)
    rows = [json.loads(line) for line in Path(rows_path).read_text(encoding="utf-8").splitlines()]
    mode, batch, precision = setting.split("-")
    tokenizer = AutoTokenizer.from_pretrained(base)
    arguments = SFTConfig(
        output_dir=mkdtemp(),
        per_device_train_batch_size=int(batch),
        gradient_accumulation_steps=1,
        num_train_epochs=1,
        max_length=MAX_TOKENS,
        packing=mode == "packed",
        assistant_only_loss=True,
        gradient_checkpointing=False,
        learning_rate=2e-4,
        logging_steps=1000,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        bf16=precision == "bfloat16",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        args=arguments,
        train_dataset=Dataset.from_list([{"messages": row["messages"]} for row in rows]),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"),
    )
    tokens = sum(len(ids) for ids in trainer.train_dataset["input_ids"])
    wall, started = time.perf_counter(), time.process_time()
    trainer.train()
    cpu_s, wall_s = time.process_time() - started, time.perf_counter() - wall
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) >> 10
    figures = {"version": version("trl"), "setting": setting, "rows": len(rows), "tokens": tokens}
    figures |= {"cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak, "steps": trainer.state.global_step}
    print(json.dumps(figures | {"loss": trainer.state.log_history[-1].get("train_loss")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
