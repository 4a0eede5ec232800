"""Folders in mail/: made, renamed and removed by the tools that people use."""
import calendar
import errno
import os
import re
import subprocess
import time

import pytest
from lib import messages
from lib.account import Message
from lib.writing import Writing


def refused(number, call, *arguments):
    with pytest.raises(OSError) as error:
        call(*arguments)
    assert error.value.errno == number, error.value


def account_of(work):
    return work.mount.mail / "test"


def test_mkdir(work):
    work.run("mkdir", "-p", account_of(work) / "Jedna" / "Dvě" / "Tři")
    (account_of(work) / "Jedna" / "x.eml").write_bytes(work.new("x").read_bytes())
    work.ends(plus=[("Jedna", work.now(work.new("x").read_bytes()))], named={"x.eml"})
    assert {"Jedna", "Jedna/Dvě", "Jedna/Dvě/Tři"} <= work.folders()
    with work.remote.connect() as account:
        assert b"Jedna" in b"".join(account.imap.lsub()[1]), "it is not subscribed"


def test_mkdir_of_what_is_there(work):
    refused(errno.EEXIST, os.mkdir, work.folder())
    refused(errno.EEXIST, os.mkdir, account_of(work) / "INBOX")


def test_a_folder_of_another_case_is_another_folder_but_for_the_inbox(work):
    os.mkdir(account_of(work) / "work")
    work.home.sync()
    assert {"work", "Work"} <= work.folders()
    refused(errno.EEXIST, os.mkdir, account_of(work) / "inbox")
    refused(errno.EEXIST, os.rename, work.folder("Empty"), account_of(work) / "Inbox")


def test_nothing_can_be_made_beside_accounts(work):
    refused(errno.EPERM, os.mkdir, work.mount.mail / "other")
    refused(errno.EPERM, (work.mount.mail / "x.eml").write_bytes, b"From: a@example.org\n\n")
    refused(errno.EPERM, os.rename, work.mount.mail / "test", work.mount.mail / "other")
    refused(errno.EPERM, os.rmdir, work.mount.mail / "test")


def test_no_message_stands_beside_folders_of_an_account(work):
    refused(errno.EPERM, (account_of(work) / "x.eml").write_bytes, b"From: a@example.org\n\n")
    refused(errno.EPERM, os.rename, work.file(0), account_of(work) / "x.eml")


@pytest.mark.parametrize("name", [".Trash-0", ".Trash", ".Trash-1000"])
def test_no_trash_of_a_file_manager_is_made(name, work):
    """Then it deletes instead, or says that it cannot."""
    for place in (work.mount.path, work.mount.mail, account_of(work), work.folder()):
        refused(errno.EPERM, os.mkdir, place / name)
    work.ends()
    assert not [folder for folder in work.folders() if folder.startswith(".")]


@pytest.mark.parametrize("name", [".hidden", "folder~", "x.tmp", "#x#", ".~tmp~"])
def test_no_folder_has_a_name_of_programs(name, work):
    refused(errno.EPERM, os.mkdir, account_of(work) / name)
    refused(errno.EPERM, os.rename, work.folder("Empty"), account_of(work) / name)


def test_rmdir_of_an_empty_folder(work):
    work.run("rmdir", work.folder("Empty"))
    assert not work.folder("Empty").exists()
    work.ends()
    assert "Empty" not in work.folders()


def test_rmdir_of_what_is_not_empty(work):
    refused(errno.ENOTEMPTY, os.rmdir, work.folder())
    os.mkdir(work.folder("Empty") / "Below")
    refused(errno.ENOTEMPTY, os.rmdir, work.folder("Empty"))
    (work.folder("Empty") / "Below" / "local~").write_bytes(b"x")
    refused(errno.ENOTEMPTY, os.rmdir, work.folder("Empty") / "Below")
    (work.folder("Empty") / "Below" / "local~").unlink()
    work.run("rmdir", "-p", "Empty/Below", cwd=account_of(work), check=False)
    assert not work.folder("Empty").exists()


def test_a_folder_to_which_mail_has_come_stays(work):
    """rmdir succeeds here, where it is empty; the server has the last word."""
    work.line.stop()
    os.rmdir(work.folder("Empty"))
    with work.remote.connect() as account:
        account.append("Empty", [work.work[0]])
    work.line.go_on()
    work.home.run("sync")
    work.home.run("sync")
    with work.remote.connect() as account:
        assert [each.raw for each in account.read("Empty").values()] == [work.work[0].raw]
    work.wait(lambda: work.folder("Empty").exists() and len(work.names("Empty")) == 1)


@pytest.mark.parametrize("name", ["INBOX", "Drafts", "Trash", "Sent"])
def test_special_folders_stay(name, work):
    with work.remote.connect() as account:
        if name != "INBOX":
            account.create(name)
    work.home.sync()
    refused(errno.EBUSY, os.rmdir, work.folder(name))


def test_the_inbox_is_not_renamed(work):
    refused(errno.EBUSY, os.rename, work.folder("INBOX"), account_of(work) / "Outbox")


def test_mv_of_a_folder(work):
    inode = work.folder().stat().st_ino
    work.run("mv", work.folder(), account_of(work) / "Práce")
    assert (account_of(work) / "Práce").stat().st_ino == inode
    moved = [("Work", each) for each in work.work]
    work.ends(moved, [("Práce", each) for each in work.work])
    work.run("mv", account_of(work) / "Práce", work.folder("Empty"))
    work.ends(moved, [("Empty/Práce", each) for each in work.work])
    assert work.folders() >= {"Empty/Práce", "Empty"} and "Work" not in work.folders()


