"""make faults: every fault class at its full count; writes which passed."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.tools.record import ROOT, write

CLASSES = len({path.name[5:8] for path in (ROOT / "tests" / "faults").glob("test_f[0-9][0-9]_*.py")})


def main() -> int:
    """Run tests/faults and write, per class, how many of its tests passed."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "tests/faults", f"--junitxml={report}", "--timeout=3000"]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        cases = list(ET.parse(report).iter("testcase"))
    passed: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for case in cases:
        found = re.search(r"test_(f\d\d)_", case.get("classname", "") + case.get("file", ""))
        if found and case.find("skipped") is None:
            bad = case.find("failure") is not None or case.find("error") is not None
            (failed if bad else passed)[found.group(1)] += 1
    classes = {name: {"passed": passed[name], "failed": failed[name]} for name in sorted({*passed, *failed})}
    good = sum(1 for counts in classes.values() if not counts["failed"])
    write("faults", "make faults", {"classes": classes, "classes_passed": good, "classes_in_all": CLASSES})
    print(f"{good} of {CLASSES} fault classes pass")
    return code


if __name__ == "__main__":
    sys.exit(main())
