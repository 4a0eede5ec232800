"""A server does what it was sent after the connection has ended, while the next one looks what became of it."""
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from lib import messages
from lib.program import SLOW
from lib.pushing import do, here, operations, paths, settled, sha, there
from lib.scripted import FULL, REV1, Session

PLAIN = REV1 + " UIDPLUS"
LADDER = pytest.mark.parametrize("capability", [FULL, PLAIN, REV1], ids=["full", "uidplus", "rev1"])
MAILS = [messages.message("A body.\n", subject=f"late {number}", message_id=f"late-{number}@example.org") for number in range(5)]
NEW = [messages.message("A new body.\n", subject=f"new {number}", message_id=f"new-{number}@example.org") for number in range(3)]
KINDS = {"append": "APPEND", "copy": "COPY", "move": "MOVE", "delete": "MOVE"}
QUIET_MS = 4000 * SLOW


@pytest.fixture(autouse=True)
def patient(home, hasty):
    """Long enough for what is to come, whatever the machine."""
    home.environment["MAILTREE_QUIET_MS"] = str(QUIET_MS)


@pytest.fixture
def start(serve, home):
    """start(capability): a server with five messages in A, B and Trash, and everything of it here."""
    def begin(capability=FULL, session=None):
        server = serve(session, capability=capability)
        server.add("A", MAILS)
        server.add("B")
        server.add("Trash", attributes=["\\Trash"])
        home.configure(**server.account())
        home.sync()
        return server
    return begin


def queue(kind, home, tmp_path):
    if kind == "append":
        files = [tmp_path / f"{index}" for index, _ in enumerate(NEW)]
        for file, raw in zip(files, NEW):
            file.write_bytes(raw)
        do(home, "append", "test/B", "", "1700000000", *map(str, files))
    else:
        do(home, kind, *(["test/B"] if kind != "delete" else []), *paths(1, 2, 5))


def check_end(kind, server):
    left = [MAILS[2], MAILS[3]] if kind in ("move", "delete") else MAILS
    came = sorted(sha(raw) for raw in (NEW if kind == "append" else (MAILS[0], MAILS[1], MAILS[4])))
    target = "Trash" if kind == "delete" else "B"
    assert [mail.raw for mail in server.box("A").mails] == left
    assert sorted(sha(mail.raw) for mail in server.box(target).mails) == came


def command_of(kind, capability):
    return "COPY" if KINDS[kind] == "MOVE" and capability is not FULL else KINDS[kind]


def confirmed(home):
    """Without UIDPLUS the sources of what was copied are removed when a person says so."""
    home.run("sync")
    home.run("confirm")


def wait(condition, what):
    deadline = time.monotonic() + 20 * SLOW
    while not condition():
        assert time.monotonic() < deadline, f"not within {20 * SLOW} s: {what}"
        time.sleep(0.01)


def kill(home, server, *arguments):
    """The program, when the server has got what it does late."""
    process = home.start(*arguments)
    wait(lambda: server.late_waits, "it was not sent")
    process.send_signal(signal.SIGKILL)
    process.communicate()


@LADDER
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("end", "behind"), [("cut", 2), ("killed", 5)])
def test_what_is_done_late_is_done_once(end, behind, kind, capability, start, home, tmp_path):
    """Behind the first look, or behind a later one."""
    server = start(capability)
    queue(kind, home, tmp_path)
    server.late, server.late_behind, server.late_hangs_up = command_of(kind, capability), (b"UID FETCH", behind), end == "cut"
    if end == "cut":
        assert home.run("sync").status == 69
    else:
        kill(home, server, "sync")
    assert server.late is None
    if capability is REV1 and kind in ("move", "delete"):
        confirmed(home)
    settled(home, server)
    check_end(kind, server)
    assert server.late_waits == 0, "it was believed not to come before it came"
    assert len(server.commands(f"UID {command_of(kind, capability)}".encode())) <= 1


