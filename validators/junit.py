"""Checks as JUnit XML, which every build server shows: an error is a failure, a warning a line of output."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from tilth.validators.gate import CheckResult


def junit(name: str, checks: Sequence[CheckResult]) -> bytes:
    """Return the results as one test suite; it holds figures and names, and no text of a row."""
    failed = sum(check.blocks for check in checks)
    suite = ET.Element("testsuite", name=name, tests=str(len(checks)), failures=str(failed), errors="0")
    for check in checks:
        case = ET.SubElement(suite, "testcase", classname=f"tilth.{name}", name=check.name)
        said = f"{check.value} is not {check.operator} {check.bound}" + (
            f" ({check.note})" if check.note else ""
        )
        if check.blocks:
            ET.SubElement(case, "failure", message=said, type=check.severity)
        elif not check.passed:
            ET.SubElement(case, "system-out").text = f"warning: {said}"
    data: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return data
