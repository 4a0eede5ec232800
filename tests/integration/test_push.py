"""What users did, brought to the server: whatever it answers, and wherever the connection ends."""
import re

import pytest
from lib import messages
from lib.pushing import do, here, ids, operations, paths, rows, settled, sha, there
from lib.relay import Relay
from lib.scripted import BASIC, FULL, REV1, Session

pytestmark = pytest.mark.usefixtures("hasty")

MAILS = [messages.random_message("push", index) for index in range(8)]
NO_MOVE = FULL.replace(" MOVE", "")
PLAIN = REV1 + " UIDPLUS"
LADDER = pytest.mark.parametrize("capability", [FULL, NO_MOVE, PLAIN], ids=["full", "no-move", "plain"])


@pytest.fixture
def start(serve, home):
    """start(SessionClass, capability): a server with A (all of MAILS), B and Trash, and everything of it here."""
    def begin(session=None, capability=FULL):
        server = serve(session, capability=capability)
        server.add("A", MAILS)
        server.add("B")
        server.add("Trash", attributes=["\\Trash"])
        home.configure(**server.account())
        home.sync()
        assert here(home) == there(server)
        return server
    return begin


# Flags

@LADDER
def test_flags_are_added_and_removed(capability, start, home):
    server = start(capability=capability)
    server.box("A").set_flags(3, "\\Seen", "Work")
    home.sync()
    do(home, "flag", "\\Flagged $new", "", *paths(1, 2, 3, 8))
    do(home, "flag", "", "\\Seen WORK", *paths(3))
    settled(home, server)
    assert there(server)["A"][1][0] == {"\\Flagged", "$new"}
    assert there(server)["A"][3][0] == {"\\Flagged", "$new"}
    assert there(server)["A"][4][0] == set()


def test_what_another_client_set_meanwhile_is_learned_from_the_answer(start, home):
    server = start(capability=PLAIN)
    do(home, "flag", "\\Flagged", "", *paths(1))
    server.box("A").set_flags(1, "\\Seen", "Theirs")
    server.refuse[b"FETCH"] = b"NO [SERVERBUG] not now" # so the pull tells nothing
    home.run("sync")
    assert rows(home, "SELECT base_flags FROM messages WHERE uid = 1") == [("\\Seen \\Flagged Theirs",)]


def test_keywords_are_kept_as_the_server_spells_them(start, home):
    server = start()
    server.box("A").set_flags(5, "$Label1")
    do(home, "flag", "$LABEL1", "", *paths(1))
    settled(home, server)
    assert there(server)["A"][1][0] == {"$Label1"}


def test_a_keyword_that_the_server_does_not_keep_fails_visibly(start, home):
    server = start()
    server.box("A").permanent = {"\\Seen", "\\Flagged"}
    do(home, "flag", "\\Flagged mine", "", *paths(1))
    do(home, "flag", "\\Seen", "", *paths(2))
    done = home.run("sync")
    assert "does not keep the keyword mine" in done.err
    assert operations(home) == [("flags", "failed", "the server does not keep the keyword mine in A")]
    assert there(server)["A"][1][0] == {"\\Flagged"}
    assert there(server)["A"][2][0] == {"\\Seen"}
    home.run("sync")
    assert here(home) == there(server)


def test_flags_of_a_message_that_is_gone_are_no_error(start, home):
    server = start(capability=PLAIN)
    do(home, "flag", "\\Flagged", "", *paths(1, 2, 3))
    server.box("A").expunge(2)
    settled(home, server)
    assert set(there(server)["A"]) == {1, 3, 4, 5, 6, 7, 8}


def test_flags_refused_for_a_message_that_is_gone_are_no_error(start, home):
    """As Exchange does."""
    class Strict(Session):
        def do_UID_STORE(self, uids, *rest):
            chosen, missing = self.chosen(uids, True)[0], b"2" in re.split(rb"[,:]", uids) or b":" in uids
            if missing and not any(mail.uid == 2 for _, mail in chosen):
                self.tagged(b"NO does not have a message with UID 2")
                return
            super().do_UID_STORE(uids, *rest)
    server = start(Strict, PLAIN)
    do(home, "flag", "\\Flagged", "", *paths(1, 2, 3))
    server.box("A").expunge(2)
    settled(home, server)
    assert there(server)["A"][1][0] == there(server)["A"][3][0] == {"\\Flagged"}


