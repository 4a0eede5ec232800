"""The scripted server fails where a test wants it to: once, at the nth command of a name, before or after doing it."""
import pytest
from lib import scripted
from lib.scripted import FULL
from lib.scripted_client import Client

HELLO = b"From: a@example.org\r\nSubject: hello\r\n\r\nHello.\r\n"


@pytest.fixture
def server():
    with scripted.Server(capability=FULL) as made:
        made.add("A", [HELLO, HELLO + b"2", HELLO + b"3"])
        made.add("B", uidvalidity=2000)
        yield made


def count(server):
    return len(server.box("A").mails), len(server.box("B").mails)


def ends(client, text):
    """What @client is told before the end of the connection."""
    client.command(text)
    found = []
    with pytest.raises(EOFError):
        while True:
            found.append(client.response())
    return found


def test_cut_before_the_action(server):
    server.cut_before_action = b"MOVE"
    with Client(server, select=b"A") as client:
        client.do(b"UID COPY 1 B")
        assert ends(client, b"UID MOVE 2 B") == []
    assert count(server) == (3, 1) and server.cut_before_action is None
    with Client(server, select=b"A") as client:
        client.do(b"UID MOVE 2 B")
    assert count(server) == (2, 2)


def test_cut_before_the_reply(server):
    server.cut_before_reply = "UID MOVE"
    with Client(server, select=b"A") as client:
        assert ends(client, b"UID MOVE 2 B") == [b"* OK [COPYUID 2000 2 1] moved", b"* 2 EXPUNGE"]
    assert count(server) == (2, 1) and server.cut_before_reply is None


def test_cut_before_anything_is_said(server):
    server.cut_before_untagged = "MOVE"
    with Client(server, select=b"A") as client:
        assert ends(client, b"UID MOVE 2 B") == []
    assert count(server) == (2, 1) and server.cut_before_untagged is None


def test_the_nth_command_of_a_name(server):
    server.cut_before_reply = b"APPEND", 3
    with Client(server) as client, Client(server) as other:
        client.do(b"APPEND B {3+}\r\nabc")
        other.do(b"APPEND B {3+}\r\ndef")
        assert ends(client, b"APPEND B {3+}\r\nghi") == []
        other.do(b"APPEND B {3+}\r\njkl")
    assert [mail.raw for mail in server.box("B").mails] == [b"abc", b"def", b"ghi", b"jkl"]


@pytest.mark.parametrize("hangs_up", [True, False])
def test_what_was_sent_is_done_late(hangs_up, server):
    """Behind what others ask for, one after the other, also when the client has gone."""
    server.late, server.late_hangs_up, server.late_behind = (b"APPEND", 2), hangs_up, (b"NOOP", 2)

    def has(count):
        with server.lock:
            return server.unlocked.wait_for(lambda: len(server.box("B").mails) == count and server.late_waits == (count < 3), 20)
    with Client(server) as client:
        client.do(b"APPEND B {3+}\r\nabc")
        client.command(b"APPEND B {3+}\r\ndef")
        client.command(b"APPEND B {3+}\r\nghi")
        if hangs_up:
            with pytest.raises(EOFError):
                client.response()
    assert has(1) and server.late is None
    with Client(server) as other:
        for count in 2, 3:
            other.do(b"NOOP")
            assert has(count - 1)
            other.do(b"NOOP")
            assert has(count)
    assert [mail.raw for mail in server.box("B").mails] == [b"abc", b"def", b"ghi"]


def test_a_name_with_uid_is_no_other_command(server):
    server.cut_before_action = b"UID STORE"
    with Client(server, select=b"A") as client:
        client.do(b"STORE 1 +FLAGS (\\Seen)")
        client.do(b"UID FETCH 1 (FLAGS)")
        assert ends(client, b"UID STORE 1 +FLAGS (\\Draft)") == []
    assert server.box("A").mails[0].flags == {"\\Seen"}


def test_refusals(server):
    server.refuse[b"APPEND"] = b"NO [LIMIT] no more today"
    server.refuse[b"COPY"] = lambda uids, name: b"NO [CANNOT] not there" if name == b"B" else None
    with Client(server, select=b"A") as client:
        assert client.tagged(b"APPEND B {3+}\r\nabc") == b"NO [LIMIT] no more today"
        assert client.tagged(b"UID COPY 1 B") == b"NO [CANNOT] not there"
        assert client.tagged(b"UID COPY 1 A").startswith(b"OK")
        assert count(server) == (4, 0)
        server.refuse.clear()
        client.do(b"APPEND B {3+}\r\nabc")
        client.do(b"UID COPY 1 B")
    assert count(server) == (4, 2)


def test_what_modifies_is_listed(server):
    with Client(server, select=b"A") as client:
        for command in (b"NOOP", b"UID FETCH 1 (FLAGS)", b"uid store 1 +FLAGS (\\Seen)", b"COPY 1 B", b"UID MOVE 2 B", b"CREATE C",
                        b"SUBSCRIBE C", b"UNSUBSCRIBE C", b"LIST \"\" *", b"RENAME C D", b"DELETE D", b"EXPUNGE", b"UNSELECT"):
            client.do(command)
        client.do(b"APPEND B {7+}\r\nDELETE ")
    assert server.modifying() == [b"uid store 1 +FLAGS (\\Seen)", b"COPY 1 B", b"UID MOVE 2 B", b"CREATE C", b"SUBSCRIBE C",
                                  b"UNSUBSCRIBE C", b"RENAME C D", b"DELETE D", b"EXPUNGE", b"APPEND B {7+}"]


@pytest.mark.parametrize("command", [b"UID FETCH", b"UID FETCH x FLAGS", b"STORE 1", b"STATUS A MESSAGES", b"SELECT (A)", b"NONSENSE", b"RENAME A"])
def test_what_is_no_command_is_bad_and_goes_on(command, server):
    with Client(server, select=b"A") as client:
        assert client.tagged(command).startswith(b"BAD")
        client.do(b"NOOP")


def test_what_needs_a_mailbox_is_bad_without_one(server):
    with Client(server) as client:
        for command in (b"UID FETCH 1 FLAGS", b"EXPUNGE", b"UID STORE 1 FLAGS ()", b"CLOSE"):
            assert client.tagged(command).startswith(b"BAD")
