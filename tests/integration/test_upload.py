"""New messages brought to the server, and what became of those that were sent when the connection ended."""
import re

import pytest
from lib import messages
from lib.pushing import do, here, operations, rows, settled, sha, there
from lib.relay import Relay
from lib.scripted import FULL, REV1, Cut, Session

pytestmark = pytest.mark.usefixtures("hasty")

PLAIN = REV1 + " UIDPLUS"
NO_UIDPLUS = REV1
LADDER = pytest.mark.parametrize("capability", [FULL, PLAIN, NO_UIDPLUS], ids=["full", "no-multiappend", "no-uidplus"])
WHEN = pytest.mark.parametrize("when", ["cut_before_action", "cut_before_reply"])
DATE = 1_700_000_000


def mail(number, body="A body.\n"):
    return messages.message(body, subject=f"upload {number}", message_id=f"upload-{number}@example.org")


MAILS = [mail(number) for number in range(5)]


@pytest.fixture
def start(serve, home):
    """start(SessionClass, capability): a server with A, B and Trash, empty, and everything of it here."""
    def begin(session=None, capability=FULL):
        server = serve(session, capability=capability)
        for name in ("A", "B"):
            server.add(name)
        server.add("Trash", attributes=["\\Trash"])
        home.configure(**server.account())
        home.sync()
        return server
    return begin


@pytest.fixture
def append(home, tmp_path):
    """append(*messages, folder=, flags=, date=): as a user does between two runs."""
    count = 0

    def add(*raws, folder="A", flags="", date=DATE):
        nonlocal count
        files = []
        for raw in raws:
            count += 1
            files.append(tmp_path / f"{count}")
            files[-1].write_bytes(raw)
        do(home, "append", f"test/{folder}", flags, str(date), *map(str, files))
    return add


def arrived(server, folder="A"):
    """[(content, date)] in the order of UIDs."""
    return [(mail.raw, mail.when) for mail in server.box(folder).mails]


def waiting(home):
    """What is only here: [(state, content)]"""
    return rows(home, "SELECT m.state, lower(hex(d.sha256)) FROM messages m JOIN bodies d ON d.id = m.body"
                      " WHERE m.uid IS NULL AND m.name IS NOT NULL ORDER BY m.id")


@LADDER
def test_bytes_flags_and_dates_arrive(capability, start, append, home):
    server = start(capability=capability)
    append(MAILS[0], flags="\\Seen \\Flagged $Label1", date=DATE)
    append(*MAILS[1:], date=DATE + 86400)
    settled(home, server)
    assert arrived(server) == [(MAILS[0], DATE)] + [(raw, DATE + 86400) for raw in MAILS[1:]]
    assert server.box("A").mails[0].flags == {"\\Seen", "\\Flagged", "$Label1"}
    assert not any("\\Recent" in command.decode("latin-1") for command in server.commands(b"APPEND"))
    assert len(server.commands(b"APPEND")) == (1 if capability == FULL else 5)
    assert not any(b"BODY.PEEK[]" in command for command in server.commands(b"UID FETCH")), "they were downloaded again"


@pytest.mark.parametrize("date", [0, -1, 951782400, 4102444799])
def test_any_date(date, start, append, home):
    server = start()
    append(MAILS[0], date=date)
    settled(home, server)
    assert arrived(server) == [(MAILS[0], date)]


def test_names_follow_the_uid(start, append, home, fuse):
    server = start()
    server.box("A").uidnext = 77
    append(MAILS[0])
    settled(home, server)
    with home.mount() as mount:
        (path,) = mount.files()["A"].values()
        assert path.name.startswith("2023-11-14 22.13 ") and path.name.endswith(" - upload 0 ~77.eml")
        assert path.read_bytes() == MAILS[0]


def test_large_ones_are_streamed(start, append, home):
    server = start()
    large = mail("large", "0123456789abcde\n" * 300_000)
    append(MAILS[0], large, MAILS[1], large.replace(b"upload large", b"upload huge"))
    settled(home, server)
    assert [len(raw) for raw, _ in arrived(server)] == [len(MAILS[0]), len(large), len(MAILS[1]), len(large) - 1]


