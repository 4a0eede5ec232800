"""What the user may do in each mailbox: learned, kept, and asked again when it may be otherwise."""
import sqlite3
import time

import pytest
from lib import messages
from lib.account import Account
from lib.pushing import do, operations, paths
from lib.relay import Relay
from lib.scripted import CONDSTORE, FULL, REV1, Session

ALL, DAY_S = "lrswipkxtea", 24 * 60 * 60
MAILS = [messages.random_message("rights", index) for index in range(3)]
ACL = FULL + " ACL"
LIST = ACL + " LIST-MYRIGHTS"
UNTOLD = "?"


def rights(home):
    with sqlite3.connect(home.store / "mail.db") as db:
        return dict(db.execute("SELECT server_name, rights FROM mailboxes WHERE server_name IS NOT NULL"))


def learned(home, ago_s=None):
    """When all were learned, as it is kept; set to @ago_s before now."""
    with sqlite3.connect(home.store / "mail.db") as db:
        lines = db.execute("SELECT capabilities FROM accounts").fetchone()[0].split("\n")
        if ago_s is not None:
            lines = [line for line in lines if not line.startswith("rights ")] + [f"rights {int(time.time()) - ago_s}"]
            db.execute("UPDATE accounts SET capabilities = ?", ["\n".join(lines)])
    return next((int(line.split()[1]) for line in lines if line.startswith("rights ")), None)


def asked(server):
    return sorted(line.partition(b" ")[2].strip(b'"').decode() for line in server.commands(b"MYRIGHTS"))


@pytest.fixture
def synced(serve, home):
    """synced(session, capability, **rights): a server with folders of those rights, whose contents are here."""
    def make(session=None, capability=ACL, **rights):
        server = serve(session, capability=capability)
        for name, letters in {"A": ALL, "B": "lr", **rights}.items():
            server.add(name, MAILS).rights = letters
        server.add("Trash", attributes=["\\Trash"])
        home.configure(**server.account())
        home.sync()
        return server
    return make


@pytest.mark.parametrize("capability", [ACL, LIST, REV1 + " ACL", CONDSTORE + " ACL LIST-MYRIGHTS"])
def test_they_are_learned(capability, synced, home):
    server = synced(capability=capability, C="r")
    assert rights(home) == {"INBOX": ALL, "A": ALL, "B": "lr", "C": "r", "Trash": ALL}
    assert (server.commands(b"MYRIGHTS") == []) == ("LIST-MYRIGHTS" in capability)


def test_with_list_they_are_told_each_time(synced, home):
    server = synced(capability=LIST)
    server.box("B").rights = "lrs"
    server.log.clear()
    home.sync()
    assert rights(home)["B"] == "lrs" and asked(server) == []
    assert b"RETURN (SPECIAL-USE MYRIGHTS STATUS (" in server.commands(b"LIST")[0]
    assert learned(home) is None


def test_what_is_known_is_not_asked_again(synced, home):
    server = synced()
    assert asked(server) == ["A", "B", "INBOX", "Trash"]
    assert time.time() - 600 < learned(home) <= time.time()
    server.box("B").rights = "lrs"
    server.add("C").rights = "lri"
    server.log.clear()
    home.sync()
    assert asked(server) == ["C"]
    assert rights(home) == {"INBOX": ALL, "A": ALL, "B": "lr", "C": "lri", "Trash": ALL}
    server.log.clear()
    home.sync()
    assert asked(server) == []


@pytest.mark.parametrize("ago_s, again", [(DAY_S - 600, False), (DAY_S, True), (-600, True)])
def test_they_are_asked_again_once_a_day(ago_s, again, synced, home):
    """And when the clock went back."""
    server = synced()
    server.box("B").rights = "lrs"
    learned(home, ago_s)
    server.log.clear()
    home.sync()
    assert asked(server) == (["A", "B", "INBOX", "Trash"] if again else [])
    assert rights(home)["B"] == ("lrs" if again else "lr")
    if again:
        assert time.time() - 600 < learned(home) <= time.time()
    server.log.clear()
    home.sync()
    assert asked(server) == []


@pytest.mark.parametrize("capability", [ACL, LIST])
def test_what_is_forbidden_has_them_asked_at_once(capability, synced, home):
    server = synced(capability=capability)
    server.box("A").rights = "lrs"
    do(home, "flag", "\\Flagged", "", *paths(1))
    server.log.clear()
    assert home.run("sync").status == 75
    assert operations(home)[0][:2] == ("flags", "failed")
    assert rights(home)["A"] == "lrs" and asked(server) == ["A", "B", "INBOX", "Trash"]
    server.log.clear()
    home.run("sync")
    assert asked(server) == []


