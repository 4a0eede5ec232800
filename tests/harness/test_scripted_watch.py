"""Clients of the scripted server hear of each other and of what the test does: in answers, by IDLE, by NOTIFY."""
import ssl
import threading

import pytest
from lib import messages, scripted
from lib.certs import Certificates
from lib.scripted import FULL
from lib.scripted_client import Client

HELLO = b"From: a@example.org\r\nSubject: hello\r\n\r\nHello.\r\n"


@pytest.fixture
def server():
    with scripted.Server(capability=FULL) as made:
        made.add("A", [HELLO, HELLO + b"2", HELLO + b"3"])
        made.add("B", [HELLO], uidvalidity=2000)
        yield made


@pytest.fixture
def box(server):
    return server.box("A")


def modseq(server):
    return b"OK [HIGHESTMODSEQ %d] done" % server.box("A").modseq


# With other commands

def test_changes_come_with_the_next_answer(server, box):
    with Client(server, select=b"A") as client:
        box.expunge(1)
        box.add(HELLO)
        box.set_flags(3, "\\Seen")
        assert client.do(b"NOOP") == [b"1 EXPUNGE", b"3 EXISTS", b"2 FETCH (FLAGS (\\Seen))"]
        assert client.do(b"NOOP") == []
        box.add(HELLO)
        box.expunge(5)
        assert client.do(b"NOOP") == [], "what came and went between is nothing"
        box.add(HELLO)
        assert client.do(b'STATUS B (MESSAGES)') == [b'STATUS "B" (MESSAGES 1)', b"4 EXISTS"]


def test_sequence_numbers_stay_while_they_are_used(server, box):
    with Client(server, select=b"A") as client:
        box.expunge(1)
        box.add(HELLO)
        assert client.do(b"FETCH 1:3 (UID)") == [b"2 FETCH (UID 2)", b"3 FETCH (UID 3)", b"4 EXISTS"]
        assert client.do(b"STORE 2 +FLAGS (\\Seen)") == [b"2 FETCH (FLAGS (\\Seen))"]
        assert client.do(b"SEARCH ALL") == [b"SEARCH 2 3 4"]
        assert client.do(b"UID FETCH 3:* (FLAGS)") == [b"3 FETCH (UID 3 FLAGS ())", b"4 FETCH (UID 4 FLAGS ())", b"1 EXPUNGE"]
        assert client.do(b"FETCH 1 (UID)") == [b"1 FETCH (UID 2)"]


def test_the_mod_sequence_is_told_when_all_is_told(server, box):
    with Client(server, b"QRESYNC", select=b"A") as client:
        box.set_flags(2, "\\Seen")
        assert client.tagged(b"NOOP") == b"OK done"
        box.add(HELLO)
        assert client.tagged(b"NOOP") == modseq(server)
        box.expunge(1)
        assert client.tagged(b"FETCH 2 (UID)") == b"OK done", "the end of message 1 is not told yet"
        assert client.tagged(b"UID FETCH 2 (UID)") == modseq(server)
        found, tagged = client.ask(b"APPEND A {3+}\r\nabc")
        assert found == [b"4 EXISTS", modseq(server).replace(b"done", b"highest")] and tagged.startswith(b"OK [APPENDUID")


def test_two_clients_hear_of_each_other(server):
    with Client(server, select=b"A") as client, Client(server, b"QRESYNC", select=b"A") as other:
        client.do(b"UID STORE 2 +FLAGS.SILENT (\\Seen $new)")
        found = other.do(b"NOOP")
        assert b"$new" in found[0] and found[2] == b"2 FETCH (UID 2 FLAGS ($new \\Seen) MODSEQ (%d))" % server.box("A").modseq
        other.do(b"UID MOVE 1,3 B")
        assert client.do(b"NOOP") == [b"1 EXPUNGE", b"2 EXPUNGE"]
        client.do(b"UID MOVE 2 B")
        client.do(b"APPEND A {3+}\r\nabc")
        assert other.do(b"NOOP") == [b"VANISHED 2", b"1 EXISTS"]


@pytest.mark.parametrize("change", [lambda server: server.remove("A"), lambda server: server.box("A").renumber(7)])
def test_a_mailbox_that_ends_while_it_is_selected_ends_the_connection(change, server):
    with Client(server, select=b"A") as client:
        change(server)
        client.command(b"NOOP")
        assert client.response().startswith(b"* BYE")
        with pytest.raises(EOFError):
            client.response()


