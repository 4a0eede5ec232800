"""The folders here are those of LIST, and keep their messages while the server gives them other names."""
import os
import sqlite3

import pytest
from lib import messages
from lib.scripted import Session

pytestmark = pytest.mark.usefixtures("fuse")
MAILS = [messages.random_message("folders", index) for index in range(12)]


def tree(home):
    with home.mount() as mount:
        return mount.messages()


def want(box):
    return {mail.uid: mail.raw for mail in box.mails}


def downloads(server):
    return sum(b"BODY[] {" in line for _, who, line in server.log if who == "S")


def query(home, sql):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql).fetchall()


def ids(home):
    """The rows of messages: their inodes."""
    return {row[0] for row in query(home, "SELECT id FROM messages")}


def rename(server, old, new):
    box = server.boxes.pop(old)
    box.name = new
    server.boxes[new] = box
    return box


def damaged(line):
    """A session that lists the folder @server.bad as @line, a pattern."""
    class Damaged(Session):
        def list_line(self, kind, box):
            return kind + b" " + line.replace(b"NAME", box.name) if box.name == self.server.bad else super().list_line(kind, box)
    return Damaged


@pytest.fixture
def synced(serve, home):
    """synced(session, {name: mails}, **more): a server whose folders are here."""
    def make(session, boxes, **more):
        server = serve(session, **more)
        server.bad = None
        for name, mails in boxes.items():
            server.add(name, mails)
        home.configure(**server.account(connections=1))
        home.sync()
        server.log.clear()
        return server
    return make


@pytest.mark.parametrize("line", [b'(\\HasNoChildren "/" "NAME"', b'() "/"', b"", b'() "//" "NAME"', b'(\\Noselect) "/" "NAME" extra',
                                  b'() "/" "' + b"x" * 5000 + b'"', b'() "/" "' + b"d/" * 300 + b'd"'],
                         ids=["unclosed", "no name", "empty", "separator", "more than a name", "too long", "too deep"])
def test_a_line_that_cannot_be_read_or_shown_removes_nothing(line, synced, home):
    server = synced(damaged(line), {"A": MAILS, "B": MAILS[:2], "gone/far": MAILS[:3]})
    before = ids(home)
    server.bad = b"A"
    del server.boxes[b"gone/far"]
    done = home.run("sync")
    assert ids(home) == before
    assert done.err.count("list of folders") == 1, str(done)
    server.bad = None
    home.sync()
    assert set(tree(home)) == {"A", "B"}
    assert downloads(server) == 0


def test_new_folders_come_although_a_line_is_damaged(synced, home):
    server = synced(damaged(b""), {"A": MAILS[:3]})
    server.bad = b"A"
    server.add("New", MAILS[3:5])
    server.box("INBOX").add(MAILS[6])
    home.run("sync")
    assert tree(home) == {"A": want(server.box("A")), "New": want(server.box("New")), "INBOX": want(server.box("INBOX"))}


def test_a_folder_that_is_excluded_goes_although_a_line_is_damaged(synced, home):
    server = synced(damaged(b""), {"A": MAILS[:3], "B": MAILS[:2], "C": MAILS[:1]})
    server.bad = b"A"
    del server.boxes[b"C"]
    home.config.unlink()
    home.configure(**server.account(folders="* !B !C"))
    home.run("sync")
    assert set(tree(home)) == {"A"}


def test_an_answer_without_folders_removes_nothing(synced, home):
    class Mute(Session):
        def list_line(self, kind, box):
            return b"OK nothing" if self.server.bad else super().list_line(kind, box)

    server = synced(Mute, {"A": MAILS[:3]})
    before = ids(home)
    server.bad = True
    assert home.run("sync").status != 0
    assert ids(home) == before


def test_the_separator_changes(synced, home):
    """The servers' names stay, the paths do not; one folder takes the place of another."""
    boxes = {b"INBOX.Sent": MAILS[:3], b"A": MAILS[3:4], b"A.B": MAILS[4:6], b"A/B": MAILS[6:9], b"A.B.C": MAILS[9:]}
    server = synced(None, boxes, separator=b".")
    before = ids(home)
    assert set(tree(home)) == {"INBOX/Sent", "A", "A/B", "A%2FB", "A/B/C"}
    server.separator = b"/"
    home.sync()
    assert tree(home) == {name.decode(): want(server.boxes[name]) for name in boxes}
    assert ids(home) == before
    assert downloads(server) == 0
    home.sync()
    assert ids(home) == before


def test_the_separator_changes_while_a_line_is_damaged(synced, home):
    server = synced(damaged(b""), {b"A": MAILS[:3], b"A.B": MAILS[3:6], b"A/B": MAILS[6:9]}, separator=b".")
    before = ids(home)
    server.bad, server.separator = b"A", b"/"
    home.run("sync")
    assert ids(home) == before
    server.bad = None
    home.sync()
    assert tree(home) == {name: want(server.box(name)) for name in ("A", "A.B", "A/B")}
    assert ids(home) == before
    assert downloads(server) == 0


def test_a_mount_shows_folders_where_the_separator_put_them(synced, home):
    server = synced(None, {b"A": MAILS[:1], b"A.B": MAILS[1:3], b"A.B.C": MAILS[3:6]}, separator=b".")
    with home.mount() as mount:
        assert set(mount.messages()) == {"A", "A/B", "A/B/C"}
        server.separator = b"/"
        home.sync()
        assert mount.messages() == {name: want(server.box(name)) for name in ("A", "A.B", "A.B.C")}
        assert "A/B" not in mount.folders()


