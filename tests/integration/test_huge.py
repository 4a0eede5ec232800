"""Folders with more messages than anybody wants in memory."""
import os
import sqlite3
import time

import pytest
from lib.account import Message
from lib.messages import BASE_TIME
from lib.scripted import CONDSTORE, QRESYNC, Session

PLANNED_AT_ONCE = 10_000


def query(home, sql):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql).fetchall()


def small(number):
    return b"From: a@example.org\r\nSubject: %d\r\nMessage-ID: <%d@example.org>\r\n\r\nNumber %d.\r\n" % (number, number, number)


def test_all_of_a_folder_come_though_they_are_not_planned_at_once(remote, home):
    count = 2 * PLANNED_AT_ONCE + 1234
    with remote.connect() as account:
        account.create("Huge", "Other")
        account.append("Huge", [small(number) for number in range(count)])
        account.append("Other", [small(number) for number in range(count, count + 10)])
        home.configure(**remote.keys())
        home.sync(timeout=300)
        found = dict(query(home, "SELECT x.name, count(body) FROM messages m JOIN mailboxes x ON x.id = m.mailbox GROUP BY x.name"))
        assert found == {"Huge": count, "Other": 10}
        assert query(home, "SELECT count(*) FROM messages WHERE body IS NULL OR name IS NULL") == [(0,)]


def test_headers_and_bodies_of_a_folder_that_is_not_planned_at_once(remote, home):
    """First only headers are kept, and half of the bodies; then all are wanted."""
    count = PLANNED_AT_ONCE + 2500
    now = int(time.time())
    with remote.connect() as account:
        account.create("Huge")
        account.append("Huge", [Message(small(number), when=BASE_TIME if number % 2 else now) for number in range(count)])
        home.configure(**remote.keys(), bodies="30d")
        home.sync(timeout=300)
        assert query(home, "SELECT count(body), count(header) FROM messages") == [(count - count // 2, count // 2)]
        home.config.write_text(home.config.read_text().replace("bodies = 30d", "bodies = all"))
        home.sync(timeout=300)
        assert query(home, "SELECT count(body) FROM messages") == [(count,)]
        home.config.write_text(home.config.read_text().replace("bodies = all", "bodies = headers"))
        home.sync(timeout=300)
        home.config.write_text(home.config.read_text().replace("bodies = headers", "bodies = all"))
        home.sync(timeout=300)
        assert query(home, "SELECT count(body) FROM messages WHERE body IS NOT NULL") == [(count,)]


class Vast(Session):
    """INBOX has server.count messages, all alike, none of which it gives."""

    def select_untagged(self, box):
        count = self.server.count
        self.untagged(b"%d EXISTS" % count)
        self.untagged(b"OK [UIDVALIDITY 1] it is")
        self.untagged(b"OK [UIDNEXT %d] it is" % (count + 1))
        self.untagged(b"OK [HIGHESTMODSEQ 5] it is")

    def select_changes(self, box, uidvalidity, modseq, *_):
        pass

    def do_UID_FETCH(self, uids, items, modifiers=()):
        if b"INTERNALDATE" not in items and b"FLAGS" not in items:
            self.tagged(b"NO [LIMIT] enough for today")
            return
        first, _, last = uids.partition(b":")
        last = self.server.count if last == b"*" else int(last)
        kept = b' INTERNALDATE "13-Sep-2020 12:26:40 +0000" RFC822.SIZE 3000' if b"INTERNALDATE" in items else b""
        for begin in range(int(first), last + 1, 1000):
            self.send(b"".join(b"* %d FETCH (UID %d FLAGS (\\Seen $Label%d)%s MODSEQ (3))\r\n" % (uid, uid, uid % 50, kept)
                               for uid in range(begin, min(begin + 1000, last + 1))))
        self.tagged(b"OK done")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("capability", [QRESYNC, CONDSTORE], ids=["qresync", "condstore"])
def test_memory_does_not_grow_with_the_folder(capability, serve, home, full):
    """What is known of a million messages that are yet to come, and comparing them."""
    server = serve(Vast, capability=capability)
    server.count = 1_000_000 if full else 200_000
    home.configure(**server.account(connections=2))
    for _ in range(2):
        done = home.run("sync", timeout=900, measure=True)
        assert done.status == 75, str(done)
        assert query(home, "SELECT count(*) FROM messages") == [(server.count,)]
        if not os.environ.get("MAILTREE_SANITIZED"):
            assert done.peak_kb < (64 if full else 30) * 1024