def test_a_renamed_mailbox_stays_selected(server, box):
    with Client(server, select=b"A") as client:
        server.rename("A", "C")
        box.add(HELLO)
        assert client.do(b"NOOP") == [b"4 EXISTS"]


def test_another_mailbox_closes_the_first(server):
    with Client(server, b"QRESYNC", select=b"A") as client:
        assert client.do(b"SELECT B")[0].startswith(b"OK [CLOSED]")
        assert client.tagged(b"SELECT Nowhere").startswith(b"NO")
        assert client.tagged(b"UID FETCH 1 FLAGS").startswith(b"BAD")
    with Client(server, select=b"A") as client:
        assert client.tagged(b"SELECT A (QRESYNC (1000 1))").startswith(b"BAD")


# IDLE

def test_idle_tells_at_once(server, box):
    with Client(server, select=b"A") as client:
        box.add(HELLO)
        tag, found = client.idle()
        assert found == [b"4 EXISTS"]
        box.add(HELLO)
        assert client.told() == [b"5 EXISTS"]
        box.expunge(2, 3)
        assert client.told(2) == [b"2 EXPUNGE", b"2 EXPUNGE"]
        box.set_flags(4, "\\Seen")
        assert client.told() == [b"2 FETCH (FLAGS (\\Seen))"]
        with Client(server, select=b"A") as other:
            other.do(b"UID STORE 1 +FLAGS.SILENT (\\Flagged)")
        assert client.told() == [b"1 FETCH (FLAGS (\\Flagged))"]
        assert client.done(tag) == ([], b"OK done")
        assert client.do(b"NOOP") == []


def test_idle_over_tls(tmp_path):
    certs = Certificates(tmp_path)
    with scripted.Server(tls="implicit", certificate=certs.server, capability=FULL) as server:
        with Client(server, select=b"INBOX", context=ssl.create_default_context(cafile=str(certs.ca))) as client:
            client.send(b"a NOOP\r\nb IDLE\r\n") # in one TLS record
            assert client.until(b"a") == ([], b"OK done") and client.response().startswith(b"+")
            server.box("INBOX").add(HELLO)
            assert client.told() == [b"1 EXISTS"]
            assert client.done(b"b") == ([], b"OK done")


def test_idle_with_qresync_tells_uids(server, box):
    with Client(server, b"QRESYNC", select=b"A") as client:
        tag, _ = client.idle()
        box.expunge(2, 3)
        assert client.told(2) == [b"VANISHED 2:3", b"OK [HIGHESTMODSEQ %d] highest" % box.modseq]
        box.set_flags(1, "\\Seen")
        assert client.told() == [b"1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (%d))" % box.modseq]
        client.done(tag)


def test_idle_ends_with_done_only(server):
    with Client(server, select=b"A") as client:
        tag = client.command(b"IDLE")
        client.response()
        client.send(b"NOOP\r\n")
        assert client.until(tag)[1].startswith(b"BAD")


def test_a_mailbox_that_ends_during_idle(server):
    with Client(server, select=b"A") as client:
        client.idle()
        server.remove("A")
        assert client.response().startswith(b"* BYE")


# NOTIFY

def test_notify_tells_of_the_selected_mailbox_and_fetches(server, box):
    with Client(server, b"QRESYNC", select=b"A") as client:
        client.do(b"NOTIFY SET (SELECTED (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))")
        box.add(HELLO, ["\\Seen"])
        assert client.told(3) == [b"4 EXISTS", b"4 FETCH (UID 4 FLAGS (\\Seen) BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: hello\r\n\r\n)",
                                  b"OK [HIGHESTMODSEQ %d] highest" % box.modseq]
        box.expunge(1)
        assert client.told()[0] == b"VANISHED 1" and client.told()[0].startswith(b"OK [HIGHESTMODSEQ ")
        box.set_flags(2, "\\Draft")
        assert client.told() == [b"1 FETCH (UID 2 FLAGS (\\Draft) MODSEQ (%d))" % box.modseq]
        server.box("B").add(HELLO)
        assert client.do(b"NOOP") == [], "nobody asked for others"


