"""Includes run only along the arrows of the layer table, and docs/architecture.md has that table and every file of the engine."""
import re
from pathlib import Path

import pytest
from lib import layers

ROOT = Path(__file__).resolve().parents[2]


def test_includes_run_along_the_arrows():
    assert len(layers.sources(ROOT)) > 20
    assert layers.violations(ROOT) == []


def rows(heading):
    """Cells of the table below that heading of docs/architecture.md, without those of its head."""
    section = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_table_is_that_of_the_document():
    told = {re.sub(r"[`/]+$|^`", "", folder): may for folder, _, may in rows("Layers")}
    assert told.pop("src/*.c") == "all"
    names = {folder.rpartition("/")[2]: folder for folder in told}
    assert {folder: {names[word] for word in re.findall(r"\w+", may)} for folder, may in told.items()} == \
        {folder: set(may) for folder, may in layers.LAYERS.items()}


def test_the_document_lists_the_files_of_the_engine():
    told = [name for _, files in rows("The files of the engine") for name in re.findall(r"`([a-z-]+)`", files)]
    assert sorted(told) == sorted(path.stem for path in (ROOT / "sync").glob("*.c"))


@pytest.mark.parametrize("files, complaint", [
    ({"src/store/a.h": '#include "net/b.h"\n', "src/net/b.h": ""}, "src/store may not know src/net"),
    ({"fs/a.c": '#include "sync/b.h"\n', "sync/b.h": ""}, "fs may not know sync"),
    ({"sync/a.c": '#include "fs/b.h"\n', "fs/b.h": ""}, "sync may not know fs"),
    ({"src/core/a.c": '#  include "store/b.h"\n', "src/store/b.h": ""}, "src/core may not know src/store"),
    ({"src/imap/a.c": '#include "../config.h"\n', "src/config.h": ""}, "is no header of a layer"),
    ({"src/imap/a.c": '#include "config.h"\n', "src/config.h": ""}, "src/imap may not know src"),
    ({"src/imap/a.h": '#include "imap/b.h"\n', "src/imap/b.h": '#include "imap/a.h"\n'}, "a circle: src/imap/a.h -> src/imap/b.h"),
    ({"src/imap/a.h": '#include "a.h"\n'}, "a circle: src/imap/a.h -> src/imap/a.h"),
    ({"src/web/a.h": ""}, "src/web/a.h: is in no layer"),
])
def test_a_planted_violation_is_found(tmp_path, files, complaint):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert any(complaint in line for line in layers.violations(tmp_path))


def test_what_the_table_allows_is_not_complained_about(tmp_path):
    for name, text in {"src/imap/a.h": '#include "net/b.h"\n#include <glib.h>\n', "src/net/b.h": '#include "core/c.h"\n',
                       "src/core/c.h": "", "src/main.c": '#include "fs/d.h"\n', "fs/d.h": '#include "store/e.h"\n',
                       "src/store/e.h": '#include "core/c.h"\n'}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert layers.violations(tmp_path) == []
