"""Installing packages: only what is missing, with no question, and apt's list refreshed only when that is needed."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def machine(tmp_path):
    """Stands in for dpkg and apt.  Returns a function that runs need_packages, and gives its result and apt's commands."""
    def tool(name, text):
        (tmp_path / name).write_text("#!/bin/sh\n" + text)
        (tmp_path / name).chmod(0o755)

    def run(*packages, installed=(), stale=False, missing_for_ever=False):
        (tmp_path / "log").write_text("")
        tool("dpkg-query", f'for last; do :; done\ncase " {" ".join(installed)} " in *" $last "*) printf installed ;; *) exit 1 ;; esac\n')
        tool("apt-get", f'''echo "$DEBIAN_FRONTEND $*" >>{tmp_path}/log
case "$*" in
*update*) touch {tmp_path}/fresh ;;
*) {"exit 100" if missing_for_ever else f"[ -e {tmp_path}/fresh ] || exit 100" if stale else ":"} ;;
esac
''')
        tool("sudo", '"$@"\n')
        done = subprocess.run(["sh", "-euc", '. "$0"/scripts/packages.sh; need_packages "$@"; echo went on', str(ROOT), *packages],
                              capture_output=True, text=True, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
        return done, (tmp_path / "log").read_text().splitlines()
    return run


def test_nothing_is_done_when_nothing_is_missing(machine):
    done, log = machine("a", "b", installed=["a", "b"])
    assert done.returncode == 0 and done.stdout == "went on\n" and log == []


def test_only_what_is_missing_is_installed_without_questions(machine):
    done, log = machine("a", "b", "c", installed=["b"])
    assert done.returncode == 0
    assert log == ["noninteractive -q install -y --no-install-recommends a c"]


def test_a_stale_list_of_packages_is_refreshed(machine):
    done, log = machine("a", stale=True)
    assert done.returncode == 0, done.stderr
    assert [line.split()[2] for line in log] == ["install", "update", "install"]


def test_what_cannot_be_installed_ends_it(machine):
    done, _ = machine("a", missing_for_ever=True)
    assert done.returncode == 69
    assert "went on" not in done.stdout and "could not install: a" in done.stderr