# What the server cannot take

def test_nul_goes_as_literal8(start, append, home):
    server = start()
    raw = mail("nul").replace(b"body", b"b\0dy")
    append(MAILS[0], raw, MAILS[1])
    settled(home, server)
    assert [each for each, _ in arrived(server)] == [MAILS[0], raw, MAILS[1]]
    assert len([command for command in server.commands(b"APPEND") if b"~{" in command]) == 1


def test_nul_without_binary_fails_visibly(start, append, home):
    server = start(capability=PLAIN)
    raw = mail("nul").replace(b"body", b"b\0dy")
    append(MAILS[0], raw, MAILS[1])
    done = home.run("sync")
    assert done.status == 75 and "BINARY" in done.err
    assert [each for each, _ in arrived(server)] == MAILS[:2]
    assert [each[:2] for each in operations(home)] == [("append", "failed")]
    assert waiting(home) == [(4, sha(raw))]


@pytest.mark.parametrize("limit", ["APPENDLIMIT=2000", None], ids=["by its limit", "by its refusal"])
def test_too_big_fails_with_the_servers_words(limit, start, append, home):
    server = start(capability=FULL + (f" {limit}" if limit else ""))
    large = mail("large", "x" * 4000)
    if not limit:
        server.refuse[b"APPEND"] = lambda name, *rest: \
            b"NO [TOOBIG] over the limit" if any(len(each) > 2000 for each in rest if isinstance(each, bytes)) else None
    append(MAILS[0], large, MAILS[1])
    done = home.run("sync")
    assert done.status == 75
    assert [each for each, _ in arrived(server)] == MAILS[:2]
    (kind, state, words), = operations(home)
    assert (kind, state) == ("append", "failed") and ("APPENDLIMIT" in words if limit else words == "over the limit")
    before = len(server.modifying())
    home.run("sync")
    assert len(server.modifying()) == before, "what has failed was tried again"
    assert waiting(home) == [(4, sha(large))]


def test_too_big_is_not_even_queued(start, home, tmp_path):
    """What the server said of itself when it was asked last is known."""
    server = start(capability=FULL + " APPENDLIMIT=2000")
    small, large, lines = tmp_path / "small", tmp_path / "large", tmp_path / "lines"
    small.write_bytes(MAILS[0])
    large.write_bytes(mail("large", "x" * 4000))
    text = mail("lines", "\n" * 900).replace(b"\r\n", b"\n") # only as long as that before the line ends are made right
    assert len(text) < 2000 < len(text.replace(b"\n", b"\r\n"))
    lines.write_bytes(text)
    for each in (large, lines):
        home.fails(64, "append", "test/A", str(small), str(each), mentions="larger than the messages that the server takes: 2000 bytes")
    assert operations(home) == [] and waiting(home) == []
    assert home.run("append", "test/A", str(small)).status == 0
    home.sync()
    assert [each for each, _ in arrived(server)] == [MAILS[0]]


def test_a_file_without_an_end_is_not_read(start, home, tmp_path):
    start()
    endless = tmp_path / "endless"
    with endless.open("wb") as file:
        file.write(MAILS[0])
        file.truncate(1 << 40)
    home.fails(64, "append", "test/A", str(endless), mentions="larger than 2 GiB", timeout=20)


def test_one_that_is_refused_spoils_no_other(start, append, home):
    server = start()
    many = [mail(number) for number in range(37)]
    bad = {many[0], many[17], many[36]}
    server.refuse[b"APPEND"] = lambda name, *rest: \
        b"NO not this one" if any(bytes(each) in bad for each in rest if isinstance(each, bytes)) else None
    append(*many)
    assert home.run("sync").status == 75
    assert {raw for raw, _ in arrived(server)} == set(many) - bad and len(arrived(server)) == 34
    assert operations(home) == [("append", "failed", "not this one")] * 3
    server.refuse.clear()
    do(home, "retry", "test")
    settled(home, server)
    assert sorted(raw for raw, _ in arrived(server)) == sorted(many)


