"""Whatever is wrong: one clear line, the right exit status, nothing lost, and the next run goes on from there."""
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from lib import messages, scripted
from lib.account import Message
from lib.dovecot import free_ports
from lib.program import served

USAGE, UNAVAILABLE, IO, LATER, PROTOCOL, LOGIN, CONFIG = 64, 69, 74, 75, 76, 77, 78


@pytest.fixture
def filled(remote, home):
    """An account with messages that is not synchronised yet."""
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("Práce")
        for folder in ("INBOX", "Práce"):
            account.append(folder, [Message(messages.random_message(folder, index)) for index in range(20)])
    return remote


def completes(home, remote):
    """The next run brings everything here."""
    home.sync()
    with home.mount() as mount, remote.connect() as account:
        assert mount.messages() == served(account)


# The server cannot be had

def test_wrong_password(filled, home):
    (home.config.parent / "test.password").write_text("wrong\n")
    home.fails(LOGIN, "sync", mentions="test")
    (home.config.parent / "test.password").write_text(filled.server.password + "\n")
    completes(home, filled)


def test_refused_connection(remote, home):
    port = free_ports(1)[0]
    home.configure(**remote.keys(port=port))
    home.fails(UNAVAILABLE, "sync", mentions=["localhost", str(port), "refused"])


def test_unknown_host(remote, home):
    home.configure(**remote.keys(host="no-such-host.invalid"))
    home.fails(UNAVAILABLE, "sync", mentions="no-such-host.invalid")


def test_check_fails_as_sync_does(remote, home):
    home.configure(password="wrong", **remote.keys())
    home.fails(LOGIN, "check", mentions="test")


def test_a_server_that_turns_everybody_away(serve, home):
    home.configure(**serve(scripted.play(b"* BYE [UNAVAILABLE] come back tomorrow\r\n")).account())
    home.fails(LATER, "sync", mentions="come back tomorrow")


def test_a_server_that_says_nothing_and_closes(serve, home):
    home.configure(**serve(scripted.play()).account())
    home.fails(UNAVAILABLE, "sync")


@pytest.mark.parametrize("greeting", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 smtp.example.org ESMTP\r\n", b"\0\0\0\0\0\r\n", b"* \r\n", b"* OK\r\n* OK\r\n)(\r\n",
    b"+OK POP3 ready\r\n", b"\x15\x03\x01\x00\x02\x02\x46",
])
def test_a_server_that_speaks_something_else(greeting, serve, home):
    home.configure(**serve(scripted.play(greeting)).account())
    done = home.run("sync")
    assert done.status in (PROTOCOL, UNAVAILABLE), str(done)
    assert len(done.err.splitlines()) == 1 and done.err.startswith("mailtree: "), str(done)


@pytest.mark.parametrize("nonsense", [
    b"nonsense\r\n", b"* 5 FETCH (UID\r\n", b"* LIST (\\HasNoChildren \"/\" x\r\n", b"A999 OK not asked for\r\n", b"* 99999999999999 EXISTS\r\n",
    b"\xff\xfe\xfd\r\n", b"* OK [\r\n", b"* SEARCH " + b"1 " * 5 + b"x\r\n", b"* 1 FETCH (BODY[] {99999999999999999999}\r\n",
])
def test_nonsense_in_the_middle_loses_nothing(nonsense, serve, home):
    """Each is sent before the answer to LIST, once.  It may be passed over or end the connection, no more."""
    class Nonsense(scripted.Session):
        said = False

        def do_LIST(self, *arguments):
            if not Nonsense.said:
                Nonsense.said = True
                self.send(nonsense)
            super().do_LIST(*arguments)

    server = serve(Nonsense)
    mails = [messages.random_message("nonsense", index) for index in range(5)]
    server.add("A", mails)
    home.configure(**server.account())
    done = home.run("sync")
    assert done.status in (0, PROTOCOL, UNAVAILABLE, LATER), str(done)
    assert len(done.errors) == (0 if done.status == 0 else 1), str(done)
    home.sync()
    with home.mount() as mount:
        assert list(mount.messages()["A"].values()) == mails


def test_a_server_that_closes_in_mid_literal(serve, home):
    server = serve()
    mails = [messages.random_message("cut", index, size=5000) for index in range(10)]
    server.add("A", mails)
    home.configure(**server.account())

    class Cutting(scripted.Session):
        def outgoing(self, response):
            if b"BODY[] {" in response and b" 7 FETCH" in response:
                self.send(response[:-1000])
                raise scripted.Cut
            return response
    server.session_class = Cutting
    done = home.run("sync") # it may go on without the message
    assert done.status in (UNAVAILABLE, LATER) and len(done.errors) == 1, str(done)
    server.session_class = scripted.Session
    server.log.clear()
    home.sync()
    again = sum(line.count(b"BODY[] {") for _, who, line in server.log if who == "S")
    assert again == 1, "what had arrived was fetched again"
    with home.mount() as mount:
        assert list(mount.messages()["A"].values()) == mails


