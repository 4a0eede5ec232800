"""The scripted server does to messages what clients tell it to, and answers as the standards say."""
import pytest
from lib import scripted
from lib.account import Account, Message
from lib.scripted import BASIC, FULL, REV1
from lib.scripted_client import Client

HELLO = b"From: a@example.org\r\nSubject: hello\r\n\r\nHello.\r\n"


@pytest.fixture
def server():
    with scripted.Server(capability=FULL) as made:
        made.add("A", [HELLO, HELLO + b"2", HELLO + b"3", HELLO + b"4"])
        made.add("B", uidvalidity=2000)
        yield made


@pytest.fixture
def basic():
    with scripted.Server(capability=BASIC) as made:
        made.add("A", [HELLO, HELLO + b"2", HELLO + b"3", HELLO + b"4"])
        made.add("B", uidvalidity=2000)
        yield made


def flags(server, name="A"):
    return {mail.uid: mail.flags for mail in server.box(name).mails}


def test_pythons_client_and_it_agree(server):
    with Account("localhost", server.port, server.user, server.password, tls="none") as account:
        account.append("B", [HELLO, Message(HELLO + b"x", frozenset({"\\Seen", "$Label1"}), 1234567890)])
        assert account.read("B") == {1: Message(HELLO, frozenset()), 2: Message(HELLO + b"x", frozenset({"\\Seen", "$Label1"}), 1234567890)}
        account.move("A", [1, 3], "B")
        account.store("A", 2, "+FLAGS", "\\Flagged")
        account.expunge("A", 4)
        assert account.read("A") == {2: Message(HELLO + b"2", frozenset({"\\Flagged"}))}
        assert account.uids("B") == [1, 2, 3, 4]
        account.create("New/Deep")
        account.rename("New", "Newer")
        account.delete("B")
        assert {folder.name for folder in account.folders()} == {"INBOX", "A", "Newer", "Newer/Deep"}


# STORE

def test_store_sets_adds_and_removes(server):
    with Client(server, select=b"A") as client:
        assert client.do(b"UID STORE 1:2 FLAGS (\\Seen \\Draft)") == [b"1 FETCH (UID 1 FLAGS (\\Draft \\Seen))",
                                                                      b"2 FETCH (UID 2 FLAGS (\\Draft \\Seen))"]
        assert client.do(b"STORE 2 -FLAGS \\Seen") == [b"2 FETCH (FLAGS (\\Draft))"]
        assert client.do(b"UID STORE 3 +FLAGS.SILENT (\\Answered)") == []
        assert client.do(b"UID STORE 99 +FLAGS (\\Answered)") == []
        assert flags(server) == {1: {"\\Seen", "\\Draft"}, 2: {"\\Draft"}, 3: {"\\Answered"}, 4: set()}
        assert client.do(b"NOOP") == [], "it is told what it did itself"


def test_a_keyword_is_one_whatever_its_case_and_is_announced(server):
    with Client(server, select=b"A") as client:
        found = client.do(b"UID STORE 1 +FLAGS ($Label)")
        assert found[0].startswith(b"FLAGS (") and b"$Label" in found[0] and b"$Label \\*" in found[1]
        assert found[2:] == [b"1 FETCH (UID 1 FLAGS ($Label))"]
        assert client.do(b"UID STORE 2 +FLAGS ($LABEL \\seen)") == [b"2 FETCH (UID 2 FLAGS ($Label \\Seen))"]
        assert client.do(b"UID STORE 1:2 -FLAGS.SILENT ($label)") == []
        assert flags(server)[1] == set() and flags(server)[2] == {"\\Seen"}


def test_flags_that_cannot_be_stored_are_not(server):
    server.box("A").permanent = ["\\Seen", "\\Deleted"]
    with Client(server) as client:
        assert b"OK [PERMANENTFLAGS (\\Seen \\Deleted)] flags" in client.do(b"SELECT A")
        assert client.do(b"UID STORE 1 +FLAGS (\\Seen $Label \\Recent)") == [b"1 FETCH (UID 1 FLAGS (\\Seen))"]


