"""Folders that other clients rename or make anew: known again by MAILBOXID, by UIDVALIDITY, or by what is in them; never
taken for one another."""
import sqlite3

import pytest
from lib import messages
from lib.scripted import FULL, QRESYNC, REV1, Session

pytestmark = pytest.mark.usefixtures("fuse")
MAILS = [messages.random_message("renamed", index) for index in range(12)]
FULL_BY_SELECT = FULL.replace(" LIST-STATUS", "")


def tree(home):
    with home.mount() as mount:
        return mount.messages()


def want(box):
    return {mail.uid: mail.raw for mail in box.mails}


def everything(server):
    return {box.name.decode(): want(box) for box in server.boxes.values() if box.mails}


def downloads(server):
    return sum(b"BODY[] {" in line for _, who, line in server.log if who == "S")


def query(home, sql, *args):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql, args).fetchall()


def change(home, sql, *args):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql, args).lastrowid


def ids(home):
    """The rows of messages: their inodes."""
    return {row[0] for row in query(home, "SELECT id FROM messages")}


def mailbox(home, path):
    """The row of a mailbox at the top."""
    (found,), = query(home, "SELECT id FROM mailboxes WHERE name = ? AND parent IS NULL AND state <> 2", path)
    return found


@pytest.fixture
def synced(serve, home):
    """synced(capability, {name: (mails, uidvalidity)}, session): a server whose folders are here."""
    def make(capability, boxes, session=None):
        server = serve(session, capability=capability)
        server.odd = server.shown = None
        for name, (mails, uidvalidity) in boxes.items():
            server.add(name, mails, uidvalidity=uidvalidity)
        home.configure(**server.account(connections=1))
        home.sync()
        server.log.clear()
        return server
    return make


@pytest.mark.parametrize("capability", [FULL, FULL_BY_SELECT], ids=["list-status", "select"])
def test_a_folder_with_an_id_takes_everything_along(capability, synced, home):
    server = synced(capability, {"A": (MAILS[:4], 1000), "A/Sub": (MAILS[4:6], 1000), "B": (MAILS[6:8], 1000)})
    before, row = ids(home), mailbox(home, "A")
    server.rename("A", "Archiv/2024")
    home.sync()
    assert [line for line in server.commands() if line.startswith((b"EXAMINE", b"UID"))] == [], "all is as it was"
    assert ids(home) == before
    assert query(home, "SELECT server_name FROM mailboxes WHERE id = ?", row) == [("Archiv/2024",)]
    assert tree(home) == everything(server)


def test_a_renamed_folder_that_changed_as_well(synced, home):
    server = synced(FULL, {"A": (MAILS[:4], 1000), "B": (MAILS[6:8], 1000)})
    before = ids(home)
    server.rename("A", "C")
    server.box("C").add(MAILS[9])
    server.box("C").set_flags(2, "\\Seen")
    server.box("C").expunge(1)
    home.sync()
    assert downloads(server) == 1
    assert len(ids(home) & before) == len(before) - 1
    assert tree(home) == everything(server)


def test_a_rename_is_seen_in_a_mount(synced, home):
    server = synced(FULL, {"A": (MAILS[:4], 1000), "A/Sub": (MAILS[4:6], 1000)})
    with home.mount() as mount:
        inodes = mount.inodes()
        server.rename("A", "C")
        home.sync()
        assert mount.folders() >= {"C", "C/Sub"} and not mount.folders() & {"A", "A/Sub"}
        assert mount.inodes() == {"C": inodes["A"], "C/Sub": inodes["A/Sub"]}


@pytest.mark.parametrize("capability", [REV1, QRESYNC], ids=["rev1", "qresync"])
def test_without_ids_a_uidvalidity_of_its_own_is_enough(capability, synced, home):
    """The messages are compared all the same."""
    server = synced(capability, {"A": (MAILS[:4], 1001), "A/Sub": (MAILS[4:6], 1002), "B": (MAILS[6:8], 1003)})
    before = ids(home)
    server.rename("A", "Archiv")
    home.sync()
    assert downloads(server) == 0
    assert ids(home) == before
    assert tree(home) == everything(server)