def test_a_mailbox_for_reading_only_fails_visibly(start, home):
    server = start()
    server.box("A").read_only = True
    do(home, "flag", "\\Flagged", "", *paths(1))
    do(home, "copy", "test/B", *paths(2))
    home.run("sync")
    assert [each[:2] for each in operations(home)] == [("flags", "failed")]
    assert "READ-ONLY" in operations(home)[0][2]
    assert len(there(server)["B"]) == 1
    assert here(home) == there(server)


# Moves and copies

@LADDER
def test_messages_are_moved(capability, start, home):
    server = start(capability=capability)
    before = ids(home)
    do(home, "flag", "\\Flagged", "", *paths(3))
    do(home, "move", "test/B", *paths(1, 3, 4, 8))
    settled(home, server)
    moved = {body: flags for flags, body in there(server)["B"].values()}
    assert moved == {sha(MAILS[i]): {"\\Flagged"} if i == 2 else set() for i in (0, 2, 3, 7)}
    assert ids(home) == before, "the inodes are not those of before"


@LADDER
def test_messages_are_copied(capability, start, home):
    server = start(capability=capability)
    do(home, "copy", "test/B", *paths(1, 3, 4))
    do(home, "copy", "test/B", *paths(1)) # the same once more
    do(home, "copy", "test/A", *paths(1))
    settled(home, server)
    assert sorted(each[1] for each in there(server)["B"].values()) == sorted(sha(MAILS[i]) for i in (0, 0, 2, 3))
    assert len(there(server)["A"]) == 9


def test_a_message_is_copied_before_it_is_moved(start, home):
    server = start()
    server.add("C")
    home.sync()
    do(home, "copy", "test/B", *paths(1))
    do(home, "move", "test/C", *paths(1))
    do(home, "flag", "\\Seen", "", *paths(1, folder="C"))
    settled(home, server)
    assert [len(there(server)[name]) for name in "ABC"] == [7, 1, 1]


def copyuid(change):
    """A Session whose COPYUIDs are @change()d: bytes with the brackets."""
    class Changed(Session):
        def outgoing(self, response):
            return re.sub(rb"\[COPYUID [^]]*\] ", lambda match: change(match.group()), response)
    return Changed


@pytest.mark.parametrize("verb", ["move", "copy"])
@pytest.mark.parametrize("what", ["missing", "empty", "nonsense", "uidvalidity", "too-many"])
@pytest.mark.parametrize("capability", [FULL, NO_MOVE], ids=["full", "no-move"])
def test_without_a_usable_copyuid_the_target_tells(capability, what, verb, start, home):
    change = {"missing": lambda code: b"", "empty": lambda code: b"[COPYUID 1000 '' ''] ", "nonsense": lambda code: b"[COPYUID x] ",
              "uidvalidity": lambda code: code.replace(b" 1000 ", b" 9 "),
              "too-many": lambda code: re.sub(rb"(\S+)\] ", rb"\1,77] ", code)}[what]
    server = start(copyuid(change), capability)
    server.box("B").add(MAILS[7])
    home.sync()
    before = ids(home)
    do(home, verb, "test/B", *paths(1, 3, 4))
    settled(home, server)
    assert [each[1] for each in there(server)["B"].values()] == [sha(MAILS[i]) for i in (7, 0, 2, 3)]
    if verb == "move":
        assert all(ids(home)[sha(MAILS[i])] == before[sha(MAILS[i])] for i in (0, 2, 3))