def test_selected_delayed_waits_with_expunges(server, box):
    with Client(server, select=b"A") as client:
        client.do(b"NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange))")
        box.expunge(1)
        box.set_flags(2, "\\Seen")
        assert client.told() == [b"2 FETCH (UID 2 FLAGS (\\Seen))"]
        assert client.do(b"NOOP") == [b"1 EXPUNGE"]


def test_notify_tells_the_status_of_others(server, box):
    with Client(server, b"CONDSTORE", select=b"A") as client:
        other = server.box("B")
        found = client.do(b"NOTIFY SET STATUS (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge FlagChange))")
        assert [line.split()[1] for line in found] == [b'"INBOX"', b'"B"']
        for change in (lambda: other.add(HELLO), lambda: other.set_flags(1, "\\Seen"), lambda: other.expunge(1)):
            change()
            assert client.told() == [b'STATUS "B" (MESSAGES %d UIDNEXT %d UIDVALIDITY 2000 UNSEEN %d HIGHESTMODSEQ %d)' % (
                len(other.mails), other.uidnext, sum(not mail.flags for mail in other.mails), other.modseq)]
        client.do(b"NOTIFY NONE")
        other.add(HELLO)
        assert client.do(b"NOOP") == []


def test_only_what_a_filter_names_is_told_and_the_first_filter_counts(server):
    for name in ("Tree", "Tree/Leaf", "Quiet"):
        server.add(name)
    with Client(server) as client:
        client.do(b"NOTIFY SET (MAILBOXES Tree NONE) (SUBTREE (Tree) (MessageNew MessageExpunge)) (MAILBOXES (B A) (MessageNew MessageExpunge))")
        server.box("Tree").add(HELLO)
        server.box("Quiet").add(HELLO)
        server.box("B").set_flags(1, "\\Seen")
        for name in ("Tree/Leaf", "B", "A"):
            server.box(name).add(HELLO)
            assert client.told()[0].startswith(b'STATUS "%s" (' % name.encode())
        assert client.do(b"NOOP") == []
        client.do(b"NOTIFY SET (SUBSCRIBED (MessageNew MessageExpunge))")
        client.do(b"UNSUBSCRIBE A")
        server.box("A").expunge(2)
        server.box("Quiet").add(HELLO)
        assert [line.split()[1] for line in client.told()] == [b'"Quiet"']


def test_notify_tells_of_names(server):
    with Client(server) as client:
        client.do(b"NOTIFY SET (PERSONAL (MailboxName SubscriptionChange))")
        server.add("New", [HELLO])
        assert client.told(2) == [b'LIST () "/" "New"', b'LIST (\\Subscribed) "/" "New"']
        server.rename("New", "Newer")
        assert client.told(2) == [b'LIST () "/" "Newer" ("OLDNAME" ("New"))', b'LIST () "/" "Newer"']
        server.remove("Newer")
        assert client.told() == [b'LIST (\\NonExistent) "/" "Newer"']
        with Client(server) as other:
            other.do(b"CREATE Own")
            assert client.told() == [b'LIST () "/" "Own"']
            other.do(b"SUBSCRIBE Own")
            assert client.told() == [b'LIST (\\Subscribed) "/" "Own"']


def test_what_comes_while_a_mailbox_is_left_is_told_of_it(server, box):
    """Nothing falls between SELECT's world and NOTIFY's."""
    with Client(server, select=b"A") as client:
        client.do(b"NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge))")
        box.add(HELLO)
        assert client.told() == [b"4 EXISTS"]
        assert not any(line.startswith(b"STATUS") for line in client.do(b"SELECT B")), "that is known"
        box.add(HELLO)
        assert client.told() == [b'STATUS "A" (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 1000 UNSEEN 5)']
        server.box("B").add(HELLO)
        assert client.told() == [b"2 EXISTS"]
        client.do(b"NOTIFY SET (PERSONAL (MessageNew MessageExpunge))")
        server.box("B").add(HELLO)
        assert b'STATUS "B" (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 2000 UNSEEN 3)' in client.do(b"SELECT A")


def test_notify_and_idle_together(server, box):
    with Client(server, select=b"A") as client:
        client.do(b"NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge))")
        tag, _ = client.idle()
        box.add(HELLO)
        assert client.told() == [b"4 EXISTS"]
        server.box("B").expunge(1)
        assert client.told()[0].startswith(b'STATUS "B" (MESSAGES 0')
        assert client.done(tag) == ([], b"OK done")


