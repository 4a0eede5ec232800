"""What the server allows, and how much room it has, as the mounted tree shows it."""
import errno
import os
import stat
import subprocess

import pytest
from lib import messages
from lib.program import SLOW
from lib.scripted import FULL

pytestmark = pytest.mark.usefixtures("fuse")

MAILS = [messages.random_message("rights", index) for index in range(3)]


def refused(call, number=errno.EACCES):
    with pytest.raises(OSError) as error:
        call()
    assert error.value.errno == number


@pytest.fixture
def shared(remote_with, home):
    """A mount with a folder that can be written, and one that can only be read."""
    remote = remote_with("quota-acl")
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("A", "B")
        for folder in ("A", "B"):
            account.append(folder, MAILS)
        account.set_rights("B", remote.user, "lr")
        home.sync()
        with home.mount() as mount:
            home.sync()
            yield mount.mail / "test", account


def test_a_folder_for_reading_is_read_and_not_written(shared):
    root, account = shared
    folder, name = root / "B", sorted(os.listdir(root / "B"))[0]
    before = account.contents()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o500 and stat.S_IMODE((root / "A").stat().st_mode) == 0o700
    assert (folder / name).read_bytes() in MAILS
    assert not os.access(folder, os.W_OK)
    refused(lambda: (folder / "new.eml").write_bytes(MAILS[0]))
    refused(lambda: (folder / name).write_bytes(b"x"))
    refused(lambda: os.truncate(folder / name, 0))
    refused(lambda: os.unlink(folder / name))
    refused(lambda: os.rename(folder / name, root / "A" / name))
    refused(lambda: os.rename(root / "A" / sorted(os.listdir(root / "A"))[0], folder / "x.eml"))
    refused(lambda: os.link(root / "A" / sorted(os.listdir(root / "A"))[0], folder / "x.eml"))
    refused(lambda: os.setxattr(folder / name, "user.imap.flags", b"\\Flagged"))
    refused(lambda: os.mkdir(folder / "Below"))
    refused(lambda: os.rmdir(folder))
    refused(lambda: os.rename(folder, root / "Other"))
    done = subprocess.run(["cp", root / "A" / sorted(os.listdir(root / "A"))[0], folder], capture_output=True, text=True,
                          timeout=60 * SLOW, check=False)
    assert done.returncode == 1 and "Permission denied" in done.stderr
    assert account.contents() == before


def test_what_is_read_there_can_be_copied_elsewhere(shared, home):
    root, account = shared
    name = sorted(os.listdir(root / "B"))[0]
    subprocess.run(["cp", root / "B" / name, root / "A" / "copy.eml"], check=True, timeout=60 * SLOW)
    home.sync()
    assert len(account.read("A")) == 4


def test_df_tells_the_quota(serve, home):
    server = serve(capability=FULL)
    server.box("INBOX").add(MAILS[0])
    server.quota[b"STORAGE"] = 1000 # KiB
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        home.sync()
        used = (len(MAILS[0]) + 1023) // 1024
        for path in (mount.path, mount.mail / "test", mount.mail / "test" / "INBOX", mount.text / "test"):
            room = os.statvfs(path)
            assert room.f_blocks * room.f_frsize == 1000 * 1024
            assert room.f_bavail * room.f_frsize == (1000 - used) * 1024 // 4096 * 4096
        done = subprocess.run(["df", "--output=size", mount.mail / "test"], capture_output=True, text=True, check=True,
                              timeout=60 * SLOW)
        assert done.stdout.split() == ["1K-blocks", "1000"]


def test_without_a_quota_df_tells_the_disk(serve, home):
    server = serve(capability="IMAP4rev1 UIDPLUS")
    server.box("INBOX").add(MAILS[0])
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        disk, room = os.statvfs(home.store), os.statvfs(mount.path)
        assert abs(room.f_bavail * room.f_frsize - disk.f_bavail * disk.f_frsize) < 1 << 30