def test_copyuid_is_a_list_of_pairs(start, home):
    """Out of order, as RFC 4315 allows."""
    class Backwards(Session):
        def copied(self, chosen, target):
            return super().copied(list(reversed(chosen)), target)

        def outgoing(self, response):
            return response.replace(b" 1:4 1:4]", b" 4,3,2,1 1:4]")
    server = start(Backwards)
    do(home, "move", "test/B", *paths(1, 2, 3, 4))
    settled(home, server)
    assert [each[1] for each in there(server)["B"].values()] == [sha(MAILS[i]) for i in (3, 2, 1, 0)]


def test_a_server_that_does_not_understand_move_is_asked_to_copy(start, home):
    class Broken(Session):
        def do_UID_MOVE(self, *_):
            self.tagged(b"BAD command unknown")
    server = start(Broken)
    do(home, "move", "test/B", *paths(1, 2, 3))
    settled(home, server)
    assert len(there(server)["B"]) == 3
    assert len(server.commands(b"UID MOVE")) == 1


@pytest.mark.parametrize("verb, command", [("move", b"MOVE"), ("copy", b"COPY")])
def test_one_that_is_refused_spoils_no_other(verb, command, start, home):
    server = start()

    def refuse(uids, *_):
        return b"NO [CANNOT] this one not" if b"5" in uids or uids == b"1:8" else None
    server.refuse[command] = refuse
    do(home, verb, "test/B", *paths(1, 2, 3, 5, 7))
    done = home.run("sync")
    assert "this one not" in done.err
    assert [each[1] for each in there(server)["B"].values()] == [sha(MAILS[i]) for i in (0, 1, 2, 6)]
    assert operations(home) == [(verb, "failed", "this one not")]
    if verb == "move":
        assert here(home) == there(server), "it is not shown where the server has it"


@pytest.mark.parametrize("verb", ["move", "copy"])
def test_a_target_that_goes_meanwhile(verb, start, home):
    server = start()
    server.refuse[verb.upper().encode()] = b"NO [TRYCREATE] no such mailbox"
    do(home, verb, "test/B", *paths(1, 2))
    done = home.run("sync")
    assert "no such mailbox" in done.err
    assert {each[1:] for each in operations(home)} == {("failed", "no such mailbox")}
    assert len(there(server)["A"]) == 8


@LADDER
@pytest.mark.parametrize("verb", ["move", "copy"])
def test_the_source_is_gone_meanwhile(verb, capability, start, home):
    server = start(capability=capability)
    do(home, verb, "test/B", *paths(1, 2, 3))

    class Late:
        """Another client removes it after the listing, before the command."""
        def __call__(self, *_):
            server.box("A").expunge(2)
            server.refuse.clear()
    server.refuse[b"STATUS"] = Late()
    home.run("sync")
    home.run("sync")
    settled(home, server)
    expected = {sha(MAILS[i]) for i in ((0, 2) if verb == "move" else (0, 1, 2))} # a copy of what is gone is uploaded
    assert {each[1] for each in there(server)["B"].values()} == expected


def test_a_target_with_another_uidvalidity_is_read_first(start, home):
    server = start()
    do(home, "move", "test/B", *paths(1, 2))
    box = server.box("B")
    box.renumber(2000)
    box.add(MAILS[7])

    class Late:
        def __call__(self, *_):
            box.renumber(3000)
            server.refuse.clear()
    server.refuse[b"STATUS"] = Late()
    home.run("sync")
    settled(home, server)
    assert [each[1] for each in there(server)["B"].values()] == [sha(MAILS[i]) for i in (7, 0, 1)]


def test_the_name_follows_the_uid(start, home, fuse):
    server = start()
    server.box("B").add(MAILS[7])
    home.sync()
    do(home, "move", "test/B", *paths(3))
    settled(home, server)
    with home.mount() as mount:
        assert set(mount.files()["B"]) == {1, 2}
        assert mount.messages()["B"][2] == MAILS[2]


# Removal

@LADDER
def test_removed_messages_go_to_the_trash(capability, start, home):
    server = start(capability=capability)
    do(home, "delete", *paths(1, 2, 8))
    settled(home, server)
    assert [each[1] for each in there(server)["Trash"].values()] == [sha(MAILS[i]) for i in (0, 1, 7)]
    assert len(there(server)["A"]) == 5


