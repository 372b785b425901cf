"""tilth gguf RUN: the weights of a run in one file for llama.cpp, written by llama.cpp's own converter."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tilth.shards.errors import TilthError, UsageError

CONVERTER = "convert_hf_to_gguf.py"
FILE = "model.gguf"


def write_gguf(run_dir: Path) -> Path:
    """Convert the merged weights, or the whole model, of a run and return the file.

    Raises UsageError where the converter is not on PATH or the run left an adapter alone, TilthError where it fails.
    """
    weights = next((run_dir / name for name in ("merged", "model") if (run_dir / name).is_dir()), None)
    if weights is None:
        raise UsageError(
            f"run {run_dir.name}",
            "left an adapter without merged weights",
            "Nothing was written",
            "train with training.merge: true; its page says why nothing was merged",
        )
    converter = shutil.which(CONVERTER)
    if converter is None:
        raise UsageError(
            CONVERTER,
            "is not on PATH",
            "Nothing was written",
            "git clone https://github.com/ggml-org/llama.cpp, pip install -r its requirements.txt, "
            "make the file executable and add its folder to PATH",
        )
    out = run_dir / FILE
    done = subprocess.run(
        [converter, str(weights), "--outfile", str(out)], capture_output=True, text=True, check=False
    )
    if done.returncode or not out.is_file():
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
        raise TilthError(
            CONVERTER, f"failed ({last})", "Nothing was written", "See whether it knows this family"
        )
    return out
