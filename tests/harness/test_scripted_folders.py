"""The scripted server keeps a tree of mailboxes as clients make it, and tells of it what they ask for."""
import re

import pytest
from lib import scripted
from lib.scripted import BASIC, FULL
from lib.scripted_client import Client

HELLO = b"From: a@example.org\r\nSubject: hello\r\n\r\nHello.\r\n"


@pytest.fixture
def server():
    with scripted.Server(capability=FULL) as made:
        made.add("A", [HELLO, HELLO + b"2"])
        made.add("A/Ž", [HELLO])
        made.add("Sent", attributes=["\\Sent"])
        yield made


@pytest.fixture
def client(server):
    with Client(server) as made:
        yield made


def names(server):
    return sorted(box.name for box in server.boxes.values() if box.selectable)


def test_create_makes_superiors_and_tells_the_id(server, client):
    tagged = client.tagged(b"CREATE New/Deep/er")
    assert tagged == b"OK [MAILBOXID (%s)] done" % server.box("New/Deep/er").id
    assert client.do(b'LIST "" New*') == [b'LIST (\\Noselect) "/" "New"', b'LIST (\\Noselect) "/" "New/Deep"', b'LIST () "/" "New/Deep/er"']
    assert client.tagged(b"CREATE New/Deep/er").startswith(b"NO [ALREADYEXISTS]")
    assert client.tagged(b"CREATE inbox").startswith(b"NO [ALREADYEXISTS]")
    client.do(b"CREATE New/")
    assert server.box("New").selectable
    for name in (b"x//y", b'"x*"', b"/x", b'""'):
        assert client.tagged(b"CREATE " + name).startswith(b"NO [CANNOT]")


def test_create_with_a_special_use(server, client):
    client.do(b"CREATE Archives (USE (\\Archive))")
    assert client.do(b'LIST "" Archives') == [b'LIST (\\Archive) "/" "Archives"']
    assert client.tagged(b"CREATE More (USE (\\archive))").startswith(b"NO [USEATTR]")
    assert client.tagged(b"CREATE More (USE (\\Strange))").startswith(b"NO [USEATTR]")
    server.capability = BASIC.encode()
    assert client.tagged(b"CREATE More (USE (\\Junk))").startswith(b"BAD")


def test_delete(server, client):
    assert client.tagged(b"DELETE INBOX").startswith(b"NO [CANNOT]")
    assert client.tagged(b"DELETE Nowhere").startswith(b"NO [NONEXISTENT]")
    client.do(b"DELETE A")
    assert b'LIST (\\Noselect) "/" "A"' in client.do(b'LIST "" *'), "its child needs its name"
    assert client.tagged(b"DELETE A").startswith(b"NO [HASCHILDREN]")
    client.do(b"DELETE A/&AX0-")
    client.do(b"DELETE A")
    assert names(server) == [b"INBOX", b"Sent"]


def test_a_mailbox_that_is_made_again_is_another_one(server, client):
    box = server.box("Sent")
    client.do(b"DELETE Sent")
    client.do(b"CREATE Sent")
    assert server.box("Sent").uidvalidity > box.uidvalidity and server.box("Sent").id != box.id


def test_rename_takes_what_is_below_and_keeps_the_ids(server, client):
    ids = [server.box("A").id, server.box("A/Ž").id]
    client.do(b"RENAME A Up/B")
    assert names(server) == [b"INBOX", b"Sent", b"Up/B", b"Up/B/&AX0-"]
    assert [server.box("Up/B").id, server.box("Up/B/Ž").id] == ids
    assert [mail.uid for mail in server.box("Up/B").mails] == [1, 2] and server.box("Up/B").uidvalidity == 1000
    assert client.tagged(b"RENAME Up Up/C").startswith(b"NO [CANNOT]")
    assert client.tagged(b"RENAME Nowhere C").startswith(b"NO [NONEXISTENT]")
    assert client.tagged(b"RENAME Sent INBOX").startswith(b"NO [ALREADYEXISTS]")
    assert client.tagged(b"RENAME Sent Up").startswith(b"NO [ALREADYEXISTS]")