@LADDER
def test_expunged_are_exactly_those_that_are_meant(capability, start, home):
    server = start(capability=capability)
    server.box("A").set_flags(4, "\\Deleted") # by another client
    do(home, "expunge", "0", *paths(1, 3))
    settled(home, server)
    assert set(there(server)["A"]) == {2, 4, 5, 6, 7, 8}
    assert server.commands(b"EXPUNGE") == server.commands(b"CLOSE") == []


def test_what_the_server_will_not_expunge_is_not_left_marked(start, home):
    server = start()
    server.refuse[b"EXPUNGE"] = lambda uids: b"NO [CANNOT] it is kept for the law" if b"3" in uids or b":" in uids else None
    do(home, "expunge", "0", *paths(1, 2, 3))
    done = home.run("sync")
    assert "kept for the law" in done.err
    assert operations(home) == [("remove", "failed", "it is kept for the law")]
    assert set(there(server)["A"]) == {3, 4, 5, 6, 7, 8}
    assert there(server)["A"][3][0] == set()
    home.run("sync")
    assert here(home) == there(server)


def test_without_uidplus_a_person_has_to_confirm(start, home):
    server = start(capability=BASIC)
    do(home, "expunge", "0", *paths(1, 3))
    home.run("sync")
    (held, *_) = operations(home)
    assert held[:2] == ("remove", "held")
    assert "no UIDPLUS" in held[2]
    assert server.commands(b"EXPUNGE") == []
    assert there(server)["A"][1][0] == there(server)["A"][3][0] == {"\\Deleted"}
    home.run("sync")
    assert server.commands(b"EXPUNGE") == []

    server.box("A").set_flags(4, "\\Deleted")
    do(home, "confirm", "test")
    home.run("sync")
    assert server.commands(b"EXPUNGE") == [], "what another client marked would have gone, too"
    assert [each[1] for each in operations(home)] == ["held", "held"]
    assert "1 others" in operations(home)[0][2]

    server.box("A").set_flags(4)
    do(home, "confirm", "test")
    settled(home, server)
    assert set(there(server)["A"]) == {2, 4, 5, 6, 7, 8}
    assert server.commands(b"EXPUNGE") == [b"EXPUNGE"]


def test_without_uidplus_a_move_waits_with_its_copy(start, home):
    server = start(capability=BASIC)
    do(home, "move", "test/B", *paths(1, 3))
    home.run("sync")
    assert [each[:2] for each in operations(home)] == [("move", "held")] * 2
    assert [each[1] for each in there(server)["B"].values()] == [sha(MAILS[0]), sha(MAILS[2])]
    assert set(there(server)["A"]) == set(range(1, 9))
    do(home, "confirm", "test")
    settled(home, server)
    assert set(there(server)["A"]) == {2, 4, 5, 6, 7, 8}
    assert len(there(server)["B"]) == 2


def test_in_gmail_a_label_is_taken_away(start, home):
    server = start(capability=FULL + " X-GM-EXT-1")
    server.add("All", MAILS, attributes=["\\All"])
    home.sync()
    do(home, "delete", *paths(1, 2))
    do(home, "delete", *paths(8, folder="All"))
    settled(home, server)
    assert set(there(server)["A"]) == {3, 4, 5, 6, 7, 8}
    assert [each[1] for each in there(server)["Trash"].values()] == [sha(MAILS[7])]
    assert set(there(server)["All"]) == set(range(1, 8))


# Whatever happens on the way

