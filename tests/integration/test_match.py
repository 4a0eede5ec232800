"""What is here already is not downloaded again, and never taken for what it is not: messages of one id, one header or one
size and date, in other folders and after a UIDVALIDITY change."""
import sqlite3
import threading

import pytest
from lib import messages
from lib.scripted import QRESYNC, REV1, Session

pytestmark = pytest.mark.usefixtures("fuse")
MAILS = [messages.random_message("match", index) for index in range(12)]


def tree(home):
    with home.mount() as mount:
        return mount.messages()


def want(box):
    return {mail.uid: mail.raw for mail in box.mails}


def bodies(server):
    """How many were sent."""
    return sum(b"BODY[] {" in line for _, who, line in list(server.log) if who == "S")


def rows(home, sql):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql).fetchall()


def ids(home):
    """{bytes' hash: id of the row}: what inode numbers are made of."""
    return dict(rows(home, "SELECT b.sha256, m.id FROM messages m JOIN bodies b ON b.id = m.body"))


def is_body(items):
    return any(item.upper().startswith(b"BODY.PEEK[]") for item in (items if isinstance(items, list) else [items]))


# What is no proof


def test_emailids_that_repeat_do_not_swap_bodies(serve, home):
    server = serve(capability=REV1 + " OBJECTID")
    for name, mails in ("A", MAILS), ("B", MAILS[::-1]):
        box = server.add(name)
        for raw in mails:
            box.add(raw, extra={b"EMAILID": b"(M1)"})
    home.configure(**server.account())
    home.sync()
    assert tree(home) == {name: want(server.box(name)) for name in "AB"}


def test_an_emailid_with_another_size_is_another_message(serve, home):
    server = serve(capability=REV1 + " OBJECTID")
    server.add("A").add(messages.message("one\n"), extra={b"EMAILID": b"(M1)"})
    home.configure(**server.account())
    home.sync()
    server.add("B").add(messages.message("another\n"), extra={b"EMAILID": b"(M1)"})
    home.sync()
    assert tree(home) == {name: want(server.box(name)) for name in "AB"}


def test_a_message_in_two_labels_is_downloaded_once(serve, home):
    """The sizes are equal but nothing else: INTERNALDATE may differ, and the header is not asked for."""
    server = serve(capability=REV1 + " OBJECTID")
    server.add("A").add(MAILS[0], extra={b"EMAILID": b"(M1)"})
    home.configure(**server.account())
    home.sync()
    server.add("B").add(MAILS[0], extra={b"EMAILID": b"(M1)"}, when=messages.BASE_TIME + 5)
    server.log.clear()
    home.sync()
    assert tree(home) == {name: want(server.box(name)) for name in "AB"}
    assert bodies(server) == 0 and not any(b"[HEADER]" in line for line in server.commands())


def test_equal_headers_without_a_message_id_prove_nothing(serve, home):
    """Of two reports of a cron job."""
    head = b"From: job@example.org\r\nSubject: result\r\n\r\n"
    server = serve()
    server.add("A", [head + b"disk 1 is fine\r\n"])
    home.configure(**server.account())
    home.sync()
    server.add("B", [head + b"disk 2 failed!\r\n"])
    home.sync()
    assert tree(home) == {name: want(server.box(name)) for name in "AB"}


def test_a_header_that_two_bodies_have_proves_nothing(serve, home):
    """With a Message-ID; which of the two the third is cannot be told from its header."""
    first, second = (messages.message(text, message_id="same@example.org") for text in ("one\n", "two\n"))
    server = serve()
    server.add("A", [first, second])
    home.configure(**server.account())
    home.sync()
    server.add("B", [second, first])
    home.sync()
    assert tree(home) == {name: want(server.box(name)) for name in "AB"}


def test_sizes_that_are_not_told_prove_nothing(serve, home):
    class Sizeless(Session):
        def fetch_item(self, mail, item):
            return b"RFC822.SIZE 0" if item.upper() == b"RFC822.SIZE" else super().fetch_item(mail, item)
    server = serve(Sizeless)
    server.add("A", [messages.message("short\n", message_id="same@example.org")])
    home.configure(**server.account())
    home.sync()
    server.add("B", [messages.message("quite a bit longer\n", message_id="same@example.org")])
    home.sync()
    assert tree(home) == {name: want(server.box(name)) for name in "AB"}


