"""What STATUS proves is not asked again; what it does not prove is."""
import re
import sqlite3

import pytest
from lib import messages
from lib.relay import Relay
from lib.scripted import CONDSTORE, FULL, QRESYNC, REV1, Session

pytestmark = pytest.mark.usefixtures("fuse")
MAILS = [messages.random_message("status", index) for index in range(12)]
NO_LIST_STATUS = QRESYNC.replace(" LIST-STATUS", "")


def tree(home):
    with home.mount() as mount:
        return mount.messages()


def want(box):
    return {mail.uid: mail.raw for mail in box.mails}


def everything(server):
    return {box.name.decode(): want(box) for box in server.boxes.values() if box.mails}


def query(home, sql, *args):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql, args).fetchall()


def opened(server):
    return [line.split(b'"')[1] for line in server.commands(b"EXAMINE")]


def words(server):
    return [line.split()[0] for line in server.commands()]


@pytest.fixture
def synced(serve, home):
    """synced(session, capability, boxes): a server whose folders are here."""
    def make(session=None, capability=QRESYNC, boxes=4):
        server = serve(session, capability=capability)
        server.odd = None
        for index in range(boxes):
            server.add(f"Box {index}", MAILS[index:index + 3])
        home.configure(**server.account(connections=1))
        home.sync()
        server.log.clear()
        return server
    return make


@pytest.mark.parametrize("capability", [CONDSTORE, QRESYNC, FULL], ids=["condstore", "qresync", "full"])
def test_nothing_changed_is_one_command_for_all(capability, synced, home):
    server = synced(capability=capability, boxes=30)
    home.sync()
    done = words(server)
    assert done.count(b"LIST") == 1 and done[-1] == b"LOGOUT" and done.count(b"GETQUOTAROOT") <= 1
    assert set(done) <= {b"AUTHENTICATE", b"CAPABILITY", b"ID", b"ENABLE", b"GETQUOTAROOT", b"LIST", b"LOGOUT"}, done
    assert server.commands(b"LIST")[0].startswith(b'LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ')
    assert tree(home) == everything(server)


def test_everything_goes_out_with_the_login(synced, home):
    """The server does not answer the login before LIST has come."""
    class Patient(Session):
        def logged_in(self):
            while self.server.odd and b" LIST " not in self._buffer:
                self.receive()
            super().logged_in()

    server = synced(Patient)
    server.odd = True
    home.sync()
    assert opened(server) == []


def test_the_line_of_capabilities_is_remembered(synced, home):
    server = synced()
    line, = query(home, "SELECT capabilities FROM accounts")[0]
    assert set(QRESYNC.split()) <= set(line.split())
    server.capability = REV1.encode()
    server.box("Box 1").add(MAILS[9])
    home.sync()
    assert query(home, "SELECT capabilities FROM accounts") == [(REV1,)]
    assert server.commands(b"LIST")[1:] == [b'LIST "" "*"'], "what is offered no more is not asked for again"
    server.capability = QRESYNC.encode()
    server.box("Box 2").add(MAILS[9])
    for _ in range(3):
        home.sync()
    server.log.clear()
    home.sync()
    assert opened(server) == []
    assert tree(home) == everything(server)


def test_a_slow_login_is_not_held_against_the_server(synced, home):
    """What came with one login is lost; at the next all goes out together again.  Only what is lost twice in a row is sent
    apart from the login from then on."""
    class Forgetful(Session):
        forgets = False
        together = [] # of each login: whether something came with it

        def logged_in(self):
            self.together.append(bool(self._buffer))
            if self.forgets:
                self._buffer = b""
            super().logged_in()

    server = synced(Forgetful)

    def logins(forgets):
        Forgetful.together.clear()
        Forgetful.forgets = forgets
        server.box("Box 1").add(MAILS[9])
        home.sync()
        return Forgetful.together

    assert logins(True) == [True, False]
    assert logins(False) == [True]
    assert logins(True) == [True, False]
    assert logins(True) == [True, False]
    assert logins(True) == [False]
    server.capability += b" X-OTHER"
    assert logins(False) == [False]
    assert logins(False) == [True]
    assert tree(home) == everything(server)


def deliver(box):
    box.add(MAILS[9])


def flag(box):
    box.set_flags(2, "\\Seen")


def expunge(box):
    box.expunge(2)


def expunge_silently(box):
    """As Dovecot does: the mod-sequence stays."""
    box.expunge(2)
    box.modseq -= 1


def replace(box):
    """As many messages as before."""
    box.expunge(2)
    box.add(MAILS[9])


