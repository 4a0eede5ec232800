"""Several at once: writers, closers, renamers and removers of one file, and other clients of the account."""
import ctypes
import errno
import mmap
import os
import subprocess
import threading

import pytest
from lib import messages
from lib.writing import NEW, NEW_CRLF, Writing

LIBC = ctypes.CDLL(None, use_errno=True)


def refused(number, call, *arguments):
    with pytest.raises(OSError) as error:
        call(*arguments)
    assert error.value.errno == number, error.value


def together(*calls):
    """Runs them at the same time; the first failure counts."""
    failures = []

    def run(call):
        try:
            call()
        except BaseException as failure: # pylint: disable=broad-except
            failures.append(failure)
    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if failures:
        raise failures[0]


class Elsewhere:
    """A file that another process has open: ours would close its descriptor, and so save the file, in each child that it starts."""
    SCRIPT = """
import os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
print(0, flush=True)
for line in sys.stdin:
    try:
        os.pwrite(descriptor, bytes.fromhex(line), os.fstat(descriptor).st_size)
        print(0, flush=True)
    except OSError as error:
        print(error.errno, flush=True)
"""

    def __init__(self, path):
        self._process = subprocess.Popen(["/usr/bin/python3", "-c", self.SCRIPT, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._answer() == 0

    def _answer(self):
        return int(self._process.stdout.readline())

    def append(self, raw):
        """The errno, or 0."""
        self._process.stdin.write(raw.hex().encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


# One file

@pytest.mark.parametrize("name", ["x.eml", "x.swp"])
def test_what_is_written_while_others_sync_is_not_lost(name, work):
    path = work.folder() / name
    head = b"From: a@example.org\r\n\r\n"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    os.write(descriptor, head)
    ended = threading.Event()
    lines = [b"%06d\r\n" % number for number in range(1500)]

    def write():
        try:
            for number, line in enumerate(lines):
                assert os.pwrite(descriptor, line, len(head) + 8 * number) == 8
        finally:
            ended.set()

    def close():
        while not ended.is_set():
            os.close(os.dup(descriptor))

    def sync():
        while not ended.is_set():
            os.fsync(descriptor)
    together(write, close, sync)
    os.close(descriptor)
    want = head + b"".join(lines)
    assert path.read_bytes() == want
    work.remount()
    assert (work.folder() / name).read_bytes() == want


@pytest.mark.parametrize("name", ["x.eml", "x.swp"])
def test_everybody_appends(name, work):
    path = work.folder() / name
    path.write_bytes(b"From: a@example.org\n\n")
    count = 8
    runs = [subprocess.Popen(["sh", "-c", f'for i in 1 2 3 4 5 6 7 8 9 10; do echo "line {number} $i" >> "$1"; done', "sh", path])
            for number in range(count)]
    assert [run.wait() for run in runs] == [0] * count
    lines = path.read_bytes().replace(b"\r\n", b"\n").splitlines()[2:]
    assert sorted(lines) == sorted(b"line %d %d" % (number, i) for number in range(count) for i in range(1, 11))


def test_each_of_many_commands_goes_on_where_the_last_one_ended(work):
    """The shell hands one open file on; each command closes it, and is saved, with line ends that were not written so."""
    path = work.folder() / "x.eml"
    (work.home.folder / "head").write_bytes(b"From: a@example.org\n\n")
    work.sh('cd "$1"; { cat head; for i in 1 2 3 4 5 6 7 8 9; do expr $i + 100; stat "$2" > /dev/null; done; } > "$2"', work.home.folder, path)
    want = b"From: a@example.org\r\n\r\n" + b"".join(b"%d\r\n" % (100 + i) for i in range(1, 10))
    assert path.read_bytes() == want
    work.ends(plus=[("Work", work.now(want))], named={"x.eml"})


def test_a_rewrite_in_place_is_where_it_was_meant(work):
    """A block of the size that the file had before its line ends were made right is no continuation of it."""
    path = work.folder() / "x.eml"
    head = b"From: a@example.org\n\n"
    path.write_bytes(head + b"x\n" * ((4096 - len(head)) // 2) + b"y" * ((4096 - len(head)) % 2))
    other = b"From: b@example.org\r\n\r\n" + b"z" * 8100 + b"\r\n"
    (work.home.folder / "other").write_bytes(other)
    work.run("dd", f"if={work.home.folder}/other", f"of={path}", "bs=4096", "conv=notrunc", "status=none")
    assert path.read_bytes() == other
    work.ends(plus=[("Work", work.now(other))], named={"x.eml"})


def test_it_is_renamed_while_it_is_written(work):
    path = work.folder() / "x.tmp"
    with open(path, "wb", buffering=0) as file:
        file.write(NEW[:40])
        os.rename(path, work.folder("Empty") / "x.eml")
        file.write(NEW[40:])
    assert (work.folder("Empty") / "x.eml").read_bytes() == NEW_CRLF
    work.ends(plus=[("Empty", work.now(NEW))], named={"x.eml"})


def test_it_is_removed_while_it_is_written(work):
    path = work.folder() / "x.eml"
    with open(path, "w+b", buffering=0) as file:
        file.write(NEW)
        path.unlink()
        file.write(b"more\n")
        file.seek(0)
        assert file.read() == NEW + b"more\n"
    assert not path.exists()
    work.ends()


def test_a_message_is_removed_while_it_is_edited(work):
    """What is in the Trash is what was removed."""
    path = work.file(1)
    with open(path, "r+b", buffering=0) as file:
        file.write(b"From")
        path.unlink()
        file.write(b"XXXXXXXX")
    work.ends([("Work", work.work[1])], [("Trash", work.work[1])])


def test_who_has_a_removed_message_open_goes_on_by_himself(work):
    path = work.file(1)
    with open(path, "r+b", buffering=0) as file:
        path.unlink()
        assert file.read(9) == work.work[1].raw[:9]
        file.seek(0)
        file.write(b"XXXXX")
        file.seek(0)
        assert file.read(9) == b"XXXXX" + work.work[1].raw[5:9]
    work.ends([("Work", work.work[1])], [("Trash", work.work[1])])
    there = work.folder("Trash") / work.names("Trash")[0]
    there.write_bytes(NEW) # what is seen in the Trash can be changed
    assert there.read_bytes() == NEW_CRLF


def test_what_is_saved_over_while_it_is_open(work):
    """As on any file system: who has the old one open goes on with that."""
    path = work.file(1)
    with open(path, "rb", buffering=0) as old:
        (work.folder() / "x.tmp").write_bytes(NEW)
        os.rename(work.folder() / "x.tmp", path)
        assert old.read(10) == work.work[1].raw[:10]
    assert path.read_bytes() == NEW_CRLF
    work.saved_over(1, NEW)


def test_a_name_is_made_and_removed_again_and_again(work):
    path = work.folder() / "x.eml"

    def make():
        for _ in range(60):
            path.write_bytes(NEW)

    def remove():
        for _ in range(60):
            try:
                path.unlink()
            except FileNotFoundError:
                pass
    together(make, remove, make)
    path.write_bytes(NEW)
    assert path.read_bytes() == NEW_CRLF
    path.unlink()
    assert "x.eml" not in work.names()
    work.home.sync()
    assert not [each for each in work.server()["Work"].values() if each.raw == NEW_CRLF]
    assert work.names() == sorted(work.names()) and len(work.names()) == 5


def test_eight_write_at_once(work):
    def write(number):
        def run():
            for index in range(25):
                path = work.folder() / f"{number}-{index}.eml"
                path.write_bytes(NEW.replace(b"new", b"%d-%d" % (number, index)))
                if index % 5 == 0:
                    os.rename(path, work.folder("Empty") / path.name)
        return run
    together(*[write(number) for number in range(8)])
    plus = [("Empty" if index % 5 == 0 else "Work", work.now(NEW.replace(b"new", b"%d-%d" % (number, index))))
            for number in range(8) for index in range(25)]
    work.ends(plus=plus, named={f"{number}-{index}.eml" for number in range(8) for index in range(25)})


# Maps

def test_a_map_that_is_written_before_its_file_is_closed(work):
    path = work.file(1)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        at = view.find(b"line-w-1")
        view[at:at + 8] = b"line-mmm"
    raw = work.work[1].raw.replace(b"line-w-1", b"line-mmm")
    assert path.read_bytes() == raw
    work.saved_over(1, raw)


@pytest.fixture
def quick(home, remote, fuse):
    """A Writing whose mount looks often for what nobody has closed."""
    home.program = home.program.parents[1] / "tests/stops/mailtree-stops"
    home.environment["MAILTREE_LOOK_MS"] = "100"
    with Writing(home, remote) as made:
        yield made


def test_a_map_that_is_written_after_its_file_was_closed_is_saved_soon(quick):
    path = quick.file(1)
    raw = quick.work[1].raw.replace(b"line-w-1", b"line-mmm")
    descriptor = os.open(path, os.O_RDWR)
    LIBC.mmap.restype = ctypes.c_void_p
    LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    address = LIBC.mmap(None, len(raw), mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, descriptor, 0)
    assert address not in (None, ctypes.c_void_p(-1).value)
    os.close(descriptor)
    ctypes.memmove(address, raw, len(raw))
    assert LIBC.munmap(address, len(raw)) == 0
    quick.wait(lambda: os.getxattr(path, "user.mailtree.state") == b"pending")
    quick.saved_over(1, raw)


def test_what_nobody_closes_is_saved_soon(quick):
    path = quick.folder() / "x.eml"
    with open(path, "wb", buffering=0) as file:
        file.write(NEW)
        quick.wait(lambda: os.getxattr(path, "user.mailtree.state") == b"pending")
        file.write(b"more\n")
    assert path.read_bytes() == NEW_CRLF + b"more\r\n"
    quick.ends(plus=[("Work", quick.now(NEW + b"more\n"))], named={"x.eml"})


def test_what_nobody_closes_is_saved_soon_however_much_is_closed(quick):
    path, done = quick.folder() / "x.eml", threading.Event()

    def write_others():
        while not done.is_set():
            (quick.folder() / "other.part").write_bytes(NEW)
    others = threading.Thread(target=write_others)
    others.start()
    try:
        with open(path, "wb", buffering=0) as file:
            file.write(NEW)
            quick.wait(lambda: os.getxattr(path, "user.mailtree.state") == b"pending")
    finally:
        done.set()
        others.join()


def test_what_nobody_closes_is_saved_at_the_end(work):
    path = work.folder() / "x.eml"
    writer = subprocess.Popen(["sh", "-c", 'exec > "$1"; cat /dev/stdin; read forever < "$2"', "sh", path, "/dev/null"],
                              stdin=subprocess.PIPE)
    writer.stdin.write(NEW)
    writer.stdin.flush()
    work.wait(lambda: path.exists() and path.stat().st_size == len(NEW))
    work.remount()
    writer.stdin.close()
    writer.wait()
    work.ends(plus=[("Work", work.now(NEW))], named={"x.eml"})


def test_what_is_truncated_to_nothing_and_left_is_saved_soon(quick):
    """Like a file that was opened with O_TRUNC, it may be about to be written."""
    path = quick.file(1)
    os.truncate(path, 0)
    assert path.read_bytes() == b""
    quick.wait(lambda: os.getxattr(path, "user.mailtree.state") == b"local")
    assert path.read_bytes() == b""
    path.write_bytes(NEW)
    quick.saved_over(1, NEW)


def test_what_is_truncated_to_nothing_and_left_is_saved_at_the_end(work):
    path = work.file(1)
    os.truncate(path, 0)
    assert os.getxattr(path, "user.mailtree.state") == b"cached", "nothing is saved yet"
    work.remount()
    assert path.read_bytes() == b"" and os.getxattr(path, "user.mailtree.state") == b"local"
    path.write_bytes(NEW)
    work.saved_over(1, NEW)


# Others on the server

def test_others_expunge_what_is_being_edited(work):
    """What was written stays, as a new message."""
    path = work.file(1)
    with Elsewhere(path) as file:
        assert file.append(b"more\r\n") == 0
        with work.remote.connect() as account:
            account.expunge("Work", [2])
        work.home.sync()
        assert file.append(b"and more\r\n") == 0
    raw = work.work[1].raw + b"more\r\nand more\r\n"
    assert path.read_bytes() == raw
    work.ends([("Work", work.work[1])], [("Work", work.like(1, raw, flags=frozenset()))])


def test_others_expunge_what_is_open(work):
    path = work.file(1)
    with Elsewhere(path) as file:
        with work.remote.connect() as account:
            account.expunge("Work", [2])
        work.home.sync()
        assert file.append(b"more") == errno.ENOENT
    work.ends([("Work", work.work[1])])


def test_others_flag_what_is_being_edited(work):
    path = work.file(1)
    with Elsewhere(path) as file:
        assert file.append(b"more\r\n") == 0
        with work.remote.connect() as account:
            account.store("Work", [2], "+FLAGS", "\\Answered")
        work.home.sync()
    flags = work.work[1].flags | {"\\Answered"}
    work.ends([("Work", work.work[1])],
              [("Work", work.like(1, work.work[1].raw + b"more\r\n", flags=flags)), ("Trash", work.like(1, flags=flags))])


def test_others_move_what_is_being_edited(work):
    """They have the old one, where they put it; what was written is a new one."""
    path = work.file(1)
    with Elsewhere(path) as file:
        assert file.append(b"more\r\n") == 0
        with work.remote.connect() as account:
            account.move("Work", [2], "Empty")
        work.home.sync()
    work.ends([("Work", work.work[1])],
              [("Work", work.like(1, work.work[1].raw + b"more\r\n", flags=frozenset())), ("Empty", work.work[1])])


def test_saved_again_while_it_is_uploaded(home, remote, fuse):
    """Each version that the server got is removed when the next one is there."""
    with Writing(home, remote, latency_s=0.001) as work:
        path = work.folder() / "x.eml"
        big = NEW + messages.Random("big").bytes(20_000).hex().encode() + b"\n"
        path.write_bytes(big)
        work.line.rate = 20_000
        process = home.start("sync")
        work.wait(lambda: work.line.uploads() == 1)
        path.write_bytes(NEW)
        work.line.rate = None
        assert home.finish(process, ("sync",)).status in (0, 75)
        work.ends(plus=[("Work", work.now(NEW)), ("Trash", work.now(big))], named={"x.eml"})
