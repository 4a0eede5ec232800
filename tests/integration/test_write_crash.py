"""The mount is killed, or finds no room, while programs write: what was acknowledged is there, what was not is whole or absent."""
import errno
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from lib import keeper, messages
from lib.program import SLOW
from lib.writing import NEW_CRLF, Writing


def content(name, version):
    raw = NEW_CRLF.replace(b"new", b"%s version %d" % (name.encode(), version))
    return raw + messages.Random(name, version).bytes(2000).hex().encode() + b"\r\n"


class Writer(threading.Thread):
    """Makes, saves over, renames and removes files of its own until that fails."""

    def __init__(self, folder, label):
        super().__init__()
        self.folder, self.label = folder, label
        self.there = {}         # name: what was acknowledged last
        self.under_way = {}     # name: what it may be besides, None: nothing
        self.failure = None

    def run(self):
        try:
            for index in range(100_000):
                self._step(index)
        except OSError as failure:
            self.failure = failure

    def _step(self, index):
        name = f"{self.label}-{index - index % 4}.eml"
        raw = content(name, index % 4)
        path = self.folder / name
        if index % 4 == 0:
            self._note(name, raw, lambda: self._write(path, raw))
        elif index % 4 == 1:
            self._note(name, raw, lambda: self._replace(path, raw))
        elif index % 4 == 2:
            self._note(name, raw, lambda: self._write(path, raw))
        elif index % 8 == 7:
            self._note(name, None, path.unlink)

    def _note(self, name, raw, call):
        self.under_way = {name: raw}
        call()
        self.under_way = {}
        self.there[name] = raw

    def _write(self, path, raw):
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        try:
            for at in range(0, len(raw), 1000):
                os.write(descriptor, raw[at:at + 1000])
        finally:
            os.close(descriptor)

    def _replace(self, path, raw):
        draft = path.with_suffix(".tmp")
        with open(draft, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, path)


def start_writers(work, turn=0):
    """Their contents are those of no other turn."""
    writers = [Writer(work.folder("Empty"), f"{turn}-{number}") for number in range(8)]
    for each in writers:
        each.start()
    return writers


def check(work, writers):
    """The tree after it was mounted again, then the server after the barrier."""
    for writer in writers:
        writer.join()
        assert writer.failure is not None
    there = {name: raw for writer in writers for name, raw in writer.there.items()}
    under_way = {name: raw for writer in writers for name, raw in writer.under_way.items()}
    folder = work.folder("Empty")
    have = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    drafts = {name for name in have if name.endswith(".tmp")}
    for name in drafts:
        assert have[name] in (b"", under_way.get(name.replace(".tmp", ".eml")))
    for name in {*there, *under_way, *have} - drafts:
        allowed = {there.get(name)} | ({under_way[name]} if name in under_way else set())
        assert have.get(name) in allowed, f"{name}: half, lost or come back"
    work.home.sync()
    on_server = work.server()
    users = {path.name for path in (work.mount.mail / "test").glob("**/*.eml")} # most of their names
    work._compare_tree(on_server, drafts, set(), users) # pylint: disable=protected-access
    for box in "Empty", "Trash":
        raws = [each.raw for each in on_server.get(box, {}).values()]
        assert len(raws) == len(set(raws)), f"something is twice in {box}"
    assert sorted(each.raw for each in on_server["Empty"].values()) == sorted(raw for name, raw in have.items() if name not in drafts)


def mount_again(work):
    """Behind a process that has ended without unmounting."""
    keeper.unmount_below(work.mount.path)
    work.mount.end()
    work.mount = work.home.mount().__enter__()


def kill(work):
    work.mount.process.kill()
    work.mount.process.wait()


@pytest.mark.parametrize("seconds", [0.3, 1.0, 3.5, 5.0])
def test_the_mount_is_killed_while_eight_write(seconds, work):
    """Before, while and after the first of it is uploaded."""
    writers = start_writers(work)
    time.sleep(seconds)
    kill(work)
    for each in writers:
        each.join()
    mount_again(work)
    check(work, writers)


@pytest.mark.parametrize("half", [b"", NEW_CRLF[:60]], ids=["nothing", "half"])
def test_what_is_opened_to_be_written_anew_is_there_until_it_is_closed(half, work):
    """By anybody: who reads it meanwhile says that he has closed it, too."""
    path = work.file(1)
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(descriptor, half)
    assert path.stat().st_size == len(half)
    kill(work)
    with pytest.raises(OSError):
        os.close(descriptor)
    mount_again(work)
    assert path.read_bytes() == work.work[1].raw
    work.ends()


def steps(count):
    return [1 + index * index for index in range(count)]


@pytest.mark.parametrize("part", range(4))
def test_the_mount_stops_at_a_step_while_eight_write(part, pick, home, remote, fuse):
    """At one of its durable steps, in its writing or in its synchronising."""
    with Writing(home, remote) as work:
        stop_at = pick(steps(30), 4)[part::4]
        for number in stop_at:
            for path in work.folder("Empty").iterdir():
                path.unlink()
            work.home.sync()
            work.mount.__exit__(None, None, None)
            plain, home.program = home.program, Path(home.program).parents[1] / "tests/stops/mailtree-stops"
            home.environment["MAILTREE_STOP_AT"] = str(40 + number)
            try:
                work.mount = home.mount().__enter__()
            finally:
                home.program = plain
                del home.environment["MAILTREE_STOP_AT"]
            writers = start_writers(work, number)
            work.mount.process.wait(60 * SLOW)
            for each in writers:
                each.join()
            mount_again(work)
            check(work, writers)


