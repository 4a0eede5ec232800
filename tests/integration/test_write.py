"""Writing in the mounted tree: what each operation means on the server, and what never gets there."""
import contextlib
import errno
import os
import sqlite3
import subprocess

import pytest
from lib import messages
from lib.account import Message
from lib.headers import until
from lib.program import SLOW

pytestmark = pytest.mark.usefixtures("fuse")

NEW = b"From: Alice <alice@example.org>\nSubject: new\nDate: Mon, 6 May 2024 07:08:09 +0000\n\nfirst line\nsecond line\n"
NEW_CRLF = NEW.replace(b"\n", b"\r\n")


@pytest.fixture
def tree(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("Work", "Other")
        account.append("Work", [Message(messages.random_message("w", index), frozenset(["\\Seen"]),
                                        messages.BASE_TIME + index * 86400) for index in range(5)])
    home.sync()
    with home.mount() as mount:
        home.sync()
        yield mount


def on_server(remote, folder):
    """UID to Message of what the server has."""
    with remote.connect() as account:
        return account.read(folder)


def bodies(remote, folder):
    return [message.raw for message in on_server(remote, folder).values()]


def folders(remote):
    with remote.connect() as account:
        return {folder.path for folder in account.folders()}


def done(home):
    """The kinds of operations that the server has done."""
    with contextlib.closing(sqlite3.connect(f"file:{home.store}/mail.db?mode=ro", uri=True)) as store:
        return [kind for kind, in store.execute("SELECT kind FROM operations WHERE state = 'done' ORDER BY id")]


def names(folder):
    return sorted(os.listdir(folder))


def test_a_new_file_becomes_a_message(tree, home, remote):
    path = tree.mail / "test" / "Work" / "new.eml"
    path.write_bytes(NEW)
    assert path.read_bytes() == NEW_CRLF
    assert path.stat().st_size == len(NEW_CRLF)
    inode = path.stat().st_ino
    home.sync()
    assert NEW_CRLF in bodies(remote, "Work")
    assert path.read_bytes() == NEW_CRLF
    assert path.stat().st_ino == inode
    assert "new.eml" in names(path.parent)


def test_a_removed_message_is_in_the_trash(tree, home, remote):
    folder = tree.mail / "test" / "Work"
    victim = names(folder)[0]
    body = (folder / victim).read_bytes()
    os.unlink(folder / victim)
    assert victim not in names(folder)
    home.sync()
    assert body not in bodies(remote, "Work")
    assert body in bodies(remote, "Trash")


def test_a_message_saved_over_keeps_flags_and_date(tree, home, remote):
    folder = tree.mail / "test" / "Work"
    name = names(folder)[0]
    old = (folder / name).read_bytes()
    before = (folder / name).stat()
    (folder / name).write_bytes(NEW)
    assert (folder / name).stat().st_ino == before.st_ino
    home.sync()
    there = {message.raw: message for message in on_server(remote, "Work").values()}
    assert old not in there
    assert there[NEW_CRLF].flags == {"\\Seen"}
    assert there[NEW_CRLF].when == int(before.st_mtime)
    assert old in bodies(remote, "Trash")


def test_a_message_is_moved_to_another_folder(tree, home, remote):
    work, other = tree.mail / "test" / "Work", tree.mail / "test" / "Other"
    name = names(work)[0]
    body, inode = (work / name).read_bytes(), (work / name).stat().st_ino
    os.rename(work / name, other / name)
    assert names(other) == [name]
    assert (other / name).stat().st_ino == inode
    home.sync()
    assert body in bodies(remote, "Other")
    assert body not in bodies(remote, "Work")


def test_an_inherited_output_goes_on_where_it_was(tree, home, remote):
    path = tree.mail / "test" / "Work" / "pieces.eml"
    head, tail = NEW[:NEW.index(b"\n\n") + 2], NEW[NEW.index(b"\n\n") + 2:]
    (home.folder / "head").write_bytes(head)
    (home.folder / "tail").write_bytes(tail)
    subprocess.run(["sh", "-c", f'{{ cat {home.folder}/head; cat {home.folder}/tail; }} > "$0"', str(path)], check=True,
                   timeout=60 * SLOW)
    assert path.read_bytes() == NEW_CRLF


def test_folders_are_made_renamed_and_removed(tree, home, remote):
    account = tree.mail / "test"
    os.mkdir(account / "New")
    os.mkdir(account / "New" / "Below")
    home.sync()
    assert {"New", "New/Below"} <= folders(remote)
    os.rename(account / "New", account / "Renamed")
    home.sync()
    assert {"Renamed", "Renamed/Below"} <= folders(remote)
    with pytest.raises(OSError) as error:
        os.rmdir(account / "Work")
    assert error.value.errno == errno.ENOTEMPTY
    os.rmdir(account / "Renamed" / "Below")
    os.rmdir(account / "Renamed")
    home.sync()
    assert not [folder for folder in folders(remote) if folder.startswith("Renamed")]


def test_files_that_are_no_messages_stay_here(tree, home, remote):
    folder = tree.mail / "test" / "Work"
    for name, content in ((".DS_Store", b"\0\1"), ("x.eml~", NEW), ("notes.txt", b"no header\n"), ("a.swp", NEW)):
        (folder / name).write_bytes(content)
    before = on_server(remote, "Work")
    home.sync()
    assert on_server(remote, "Work") == before
    for name, content in ((".DS_Store", b"\0\1"), ("x.eml~", NEW), ("notes.txt", b"no header\n"), ("a.swp", NEW)):
        assert (folder / name).read_bytes() == content
        assert os.getxattr(folder / name, "user.mailtree.state") == b"local"
    assert not [name for name in names(tree.text / "test" / "Work") if "notes" in name]


def test_a_copy_within_an_account_sends_no_bytes(tree, home, remote):
    work, other = tree.mail / "test" / "Work", tree.mail / "test" / "Other"
    name = names(work)[0]
    body = (work / name).read_bytes()
    with open(work / name, "rb") as source, open(other / "copy.eml", "xb") as target:
        assert os.copy_file_range(source.fileno(), target.fileno(), 1 << 30) == len(body)
        assert os.copy_file_range(source.fileno(), target.fileno(), 1 << 30) == 0
    assert (other / "copy.eml").read_bytes() == body
    home.sync()
    assert done(home) == ["copy"]
    assert body in bodies(remote, "Other") and body in bodies(remote, "Work")


def test_what_is_saved_behind_a_backup_takes_its_place(tree, home, remote):
    folder = tree.mail / "test" / "Work"
    name = names(folder)[0]
    old = (folder / name).read_bytes()
    when = int((folder / name).stat().st_mtime)
    os.rename(folder / name, folder / "kept.eml~")
    (folder / name).write_bytes(NEW)
    home.sync()
    there = {message.raw: message for message in on_server(remote, "Work").values()}
    assert old not in there and old in bodies(remote, "Trash")
    assert there[NEW_CRLF].flags == {"\\Seen"} and there[NEW_CRLF].when == when
    assert (folder / "kept.eml~").read_bytes() == old
    assert os.getxattr(folder / "kept.eml~", "user.mailtree.state") == b"local"
    os.unlink(folder / "kept.eml~")
    home.sync()
    assert bodies(remote, "Trash") == [old]


def test_a_backup_that_is_removed_at_once_goes_to_the_trash(tree, home, remote):
    folder = tree.mail / "test" / "Work"
    name = names(folder)[0]
    old = (folder / name).read_bytes()
    os.rename(folder / name, folder / (name + "~"))
    (folder / name).write_bytes(NEW)
    os.unlink(folder / (name + "~"))
    home.sync()
    assert old not in bodies(remote, "Work") and bodies(remote, "Trash") == [old]
    assert NEW_CRLF in bodies(remote, "Work")


def test_ctl_takes_commands(tree, home, remote):
    ctl = tree.path / "ctl"
    (tree.mail / "test" / "Work" / "new.eml").write_bytes(NEW)
    ctl.write_text("sync test\nflush\n")
    assert ctl.read_bytes() == b"" and ctl.stat().st_size == 0
    until(lambda: NEW_CRLF in bodies(remote, "Work"), "the upload")
    for line in ("nonsense", "sync nowhere"):
        with pytest.raises(OSError) as error:
            ctl.write_text(line)
        assert error.value.errno == errno.EINVAL