class RenamesOnceMore(Session):
    """Somebody renames it again, right after it was listed."""
    def once_more(self, name):
        if name == b"B" and self.find(b"B"):
            self.server.rename("B", "C")

    def do_STATUS(self, name, items):
        if b"MESSAGES" not in str(items).encode() and b"UIDNEXT" in str(items).encode(): # before an upload
            self.once_more(name)
        super().do_STATUS(name, items)

    def do_EXAMINE(self, name, options=()):
        self.once_more(name)
        super().do_EXAMINE(name, options)


@pytest.mark.parametrize("waits", [False, True], ids=["", "with-an-upload"])
@pytest.mark.parametrize("capability", [REV1, QRESYNC], ids=["rev1", "qresync"])
def test_a_folder_that_is_renamed_again_before_it_was_compared(capability, waits, synced, home):
    server = synced(capability, {"A": (MAILS[:4], 1001), "D": (MAILS[6:8], 1003)}, RenamesOnceMore)
    before = ids(home)
    if waits:
        file = home.folder / "new.eml"
        file.write_bytes(MAILS[9])
        assert home.run("append", "test/A", str(file)).status == 0
    server.rename("A", "B")
    assert home.run("sync").status == 75, "it is called C by now"
    home.sync()
    assert [box.name for box in server.boxes.values() if box.name not in (b"INBOX", b"D")] == [b"C"]
    assert list(want(server.box("C")).values()) == MAILS[:4] + MAILS[9:9 + waits]
    assert tree(home) == everything(server)
    assert downloads(server) == 0
    assert before <= ids(home)


def test_two_folders_with_one_uidvalidity_are_not_told_apart_by_it(synced, home):
    server = synced(QRESYNC, {"A": (MAILS[:4], 1001), "B": (MAILS[6:8], 1001)})
    server.rename("A", "C")
    home.sync()
    assert downloads(server) == 0
    assert tree(home) == everything(server)


def test_another_folder_with_the_uidvalidity_of_one_that_went(synced, home):
    """The same UIDVALIDITY and UIDs, other messages."""
    server = synced(QRESYNC, {"A": (MAILS[:4], 1001), "B": (MAILS[6:8], 1002)})
    server.remove("A")
    server.add("C", MAILS[8:11], uidvalidity=1001)
    home.sync()
    assert tree(home) == everything(server)
    assert query(home, "SELECT count(*) FROM messages WHERE state <> 0") == [(0,)]


@pytest.mark.parametrize("capability", [FULL, FULL_BY_SELECT], ids=["list-status", "select"])
def test_a_folder_made_anew_is_another(capability, synced, home):
    """Under the same name, with the same UIDVALIDITY, UIDs and mod-sequence: only the id differs."""
    server = synced(capability, {"A": (MAILS[:4], 1000), "B": (MAILS[6:8], 1000)})
    before = ids(home)
    server.remove("A")
    box = server.add("A", MAILS[2:6])
    home.sync()
    assert tree(home) == everything(server)
    assert downloads(server) == 2, "of the others the bytes are here"
    assert len(ids(home) & before) == 4, "two in each keep their rows"
    assert query(home, "SELECT mailboxid FROM mailboxes WHERE server_name = 'A'") == [(box.id.decode(),)]
    server.log.clear()
    home.sync()
    assert server.commands(b"EXAMINE") == []


def test_two_folders_change_places(synced, home):
    server = synced(FULL, {"A": (MAILS[:4], 1000), "B": (MAILS[6:8], 1000)})
    server.rename("A", "C")
    server.rename("B", "A")
    server.rename("C", "B")
    for _ in range(2):
        home.sync()
    assert downloads(server) == 0
    assert tree(home) == everything(server)


def test_a_folder_takes_the_name_of_one_that_went(synced, home):
    server = synced(FULL, {"A": (MAILS[:4], 1000), "B": (MAILS[6:8], 1000)})
    server.remove("B")
    server.rename("A", "B")
    home.sync()
    assert downloads(server) == 0
    assert tree(home) == everything(server)


def test_renaming_inbox_leaves_an_inbox(synced, home):
    server = synced(FULL, {"INBOX": (MAILS[:4], 1000)})
    server.rename("INBOX", "Old")
    server.box("INBOX").add(MAILS[5])
    home.sync()
    assert downloads(server) == 1
    assert tree(home) == everything(server)