def test_over_quota_is_asked_again_later(start, append, home):
    server = start()
    small = [mail(number) for number in range(20)]
    large = [mail(number, "x" * 3000) for number in ("x", "y", "z")]
    server.quota = {b"STORAGE": 9}
    append(*small[:10], *large, *small[10:])
    done = home.run("sync")
    assert done.status == 75 and "no room" not in str([each for each in operations(home) if each[1] != "queued"])
    came = [raw for raw, _ in arrived(server)]
    assert len(came) == len(set(came)) and len(came) >= 20, "what there was room for did not come"
    assert {each[:2] for each in operations(home)} == {("append", "queued")}
    assert any(each[2] == "no room" for each in operations(home))
    assert re.search(r"^mailtree: warning: test: A: append: no room ", done.err, re.M), "the server's words are told"
    with home.mount():
        done = home.run("sync")
    assert done.status == 75 and len(re.findall(r"^mailtree: warning: test: #\d+ append in .*: queued: (?:no room|over quota)", done.err, re.M)) == 3
    shown = home.run("status").out
    assert re.search(r"^  to be sent    3 changes\n    #\d+ append .*: (no room|over quota)", shown, re.M)
    assert "  error  " not in shown, "the synchronisation has not failed"
    assert rows(home, "SELECT min(not_before) > unixepoch() FROM operations WHERE ended = 0") == [(1,)]
    server.quota = {b"STORAGE": 1000}
    settled(home, server)
    assert sorted(raw for raw, _ in arrived(server)) == sorted(small + large)


def test_a_full_mailbox_is_not_asked_for_ever(start, append, home):
    server = start()
    server.quota = {b"STORAGE": 0}
    append(*[mail(number) for number in range(150)])
    assert home.run("sync").status == 75
    assert {each[:2] for each in operations(home)} == {("append", "queued")} and arrived(server) == []
    assert len(server.commands(b"APPEND")) < 12


def test_keywords_that_are_refused_are_left_out(start, append, home):
    server = start()
    server.refuse[b"APPEND"] = lambda name, *rest: \
        b"NO no such keyword" if any(b"$strange" in each for each in rest if isinstance(each, list)) else None
    append(MAILS[0], flags="\\Seen $strange")
    append(MAILS[1], flags="\\Flagged")
    settled(home, server)
    assert sorted(sorted(each.flags) for each in server.box("A").mails) == [["\\Flagged"], ["\\Seen"]]


@pytest.mark.parametrize("capability", [FULL, PLAIN], ids=["full", "no-multiappend"])
def test_the_mailbox_goes_meanwhile(capability, start, append, home):
    """It is made again: the message is only here."""
    server = start(capability=capability)
    append(*MAILS)
    server.refuse[b"APPEND"] = b"NO [TRYCREATE] no such mailbox"
    assert home.run("sync").status == 75
    assert {each[1] for each in operations(home)} == {"queued"}
    server.refuse.clear()
    server.remove("A")
    settled(home, server)
    assert [raw for raw, _ in arrived(server)] == MAILS


def test_a_server_that_is_busy_is_left_alone(start, append, home):
    server = start()
    server.refuse[b"APPEND"] = b"NO [LIMIT] not so much in a day"
    append(*[mail(number) for number in range(350)])
    assert home.run("sync").status == 75
    assert {each[:2] for each in operations(home)} == {("append", "queued")}
    assert len(server.commands(b"APPEND")) <= 4
    server.refuse.clear()
    settled(home, server)
    assert len(arrived(server)) == 350


def test_a_keyword_as_gmail_has_them_goes_with_its_message(start, append, home):
    server = start()
    append(MAILS[0], flags="\\Seen x]y")
    settled(home, server)
    assert [sorted(each.flags) for each in server.box("A").mails] == [["\\Seen", "x]y"]]


class CutsABody(Session):
    def execute(self, name, arguments, literals):
        if name == b"UID FETCH" and b"BODY.PEEK[]" in arguments and not self.server.has_cut:
            self.server.has_cut = True
            raise Cut
        super().execute(name, arguments, literals)


