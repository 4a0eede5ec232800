"""maildir/: what is delivered there, or written over, is uploaded."""
import errno
import os
import shutil
import subprocess

import pytest
from lib import maildirs, messages
from lib.account import Message
from lib.maildirs import deliver, ends, new, refused
from lib.program import SLOW
from lib.writing import NEW, crlf, now

pytestmark = pytest.mark.usefixtures("fuse")


def test_a_delivery_is_an_upload(work):
    at = deliver(work, NEW)
    assert at.read_bytes() == crlf(NEW)
    inode = at.stat().st_ino
    assert maildirs.names(work, below="tmp") == []
    ends(work, plus=[("Work", now(NEW))])
    assert at.stat().st_ino == inode
    assert at.read_bytes() == crlf(NEW)


@pytest.mark.parametrize("info, flags", [("S", {"\\Seen"}), ("DFPRST", {"\\Draft", "\\Flagged", "$Forwarded", "\\Answered", "\\Seen", "\\Deleted"}), ("", set())])
def test_a_delivery_into_cur_has_its_flags(work, info, flags):
    at = deliver(work, NEW, f"17.M1.host:2,{info}", below="cur")
    assert maildirs.names(work)[0] == f"17.M1.host:2,{info}" or at.name in maildirs.names(work)
    work.ends(plus=[("Work", now(NEW, *flags))])
    assert at.read_bytes() == crlf(NEW)
    assert at.parent.name == "cur"


def test_a_delivery_keeps_the_time_that_was_set(work):
    top = maildirs.directory(work)
    (top / "tmp" / "x").write_bytes(NEW)
    os.utime(top / "tmp" / "x", (messages.BASE_TIME, messages.BASE_TIME + 5))
    os.rename(top / "tmp" / "x", top / "new" / "x")
    ends(work, plus=[("Work", Message(crlf(NEW), frozenset(), messages.BASE_TIME + 5))])
    assert (top / "new" / "x").stat().st_mtime == messages.BASE_TIME + 5


def test_what_is_delivered_is_called_in_mail_as_any_message(work):
    deliver(work, NEW)
    name, = set(work.names()) - {name for name in work.names() if "~" in name}
    assert name.endswith(" Alice - new.eml")
    work.home.sync()
    assert not [name for name in work.names() if "~" not in name]


def test_a_message_written_into_cur_or_new_counts_when_it_is_closed(work):
    top = maildirs.directory(work)
    (top / "cur" / "direct:2,F").write_bytes(NEW)
    shutil.copyfile(work.new("copied"), top / "new" / "copied")
    assert maildirs.names(work, below="new") == ["copied"]
    assert "direct:2,F" in maildirs.names(work)
    ends(work, plus=[("Work", now(NEW, "\\Flagged")), ("Work", now(new("copied", 0)))])


def test_a_message_written_in_pieces_by_several(work):
    """Each program of a shell's list closes the file."""
    top = maildirs.directory(work)
    head, tail = NEW[:NEW.index(b"\n\n") + 2], NEW[NEW.index(b"\n\n") + 2:]
    (work.home.folder / "head").write_bytes(head)
    (work.home.folder / "tail").write_bytes(tail)
    work.sh('{ cat "$1"; cat "$2"; } > "$3"', work.home.folder / "head", work.home.folder / "tail", top / "cur" / "pieces:2,S")
    ends(work, plus=[("Work", now(NEW, "\\Seen"))])


def test_what_is_no_message_is_not_delivered(work):
    """Who delivers it hears so, and keeps it."""
    top = maildirs.directory(work)
    for content in (b"", b"no header here\n", b"\n\nbody", b"\0\1\2"):
        (top / "tmp" / "x").write_bytes(content)
        refused(errno.EINVAL, os.rename, top / "tmp" / "x", top / "new" / "x")
        assert (top / "tmp" / "x").read_bytes() == content
        os.unlink(top / "tmp" / "x")
    ends(work)


def test_a_header_of_any_kind_makes_a_delivery_a_message(work):
    raw = b"Subject: only this\n\nbody\n"
    deliver(work, raw)
    ends(work, plus=[("Work", now(raw))])


