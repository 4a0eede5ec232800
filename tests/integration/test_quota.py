"""The room that a server says an account has: learned with LIST, kept, shown."""
import json
import sqlite3

import pytest
from lib import messages
from lib.relay import Relay
from lib.scripted import FULL, QRESYNC, Session

KIB = 1024
MAIL = messages.random_message("quota", 0)
ROOTS = [(b"small", 90, 100), (b"large", 10, 1000)]


def kept(home):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute("SELECT quota_used, quota_limit FROM accounts").fetchall()[0]


def status(home):
    account, = json.loads(home.run("status", "--json").out)["accounts"]
    return account["quota_used"], account["quota_limit"]


def telling(*lines, answer=b"OK done"):
    """A Session whose GETQUOTAROOT tells @lines."""
    class Telling(Session):
        def do_GETQUOTAROOT(self, name):
            for line in lines:
                self.untagged(line)
            self.tagged(answer)
    return Telling


def synced(serve, home, session=None, capability=FULL):
    server = serve(session, capability=capability)
    server.box("INBOX").add(MAIL)
    home.configure(**server.account())
    home.sync()
    return server


def test_it_is_kept_and_shown(serve, home):
    server = synced(serve, home)
    used = (len(MAIL) + KIB - 1) // KIB * KIB
    assert kept(home) == status(home) == (used, 1_000_000 * KIB)
    assert "quota         " in home.run("status").out and "of 1.0 GB used" in home.run("status").out
    assert "of 1.0 GB used" in home.run("check").out
    server.box("INBOX").add(b"a: b\r\n\r\n" + b"x" * 100_000)
    server.quota[b"STORAGE"] = 50
    home.sync()
    assert kept(home) == (server.usage()[b"STORAGE"] * KIB, 50 * KIB), "more may be used than the limit"


def test_without_a_word_of_it_nothing_is_known(serve, home):
    server = synced(serve, home, capability=QRESYNC)
    assert kept(home) == status(home) == (None, None)
    assert server.commands(b"GETQUOTA") == []
    assert "quota" not in home.run("status").out
    assert "not told by the server" in home.run("check").out


@pytest.mark.parametrize("roots", [ROOTS, ROOTS[::-1], [*ROOTS, (b"", 0, 10)], [(b"over", 200, 100), (b"full", 7, 7)]])
def test_of_several_roots_the_one_with_the_least_room(roots, serve, home):
    lines = [b'QUOTA "%s" (MESSAGE 1 2 STORAGE %d %d)' % root for root in roots]
    synced(serve, home, telling(b"QUOTAROOT INBOX " + b" ".join(b'"' + root[0] + b'"' for root in roots), *lines))
    least = min(roots, key=lambda root: max(root[2] - root[1], 0))
    assert kept(home) == (least[1] * KIB, least[2] * KIB)


HOSTILE = {
    "nothing": ([], b"OK done"),
    "no roots": ([b"QUOTAROOT INBOX"], b"OK done"),
    "only messages": ([b'QUOTA "" (MESSAGE 1 2)'], b"OK done"),
    "too large": ([b'QUOTA "" (STORAGE 1 9007199254740992)'], b"OK done"),
    "overflow": ([b'QUOTA "" (STORAGE 99999999999999999999999 99999999999999999999999)'], b"OK done"),
    "negative": ([b'QUOTA "" (STORAGE 1 -1)'], b"OK done"),
    "half": ([b'QUOTA "" (STORAGE 1)'], b"OK done"),
    "no list": ([b'QUOTA "" STORAGE 1 2'], b"OK done"),
    "NO": ([], b"NO not for you"),
    "NO after all": ([b'QUOTA "" (STORAGE 1 2)'], b"NO [SERVERBUG] of something else"),
    "BAD": ([], b"BAD what?"),
    "endless": ([b'QUOTA "r%d" (MESSAGE 1 2)' % i for i in range(20_000)], b"OK done"),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_what_says_nothing_takes_nothing_with_it(how, serve, home):
    """And forgets what was told before."""
    lines, answer = HOSTILE[how]
    server = synced(serve, home)
    assert kept(home) != (None, None)
    server.session_class = telling(*lines, answer=answer)
    server.box("INBOX").add(messages.random_message("quota", 1))
    home.sync()
    assert kept(home) == status(home) == (None, None)
    with sqlite3.connect(home.store / "mail.db") as db:
        assert db.execute("SELECT count(*) FROM messages WHERE body IS NOT NULL").fetchone() == (2,)


def test_the_largest_that_can_be_is_kept(serve, home):
    synced(serve, home, telling(b'QUOTA "" (STORAGE 9007199254740991 9007199254740991)'))
    assert kept(home) == status(home) == (9007199254740991 * KIB, 9007199254740991 * KIB)
    assert home.run("check").status == 0


def test_a_server_that_is_busy_leaves_what_is_known(serve, home):
    server = synced(serve, home)
    before = kept(home)
    server.refuse[b"GETQUOTAROOT"] = b"NO [UNAVAILABLE] try again later"
    home.sync()
    assert kept(home) == before


def test_a_server_that_offers_it_no_more(serve, home):
    """What was asked by what is remembered is refused; then it is not asked."""
    server = synced(serve, home)
    server.capability = QRESYNC.encode()
    home.sync()
    assert kept(home) == (None, None)
    server.log.clear()
    home.sync()
    assert server.commands(b"GETQUOTA") == []


def test_it_goes_out_with_list(serve, home):
    """The server answers neither before both are there, and the login not before either."""
    class Patient(Session):
        def logged_in(self):
            while self.server.odd and not (b" GETQUOTAROOT " in self._buffer and b" LIST " in self._buffer):
                self.receive()
            super().logged_in()

    server = serve(Patient, capability=FULL)
    server.odd = False
    home.configure(**server.account())
    home.sync()
    server.odd = True
    home.sync()
    assert kept(home)[1] == 1_000_000 * KIB


def test_nothing_changed_costs_two_flights_and_the_logout(serve, home):
    server = serve(capability=FULL)
    for index in range(20):
        server.add(f"Box {index}", [messages.random_message("quota", index)])
    with Relay(server.port) as relay:
        home.configure(**{**server.account(), "port": relay.port})
        home.sync()
        home.sync()
        relay.clear()
        home.sync()
        assert relay.connections == 1 and relay.flights <= 2
        assert sum(relay.bytes.values()) < 8000
    assert server.commands(b"GETQUOTAROOT") == [b"GETQUOTAROOT INBOX"] * 3


def test_a_mount_says_it_too(serve, home, fuse):
    server = synced(serve, home)
    with home.mount() as mount:
        home.sync()
        told, = json.loads((mount.path / "status.json").read_text())["accounts"]
        assert told["quota_limit"] == 1_000_000 * KIB
        server.quota[b"STORAGE"] = 500
        home.sync()
        told, = json.loads((mount.path / "status.json").read_text())["accounts"]
        assert told["quota_limit"] == 500 * KIB
        assert "of 512.0 kB used" in (mount.path / "status").read_text()