def test_what_was_put_off_is_not_tried_again_on_a_new_connection(serve, append, home):
    server = serve(CutsABody, capability=FULL)
    server.has_cut = False
    server.add("A")
    home.configure(**server.account(connections=1))
    home.sync()
    server.box("INBOX").add(MAILS[1])
    server.quota = {b"STORAGE": 0}
    append(MAILS[0])
    assert home.run("sync").status == 75
    assert server.has_cut and rows(home, "SELECT count(*) FROM messages WHERE body IS NULL") == [(0,)]
    assert len(server.commands(b"APPEND")) == 1


def test_only_what_the_connection_ended_at_counts_as_lost(start, append, home):
    server = start()
    server.quota = {b"STORAGE": 0}
    append(MAILS[0])
    for _ in range(5):
        assert home.run("sync").status == 75
    server.quota = {b"STORAGE": 1000}
    server.cut_before_action = "APPEND"
    assert home.run("sync").status == 69
    settled(home, server)
    same(server, MAILS[0])


def test_what_was_not_tried_says_nothing(start, append, home):
    server = start()
    many = [mail(number) for number in range(200)]

    def refuse(name, *rest):
        raws = [bytes(each) for each in rest if isinstance(each, bytes)]
        return b"NO [LIMIT] not so much in a day" if many[0] in raws else b"NO not one of these"
    server.refuse[b"APPEND"] = refuse
    append(*many)
    assert home.run("sync").status == 75
    words = [each[2] for each in operations(home)]
    assert sorted(words, key=str) == [None] * 100 + ["not so much in a day"] * 100
    assert rows(home, "SELECT undone, losses, count(*) FROM operations GROUP BY undone") == [(0, 0, 100), (1, 0, 100)]
    server.refuse.clear()
    settled(home, server)
    same(server, *many)


# Where it is

class NoAppendUid(Session):
    def tagged(self, text):
        super().tagged(re.sub(rb"\[APPENDUID [^]]*\] ", b"", text))


class StrangeAppendUid(NoAppendUid):
    def tagged(self, text):
        Session.tagged(self, re.sub(rb"\[APPENDUID (\d+) \S+\]", rb"[APPENDUID \1 1:4000000000]", text))


class OtherAppendUid(NoAppendUid):
    def tagged(self, text):
        Session.tagged(self, re.sub(rb"\[APPENDUID \d+ ", b"[APPENDUID 4711 ", text))


class OtherZone(NoAppendUid):
    def fetch_item(self, mail, item):
        if item.upper() == b"INTERNALDATE":
            return b'INTERNALDATE "' + messages.imap_date(mail.when + 5400).replace("+0000", "+0130").encode() + b'"'
        return super().fetch_item(mail, item)


class OwnDate(NoAppendUid):
    def appended(self, left):
        made = super().appended(left)
        for each in made:
            each.when = 1_650_000_000
        return made


class WrongSize(NoAppendUid):
    def fetch_item(self, mail, item):
        found = super().fetch_item(mail, item)
        return b"RFC822.SIZE %d" % (len(mail.raw) + 7) if item.upper() == b"RFC822.SIZE" else found


class Changing(NoAppendUid):
    """Exchange."""
    def appended(self, left):
        made = super().appended(left)
        for each in made:
            each.raw = b"X-Message-Flag: 1\r\n" + each.raw
        return made


class SeenAfterNoop(NoAppendUid):
    """What was appended shows after the next NOOP or CHECK."""
    hidden = False

    def do_APPEND(self, *arguments):
        self.server.hiding = True
        super().do_APPEND(*arguments)

    def do_NOOP(self):
        self.server.hiding = False
        super().do_NOOP()

    def fetch(self, chosen, *rest):
        super().fetch([] if getattr(self.server, "hiding", False) else chosen, *rest)


@pytest.mark.parametrize("session", [NoAppendUid, StrangeAppendUid, OtherAppendUid, OtherZone, OwnDate, WrongSize,
                                     Changing, SeenAfterNoop])
