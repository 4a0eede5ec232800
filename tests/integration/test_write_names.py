"""Names of messages: whose they are, what becomes of them when a message gets another UID, and how long old ones resolve."""
import errno
import os

import pytest


def canonical(name, uid):
    return name[:name.rindex("~")] + f"~{uid}.eml"


def test_a_moved_message_has_the_name_by_its_new_uid_and_the_old_one_resolves(work):
    path = work.file(3)
    there = work.folder("Empty") / path.name
    inode = path.stat().st_ino
    work.run("mv", path, there)
    assert work.names("Empty") == [path.name] # until the server has told the UID
    work.home.sync()
    assert work.names("Empty") == [canonical(path.name, 1)]
    assert there.read_bytes() == work.work[3].raw
    assert there.stat().st_ino == inode == (work.folder("Empty") / canonical(path.name, 1)).stat().st_ino
    work.ends([("Work", work.work[3])], [("Empty", work.work[3])])


def test_an_old_name_ends_with_the_mount(work):
    path = work.file(3)
    work.run("mv", path, work.folder("Empty"))
    work.home.sync()
    there = work.folder("Empty") / path.name
    assert there.exists()
    work.remount()
    assert not there.exists()
    assert work.names("Empty") == [canonical(path.name, 1)]


def test_an_old_name_can_be_worked_with(work):
    path = work.file(3)
    work.run("mv", path, work.folder("Empty"))
    work.home.sync()
    old = work.folder("Empty") / path.name
    work.run("setfattr", "-n", "user.imap.flags", "-v", "\\Answered", old)
    assert os.getxattr(work.folder("Empty") / canonical(path.name, 1), "user.imap.flags") == b"\\Answered"
    work.run("mv", old, work.folder("Other"))
    assert not old.exists()
    assert (work.folder("Other") / path.name).read_bytes() == work.work[3].raw
    work.home.sync()
    assert canonical(path.name, 3) in work.names("Other")
    assert not old.exists()
    work.run("rm", work.folder("Other") / path.name)
    assert not (work.folder("Other") / path.name).exists()
    work.ends([("Work", work.work[3])], [("Trash", work.like(3, flags=frozenset({"\\Answered"})))])


def test_something_else_can_be_called_so(work):
    """What is written over an old name is saved over the message; after that is gone, it is a name like any other."""
    path = work.file(3)
    work.run("mv", path, work.folder("Empty"))
    work.home.sync()
    old = work.folder("Empty") / path.name
    work.run("cp", work.new("one"), old)
    assert len(work.names("Empty")) == 1
    assert old.read_bytes() == work.crlf(work.new("one").read_bytes())
    work.home.sync()
    work.run("mv", work.file(0), old)
    assert len(work.names("Empty")) == 1
    assert old.read_bytes() == work.work[0].raw
    work.home.sync()
    assert len(work.names("Empty")) == 1
    assert old.read_bytes() == work.work[0].raw
    work.run("rm", old)
    assert work.names("Empty") == []
    work.run("cp", work.new("two"), old)
    assert work.names("Empty") == [old.name]


def test_a_name_that_a_user_gave_stays(work):
    path = work.file(3)
    mine = path.parent / "mine.eml"
    work.run("mv", path, mine)
    assert path.name not in work.names() and not path.exists()
    work.ends(named={"mine.eml"})
    work.run("mv", mine, work.folder("Empty"))
    work.ends([("Work", work.work[3])], [("Empty", work.work[3])], named={"mine.eml"})
    work.remount()
    assert (work.folder("Empty") / "mine.eml").read_bytes() == work.work[3].raw


@pytest.mark.parametrize("name", ["with space.eml", "no-ending", "žluťoučký.eml", "-dash.eml", "a" * 251 + ".eml", "back\\slash",
                                  "new\nline.eml", "CON", "%2F", "x ~99.eml", "tilde~.eml"])
def test_any_name_will_do_here(name, work):
    path = work.folder() / name
    work.run("cp", work.new("any"), path)
    work.ends(plus=[("Work", work.now(work.new("any").read_bytes()))], named={name})


def test_names_that_are_too_long(work):
    with pytest.raises(OSError) as error:
        (work.folder() / ("a" * 256)).write_bytes(b"x")
    assert error.value.errno == errno.ENAMETOOLONG


def test_a_message_called_as_another_takes_its_place(work):
    """mv within a folder, over another message: that one is removed."""
    first, second = work.file(0), work.file(1)
    work.run("mv", first, second)
    assert not first.exists()
    assert second.read_bytes() == work.work[0].raw
    work.ends([("Work", work.work[1])], [("Trash", work.work[1])], named={second.name})