def test_one_id_for_all_folders_is_none(synced, home):
    server = synced(FULL, {"A": (MAILS[:4], 1000), "B": (MAILS[6:8], 1000)})
    for box in server.boxes.values():
        box.id = b"F0"
    home.sync()
    server.rename("A", "C")
    server.log.clear()
    home.sync()
    assert downloads(server) == 0
    assert tree(home) == everything(server)


def test_a_rename_while_a_line_is_damaged(synced, home):
    class Damaged(Session):
        def list_line(self, kind, box):
            return kind + b' () "/' if self.server.odd == box.name else super().list_line(kind, box)

    server = synced(FULL, {"A": (MAILS[:4], 1000), "B": (MAILS[6:8], 1000)}, Damaged)
    server.odd = b"B"
    server.rename("A", "C")
    home.run("sync")
    assert {"A", "B"} <= set(tree(home))
    server.odd = None
    home.sync()
    assert tree(home) == everything(server)
    assert downloads(server) == 0


class Forgetful(Session):
    """LIST shows what server.shown says, or all; STATUS and SELECT know better."""

    def list_found(self, kind, select, options, wanted):
        shown = self.server.shown
        super().list_found(kind, select, options, lambda name: wanted(name) and (shown is None or name in shown))


@pytest.mark.parametrize("capability", [FULL, FULL_BY_SELECT, QRESYNC, REV1], ids=["full", "select", "qresync", "rev1"])
def test_what_list_leaves_out_is_not_gone(capability, synced, home):
    """Dovecot's LIST on a connection with NOTIFY shows nothing but INBOX for a moment while others rename."""
    server = synced(capability, {"A": (MAILS[:4], 1000), "A/Sub": (MAILS[4:6], 1001), "B": (MAILS[6:8], 1002)}, Forgetful)
    before = ids(home)
    server.shown = [b"INBOX", b"C"]
    server.add("C", MAILS[8:10], uidvalidity=1002) # as B has it
    server.box("A").add(MAILS[11])
    home.sync()
    assert before < ids(home) and tree(home) == everything(server)
    assert downloads(server) == 3
    del server.boxes[b"B"]
    home.sync()
    assert tree(home) == everything(server)
    server.shown = None
    home.sync()
    assert len(before - ids(home)) == 2 and tree(home) == everything(server)


@pytest.mark.parametrize("answer, kept", [(b"NO [UNAVAILABLE] not just now", True), (b"NO it is not there", False)])
def test_what_list_leaves_out_and_status_does_not_tell(answer, kept, synced, home):
    server = synced(FULL, {"A": (MAILS[:4], 1000), "B": (MAILS[4:6], 1001)}, Forgetful)
    server.shown = [b"INBOX", b"B"]
    server.refuse[b"STATUS"] = answer
    home.run("sync")
    assert ("A" in tree(home)) == kept


def test_dovecot_renames(remote, home):
    """It keeps UIDVALIDITY, and gives every folder its own."""
    with remote.connect() as account:
        account.create("A", "A/Sub", "B")
        for index, name in enumerate(("A", "A/Sub", "B")):
            account.append(name, MAILS[index * 3:index * 3 + 3])
        home.configure(**remote.keys())
        home.sync()
        before = ids(home)
        account.rename("A", "Archiv")
        said = home.run("-vv", "sync").err
        assert "BODY.PEEK[]" not in said
        assert ids(home) == before
        with home.mount() as mount:
            assert set(mount.messages()) == {"Archiv", "Archiv/Sub", "B"}
            assert sorted(mount.messages()["Archiv"].values()) == sorted(MAILS[:3])


def test_cyrus_renames(cyrus_remote, home):
    with cyrus_remote.connect() as account:
        names = [account.named(name) for name in ("A", "A/Sub", "B")]
        account.create(*names)
        for index, name in enumerate(names):
            account.append(name, MAILS[index * 3:index * 3 + 3])
        home.configure(**cyrus_remote.keys())
        home.sync()
        assert all(row for row, in query(home, "SELECT mailboxid FROM mailboxes WHERE server_name IS NOT NULL"))
        before = query(home, "SELECT id, uid, mailbox FROM messages ORDER BY id")
        account.rename(names[0], account.named("Archiv"))
        said = home.run("-vv", "sync").err
        assert "BODY.PEEK" not in said
        assert query(home, "SELECT id, uid, mailbox FROM messages ORDER BY id") == before
        account.delete(names[2])
        account.create(names[2])
        account.append(names[2], MAILS[7:10])
        home.sync()
        with home.mount() as mount:
            contents = {folder: sorted(uids.values()) for folder, uids in mount.messages().items()}
        assert contents == {"Archiv": sorted(MAILS[:3]), "Archiv/Sub": sorted(MAILS[3:6]), "B": sorted(MAILS[7:10])}


