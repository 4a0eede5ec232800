"""Reading what is not here: readers that are interrupted, servers that hang or go, programs that walk the tree; and what
`mailtree status` says of it."""
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lib import messages
from lib.headers import MAILS, Gate, asked, configure, fails, fill, here, is_for_bodies, mounted, readable, sent, state, until
from lib.program import SLOW
from lib.relay import Relay
from lib.scripted import FULL, Session

pytestmark = pytest.mark.usefixtures("fuse")
DEAF = 60 * SLOW # more than a reader waits

# Reads a file; SIGUSR1 ends a read() that waits with EINTR, and the program with status 3.
READER = """
import os, signal, sys
def caught(number, frame):
    raise InterruptedError
signal.signal(signal.SIGUSR1, caught)
try:
    os.read(os.open(sys.argv[1], os.O_RDONLY), 65536)
except InterruptedError:
    sys.exit(3)
"""


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def slow(serve, gate):
    """A server that gives no body until the gate is open."""
    server = serve(type("Slow", (Gate,), {"gate": gate}))
    fill(server)
    return server


@pytest.fixture
def hasty(home):
    """Its readers do not wait for long."""
    home.program = Path(os.environ["MAILTREE"]).parents[1] / "tests" / "stops" / "mailtree-stops"
    home.environment["MAILTREE_FETCH_MS"] = "300"
    return home


def waits(process):
    """For an answer of FUSE."""
    return Path("/proc", str(process.pid), "wchan").read_text() == "request_wait_answer"


# Interrupted readers


@pytest.mark.parametrize("number, command, status", [
    (signal.SIGINT, ["cat"], -signal.SIGINT),
    (signal.SIGKILL, ["cat"], -signal.SIGKILL),
    (signal.SIGINT, ["head", "-c", "10"], -signal.SIGINT),
    (signal.SIGUSR1, [sys.executable, "-c", READER], 3),
], ids=["cat-ctrl-c", "cat-killed", "head-ctrl-c", "handler"])
def test_an_interrupted_reader_goes_at_once(number, command, status, slow, gate, home):
    with mounted(home, slow) as mount, ThreadPoolExecutor() as pool:
        path = mount.files()["INBOX"][2]
        other = pool.submit(path.read_bytes)
        until(lambda: asked(slow), "it is asked for")
        reader = subprocess.Popen([*command, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: waits(reader), "it waits")
        reader.send_signal(number)
        assert reader.wait(DEAF) == status
        assert not other.done(), "it waited until nobody waits any longer"
        gate.set()
        assert other.result(DEAF) == MAILS[1], "the other goes on to wait"
        assert path.read_bytes() == MAILS[1]
        assert len(asked(slow)) == 1


def test_what_an_interrupted_reader_wanted_comes_all_the_same(slow, gate, home):
    with mounted(home, slow) as mount:
        path = mount.files()["INBOX"][2]
        reader = subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL)
        until(lambda: asked(slow), "it is asked for")
        reader.send_signal(signal.SIGINT)
        assert reader.wait(DEAF) == -signal.SIGINT
        gate.set()
        until(lambda: state(path) == "cached", "it is here")
        assert path.read_bytes() == MAILS[1]
        assert len(asked(slow)) == 1