def test_what_is_no_message_stays_here(work):
    top = maildirs.directory(work)
    (top / "cur" / "notes").write_bytes(b"no header\n")
    (top / "new" / ".lock").write_bytes(NEW)
    assert "notes" in maildirs.names(work) and maildirs.names(work, below="new") == [".lock"]
    assert os.getxattr(top / "cur" / "notes", "user.mailtree.state") == b"local"
    work.ends()
    work.remount()
    top = maildirs.directory(work)
    assert (top / "cur" / "notes").read_bytes() == b"no header\n"
    refused(errno.ENOTEMPTY, os.rmdir, work.folder())
    (top / "cur" / "notes").write_bytes(NEW) # and now it is one
    os.unlink(top / "new" / ".lock")
    ends(work, plus=[("Work", now(NEW))])


def test_tmp_is_kept_over_a_remount(work):
    top = maildirs.directory(work)
    (top / "tmp" / "x").write_bytes(NEW)
    work.home.sync()
    work.remount()
    assert maildirs.names(work, below="tmp") == ["x"]
    assert (top / "tmp" / "x").read_bytes() == NEW
    os.rename(top / "tmp" / "x", top / "tmp" / "y")
    os.rename(top / "tmp" / "y", maildirs.directory(work, "Other") / "new" / "y")
    ends(work, plus=[("Other", now(NEW))])


def test_a_delivery_over_a_message_replaces_it(work):
    """As rsync(1) does it."""
    victim = maildirs.path(work, work.work[1].raw)
    theirs = victim.with_name("17.host:2,S")
    os.rename(victim, theirs)
    (theirs.parent / ".temporary").write_bytes(NEW)
    os.rename(theirs.parent / ".temporary", theirs)
    assert theirs.read_bytes() == crlf(NEW)
    (theirs.parent / ".temporary").write_bytes(new("again"))
    os.rename(theirs.parent / ".temporary", maildirs.path(work, work.work[0].raw)) # by a name of ours, which it does not get
    ends(work, minus=[("Work", work.work[1]), ("Work", work.work[0])],
         plus=[("Work", now(NEW, "\\Seen")), ("Trash", work.work[1]), ("Work", now(new("again"), "\\Flagged")), ("Trash", work.work[0])])


def test_a_message_can_be_written_over(work):
    victim = maildirs.path(work, work.work[1].raw)
    victim.write_bytes(NEW)
    assert victim.read_bytes() == crlf(NEW)
    work.saved_over(1, NEW)


def test_both_views_show_the_same_bytes_after_an_edit(work):
    """Also when nothing but the bytes differs."""
    at = maildirs.path(work, work.work[0].raw)
    work.file(0).read_bytes()
    changed = work.work[0].raw.replace(b"line-w-0", b"LINE-W-0")
    work.file(0).write_bytes(changed)
    work.wait(lambda: at.read_bytes() == changed)
    again = work.work[0].raw.replace(b"line-w-0", b"Line-w-0")
    at.write_bytes(again)
    work.wait(lambda: work.file(0).read_bytes() == again)


def test_many_deliveries_at_once(work):
    """Eight at a time, each to its own name."""
    script = ('i=0; while [ $i -lt 25 ]; do n=$1.$i; { echo "From: a@example.org"; echo "Subject: $n"; echo; } > "$2/tmp/$n" && '
              'mv "$2/tmp/$n" "$2/new/$n" || exit 1; i=$((i + 1)); done')
    running = [subprocess.Popen(["sh", "-c", script, "sh", str(worker), maildirs.directory(work, "Empty")]) for worker in range(8)]
    assert [each.wait(120 * SLOW) for each in running] == [0] * 8
    wanted = sorted(f"{worker}.{index}" for worker in range(8) for index in range(25))
    assert maildirs.names(work, "Empty", "new") == wanted
    work.home.sync()
    assert maildirs.names(work, "Empty", "new") == wanted
    assert len(work.server()["Empty"]) == 200
    maildirs.compare(work)