def test_as_long_as_more_comes_it_is_waited_for(start, home, tmp_path):
    """Each command of a row comes behind another look."""
    home.environment["MAILTREE_QUIET_MS"] = str(1000 * SLOW)
    server = start(PLAIN)
    files = [tmp_path / f"{index}" for index in range(12)]
    for index, file in enumerate(files):
        file.write_bytes(NEW[0].replace(b"new 0", b"new %d" % index))
    do(home, "append", "test/B", "", "1700000000", *map(str, files))
    server.late, server.late_behind = "APPEND", (b"UID FETCH", 6)
    assert home.run("sync").status == 69
    settled(home, server)
    assert sorted(mail.raw for mail in server.box("B").mails) == sorted(file.read_bytes() for file in files)
    assert len(server.commands(b"APPEND")) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_come_is_waited_for_once(kind, start, home, tmp_path):
    server = start(PLAIN)
    home.environment["MAILTREE_QUIET_MS"] = "800"
    queue(kind, home, tmp_path)
    server.cut_before_action = command_of(kind, PLAIN)
    assert home.run("sync").status == 69
    done = home.run("-v", "sync")
    assert done.status == 0, str(done)
    pauses = [int(found) for found in re.findall(r"looks again in (\d+) ms", done.err)]
    assert pauses and sum(pauses) <= 800 and pauses[-1] > 0
    settled(home, server)
    check_end(kind, server)


def test_what_is_there_is_not_waited_for(start, home, tmp_path):
    server = start()
    home.environment["MAILTREE_QUIET_MS"] = "3600000"
    queue("append", home, tmp_path)
    server.cut_before_untagged = "APPEND"
    assert home.run("sync").status == 69
    settled(home, server)
    check_end("append", server)


def test_the_wait_can_be_interrupted(start, home, tmp_path):
    server = start()
    home.environment["MAILTREE_QUIET_MS"] = "3600000"
    queue("append", home, tmp_path)
    server.cut_before_action = "APPEND"
    assert home.run("sync").status == 69
    looks = len(server.commands(b"UID FETCH"))
    process = home.start("sync")
    wait(lambda: len(server.commands(b"UID FETCH")) > looks + 1, "it did not look")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20 * SLOW)
    assert [each[:2] for each in operations(home)] == [("append", "sent")] * 3
    home.environment["MAILTREE_QUIET_MS"] = "0"
    settled(home, server)
    check_end("append", server)


def test_a_mount_that_connects_again_at_once(start, home, fuse, tmp_path):
    """While other connections of it fetch bodies."""
    server = start(session=Slow)
    home.environment["MAILTREE_RETRY_MS"] = "20"
    with home.mount() as mount:
        home.sync()
        server.add("C", [messages.random_message("pool", index) for index in range(60)])
        server.late, server.late_behind = "APPEND", (b"UID FETCH", 40)
        for index, raw in enumerate(NEW):
            (mount.mail / "test" / "B" / f"{index}.eml").write_bytes(raw)
        wait(lambda: server.late is None, "it was not sent")
        home.sync()
        assert operations(home) == [] and here(home) == there(server)
        assert len(server.box("C").mails) == 60
    check_end("append", server)


class Slow(Session):
    """Bodies take their time, so that several connections fetch them."""
    def outgoing(self, response):
        if b"BODY[]" in response:
            self.server.unlocked.wait(0.01)
        return response


class Asleep(Session):
    """Reads nothing more behind the beginning of the first APPEND until it is woken."""
    def read_bytes(self, count):
        if count > 100_000 and not self.server.is_awake.is_set():
            self.server.sleeps.set()
            self.server.is_awake.wait(60 * SLOW)
        return super().read_bytes(count)


def unsent(port):
    """How many bytes for that port the kernel has not delivered."""
    found = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(each[4].partition(":")[0], 16) for each in found if each[2].endswith(f":{port:04X}"))


def test_what_the_kernel_has_not_delivered_never_comes(start, home, tmp_path):
    """Not even when the server has it read long after."""
    home.environment["MAILTREE_QUIET_MS"] = "200"
    server = start(PLAIN, session=Asleep)
    server.is_awake, server.sleeps = threading.Event(), threading.Event()
    server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    large = [raw + b"x" * 150_000 + b"\r\n" for raw in NEW * 2]
    files = [tmp_path / f"{index}" for index, _ in enumerate(large)]
    for index, file in enumerate(files):
        file.write_bytes(large[index].replace(b"new ", b"%d new " % index, 1))
    do(home, "append", "test/B", "", "1700000000", *map(str, files))
    process = home.start("sync")
    assert server.sleeps.wait(20 * SLOW)
    wait(lambda: unsent(server.port) > 400_000, "it does not send all at once")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.sleeps.clear()
    sleeper = server._threads[-1]
    server.session_class = Session
    home.sync()
    assert len(server.box("B").mails) == len(files)
    server.is_awake.set()
    sleeper.join(20 * SLOW)
    assert not sleeper.is_alive()
    settled(home, server)
    assert len(server.box("B").mails) == len(files)