KINDS = {
    "flag": ("STORE", lambda home: do(home, "flag", "\\Flagged mine", "", *paths(1, 2, 5))),
    "unflag": ("STORE", lambda home: do(home, "flag", "", "\\Seen", *paths(7, 8))),
    "move": ("MOVE", lambda home: do(home, "move", "test/B", *paths(1, 2, 5))),
    "copy": ("COPY", lambda home: do(home, "copy", "test/B", *paths(1, 2, 5))),
    "delete": ("MOVE", lambda home: do(home, "delete", *paths(1, 2, 5))),
    "expunge": ("EXPUNGE", lambda home: do(home, "expunge", "0", *paths(1, 2, 5))),
}
EXPECTED = {
    "move": {"A": (2, 3, 5, 6, 7), "B": (0, 1, 4), "Trash": ()},
    "copy": {"A": range(8), "B": (0, 1, 4), "Trash": ()},
    "delete": {"A": (2, 3, 5, 6, 7), "B": (), "Trash": (0, 1, 4)},
    "expunge": {"A": (2, 3, 5, 6, 7), "B": (), "Trash": ()},
}


def check_end(kind, server):
    found = {name: sorted(each[1] for each in mails.values()) for name, mails in there(server).items() if name != "INBOX"}
    expected = EXPECTED.get(kind, {"A": range(8), "B": (), "Trash": ()})
    assert found == {name: sorted(sha(MAILS[i]) for i in indexes) for name, indexes in expected.items()}
    if kind == "flag":
        assert [uid for uid, (flags, _) in there(server)["A"].items() if flags >= {"\\Flagged", "mine"}] == [1, 2, 5]
    if kind == "unflag":
        assert not any("\\Seen" in flags for flags, _ in there(server)["A"].values())


def prepare(kind, start, home, capability):
    server = start(capability=capability)
    for uid in (7, 8):
        server.box("A").set_flags(uid, "\\Seen")
    home.sync()
    KINDS[kind][1](home)
    return server


@pytest.mark.parametrize("when", ["cut_before_action", "cut_before_untagged", "cut_before_reply"])
@pytest.mark.parametrize("kind", KINDS)
@LADDER
def test_a_cut_loses_and_doubles_nothing(capability, kind, when, start, home):
    server = prepare(kind, start, home, capability)
    before = ids(home)
    command = KINDS[kind][0]
    setattr(server, when, "COPY" if command == "MOVE" and capability is not FULL else command)
    assert home.run("sync").status == 69
    assert getattr(server, when) is None, "it was not cut"
    settled(home, server)
    check_end(kind, server)
    if kind in ("move", "delete"):
        assert all(ids(home)[body] == before[body] for body in (sha(MAILS[i]) for i in (0, 1, 4))), "inodes were lost"


@pytest.mark.parametrize("when", ["cut_before_action", "cut_before_untagged", "cut_before_reply"])
@pytest.mark.parametrize("command", ["STORE", "EXPUNGE"])
def test_a_cut_while_the_source_is_removed(command, when, start, home):
    server = start(capability=NO_MOVE)
    before = ids(home)
    do(home, "move", "test/B", *paths(1, 2, 5))
    setattr(server, when, command)
    assert home.run("sync").status == 69
    assert len(there(server)["B"]) == 3
    settled(home, server)
    check_end("move", server)
    assert ids(home) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_busy_is_asked_later(kind, start, home):
    server = prepare(kind, start, home, FULL)
    server.refuse[KINDS[kind][0].encode()] = b"NO [UNAVAILABLE] come back later"
    done = home.run("sync")
    assert done.status == 75, str(done)
    assert {each[1] for each in operations(home)} == {"queued"}
    server.refuse.clear()
    settled(home, server)
    check_end(kind, server)


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_opened_stays_queued_and_stops_no_other(kind, start, home):
    server = prepare(kind, start, home, FULL)
    server.add("C", MAILS[:2])
    refuse = lambda name, *_: b"NO [SERVERBUG] not today" if name == b"A" else None
    server.refuse[b"SELECT"] = server.refuse[b"EXAMINE"] = refuse # to copy is to read
    done = home.run("sync")
    assert done.status == 75, str(done)
    assert {each[1] for each in operations(home)} == {"queued"}
    server.refuse.clear()
    settled(home, server)


