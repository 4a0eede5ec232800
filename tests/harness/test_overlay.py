"""A root of its own shows nothing of what happens in it, and ends with who made it."""
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from lib import overlay

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module", autouse=True)
def possible():
    if (problem := overlay.problem()):
        pytest.skip(problem)


def mounts():
    return Path("/proc/mounts").read_text()


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid):
    deadline = time.monotonic() + 30
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not lives(pid)


def test_what_happens_inside_is_not_seen_outside(tmp_path):
    before = mounts()
    with overlay.Overlay(tmp_path / "root") as root:
        root.run("sh", "-c", "echo inside >/etc/of-the-overlay; rm /etc/debian_version; touch /tmp/of-the-overlay")
        assert (root.root / "etc/of-the-overlay").read_text() == "inside\n"
        assert root.run("ls", "/run", "/tmp").split() == ["/run:", "changes", "/tmp:", "of-the-overlay"]
        assert "1 " in root.run("ps", "-e", "-o", "pid=,comm=")
        with pytest.raises(RuntimeError, match="status 1"):
            root.run("test", "-e", "/etc/debian_version")
        assert mounts() == before
    assert not Path("/etc/of-the-overlay").exists() and Path("/etc/debian_version").exists()
    assert mounts() == before


def test_what_detached_itself_ends_too_even_against_its_will(tmp_path):
    with overlay.Overlay(tmp_path) as root:
        stubborn = "trap : TERM; echo $$ >/tmp/stubborn; while :; do sleep 1; done"
        root.run("sh", "-c", f"setsid sh -c '{stubborn}' >/dev/null 2>&1 &"
                 "until [ -s /tmp/stubborn ]; do sleep 0.1; done")
        first = root.pid
        inside = [int(pid) for pid in root.run("ps", "-e", "-o", "pid=").split()]
        assert len(inside) >= 3
    assert gone(first)
    assert str(tmp_path) not in mounts()


def test_it_ends_with_who_made_it(tmp_path):
    maker = subprocess.Popen([sys.executable, "-c", f"""
import sys, time
from lib.overlay import Overlay
root = Overlay({str(tmp_path)!r}).start()
root.popen(["sleep", "1000"])
print(root.pid, flush=True)
time.sleep(1000)
"""], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(TESTS)})
    first = int(maker.stdout.readline())
    assert lives(first)
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    maker.stdout.close()
    assert gone(first)
    assert str(tmp_path) not in mounts()


def test_its_syslog_is_a_file(tmp_path):
    with overlay.Overlay(tmp_path) as root:
        root.run("logger", "-t", "somebody", "a line")
        root.run("logger", "-t", "somebody", "another")
    lines = root.log.read_text().splitlines()
    assert [line.partition("somebody: ")[2] for line in lines] == ["a line", "another"]


@pytest.fixture
def package(tmp_path):
    """A package that adds, removes and gives away a file; where it can be seen inside, which has a /tmp of its own."""
    (tmp_path / "DEBIAN").mkdir()
    (tmp_path / "DEBIAN/control").write_text(
        "Package: mailtree-test\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a test\n")
    script = tmp_path / "DEBIAN/postinst"
    script.write_text("#!/bin/sh\nset -e\nrm /etc/debian_version\nsetpriv --reuid=1 touch /var/tmp/mailtree-test\n")
    script.chmod(0o755)
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/mailtree-test").write_text("installed\n")
    with tempfile.TemporaryDirectory(prefix="mailtree-test.", dir="/var/tmp") as place:
        made = Path(place, "it.deb")
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tmp_path, made], check=True, stdout=subprocess.DEVNULL)
        yield made


def test_what_is_installed_is_kept_and_used(package, tmp_path, monkeypatch):
    keep = tmp_path / "kept"
    monkeypatch.setenv("MAILTREE_SERVERS", str(keep))
    kept = overlay.layer("it", [str(package)])
    package.unlink() # so that it cannot be installed again
    assert overlay.layer("it", [str(package)]) == kept
    assert {each.name for each in keep.iterdir()} == {kept.name, "it.lock"}
    with overlay.Overlay(tmp_path / "root", kept) as root:
        assert root.run("cat", "/usr/lib/mailtree-test") == "installed\n"
        assert "install ok installed" in root.run("dpkg-query", "-s", "mailtree-test")
        assert root.run("stat", "-c", "%u", "/var/tmp/mailtree-test") == "1\n"
        assert not (root.root / "etc/debian_version").exists()
    assert not Path("/usr/lib/mailtree-test").exists() and Path("/etc/debian_version").exists()


def test_what_cannot_be_installed_is_an_error_that_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("MAILTREE_SERVERS", str(tmp_path / "kept"))
    with pytest.raises(RuntimeError, match="no-such-package-of-mailtree"):
        overlay.layer("it", ["no-such-package-of-mailtree"])
    assert [each.name for each in (tmp_path / "kept").iterdir()] == ["it.lock"]
