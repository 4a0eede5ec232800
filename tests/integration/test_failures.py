"""What one refusal, one lost connection or one bad message may cost: that message or folder for now, and no other.  Whatever
was left out is named in the log, the command ends with 75, and the next run asks for it again."""
import re
import sqlite3
import time

import pytest
from lib import messages, scripted
from lib.scripted import CONDSTORE, QRESYNC, REV1, Session

pytestmark = pytest.mark.usefixtures("fuse")

IO, LATER = 74, 75
MAILS = [messages.random_message("failures", index) for index in range(12)]


def names(items, name):
    return any(item.upper().startswith(name) for item in (items if isinstance(items, list) else [items]))


def is_for_bodies(items):
    return names(items, b"BODY.PEEK[]")


def tree(home):
    with home.mount() as mount:
        return mount.messages()


def wanted(box, *without):
    return {mail.uid: mail.raw for mail in box.mails if mail.uid not in without}


def bodies_sent(server):
    return sum(b"BODY[] {" in line for _, who, line in server.log if who == "S")


def select(home, sql):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql).fetchall()


def bodies_here(home):
    return select(home, "SELECT count(*) FROM messages WHERE body IS NOT NULL")[0][0]


def leaves_out(done, *names_):
    """One line for each that was left out, and one that counts them."""
    lines = done.err.splitlines()
    assert done.status == LATER and len(lines) == len(names_) + 1, str(done)
    for name in names_:
        assert any(re.search(name, line) for line in lines[:-1]), f"{name}: {done}"
    assert lines[-1].startswith("mailtree: ") and f"{len(names_)} folder" in lines[-1] and "next time" in lines[-1], str(done)


# A folder

class Refusing(Session):
    """@words for one folder."""
    words, name = b"NO [SERVERBUG] mailbox is broken", b"B"

    def select(self, name, options, access):
        if name == self.name:
            self.tagged(self.words)
        else:
            super().select(name, options, access)


@pytest.mark.parametrize("words", [b"NO [SERVERBUG] mailbox is broken", b"NO [INUSE] mailbox is locked", b"NO [UNAVAILABLE] its disk is away",
                                   b"NO temporary failure, cannot open mailbox"])
def test_a_folder_that_cannot_be_opened_stops_no_other(words, serve, home):
    server = serve(type("Broken", (Refusing,), {"words": words}))
    for name in "ABC":
        server.add(name, MAILS[:3])
    home.configure(**server.account())
    leaves_out(home.run("sync"), " B: ")
    assert set(tree(home)) == {"A", "C"}
    server.session_class = Session
    home.sync()
    assert set(tree(home)) == {"A", "B", "C"}


@pytest.mark.parametrize("words", [b"NO [THROTTLED] slow down", b"NO [LIMIT] enough", b"BAD User is authenticated but not connected."])
def test_an_account_that_is_to_wait_is_not_asked_for_the_next_folder(words, serve, home):
    server = serve(type("Busy", (Refusing,), {"words": words}))
    for name in "ABC":
        server.add(name, MAILS[:3])
    home.configure(**server.account())
    home.fails(LATER, "sync")
    assert not any(b"C" in command.split()[1] for command in server.commands(b"EXAMINE"))
    assert bodies_here(home) == 3, "what came before is kept"


def test_the_last_good_run_is_what_status_tells_of(serve, home):
    server = serve()
    server.add("A", MAILS[:3])
    server.add("B", MAILS[:3])
    home.configure(**server.account())
    home.sync()
    before = select(home, "SELECT last_sync FROM accounts")
    with sqlite3.connect(home.store / "mail.db") as db:
        db.execute("UPDATE accounts SET last_sync = last_sync - 1000")
    server.session_class = Refusing
    leaves_out(home.run("sync"), " B: ")
    assert select(home, "SELECT last_sync FROM accounts") == [(before[0][0] - 1000,)]
    assert "could not be brought here" in home.run("status").out