def test_a_mount_ends_while_somebody_waits(slow, home):
    configure(home, slow, "headers")
    mount = home.mount()
    with mount:
        home.sync()
        reader = subprocess.Popen(["cat", mount.files()["INBOX"][2]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until(lambda: asked(slow), "it is asked for")
    assert mount.process.returncode == 0
    assert reader.wait(DEAF) == 1, reader.stderr.read()
    assert home.run("status").status == 0, "the store is left alone"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_by_a_signal_while_somebody_waits(number, slow, home):
    configure(home, slow, "headers")
    mount = home.mount()
    mount.__enter__()
    home.sync()
    reader = subprocess.Popen(["cat", mount.files()["INBOX"][2]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until(lambda: asked(slow), "it is asked for")
    mount.process.send_signal(number)
    assert mount.process.wait(DEAF) == 0, mount.said()
    mount.end()
    assert reader.wait(DEAF) == 1, reader.stderr.read()


# Servers that do not answer


def test_a_server_that_goes_while_somebody_waits(slow, home):
    with mounted(home, slow) as mount, ThreadPoolExecutor() as pool:
        read = pool.submit(fails, mount.files()["INBOX"][2])
        until(lambda: asked(slow), "it is asked for")
        slow.dead = True
        slow.drop()
        assert read.result(DEAF) == errno.EHOSTUNREACH


def test_a_server_that_hangs(slow, gate, hasty):
    with mounted(hasty, slow) as mount:
        path = mount.files()["INBOX"][2]
        assert fails(path) == errno.EHOSTUNREACH
        assert fails(path) == errno.EHOSTUNREACH, "the second time it fails, too"
        assert len(asked(slow)) == 1, "and nothing is sent for it"
        gate.set()
        until(lambda: state(path) == "cached", "it has come after all")
        assert path.read_bytes() == MAILS[1]
        assert len(asked(slow)) == 1


class Loses(Session):
    """Breaks the connection when it is asked for a body, as often as it is told to."""
    times = 1

    def fetch(self, chosen, items, modifiers, wanted):
        if is_for_bodies(items) and self.server.breaks > 0:
            self.server.breaks -= 1
            raise ConnectionResetError
        super().fetch(chosen, items, modifiers, wanted)


@pytest.mark.parametrize("breaks", [1, 2])
def test_a_connection_that_breaks_is_replaced_once(breaks, serve, home):
    server = serve(Loses)
    server.breaks = 0
    fill(server)
    with mounted(home, server) as mount:
        server.breaks = breaks
        path = mount.files()["INBOX"][2]
        if breaks == 1:
            assert path.read_bytes() == MAILS[1]
        else:
            assert fails(path) in (errno.EHOSTUNREACH, errno.EIO)
            until(lambda: readable(path), "it can be read later")
        assert len(asked(server)) == breaks + 1


# How soon


@pytest.fixture
def patient(home):
    """Its connection stays where it last fetched a body for as long as a test takes."""
    home.program = Path(os.environ["MAILTREE"]).parents[1] / "tests" / "stops" / "mailtree-stops"
    home.environment["MAILTREE_LINGER_MS"] = "600000"
    return home


def two_folders(server):
    """{folder: messages}, none of which is in both."""
    mails = {"INBOX": MAILS, "Work": [raw.replace(b"visible", b"other") for raw in MAILS]}
    fill(server)
    box = server.add("Work")
    for index, raw in enumerate(mails["Work"]):
        box.add(raw, when=messages.BASE_TIME + 100 + index)
    return mails


def asks(line):
    return line.startswith((b"EXAMINE", b"UID FETCH"))


def test_one_reader_after_the_other_waits_for_one_flight_each(serve, patient):
    server = serve(capability=FULL)
    mails = two_folders(server)
    with Relay(server.port) as line:
        with mounted(patient, server, port=line.port) as mount:
            files = mount.files()
            line.latency_s = 0.02 # long enough for what leaves together to be seen as such
            for folder in ("Work", "INBOX"):
                before = len(server.commands())
                for uid in (2, 3, 5):
                    line.clear()
                    assert files[folder][uid].read_bytes() == mails[folder][uid - 1]
                    assert line.flights == 1, "DONE, EXAMINE and FETCH together"
                assert [each for each in server.commands()[before:] if asks(each)] == [
                    b'EXAMINE "%s"' % folder.encode(), *[b"UID FETCH %d (UID BODY.PEEK[])" % uid for uid in (2, 3, 5)]]


def test_a_body_is_not_that_of_another_message_with_its_uid(serve, home):
    """The folder was made anew, which is seen only when it is selected."""
    server = serve(capability=FULL)
    fill(server, "Work")
    with mounted(home, server) as mount:
        path = mount.files()["Work"][2]
        with server.lock: # and nobody is told
            box = server.box("Work")
            box.uidvalidity += 1
            box.mails[1].raw = b"From: x@example.org\r\nSubject: another\r\n\r\nanother\r\n"
        assert not readable(path)
        assert here(home)[0] == set()
        home.sync()
        assert {uid: file.read_bytes() for uid, file in mount.files()["Work"].items()} == \
            {uid: mail.raw for uid, mail in enumerate(box.mails, 1)}


class Unclosed(Session):
    """Does not say where what it tells begins to be of another mailbox."""

    def closed(self):
        pass


def test_a_server_that_does_not_tell_when_it_leaves_a_mailbox(serve, home):
    server = serve(Unclosed, capability=FULL)
    mails = two_folders(server)
    with mounted(home, server) as mount:
        files = mount.files()
        for uid in (1, 2):
            for folder in ("INBOX", "Work"):
                assert files[folder][uid].read_bytes() == mails[folder][uid - 1]
        assert len(asked(server)) <= 5, "what came is not trusted, and this is not tried again"


# Who walks the tree


WALKS = {
    "ls": "ls -lR .", "find": "find . -type f -size +1c -newermt 2000-01-01 -name '*.eml' -print0", "du": "du -a .",
    "stat": "find . -type f -exec stat {} +", "attributes": "find . -type f -exec getfattr -d -m - {} +",
    "test": "find . -type f -readable -exec test -s {} \\;", "text": "grep -r . text",
    "df": "df .", "status": "cat status status.json",
}


@pytest.mark.parametrize("walk", WALKS)
def test_walking_the_tree_fetches_nothing(walk, serve, home):
    server = serve()
    fill(server)
    with mounted(home, server) as mount:
        done = subprocess.run(WALKS[walk], shell=True, cwd=mount.path, capture_output=True)
        if walk == "attributes" and b"not found" in done.stderr:
            pytest.skip("no getfattr")
        assert done.returncode == 0 and done.stdout or walk == "test", done
        assert asked(server) == []
        assert here(home) == (set(), {1, 2, 3, 4, 5, 6})


def grep(word, view, mount):
    done = subprocess.run(["grep", "-rl", word, view], cwd=mount.path, capture_output=True, text=True)
    return done.returncode, len(done.stdout.splitlines()), done.stderr


def test_grep_in_text_finds_what_is_in_headers(serve, home):
    server = serve()
    fill(server)
    with mounted(home, server) as mount:
        assert grep("visible[0-9] in the header", "text", mount) == (0, 6, "")
        assert grep("secret", "text", mount) == (1, 0, "")
        assert asked(server) == []
        assert mount.files()["INBOX"][1].read_bytes() == MAILS[0]
        assert grep("secret", "text", mount) == (0, 1, ""), "the text of what is here now"


def test_grep_in_mail_fetches_each_once(serve, home):
    server = serve()
    fill(server)
    with mounted(home, server) as mount:
        for _ in range(2):
            assert grep("secret[0-9] in the body", "mail", mount) == (0, 6, "")
        assert sent(server, b"") == 6
        assert here(home)[1] == set()


def test_grep_in_mail_comes_to_an_end_without_an_answer(slow, gate, hasty):
    with mounted(hasty, slow) as mount:
        status, found, said = grep("secret", "mail", mount)
        assert (status, found) == (2, 0)
        assert said.count("No route to host") == 6
        gate.set()
        until(lambda: grep("secret", "mail", mount) == (0, 6, ""), "they can be read", 30)


# What is told


def test_status_tells_where_headers_are(serve, home):
    server = serve()
    fill(server)
    fill(server, "Work/2024")
    with mounted(home, server) as mount:
        mount.files()["INBOX"][1].read_bytes()
        text = home.run("status").out
        assert "headers only  11 messages\n    6 in Work/2024\n    5 in INBOX\n" in text
        (account,) = json.loads(home.run("status", "--json").out)["accounts"]
        assert (account["messages"], account["remote"]) == (1, 11)
        assert account["remote_mailboxes"] == [{"path": "Work/2024", "messages": 6}, {"path": "INBOX", "messages": 5}]
        assert mount.status()["accounts"][0]["remote"] == 11
        mount.messages()
        assert "headers only" not in home.run("status").out
        assert json.loads(home.run("status", "--json").out)["accounts"][0]["remote_mailboxes"] == []


def test_status_names_the_folders_that_have_the_most(serve, home):
    server = serve()
    for index in range(13):
        fill(server, f"f{index:02}")
    configure(home, server, "headers")
    home.sync()
    text = home.run("status").out
    assert "headers only  78 messages\n" in text
    assert [line for line in text.splitlines() if line.startswith("    6 in f")] == [f"    6 in f{index:02}" for index in range(10)]
    assert "    and in 3 other folders\n" in text