def test_mod_sequences_move_with_what_changes(server):
    box = server.box("A")
    before = box.modseq
    with Client(server, b"CONDSTORE", select=b"A") as client:
        assert client.do(b"UID STORE 1:2 +FLAGS.SILENT (\\Seen)") == [b"1 FETCH (UID 1 MODSEQ (%d))" % (before + 1),
                                                                      b"2 FETCH (UID 2 MODSEQ (%d))" % (before + 1)]
        client.do(b"UID STORE 1 +FLAGS.SILENT (\\Seen)")
        assert box.modseq == before + 1, "nothing changed"
        assert client.do(b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % before) == [
            b"%d FETCH (UID %d FLAGS (\\Seen) MODSEQ (%d))" % (uid, uid, before + 1) for uid in (1, 2)]


def test_an_examined_mailbox_is_not_written_to(server):
    with Client(server) as client:
        client.do(b"EXAMINE A")
        for command in (b"UID STORE 1 +FLAGS (\\Deleted)", b"EXPUNGE", b"UID EXPUNGE 1", b"UID MOVE 1 B"):
            assert client.tagged(command).startswith(b"NO [READ-ONLY]")
        client.do(b"UID FETCH 1 (BODY[])")
        server.box("A").set_flags(2, "\\Deleted")
        client.do(b"CLOSE")
    server.box("B").read_only = True
    with Client(server) as client:
        assert client.tagged(b"SELECT B").startswith(b"OK [READ-ONLY]")
    assert flags(server) == {1: set(), 2: {"\\Deleted"}, 3: set(), 4: set()}
    assert not server.box("B").mails


def test_reading_without_peek_sets_seen(server):
    with Client(server, select=b"A") as client:
        assert client.do(b"UID FETCH 2 (BODY.PEEK[TEXT])") == [b"2 FETCH (UID 2 BODY[TEXT] {9}\r\nHello.\r\n2)"]
        assert client.do(b"UID FETCH 3 (BODY[TEXT])")[-1] == b"3 FETCH (FLAGS (\\Seen))"
        assert flags(server) == {1: set(), 2: set(), 3: {"\\Seen"}, 4: set()}


# EXPUNGE

def test_expunge_takes_what_is_marked_and_uid_expunge_only_what_is_named(server):
    box = server.box("A")
    for uid in (1, 2, 4):
        box.set_flags(uid, "\\Deleted")
    with Client(server, select=b"A") as client:
        assert client.do(b"UID EXPUNGE 2:3") == [b"2 EXPUNGE"]
        assert [mail.uid for mail in box.mails] == [1, 3, 4]
        assert client.do(b"EXPUNGE") == [b"1 EXPUNGE", b"2 EXPUNGE"]
        assert [mail.uid for mail in box.mails] == [3]
        assert client.do(b"EXPUNGE") == []


def test_with_qresync_uids_vanish_and_the_mod_sequence_is_told(server):
    box = server.box("A")
    for uid in (1, 2, 4):
        box.set_flags(uid, "\\Deleted")
    with Client(server, b"QRESYNC", select=b"A") as client:
        found, tagged = client.ask(b"EXPUNGE")
        assert found == [b"VANISHED 1:2,4"] and tagged == b"OK [HIGHESTMODSEQ %d] done" % box.modseq


def test_close_expunges_and_unselect_does_not(server):
    box = server.box("A")
    box.set_flags(1, "\\Deleted")
    with Client(server, select=b"A") as client:
        assert client.do(b"UNSELECT") == []
        assert len(box.mails) == 4
        client.do(b"SELECT A")
        assert client.do(b"CLOSE") == []
        assert [mail.uid for mail in box.mails] == [2, 3, 4]
        assert client.tagged(b"UID FETCH 1 FLAGS").startswith(b"BAD")


# COPY and MOVE

def test_copy_keeps_everything_and_tells_the_uids(server):
    server.box("A").set_flags(3, "\\Seen", "$X")
    server.box("A").mails[2].when = 1234567890
    server.box("B").add(HELLO)
    with Client(server, select=b"A") as client:
        assert client.ask(b"UID COPY 1,3:4 B") == ([], b"OK [COPYUID 2000 1,3:4 2:4] done")
        assert client.tagged(b"COPY 2 B") == b"OK [COPYUID 2000 2 5] done"
        assert client.tagged(b"UID COPY 77 B") == b"OK done"
        assert client.tagged(b"UID COPY 1 A") == b"OK [COPYUID 1000 1 5] done"
        assert client.tagged(b"UID COPY 1 Nowhere").startswith(b"NO [TRYCREATE]")
    copy = server.box("B").mails[2]
    assert (copy.raw, copy.flags, copy.when) == (HELLO + b"3", {"\\Seen", "$X"}, 1234567890)
    assert len(server.box("A").mails) == 5


