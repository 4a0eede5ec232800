"""Without a server that answers: the cable pulled, the server hung, the line asleep.  Nothing in the tree waits for the network
but the reading of what is not here, however many wait for that; and what was done arrives later."""
import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lib import messages
from lib.headers import configure, fails, readable, state, until
from lib.program import SLOW
from lib.relay import Relay
from lib.scripted import FULL, Session

pytestmark = pytest.mark.usefixtures("fuse")

READERS = 30
AT_ONCE_S = 3 * SLOW # no more than that for what does not wait; most of it for a busy machine
MAILS = [messages.message(f"secret{index} in the body\n", subject=f"number {index}") for index in range(READERS + 10)]
NEW = b"From: Alice <alice@example.org>\r\nSubject: new\r\n\r\nfirst line\r\n"

# A relay in a process of its own, which can be stopped.
RELAY = """
import sys
from lib.relay import Relay
print(Relay(int(sys.argv[1])).port, flush=True)
sys.stdin.read()
"""


class Hangs(Session):
    """Says nothing more for as long as it is told to."""
    def read_line(self):
        line = super().read_line()
        self.server.answers.wait()
        return line


class Cable:
    """A line that can be pulled: the relay is still there, and nothing comes through."""

    def __init__(self, server, stack):
        self.relay = stack.enter_context(Relay(server.port))
        self.port = self.relay.port
        self.go, self.come = self.relay.pull, self.relay.plug


class Server:
    """It is the server that hangs."""

    def __init__(self, server, stack):
        self.port = server.port
        self.go, self.come = server.answers.clear, server.answers.set


class Asleep:
    """The relay's process is stopped: nobody reads what is sent, as if one of the computers slept."""

    def __init__(self, server, stack):
        self.process = subprocess.Popen([sys.executable, "-c", RELAY, str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        cwd=Path(__file__).parents[1], env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})
        stack.callback(self.end)
        self.port = int(self.process.stdout.readline())

    def go(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def come(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self):
        self.process.kill()
        self.process.communicate()


class Refused:
    """There is nobody any more: connections end, new ones are refused."""

    def __init__(self, server, stack):
        self.relay = stack.enter_context(Relay(server.port))
        self.port = self.relay.port

    def go(self):
        self.relay.refuse = True
        self.relay.drop(reset=True)

    def come(self):
        self.relay.refuse = False


@pytest.fixture(params=[Cable, Server, Asleep])
def way(request):
    """How it goes, for those that say nothing."""
    return request.param


@contextlib.contextmanager
def mounted(home, serve, way, patience_ms):
    """(Mount, line, server): only headers are here of all but the first two messages of INBOX."""
    home.program = Path(os.environ["MAILTREE"]).parents[1] / "tests" / "stops" / "mailtree-stops"
    home.environment.update({"MAILTREE_FETCH_MS": str(int(patience_ms * SLOW)), "MAILTREE_RETRY_MS": "100"})
    server = serve(Hangs, capability=FULL)
    server.answers = threading.Event()
    server.answers.set()
    server.add("INBOX", MAILS)
    for name in ("Work", "Empty", "Trash"):
        server.add(name)
    with contextlib.ExitStack() as stack:
        stack.callback(server.answers.set)
        line = way(server, stack)
        configure(home, server, "headers")
        home.write_config(home.config.read_text().replace(f"port = {server.port}", f"port = {line.port}"))
        mount = home.mount()
        with mount:
            home.sync()
            for path in list(mount.files()["INBOX"].values())[:2]:
                assert path.read_bytes() in MAILS
            yield mount, line, server


def waits(process):
    return Path("/proc", str(process.pid), "wchan").read_text() == "request_wait_answer"


@contextlib.contextmanager
def readers(mount):
    """Programs that wait for bodies which are not here."""
    paths = list(mount.files()["INBOX"].values())[-READERS:]
    running = [subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for path in paths]
    try:
        for each in running:
            until(lambda: waits(each), "it waits")
        yield running
    finally:
        for each in running:
            each.kill()
            each.communicate()


class Stopwatch:
    """Does things, each of which must be done at once."""

    def __init__(self):
        self.took = {}

    def __call__(self, what, call, *arguments):
        begin = time.monotonic()
        result = call(*arguments)
        self.took[what] = time.monotonic() - begin
        assert self.took[what] < AT_ONCE_S, f"{what} took {self.took[what]:.1f} s: {self.took}"
        return result


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=60 * SLOW)
    assert done.returncode == 0, done
    return done.stdout


