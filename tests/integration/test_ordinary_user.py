"""A mount of a user who is not root: who can look into it, and what is mounted inside."""
import errno
import json
import os
import signal
import sys

import pytest
from lib import keeper, messages, ordinary_user
from lib.account import Message
from lib.ordinary_user import STRANGER, USER, ran
from lib.program import Mount

ALLOWED = "user_allow_other\n" # a fuse.conf
MAILS = [messages.random_message("theirs", index) for index in range(3)]

# Does to the tree in argv[1] what argv[2] (a message's path in it) and argv[3] (its text's) make possible; prints how each ended.
TRIES = """
import ctypes, errno, json, os, sys
top, message, text = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)

def watch():
    descriptor = libc.inotify_init1(0)
    if libc.inotify_add_watch(descriptor, os.fsencode(top), 0x100) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")

def room():
    if os.statvfs(top).f_blocks == 0: # so the kernel answers where nobody else is let in at all
        raise PermissionError(errno.EACCES, "statvfs")

def read(path):
    with open(path, "rb") as file:
        assert file.read()

def write(path, data):
    with open(path, "wb") as file:
        file.write(data)

tries = {
    "list": lambda: os.listdir(top), "list mail": lambda: os.listdir(f"{top}/mail"), "list text": lambda: os.listdir(f"{top}/text"),
    "list parts": lambda: os.listdir(f"{top}/parts"), "list a folder": lambda: os.listdir(os.path.dirname(message)),
    "stat": lambda: os.stat(message), "stat a text": lambda: os.stat(text), "stat text": lambda: os.stat(f"{top}/text"),
    "read": lambda: read(message), "read a text": lambda: read(text), "read status": lambda: read(f"{top}/status"),
    "enter": lambda: os.chdir(top), "enter text": lambda: os.chdir(f"{top}/text"), "watch": watch, "room": room,
    "attributes": lambda: os.getxattr(message, "user.imap.uid"), "set": lambda: os.setxattr(message, "user.imap.flags", b"\\\\Seen"),
    "make": lambda: write(os.path.dirname(message) + "/x.swp", b"x"), "command": lambda: write(f"{top}/ctl", b"sync\\n"),
    "rename": lambda: os.rename(message, message + ".eml"), "rename back": lambda: os.rename(message + ".eml", message),
    "search": lambda: os.mkdir(f"{top}/search/test/word"),
}
ended = {}
for name, attempt in tries.items():
    try:
        attempt()
        ended[name] = 0
    except OSError as error:
        ended[name] = error.errno
print(json.dumps(ended))
"""


class Theirs(Mount):
    """Into which root, who runs the tests, may be unable to look."""

    def _answers(self):
        return keeper.is_mounted(self.path) and "mail" in ran(["ls", self.path]).stdout.split()

    def inner(self):
        return {view for view in ("text", "parts") if keeper.is_mounted(self.path / view)}

    def first(self, view):
        """The path of the first file of INBOX."""
        folder = self.path / view / "test" / "INBOX"
        return folder / ran(["ls", folder]).stdout.splitlines()[0]

    def tries(self, user, message, text):
        done = ran([sys.executable, "-S", "-E", "-c", TRIES, self.path, message, text], user=user)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def theirs(remote, home):
    """theirs(scene, configuration): scene(mount) where an ordinary user has mounted his account."""
    if (problem := ordinary_user.problem()):
        pytest.skip(problem)
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.append("INBOX", [Message(raw, frozenset(), messages.BASE_TIME) for raw in MAILS])
    home.program = ordinary_user.program(home.program, home.folder)
    home.identity = ordinary_user.identity()
    (home.folder / "mount").mkdir()
    ordinary_user.give(home.folder)
    home.folder.chmod(0o755) # so that nobody is kept out above the tree

    def run(scene, configuration):
        def inside():
            with Theirs(home, home.folder / "mount") as mount:
                home.sync()
                scene(mount)
            assert not keeper.mounts_below(home.folder)
        ordinary_user.run(inside, configuration)
    return run


def test_where_root_allows_it_text_and_parts_are_mounts_of_their_own(theirs):
    def scene(mount):
        assert mount.inner() == {"text", "parts"}
        assert len(ran(["grep", "-rl", "line-theirs-1", mount.text, mount.mail]).stdout.splitlines()) == 2
        options = {where: set(rest.split(",")) for _, where, _, rest, *_ in map(str.split, open("/proc/thread-self/mounts", encoding="utf-8"))
                   if where.startswith(str(mount.path))}
        assert {"allow_other", "default_permissions", "nosuid", "nodev", "noexec"} <= options[str(mount.path)]
        for view in ("text", "parts"):
            assert {"ro", "nosuid", "nodev", "noexec"} <= options[str(mount.path / view)] and "allow_other" not in options[str(mount.path / view)]
    theirs(scene, ALLOWED)


def test_where_root_does_not_allow_it_they_are_part_of_the_whole(theirs):
    def scene(mount):
        assert mount.inner() == set()
        assert len(ran(["grep", "-rl", "line-theirs-1", mount.text, mount.mail]).stdout.splitlines()) == 2
        with pytest.raises(PermissionError): # we are root
            os.listdir(mount.path)
    theirs(scene, "")


@pytest.mark.parametrize("configuration", [ALLOWED, ""], ids=["allowed", "not allowed"])
def test_other_users_are_kept_out_also_of_what_is_cached(configuration, theirs):
    def scene(mount):
        message, text = mount.first("mail"), mount.first("text")
        assert set(mount.tries(USER, message, text).values()) == {0}
        ran(["cat", message, text])
        assert "mount" in ran(["ls", mount.path.parent], user=STRANGER).stdout.split()
        assert set(mount.tries(STRANGER, message, text).values()) == {errno.EACCES}
    theirs(scene, configuration)


def test_where_root_allows_it_root_looks_in(theirs):
    def scene(mount):
        assert mount.first("mail").read_bytes() in MAILS
        with pytest.raises(PermissionError): # what is inside is the user's alone
            os.listdir(mount.text)
    theirs(scene, ALLOWED)


def test_what_a_killed_process_left_is_mounted_over(theirs, home):
    def scene(mount):
        os.kill(mount.process.pid, signal.SIGKILL)
        mount.process.wait()
        assert len(keeper.mounts_below(mount.path)) == 3
        done = home.run("mount", str(mount.path))
        assert done.status == 0, str(done)
        assert mount.inner() == {"text", "parts"} and len(keeper.mounts_below(mount.path)) == 3
        assert home.run("unmount", str(mount.path)).status == 0
        mount.__enter__() # for whoever ends it
    theirs(scene, ALLOWED)


def test_what_the_modes_forbid_is_refused_by_them(theirs):
    """Elsewhere opening these succeeds, and writing fails."""
    def scene(mount):
        for name in ("README", "status"):
            done = ran(["sh", "-c", f"echo x >> {name}"], cwd=mount.path)
            assert done.returncode != 0 and "Permission denied" in done.stderr
        assert ran(["sh", "-c", "mkdir new"], cwd=mount.path).stderr.endswith("Operation not permitted\n")
        assert "Read-only file system" in ran(["mkdir", mount.text / "new"]).stderr
    theirs(scene, ALLOWED)
