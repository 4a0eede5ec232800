"""When what is written gets to the server: once it is quiet, at the barrier, in its time without a connection; and drafts."""
import os
import time

import pytest
from lib.account import Message
from lib.program import SLOW
from lib.scripted import FULL
from lib.writing import NEW, NEW_CRLF, Writing


# Quiet

def was_quiet(times):
    """Whether this machine was so slow that it may have looked as if nobody did anything any more: then nothing can be told."""
    return max(after - before for before, after in zip(times, times[1:])) > 1.5


def test_what_is_written_in_pieces_is_uploaded_once(work):
    """A program that is saved again and again, each time less than the quiet time after the last one."""
    path = work.folder() / "x.eml"
    before = work.line.uploads()
    path.write_bytes(NEW)
    written = [time.monotonic()]
    for _ in range(25):
        time.sleep(0.2)
        with open(path, "ab") as file:
            file.write(b"more\n")
        written.append(time.monotonic())
    if not was_quiet(written):
        assert work.line.uploads() == before
    work.wait(lambda: work.line.uploads() > before)
    raw = NEW + b"more\n" * 25
    if not was_quiet(written):
        work.ends(plus=[("Work", work.now(raw))], named={"x.eml"})
        assert work.line.uploads() == before + 1


def test_what_is_written_is_uploaded_by_itself(work):
    path = work.folder() / "x.eml"
    path.write_bytes(NEW)
    assert os.getxattr(path, "user.mailtree.state") == b"pending"
    work.wait(lambda: os.getxattr(path, "user.mailtree.state") == b"cached")
    assert NEW_CRLF in [each.raw for each in work.server()["Work"].values()]


def test_to_rename_and_to_date_it_is_not_quiet(work):
    path = work.folder() / "x.eml"
    before = work.line.uploads()
    path.write_bytes(NEW)
    written = [time.monotonic()]
    for index in range(24):
        time.sleep(0.2)
        if index % 2 == 0:
            os.utime(path, (1_500_000_000 + index, 1_500_000_000 + index))
        else:
            os.rename(path, path.parent / f"{index}.eml")
            path = path.parent / f"{index}.eml"
        written.append(time.monotonic())
    if was_quiet(written):
        return
    assert work.line.uploads() == before
    work.ends(plus=[("Work", Message(NEW_CRLF, frozenset(), 1_500_000_022))], named={path.name})


def test_the_barrier_does_not_wait_for_quiet(work):
    (work.folder() / "x.eml").write_bytes(NEW)
    begin = time.monotonic()
    work.home.sync()
    if time.monotonic() - begin < 2: # else this machine is too slow to tell
        assert NEW_CRLF in [each.raw for each in work.server()["Work"].values()]
    work.ends(plus=[("Work", work.now(NEW))], named={"x.eml"})


def test_a_line_in_ctl_does_not_wait_either(work):
    path = work.folder() / "x.eml"
    path.write_bytes(NEW)
    (work.mount.path / "ctl").write_text("flush\n", encoding="ascii")
    work.wait(lambda: os.getxattr(path, "user.mailtree.state") == b"cached")
    work.ends(plus=[("Work", work.now(NEW))], named={"x.eml"})


# Drafts

@pytest.fixture
def drafts(work):
    with work.remote.connect() as account:
        account.create("Drafts")
        account.append("Drafts", work.work[:2])
    work.more += [("Drafts", each) for each in work.work[:2]]
    work.home.sync()
    return work


@pytest.mark.parametrize("save", ["cat {new} > {path}", "cp {new} {path}", "cat {new} > {path}~ && mv {path}~ {path}",
                                  "sed -i '$a more' {path}; cat {new} > {path}", "mv {path} {path}~; cat {new} > {path}; rm {path}~"],
                         ids=["in place", "cp", "rename", "sed", "backup"])
def test_an_old_draft_is_not_kept(save, drafts):
    """Each save would leave one in the Trash."""
    work = drafts
    path = work.file(1, "Drafts")
    new = work.new("draft")
    work.sh(save.format(path='"$1"', new='"$2"'), path, new)
    assert path.read_bytes() == work.crlf(new.read_bytes())
    work.ends([("Drafts", work.work[1])], [("Drafts", work.like(1, new.read_bytes()))])


def test_a_draft_that_is_saved_again_and_again(drafts):
    work = drafts
    path = work.folder("Drafts") / "mine.eml"
    for index in range(4):
        path.write_bytes(NEW + b"line\n" * index)
        work.home.sync()
    work.ends(plus=[("Drafts", work.now(NEW + b"line\n" * 3))], named={"mine.eml"})


def test_a_draft_that_is_removed_is_in_the_trash(drafts):
    work = drafts
    work.run("rm", work.file(1, "Drafts"))
    work.ends([("Drafts", work.work[1])], [("Trash", work.work[1])])


# Without a connection