def test_without_a_usable_uid_the_mailbox_tells(session, start, append, home):
    server = start(session)
    server.add("A", [mail("old")])
    home.sync()
    append(*MAILS, MAILS[0])
    if session is not Changing:
        append(mail("no id").replace(b"Message-ID", b"X-Other"), folder="B")
    home.sync()
    assert operations(home) == []
    assert len(arrived(server)) == 7 and len(arrived(server, "B")) == (session is not Changing)
    assert waiting(home) == []
    before = len(server.modifying())
    home.sync()
    assert server.modifying()[before:] == [] and operations(home) == []
    assert {folder: set(found) for folder, found in here(home).items()} == \
        {folder: set(found) for folder, found in there(server).items()}
    if session is not Changing:
        assert here(home) == there(server)


class Vanishing(Session):
    """Gmail takes a duplicate, and it is gone."""
    def do_APPEND(self, name, *arguments):
        super().do_APPEND(name, *arguments)
        self.server.box("A").expunge(*[each.uid for each in self.server.box("A").mails if each.raw == MAILS[0]])


class VanishingWithoutUid(NoAppendUid, Vanishing):
    pass


def test_what_is_taken_and_gone_is_not_sent_for_ever(start, append, home):
    server = start(Vanishing)
    append(MAILS[0], MAILS[1])
    settled(home, server)
    assert len(server.commands(b"APPEND")) == 1 and [raw for raw, _ in arrived(server)] == [MAILS[1]]


def test_what_is_taken_and_not_shown_waits_for_a_person(start, append, home):
    server = start(VanishingWithoutUid)
    append(MAILS[0], MAILS[1])
    for _ in range(3):
        assert home.run("sync").status == 75
    assert len(server.commands(b"APPEND")) == 1
    assert [each[:2] for each in operations(home)] == [("append", "held")]
    assert "does not show it" in operations(home)[0][2]
    assert [body for _, body in waiting(home)] == [sha(MAILS[0])]


# Cuts

def same(server, *wanted, folder="A"):
    assert sorted(raw for raw, _ in arrived(server, folder)) == sorted(wanted)


@WHEN
@LADDER
def test_a_cut_loses_and_doubles_nothing(capability, when, start, append, home):
    server = start(capability=capability)
    append(*MAILS)
    before = rows(home, "SELECT id, body FROM messages ORDER BY id")
    setattr(server, when, ("APPEND", 1 if capability == FULL else 3))
    assert home.run("sync").status == 69
    assert getattr(server, when) is None, "it was not cut"
    settled(home, server)
    same(server, *MAILS)
    assert rows(home, "SELECT id, body FROM messages ORDER BY id") == before, "inodes were lost"


@WHEN
@LADDER
def test_identical_ones(capability, when, start, append, home):
    server = start(capability=capability)
    append(MAILS[0], MAILS[0], MAILS[1], MAILS[0])
    setattr(server, when, ("APPEND", 1 if capability == FULL else 2))
    assert home.run("sync").status == 69
    settled(home, server)
    same(server, MAILS[0], MAILS[0], MAILS[0], MAILS[1])


@WHEN
@LADDER
def test_one_that_is_there_already(capability, when, start, append, home):
    server = start(capability=capability)
    server.box("A").add(MAILS[0], when=DATE)
    home.sync()
    append(MAILS[0])
    setattr(server, when, "APPEND")
    assert home.run("sync").status == 69
    settled(home, server)
    same(server, MAILS[0], MAILS[0])


@pytest.mark.parametrize("capability", [FULL, NO_UIDPLUS], ids=["full", "no-uidplus"])
def test_another_clients_is_not_ours(capability, start, append, home):
    """Ours is there; the other has its own date."""
    server = start(capability=capability)
    append(MAILS[0])
    server.cut_before_reply = "APPEND"
    assert home.run("sync").status == 69
    server.box("A").add(MAILS[0], when=DATE + 5)
    settled(home, server)
    assert arrived(server) == [(MAILS[0], DATE), (MAILS[0], DATE + 5)]
    assert rows(home, "SELECT uid FROM messages ORDER BY id") == [(1,), (2,)]