def test_who_does_not_say_is_asked_once_a_day(synced, home):
    class Silent(Session):
        def do_MYRIGHTS(self, name):
            if name == b"A":
                self.tagged(b"NO [NOPERM] not even that")
            elif name == b"B":
                self.tagged(b"OK of nothing")
            else:
                super().do_MYRIGHTS(name)

    server = synced(Silent)
    assert rights(home) == {"INBOX": ALL, "A": UNTOLD, "B": UNTOLD, "Trash": ALL}
    server.log.clear()
    home.sync()
    assert asked(server) == []
    learned(home, DAY_S)
    home.sync()
    assert asked(server) == ["A", "B", "INBOX", "Trash"]


def test_a_server_that_is_busy_is_asked_next_time(synced, home):
    class Busy(Session):
        busy = True

        def do_MYRIGHTS(self, name):
            if name == b"A" and self.busy:
                self.tagged(b"NO [UNAVAILABLE] try again later")
            else:
                super().do_MYRIGHTS(name)

    synced(Busy)
    assert rights(home) == {"INBOX": ALL, "A": None, "B": "lr", "Trash": ALL} and learned(home) is None
    Busy.busy = False
    home.sync()
    assert rights(home)["A"] == ALL and learned(home) is not None


HOSTILE = {
    "nothing": lambda line: b"",
    "of another": lambda line: line.replace(b'"A"', b'"Other"'),
    "too long": lambda line: b'* MYRIGHTS "A" ' + b"a" * 65 + b"\r\n",
    "no letters": lambda line: b'* MYRIGHTS "A" "../l r"\r\n',
    "a list": lambda line: b'* MYRIGHTS "A" (lr)\r\n',
    "NIL": lambda line: b'* MYRIGHTS "A" NIL\r\n',
    "unquoted name": lambda line: b"* MYRIGHTS A B lr\r\n",
    "half": lambda line: b'* MYRIGHTS "A"\r\n',
}


@pytest.mark.parametrize("capability", [ACL, LIST])
@pytest.mark.parametrize("how", HOSTILE)
def test_rights_that_cannot_be(how, capability, synced, home):
    class Odd(Session):
        def outgoing(self, response):
            return HOSTILE[how](response) if response.startswith(b'* MYRIGHTS "A"') else response

    synced(Odd, capability)
    assert rights(home) == {"INBOX": ALL, "A": UNTOLD, "B": "lr", "Trash": ALL}
    home.sync()


def test_rights_that_are_told_twice_and_of_others(synced, home):
    class Talking(Session):
        def do_MYRIGHTS(self, name):
            self.untagged(b"MYRIGHTS " + name + b" lr")
            for index in range(100):
                self.untagged(b"MYRIGHTS x%d lr" % index)
            super().do_MYRIGHTS(name)

    synced(Talking)
    assert rights(home) == {"INBOX": ALL, "A": ALL, "B": "lr", "Trash": ALL}


def test_a_list_with_rights_that_is_refused_is_asked_for_more_plainly(synced, home):
    class Bridge(Session):
        def list_boxes(self, kind, *arguments):
            if any(isinstance(word, list) and b"MYRIGHTS" in word for word in arguments):
                self.tagged(b"BAD what?")
            else:
                super().list_boxes(kind, *arguments)

    server = synced(Bridge, LIST)
    assert rights(home) == {"INBOX": ALL, "A": ALL, "B": "lr", "Trash": ALL}
    server.log.clear()
    home.sync()
    assert asked(server) == [] and server.commands(b"EXAMINE") == []


def test_many_are_asked_together_but_not_too_many(serve, home):
    class Counting(Session):
        most = 0

        def do_MYRIGHTS(self, name):
            if name == b"Box 0": # the first of all but INBOX
                while self._buffer.count(b" MYRIGHTS ") < 24:
                    self.receive()
            Counting.most = max(Counting.most, 1 + self._buffer.count(b" MYRIGHTS "))
            super().do_MYRIGHTS(name)

    server = serve(Counting, capability=ACL)
    for index in range(120):
        server.add(f"Box {index}")
    home.configure(**server.account())
    home.sync()
    assert set(rights(home).values()) == {ALL} and len(rights(home)) == 121
    assert Counting.most == 25


