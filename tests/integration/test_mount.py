"""The mounted tree under the tools that people use: read-only, complete, and gone when it is unmounted."""
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import tarfile

import pytest
from lib import keeper, messages
from lib.account import Message
from lib.program import SLOW, served

pytestmark = pytest.mark.usefixtures("fuse")


@pytest.fixture
def filled(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("Práce", "Práce/Archiv", "Prázdná")
        for folder in ("INBOX", "Práce", "Práce/Archiv"):
            account.append(folder, [Message(messages.random_message(folder, index), frozenset(["\\Seen"]), messages.BASE_TIME + index * 86400)
                                    for index in range(15)])
    home.sync()
    return remote


@pytest.fixture
def tree(filled, home):
    with home.mount() as mount:
        home.sync() # so that nothing moves under the test
        yield mount


def sh(command, folder, check=True):
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, timeout=60 * SLOW,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 or not check, done.stderr.decode(errors="replace")
    return done.stdout.decode("utf-8", "surrogateescape")


def test_the_root_holds_what_is_documented(tree):
    assert {"README", "status", "status.json", "mail", "text"} <= set(os.listdir(tree.path))
    assert os.listdir(tree.mail) == ["test"]
    assert os.listdir(tree.text) == ["test"]


def test_readme_explains_the_tree(tree):
    text = (tree.path / "README").read_text(encoding="utf-8")
    assert "mail/" in text and "text/" in text
    assert len(text.encode()) == (tree.path / "README").stat().st_size


def test_status_is_readable_by_people_and_programs(tree, home):
    assert "test" in (tree.path / "status").read_text(encoding="utf-8")
    status = tree.status()
    assert "test" in json.dumps(status)
    beside = home.run("status", "--json")
    assert beside.status == 0
    assert json.loads(beside.out).keys() == status.keys()


def test_ls_and_find_show_everything(tree, filled):
    with filled.connect() as account:
        count = sum(len(found) for found in served(account).values())
    assert len(sh("find mail -type f -name '*.eml'", tree.path).splitlines()) == count
    assert len(sh("find text -type f -name '*.txt'", tree.path).splitlines()) == count
    lines = sh("ls -l mail/test/INBOX", tree.path).splitlines()
    assert len(lines) == 16
    assert all(line.startswith("-rw-------") for line in lines[1:])
    assert sh("ls mail/test/Prázdná", tree.path) == ""


def test_cat_gives_the_messages(tree, filled):
    with filled.connect() as account:
        assert sh("cat mail/test/INBOX/*.eml", tree.path).encode("utf-8", "surrogateescape") == \
            b"".join(mail.raw for mail in account.read("INBOX").values())


def test_reading_changes_nothing_on_the_server(filled, home):
    unread = [Message(messages.message(f"line-unread-{index}\n"), frozenset(), messages.BASE_TIME) for index in range(5)]
    keys = filled.keys()
    home.configure("headers", **keys, bodies="headers")
    with filled.connect() as account:
        account.append("INBOX", unread)
        before = account.read_all()
        with home.mount() as tree:
            home.sync()
            found = sh("for view in mail text parts maildir; do grep -rl line-unread $view | wc -l; done", tree.path)
            assert found.split() == ["10"] * 4
            home.sync()
            assert account.read_all() == before


def test_grep_and_rg_find_words(tree):
    for command in ("grep -rl 'line-INBOX-7$' text/", "rg -l 'line-INBOX-7$' text/"):
        found = sh(command, tree.path).splitlines()
        assert len(found) == 1 and " ~8.txt" in found[0]


def test_tar_and_cp_take_it_away_whole(tree, filled, home):
    with filled.connect() as account:
        want = served(account)
    sh(f"cp -r mail/test '{home.folder}/copy' && tar -cf '{home.folder}/mail.tar' mail", tree.path)
    for folder, files in tree.files().items():
        for uid, path in files.items():
            assert (home.folder / "copy" / folder / path.name).read_bytes() == want[folder][uid]
    with tarfile.open(home.folder / "mail.tar") as archive:
        assert sum(member.isfile() for member in archive) == sum(len(found) for found in want.values())
    assert sh(f"diff -r mail/test '{home.folder}/copy'", tree.path) == ""


def test_modes_owner_and_times(tree):
    for place, folders, files in os.walk(tree.path):
        for name in folders:
            found = os.stat(os.path.join(place, name))
            assert stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) in (0o500, 0o700), name
        for name in files:
            found = os.stat(os.path.join(place, name))
            writable = place.startswith((str(tree.mail), str(tree.path / "maildir"))) or name == "ctl"
            assert stat.S_IMODE(found.st_mode) == (0o600 if writable else 0o400), name
            assert found.st_uid == os.getuid() and found.st_nlink == 1
    files = tree.files()["INBOX"]
    assert [int(files[uid].stat().st_mtime) for uid in range(1, 16)] == [messages.BASE_TIME + index * 86400 for index in range(15)]


