"""The table of docs/filesystem.md, "What POSIX calls do in mail/": each of its rows is a test here, called as its first column."""
import ctypes
import errno
import fcntl
import mmap
import os
import stat
from pathlib import Path

import pytest
from lib.writing import NEW, NEW_CRLF

ROOT = Path(__file__).resolve().parents[2]
LIBC = ctypes.CDLL(None, use_errno=True)
ROWS = {}


def row(name):
    def add(function):
        ROWS[name] = function
        return function
    return add


def refused(number, call, *arguments, **keywords):
    with pytest.raises(OSError) as error:
        call(*arguments, **keywords)
    assert error.value.errno == number, error.value


def renameat2(old, new, flags):
    if LIBC.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def pairs_of_table():
    text = (ROOT / "docs/filesystem.md").read_text(encoding="utf-8")
    table = text.split("## What POSIX calls do in mail/")[1].split("\n\n|", 1)[1].split("\n\n", 1)[0]
    return [line.strip("|").split("|")[0].strip() for line in table.splitlines()[2:]]


def test_each_row_of_the_table_is_a_test():
    assert pairs_of_table() == list(ROWS)


@row("open: O_CREAT, O_EXCL, O_TRUNC")
def open_create(work):
    path = work.folder() / "x.eml"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    refused(errno.EEXIST, os.open, path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    path.write_bytes(NEW)
    os.close(os.open(path, os.O_TRUNC | os.O_WRONLY))
    assert path.stat().st_size == 0
    for place in work.mount.mail, work.mount.mail / "test":
        refused(errno.EPERM, os.open, place / "x.eml", os.O_CREAT | os.O_WRONLY)
    work.ends(beside={"x.eml"})


@row("write, pwrite, O_APPEND")
def write(work):
    path = work.folder() / "x.swp"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    assert os.pwrite(descriptor, b"end", 10_000) == 3
    assert os.pread(descriptor, 20_000, 0) == bytes(10_000) + b"end"
    assert os.pwrite(descriptor, b"begin", 0) == 5
    refused(errno.EFBIG, os.pwrite, descriptor, b"x", 256 << 20)
    os.close(descriptor)
    with open(path, "ab") as file:
        file.write(b"more")
    assert path.read_bytes() == b"begin" + bytes(9_995) + b"endmore"
    work.ends(beside={"x.swp"})


def test_a_write_that_fails_leaves_a_message_as_it_is(work):
    path = work.file(1)
    descriptor = os.open(path, os.O_RDWR)
    refused(errno.EFBIG, os.pwrite, descriptor, b"x", 256 << 20)
    os.close(descriptor)
    os.link(path, work.folder("Other") / "linked.eml") # as nobody writes to it
    work.ends(plus=[("Other", work.work[1])], named={"linked.eml"})


@row("close, fsync, fdatasync")
def close(work):
    path = work.folder() / "x.eml"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    os.write(descriptor, NEW[:50])
    os.fsync(descriptor)
    os.fdatasync(descriptor)
    assert os.getxattr(path, "user.mailtree.state") == b"pending"
    os.write(descriptor, NEW[50:])
    os.close(descriptor)
    assert path.read_bytes() == NEW_CRLF
    directory = os.open(work.folder(), os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
    work.ends(plus=[("Work", work.now(NEW))], named={"x.eml"})


@row("truncate, ftruncate")
def truncate(work):
    raw = work.work[1].raw
    os.truncate(work.file(1), len(raw) - 2)
    assert os.getxattr(work.file(1), "user.mailtree.state") == b"pending"
    with open(work.file(2), "r+b") as file:
        os.ftruncate(file.fileno(), len(work.work[2].raw) + 3)
    longer = work.work[2].raw + bytes(3)
    assert work.file(2).read_bytes() == longer
    refused(errno.EFBIG, os.truncate, work.file(3), (256 << 20) + 1)
    work.run("truncate", "-s", str(len(longer) - 3), work.file(2))
    work.ends([("Work", work.work[1])], [("Work", work.like(1, raw[:-2])), ("Trash", work.work[1]), ("Trash", work.work[2])])


@row("mmap: MAP_SHARED, msync")
def shared_map(work):
    path = work.folder() / "x.swp"
    path.write_bytes(bytes(10_000))
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[9_990:] = b"0123456789"
        view.flush()
    assert path.read_bytes() == bytes(9_990) + b"0123456789"


@row("copy_file_range")
def copy_range(work):
    source = os.open(work.file(1), os.O_RDONLY)
    whole = os.open(work.folder("Empty") / "whole.eml", os.O_CREAT | os.O_WRONLY)
    part = os.open(work.folder("Empty") / "part.swp", os.O_CREAT | os.O_WRONLY)
    assert os.copy_file_range(source, whole, 1 << 30) == len(work.work[1].raw)
    assert os.copy_file_range(source, part, 10, 5) == 10
    for descriptor in source, whole, part:
        os.close(descriptor)
    assert (work.folder("Empty") / "part.swp").read_bytes() == work.work[1].raw[5:15]
    before = work.line.uploads()
    work.ends(plus=[("Empty", work.work[1])], beside={"part.swp"}, named={"whole.eml"})
    assert work.line.uploads() == before


@row("fallocate, O_TMPFILE")
def allocate(work):
    with open(work.folder() / "x.swp", "wb") as file:
        assert LIBC.fallocate(file.fileno(), 0, ctypes.c_long(0), ctypes.c_long(100)) == -1
        assert ctypes.get_errno() == errno.EOPNOTSUPP
    refused(errno.EOPNOTSUPP, os.open, work.folder(), os.O_TMPFILE | os.O_RDWR)


@row("flock, fcntl: F_SETLK")
def locks(work):
    with open(work.file(1), "r+b") as one, open(work.file(1), "r+b") as two:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused(errno.EAGAIN, fcntl.flock, two, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
    work.ends()


@row("lseek: SEEK_DATA, SEEK_HOLE")
def holes(work):
    path = work.folder() / "x.swp"
    with open(path, "w+b") as file:
        file.truncate(100_000)
        assert os.lseek(file.fileno(), 0, os.SEEK_DATA) == 0
        assert os.lseek(file.fileno(), 0, os.SEEK_HOLE) == 100_000


@row("rename within a folder")
def rename_here(work):
    path, mine = work.file(1), work.folder() / "mine.eml"
    inode = path.stat().st_ino
    os.rename(path, mine)
    assert mine.stat().st_ino == inode
    work.ends(named={"mine.eml"})


@row("rename to another folder")
def rename_away(work):
    os.rename(work.file(1), work.folder("Empty") / work.file(1).name)
    (work.folder() / "x.swp").write_bytes(b"x")
    os.rename(work.folder() / "x.swp", work.folder("Empty") / "x.swp")
    work.ends([("Work", work.work[1])], [("Empty", work.work[1])], beside={"x.swp"})


@row("rename over something")
def rename_over(work):
    (work.folder() / "x.tmp").write_bytes(NEW)
    os.rename(work.folder() / "x.tmp", work.file(1))
    refused(errno.EISDIR, os.rename, work.file(2), work.folder("Empty"))
    refused(errno.ENOTDIR, os.rename, work.folder("Empty"), work.file(2))
    work.saved_over(1, NEW)


@row("renameat2: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT")
def rename_flags(work):
    refused(errno.EEXIST, renameat2, work.file(1), work.file(2), 1)
    refused(errno.EINVAL, renameat2, work.file(1), work.file(2), 2)
    refused(errno.EINVAL, renameat2, work.file(1), work.file(2), 4)
    renameat2(work.file(1), work.folder() / "free.eml", 1)
    work.ends(named={"free.eml"})


@row("rename, link to another view")
def other_views(work):
    for call in os.rename, os.link:
        refused(errno.EXDEV, call, work.file(1), work.mount.path / "maildir" / "test" / "cur" / "x")
        refused(errno.EXDEV, call, work.file(1), work.home.folder / "x")
    refused(errno.EXDEV, os.rename, work.file(1), work.mount.text / "test" / "Work" / "x")
    work.ends()


@row("link")
def link(work):
    path = work.file(1)
    os.link(path, work.folder("Empty") / "copy.eml")
    refused(errno.EPERM, os.link, path, path.parent / "second.eml")
    (work.folder() / "x.swp").write_bytes(b"x")
    refused(errno.EPERM, os.link, work.folder() / "x.swp", work.folder("Empty") / "x.swp")
    refused(errno.EEXIST, os.link, path, work.folder("Empty") / "copy.eml")
    assert path.stat().st_nlink == 1
    work.ends(plus=[("Empty", work.work[1])], beside={"x.swp"}, named={"copy.eml"})


@row("symlink; mknod of what is no file")
def special(work):
    refused(errno.EPERM, os.symlink, "target", work.folder() / "link")
    refused(errno.EPERM, os.mkfifo, work.folder() / "fifo")
    refused(errno.EINVAL, os.readlink, work.file(1))
    work.ends()


@row("unlink")
def unlink(work):
    os.unlink(work.file(1))
    refused(errno.EISDIR, os.unlink, work.folder("Empty"))
    refused(errno.ENOENT, os.unlink, work.folder() / "none.eml")
    work.ends([("Work", work.work[1])], [("Trash", work.work[1])])


@row("mkdir")
def make(work):
    os.mkdir(work.folder("Empty") / "Below")
    refused(errno.EEXIST, os.mkdir, work.folder("Empty") / "Below")
    refused(errno.EPERM, os.mkdir, work.folder("Empty") / ".Trash-0")
    refused(errno.EPERM, os.mkdir, work.mount.mail / "account")
    work.ends()
    assert "Empty/Below" in work.folders()


@row("rmdir")
def remove(work):
    refused(errno.ENOTEMPTY, os.rmdir, work.folder())
    refused(errno.ENOTDIR, os.rmdir, work.file(1))
    refused(errno.EBUSY, os.rmdir, work.folder("INBOX"))
    os.rmdir(work.folder("Empty"))
    work.ends()
    assert "Empty" not in work.folders()


@row("utimensat of a file")
def times(work):
    path = work.folder() / "x.eml"
    path.write_bytes(NEW)
    os.utime(path, (1, 1_234_567_890))
    assert path.stat().st_mtime == 1_234_567_890
    work.ends(plus=[("Work", work.now(NEW).__class__(NEW_CRLF, frozenset(), 1_234_567_890))], named={"x.eml"})
    refused(errno.EPERM, os.utime, path, (1, 1))
    os.utime(path, (1, 1_234_567_890)) # as it is


@row("utimensat of a folder")
def folder_times(work):
    before = work.folder().stat().st_mtime
    os.utime(work.folder(), (1, 1))
    assert work.folder().stat().st_mtime == before


@row("chmod, chown")
def modes(work):
    path = work.file(1)
    os.chmod(path, 0o644)
    os.chmod(work.folder(), 0o500)
    os.chown(path, os.getuid(), os.getgid())
    os.chown(path, -1, -1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(work.folder().stat().st_mode) == 0o700
    refused(errno.EPERM, os.chown, path, os.getuid() + 1, -1)
    refused(errno.EPERM, os.chown, path, -1, os.getgid() + 1)
    work.ends()


@row("setxattr, removexattr: user.imap.flags")
def flags(work):
    path, name = work.file(1), "user.imap.flags"
    os.setxattr(path, name, b"\\Flagged, $Label1 \\answered")
    assert os.getxattr(path, name) == b"\\Answered \\Flagged $Label1"
    os.removexattr(work.file(3), name)
    refused(errno.EINVAL, os.setxattr, path, name, b"\\Nonsense")
    refused(errno.EINVAL, os.setxattr, path, name, b"a\0b")
    refused(errno.EEXIST, os.setxattr, path, name, b"\\Seen", os.XATTR_CREATE)
    os.setxattr(path, name, os.getxattr(path, name), os.XATTR_REPLACE)
    refused(errno.EPERM, os.setxattr, work.folder(), name, b"\\Seen")
    work.ends([("Work", work.work[1]), ("Work", work.work[3])],
              [("Work", work.like(1, flags=frozenset(["\\Answered", "\\Flagged", "$Label1"]))), ("Work", work.like(3, flags=frozenset()))])


@row("setxattr of other names")
def other_attributes(work):
    for name in "user.other", "user.imap.uid", "security.selinux", "trusted.x":
        refused(errno.EOPNOTSUPP, os.setxattr, work.file(1), name, b"x")
    refused(errno.ENODATA, os.getxattr, work.file(1), "user.other")


@row("access")
def access(work):
    assert os.access(work.file(1), os.R_OK | os.W_OK) and not os.access(work.file(1), os.X_OK)
    assert os.access(work.folder(), os.R_OK | os.W_OK | os.X_OK)
    assert not os.access(work.mount.text / "test" / "Work", os.W_OK)


@row("execve")
def execute(work):
    path = work.folder() / "x.swp"
    path.write_bytes(b"#!/bin/sh\n")
    os.chmod(path, 0o700)
    refused(errno.EACCES, os.execv, path, ["x"])


@row("names")
def names(work):
    refused(errno.ENAMETOOLONG, os.mkdir, work.folder() / ("x" * 256))
    raw = os.fsencode(work.folder()) + b"/latin-\xe9.swp"
    with open(raw, "wb") as file:
        file.write(b"x")
    assert b"latin-\xe9.swp" in os.listdir(os.fsencode(work.folder()))
    os.unlink(raw)
    work.ends()


@row("anything that changes text/, parts/, search/, README, status")
def read_only(work):
    text = work.mount.text / "test" / "Work"
    for path in text / "new.txt", next(text.iterdir()), work.mount.path / "README":
        refused(errno.EROFS, path.write_bytes, b"x")
    refused(errno.EPERM, (work.mount.path / "new").write_bytes, b"x")
    refused(errno.EPERM, os.mkdir, work.mount.path / "new")
    refused(errno.EPERM, os.unlink, work.mount.path / "README")
    refused(errno.EPERM, os.rename, work.mount.path / "status", work.mount.path / "new")
    for call in os.unlink, os.rmdir, lambda path: os.rename(path, text / "x"), lambda path: os.chmod(path, 0o600):
        refused(errno.EROFS, call, next(text.iterdir()))
    for place in text, work.mount.path / "parts" / "test" / "Work":
        refused(errno.EROFS, os.mkdir, place / "new")
    work.ends()


@pytest.mark.parametrize("name", ROWS)
def test_row(name, work):
    ROWS[name](work)