@pytest.mark.parametrize("capability", [ACL, LIST])
def test_nothing_changed_costs_two_flights_and_the_logout(capability, serve, home):
    server = serve(capability=capability)
    for index in range(20):
        server.add(f"Box {index}", MAILS)
    with Relay(server.port) as relay:
        home.configure(**{**server.account(), "port": relay.port})
        for _ in range(2):
            home.sync()
        relay.clear()
        home.sync()
        assert relay.connections == 1 and relay.flights <= 2
        assert sum(relay.bytes.values()) < 8000


def test_another_name_has_other_rights(synced, home):
    server = synced()
    server.rename("B", "C")
    server.box("C").rights = "lrs"
    server.log.clear()
    home.sync()
    assert rights(home) == {"INBOX": ALL, "A": ALL, "C": "lrs", "Trash": ALL} and asked(server) == ["C"]


def test_a_server_that_has_no_rights_any_more(synced, home):
    server = synced()
    server.capability = FULL.encode()
    home.sync()
    assert set(rights(home).values()) == {None} and learned(home) is None


def test_a_folder_that_was_made_here_is_asked_for_when_it_is_listed(synced, home):
    server = synced()
    do(home, "create", "test/New")
    home.sync()
    server.log.clear()
    home.sync()
    assert rights(home)["New"] == ALL and asked(server) == ["New"]


# Without ACL

def test_what_opens_only_for_reading_has_the_rights_of_reading_for_a_day(synced, home):
    server = synced(capability=FULL)
    assert set(rights(home).values()) == {None} and learned(home) is None
    server.box("A").read_only = True
    do(home, "flag", "\\Flagged", "", *paths(1))
    assert home.run("sync").status == 75
    assert rights(home) == {"INBOX": None, "A": "lr", "B": None, "Trash": None}
    home.run("sync")
    assert rights(home)["A"] == "lr"
    learned(home, DAY_S)
    home.run("sync")
    assert rights(home)["A"] is None and learned(home) is None


def test_what_opens_for_writing_has_them_all(synced, home):
    server = synced(capability=FULL)
    server.box("A").read_only = True
    do(home, "flag", "\\Flagged", "", *paths(1))
    home.run("sync")
    assert rights(home)["A"] == "lr"
    server.box("A").read_only = False
    assert home.run("retry").status == 0
    home.sync()
    assert rights(home)["A"] is None and operations(home) == []


def test_with_acl_only_that_tells(synced, home):
    server = synced()
    server.box("A").read_only = True
    do(home, "flag", "\\Flagged", "", *paths(1))
    assert home.run("sync").status == 75
    assert rights(home)["A"] == ALL


# Real servers

def test_dovecot_tells_quota_and_rights(remote_with, home):
    remote = remote_with("quota-acl")
    with remote.connect() as account:
        account.create("A", "B")
        account.append("A", MAILS)
        account.set_rights("B", remote.user, "lr")
        home.configure(**remote.keys())
        home.sync()
        told = rights(home)
        assert set(ALL) - {"p"} <= set(told["A"]) and set(told["B"]) - {"a"} == set("lr")
        assert "of 10.5 MB used" in home.run("check").out and "of 10.5 MB used" in home.run("status").out
        account.set_rights("A", remote.user, "lrs")
        do(home, "copy", "test/B", *paths(1))
        assert home.run("sync").status == 75
        assert operations(home)[0][:2] == ("copy", "failed")
        assert set(rights(home)["A"]) - {"a"} == set("lrs")
        said = home.run("-vv", "sync").err
        assert "MYRIGHTS" not in said and "GETQUOTAROOT" in said


def test_cyrus_tells_rights_with_list(cyrus_remote, home):
    with cyrus_remote.connect() as account:
        account.create("A", "B")
        account.append("A", MAILS)
        account.set_rights("B", cyrus_remote.user, "lra")
        home.configure(**cyrus_remote.keys())
        home.sync()
        owners = "kxcan" # the owner of a mailbox has them in any case
        assert set(ALL) <= set(rights(home)["A"]) and set(rights(home)["B"]) == set("lr" + owners)
        account.set_rights("A", cyrus_remote.user, "lrsa")
        said = home.run("-vv", "sync").err
        assert set(rights(home)["A"]) == set("lrs" + owners)
        assert "RETURN (SPECIAL-USE MYRIGHTS STATUS (" in said


def test_cyrus_tells_the_quota(cyrus, cyrus_remote, home):
    with cyrus_remote.connect() as account:
        account.append("INBOX", MAILS)
        with Account.at(cyrus, "admin") as admin:
            admin.set_quota(f"user/{cyrus_remote.user}", 2000)
        home.configure(**cyrus_remote.keys())
        home.sync()
        assert "of 2.0 MB used" in home.run("status").out
