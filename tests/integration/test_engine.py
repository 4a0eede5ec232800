"""What the engine does when a server lies, changes in the middle, or tells the same thing twice; and what it must not do
to what is here already."""
import re
import sqlite3

import pytest
from lib import messages, scripted
from lib.scripted import CONDSTORE, QRESYNC, REV1, Session

pytestmark = pytest.mark.usefixtures("fuse")

MAILS = [messages.random_message("engine", index) for index in range(12)]
ALL = [REV1, CONDSTORE, QRESYNC]


def is_for_bodies(items):
    return any(item.upper().startswith(b"BODY.PEEK[]") for item in (items if isinstance(items, list) else [items]))


def tree(home):
    with home.mount() as mount:
        return mount.messages()


def wanted(box):
    return {mail.uid: mail.raw for mail in box.mails}


def bodies_sent(server):
    return sum(b"BODY[] {" in line for _, who, line in server.log if who == "S")


def ids(home):
    """{UID: id of the row}, of which inodes are made."""
    with sqlite3.connect(home.store / "mail.db") as db:
        return dict(db.execute("SELECT uid, id FROM messages"))


@pytest.mark.parametrize("capability", ALL, ids=["rev1", "condstore", "qresync"])
def test_the_last_possible_uid_is_a_uid(capability, serve, home):
    server = serve(capability=capability)
    box = server.add("A", MAILS[:3])
    box.add(MAILS[3], uid=4294967294)
    box.add(MAILS[4], uid=4294967295)
    box.uidnext = 4294967295
    home.configure(**server.account())
    home.sync()
    assert tree(home)["A"] == wanted(box)
    box.expunge(2)
    box.set_flags(4294967295, "\\Seen")
    home.sync()
    assert tree(home)["A"] == wanted(box)
    box.expunge(4294967295)
    home.sync()
    assert tree(home)["A"] == wanted(box)


@pytest.mark.parametrize("size", [4294967296, 2**63 - 1, 2**63, 2**64])
def test_an_absurd_size_is_only_a_hint(size, serve, home):
    class Huge(Session):
        def fetch_item(self, mail, item):
            return b"RFC822.SIZE %d" % size if item.upper() == b"RFC822.SIZE" else super().fetch_item(mail, item)

    server = serve(Huge)
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    assert tree(home)["A"] == wanted(box)


def test_a_date_and_a_size_that_never_come_cost_no_message(serve, home):
    class Bare(Session):
        def fetch_item(self, mail, item):
            return None if item.upper() in (b"INTERNALDATE", b"RFC822.SIZE") else super().fetch_item(mail, item)

    server = serve(Bare, capability=QRESYNC)
    box = server.add("A", MAILS)
    server.add("B", MAILS[6:])
    home.configure(**server.account())
    home.sync()
    assert tree(home) == {"A": wanted(box), "B": wanted(server.box("B"))}