def write(path, raw):
    with open(path, "wb") as file:
        file.write(raw)
        os.fsync(file.fileno())


def test_nothing_but_bodies_is_waited_for_and_all_arrives_later(way, home, serve):
    with mounted(home, serve, way, 60000) as (mount, line, server):
        inbox, work, empty = (mount.mail / "test" / name for name in ("INBOX", "Work", "Empty"))
        paths = list(mount.files()["INBOX"].values())
        here, remote = paths[:2], paths[2:8]
        line.go()
        with readers(mount) as running:
            at_once = Stopwatch()
            assert len(at_once("ls", run, "ls", "-l", inbox).splitlines()) == len(MAILS) + 1
            at_once("find", run, "find", mount.path, "-name", "*.eml", "-size", "+1c")
            at_once("stat", os.stat, remote[0])
            at_once("stat of what is not there", (inbox / "nothing.eml").exists)
            at_once("df", run, "df", mount.path)
            assert b"number 7" in at_once("grep", run, "grep", "-rh", "^Subject: number 7$", mount.text)
            at_once("attributes", os.getxattr, remote[0], "user.imap.flags")
            at_once("status", (mount.path / "status").read_bytes)
            at_once("mailtree status", home.run, "status")
            assert at_once("read", here[0].read_bytes) == MAILS[0]
            at_once("write", write, work / "new.eml", NEW)
            assert at_once("read what was written", (work / "new.eml").read_bytes) == NEW
            at_once("save over", write, here[0], NEW.replace(b"new", b"over"))
            at_once("save over what is not here", write, remote[0], NEW.replace(b"new", b"blind"))
            at_once("mkdir", os.mkdir, mount.mail / "test" / "Made")
            at_once("rmdir", os.rmdir, empty)
            at_once("flag", os.setxattr, remote[1], "user.imap.flags", b"\\Flagged")
            at_once("move", os.rename, remote[2], work / remote[2].name)
            at_once("rename", os.rename, remote[3], inbox / "named.eml")
            at_once("remove", os.unlink, remote[4])
            at_once("cp", run, "cp", remote[5], work / "copy.eml")
            at_once("rename a folder", os.rename, mount.mail / "test" / "Made", mount.mail / "test" / "Kept")
            assert all(waits(each) for each in running), "they still wait"
        line.come()
        home.sync()
        boxes = {name: [mail.raw for mail in server.box(name).mails] for name in ("INBOX", "Work", "Trash", "Kept")}
        assert sorted(boxes["Work"]) == sorted([NEW, MAILS[4], MAILS[7]])
        assert sorted(boxes["Trash"]) == sorted([MAILS[0], MAILS[2], MAILS[6]])
        assert sorted(boxes["INBOX"]) == sorted([NEW.replace(b"new", b"over"), NEW.replace(b"new", b"blind"), MAILS[1], MAILS[3],
                                                 MAILS[5], *MAILS[7:]])
        assert [mail.uid for mail in server.box("INBOX").mails if "\\Flagged" in mail.flags] == [4]
        assert paths[-1].read_bytes() == MAILS[-1]


