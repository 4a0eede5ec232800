"""maildir/: folders are made, renamed and removed on the server."""
import errno
import os

import pytest
from lib import maildirs
from lib.account import Message
from lib.maildirs import deliver, ends, folders, refused
from lib.writing import NEW, crlf, now

pytestmark = pytest.mark.usefixtures("fuse")


def test_a_folder_is_made_as_programs_do_it(work):
    """They make cur, new and tmp themselves, and take it as a failure if they are there."""
    top = maildirs.directory(work, "INBOX") / ".New.Sub"
    os.mkdir(top)
    assert os.listdir(top) == []
    for name in ("cur", "new", "tmp"):
        assert not (top / name).exists()
        os.mkdir(top / name)
        refused(errno.EEXIST, os.mkdir, top / name)
    assert sorted(os.listdir(top)) == ["cur", "new", "tmp"]
    refused(errno.EEXIST, os.mkdir, top)
    deliver(work, NEW, folder="New/Sub")
    ends(work, plus=[("New/Sub", now(NEW))])
    assert {"New/Sub"} <= folders(work)


def test_directories_that_nobody_made_come_with_a_message(work):
    top = maildirs.directory(work, "INBOX") / ".New"
    os.mkdir(top)
    assert os.listdir(top) == []
    (work.mount.mail / "test" / "New" / "x.eml").write_bytes(NEW)
    assert sorted(os.listdir(top)) == ["cur", "new", "tmp"]
    assert len(os.listdir(top / "new")) == 1


def test_directories_that_nobody_made_come_with_the_next_mount(work):
    os.mkdir(maildirs.directory(work, "INBOX") / ".New")
    work.home.sync()
    work.remount()
    assert sorted(os.listdir(maildirs.directory(work, "New"))) == ["cur", "new", "tmp"]


def test_a_folder_is_removed_with_all_that_is_in_it(work):
    work.run("rm", "-r", maildirs.directory(work, "Other"))
    assert ".Other" not in os.listdir(maildirs.directory(work, "INBOX"))
    ends(work, minus=[("Other", each) for each in work.other], plus=[("Trash", each) for each in work.other])
    assert "Other" not in folders(work)


def test_a_folder_is_removed_only_when_it_is_empty(work):
    top = maildirs.directory(work)
    refused(errno.ENOTEMPTY, os.rmdir, top)
    refused(errno.ENOTEMPTY, os.rmdir, top / "cur")
    os.rmdir(top / "new")
    os.rmdir(top / "tmp")
    assert os.listdir(top) == ["cur"]
    refused(errno.ENOTEMPTY, os.rmdir, top)
    os.mkdir(top / "new")
    with work.remote.connect() as account: # brings back what was removed
        account.append("Work", [Message(crlf(NEW))])
    work.home.sync()
    assert sorted(os.listdir(top)) == ["cur", "new", "tmp"]
    refused(errno.EBUSY, os.rmdir, maildirs.directory(work, "INBOX") / "new")
    maildirs.compare(work)


def test_a_folder_with_folders_below_stays(work):
    account = maildirs.directory(work, "INBOX")
    os.mkdir(account / ".Empty.Below")
    for name in ("cur", "new", "tmp"):
        os.rmdir(account / ".Empty" / name)
    refused(errno.ENOTEMPTY, os.rmdir, account / ".Empty")
    work.home.sync()
    assert {"Empty", "Empty/Below"} <= folders(work)


def test_a_folder_is_renamed_with_those_below(work):
    account = maildirs.directory(work, "INBOX")
    os.mkdir(account / ".Other.Below")
    assert (account / ".Other.Below").exists()
    os.rename(account / ".Other", account / ".Another")
    assert not (account / ".Other").exists()
    work.wait(lambda: not (account / ".Other.Below").exists()) # which the kernel is told of
    assert {".Another", ".Another.Below"} <= set(os.listdir(account))
    os.rename(account / ".Another.Below", account / ".Elsewhere.Deep")
    ends(work, minus=[("Other", each) for each in work.other], plus=[("Another", each) for each in work.other])
    assert {"Another", "Elsewhere/Deep"} <= folders(work) and "Another/Below" not in folders(work)


def test_folders_that_cannot_be_renamed(work):
    account = maildirs.directory(work, "INBOX")
    refused(errno.EPERM, os.rename, account / ".Work", account / "Work")
    refused(errno.EINVAL, os.rename, account / ".Work", account / ".a..b")
    refused(errno.ENOTEMPTY, os.rename, account / ".Work", account / ".Empty")
    refused(errno.EBUSY, os.rename, account / ".Work" / "new", account / ".Work" / "newer")
    refused(errno.EBUSY, os.rename, account / "cur", account / ".cur")
    ends(work)


def test_where_folders_cannot_have_a_dot(remote_with, home, fuse):
    remote = remote_with("all", ".")
    home.configure(**remote.keys())
    home.sync()
    with home.mount() as mount:
        account = mount.path / "maildir" / "test"
        refused(errno.EINVAL, os.mkdir, account / ".a%2Eb")
        os.mkdir(account / ".a.b")
        home.sync()
        with remote.connect() as other:
            assert {"a", "a/b"} >= {folder.path for folder in other.folders()} - {"INBOX"}
