"""The package as others get it: built, installed away from the repository, and put to work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the repository and return what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        check=False,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel out of the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_sample_and_not_what_made_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"tilth/__init__.py", "tilth/py.typed", "tilth/data/base/config.json"} <= names
    assert not [name for name in names if "making" in name or name.startswith(("tests", "benchmarks"))]


def test_an_installed_wheel_curates_the_sample(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    # What Tilth depends on is borrowed; a .pth read through another .pth is ignored, so its editable install is not.
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        wheel,
        cwd=tmp_path,
    )
    assert run(python, "-c", "import tilth; print(tilth.__file__)", cwd=tmp_path).startswith(str(site))

    shutil.copytree(site / "tilth" / "data", tmp_path / "data")
    curate = [tmp_path / "env" / "bin" / "curate", tmp_path / "data" / "recipes" / "demo.yaml", "--json"]
    result = json.loads(run(*curate, "--store", tmp_path / "store", cwd=tmp_path))
    counts = result["counts"]
    assert result["published"]
    assert result["passed"]
    assert counts["lines"] == counts["kept"] + counts["dropped"] + counts["quarantined"] == 7507