def test_move_tells_the_uids_before_the_expunges(server):
    with Client(server, select=b"A") as client:
        assert client.ask(b"UID MOVE 2:3 B") == ([b"OK [COPYUID 2000 2:3 1:2] moved", b"2 EXPUNGE", b"2 EXPUNGE"], b"OK done")
        assert client.ask(b"MOVE 2 B") == ([b"OK [COPYUID 2000 4 3] moved", b"2 EXPUNGE"], b"OK done")
        assert client.ask(b"UID MOVE 2:3 B") == ([], b"OK done")
        assert client.tagged(b"UID MOVE 1 Nowhere").startswith(b"NO [TRYCREATE]")
    assert [mail.uid for mail in server.box("A").mails] == [1]
    with Client(server, b"QRESYNC", select=b"B") as client:
        found, tagged = client.ask(b"UID MOVE 1:2 A")
        assert found == [b"OK [COPYUID 1000 1:2 5:6] moved", b"VANISHED 1:2"] and tagged.startswith(b"OK [HIGHESTMODSEQ ")


def test_a_basic_server_has_neither_move_nor_uidplus(basic):
    basic.box("A").set_flags(2, "\\Deleted")
    with Client(basic, select=b"A") as client:
        assert client.tagged(b"UID MOVE 1 B").startswith(b"BAD")
        assert client.tagged(b"MOVE 1 B").startswith(b"BAD")
        assert client.tagged(b"UID EXPUNGE 2").startswith(b"BAD")
        assert client.tagged(b"NOTIFY NONE").startswith(b"BAD")
        assert client.tagged(b"GETQUOTAROOT A").startswith(b"BAD")
        assert client.tagged(b"UID COPY 1 B") == b"OK done"
        assert client.tagged(b"APPEND B {%d+}\r\n%s" % (len(HELLO), HELLO)) == b"OK done"
        assert client.tagged(b"UID SEARCH RETURN (COUNT) ALL").startswith(b"BAD")
        assert client.tagged(b"UID FETCH 1 (FLAGS) (CHANGEDSINCE 1)").startswith(b"BAD")
        assert client.tagged(b"STATUS A (HIGHESTMODSEQ)").startswith(b"BAD")
        assert client.tagged(b'LIST "" * RETURN (CHILDREN)').startswith(b"BAD")
        assert client.do(b"EXPUNGE") == [b"2 EXPUNGE"]


# APPEND

def test_append_with_flags_date_and_each_kind_of_literal(server):
    with Client(server) as client:
        client.send(b'x1 APPEND B (\\Seen $Y) " 1-Feb-2020 03:04:05 +0130" {%d}\r\n' % len(HELLO))
        assert client.response().startswith(b"+ ")
        client.send(HELLO + b"\r\n")
        assert client.until(b"x1") == ([], b"OK [APPENDUID 2000 1] done")
        assert client.tagged(b"APPEND B {%d+}\r\n%s" % (len(HELLO), HELLO)) == b"OK [APPENDUID 2000 2] done"
        assert client.tagged(b"APPEND B () ~{%d+}\r\n%s" % (len(HELLO) + 1, HELLO + b"\0")) == b"OK [APPENDUID 2000 3] done"
        assert client.tagged(b"APPEND Nowhere {3+}\r\nabc").startswith(b"NO [TRYCREATE]")
        assert client.tagged(b"APPEND B {0+}\r\n").startswith(b"NO")
        assert client.tagged(b'APPEND B "yesterday" {3+}\r\nabc').startswith(b"BAD")
        assert client.tagged(b"APPEND B").startswith(b"BAD")
    first, second, third = server.box("B").mails
    assert (first.raw, first.flags, first.when) == (HELLO, {"\\Seen", "$Y"}, 1580520845)
    assert (second.raw, second.flags) == (HELLO, set()) and second.when > 1_600_000_000
    assert third.raw == HELLO + b"\0"