def test_folders_that_keep_their_path_keep_their_messages(synced, home):
    """The account moves from a server with INBOX.Sent to one with INBOX/Sent."""
    server = synced(None, {b"INBOX.Sent": MAILS}, separator=b".")
    before = ids(home)
    box = rename(server, b"INBOX.Sent", b"INBOX/Sent")
    server.separator = b"/"
    box.renumber(4711)
    home.sync()
    assert tree(home)["INBOX/Sent"] == want(box)
    assert downloads(server) == 0
    assert ids(home) == before


def test_inbox_in_another_spelling_keeps_its_messages(synced, home):
    server = synced(None, {"INBOX": MAILS})
    before = ids(home)
    box = rename(server, b"INBOX", b"Inbox")
    home.sync()
    assert tree(home) == {"INBOX": want(box)}
    assert downloads(server) == 0
    assert ids(home) == before


@pytest.mark.parametrize("other", [b"Inbox", b"inbox", b"INBOX/"])
def test_inbox_listed_in_two_spellings_is_one_folder(other, synced, home):
    class Twice(Session):
        def list_line(self, kind, box):
            line = super().list_line(kind, box)
            if box.name == b"INBOX":
                self.untagged(line.replace(b"INBOX", other))
            return line

    server = synced(Twice, {"INBOX": MAILS})
    for _ in range(2):
        home.sync()
    assert tree(home) == {"INBOX": want(server.box("INBOX"))}
    assert downloads(server) == 0
    assert not any(other in line for line in server.commands(b"EXAMINE"))


def test_two_names_of_one_path_stay_apart(synced, home):
    """"é" in modified UTF-7 and raw: two mailboxes with one UIDVALIDITY."""
    encoded, raw = b"&AOk-", "é".encode()
    server = synced(None, {raw: MAILS[5:8], encoded: MAILS[:3], raw + b"/sub": MAILS[:1]})
    found = tree(home)
    other, = set(found) - {"é", "é/sub"}
    assert other.startswith("é~")
    assert found == {"é": want(server.boxes[encoded]), other: want(server.boxes[raw]), "é/sub": want(server.boxes[raw + b"/sub"])}
    before = ids(home)
    home.sync()
    assert tree(home) == found
    assert ids(home) == before

    # The one that is left gets the plain path, and is still itself.
    del server.boxes[encoded]
    home.sync()
    assert tree(home) == {"é": want(server.boxes[raw]), "é/sub": want(server.boxes[raw + b"/sub"])}
    server.add(encoded, MAILS[:3])
    home.sync()
    assert tree(home) == found
    assert len(ids(home) & before) == 4


def test_a_name_in_another_encoding_keeps_its_messages(synced, home):
    server = synced(None, {b"&AOk-": MAILS})
    before = ids(home)
    box = rename(server, b"&AOk-", "é".encode())
    home.sync()
    assert tree(home) == {"é": want(box)}
    assert downloads(server) == 0
    assert ids(home) == before


def test_another_folder_at_the_path_of_one_that_went_is_not_taken_for_it(synced, home):
    """The same path, UIDVALIDITY and UIDs."""
    server = synced(None, {b"&AOk-": MAILS[:3]})
    del server.boxes[b"&AOk-"]
    box = server.add("é".encode(), MAILS[3:6])
    home.sync()
    assert tree(home) == {"é": want(box)}


def test_a_folder_called_as_the_second_of_two_names_would_be(synced, home):
    server = synced(None, {"é".encode(): MAILS[5:8], b"&AOk-": MAILS[:3]})
    other, = set(tree(home)) - {"é"}
    assert other.startswith("é~")
    box = server.add(other, MAILS[8:])
    done = home.run("sync")
    assert done.err.count("list of folders") == 1, str(done)
    found = tree(home)
    for contents in found.values():
        assert contents in (want(box), want(server.boxes[b"&AOk-"]), want(server.boxes["é".encode()])), "mixed"


def test_a_folder_that_turns_noselect_loses_its_messages(synced, home):
    server = synced(None, {"A": MAILS[:3], "A/B": MAILS[:3]})
    server.box("A").attributes = ["\\Noselect"]
    home.sync()
    assert tree(home) == {"A/B": want(server.box("A/B"))}
    server.box("A").attributes = []
    home.sync()
    assert tree(home) == {name: want(server.box(name)) for name in ("A", "A/B")}


def test_a_quiet_listing_writes_nothing(synced, home):
    synced(None, {"A": MAILS[:2], "é".encode(): [], b"&AOk-": [], "a/b/c": []})
    before = query(home, "SELECT * FROM mailboxes ORDER BY id")
    home.sync()
    assert query(home, "SELECT * FROM mailboxes ORDER BY id") == before


def test_names_that_are_too_many_bytes_end_the_run(serve, home):
    class Endless(Session):
        def list_boxes(self, kind, *arguments):
            for index in range(6000):
                self.untagged(kind + b' () "/" ' + b"%06d" % index + b"x" * 3000)
            self.tagged(b"OK done")

    server = serve(Endless)
    home.configure(**server.account())
    done = home.run("sync", measure=True)
    assert done.status != 0 and "16 MiB" in done.err, str(done)
    if not os.environ.get("MAILTREE_SANITIZED"):
        assert done.peak_kb < 96 * 1024


def test_patterns_that_want_no_folder_are_a_mistake(synced, home):
    server = synced(None, {"A": MAILS[:3]})
    config = home.config.read_text()
    home.config.write_text(config + "folders = Nic*\n")
    home.fails(78, "sync", mentions="folders")
    home.config.write_text(config)
    assert tree(home) == {"A": want(server.box("A"))}