# No room

@pytest.fixture
def small(home, remote, fuse):
    """A Writing whose store is on a small file system; its .room(size) makes it larger."""
    place = home.folder / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m,mode=700", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("only root can make a small file system")
    home.write_config(f"[mailtree]\nstore = {place}/store\n\n")
    with Writing(home, remote) as made:
        def room(size):
            subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)

        def fill():
            used = os.statvfs(place)
            room((used.f_blocks - used.f_bavail) * used.f_frsize + 600_000)
        made.room, made.fill = room, fill
        yield made
        room("100m")


def full(work, path, raw):
    """Writes until there is no room; what was acknowledged.  The file that did not fit is removed, as programs do."""
    done = {}
    for index in range(10_000):
        name = path.format(index)
        try:
            descriptor = os.open(work.folder("Empty") / name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            try:
                for at in range(0, len(raw), 65536):
                    assert os.write(descriptor, raw[at:at + 65536]) > 0
            finally:
                os.close(descriptor)
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
            return done, name
        done[name] = raw
    raise AssertionError("it was never full")


@pytest.mark.parametrize("size", [3_000, 200_000, 700_000])
def test_a_full_disk(size, small):
    """ENOSPC for who writes or closes; nothing half; the mount goes on, and works when there is room again."""
    raw = NEW_CRLF + b"x" * (size - len(NEW_CRLF) - 2) + b"\r\n"
    small.line.stop()
    small.fill()
    done, failed = full(small, "{}.eml", raw)
    for name in done:
        assert (small.folder("Empty") / name).read_bytes() == raw
    for name in small.names():
        assert (small.folder() / name).read_bytes()
    small.room("100m")
    try:
        (small.folder("Empty") / failed).unlink()
    except FileNotFoundError:
        pass
    (small.folder("Empty") / "after.eml").write_bytes(raw)
    small.line.go_on()
    plus = [("Empty", small.now(raw)) for _ in range(len(done) + 1)]
    small.ends(plus=plus, named={*done, "after.eml"})


def test_what_did_not_fit_and_is_left_is_no_message(small):
    """Half of it, or all of it: nobody has said that it is whole."""
    small.fill()
    raw = NEW_CRLF + b"x" * 2_000_000 + b"\r\n"
    descriptor = os.open(small.folder("Empty") / "x.eml", os.O_CREAT | os.O_WRONLY)
    written = 0
    with pytest.raises(OSError) as error:
        while written < len(raw):
            written += os.write(descriptor, raw[written:written + 65536])
    assert error.value.errno == errno.ENOSPC
    small.room("100m")
    os.close(descriptor)
    assert (small.folder("Empty") / "x.eml").read_bytes() == raw[:written]
    small.ends(beside={"x.eml"})


def test_what_did_not_fit_at_first_is_a_message_when_all_is_written(small):
    small.fill()
    raw = NEW_CRLF + b"x" * 2_000_000 + b"\r\n"
    descriptor = os.open(small.folder("Empty") / "x.eml", os.O_CREAT | os.O_WRONLY)
    written, refused = 0, 0
    while written < len(raw):
        try:
            written += os.write(descriptor, raw[written:written + 65536])
        except OSError as error:
            assert error.errno == errno.ENOSPC
            refused += 1
            small.room("100m")
    os.close(descriptor)
    assert refused == 1
    small.ends(plus=[("Empty", small.now(raw))], named={"x.eml"})


def test_a_full_disk_loses_no_message_that_is_saved_over(small):
    """The old one stays until a whole new one is there."""
    small.fill()
    with pytest.raises(OSError) as error:
        with open(small.file(1), "wb") as file:
            file.write(NEW_CRLF + b"x" * 2_000_000)
    assert error.value.errno == errno.ENOSPC
    small.room("100m")
    assert small.work[1] in small.server()["Work"].values()
    small.file(1).write_bytes(NEW_CRLF)
    small.saved_over(1, NEW_CRLF)


def test_renames_and_removals_on_a_full_disk(small):
    """They need little room; done or not, and said so."""
    small.fill()
    full(small, "{}.swp", b"x" * 30_000)
    moved = removed = False
    try:
        os.rename(small.file(1), small.folder("Empty") / small.file(1).name)
        moved = True
    except OSError as error:
        assert error.errno == errno.ENOSPC
    try:
        os.unlink(small.file(0))
        removed = True
    except OSError as error:
        assert error.errno == errno.ENOSPC
    small.room("100m")
    for path in small.folder("Empty").glob("*.swp"):
        path.unlink()
    minus = ([("Work", small.work[1])] if moved else []) + ([("Work", small.work[0])] if removed else [])
    small.ends(minus, ([("Empty", small.work[1])] if moved else []) + ([("Trash", small.work[0])] if removed else []))