def test_bodies_that_nobody_asked_for_are_dropped(serve, home):
    """Of UIDs that are unknown, without a UID, and twice with other bytes: the first that was asked for counts."""
    class Generous(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if is_for_bodies(items):
                self.untagged(b"1 FETCH (UID 77 BODY[] {5}\r\nother)")
                self.untagged(b"2 FETCH (BODY[] {5}\r\nnoUID)")
                self.untagged(b"1 FETCH (UID 1 FLAGS (\\Seen))")
                for number, mail in chosen:
                    self.fetch_one(number, mail, items)
                    self.untagged(b"%d FETCH (UID %d BODY[] {5}\r\nagain)" % (number, mail.uid))
                chosen = []
            super().fetch(chosen, items, modifiers, wanted)

    server = serve(Generous)
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    home.sync()
    assert tree(home)["A"] == wanted(box)


def test_a_message_that_goes_between_its_metadata_and_its_body(serve, home):
    class Expunging(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if is_for_bodies(items) and any(mail.uid == 4 for mail in self.box.mails):
                self.box.expunge(4)
                chosen = [pair for pair in chosen if pair[1].uid != 4]
            super().fetch(chosen, items, modifiers, wanted)

    server = serve(Expunging, capability=QRESYNC)
    box = server.add("A", MAILS)
    home.configure(**server.account())
    assert home.run("sync").status == 0
    assert tree(home)["A"] == wanted(box)
    home.sync()
    assert set(ids(home)) == set(wanted(box)), "a row without a message stays behind"


@pytest.mark.parametrize("capability", ALL, ids=["rev1", "condstore", "qresync"])
def test_a_uidvalidity_that_changes_before_the_bodies_come(capability, serve, home):
    """The connection that is opened anew finds another UIDVALIDITY than the one the metadata was of."""
    class Changing(Session):
        def fetch_one(self, number, mail, items):
            if is_for_bodies(items) and mail.uid == 4 and self.server.once:
                self.server.once = False
                self.box.renumber(7777)
                self.box.mails.reverse()
                for uid, mail in enumerate(self.box.mails, 1):
                    mail.uid = uid
                raise scripted.Cut
            super().fetch_one(number, mail, items)

    server = serve(Changing, capability=capability)
    server.once = True
    box = server.add("A", MAILS)
    before = wanted(box)
    server.add("B", [messages.message("other\n")])
    home.configure(**server.account(connections=1))
    assert home.run("sync").status == 75
    config = home.config.read_text()
    offline = config.replace(f"port = {server.port}", "port = 1") # a mount would go on where the run ended
    assert offline != config
    home.config.write_text(offline)
    found = [(uid, raw) for uid, raw in tree(home).get("A", {}).items() if raw not in (before[uid], wanted(box)[uid])]
    assert not found, "bytes under the wrong UID"
    home.config.write_text(config)
    home.sync()
    assert tree(home)["A"] == wanted(box)


@pytest.mark.parametrize("line", range(1, 40, 3))
def test_a_cut_anywhere_in_a_uidvalidity_change_loses_no_inode(line, serve, home):
    server = serve(capability=QRESYNC)
    box = server.add("A", MAILS[:4])
    home.configure(**server.account(connections=1))
    home.sync()
    before = ids(home)
    box.renumber(5000)
    server.cut_at_line = server.lines_out + line
    home.run("sync")
    server.mend()
    home.sync()
    assert tree(home)["A"] == wanted(box)
    assert ids(home) == before


def test_a_uidvalidity_that_changes_twice_before_it_is_settled(serve, home):
    server = serve()
    box = server.add("A", MAILS)
    home.configure(**server.account(connections=1))
    home.sync()
    before = ids(home)
    for validity in (5000, 6000):
        box.renumber(validity)
        server.cut_at_line = server.lines_out + 24 # in the metadata
        assert home.run("sync").status == 69
        server.mend()
    server.log.clear()
    home.sync()
    assert tree(home)["A"] == wanted(box)
    assert ids(home) == before
    assert bodies_sent(server) == 0


def test_twins_in_a_folder_survive_a_uidvalidity_change(serve, home):
    server = serve(capability=QRESYNC)
    box = server.add("A", [MAILS[0], MAILS[1], MAILS[0], MAILS[0]])
    home.configure(**server.account())
    home.sync()
    before = ids(home)
    box.renumber(5000)
    home.sync()
    assert tree(home)["A"] == wanted(box)
    assert sorted(ids(home).values()) == sorted(before.values())


def test_the_same_bytes_on_two_connections_at_once(serve, home):
    """Nothing tells beforehand that they are equal: dates and sizes differ."""
    class OtherSizes(Session):
        def fetch_item(self, mail, item):
            if item.upper() == b"RFC822.SIZE":
                return b"RFC822.SIZE %d" % (len(mail.raw) + len(self.box.name) * 1000 + mail.uid)
            return super().fetch_item(mail, item)

    server = serve(OtherSizes)
    big = [messages.random_message("big", index, size=400_000) for index in range(12)]
    for number, name in enumerate(["A", "BB", "CCC", "DDDD"]):
        box = server.add(name)
        for raw in big:
            box.add(raw, when=messages.BASE_TIME + number)
    home.configure(**server.account(connections=4))
    home.sync()
    assert all(found == dict(enumerate(big, 1)) for found in tree(home).values()) and len(tree(home)) == 4
    with sqlite3.connect(home.store / "mail.db") as db:
        assert db.execute("SELECT count(*) FROM bodies").fetchone() == (12,)


def test_a_server_that_lists_nothing_empties_nothing(serve, home):
    class Silent(Session):
        def list_boxes(self, kind, *arguments):
            if self.server.silent:
                self.tagged(b"OK done")
            else:
                super().list_boxes(kind, *arguments)

    server = serve(Silent)
    server.silent = False
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    before = ids(home)
    server.silent = True
    home.fails(76, "sync", mentions="no folders")
    assert ids(home) == before
    server.silent = False
    home.sync()
    assert tree(home)["A"] == wanted(box) and ids(home) == before


def test_fetch_that_shows_fewer_than_there_are_removes_nothing(serve, home):
    """EXISTS is right, the answer to FETCH lacks some: SEARCH is asked before anything is taken for gone."""
    class Lacking(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            super().fetch([pair for pair in chosen if pair[1].uid not in self.server.lacking], items, modifiers, wanted)

    server = serve(Lacking)
    server.lacking = ()
    server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    before = ids(home)
    server.lacking = (2, 3, 11)
    home.sync()
    assert ids(home) == before


def test_a_folder_that_takes_the_name_of_another(serve, home):
    server = serve(capability=QRESYNC)
    server.add("A", MAILS[:6], uidvalidity=1)
    other = server.add("B", MAILS[6:], uidvalidity=2)
    home.configure(**server.account())
    home.sync()
    del server.boxes[b"A"], server.boxes[b"B"]
    other.name = b"A"
    server.boxes[b"A"] = other
    home.sync()
    assert tree(home) == {"A": wanted(other)}
