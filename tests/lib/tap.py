"""Results of test cases, read from the Test Anything Protocol (as GLib writes it) and from pytest's JUnit XML."""
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

_LINE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:-\s+)?(.*?)\s*(?:#\s*(SKIP|TODO)\b\s*(.*?))?\s*$", re.I)


@dataclass
class Case:
    name: str
    outcome: str # passed, failed, skipped
    reason: str = ""


def parse_tap(output, exit_status):
    """The cases of one program's output.  What does not add up (a plan not kept, a bad end) is a failed case of its own."""
    cases, planned = [], None
    for line in output.splitlines():
        if (match := re.match(r"^1\.\.(\d+)\s*(?:#\s*SKIP\b\s*(.*))?$", line, re.I)):
            planned = int(match.group(1))
            if planned == 0 and match.group(2) is not None:
                cases.append(Case("(all)", "skipped", match.group(2)))
        elif line.startswith("Bail out!"):
            cases.append(Case("(bail out)", "failed", line))
        elif (match := _LINE.match(line)):
            bad, number, name, directive, reason = match.groups()
            directive = (directive or "").upper()
            outcome = "skipped" if directive else "failed" if bad else "passed"
            cases.append(Case(name or f"case {number}", outcome, reason or ""))
    told = sum(1 for case in cases if not case.name.startswith("("))
    failed = any(case.outcome == "failed" for case in cases)
    if planned is None and not failed:
        cases.append(Case("(plan)", "failed", "there is no plan"))
    elif planned and told != planned and not failed:
        cases.append(Case("(plan)", "failed", f"{planned} cases were planned, {told} were run"))
    if exit_status != 0 and not any(case.outcome == "failed" for case in cases):
        cases.append(Case("(end)", "failed", f"it ended with status {exit_status}"))
    return cases


def parse_junit(path):
    """The cases of a JUnit XML file of pytest, named FILE::TEST.  A test that failed and whose end failed too counts once."""
    cases = {}
    for element in ElementTree.parse(path).getroot().iter("testcase"):
        file = element.get("classname", "").split(".")[-1] + ".py"
        name = f"{file}::{element.get('name')}"
        outcome, reason = "passed", ""
        for child in element:
            if child.tag in ("failure", "error"):
                outcome, reason = "failed", child.get("message", "")
            elif child.tag == "skipped" and outcome == "passed":
                outcome, reason = "skipped", child.get("message", "")
        before = cases.get(name)
        if before is None or before.outcome != "failed":
            cases[name] = Case(name, outcome, reason)
    return list(cases.values())


def read_skips(path):
    """The list of skips that are allowed: (pattern, probe, reason) a line, separated by tabs."""
    rows = []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 3 or not all(fields):
            raise ValueError(f"{path}:{number}: not PATTERN<TAB>PROBE<TAB>REASON")
        rows.append(tuple(fields))
    return rows