def test_a_server_that_floods_ends_with_an_error_and_bounded_memory(serve, home, pick):
    floods = {
        "a line without an end": (b"* OK ", b"x" * 65536),
        "untagged responses without an end": (b"", b"* OK still here\r\n" * 4000),
        "a list without an end": (b"* LIST (", b"\\X " * 20000),
        "nesting without an end": (b"* 1 FETCH (X ", b"(" * 65536),
        "a literal of 4 GB": (b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\n", b"x" * 65536),
        "folders without an end": (b"", b"".join(b'* LIST () "/" "f%d"\r\n' % index for index in range(3000))),
    }
    for name in pick(floods, 6):
        start, piece = floods[name]

        class Flooding(scripted.Session):
            def do_LIST(self, *_):
                self.server.lock.release()
                try:
                    self._connection.sendall(start)
                    for _ in range(300 * 1024 * 1024 // len(piece)):
                        self._connection.sendall(piece)
                except OSError:
                    pass
                finally:
                    self.server.lock.acquire()
                raise scripted.Cut

        server = serve(Flooding)
        home.write_config("")
        home.configure(**server.account())
        done = home.run("sync", timeout=120, measure=True)
        assert done.status in (PROTOCOL, UNAVAILABLE), f"{name}: {done}"
        assert len(done.err.splitlines()) == 1, f"{name}: {done}"
        if not os.environ.get("MAILTREE_SANITIZED"):
            assert done.peak_kb < 96 * 1024, f"{name}: {done}"


def test_a_password_command_that_fails_or_says_nothing(remote, home):
    home.configure(password=None, password_command="echo cannot >&2; exit 3", **remote.keys())
    home.fails(LOGIN, "sync", mentions="password_command")
    home.write_config("")
    home.configure(password=None, password_command="true", **remote.keys())
    home.fails(LOGIN, "sync", mentions="password_command")


def test_a_password_command_is_run(remote, home):
    (home.folder / "secret").write_text(remote.server.password)
    home.configure(password=None, password_command=f"cat '{home.folder}/secret'", **remote.keys())
    home.sync()


# The user

@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["sync", "--no-such-option"], ["mount"], ["sync", "no-such-account"],
                                       ["unmount"], ["mount", "a", "b"]])
def test_usage(arguments, remote, home):
    home.configure(**remote.keys())
    home.fails(USAGE, *arguments)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["sync", "--help"], ["help"]])
def test_help_and_version_need_no_configuration(arguments, home):
    done = home.run(*arguments)
    if arguments == ["help"] and done.status == USAGE:
        return
    assert done.status == 0 and done.out.strip() and not done.err, str(done)


def test_no_configuration(home):
    home.fails(CONFIG, "sync", mentions=str(home.config))


def test_unreadable_configuration(remote, home):
    home.config.mkdir()
    home.fails(CONFIG, "sync", mentions=str(home.config))


@pytest.mark.parametrize("text, line, words", [
    ("[account a]\nhost = localhost\nuser = u\nnetrc = yes\ncolour = red\n", 5, "colour"),
    ("[account a]\nuser = u\nnetrc = yes\n", 1, "host"),
    ("[account a]\nhost = localhost\nuser = u\n", 1, "password"),
    ("[account a]\nhost = localhost\nuser = u\nnetrc = yes\nport = 70000\n", 5, "port"),
    ("[account a]\nhost = localhost\nuser = u\nnetrc = yes\ntls = maybe\n", 5, "tls"),
    ("[account a]\nhost = localhost\nuser = u\nnetrc = yes\nprompt = yes\n", 5, "prompt"),
    ("[account a]\nhost = localhost\nuser = u\npassword = secret\n", 4, "password"),
    ("host = localhost\n", 1, ""),
    ("[folder]\nx = y\n", 1, "folder"),
])
def test_a_mistake_in_the_configuration_names_its_line(text, line, words, home):
    home.write_config(text)
    home.fails(CONFIG, "sync", mentions=[f"{home.config}:{line}:", words])


def test_secrets_of_the_configuration_are_not_repeated(home):
    home.write_config("[account a]\nhost = localhost\nuser = u\npassword = t0psecret\n")
    assert "t0psecret" not in home.fails(CONFIG, "sync").err


# The store

def test_a_store_that_another_process_owns(filled, home):
    """Not mailtree: a mailtree would be asked over its socket."""
    home.sync()
    holder = subprocess.Popen(["flock", str(home.store / "lock"), "sleep", "60"], start_new_session=True)
    try:
        time.sleep(0.3)
        home.fails(LATER, "sync", mentions=str(home.store))
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
    completes(home, filled)