def test_the_mount_is_private_and_harmless(tree):
    line = next(line for line in open("/proc/self/mounts", encoding="utf-8") if str(tree.path) in line)
    options = line.split()[3].split(",")
    assert {"rw", "nosuid", "nodev", "noexec"} <= set(options)
    assert "allow_other" not in options
    for view in ("text", "parts"):
        line, = [line for line in open("/proc/self/mounts", encoding="utf-8") if line.split()[1] == str(tree.path / view)]
        assert {"ro", "nosuid", "nodev", "noexec"} <= set(line.split()[3].split(","))


def test_inodes_are_different_and_steady(tree):
    seen = {}
    for place, folders, files in os.walk(tree.path):
        for name in folders + files:
            path = os.path.join(place, name)
            number = os.lstat(path).st_ino
            assert number not in seen, f"{path} and {seen[number]}"
            seen[number] = path
        with os.scandir(place) as entries:
            assert all(entry.inode() == os.lstat(entry.path).st_ino for entry in entries)


def test_a_directory_says_how_many_it_holds(tree):
    assert (tree.mail / "test" / "Práce").stat().st_nlink in (1, 3)
    assert {".", ".."} <= set(sh("ls -a mail/test/INBOX", tree.path).splitlines())


@pytest.mark.parametrize("view", ["text", "parts"])
@pytest.mark.parametrize("what", ["create", "write", "append", "truncate", "unlink", "rename", "mkdir", "rmdir", "link", "symlink",
                                  "chmod", "utimes", "setxattr", "mknod"])
def test_writing_is_refused_as_on_a_read_only_file_system(what, view, tree):
    folder = next((tree.path / view / "test" / "INBOX").iterdir()) if view == "parts" else tree.path / view / "test" / "INBOX"
    file = next(path for path in folder.iterdir() if path.is_file())
    calls = {
        "create": lambda: (folder / "new.eml").write_bytes(b"x"),
        "write": lambda: file.write_bytes(b"x"),
        "append": lambda: os.close(os.open(file, os.O_WRONLY | os.O_APPEND)),
        "truncate": lambda: os.truncate(file, 0),
        "unlink": lambda: file.unlink(),
        "rename": lambda: file.rename(folder / "other.eml"),
        "mkdir": lambda: (folder / "new").mkdir(),
        "rmdir": lambda: (tree.path / view / "test" / "Prázdná").rmdir(),
        "link": lambda: os.link(file, folder / "second.eml"),
        "symlink": lambda: os.symlink("x", folder / "link"),
        "chmod": lambda: file.chmod(0o600),
        "utimes": lambda: os.utime(file, (0, 0)),
        "setxattr": lambda: os.setxattr(file, "user.imap.flags", b"\\Seen"),
        "mknod": lambda: os.mkfifo(folder / "pipe"),
    }
    with pytest.raises(OSError) as caught:
        calls[what]()
    assert caught.value.errno == errno.EROFS


def test_extended_attributes(tree):
    file = tree.files()["INBOX"][3]
    assert os.getxattr(file, "user.imap.uid") == b"3"
    assert os.getxattr(file, "user.imap.flags") == b"\\Seen"
    assert os.getxattr(file, "user.mime_type") == b"message/rfc822"
    assert {"user.imap.uid", "user.imap.flags", "user.imap.internaldate"} <= set(os.listxattr(file))
    assert b"2020" in os.getxattr(file, "user.imap.internaldate")
    for name, wanted in (("user.imap.none", errno.ENODATA), ("security.selinux", errno.EOPNOTSUPP),
                         ("system.posix_acl_access", errno.EOPNOTSUPP)):
        with pytest.raises(OSError) as caught:
            os.getxattr(file, name)
        assert caught.value.errno == wanted, name


def test_what_is_not_there_is_not_found(tree):
    for path in ("nothing", "mail/nobody", "mail/test/Nothing", "mail/test/INBOX/none.eml", "text/test/INBOX/none.txt"):
        with pytest.raises(FileNotFoundError):
            os.stat(tree.path / path)
    with pytest.raises(NotADirectoryError):
        os.stat(tree.path / "README" / "x")