def test_what_is_put_off_again_and_again_keeps_nothing_else_from_being_done(start, home):
    server = start()
    server.refuse[b"STORE"] = lambda uids, *_: b"NO [INUSE] somebody is at it" if uids == b"2" else None
    do(home, "flag", "\\Flagged", "", "test/A/~2")
    do(home, "move", "test/B", "test/A/~3")
    do(home, "expunge", "0", "test/A/~1")
    for _ in range(3):
        assert home.run("sync").status == 75
    assert {1, 3}.isdisjoint(mail.uid for mail in server.box("A").mails)
    assert operations(home) == [("flags", "queued", "somebody is at it")]
    server.refuse.clear()
    settled(home, server)
    assert there(server)["A"][2][0] == {"\\Flagged"}


def test_what_was_not_tried_says_nothing(start, home):
    server = start()
    server.refuse[b"STORE"] = lambda uids, *_: b"NO [INUSE] somebody is at it" if uids == b"1:2" else b"NO not all of these"
    do(home, "flag", "\\Flagged", "", *paths(1, 2, 3, 4))
    assert home.run("sync").status == 75
    assert operations(home) == [("flags", "queued", "somebody is at it")] * 2 + [("flags", "queued", None)] * 2
    server.refuse.clear()
    settled(home, server)


# Costs

@pytest.mark.parametrize("kind, most", [("flag", 2), ("move", 4)])
def test_a_thousand_cost_a_few_flights(kind, most, serve, home):
    """Besides those that a run with nothing to send has; on a line that is long enough for what is pipelined to show."""
    server = serve(capability=FULL)
    server.add("A", [b"Subject: %d\r\nFrom: a@example.org\r\n\r\n%d\r\n" % (number, number) for number in range(2200)])
    server.add("B")
    with Relay(server.port) as line:
        home.configure(**{**server.account(), "port": line.port})
        home.sync()
        line.latency_s = 0.02
        line.clear()
        home.sync()
        idle = line.flights
        do(home, *(["flag", "\\Flagged", "", *paths(*range(1, 2001, 2))] if kind == "flag" else
                   ["move", "test/B", *paths(*range(1, 2001, 2))]))
        line.clear()
        home.sync()
        server_side = [each for each in server.commands() if re.match(rb"UID (STORE|MOVE)", each)]
        pulls = len([1 for each in server.commands(b"EXAMINE")])
    print("flights", line.flights, "idle", idle, "commands", len(server_side), "pulls", pulls)
    after = 1 if kind == "flag" else 2 # each mailbox that was changed is looked at again
    assert line.flights - idle - after <= most
    assert len(there(server)["B"]) == (1000 if kind == "move" else 0)
    assert operations(home) == []


# Dovecot

@pytest.mark.parametrize("profile", ["all", "no-move", "no-qresync", "no-uidplus", "rev1"])
def test_dovecot(profile, remote_with, home):
    remote = remote_with(profile, "/")
    with remote.connect() as account:
        account.create("A", "B", "Trash")
        account.append("A", MAILS)
    home.configure(**remote.keys())
    home.sync()
    do(home, "flag", "\\Flagged mine", "", *paths(1, 2, 3))
    do(home, "copy", "test/B", *paths(2))
    do(home, "move", "test/B", *paths(3, 4))
    do(home, "delete", *paths(7, 8))
    home.run("sync")
    if operations(home):
        assert profile in ("no-uidplus", "rev1")
        assert {each[:2] for each in operations(home)} == {("move", "held")}
        do(home, "confirm", "test")
    home.sync()
    assert operations(home) == []
    with remote.connect() as account:
        found = {path: {uid: (frozenset(flags), sha(raw)) for uid, (flags, raw) in mails.items()}
                 for path, mails in account.contents().items()}
    assert here(home) == found
    assert sorted(each[1] for each in found["B"].values()) == sorted(sha(MAILS[i]) for i in (1, 2, 3))
    assert sorted(each[1] for each in found["Trash"].values()) == sorted(sha(MAILS[i]) for i in (6, 7))
    assert {uid for uid, (flags, _) in found["A"].items() if "\\Flagged" in flags} == {1, 2}