@pytest.mark.parametrize("change", [deliver, flag, expunge, expunge_silently, replace])
@pytest.mark.parametrize("capability", [CONDSTORE, QRESYNC, NO_LIST_STATUS], ids=["condstore", "qresync", "no-list-status"])
def test_only_what_changed_is_opened(change, capability, synced, home):
    server = synced(capability=capability)
    change(server.box("Box 2"))
    home.sync()
    assert opened(server) == [b"Box 2"]
    assert tree(home) == everything(server)
    flags = dict(query(home, "SELECT uid, base_flags FROM messages JOIN mailboxes x ON x.id = mailbox WHERE x.name = 'Box 2'"))
    assert flags == {mail.uid: " ".join(mail.flags) for mail in server.box("Box 2").mails}
    server.log.clear()
    home.sync()
    assert opened(server) == []


def test_new_uidvalidity_is_noticed(synced, home):
    server = synced()
    server.box("Box 1").renumber(4711)
    home.sync()
    assert opened(server) == [b"Box 1"]
    assert not any(b"BODY[] {" in line for _, who, line in server.log if who == "S")
    assert tree(home) == everything(server)


STATUSES = {
    "none": lambda line: b"",
    "empty": lambda line: re.sub(rb"\(.*\)", b"()", line),
    "no messages": lambda line: re.sub(rb"MESSAGES \d+ ", b"", line),
    "no uidnext": lambda line: re.sub(rb"UIDNEXT \d+ ", b"", line),
    "uidnext 0": lambda line: re.sub(rb"UIDNEXT \d+", b"UIDNEXT 0", line),
    "no uidvalidity": lambda line: re.sub(rb"UIDVALIDITY \d+ ", b"", line),
    "modseq 0": lambda line: re.sub(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 0", line),
    "modseq -1": lambda line: re.sub(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ -1", line),
    "odd number": lambda line: re.sub(rb"MESSAGES \d+", b"MESSAGES 9.37e+06", line),
    "another count": lambda line: re.sub(rb"MESSAGES \d+", b"MESSAGES 1", line),
    "another name": lambda line: line.replace(b"Box 2", b"Box 9"),
    "cut off": lambda line: line[:-6] + b"\r\n",
}


@pytest.mark.parametrize("how", STATUSES)
def test_a_status_that_proves_nothing(how, synced, home):
    class Odd(Session):
        def outgoing(self, response):
            if self.server.odd and response.startswith(b'* STATUS "Box 2"'):
                return STATUSES[how](response)
            return response

    server = synced(Odd)
    server.odd = True
    server.box("Box 2").set_flags(1, "\\Flagged")
    server.box("Box 2").modseq -= how == "another count" # else the same
    home.sync()
    assert opened(server) == [b"Box 2"]
    assert tree(home) == everything(server)


def test_a_status_before_its_mailbox(synced, home):
    """Of no use, and no harm."""
    class Early(Session):
        def list_line(self, kind, box):
            if self.server.odd:
                self.untagged(self.status_line(box, [b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"HIGHESTMODSEQ"]))
            return super().list_line(kind, box)

    server = synced(Early)
    server.odd = True
    deliver(server.box("Box 2"))
    home.sync()
    assert tree(home) == everything(server)


@pytest.mark.parametrize("refused, sent", [(b"STATUS", 2), (b"RETURN", 3)])
@pytest.mark.parametrize("answer", [b"BAD what?", b"NO not today"])
def test_a_list_that_is_refused_is_asked_for_more_plainly(refused, sent, answer, serve, home):
    """ProtonMail's bridge says BAD to RETURN although it offers it."""
    class Bridge(Session):
        def list_boxes(self, kind, *arguments):
            if any(word == refused or isinstance(word, list) and refused in word for word in arguments):
                self.untagged(b'LIST () "/" "half"')
                self.tagged(answer)
            else:
                super().list_boxes(kind, *arguments)

    server = serve(Bridge, capability=QRESYNC)
    for name in ("A", "B", "C"):
        server.add(name, MAILS[:3])
    home.configure(**server.account())
    home.sync()
    assert tree(home) == everything(server)
    server.log.clear()
    home.sync()
    assert len(server.commands(b"LIST")) == sent
    assert len(server.commands(b"STATUS")) == 4 and opened(server) == [], "INBOX and three more"


def test_without_list_status_all_are_asked_in_one_flight(synced, home):
    class Waiting(Session):
        """Answers the first STATUS when all have come."""
        def do_STATUS(self, name, items):
            while self.server.odd and self._buffer.count(b" STATUS ") < 4:
                self.receive()
            self.server.odd = None
            super().do_STATUS(name, items)

    server = synced(Waiting, capability=NO_LIST_STATUS)
    server.odd = True
    home.sync()
    assert len(server.commands(b"STATUS")) == 5 and opened(server) == []


def test_one_folder_is_opened_rather_than_asked_about(serve, home):
    server = serve(capability=NO_LIST_STATUS)
    server.box("INBOX").add(MAILS[0])
    home.configure(**server.account())
    home.sync()
    server.log.clear()
    home.sync()
    assert server.commands(b"STATUS") == [] and opened(server) == [b"INBOX"]


def test_without_mod_sequences_a_status_proves_nothing(synced, home):
    server = synced(capability=REV1)
    server.box("Box 1").set_flags(1, "\\Seen")
    home.sync()
    assert server.commands(b"STATUS") == [] and len(opened(server)) == 5
    assert (1, "\\Seen") in query(home, "SELECT uid, base_flags FROM messages")


def test_status_refused_for_some(synced, home):
    class Closed(Session):
        def do_STATUS(self, name, items):
            if name == b"Box 1":
                self.tagged(b"NO [NOPERM] not for you")
            else:
                super().do_STATUS(name, items)

    server = synced(Closed, capability=NO_LIST_STATUS)
    home.sync()
    assert opened(server) == [b"Box 1"]


def test_a_body_that_is_missing_is_asked_for_although_nothing_changed(serve, home):
    class Refusing(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if self.server.odd and b"BODY.PEEK[]" in items and wanted(2):
                self.tagged(b"NO [SERVERBUG] not this one")
            else:
                super().fetch(chosen, items, modifiers, wanted)

    server = serve(Refusing, capability=QRESYNC)
    server.odd = True
    server.add("A", MAILS[:3])
    home.configure(**server.account())
    assert home.run("sync").status == 75
    server.odd = None
    server.log.clear()
    home.sync()
    assert opened(server) == [b"A"]
    assert tree(home) == everything(server)


def test_what_waits_to_be_matched_goes_although_nothing_changed(synced, home):
    """As if the run had ended right before."""
    server = synced(boxes=2)
    with sqlite3.connect(home.store / "mail.db") as db:
        db.execute("INSERT INTO messages (mailbox, place, state, name, internaldate, rfc822_size, base_flags, modseq, header_sha256, body)"
                   " SELECT mailbox, place, 1, 'old ~99.eml', internaldate, rfc822_size, base_flags, 0, header_sha256, body"
                   " FROM messages WHERE uid = 1 LIMIT 1")
    home.sync()
    assert opened(server) == []
    assert query(home, "SELECT count(*) FROM messages WHERE state = 1") == [(0,)]


def test_ids_of_mailboxes_are_kept(synced, home):
    server = synced(capability=FULL, boxes=2)
    kept = dict(query(home, "SELECT server_name, mailboxid FROM mailboxes"))
    assert kept == {name.decode(): box.id.decode() for name, box in server.boxes.items()}


@pytest.mark.parametrize("profile, opens", [("all", False), ("no-list-status", False), ("no-qresync", False), ("no-condstore", True),
                                            ("rev1", True)])
def test_dovecot_proves_that_nothing_changed(profile, opens, remote_with, home):
    remote = remote_with(profile)
    with remote.connect() as account:
        account.create("A", "B")
        account.append("A", MAILS[:5])
        account.append("B", MAILS[5:7])
    home.configure(**remote.keys())
    home.sync()
    for _ in range(2): # it may tell of another UIDNEXT or mod-sequence once
        said = home.run("-vv", "sync").err
    assert ("EXAMINE" in said) == opens
    for change in (lambda account: account.store("A", [3], "+FLAGS", "\\Seen"), lambda account: account.expunge("A", [2]),
                   lambda account: account.append_one("A", MAILS[9])):
        with remote.connect() as account:
            change(account)
        said = home.run("-vv", "sync").err
        assert 'EXAMINE "A"' in said and ('EXAMINE "B"' in said) == opens
        with remote.connect() as account:
            flags = account.flags("A")
        kept = query(home, "SELECT uid, base_flags FROM messages JOIN mailboxes x ON x.id = mailbox WHERE x.name = 'A'")
        assert {uid: set(text.split()) for uid, text in kept} == {uid: set(one) - {"\\Recent"} for uid, one in flags.items()}


def test_dovecot_without_changes_costs_two_flights_and_the_logout(remote, home):
    with remote.connect() as account, Relay(remote.server.plain_port) as relay:
        account.create(*[f"Box {index}" for index in range(20)])
        for index in range(20):
            account.append(f"Box {index}", [MAILS[index % 12]])
        home.configure(**{**remote.keys(), "port": relay.port})
        for _ in range(2):
            home.sync()
        relay.clear()
        home.sync()
        assert relay.connections == 1
        assert relay.flights <= 2, "the login with all that follows, and LOGOUT"
        assert sum(relay.bytes.values()) < 8000