def test_rename_of_inbox_moves_its_messages_only(server, client):
    inbox = server.box("INBOX")
    inbox.add(HELLO, ["\\Seen"], 7)
    server.add("INBOX/Below")
    client.do(b"RENAME INBOX Old")
    assert server.box("INBOX") is inbox and not inbox.mails and inbox.gone
    assert [(mail.raw, mail.flags, mail.when) for mail in server.box("Old").mails] == [(HELLO, {"\\Seen"}, 7)]
    assert server.box("Old").id != inbox.id
    assert b"INBOX/Below" in server.boxes


def test_subscriptions_are_their_own_list(server, client):
    client.do(b"CREATE New")
    client.do(b"UNSUBSCRIBE Sent")
    assert [line.split()[-1] for line in client.do(b'LSUB "" *')] == [b'"INBOX"', b'"A"', b'"A/&AX0-"']
    client.do(b"SUBSCRIBE New")
    assert client.tagged(b"SUBSCRIBE Nowhere").startswith(b"NO")
    client.do(b"RENAME New Newer")
    assert client.do(b'LIST (SUBSCRIBED) "" New*') == [b'LIST (\\Subscribed \\NonExistent) "/" "New"']
    assert client.do(b'LSUB "" New*') == [b'LSUB (\\Noselect) "/" "New"']
    assert client.do(b'LIST "" (INBOX Sent) RETURN (SUBSCRIBED)') == [b'LIST (\\Subscribed) "/" "INBOX"', b'LIST (\\Sent) "/" "Sent"']


def test_list_returns_what_is_asked_for(server, client):
    assert client.do(b'LIST "" % RETURN (CHILDREN SPECIAL-USE STATUS (MESSAGES UIDNEXT))') == [
        b'LIST (\\HasNoChildren) "/" "INBOX"', b'STATUS "INBOX" (MESSAGES 0 UIDNEXT 1)',
        b'LIST (\\HasChildren) "/" "A"', b'STATUS "A" (MESSAGES 2 UIDNEXT 3)',
        b'LIST (\\Sent \\HasNoChildren) "/" "Sent"', b'STATUS "Sent" (MESSAGES 0 UIDNEXT 1)']
    assert client.do(b'LIST (SPECIAL-USE) "" *') == [b'LIST (\\Sent) "/" "Sent"']
    assert client.do(b'LIST "" ""') == [b'LIST (\\Noselect) "/" ""']
    assert client.tagged(b'LIST "" * RETURN').startswith(b"BAD")


def test_status_knows_every_item(server, client):
    box = server.box("A")
    box.set_flags(1, "\\Seen")
    items = b"MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ MAILBOXID SIZE"
    assert client.do(b"STATUS A (" + items + b")") == [
        b'STATUS "A" (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 1000 UNSEEN 1 HIGHESTMODSEQ %d MAILBOXID (%s) SIZE %d)' %
        (box.modseq, box.id, 2 * len(HELLO) + 1)]
    assert client.tagged(b"STATUS Nowhere (MESSAGES)").startswith(b"NO [NONEXISTENT]")


def test_the_ids_of_mailboxes_and_messages(server, client):
    box = server.box("A")
    assert b"OK [MAILBOXID (%s)] it is" % box.id in client.do(b"SELECT A")
    client.do(b"UID COPY 1 Sent")
    found = [re.search(rb"EMAILID \((M[0-9a-f]+)\) THREADID NIL", line).group(1) for line in client.do(b"FETCH 1:2 (EMAILID THREADID)")]
    assert found[0] != found[1]
    client.do(b"SELECT Sent")
    assert client.do(b"FETCH 1 (EMAILID)") == [b"1 FETCH (EMAILID (%s))" % found[0]]
    server.capability = BASIC.encode()
    assert client.do(b"FETCH 1 (UID EMAILID)") == [b"1 FETCH (UID 1)"]
    assert not any(b"MAILBOXID" in line for line in client.do(b"SELECT A"))
    assert client.tagged(b"CREATE X") == b"OK done"


def test_a_test_may_change_the_tree_itself(server, client):
    server.rename("A", "B")
    server.remove("Sent")
    server.create("C")
    assert names(server) == [b"B", b"B/&AX0-", b"C", b"INBOX"]
    with pytest.raises(scripted.Refused):
        server.remove("Nowhere")