def test_another_clients_may_be_ours(start, append, home):
    """Ours is not there, but how should one know?"""
    server = start()
    append(MAILS[0])
    server.cut_before_action = "APPEND"
    assert home.run("sync").status == 69
    server.box("A").add(MAILS[0], when=DATE + 5)
    done = home.run("sync")
    assert done.status == 75
    assert [each[:2] for each in operations(home)] == [("append", "held")]
    assert "may or may not be" in operations(home)[0][2]
    assert len(arrived(server)) == 1 and [body for _, body in waiting(home)] == [sha(MAILS[0])]
    do(home, "confirm", "test")
    settled(home, server)
    assert arrived(server) == [(MAILS[0], DATE + 5), (MAILS[0], DATE)]


@pytest.mark.parametrize("when, held", [("cut_before_action", False), ("cut_before_reply", True)])
def test_a_new_uidvalidity_meanwhile(when, held, start, append, home):
    server = start()
    append(MAILS[0])
    setattr(server, when, "APPEND")
    assert home.run("sync").status == 69
    server.box("A").renumber(2000)
    if held:
        assert home.run("sync").status == 75
        assert [each[:2] for each in operations(home)] == [("append", "held")]
        same(server, MAILS[0])
    else:
        settled(home, server)
        same(server, MAILS[0])


@WHEN
def test_the_mailbox_goes_after_the_cut(when, start, append, home):
    server = start()
    append(*MAILS[:2])
    setattr(server, when, "APPEND")
    assert home.run("sync").status == 69
    server.remove("A")
    settled(home, server)
    same(server, *MAILS[:2])


@WHEN
@pytest.mark.parametrize("session", [OtherZone, WrongSize, SeenAfterNoop])
def test_a_cut_and_a_strange_server(session, when, start, append, home):
    server = start(session)
    append(*MAILS)
    setattr(server, when, "APPEND")
    assert home.run("sync").status == 69
    settled(home, server)
    same(server, *MAILS)


def test_changed_on_its_way_and_cut(start, append, home):
    """Nobody can tell; nothing is sent twice."""
    server = start(Changing)
    append(MAILS[0])
    server.cut_before_reply = "APPEND"
    assert home.run("sync").status == 69
    assert home.run("sync").status == 75
    assert [each[:2] for each in operations(home)] == [("append", "held")]
    assert len(arrived(server)) == 1


class RefusesHeaders(Session):
    def do_UID_FETCH(self, uids, items, *rest):
        if b"BODY.PEEK[HEADER]" in [item.upper() for item in (items if isinstance(items, list) else [items])]:
            self.tagged(b"NO [SERVERBUG] not these")
        else:
            super().do_UID_FETCH(uids, items, *rest)


def test_what_the_server_will_not_show_is_no_proof(start, append, home):
    server = start(RefusesHeaders)
    append(MAILS[0])
    server.cut_before_reply = "APPEND"
    assert home.run("sync").status == 69
    home.run("sync")
    assert [each[:2] for each in operations(home)] == [("append", "held")]
    assert len(arrived(server)) == 1


def test_a_copy_and_an_upload_of_the_same(start, append, home):
    """The one that is found first does not take the other's."""
    server = start()
    server.box("B").add(MAILS[0], when=DATE)
    home.sync()
    append(MAILS[0])
    do(home, "copy", "test/A", "test/B/~1")
    server.cut_before_reply = "COPY"
    assert home.run("sync").status == 69
    settled(home, server)
    same(server, MAILS[0], MAILS[0])


@pytest.mark.parametrize("capability", [FULL, PLAIN, NO_UIDPLUS], ids=["full", "no-multiappend", "no-uidplus"])
def test_cut_again_and_again_it_still_gets_there(capability, start, append, home):
    server = start(capability=capability)
    home.environment["MAILTREE_QUIET_MS"] = "0" # each look takes lines
    append(*MAILS, MAILS[0])
    for attempt in range(30):
        server.lines_out, server.cut_at_line = 0, 14 + 3 * attempt
        done = home.run("sync")
        server.mend()
        if done.status == 0:
            break
        assert done.status == 69, str(done)
    assert done.status == 0 and attempt > 2
    settled(home, server)
    same(server, *MAILS, MAILS[0])


