"""Names of messages: whose they are, what becomes of them when a message gets another UID, and how long old ones resolve."""
import os


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
