"""What a server says wrongly, or leaves out, about one mailbox: nothing is lost by it, and nothing stays wrong."""
import re
import sqlite3

import pytest
from lib import messages, scripted
from lib.scripted import QRESYNC, REV1, Session

pytestmark = pytest.mark.usefixtures("fuse")
MAILS = [messages.random_message("engine", index) for index in range(12)]


def is_body(items):
    return any(item.upper().startswith(b"BODY.PEEK[]") for item in (items if isinstance(items, list) else [items]))


def is_meta(items):
    return any(item.upper() == b"INTERNALDATE" for item in (items if isinstance(items, list) else [items]))


def tree(home):
    with home.mount() as mount:
        return mount.messages()


def want(box):
    return {mail.uid: mail.raw for mail in box.mails}


def rows(home, sql, *args):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql, args).fetchall()


@pytest.mark.parametrize("what", ["exists-0", "exists-missing", "exists-nonsense"])
@pytest.mark.parametrize("capability", [REV1, QRESYNC], ids=["rev1", "qresync"])
def test_a_wrong_exists_removes_nothing(what, capability, serve, home):
    class Lying(Session):
        def outgoing(self, response):
            if self.server.lies and re.match(rb"\* \d+ EXISTS", response):
                return {"exists-0": b"* 0 EXISTS\r\n", "exists-missing": b"", "exists-nonsense": b"* 9.37e+06 EXISTS\r\n"}[what]
            return response
    server = serve(Lying, capability=capability)
    server.lies = False
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    ids = rows(home, "SELECT uid, id FROM messages ORDER BY uid")
    server.lies = True
    box.set_flags(5, "\\Seen")
    home.run("sync")
    server.lies = False
    print("rows after the lie", len(rows(home, "SELECT 1 FROM messages")))
    home.sync()
    print("rows after a good run", len(rows(home, "SELECT 1 FROM messages")))
    home.sync()
    assert len(rows(home, "SELECT 1 FROM messages")) == 12, "messages stay away for ever"
    assert rows(home, "SELECT uid, id FROM messages ORDER BY uid") == ids, "inodes were lost"


