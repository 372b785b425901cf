"""langdetect (two seeds), pycld2 and py3langid: what they call each text, and documents a CPU-second.

python benchmarks/peers/language.py TEXTS.parquet NAMES.json
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import langdetect
import polars as pl
import py3langid
import pycld2

SAME = {"nb": "no", "nn": "no", "iw": "he", "jw": "jv", "un": "unknown"}


def name_langdetect(text: str) -> str:
    """Return langdetect's name."""
    return str(langdetect.detect(text))


def name_pycld2(text: str) -> str:
    """Return CLD2's first name at its best effort, whether it calls itself reliable or not."""
    return str(pycld2.detect(text, bestEffort=True)[2][0][1])


def name_py3langid(text: str) -> str:
    """Return py3langid's name."""
    return str(py3langid.classify(text)[0])


def names(say: Callable[[str], str], texts: list[str]) -> tuple[list[str], float]:
    """Return a name for each text and the CPU seconds; `unknown` where the package raises."""
    say("A warm sentence in English.")
    out = []
    started = time.process_time()
    for text in texts:
        try:
            code = say(text).split("-")[0]
        except (langdetect.LangDetectException, pycld2.error):
            code = "unknown"
        out.append(SAME.get(code, code))
    return out, time.process_time() - started


def main(texts_path: str, names_path: str) -> None:
    """Print one line of JSON."""
    texts = pl.read_parquet(texts_path)["text"].to_list()
    said: dict[str, list[str]] = {}
    result: dict[str, Any] = {"rows": len(texts), "cpu_s": {}}
    for seed in (0, 1):
        langdetect.DetectorFactory.seed = seed
        said[f"langdetect_{seed}"], result["cpu_s"]["langdetect"] = names(name_langdetect, texts)
    said["pycld2"], result["cpu_s"]["pycld2"] = names(name_pycld2, texts)
    said["py3langid"], result["cpu_s"]["py3langid"] = names(name_py3langid, texts)
    result["version"] = {name: version(name) for name in ("langdetect", "pycld2", "py3langid")}
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Path(names_path).write_text(json.dumps(said), encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
