"""A mount that is killed while programs are at work in it: each of them gets an error, and nothing is left behind."""
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from lib import keeper, messages, watchdog
from lib.program import SLOW
from lib.writing import NEW, NEW_CRLF

# Makes, renames, lists and removes files until that fails; says how.
PROGRAM = """
import errno, os, sys
folder, other, number = sys.argv[1:]
print("begins", flush=True)
try:
    for index in range(1 << 40):
        here, there = f"{folder}/{number}-{index}.eml", f"{other}/{number}-{index}.eml"
        with open(here + ".tmp", "w") as file:
            file.write(f"From: a@example.org\\n\\n{number} {index}\\n")
        os.rename(here + ".tmp", here)
        os.listdir(other)
        os.rename(here, there)
        os.unlink(there)
except OSError as error:
    print(errno.errorcode[error.errno], flush=True)
"""


def children(pid):
    """Ids of processes."""
    return [int(child) for tid in watchdog.tasks(pid) for child in Path(f"/proc/{pid}/task/{tid}/children").read_text().split()]


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Another(threading.Thread):
    """Another mail program, which adds and removes messages in these folders."""

    def __init__(self, remote, folders):
        super().__init__()
        self.remote, self.folders = remote, folders
        self.stop = threading.Event()

    def run(self):
        with self.remote.connect() as account:
            for index in range(1 << 40):
                if self.stop.is_set():
                    return
                for folder in self.folders:
                    account.append(folder, [messages.random_message(f"another-{index}", 1)])
                    account.expunge(folder, account.uids(folder)[:1])


@pytest.fixture
def at_work(work):
    """at_work(): programs that have begun to write."""
    started = []

    def start(count=12):
        folders = [work.folder("Empty"), work.folder("Other")]
        begun = [subprocess.Popen([sys.executable, "-c", PROGRAM, folders[index % 2], folders[1 - index % 2], str(index)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
                 for index in range(count)]
        started.extend(begun)
        for each in begun:
            assert each.stdout.readline() == "begins\n"
        return begun
    another = Another(work.remote, ["Empty", "Other"])
    another.start()
    try:
        yield start
    finally:
        another.stop.set()
        another.join()
        if any(each.poll() is None for each in started):
            keeper.abort_below(work.mount.path) # else who hangs could not be killed
        for each in started:
            each.kill()
            each.wait()
            each.stdout.close()


def ends_with(process, beside, work):
    """It, its last thread, and those whom it has started."""
    process.wait(30 * SLOW)
    work.wait(lambda: not any(lives(each) for each in beside))


def mounts_again(work):
    """At the same place, as it stands; and everything works."""
    done = work.home.run("mount", str(work.mount.path))
    assert done.status == 0, done
    works(work)


def works(work):
    """What was mounted at the same place.  It is unmounted for it."""
    try:
        path = work.folder("Empty") / "again.eml"
        path.write_bytes(NEW)
        assert path.read_bytes() == NEW_CRLF
    finally:
        done = work.home.run("unmount", str(work.mount.path))
    assert done.status == 0, done
    work.mount.end()
    work.mount = work.home.mount().__enter__()


@pytest.mark.parametrize("seconds", [0.2, 0.7, 1.5])
def test_programs_in_a_mount_that_is_killed_get_an_error(seconds, at_work, work):
    """Threads of it may be waiting for what they do, so that neither can end before the other."""
    process, beside = work.mount.process, children(work.mount.process.pid)
    programs = at_work()
    time.sleep(seconds)
    process.kill()
    for each in programs:
        said, _ = each.communicate(timeout=30 * SLOW)
        assert said.strip() in ("ENOTCONN", "ECONNABORTED")
    ends_with(process, beside, work)
    mounts_again(work)


@pytest.mark.parametrize("end", ["unmount", "fusermount", "SIGTERM", "SIGTERM for its group", "SIGKILL"])
def test_nothing_is_left_of_a_mount_that_ends(end, work):
    process, beside = work.mount.process, children(work.mount.process.pid)
    assert len(beside) == 1, "mtree-last"
    if end == "unmount":
        assert work.home.run("unmount", str(work.mount.path)).status == 0
    elif end == "fusermount":
        work.run("fusermount3", "-u", "-z", work.mount.path)
    elif end == "SIGTERM for its group":
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.send_signal(signal.Signals[end])
    ends_with(process, beside, work)
    mounts_again(work)


def test_a_mount_that_ends_while_programs_are_at_work(at_work, work):
    process, beside = work.mount.process, children(work.mount.process.pid)
    programs = at_work()
    assert work.home.run("unmount", str(work.mount.path)).status == 0
    for each in programs:
        each.communicate(timeout=30 * SLOW)
    ends_with(process, beside, work)
    mounts_again(work)


def test_who_answers_for_a_killed_mount_holds_nothing_else(work):
    """Neither the store's lock nor its files, nor any connection."""
    last, = children(work.mount.process.pid)
    work.wait(lambda: Path(f"/proc/{last}/comm").read_text() == "mtree-last\n")
    held = sorted(os.readlink(each) for each in Path(f"/proc/{last}/fd").iterdir())
    assert [each.partition(":")[0] for each in held] == ["/dev/fuse"] * 3 + ["anon_inode", "pipe"]


def test_a_mount_whose_child_was_killed_goes_on_and_ends(work):
    last, = children(work.mount.process.pid)
    os.kill(last, signal.SIGKILL)
    work.wait(lambda: not lives(last))
    path = work.folder("Empty") / "x.eml"
    path.write_bytes(NEW)
    work.ends(plus=[("Empty", work.now(NEW))], named={"x.eml"})


def test_a_new_mount_comes_while_the_old_one_goes(work):
    """The kernel answers what it was asked meanwhile with another error than later."""
    last, = children(work.mount.process.pid)
    os.kill(last, signal.SIGSTOP)
    work.mount.process.kill()
    work.mount.process.wait()
    mounting = work.home.start("mount", str(work.mount.path))
    try:
        work.wait(lambda: "wait_answer" in Path(f"/proc/{mounting.pid}/wchan").read_text())
    finally:
        os.kill(last, signal.SIGKILL)
    assert mounting.wait(30 * SLOW) == 0, mounting.stderr.read()
    works(work)
