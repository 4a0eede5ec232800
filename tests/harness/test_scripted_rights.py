"""The scripted server tells what a client may do, and lets it do no more."""
import pytest
from lib import scripted
from lib.scripted import FULL
from lib.scripted_client import Client

HELLO = b"From: a@example.org\r\nSubject: hello\r\n\r\nHello.\r\n"


@pytest.fixture
def server():
    with scripted.Server(capability=FULL + " ACL LIST-MYRIGHTS") as made:
        made.add("A", [HELLO, HELLO + b"2"])
        made.add("B b")
        yield made


@pytest.fixture
def client(server):
    with Client(server) as made:
        yield made


def test_rights_are_told(server, client):
    server.box("B b").rights = ""
    assert client.do(b"MYRIGHTS A") == [b'MYRIGHTS "A" "lrswipkxtea"']
    assert client.do(b'MYRIGHTS "B b"') == [b'MYRIGHTS "B b" ""']
    assert client.tagged(b"MYRIGHTS C").startswith(b"NO")
    assert client.do(b'LIST "" A RETURN (MYRIGHTS STATUS (UIDNEXT))') == [
        b'LIST () "/" "A"', b'MYRIGHTS "A" "lrswipkxtea"', b'STATUS "A" (UIDNEXT 3)']


def test_without_the_capabilities_they_are_unknown(server, client):
    server.capability = FULL.encode()
    server.box("A").rights = ""
    assert client.tagged(b"MYRIGHTS A").startswith(b"BAD")
    assert client.tagged(b'LIST "" A RETURN (MYRIGHTS)').startswith(b"BAD")
    client.do(b"SELECT A")


@pytest.mark.parametrize("command, box, right", [
    (b"SELECT A", "A", "r"), (b"STATUS A (UIDNEXT)", "A", "r"), (b"APPEND A {3+}\r\na:b", "A", "i"), (b'UID COPY 1 "B b"', "B b", "i"),
    (b'UID MOVE 1 "B b"', "B b", "i"), (b'UID MOVE 1 "B b"', "A", "t"), (b'UID MOVE 1 "B b"', "A", "e"), (b"EXPUNGE", "A", "e"),
    (b"UID STORE 1 +FLAGS (\\Seen)", "A", "s"), (b"UID STORE 1 +FLAGS \\Deleted", "A", "t"), (b"UID STORE 1 FLAGS ($x)", "A", "w"),
    (b"CREATE A/c", "A", "k"), (b"DELETE A", "A", "x"), (b"RENAME A C", "A", "x"), (b'RENAME "B b" A/c', "A", "k"),
])
def test_each_right_is_needed(command, box, right, server, client):
    if command.split()[0] in (b"UID", b"EXPUNGE"):
        client.do(b"SELECT A")
    server.box(box).rights = "lrswipkxtea".replace(right, "")
    assert client.tagged(command).startswith(b"NO [NOPERM]")
    server.box(box).rights = {"s": "s", "w": "w"}.get(right, "lrswipkxtea")
    assert client.tagged(command).startswith(b"OK")


def test_who_may_only_read_selects_for_reading(server, client):
    server.box("A").rights = "lr"
    assert client.tagged(b"SELECT A").startswith(b"OK [READ-ONLY]")
    server.box("A").rights = "lrs"
    assert client.tagged(b"SELECT A").startswith(b"OK [READ-WRITE]")
