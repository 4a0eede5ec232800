"""The tests that documents name are there."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}


def named(text):
    """(file, test or "") for each `test_x.py::test_y`, `test_y` behind one of these in its line, and `test_x.py`."""
    found = []
    for line in text.splitlines():
        file = ""
        for name, test, alone in re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`|`(test_\w+)`", line):
            file = name or file
            found.append((file, test or alone))
    return found


def is_there(file, test):
    texts = [FILES.get(file, "")] if file else FILES.values()
    return any(f"\ndef {test}(" in text if test else text for text in texts)


@pytest.mark.parametrize("document", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_tests_that_are_named_are_there(document):
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    missing = [f"{file}::{test}" for file, test in named(text) if not is_there(file, test)]
    linked = re.findall(r"\(\.\./tests/([\w/.-]+)\)", text)
    missing += [path for path in linked if not (ROOT / "tests" / path).exists()]
    assert missing == []


def test_what_is_named_is_found_in_a_line():
    line = "see `test_a.py::test_b`, `test_c`; `test_d.py` and `tests/x`"
    assert named(line) == [("test_a.py", "test_b"), ("test_a.py", "test_c"), ("test_d.py", "")]
