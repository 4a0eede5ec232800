"""Folders with more messages than anybody wants in memory."""
import os
import sqlite3
import time

import pytest
from lib.account import Message
from lib.messages import BASE_TIME
from lib.scripted import CONDSTORE, QRESYNC
from lib.scripted_vast import Vast

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
