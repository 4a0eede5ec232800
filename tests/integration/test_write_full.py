"""The disk on which the store is has no room left, and then some."""
import errno
import os
import subprocess

import pytest
from lib.writing import NEW, Writing, crlf


class Disk:
    def __init__(self, place):
        self.filler = place / "filler"

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 1000):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC

    def clear(self):
        self.filler.unlink()


@pytest.fixture
def disk(home, fuse):
    place = home.folder / "data"
    place.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("only root can make a small file system")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.fixture
def work(disk, home, remote):
    with Writing(home, remote) as made:
        yield made


def full(call, *arguments):
    with pytest.raises(OSError) as caught:
        call(*arguments)
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("view", ["mail", "maildir"])
def test_what_cannot_be_cut_stays(view, disk, work):
    path = work.file(1) if view == "mail" else work.mount.mail.parent / "maildir" / "test" / ".Work" / "cur"
    if view == "maildir":
        path = next(each for each in path.iterdir() if each.read_bytes() == work.work[1].raw)
    disk.fill()
    full(os.close, os.open(path, os.O_WRONLY | os.O_TRUNC))
    assert path.read_bytes() == work.work[1].raw
    full(os.truncate, path, 100)
    assert path.read_bytes() == work.work[1].raw
    disk.clear()
    work.remount()
    work.ends()


def test_what_was_refused_was_not_done(disk, work):
    disk.fill()
    full(os.unlink, work.file(1))
    full(os.rename, work.file(2), work.folder("Other") / "moved.eml")
    full(os.mkdir, work.folder("Made"))
    full(os.rename, work.folder("Empty"), work.folder("Renamed"))
    full(os.setxattr, work.file(3), "user.imap.flags", b"$Label1")
    full(os.link, work.file(3), work.folder("Other") / "copied.eml")
    disk.clear()
    work.remount()
    work.ends()
    assert work.folders() >= {"Empty"} and not work.folders() & {"Made", "Renamed"}


def test_a_new_file_is_tried_again(disk, work):
    path = work.folder() / "new.eml"
    disk.fill()
    full(path.write_bytes, NEW)
    disk.clear()
    work.remount() # saves what it has not yet
    work.ends(plus=[("Work", work.now(NEW))], named={"new.eml"})


def test_a_message_is_not_saved_over_by_half(disk, work):
    path = work.file(1)
    with open(path, "wb", buffering=0) as file:
        file.write(NEW)
        disk.fill()
        full(os.fsync, file.fileno())
        disk.clear()
    work.saved_over(1, crlf(NEW))