def test_reading_at_any_offset(tree):
    path = max(tree.files()["INBOX"].values(), key=lambda each: each.stat().st_size)
    whole = path.read_bytes()
    with open(path, "rb", buffering=0) as file:
        for offset in (0, 1, 4095, 4096, len(whole) - 1, len(whole), len(whole) + 10):
            file.seek(offset)
            assert file.read(100) == whole[offset:offset + 100]


def test_a_file_opened_before_its_removal_gives_its_bytes_or_an_error(tree, filled, home):
    with open(tree.files()["INBOX"][2], "rb", buffering=0) as file, filled.connect() as account:
        raw = account.read("INBOX")[2].raw
        account.expunge("INBOX", [2])
        account.append("INBOX", [messages.random_message("instead", 1)])
        home.sync()
        assert 2 not in tree.files()["INBOX"]
        try:
            assert file.read(len(raw) + 1) == raw
        except OSError as error:
            assert error.errno in (errno.ENOENT, errno.ESTALE, errno.EIO)


def test_a_listing_under_way_is_not_disturbed_by_changes(tree, filled, home):
    with filled.connect() as account, os.scandir(tree.mail / "test" / "INBOX") as entries:
        seen = [next(entries).name for _ in range(5)]
        account.expunge("INBOX", [1, 2, 15])
        account.append("INBOX", [messages.random_message("during", 1)])
        home.sync()
        seen += [entry.name for entry in entries]
        assert len(seen) == len(set(seen)), "an entry came twice"
        kept = {path.name for uid, path in tree.files()["INBOX"].items() if uid < 15}
        assert kept <= set(seen), "an entry that stayed was left out"


def test_remounting_keeps_inodes(filled, home):
    with home.mount() as mount:
        before = mount.inodes()
        folder = (mount.mail / "test" / "Práce").stat().st_ino
    with home.mount() as mount:
        assert mount.inodes() == before
        assert (mount.mail / "test" / "Práce").stat().st_ino == folder


def test_mount_returns_once_it_is_usable_and_unmount_ends_it(filled, home):
    place = home.folder / "there"
    place.mkdir()
    done = home.run("mount", str(place))
    try:
        assert done.status == 0 and done.err == "", str(done)
        assert "INBOX" in os.listdir(place / "mail" / "test")
        assert home.run("unmount", str(place)).status == 0
        assert not keeper.is_mounted(place)
        assert os.listdir(place) == []
    finally:
        keeper.unmount_below(place)
    # Nobody holds the store any more.
    assert subprocess.run(["flock", "-w", "10", str(home.store / "lock"), "true"]).returncode == 0


def test_two_mounts_of_one_store_are_refused(tree, home):
    place = home.folder / "second"
    place.mkdir()
    home.fails(75, "mount", str(place))
    assert not keeper.is_mounted(place)
    assert tree.messages()


def test_a_mount_point_in_use_is_refused(tree, home, filled):
    home.write_config(f"[mailtree]\nstore = {home.folder}/other\n" + home.config.read_text())
    done = home.run("mount", str(tree.path))
    assert done.status in (74, 75) and len(done.err.splitlines()) == 1, str(done)


def test_a_mount_that_fails_removes_only_the_folder_that_it_made(filled, home):
    bystander = home.folder / "bystander" # empty; below / it has the name that the folder has below the home
    bystander.mkdir()
    folder = home.folder / str(bystander).lstrip("/")
    folder.parent.mkdir(parents=True)
    (home.store / "mail.db").write_bytes(b"no database" * 1000)
    home.fails(74, "mount", os.path.relpath(folder, home.folder))
    assert not folder.exists()
    assert bystander.exists()


