"""bodies = all | Nd | headers: what is kept here, what is fetched when somebody reads it, and what that costs."""
import errno
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from lib import messages
from lib.headers import (MAILS, Gate, asked, configure, fails, fill, here, is_for_bodies, mounted, readable, rows, sent,
                         state, until)
from lib.program import SLOW, served
from lib.scripted import FULL, QRESYNC, REV1, Session

pytestmark = pytest.mark.usefixtures("fuse")
DAY = 24 * 3600


# What is kept


def test_headers_alone_are_fetched(serve, home):
    server = serve()
    fill(server)
    configure(home, server, "headers")
    home.sync()
    assert (sent(server, b""), sent(server, b"HEADER")) == (0, 6)
    assert here(home) == (set(), {1, 2, 3, 4, 5, 6})
    home.sync()
    assert sent(server, b"HEADER") == 6, "what is here is not asked for again"
    with home.mount() as mount:
        names = sorted(mount.files()["INBOX"].items())
        assert [uid for uid, _ in names] == [1, 2, 3, 4, 5, 6]
        assert all(f"visible{uid - 1} in the header" in path.name for uid, path in names)


def test_bodies_of_the_last_days_are_kept(serve, home):
    server = serve()
    now = int(time.time())
    fill(server, when=lambda index: now - index * 10 * DAY - 60)
    configure(home, server, "30d")
    home.sync()
    assert here(home) == ({1, 2, 3}, {4, 5, 6})
    assert (sent(server, b""), sent(server, b"HEADER")) == (3, 3)


@pytest.mark.parametrize("capability", [REV1, QRESYNC, FULL])
def test_another_policy_counts_from_the_next_run_on(capability, serve, home):
    server = serve(capability=capability)
    now = int(time.time())
    fill(server, when=lambda index: now - index * 10 * DAY - 60)
    for bodies, expected, fetched in ("all", ({1, 2, 3, 4, 5, 6}, set()), 6), ("headers", (set(), {1, 2, 3, 4, 5, 6}), 0), \
            ("15d", ({1, 2}, {3, 4, 5, 6}), 2), ("45d", ({1, 2, 3, 4, 5}, {6}), 3), ("25d", ({1, 2, 3}, {4, 5, 6}), 0), \
            ("all", ({1, 2, 3, 4, 5, 6}, set()), 3):
        before = sent(server, b"")
        configure(home, server, bodies)
        home.sync()
        assert here(home) == expected, bodies
        assert sent(server, b"") - before == fetched, bodies
    with home.mount() as mount:
        assert mount.messages()["INBOX"] == {mail.uid: mail.raw for mail in server.box("INBOX").mails}


def test_what_is_dropped_gives_its_space_back(serve, home):
    server = serve()
    box = server.add("INBOX")
    for index in range(8):
        box.add(messages.message("long line of text\n" * 20000, subject=f"s{index}"))
    configure(home, server, "all")
    home.sync()
    assert sum(path.stat().st_size for path in (home.store / "bodies").iterdir()) > 2_000_000
    configure(home, server, "headers")
    home.sync()
    assert sum(path.stat().st_size for path in (home.store / "bodies").iterdir()) < 20_000


def test_a_new_uidvalidity_keeps_rows_of_headers(serve, home):
    server = serve()
    box = fill(server)
    configure(home, server, "headers")
    home.sync()
    before = rows(home, "SELECT header, id FROM messages ORDER BY id")
    with box.changing():
        box.uidvalidity += 1
        for mail in box.mails:
            mail.uid += 100
        box.uidnext += 100
        box.mails.reverse()
        for index, mail in enumerate(box.mails):
            mail.uid = 101 + index
    home.sync()
    assert rows(home, "SELECT header, id FROM messages ORDER BY id") == before
    assert all(f"~{uid}.eml" in name for uid, name in rows(home, "SELECT uid, name FROM messages"))


# What is fetched on demand


@pytest.mark.parametrize("capability", [REV1, FULL])
def test_a_body_is_fetched_when_it_is_read(capability, serve, home):
    server = serve(capability=capability)
    box = fill(server)
    with mounted(home, server) as mount:
        path = mount.files()["INBOX"][3]
        assert state(path) == "remote"
        assert path.stat().st_size == len(MAILS[2])
        with path.open("rb") as file:
            os.fstat(file.fileno())
            assert sent(server, b"") == 0, "looking at it is not reading it"
            assert file.read() == MAILS[2]
        assert sent(server, b"") == 1
        assert state(path) == "cached"
        assert path.read_bytes() == MAILS[2]
        assert mount.messages()["INBOX"] == {mail.uid: mail.raw for mail in box.mails}
        assert sent(server, b"") == len(MAILS)
        home.sync()
        assert here(home)[0] == {1, 2, 3, 4, 5, 6}, "what was read just now stays"


def test_text_has_the_header_until_the_body_is_here(serve, home):
    server = serve()
    fill(server)
    with mounted(home, server) as mount:
        text = mount.files(view="text")["INBOX"][2]
        assert "visible1 in the header" in text.read_text(encoding="utf-8")
        assert "secret1" not in text.read_text(encoding="utf-8")
        assert sent(server, b"") == 0
        mount.files()["INBOX"][2].read_bytes()
        until(lambda: "secret1 in the body" in text.read_text(encoding="utf-8"), "the body in text/")
        assert text.stat().st_size == len(text.read_bytes())