def test_several_messages_in_one_append(server):
    with Client(server, select=b"B") as client:
        assert client.ask(b'APPEND B (\\Seen) {3+}\r\nabc "01-Feb-2020 00:00:00 +0000" {3+}\r\ndef {2+}\r\ngh') == \
            ([b"3 EXISTS"], b"OK [APPENDUID 2000 1:3] done")
        server.capability = server.capability.replace(b" MULTIAPPEND", b"")
        assert client.tagged(b"APPEND B {3+}\r\nabc {3+}\r\ndef").startswith(b"BAD")
    assert [(mail.raw, mail.flags) for mail in server.box("B").mails] == [(b"abc", {"\\Seen"}), (b"def", set()), (b"gh", set())]


@pytest.mark.parametrize("capability, size, kept", [("LITERAL-", 4096, True), ("LITERAL-", 4097, False), ("", 1, False)])
def test_a_literal_that_does_not_wait_needs_leave(capability, size, kept):
    with scripted.Server(capability=REV1.replace("LITERAL+", capability)) as server, Client(server) as client:
        if kept:
            client.do(b"APPEND INBOX {%d+}\r\n%s" % (size, b"x" * size))
        else:
            client.send(b"x APPEND INBOX {%d+}\r\n" % size)
            assert client.response().startswith(b"* BYE")
        assert len(server.box("INBOX").mails) == kept


def test_quota_is_told_and_kept(server):
    server.quota = {b"STORAGE": 3, b"MESSAGE": 6}
    with Client(server, select=b"A") as client:
        assert client.do(b"GETQUOTAROOT A") == [b'QUOTAROOT "A" ""', b'QUOTA "" (STORAGE 1 3 MESSAGE 4 6)']
        assert client.do(b'GETQUOTA ""') == [b'QUOTA "" (STORAGE 1 3 MESSAGE 4 6)']
        assert client.tagged(b"APPEND B {3000+}\r\n" + b"x" * 3000).startswith(b"NO [OVERQUOTA]")
        assert client.tagged(b"UID COPY 1:3 B").startswith(b"NO [OVERQUOTA]")
        client.do(b"UID COPY 1:2 B")
        client.do(b"UID MOVE 3 B")


# SEARCH

@pytest.mark.parametrize("keys, uids", [
    (b"ALL", b"1 2 3 4"), (b"UID 3:*", b"3 4"), (b"2:3 UNSEEN", b"3"), (b"SEEN", b"2"), (b"KEYWORD $x", b"2"), (b"UNKEYWORD $X", b"1 3 4"),
    (b"NOT UID 2", b"1 3 4"), (b"OR UID 1 (SEEN UID 2)", b"1 2"), (b'HEADER Subject "HELL"', b"1 2 3 4"), (b'HEADER Subject ""', b"1 2 3 4"),
    (b"HEADER Message-ID x", b""), (b"SINCE 13-Sep-2020", b"1 2 3"), (b"BEFORE 13-Sep-2020", b"4"), (b"ON 1-Jan-1970", b"4"),
    (b"LARGER 47", b"2 3 4"), (b"BODY hello", b"1 2 3 4"), (b"FROM a@ SUBJECT hello", b"1 2 3 4"),
])
def test_search(keys, uids, server):
    assert len(HELLO) == 47
    server.box("A").set_flags(2, "\\Seen", "$X")
    server.box("A").mails[3].when = 0
    with Client(server, select=b"A") as client:
        assert client.do(b"UID SEARCH " + keys) == [b"SEARCH " + uids if uids else b"SEARCH"]


def test_search_answers_in_the_form_that_was_asked_for(server):
    with Client(server, select=b"A") as client:
        tag = client.command(b"UID SEARCH RETURN (MIN MAX COUNT ALL) UID 2:3")
        assert client.until(tag)[0] == [b'ESEARCH (TAG "%s") UID ALL 2:3 COUNT 2 MIN 2 MAX 3' % tag]
        assert client.do(b"SEARCH MODSEQ 4") == [b"SEARCH 3 4 (MODSEQ 5)"]
        assert client.tagged(b"UID SEARCH NONSENSE").startswith(b"BAD")