def test_everything_works_without_a_connection(work):
    """And arrives when the server is back."""
    account = work.mount.mail / "test"
    work.line.stop()
    work.run("cp", "-p", work.new("copied"), work.folder() / "copied.eml")
    work.run("sed", "-i", "s/line-w-0/edited/", work.file(0))
    work.run("mv", work.file(1), work.folder("Empty"))
    work.run("rm", work.file(1)) # the third, by now
    work.run("mkdir", account / "New")
    work.run("cp", work.file(1), account / "New" / "copy.eml") # the fourth
    work.run("mv", work.folder("Other"), account / "Moved")
    work.run("setfattr", "-n", "user.imap.flags", "-v", "\\Answered", work.file(2)) # the fifth
    work.run("ln", work.file(2), account / "New" / "link.eml")
    work.sh('echo more >> "$1"', work.folder() / "copied.eml")
    raw = work.crlf(work.new("copied").read_bytes())
    assert (work.folder() / "copied.eml").read_bytes() == raw + b"more\r\n"
    assert len(work.names()) == 4
    assert work.home.run("sync").status == 69
    work.line.go_on()
    fifth = work.like(4, flags=frozenset(["\\Answered"]))
    work.ends(
        [("Work", each) for each in (work.work[0], work.work[1], work.work[2], work.work[4])] + [("Other", each) for each in work.other],
        [("Work", work.now(raw + b"more\r\n")), ("Work", work.like(0, work.work[0].raw.replace(b"line-w-0", b"edited"))), ("Work", fifth),
         ("Trash", work.work[0]), ("Trash", work.work[2]), ("Empty", work.work[1]), ("New", work.work[3]), ("New", fifth)]
        + [("Moved", each) for each in work.other], named={"copied.eml", "copy.eml", "link.eml"})


def test_it_arrives_by_itself_when_the_server_is_back(work):
    work.line.stop()
    path = work.folder() / "x.eml"
    path.write_bytes(NEW)
    work.run("rm", work.file(1))
    time.sleep(0.1)
    work.line.go_on()
    work.wait(lambda: os.getxattr(path, "user.mailtree.state") == b"cached", timeout=45)
    work.ends([("Work", work.work[1])], [("Work", work.now(NEW)), ("Trash", work.work[1])], named={"x.eml"})


def test_nothing_waits_for_a_server_that_does_not_answer(work):
    """Not even one that takes everything and says nothing."""
    work.line.latency_s = 3600
    begin = time.monotonic()
    (work.folder() / "x.eml").write_bytes(NEW)
    os.rename(work.file(1), work.folder("Empty") / "moved.eml")
    os.unlink(work.file(1))
    os.mkdir(work.folder("Empty") / "Below")
    os.setxattr(work.file(1), "user.imap.flags", b"\\Flagged")
    assert (work.folder() / "x.eml").read_bytes() == NEW_CRLF
    assert time.monotonic() - begin < 20 * SLOW
    work.line.latency_s = 0
    work.line.drop()


def test_a_mount_without_a_server_from_the_beginning(home, remote, fuse):
    with Writing(home, remote) as work:
        work.line.stop()
        work.remount()
        path = work.folder() / "x.eml"
        path.write_bytes(NEW)
        work.run("sed", "-i", "s/line-w-1/edited/", work.file(1))
        work.remount()
        assert path.read_bytes() == NEW_CRLF
        assert os.getxattr(path, "user.mailtree.state") == b"pending"
        work.line.go_on()
        edited = work.work[1].raw.replace(b"line-w-1", b"edited")
        work.ends([("Work", work.work[1])], [("Work", work.now(NEW)), ("Work", work.like(1, edited)), ("Trash", work.work[1])],
                  named={"x.eml"})


def test_what_the_server_refuses_stays_here_and_says_why(serve, home, fuse):
    """Until it is saved again as something that it takes."""
    server = serve()
    server.add("A")
    server.refuse[b"APPEND"] = b"NO [TOOBIG] too big for me"
    home.configure(**server.account())
    with home.mount() as mount:
        home.sync()
        path = mount.mail / "test" / "A" / "x.eml"
        path.write_bytes(NEW + b"much\n")
        assert home.run("sync").status == 75
        assert os.getxattr(path, "user.mailtree.state") == b"error: too big for me"
        assert path.read_bytes() == NEW_CRLF + b"much\r\n"
        del server.refuse[b"APPEND"]
        path.write_bytes(NEW)
        home.sync()
        assert [mail.raw for mail in server.box("A").mails] == [NEW_CRLF]
        assert os.getxattr(path, "user.mailtree.state") == b"cached"


def test_a_message_is_kept_until_the_one_in_its_place_is_taken(serve, home, fuse):
    server = serve(capability=FULL)
    old = NEW_CRLF.replace(b"new", b"old")
    server.add("A", [old])
    server.add("Trash", attributes=["\\Trash"])
    server.refuse[b"APPEND"] = b"NO [TOOBIG] too big for me"
    home.configure(**server.account())
    with home.mount() as mount:
        home.sync()
        path = next((mount.mail / "test" / "A").iterdir())
        path.write_bytes(NEW)
        assert home.run("sync").status == 75
        assert path.read_bytes() == NEW_CRLF
        assert [mail.raw for mail in server.box("A").mails] == [old]
        del server.refuse[b"APPEND"]
        path.write_bytes(NEW + b"more\n")
        home.sync()
        assert [mail.raw for mail in server.box("A").mails] == [NEW_CRLF + b"more\r\n"]
        assert [mail.raw for mail in server.box("Trash").mails] == [old]


def test_a_mount_that_ends_sends_nothing_late(work):
    """What was written right before the end is sent at the next beginning."""
    (work.folder() / "x.eml").write_bytes(NEW)
    work.mount.__exit__(None, None, None)
    assert NEW_CRLF not in [each.raw for each in work.server()["Work"].values()]
    work.mount = work.home.mount().__enter__()
    work.ends(plus=[("Work", work.now(NEW))], named={"x.eml"})