def test_overflow_ends_notify(server, box):
    with Client(server, select=b"A") as client, Client(server, select=b"A") as other:
        client.do(b"NOTIFY SET (SELECTED (MessageNew MessageExpunge))")
        server.overflow()
        assert client.told()[0].startswith(b"OK [NOTIFICATIONOVERFLOW]")
        box.add(HELLO)
        assert client.do(b"NOOP") == [b"4 EXISTS"]
        assert other.do(b"NOOP") == [b"4 EXISTS"]


@pytest.mark.parametrize("words, answer", [
    (b"SET (PERSONAL (MessageNew MessageExpunge Strange))", b"NO [BADEVENT (MessageNew"), (b"SET (PERSONAL (MessageNew))", b"BAD"),
    (b"SET (PERSONAL (FlagChange))", b"BAD"), (b"SET", b"BAD"), (b"SET (STRANGE (MailboxName))", b"BAD"), (b"SET (SUBTREE (MailboxName))", b"BAD"),
    (b"NONE (PERSONAL NONE)", b"BAD"),
])
def test_notify_is_asked_for_rightly(words, answer, server):
    with Client(server) as client:
        assert client.tagged(b"NOTIFY " + words).startswith(answer)


def test_a_push_is_not_lost_between_two_commands(server, box):
    """Many changes from several sides while the client goes in and out of IDLE: it hears of each message once."""
    with Client(server, b"QRESYNC", select=b"A") as client, Client(server) as other:
        exists = 3
        for index in range(50):
            tags = [other.command(b"APPEND A {3+}\r\nabc") for _ in range(2)]
            tag, found = client.idle()
            box.add(HELLO)
            found += client.done(tag)[0]
            for each in tags:
                other.until(each)
            found += client.do(b"NOOP")
            exists += 3
            counts = [int(line.split()[0]) for line in found if line.endswith(b" EXISTS")]
            assert counts == sorted(set(counts)) and counts[-1] == exists


def change_at_random(server, seed):
    rnd = messages.Random(seed)
    with Client(server, select=b"A") as client:
        for _ in range(60):
            uid = b"%d" % (1 + rnd.below(server.box("A").uidnext))
            client.do(rnd.choice([b"APPEND A {3+}\r\nabc", b"UID STORE %s +FLAGS (\\Seen)" % uid, b"UID STORE %s -FLAGS.SILENT (\\Seen)" % uid,
                                  b"UID COPY %s A" % uid, b"UID MOVE %s B" % uid, b"NOOP"]))


def apply(view, line):
    """What a client without QRESYNC makes of an untagged response: @view is its list of flags by sequence number."""
    number, _, rest = line.partition(b" ")
    if rest == b"EXPUNGE":
        del view[int(number) - 1]
    elif rest == b"EXISTS":
        view += [None] * (int(number) - len(view))
    elif rest.startswith(b"FETCH"):
        view[int(number) - 1] = b"\\Seen" in rest


@pytest.mark.parametrize("way", ["NOOP", "IDLE", "NOTIFY"])
def test_all_that_is_told_adds_up_to_what_is_there(way, server, box):
    view = [False] * 3
    with Client(server, select=b"A") as client:
        if way == "NOTIFY":
            client.do(b"NOTIFY SET (SELECTED (MessageNew (FLAGS) MessageExpunge FlagChange))")
        writers = [threading.Thread(target=change_at_random, args=(server, seed)) for seed in range(3)]
        for each in writers:
            each.start()
        while any(each.is_alive() for each in writers):
            if way == "IDLE":
                tag, found = client.idle()
                found += client.done(tag)[0]
            else:
                found = client.do(b"FETCH 1:* (FLAGS)")
            for line in found:
                apply(view, line)
        for each in writers:
            each.join()
        for line in client.do(b"NOOP") + (client.do(b"FETCH 1:* (FLAGS)") if way != "NOTIFY" else []):
            apply(view, line)
    assert view == ["\\Seen" in mail.flags for mail in box.mails] and len(server.box("B").mails) > 1


def test_closing_the_server_ends_who_idles(server):
    with Client(server, select=b"A") as client:
        client.idle()
        server.drop()
        with pytest.raises(EOFError):
            client.response()