class WrongSize(Session):
    """Says of every message that it is so much longer than it is."""
    wrong_by = 0

    def fetch_item(self, mail, item):
        if item.upper() == b"RFC822.SIZE":
            return b"RFC822.SIZE %d" % (len(mail.raw) + self.wrong_by)
        return super().fetch_item(mail, item)


@pytest.mark.parametrize("wrong_by", [-900, -7, 5, 10000])
@pytest.mark.parametrize("lines", [50, 5000])
def test_a_wrong_size_is_corrected_before_the_first_read(wrong_by, lines, serve, home):
    server = serve(type("Wrong", (WrongSize,), {"wrong_by": wrong_by}))
    raws = [messages.message("a line of the text\n" * lines, subject=f"s{index}") for index in range(3)]
    box = server.add("INBOX")
    for raw in raws:
        box.add(raw)
    with mounted(home, server) as mount:
        files = mount.files()["INBOX"]
        assert files[1].stat().st_size == len(raws[0]) + wrong_by
        with files[1].open("rb", buffering=0) as file:
            assert file.read(1) == raws[0][:1]
            assert os.fstat(file.fileno()).st_size == len(raws[0]), "after the first read"
        assert files[1].read_bytes() == raws[0]
        assert subprocess.run(["cat", files[2]], capture_output=True, check=True).stdout == raws[1]
        assert subprocess.run(["cp", files[3], home.store.parent / "copy"], check=True).returncode == 0
        assert (home.store.parent / "copy").read_bytes() == raws[2]


def test_a_slow_server_holds_up_nobody_else(serve, home):
    gate = threading.Event()
    server = serve(type("Slow", (Gate,), {"gate": gate}))
    fill(server)
    local = serve()
    local.add("INBOX").add(messages.message("is here\n"))
    home.configure(name="other", **local.account())
    home.configure(**server.account(), bodies="headers")
    with home.mount() as mount, ThreadPoolExecutor(40) as pool:
        home.sync()
        files = mount.files()["INBOX"]
        reads = [pool.submit(files[1 + index % 6].read_bytes) for index in range(36)]
        until(lambda: any(b"BODY.PEEK[]" in line for line in server.commands()), "it is asked for")
        other = mount.files("other")["INBOX"][1]
        assert b"is here" in other.read_bytes()
        assert "visible0" in mount.files(view="text")["INBOX"][1].read_text(encoding="utf-8")
        assert not any(read.done() for read in reads)
        gate.set()
        assert [read.result(60) for read in reads] == [MAILS[index % 6] for index in range(36)]
        assert sent(server, b"") == 6, "each once, however many wait"


def test_without_a_connection_reading_fails_at_once(serve, home):
    server = serve()
    fill(server)
    with mounted(home, server) as mount:
        files = mount.files()["INBOX"]
        here_already = files[1].read_bytes()
        server.dead = True
        server.drop()
        until(lambda: fails(files[2]) == errno.EHOSTUNREACH, "the connection is lost")
        began = time.monotonic()
        for uid in range(2, 7):
            assert fails(files[uid]) == errno.EHOSTUNREACH
        assert time.monotonic() - began < 10 * SLOW
        assert files[1].read_bytes() == here_already
        server.mend()
        home.sync()
        until(lambda: files[4].exists() and readable(files[4]), "it can be read again")


class Refuses(Session):
    def fetch(self, chosen, items, modifiers, wanted):
        if is_for_bodies(items):
            self.tagged(b"NO it cannot be read")
            return
        super().fetch(chosen, items, modifiers, wanted)


def test_a_failure_is_remembered_for_a_while(serve, home):
    server = serve(Refuses)
    fill(server)
    with mounted(home, server) as mount:
        path = mount.files()["INBOX"][1]
        assert fails(path) == errno.EIO
        before = asked(server)
        assert fails(path) == errno.EIO
        assert asked(server) == before


def test_a_message_that_has_gone_meanwhile(serve, home):
    server = serve(capability=REV1)
    box = fill(server)
    with mounted(home, server) as mount:
        path = mount.files()["INBOX"][1]
        box.expunge(1)
        assert fails(path) in (errno.ENOENT, errno.EIO)
        until(lambda: 1 not in mount.files()["INBOX"], "it goes here too")


def test_new_mail_comes_as_a_header(serve, home):
    server = serve(capability=FULL)
    box = fill(server)
    with mounted(home, server) as mount:
        box.add(messages.message("secret\n", subject="new one"))
        until(lambda: 7 in mount.files()["INBOX"], "new mail")
        assert sent(server, b"") == 0
        assert b"secret" in mount.files()["INBOX"][7].read_bytes()


def test_a_whole_tree_on_dovecot(remote, home):
    raws = [messages.random_message("remote", index) for index in range(25)]
    with remote.connect() as account:
        account.create("A", "A/B")
        for folder in ("INBOX", "A", "A/B"):
            account.append(folder, raws)
        expected = served(account)
    home.configure(**remote.keys(), bodies="headers")
    with home.mount() as mount:
        home.sync()
        subjects = subprocess.run(["grep", "-rl", "^Subject: ", "text"], cwd=mount.path, capture_output=True, check=True)
        assert len(subjects.stdout.splitlines()) == 75
        assert here(home)[0] == set()
        assert mount.messages() == expected