def test_fusermount_ends_it_too(filled, home):
    mount = home.mount().__enter__()
    busy = subprocess.run(["fusermount3", "-u", str(mount.path)], check=False, capture_output=True, text=True)
    assert busy.returncode != 0 and "busy" in busy.stderr # other views are mounted inside
    subprocess.run(["fusermount3", "-u", "-z", str(mount.path)], check=True)
    assert mount.process.wait(30 * SLOW) == 0
    assert not keeper.is_mounted(mount.path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unmounts(number, filled, home):
    mount = home.mount().__enter__()
    mount.process.send_signal(number)
    status = mount.process.wait(30 * SLOW)
    assert not keeper.is_mounted(mount.path)
    assert status in (0, -number, 75), status


def test_a_mount_that_was_killed_can_be_mounted_again(filled, home):
    mount = home.mount().__enter__()
    before = mount.inodes()
    mount.process.send_signal(signal.SIGKILL)
    mount.process.wait()
    keeper.unmount_below(mount.path)
    with home.mount() as again:
        assert again.inodes() == before


def test_a_slash_at_the_end_does_not_stop_at_a_dead_mount(filled, home):
    mount = home.mount().__enter__()
    mount.process.send_signal(signal.SIGKILL)
    mount.process.wait()
    done = home.run("mount", f"{mount.path}/")
    try:
        assert done.status == 0, str(done)
        assert (mount.path / "mail").is_dir()
    finally:
        assert home.run("unmount", str(mount.path)).status == 0


def test_a_busy_mount_can_be_unmounted(filled, home):
    mount = home.mount().__enter__()
    holder = subprocess.Popen(["sleep", "60"], cwd=mount.mail)
    try:
        done = home.run("unmount", str(mount.path))
        # Refused with a line, or done lazily.
        assert done.status == 0 or len(done.err.splitlines()) == 1, str(done)
    finally:
        holder.kill()
        holder.wait()
    if done.status != 0:
        assert home.run("unmount", str(mount.path)).status == 0
    assert mount.process.wait(30 * SLOW) == 0
    assert not keeper.is_mounted(mount.path)


def test_commands_beside_a_mount_ask_it(tree, home, filled):
    assert home.run("status").status == 0
    assert home.run("check").status == 0
    with filled.connect() as account:
        account.append("INBOX", [messages.random_message("asked", 1)])
    home.sync("test")
    assert 16 in tree.files()["INBOX"]
    home.fails(64, "sync", "nobody")


def test_an_error_of_sync_comes_through_the_socket(serve, home):
    server = serve()
    server.add("A", [messages.random_message("through", 1)])
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        home.sync()
        server.password = "another"
        server.drop()
        done = home.fails(77, "sync", mentions="test")
        assert done.seconds < 30 * SLOW
        assert len(mount.messages()["A"]) == 1
        assert "test" in (mount.path / "status").read_text(encoding="utf-8")
        server.password = "Kůň\"3\\4"
        home.sync()


def test_many_readers_at_once(tree, filled):
    with filled.connect() as account:
        want = b"".join(raw for found in served(account).values() for raw in found.values())
    readers = [subprocess.Popen(["sh", "-c", "find mail -type f -exec cat {} + | wc -c"], cwd=tree.path, stdout=subprocess.PIPE)
               for _ in range(12)]
    for reader in readers:
        assert int(reader.communicate(timeout=60 * SLOW)[0]) == len(want)


def test_reading_while_it_synchronises(filled, home):
    """Every message read is whole, whatever arrives and goes meanwhile."""
    with home.mount() as mount, filled.connect() as account:
        known = {mail.raw for mails in account.read_all().values() for mail in mails.values()}
        for turn in range(5):
            new = [messages.random_message("turn", turn * 10 + index) for index in range(10)]
            known.update(new)
            account.append("Práce", new)
            account.expunge("Práce", [turn + 1])
            process = home.start("sync")
            while process.poll() is None:
                for entry in os.scandir(mount.mail / "test" / "Práce"):
                    if not entry.name.endswith(".eml"):
                        continue
                    try:
                        with open(entry.path, "rb") as file:
                            assert file.read() in known
                    except FileNotFoundError:
                        pass
            assert home.finish(process, ("sync",)).status == 0
        assert mount.messages() == served(account)


def test_a_large_folder(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.append("INBOX", [Message(messages.message(f"{index}\n", subject=f"number {index}"), when=messages.BASE_TIME + index)
                                 for index in range(5000)])
    home.sync()
    with home.mount() as mount:
        assert len(mount.files()["INBOX"]) == 5000
        assert sh("ls mail/test/INBOX | wc -l", mount.path).strip() == "5000"
        assert len(sh("grep -rc '' text/test/INBOX", mount.path).splitlines()) == 5000


def test_a_home_with_spaces_and_accents(filled, home):
    place = home.folder / "Moje pošta (ž)"
    with home.mount(place) as mount:
        assert mount.messages()
    shutil.rmtree(place)


def test_status_tells_of_the_last_error(serve, home):
    server = serve()
    home.configure(**server.account())
    home.sync()
    server.password = "another"
    home.run("sync")
    assert "Invalid credentials" in home.run("status").out