# A new UIDVALIDITY


def test_two_jobs_do_not_take_the_same_old_row(serve, home):
    """Identical messages in two jobs, whose workers ask for headers at the same time."""
    class Meeting(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if self.server.meet and any(b"[HEADER]" in item.upper() for item in items):
                self.server.lock.release()
                try:
                    self.server.meet.wait(10)
                except threading.BrokenBarrierError:
                    pass
                finally:
                    self.server.lock.acquire()
            super().fetch(chosen, items, modifiers, wanted)

    server = serve(Meeting, capability=QRESYNC)
    server.meet = None
    box = server.add("A")
    twin = messages.message("twin\n", subject="twin")
    box.add(twin)
    for index in range(1198):
        box.add(messages.message(f"{index}\n", subject=f"s{index}"), when=messages.BASE_TIME + 60 + index)
    box.add(twin)
    home.configure(**server.account(connections=2))
    home.sync()
    before = rows(home, "SELECT id FROM messages ORDER BY id")
    box.renumber(5000)
    server.meet = threading.Barrier(2)
    server.log.clear()
    home.sync()
    server.meet = None
    assert tree(home)["A"] == want(box)
    assert rows(home, "SELECT id FROM messages ORDER BY id") == before
    assert bodies(server) == 0


def test_what_has_to_be_downloaded_again_keeps_its_inode(serve, home):
    """Without Message-IDs: the bytes tell in the end."""
    head = b"From: job@example.org\r\nSubject: result\r\n\r\n"
    server = serve()
    box = server.add("A", [head + b"disk 1 is fine\r\n", head + b"disk 2 failed!\r\n"])
    home.configure(**server.account())
    home.sync()
    before = ids(home)
    box.mails.reverse()
    box.renumber(77)
    home.sync()
    assert tree(home)["A"] == want(box)
    assert ids(home) == before


def test_names_after_a_new_uidvalidity_are_those_of_a_fresh_store(serve, home):
    server = serve()
    box = server.add("A", [messages.message(f"{index}\n", subject="nightly", message_id=f"{index}@x") for index in range(6)])
    home.configure(**server.account())
    home.sync()
    before = ids(home)
    with home.mount() as mount:
        old = {mount.files()["A"][uid].name for uid in range(1, 6)}
        box.expunge(1)
        box.renumber(77)
        home.sync()
        files = mount.files()["A"]
        assert {path.name for path in files.values()} == old # each is another message's now
        assert {uid: path.read_bytes() for uid, path in files.items()} == want(box)
    after = ids(home)
    assert after == {sha256: before[sha256] for sha256 in after} and len(after) == 5


def test_a_message_that_is_never_given_keeps_no_ghosts(serve, home):
    """One body can never be had, two messages have gone."""
    class Refusing(Session):
        def fetch(self, chosen, items, modifiers, wanted):
            if is_body(items):
                chosen = [pair for pair in chosen if pair[1].raw is not self.server.bad]
            super().fetch(chosen, items, modifiers, wanted)
    server = serve(Refusing)
    server.bad = None
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    server.bad = messages.message("new and bad\n", subject="bad")
    box.add(server.bad)
    box.expunge(1, 2)
    box.renumber(99)
    home.run("sync")
    assert tree(home)["A"] == {uid: raw for uid, raw in want(box).items() if raw is not server.bad}


# Cost


def test_many_messages_of_one_size_and_date_cost_little(serve, home):
    """Each is compared with the few whose header is equal, not with all."""
    server = serve()
    for name in "AB":
        server.add(name, [messages.message(f"{name}{index:04}\n", subject=f"s{index:04}") for index in range(1000)])
    home.configure(**server.account(connections=1))
    first = home.sync(measure=True)
    for mail in server.box("A").mails + server.box("B").mails:
        assert len(mail.raw) == len(server.box("A").mails[0].raw)
    box = server.add("C", [mail.raw for mail in server.box("A").mails[::2] + server.box("B").mails[::2]])
    server.log.clear()
    second = home.sync(measure=True)
    assert second.peak_kb < first.peak_kb + 16 * 1024
    assert bodies(server) == 0
    with home.mount() as mount:
        assert mount.messages()["C"] == want(box)