# What a user did here, and the server has not done yet


def queue(home, kind, row, state="queued", arguments=None):
    change(home, "INSERT INTO operations (account, kind, mailbox, state, arguments, created) SELECT account, ?, id, ?, ?, 0"
           " FROM mailboxes WHERE id = ?", kind, state, arguments, row)


def run_quietly(home):
    """What is held is told by the exit status."""
    done = home.run("sync")
    assert done.status in (0, 75) and done.err.count("\n") <= 2, str(done)


def test_a_folder_that_is_being_renamed_here_stays_where_it_is(synced, home):
    server = synced(FULL, {"A": (MAILS[:4], 1000), "A/Sub": (MAILS[4:6], 1000), "B": (MAILS[6:8], 1000)})
    row, before = mailbox(home, "A"), ids(home)
    change(home, "UPDATE mailboxes SET name = 'Mine' WHERE id = ?", row)
    queue(home, "rename", row, "held", "Mine")
    server.box("A").add(MAILS[9])
    run_quietly(home)
    assert {"Mine", "Mine/Sub", "B"} == set(tree(home)), "the server still has the old name"
    assert tree(home)["Mine"] == want(server.box("A"))
    # The server did it, and its answer was lost.
    server.rename("A", "Mine")
    home.run("sync")
    assert ids(home) >= before and {"Mine", "Mine/Sub", "B"} == set(tree(home))
    # It is not going to happen.
    server.rename("Mine", "A")
    change(home, "UPDATE operations SET state = 'failed'")
    home.run("sync")
    assert tree(home) == everything(server)
    assert ids(home) >= before


def test_another_folder_in_the_place_of_one_that_is_being_renamed(synced, home):
    """Another client makes a folder of the name that ours is to get."""
    server = synced(FULL, {"A": (MAILS[:4], 1000)})
    row = mailbox(home, "A")
    change(home, "UPDATE mailboxes SET name = 'Mine' WHERE id = ?", row)
    queue(home, "rename", row, "held", "Mine")
    server.add("Mine", MAILS[8:10])
    run_quietly(home)
    assert tree(home) == {"Mine": want(server.box("A"))}
    change(home, "UPDATE operations SET state = 'cancelled', ended = 1")
    home.sync()
    assert tree(home) == everything(server)


def test_a_folder_that_is_to_be_created_here_stays(synced, home):
    server = synced(FULL, {"A": (MAILS[:4], 1000)})
    row = change(home, "INSERT INTO mailboxes (account, parent, name, attributes, changed, state)"
                 " SELECT account, NULL, 'New', 1, 0, 1 FROM mailboxes LIMIT 1")
    queue(home, "create", row, "held")
    for _ in range(2):
        run_quietly(home)
        assert query(home, "SELECT state, server_name FROM mailboxes WHERE id = ?", row) == [(1, None)]
        server.add("New", MAILS[8:10]) # by another client
    assert query(home, "SELECT count(*) FROM mailboxes WHERE name = 'New'") == [(1,)]


def test_a_folder_that_is_to_be_deleted_is_not_shown(synced, home):
    server = synced(FULL, {"A": ([], 1000), "B": (MAILS[6:8], 1000)})
    row = mailbox(home, "A")
    change(home, "UPDATE mailboxes SET state = 2 WHERE id = ?", row)
    queue(home, "delete", row, "held", "private")
    with home.mount() as mount:
        assert mount.folders() == {"INBOX", "B"}
        for name in ("A", "private"):
            if name == "private":
                server.rename("A", name)
            home.run("sync")
            assert mount.folders() == {"INBOX", "B"}
            assert query(home, "SELECT state FROM mailboxes WHERE id = ?", row) == [(2,)]