@pytest.mark.parametrize("how", ["omitted", "no-uid", "no-date-then-refused"])
def test_metadata_left_out_of_the_first_fetch_is_asked_for_again(how, serve, home):
    class Omitting(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if self.server.omit and is_meta(items):
                if how == "no-date-then-refused" and self.server.omit == 2:
                    self.tagged(b"NO [SERVERBUG]")
                    return
                if how == "omitted":
                    chosen = [pair for pair in chosen if pair[1].uid != 4]
                self.server.omit = 2
            super().fetch(chosen, items, modifiers, wanted)

        def fetch_item(self, mail, item):
            if self.server.omit and mail.uid == 4:
                if item.upper() == b"UID" and how == "no-uid":
                    return b"UID 99999999999"
                if item.upper() == b"INTERNALDATE" and how == "no-date-then-refused":
                    return b'INTERNALDATE "soon"'
            return super().fetch_item(mail, item)
    server = serve(Omitting, capability=QRESYNC)
    server.omit = 1
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.run("sync")
    server.omit = 0
    for _ in range(3):
        home.run("sync")
    assert set(tree(home)["A"]) == set(want(box))


def test_doubt_survives_a_cut(serve, home):
    """QRESYNC told too little, the counts differ, the comparison is cut off: the next run must still compare."""
    class Forgetful(Session):
        def vanished(self, box, modseq, wanted):
            if not self.server.forget:
                super().vanished(box, modseq, wanted)

        def fetch(self, chosen, items, modifiers, wanted):
            if self.server.forget and not is_meta(items) and not is_body(items):
                raise scripted.Cut
            super().fetch(chosen, items, modifiers, wanted)
    server = serve(Forgetful, capability=QRESYNC)
    server.forget = False
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    box.expunge(3)
    box.set_flags(5, "\\Seen")
    server.forget = True
    assert home.run("sync").status == 69
    server.forget = False
    for _ in range(2):
        home.sync()
    assert set(tree(home)["A"]) == set(want(box))


def test_a_vanished_that_is_left_out_is_noticed(serve, home):
    class Forgetful(Session):
        def vanished(self, box, modseq, wanted):
            pass
    server = serve(Forgetful, capability=QRESYNC)
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    box.expunge(3)
    for _ in range(3):
        home.sync()
    assert set(tree(home)["A"]) == set(want(box))


def test_highestmodseq_that_goes_back_means_comparing(serve, home):
    server = serve(capability=QRESYNC)
    box = server.add("A", MAILS)
    for uid in range(1, 13):
        box.set_flags(uid, "$x")
    home.configure(**server.account())
    home.sync()
    # indexes rebuilt: mod-sequences begin anew, UIDVALIDITY and UIDs stay
    box.modseq = 1
    box.gone = {}
    box.mails = [mail for mail in box.mails if mail.uid not in (3, 7)]
    for mail in box.mails:
        mail.modseq = 1
        mail.flags = {"\\Seen"} if mail.uid == 5 else mail.flags
    for _ in range(3):
        home.sync()
    assert set(tree(home)["A"]) == set(want(box))
    assert rows(home, "SELECT base_flags FROM messages WHERE uid = 5") == [("\\Seen",)]


@pytest.mark.parametrize("capability", [REV1, QRESYNC], ids=["rev1", "qresync"])
def test_a_uidnext_once_far_too_high_hides_nothing(capability, serve, home):
    class High(Session):
        def outgoing(self, response):
            return re.sub(rb"UIDNEXT \d+", b"UIDNEXT 1000000", response) if self.server.lies else response
    server = serve(High, capability=capability)
    server.lies = True
    box = server.add("A")
    home.configure(**server.account())
    home.sync()
    server.lies = False
    for raw in MAILS:
        box.add(raw)
    home.run("sync")
    first = len(rows(home, "SELECT 1 FROM messages"))
    home.run("sync")
    print("after one run", first)
    assert set(tree(home)["A"]) == set(want(box))
    assert first == 12


def test_a_folder_that_counts_messages_and_shows_none_stops_no_other(serve, home):
    class Phantom(Session):
        def outgoing(self, response):
            return re.sub(rb"^\* (\d+) EXISTS", lambda m: b"* %d EXISTS" % (int(m.group(1)) + 3), response)
    server = serve(Phantom)
    box = server.add("A", MAILS[:3])
    server.add("B", MAILS[:2])
    home.configure(**server.account())
    home.sync()
    box.expunge(1, 2, 3)
    server.box("B").add(MAILS[5])
    done = home.run("sync")
    print(done)
    found = tree(home)
    assert found["B"] == want(server.box("B")), "another folder was stopped"
    assert found.get("A", {}) == {}


def test_metadata_of_one_message_refused_stops_no_other(serve, home):
    class Refused(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if is_meta(items) and any(mail.uid == 4 for _, mail in chosen):
                for number, mail in chosen:
                    if mail.uid != 4:
                        self.fetch_one(number, mail, items)
                self.tagged(b"NO does not have a message with UID 4")
                return
            super().fetch(chosen, items, modifiers, wanted)
    server = serve(Refused)
    server.add("A", MAILS)
    home.configure(**server.account())
    for _ in range(2):
        done = home.run("sync")
    print(done)
    assert len(tree(home).get("A", {})) == 11


def test_a_search_answer_of_all_uids_does_not_stall(serve, home):
    class All(Session):
        def search(self, criteria, by_uid):
            self.untagged(b"SEARCH 1:4294967295")
            self.tagged(b"OK done")

        def outgoing(self, response):
            return re.sub(rb"^\* (\d+) EXISTS", lambda m: b"* %d EXISTS" % (int(m.group(1)) + 3), response)
    server = serve(All)
    server.add("A", MAILS[:3])
    home.configure(**server.account())
    home.run("sync")
    done = home.run("sync", timeout=300)
    print(done.seconds)
    assert done.seconds < 10


def test_flags_whose_hashes_are_equal(serve, home):
    server = serve()
    box = server.add("A", MAILS[:2])
    box.set_flags(1, "aR")
    home.configure(**server.account())
    home.sync()
    box.set_flags(1, "b1")
    home.sync()
    assert rows(home, "SELECT base_flags FROM messages WHERE uid = 1") == [("b1",)]


def test_flags_of_the_folder_before_do_not_land_in_the_next(serve, home):
    class Late(Session):
        def select_untagged(self, box):
            if box.name == b"B":
                self.send(b"* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\n") # of A, which is still selected
            super().select_untagged(box)
    server = serve(Late)
    server.add("A", MAILS[:3])
    server.add("B", MAILS[:3])
    home.configure(**server.account())
    for _ in range(3):
        home.sync()
        assert rows(home, "SELECT m.base_flags FROM messages m JOIN mailboxes b ON b.id = m.mailbox WHERE b.name = 'B' AND uid = 1") == [("",)]


def test_an_unasked_fetch_during_the_second_asking_gets_its_date(serve, home):
    class Late(Session):
        n = 0
        def fetch(self, chosen, items, modifiers, wanted):
            if self.server.bad and any(i.upper() == b"INTERNALDATE" for i in items):
                self.n += 1
                if self.n == 2:
                    self.server.bad = False
                    self.box.add(MAILS[5])
                    self.untagged(b"%d FETCH (UID %d FLAGS ())" % (len(self.box.mails), self.box.uidnext - 1))
            super().fetch(chosen, items, modifiers, wanted)
        def fetch_item(self, mail, item):
            if self.server.bad and mail.uid == 2 and item.upper() == b"INTERNALDATE":
                return b'INTERNALDATE "x"'
            return super().fetch_item(mail, item)
    server = serve(Late)
    server.bad = True
    server.add("A", MAILS[:3])
    home.configure(**server.account())
    home.run("sync"); home.run("sync")
    assert rows(home, "SELECT DISTINCT internaldate FROM messages") == [(messages.BASE_TIME,)]