def test_a_refused_folder_keeps_its_rows_after_a_uidvalidity_change(serve, home):
    class Never(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if names(items, b"INTERNALDATE"):
                self.tagged(b"NO [SERVERBUG] not now")
            else:
                super().fetch(chosen, items, modifiers, wanted)

    server = serve()
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    ids = sorted(select(home, "SELECT id FROM messages"))
    box.renumber(5000)
    server.session_class = Never
    assert home.run("sync").status == LATER
    assert len(select(home, "SELECT id FROM messages")) == 12
    server.session_class = Session
    server.log.clear()
    home.sync()
    assert bodies_sent(server) == 0
    assert sorted(select(home, "SELECT id FROM messages")) == ids


def test_refused_messages_keep_the_old_rows_after_a_uidvalidity_change(serve, home):
    """Neither headers nor bodies are given: what the old rows are worth cannot be told."""
    class Never(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if names(items, b"BODY"):
                self.tagged(b"NO [SERVERBUG] not now")
            else:
                super().fetch(chosen, items, modifiers, wanted)

    server = serve()
    box = server.add("A", MAILS[:4])
    home.configure(**server.account())
    home.sync()
    ids = sorted(select(home, "SELECT id FROM messages"))
    box.renumber(5000)
    server.session_class = Never
    assert home.run("sync").status == LATER
    server.session_class = Session
    home.sync()
    assert sorted(select(home, "SELECT id FROM messages")) == ids
    assert tree(home)["A"] == wanted(box)


# A connection

def test_a_second_connection_that_breaks_does_not_stop_the_first(serve, home):
    """LOGIN is fine, then EXAMINE ends every connection but the oldest."""
    class OneOnly(Session):
        over = False

        def command(self, name, arguments, literals):
            alive = [each.number for each in self.server._sessions if each.user and not each.over]
            if self.user and name == b"EXAMINE" and self.number != min(alive):
                self.untagged(b"BYE [LIMIT] too many connections")
                raise scripted.Cut
            super().command(name, arguments, literals)

        def hang_up(self, reset=False):
            self.over = True
            super().hang_up(reset)

    server = serve(OneOnly)
    for name in "ABCDEF":
        server.add(name, [messages.random_message(name, index, size=300_000) for index in range(12)])
    home.configure(**server.account(connections=3))
    home.sync()
    assert bodies_here(home) == 72
    assert server._sessions[-1].number > 1, "there was one connection only"


def test_helpers_that_are_cut_give_their_work_back(serve, home):
    """Every connection but the first ends in the middle of the second body that it sends."""
    class Fragile(Session):
        sent = 0

        def outgoing(self, response):
            self.sent += b"BODY[] {" in response
            if self.sent == 2 and self.number == 2:
                self.send(response[:-1000])
                raise scripted.Cut
            return response

    server = serve(Fragile)
    for name in "ABCDEF":
        server.add(name, [messages.random_message(name, index, size=300_000) for index in range(12)])
    home.configure(**server.account(connections=3))
    home.sync()
    assert tree(home) == {name: wanted(server.box(name)) for name in "ABCDEF"}


def test_what_was_planned_comes_although_a_later_folder_ends_the_connection(serve, home):
    class Cutting(Session):
        def select(self, name, options, access):
            if name == b"C":
                raise scripted.Cut
            super().select(name, options, access)

    server = serve(Cutting)
    for name in "ABCD":
        server.add(name, MAILS[:3])
    home.configure(**server.account())
    home.fails(69, "sync", mentions="C")
    assert bodies_here(home) == 6


def test_a_connection_that_is_lost_once_is_replaced(serve, home):
    class Expiring(Session):
        def fetch_one(self, number, mail, items):
            if mail.uid == 6 and is_for_bodies(items) and not self.server.expired:
                self.server.expired = True
                self.untagged(b"BYE Session expired, please login again.")
                raise scripted.Cut
            super().fetch_one(number, mail, items)

    server = serve(Expiring)
    server.expired = False
    server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    assert server.expired
    assert bodies_sent(server) == len(MAILS), "what had come was fetched again"
    assert tree(home)["A"] == wanted(server.box("A"))


def test_a_server_that_ends_every_connection_is_given_up_soon(serve, home):
    class Cutting(Session):
        def outgoing(self, response):
            if b"BODY[] {" in response:
                self.send(response[:-100])
                raise scripted.Cut
            return response

    server = serve(Cutting)
    server.add("A", MAILS)
    server.add("B", MAILS)
    home.configure(**server.account(connections=1))
    home.fails(69, "sync", mentions=["localhost", "closed the connection"])
    assert len(server._sessions) == 3
    server.session_class = Session
    home.sync()
    assert tree(home) == {name: wanted(server.box(name)) for name in "AB"}


def test_a_connection_that_headers_always_end_still_brings_bodies(serve, home):
    class Headers(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if names(items, b"BODY.PEEK[HEADER]"):
                raise scripted.Cut
            super().fetch(chosen, items, modifiers, wanted)

    server = serve()
    server.add("A", MAILS)
    home.configure(**server.account(connections=1))
    home.sync()
    server.session_class = Headers
    server.add("B", MAILS)
    home.sync()
    assert tree(home) == {name: wanted(server.box(name)) for name in "AB"}


# A message

class Poison(Session):
    """The connection ends at some messages of A: cut in the middle, or by an announcement that cannot be believed."""
    uids, how = (4,), "cut"

    def fetch_one(self, number, mail, items):
        if mail.uid in self.uids and self.box.name == b"A" and is_for_bodies(items):
            if self.how == "huge":
                self.send(b"* %d FETCH (UID %d BODY[] {4294967296}\r\n" % (number, mail.uid) + b"x" * 1000)
            elif self.how == "half":
                self.send(b"* %d FETCH (UID %d BODY[] {5000}\r\n" % (number, mail.uid) + b"x" * 1000)
            raise scripted.Cut
        super().fetch_one(number, mail, items)


@pytest.mark.parametrize("how", ["cut", "half", "huge"])
def test_a_message_that_ends_the_connection_blocks_no_other(how, serve, home):
    server = serve(type("Cutting", (Poison,), {"how": how}))
    server.add("A", MAILS)
    server.add("B", MAILS[:3])
    home.configure(**server.account(connections=1))
    leaves_out(home.run("sync"), "test: A: UID 4: ")
    assert tree(home) == {"A": wanted(server.box("A"), 4), "B": wanted(server.box("B"))}
    server.log.clear()
    leaves_out(home.run("sync"), "test: A: UID 4: ")
    assert bodies_sent(server) == (how != "cut") * 2, "others were fetched again"
    server.session_class = Session
    home.sync()
    assert tree(home)["A"] == wanted(server.box("A"))


def test_a_message_that_ends_a_helpers_connection_blocks_no_other(serve, home):
    server = serve(Poison)
    for name in "ABCD":
        server.add(name, [messages.random_message(name, index, size=200_000) for index in range(12)])
    home.configure(**server.account(connections=3))
    leaves_out(home.run("sync"), "test: A: UID 4: ")
    assert tree(home) == {name: wanted(server.box(name), *[4] * (name == "A")) for name in "ABCD"}


def test_several_such_messages_in_a_row_keep_none_behind_them(serve, home):
    server = serve(type("Cutting", (Poison,), {"uids": (1, 2, 3, 4)}))
    server.add("A", MAILS)
    server.add("B", [messages.message("other\n")])
    home.configure(**server.account(connections=1))
    for _ in range(2):
        assert home.run("sync").status in (69, LATER)
    assert tree(home) == {"A": wanted(server.box("A"), 1, 2, 3, 4), "B": wanted(server.box("B"))}
    server.session_class = Session
    home.sync()
    assert tree(home)["A"] == wanted(server.box("A"))


def test_throttling_stops_the_asking(serve, home):
    class Throttled(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if is_for_bodies(items):
                self.tagged(b"NO [THROTTLED] Account exceeded command or bandwidth limits.")
            else:
                super().fetch(chosen, items, modifiers, wanted)

    server = serve(Throttled)
    server.add("A", MAILS)
    server.add("B", MAILS[:3])
    home.configure(**server.account(connections=1))
    home.fails(LATER, "sync", mentions="bandwidth limits")
    assert len([command for command in server.commands(b"UID FETCH") if b"BODY.PEEK[]" in command]) == 1


@pytest.mark.parametrize("empty", [b'""', b"{0}\r\n"], ids=["quoted", "literal"])
@pytest.mark.parametrize("times", [1, 1000], ids=["once", "always"])
def test_an_empty_body_counts_when_it_is_empty_again(empty, times, serve, home):
    """A server that has trouble reading a message may say that it is empty; RFC822.SIZE tells otherwise."""
    class Empty(Session):
        def fetch_item(self, mail, item):
            if item.upper() == b"BODY.PEEK[]" and mail.uid == 4 and self.server.left > 0:
                self.server.left -= 1
                return b"BODY[] " + empty
            return super().fetch_item(mail, item)

    server = serve(Empty)
    server.left = times
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    assert tree(home)["A"] == (wanted(box) if times == 1 else wanted(box) | {4: b""})
    server.log.clear()
    home.sync()
    assert not any(b"BODY.PEEK[]" in command for command in server.commands(b"UID FETCH"))


class Leaving(Session):
    """Message 4 is there when the folder is looked at, and not given.  @gone: SEARCH does not show it any more."""
    gone, answer = True, b"OK done"

    def fetch(self, chosen, items, modifiers, wanted):
        if is_for_bodies(items):
            chosen = [pair for pair in chosen if pair[1].uid != 4]
            if self.gone:
                self.box.expunge(4)
        super().fetch(chosen, items, modifiers, wanted)


@pytest.mark.parametrize("capability", [REV1, CONDSTORE, QRESYNC], ids=["rev1", "condstore", "qresync"])
def test_a_message_that_goes_before_its_body_comes_is_nothing_to_warn_of(capability, serve, home):
    server = serve(Leaving, capability=capability)
    box = server.add("A", MAILS)
    home.configure(**server.account())
    done = home.sync()
    assert not done.err, str(done)
    assert {uid for uid, in select(home, "SELECT uid FROM messages")} == set(wanted(box))
    assert tree(home)["A"] == wanted(box)


def test_a_message_that_is_still_there_and_not_given_is_left_out(serve, home):
    server = serve(type("Keeping", (Leaving,), {"gone": False}))
    box = server.add("A", MAILS)
    home.configure(**server.account())
    leaves_out(home.run("sync"), "test: A: UID 4: ")
    assert tree(home)["A"] == wanted(box, 4)
    server.session_class = Session
    home.sync()
    assert tree(home)["A"] == wanted(box)


@pytest.mark.parametrize("how", ["refused", "silent", "damaged"])
def test_a_search_that_tells_nothing_removes_nothing(how, serve, home):
    class Silent(Leaving):
        gone = False

        def search(self, criteria, by_uid):
            if how == "damaged":
                self.untagged(b"SEARCH 1 x")
            self.tagged(b"NO not now" if how == "refused" else b"OK done")

    server = serve(Silent)
    server.add("A", MAILS)
    home.configure(**server.account())
    leaves_out(home.run("sync"), "test: A: UID 4: ")
    assert len(select(home, "SELECT 1 FROM messages")) == 12


# The disk

class Slow(Session):
    """Batches are committed every two seconds, so that people see what is here: here the one before this message is."""
    uid = None

    def fetch_one(self, number, mail, items):
        if mail.uid == self.uid and is_for_bodies(items):
            time.sleep(2.1)
        super().fetch_one(number, mail, items)


def test_what_could_not_be_made_durable_is_not_shown(serve, home):
    """It is when the run has ended, and everything there is to commit is committed."""
    server = serve(Slow)
    server.add("INBOX", [messages.random_message("large", index, size=100_000) for index in range(7)])
    home.configure(**server.account(connections=1))
    home.sync()
    used = sum(path.stat().st_size for path in (home.store / "bodies").iterdir())
    for mail in MAILS[:3]:
        server.box("INBOX").add(mail)
    server.session_class = type("SlowAtLast", (Slow,), {"uid": 9})
    done = home.run("sync", limit_file_bytes=used + 100)
    assert done.status == IO and "File too large" in done.err, str(done)
    assert bodies_here(home) == 7
    server.session_class = Session
    home.sync()
    assert tree(home) == {"INBOX": wanted(server.box("INBOX"))}