def test_mv_of_a_folder_over_an_empty_one(work):
    work.run("mv", "-T", work.folder(), work.folder("Empty"))
    work.ends([("Work", each) for each in work.work], [("Empty", each) for each in work.work])
    assert "Work" not in work.folders()


def test_mv_of_a_folder_over_one_that_is_not_empty(work):
    refused(errno.ENOTEMPTY, os.rename, work.folder(), work.folder("Other"))
    refused(errno.EINVAL, os.rename, work.folder(), work.folder() / "Below")
    refused(errno.ENOTDIR, os.rename, work.folder("Empty"), work.file(0))
    refused(errno.EISDIR, os.rename, work.file(0), work.folder("Empty"))


def test_what_is_written_in_a_folder_that_is_renamed_meanwhile(work):
    path = work.folder() / "late.eml"
    with open(path, "wb") as file:
        file.write(b"From: a@example.org\r\n")
        work.run("mv", work.folder(), account_of(work) / "Moved")
        file.write(b"Subject: late\r\n\r\nText\r\n")
    want = work.now(b"From: a@example.org\r\nSubject: late\r\n\r\nText\r\n")
    work.ends([("Work", each) for each in work.work], [("Moved", each) for each in [*work.work, want]], named={"late.eml"})


def test_rm_r(work):
    work.run("rm", "-r", work.folder())
    assert not work.folder().exists()
    work.ends([("Work", each) for each in work.work], [("Trash", each) for each in work.work])
    assert "Work" not in work.folders()


def test_rm_rf_of_a_tree_with_files_of_programs(work):
    os.mkdir(work.folder() / "Below")
    for name in ("x.eml~", ".x.swp", "Below/.DS_Store", "notes"):
        (work.folder() / name).write_bytes(b"no message")
    work.run("rm", "-rf", work.folder())
    assert not work.folder().exists()
    work.ends([("Work", each) for each in work.work], [("Trash", each) for each in work.work])
    assert not [folder for folder in work.folders() if folder.startswith("Work")]


def test_rm_in_the_trash_can_be_undone(work):
    """It is expunged no sooner than `undo` afterwards, an hour."""
    work.run("rm", work.file(0))
    work.home.sync()
    work.run("rm", work.folder("Trash") / work.names("Trash")[0])
    assert work.names("Trash") == []
    work.home.sync()
    until = re.search(r'^  waiting +1 removal that "mailtree undo" can take back until (.*)$', work.home.run("status").out, re.M)
    assert 3000 < calendar.timegm(time.strptime(until.group(1), "%Y-%m-%d %H:%M:%S")) - time.time() <= 3600
    with work.remote.connect() as account:
        assert [each.raw for each in account.read("Trash").values()] == [work.work[0].raw]
    assert work.home.run("confirm").status == 0
    work.ends([("Work", work.work[0])])


def test_rm_of_very_much_for_good_is_held_until_it_is_confirmed(work):
    many = [Message(messages.message(f"line-h-{index}\n", subject=f"Many {index}"), frozenset(), messages.BASE_TIME + index)
            for index in range(60)]
    with work.remote.connect() as account:
        if "Trash" not in work.folders():
            account.create("Trash")
        account.append("Trash", many)
    work.home.sync()
    work.sh("rm ./*.eml", cwd=work.folder("Trash"))
    assert work.names("Trash") == []
    done = work.home.run("sync")
    assert done.status == 75 and "held" in done.err
    assert len(work.server()["Trash"]) == 60
    (work.mount.path / "ctl").write_text("confirm\n")
    work.ends()


def test_find_delete(work):
    work.run("find", work.folder(), "-name", "*.eml", "-newermt", "2020-09-15", "-delete")
    work.ends([("Work", each) for each in work.work[2:]], [("Trash", each) for each in work.work[2:]])


@pytest.fixture
def dotted(home, remote_with, fuse):
    """On a server whose separator is a dot."""
    with Writing(home, remote_with("all", ".")) as made:
        yield made


def test_a_name_that_would_be_another_path_is_refused(dotted):
    account = account_of(dotted)
    refused(errno.EINVAL, os.mkdir, account / "a.b")
    refused(errno.EINVAL, os.rename, dotted.folder("Empty"), account / "a.b")
    refused(errno.EINVAL, os.mkdir, dotted.folder("Empty") / "a.b")
    os.makedirs(account / "a" / "b")
    dotted.home.sync()
    with dotted.remote.connect() as other:
        assert {"a", "a.b"} <= {folder.name for folder in other.folders()}
    assert (account / "a" / "b").is_dir()


def test_two_mkdirs_at_once(work):
    """One of them makes it."""
    path = account_of(work) / "Race"
    runs = [subprocess.Popen(["mkdir", path], stderr=subprocess.PIPE) for _ in range(8)]
    assert sorted(run.wait() for run in runs) == [0] + [1] * 7
    for run in runs:
        run.stderr.close()
    work.home.sync()
    assert "Race" in work.folders()


def test_a_folder_that_is_only_a_directory_holds_no_messages(work):
    """On the server there is no such mailbox, only some below it."""
    with work.remote.connect() as account:
        account.create("Deep/Below")
        selectable = {folder.path: folder.selectable for folder in account.folders()}
    work.home.sync()
    if not selectable.get("Deep", False):
        refused(errno.EPERM, (work.folder("Deep") / "x.eml").write_bytes, b"From: a@example.org\n\n")
    (work.folder("Deep/Below") / "x.eml").write_bytes(work.new("x").read_bytes())
    work.ends(plus=[("Deep/Below", work.now(work.new("x").read_bytes()))], named={"x.eml"})