def test_two_syncs_at_once_both_end_well(filled, home):
    first = home.start("sync")
    second = home.start("sync")
    results = [home.finish(process, ("sync",)) for process in (first, second)]
    for done in results:
        assert done.status in (0, LATER), str(done)
    assert any(done.status == 0 for done in results)
    completes(home, filled)


def test_a_damaged_store_is_an_error(filled, home):
    home.sync()
    (home.store / "mail.db").write_bytes(b"this is no database" * 1000)
    for suffix in ("-wal", "-shm"):
        (home.store / f"mail.db{suffix}").unlink(missing_ok=True)
    home.fails(IO, "sync", mentions=str(home.store))


def test_a_store_that_may_not_be_written(filled, home):
    (home.folder / "blocked").write_text("a file")
    home.write_config(f"[mailtree]\nstore = {home.folder}/blocked/store\n" + home.config.read_text())
    home.fails(IO, "sync", mentions="blocked")


def test_a_full_disk(filled, home):
    place = home.folder / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k,mode=700", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("only root can make a small file system")
    with filled.connect() as account:
        account.append("Práce", [messages.random_message("full", index, size=100_000) for index in range(30)])
    home.write_config(f"[mailtree]\nstore = {place}/store\n" + home.config.read_text())
    done = home.run("sync")
    assert done.status == IO, str(done)
    assert len(done.err.splitlines()) == 1 and "No space left" in done.err, str(done)
    subprocess.run(["mount", "-o", "remount,size=100m", str(place)], check=True)
    completes(home, filled)


def test_a_file_size_limit_is_like_a_full_disk(filled, home):
    with filled.connect() as account:
        account.append("Práce", [messages.random_message("full", index, size=100_000) for index in range(30)])
    done = home.run("sync", limit_file_bytes=1_000_000)
    assert done.status == IO, str(done)
    assert len(done.err.splitlines()) == 1, str(done)
    completes(home, filled)


# The mount point

def test_a_mount_point_that_is_not_empty(remote, home, fuse):
    home.configure(**remote.keys())
    place = home.folder / "busy"
    place.mkdir()
    (place / "file").write_text("mine")
    home.fails(IO, "mount", str(place), mentions=[str(place), "empty"])
    assert (place / "file").read_text() == "mine"


def test_a_mount_point_that_is_no_directory(remote, home, fuse):
    home.configure(**remote.keys())
    place = home.folder / "point"
    place.write_text("mine")
    home.fails(IO, "mount", str(place), mentions=str(place))
    home.fails(IO, "mount", str(home.folder / "not" / "there"), mentions="not")


def test_unmounting_what_is_not_mounted(remote, home):
    home.configure(**remote.keys())
    place = home.folder / "point"
    place.mkdir()
    done = home.run("unmount", str(place))
    assert done.status != 0 and len(done.err.splitlines()) == 1, str(done)


# Interruptions

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_soon_and_the_next_run_goes_on(number, serve, home):
    server = serve()
    mails = [messages.random_message("signal", index) for index in range(30)]
    server.add("A", mails)
    server.stall_at_line = 400
    home.configure(**server.account())
    process = home.start("sync")
    deadline = time.monotonic() + 30
    while server.lines_out < 400 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    process.send_signal(number)
    done = home.finish(process, ("sync",), timeout=20)
    assert done.status != 0, str(done)
    assert len(done.err.splitlines()) <= 1, str(done)
    server._closing.set() # lets go of what stalls
    again = serve()
    again.boxes = server.boxes
    home.write_config("")
    home.configure(**again.account())
    home.sync()
    with home.mount() as mount:
        assert list(mount.messages()["A"].values()) == mails


def test_a_server_that_stalls_is_given_up_in_the_end(serve, home):
    """The time-out is the program's; the test only sees to it that a cut ends the waiting at once."""
    server = serve()
    server.add("A", [messages.random_message("stall", index) for index in range(10)])
    server.stall_at_line = 12
    home.configure(**server.account())
    process = home.start("sync")
    threading.Timer(1.0, server.close).start()
    done = home.finish(process, ("sync",), timeout=30)
    assert done.status == UNAVAILABLE and len(done.err.splitlines()) == 1, str(done)


def test_status_works_without_a_mount_and_without_a_server(filled, home):
    home.sync()
    done = home.run("status")
    assert done.status == 0 and "test" in done.out, str(done)


def test_a_socket_left_behind_by_a_crash_is_no_obstacle(filled, home):
    home.sync()
    left = socket.socket(socket.AF_UNIX)
    path = home.store / "control"
    path.unlink(missing_ok=True)
    left.bind(str(path))
    left.close()
    completes(home, filled)