def test_a_mount_ends_at_once(way, home, serve):
    with mounted(home, serve, way, 60000) as (mount, line, server):
        line.go()
        with readers(mount) as running:
            write(mount.mail / "test" / "Work" / "new.eml", NEW)
            done = home.run("unmount", str(mount.path))
            assert done.status == 0 and done.seconds < AT_ONCE_S, str(done)
            assert mount.process.wait(AT_ONCE_S) == 0
            for each in running:
                assert each.wait(AT_ONCE_S) == 1, "who waits gets an error"
        line.come()
        mount.__enter__() # again
        home.sync()
        assert (mount.mail / "test" / "Work" / "new.eml").read_bytes() == NEW
        assert [mail.raw for mail in server.box("Work").mails] == [NEW]


def test_a_mount_ends_at_once_by_a_signal(way, home, serve):
    with mounted(home, serve, way, 60000) as (mount, line, _):
        line.go()
        with readers(mount):
            mount.process.terminate()
            assert mount.process.wait(AT_ONCE_S) == 0
        mount.end()
        line.come()
        mount.__enter__()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_readers_that_are_killed_go_at_once(number, way, home, serve):
    with mounted(home, serve, way, 60000) as (mount, line, _):
        line.go()
        with readers(mount) as running:
            begin = time.monotonic()
            for each in running:
                each.send_signal(number)
            assert {each.wait(AT_ONCE_S) for each in running} == {-number}
            assert time.monotonic() - begin < AT_ONCE_S
        line.come()
        path = list(mount.files()["INBOX"].values())[-1]
        assert path.read_bytes() == MAILS[-1]


def test_a_body_fails_when_its_time_is_over_and_not_twice_as_late(way, home, serve):
    patience_s = 4 * SLOW
    with mounted(home, serve, way, 4000) as (mount, line, server):
        paths = list(mount.files()["INBOX"].values())[-READERS:]
        line.go()

        def read(path):
            begin = time.monotonic()
            return fails(path), time.monotonic() - begin
        with ThreadPoolExecutor(READERS) as pool:
            found = list(pool.map(read, paths))
        assert {number for number, _ in found} <= {errno.EHOSTUNREACH, errno.ETIMEDOUT}
        assert max(took for _, took in found) < 2 * patience_s - 0.5, found
        begin = time.monotonic()
        assert fails(paths[0]) in (errno.EHOSTUNREACH, errno.ETIMEDOUT), "it is remembered"
        assert time.monotonic() - begin < AT_ONCE_S
        line.come()
        until(lambda: state(paths[0]) == "cached", "what was asked for has come", 60)
        assert paths[0].read_bytes() == MAILS[-READERS]


def test_who_has_no_connection_is_told_at_once(home, serve):
    with mounted(home, serve, Refused, 60000) as (mount, line, _):
        path = list(mount.files()["INBOX"].values())[-1]
        line.go()
        until(lambda: mount.status()["accounts"][0]["error"], "it is noticed", 60)
        begin = time.monotonic()
        assert fails(path) == errno.EHOSTUNREACH
        assert time.monotonic() - begin < AT_ONCE_S
        line.come()
        until(lambda: readable(path), "there is one again", 60)


def test_who_waits_is_told_when_the_connection_is_lost(home, serve):
    with mounted(home, serve, Refused, 60000) as (mount, line, server):
        server.answers.clear() # it hangs first
        with readers(mount) as running:
            line.go()
            begin = time.monotonic()
            for each in running:
                assert each.wait(10 * SLOW) == 1
                assert b"No route to host" in each.stderr.read()
            assert time.monotonic() - begin < 10 * SLOW


def test_news_of_meanwhile_are_seen(way, home, serve):
    with mounted(home, serve, way, 60000) as (mount, line, server):
        line.go()
        server.box("Work").add(NEW)
        server.box("INBOX").expunge(1)
        server.box("INBOX").set_flags(2, "\\Flagged")
        line.come()
        until(lambda: len(os.listdir(mount.mail / "test" / "Work")) == 1, "new mail")
        until(lambda: 1 not in mount.files()["INBOX"], "one has gone")
        until(lambda: os.getxattr(mount.files()["INBOX"][2], "user.imap.flags") == b"\\Flagged", "a flag")