@pytest.mark.parametrize("elsewhere", [False, True])
def test_one_that_others_took_away_before_the_cut_was_mended_is_held(elsewhere, start, append, home):
    """Whether it was there nobody can tell: it is not sent twice, and not lost."""
    server = start()
    append(MAILS[0])
    server.cut_before_reply = "APPEND"
    assert home.run("sync").status == 69
    box = server.box("A")
    if elsewhere:
        server.box("B").add(box.mails[-1].raw)
    box.expunge(box.mails[-1].uid)
    count = sum(len(each.mails) for each in server.boxes.values())
    done = home.run("sync")
    assert done.status == 75 and "has gone from there, which may have been this one" in done.err
    assert sum(len(each.mails) for each in server.boxes.values()) == count
    assert home.run("confirm").status == 0
    home.sync()
    assert sum(len(each.mails) for each in server.boxes.values()) == count + 1


@pytest.mark.parametrize("missing", [False, True])
def test_many_that_did_not_get_there_while_others_did(missing, start, append, home):
    """If each that came since is still there, none of them can have been ours; if one has gone, it may."""
    server, own, others = start(), [mail(number) for number in range(80)], [mail(1000 + number) for number in range(800)]
    append(*own)
    server.cut_before_action = "APPEND"
    assert home.run("sync").status == 69
    box = server.box("A")
    for raw in others:
        box.add(raw)
    if missing:
        box.expunge(box.mails[400].uid)
    done = home.run("sync")
    if not missing:
        assert done.status == 0, str(done)
        assert sorted(sha(each.raw) for each in box.mails) == sorted(map(sha, own + others))
        return
    assert done.status == 75 and "has gone from there, which may have been this one" in done.err
    assert len(box.mails) == 799 and [each[:2] for each in operations(home)] == [("append", "held")] * 80


# Costs

@pytest.mark.parametrize("literals", ["LITERAL+", "LITERAL-"])
def test_a_thousand_cost_a_few_flights(literals, serve, append, home):
    """Besides those of a run with nothing to send; on a line that is long enough for what is pipelined to show."""
    server = serve(capability=FULL.replace("LITERAL+", literals))
    server.add("A")
    with Relay(server.port) as line:
        home.configure(**{**server.account(), "port": line.port})
        home.sync()
        line.latency_s = 0.02
        line.clear()
        home.sync()
        idle = line.flights
        append(*[mail(number, "x" * 1500) for number in range(1000)])
        line.clear()
        home.sync()
        flights = line.flights - idle
    print("flights", flights, "idle", idle, "commands", len(server.commands(b"APPEND")))
    assert len(arrived(server)) == 1000 and operations(home) == []
    assert flights <= 30


# Dovecot

@pytest.mark.parametrize("profile", ["all", "no-uidplus", "rev1"])
def test_dovecot(profile, remote_with, append, home):
    remote = remote_with(profile, "/")
    with remote.connect() as account:
        account.create("A")
    home.configure(**remote.keys())
    home.sync()
    append(MAILS[0], MAILS[0], *MAILS[1:], flags="\\Seen $mine")
    append(mail("large", "x" * 60 + "\n" + "0123456789abcde\n" * 200_000), date=DATE + 1)
    home.sync()
    assert operations(home) == []
    with remote.connect() as account:
        found = account.read("A")
    assert len(found) == 7 and {each.raw for each in found.values()} > set(MAILS)
    assert all(each.flags == {"\\Seen", "$mine"} for each in found.values() if each.when == DATE)
    assert {each.when for each in found.values()} == {DATE, DATE + 1}
    shown = {uid: body for uid, (_, body) in here(home)["A"].items()}
    assert shown == {uid: sha(each.raw) for uid, each in found.items()}
    home.sync()
    assert operations(home, "done") and operations(home) == []
