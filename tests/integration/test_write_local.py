"""What is written in mail/ and never gets to a server: files of programs, and what is no message."""
import errno
import os

import pytest
from lib.writing import NEW

FOREIGN = ["x.eml~", ".hidden", ".x.eml.swp", "x.swp", "#x.eml#", "sedABC123", "x.tmp", "x.part", ".DS_Store", ".goutputstream-ABC123",
           ".~lock.x.eml#", ".nfs0001", ".x.eml.Xy12Zw"]
NO_MESSAGES = {
    "empty": b"", "one-byte": b"\n", "text": b"no header here\n", "no-from-or-date": b"Subject: x\nTo: a@example.org\n\ntext\n",
    "binary": bytes(range(256)) * 100, "json": b'{"From": "x"}\n', "from-in-the-body": b"\nFrom: a@example.org\n",
    "mbox": b"From a@example.org Mon May  6 07:08:09 2024\nFrom: a@example.org\n\nx\n",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_with_names_of_programs_stay_here_as_they_are(name, work):
    path = work.folder() / name
    path.write_bytes(NEW)
    assert path.read_bytes() == NEW, "its line ends were changed"
    work.ends(beside={name})
    work.remount()
    assert path.read_bytes() == NEW
    assert os.getxattr(path, "user.mailtree.state") == b"local"
    os.unlink(path)
    work.ends()


@pytest.mark.parametrize("content", NO_MESSAGES.values(), ids=NO_MESSAGES.keys())
def test_what_is_no_message_stays_here_as_it_is(content, work):
    path = work.folder() / "x.eml"
    path.write_bytes(content)
    assert path.read_bytes() == content
    work.ends(beside={"x.eml"})
    work.remount()
    assert path.read_bytes() == content
    work.ends(beside={"x.eml"})


@pytest.mark.parametrize("content", [b"From: a@example.org\n\n", b"Date: Mon, 6 May 2024 07:08:09 +0000\n\nx", b"from: a@example.org\r\n\r\n",
                                     b"Subject: x\nFROM: a@example.org\n\n", b"From: a@example.org", NEW + b"\xff\xfe\n"])
def test_a_header_with_from_or_date_is_enough(content, work):
    (work.folder() / "x.eml").write_bytes(content)
    work.ends(plus=[("Work", work.now(content))], named={"x.eml"})


def test_a_file_becomes_a_message_when_it_is_called_so(work):
    draft = work.folder() / "x.tmp"
    draft.write_bytes(NEW)
    work.ends(beside={"x.tmp"})
    inode = draft.stat().st_ino
    os.rename(draft, work.folder() / "x.eml")
    assert (work.folder() / "x.eml").read_bytes() == work.crlf(NEW)
    assert (work.folder() / "x.eml").stat().st_ino == inode
    assert (work.folder() / "x.eml").stat().st_size == len(work.crlf(NEW))
    work.ends(plus=[("Work", work.now(NEW))], named={"x.eml"})


def test_a_file_becomes_a_message_when_it_has_a_header(work):
    path = work.folder() / "x.eml"
    path.write_bytes(b"text\n")
    work.ends(beside={"x.eml"})
    path.write_bytes(NEW)
    work.ends(plus=[("Work", work.now(NEW))], named={"x.eml"})


def test_a_message_that_is_put_aside_by_hand_stays_one(work):
    """A name removes nothing."""
    path = work.file(1)
    aside = path.parent / f"{path.name}~"
    work.run("mv", path, aside)
    assert aside.read_bytes() == work.work[1].raw
    work.ends(named={aside.name})
    work.run("mv", aside, path)
    work.ends()


def test_a_message_that_is_no_message_any_more_is_kept_on_the_server(work):
    """Saved over by what cannot be sent: what the server has stays there, until the file is removed or is a message again."""
    path = work.file(1)
    path.write_bytes(b"no header\n")
    assert path.read_bytes() == b"no header\n"
    work.home.run("sync")
    assert work.work[1] in work.server()["Work"].values()
    assert path.read_bytes() == b"no header\n"
    path.write_bytes(NEW)
    work.saved_over(1, NEW)


def test_a_message_that_is_no_message_any_more_is_removed_with_the_file(work):
    path = work.file(1)
    path.write_bytes(b"no header\n")
    work.home.run("sync")
    path.unlink()
    work.ends([("Work", work.work[1])], [("Trash", work.work[1])])


def test_files_move_between_folders_and_stay_here(work):
    path = work.folder() / "x.swp"
    path.write_bytes(b"\0\1\2")
    work.run("mv", path, work.folder("Empty"))
    assert (work.folder("Empty") / "x.swp").read_bytes() == b"\0\1\2"
    work.ends(beside={"x.swp"})


def test_text_shows_no_files(work):
    (work.folder() / "x.eml").write_bytes(b"no header\n")
    (work.folder() / "y.eml~").write_bytes(NEW)
    (work.folder() / "z.eml").write_bytes(NEW)
    work.home.sync()
    shown = {path.name for path in (work.mount.text / "test" / "Work").iterdir()}
    assert "z.txt" in shown or "z.eml.txt" in shown
    assert not {name for name in shown if name.startswith(("x", "y"))}


@pytest.mark.parametrize("make", [lambda path: os.symlink("target", path), os.mkfifo,
                                  lambda path: os.mknod(path, 0o140600), lambda path: os.mknod(path, 0o60600, os.makedev(7, 0))],
                         ids=["symlink", "fifo", "socket", "device"])
def test_nothing_but_files_and_folders(make, work):
    with pytest.raises(OSError) as error:
        make(work.folder() / "special")
    assert error.value.errno == errno.EPERM
    assert "special" not in work.names()


def test_mknod_makes_a_file(work):
    os.mknod(work.folder() / "x.eml", 0o100600)
    assert (work.folder() / "x.eml").read_bytes() == b""
    work.ends(beside={"x.eml"})


def test_status_names_what_is_no_message(work):
    assert "only here" not in work.home.run("status").out
    (work.folder() / "notes.txt").write_bytes(b"no header here\n")
    (work.mount.path / "maildir" / "test" / "cur" / "junk").write_bytes(b"no header here\n")
    shown = work.home.run("status").out
    assert "  only here     2 files that are no messages\n    Work/notes.txt\n    INBOX/cur/junk, in maildir/\n" in shown
    account = work.mount.status()["accounts"][0]
    assert account["files"] == 2 and account["messages"] == len(work.work) + len(work.other)
    for number in range(10):
        (work.folder() / f"x{number}~").write_bytes(NEW)
    assert "    and 2 more\n" in work.home.run("status").out
