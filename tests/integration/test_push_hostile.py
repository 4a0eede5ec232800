"""What others do between our steps, and servers that say one thing and do another: nothing is lost, doubled or misplaced."""
import contextlib
import re
import subprocess

import pytest
from lib import messages
from lib.pushing import do, here, ids, operations, paths, rows, settled, sha, there
from lib.scripted import BASIC, FULL, REV1, Cut, Session

pytestmark = pytest.mark.usefixtures("hasty")

MAILS = [messages.random_message("hostile", index) for index in range(8)]
NO_MOVE = FULL.replace(" MOVE", "")
PLAIN = REV1 + " UIDPLUS"
WHEN = pytest.mark.parametrize("when", ["cut_before_action", "cut_before_untagged", "cut_before_reply"])


@pytest.fixture
def start(serve, home):
    """start(SessionClass, capability): a server with A (all of MAILS but the last), B (the last) and Trash, all of it here."""
    def begin(session=None, capability=FULL, **keys):
        server = serve(session, capability=capability)
        server.add("A", MAILS[:7])
        server.add("B", MAILS[7:])
        server.add("Trash", attributes=["\\Trash"])
        home.configure(**server.account(**keys))
        home.sync()
        assert here(home) == there(server)
        return server
    return begin


def contents(server, name):
    return sorted(body for _, body in there(server).get(name, {}).values())


def shas(*indexes):
    return sorted(sha(MAILS[index]) for index in indexes)


# The copy of a move is there, its source is yet to be removed

def copied_and_held(start, home):
    server = start(capability=BASIC)
    do(home, "move", "test/B", *paths(1, 3))
    home.run("sync")
    assert [each[:2] for each in operations(home)] == [("move", "held")] * 2
    assert contents(server, "B") == shas(0, 2, 7)
    return server


def confirm(home):
    """As often as it is asked for: the first time may only find out what became of the copies."""
    for _ in range(4):
        do(home, "confirm", "test")
        home.run("sync")
    assert operations(home) == []


def test_a_held_move_whose_target_is_renumbered(start, home):
    server = copied_and_held(start, home)
    box = server.box("B")
    box.mails.reverse()
    box.renumber(2000)
    home.run("sync")
    confirm(home)
    assert here(home) == there(server), "a row has another message's UID"
    assert contents(server, "B") == shas(0, 2, 7)


def test_a_held_move_whose_copy_others_remove(start, home):
    server = copied_and_held(start, home)
    server.box("B").expunge(2)
    do(home, "confirm", "test")
    home.run("sync")
    assert set(shas(0)) <= set(contents(server, "A")), "the last of it went"
    assert {each[1] for each in operations(home)} == {"held"}
    assert "its copy has gone from B" in operations(home)[0][2]
    confirm(home)
    assert contents(server, "B") == shas(0, 2, 7) and contents(server, "A") == shas(1, 3, 4, 5, 6)
    assert here(home) == there(server)


def test_a_held_move_whose_copy_others_remove_is_taken_back(start, home):
    server = copied_and_held(start, home)
    server.box("B").expunge(2)
    do(home, "confirm", "test")
    home.run("sync")
    home.run("undo")
    home.run("sync")
    home.run("sync")
    assert there(server)["A"][1] == (set(), sha(MAILS[0])) and contents(server, "B") == shas(2, 7)
    assert operations(home) == [] and here(home) == there(server)


def test_a_held_move_whose_target_others_remove(start, home):
    server = copied_and_held(start, home)
    del server.boxes[b"B"]
    home.run("sync")
    confirm(home)
    assert contents(server, "A") == shas(*range(7)), "a source went although its copy had gone"
    assert here(home) == there(server)


@pytest.mark.parametrize("synced", [False, True])
def test_a_held_move_whose_target_others_make_anew(synced, start, home):
    server = copied_and_held(start, home)
    del server.boxes[b"B"]
    server.add("B").renumber(3000)
    if synced:
        home.run("sync")
    confirm(home)
    assert set(shas(0, 2)) <= set(contents(server, "A") + contents(server, "B")), "a source went although its copy had gone"
    assert here(home) == there(server)


@pytest.mark.parametrize("what", ["renumber", "remove", "anew"])
@WHEN
def test_the_target_changes_after_a_cut_between_copy_and_removal(what, when, start, home):
    server = start(capability=NO_MOVE)
    do(home, "move", "test/B", *paths(1, 3))
    setattr(server, when, "STORE")
    assert home.run("sync").status == 69
    assert contents(server, "B") == shas(0, 2, 7)
    if what == "renumber":
        server.box("B").mails.reverse()
        server.box("B").renumber(2000)
    else:
        del server.boxes[b"B"]
    if what == "anew":
        server.add("B").renumber(3000)
    for _ in range(3):
        home.run("sync")
    assert here(home) == there(server)
    assert set(shas(0, 2)) <= set(contents(server, "A") + contents(server, "B")), "a source went although its copy had gone"


# Undo

def test_what_was_only_marked_is_unmarked_when_it_is_taken_back(start, home):
    server = start(capability=BASIC)
    do(home, "expunge", "0", *paths(1, 3))
    home.run("sync")
    assert there(server)["A"][1][0] == there(server)["A"][3][0] == {"\\Deleted"}
    home.run("undo")
    home.run("sync")
    home.run("sync")
    assert [flags for flags, _ in there(server)["A"].values()] == [set()] * 7, "another client's EXPUNGE would remove it"
    assert here(home) == there(server)


def test_a_move_that_is_taken_back_leaves_its_source_unmarked(start, home):
    server = copied_and_held(start, home)
    home.run("undo")
    home.run("sync")
    home.run("sync")
    assert [flags for flags, _ in there(server)["A"].values()] == [set()] * 7, "another client's EXPUNGE would remove it"
    assert here(home) == there(server)


# Answers that are not so

class Liar(Session):
    """COPYUID and APPENDUID with UIDs that others have."""
    def _lie(self, text):
        text = re.sub(rb"\[COPYUID (\d+) (\S+) \S+\]", rb"[COPYUID \1 \2 1]", text)
        return re.sub(rb"\[APPENDUID (\d+) \S+\]", rb"[APPENDUID \1 1]", text)

    def tagged(self, text):
        super().tagged(self._lie(text))

    def untagged(self, text):
        super().untagged(self._lie(text))


class Repeating(Liar):
    """The same UID for all."""
    def _lie(self, text):
        return re.sub(rb"\[COPYUID (\d+) (\S+) \S+\]", rb"[COPYUID \1 1,3 2,2]", text)


def test_an_appenduid_that_names_others_is_not_believed(start, home, tmp_path):
    server = start(Liar)
    before = ids(home)[sha(MAILS[7])]
    new = tmp_path / "new"
    new.write_bytes(messages.message("New.\n", subject="new"))
    do(home, "append", "test/B", "", "1700000000", str(new))
    settled(home, server)
    assert len(there(server)["B"]) == 2
    assert ids(home)[sha(MAILS[7])] == before, "its row was taken for another message"


@pytest.mark.parametrize("capability", [FULL, NO_MOVE], ids=["full", "no-move"])
@pytest.mark.parametrize("verb", ["move", "copy"])
@pytest.mark.parametrize("liar, sources", [(Liar, (1,)), (Repeating, (1, 3))])
def test_a_copyuid_that_names_others_is_not_believed(liar, sources, verb, capability, start, home):
    server = start(liar, capability)
    before = ids(home)[sha(MAILS[7])]
    do(home, verb, "test/B", *paths(*sources))
    settled(home, server)
    assert contents(server, "B") == shas(7, *[uid - 1 for uid in sources])
    assert ids(home)[sha(MAILS[7])] == before, "its row was taken for another message"


class MovesNothing(Session):
    """Says OK to MOVE, and does nothing."""
    def move(self, chosen, name):
        self.tagged(b"OK done")


class MovesByCopy(Session):
    """Copies, and leaves the source where it is; tells no COPYUID."""
    def move(self, chosen, name):
        target = self.target(name)
        if target:
            self.copied(chosen, target)
            self.tagged(b"OK done")


class MovesByCopyAndTells(Session):
    def move(self, chosen, name):
        target = self.target(name)
        if target:
            self.untagged(b"OK " + self.copied(chosen, target) + b"moved")
            self.tagged(b"OK done")


@pytest.mark.parametrize("session", [MovesNothing, MovesByCopy, MovesByCopyAndTells])
def test_a_move_that_is_none_doubles_nothing(session, start, home):
    """Exchange 2013."""
    server = start(session)
    do(home, "move", "test/B", *paths(1, 3))
    for _ in range(3):
        home.run("sync")
    assert operations(home) == []
    assert contents(server, "B") == shas(0, 2, 7)
    assert contents(server, "A") == shas(1, 3, 4, 5, 6)
    assert here(home) == there(server)


class KeepsAll(Session):
    """Says OK to EXPUNGE, and removes nothing."""
    def expunge(self, chosen):
        self.tagged(b"OK done")


def test_an_expunge_that_is_none_is_not_sent_for_ever(start, home):
    server = start(KeepsAll)
    do(home, "expunge", "0", *paths(1))
    for _ in range(8):
        home.run("sync")
    sent = len(server.commands(b"UID EXPUNGE"))
    home.run("sync")
    home.run("sync")
    assert len(server.commands(b"UID EXPUNGE")) == sent, "it is sent in every run"
    assert [each[:2] for each in operations(home)] == [("remove", "held")] or \
        [each[:2] for each in operations(home)] == [("remove", "failed")]


class Late(Session):
    """Does what was asked for on the connection that ended while the next one looks."""
    def do_UID_SEARCH(self, *words):
        then, self.server.then = getattr(self.server, "then", None), None
        if then:
            then()
        super().do_UID_SEARCH(*words)


@pytest.mark.parametrize("verb", ["move", "delete"])
def test_a_move_that_the_server_does_after_the_cut(verb, start, home):
    server = start(Late)
    before = ids(home)
    folder = "B" if verb == "move" else "Trash"
    do(home, verb, *(["test/B"] if verb == "move" else []), *paths(1, 3))
    do(home, "flag", "\\Flagged", "", *paths(1, folder=folder))
    server.cut_before_action = "MOVE"
    assert home.run("sync").status == 69

    def then():
        with server.lock:
            source, target = server.box("A"), server.box(folder)
            for mail in [mail for mail in source.mails if mail.uid in (1, 3)]:
                target.add(mail.raw, set(mail.flags), mail.when, extra=dict(mail.extra))
            source.expunge(1, 3)
    server.then = then
    settled(home, server)
    assert sorted(each for each in contents(server, folder)) == shas(0, 2, *([7] if verb == "move" else []))
    assert ids(home) == before, "rows were lost, and what was queued for them"
    assert [flags for flags, body in there(server)[folder].values() if body == sha(MAILS[0])] == [{"\\Flagged"}]


class FlagsFirst(Session):
    """Another client changes flags of what is looked at, which is told before what was asked for."""
    def do_UID_FETCH(self, uids, items, *rest):
        if isinstance(items, list) and b"INTERNALDATE" in [each.upper() for each in items] and self.box.name == b"B":
            for number, mail in enumerate(self.box.mails, 1):
                self.untagged(b"%d FETCH (UID %d FLAGS (\\Seen))" % (number, mail.uid))
        super().do_UID_FETCH(uids, items, *rest)


def test_flags_that_others_change_meanwhile_leave_no_doubt(start, home):
    server = start(FlagsFirst)
    do(home, "copy", "test/B", *paths(1, 3))
    server.cut_before_reply = "COPY"
    assert home.run("sync").status == 69
    home.run("sync")
    assert operations(home) == [] and contents(server, "B") == shas(0, 2, 7)


class OnlyNames(Session):
    """Dovecot, Cyrus: what is above a folder, and is none, is a name that does not exist."""
    def list_found(self, kind, select, options, wanted):
        super().list_found(kind, select, options, wanted)
        for box in list(self.server.boxes.values()):
            parts = box.name.split(b"/")
            for name in (b"/".join(parts[:depth]) for depth in range(1, len(parts))):
                if wanted(name) and self.server.find(name) is None:
                    self.untagged(kind + b" (\\NonExistent \\HasChildren) \"/\" \"" + name + b'"')


def test_a_folder_made_further_below_meanwhile_stays_where_it_is(start, home):
    server = start(OnlyNames)
    server.add("Empty")
    home.sync()
    do(home, "rmdir", "test/Empty")
    server.add("Empty/Name/Theirs", MAILS[:1])
    home.run("sync")
    home.run("sync")
    assert {b"Empty", b"Empty/Name/Theirs"} <= set(server.boxes), "it is elsewhere"
    assert here(home) == there(server)


# The disk

VERBS = {
    "STORE": (["flag", "\\Flagged", ""], {}),
    "MOVE": (["move", "test/B"], {"A": (1, 3, 4, 5, 6), "B": (0, 2, 7)}),
    "COPY": (["copy", "test/B"], {"B": (0, 2, 7)}),
    "EXPUNGE": (["expunge", "0"], {"A": (1, 3, 4, 5, 6)}),
    "APPEND": (None, {}),
    "CREATE": (["create"], {}),
    "RENAME": (["rename", "test/Empty", "Full"], {}),
    "DELETE": (["rmdir", "test/Empty"], {}),
}


class Filling(Session):
    """Leaves no byte of the disk free when a command comes."""
    def execute(self, name, arguments, literals):
        fills = self.server.fills and name.removeprefix(b"UID ") == self.server.fills_at
        if fills:
            self.server.fills()
        if fills and self.server.cuts:
            raise Cut
        super().execute(name, arguments, literals)


@contextlib.contextmanager
def small_disk(serve, home):
    """A server with A, B, Empty and Trash, all of it here, and the file that fills the disk on which the store is."""
    place = home.folder / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=700", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("only root can make a small file system")
    try:
        server = serve(Filling, capability=FULL)
        server.fills, server.cuts = None, False
        for name, mails in (("A", MAILS[:7]), ("B", MAILS[7:]), ("Empty", [])):
            server.add(name, mails)
        server.add("Trash", attributes=["\\Trash"])
        home.store = place / "store"
        home.configure(**server.account())
        home.write_config(f"[mailtree]\nstore = {home.store}\n" + home.config.read_text())
        home.sync()
        yield server, place / "filler"
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill_at(server, verb, filler):
    def fill():
        server.fills = None
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 1000):
                    pass
            except OSError:
                pass
    server.fills, server.fills_at = fill, verb.encode()


@pytest.mark.parametrize("verb", VERBS)
def test_a_disk_that_is_full_when_the_server_has_answered(verb, serve, home, tmp_path):
    """Nothing can be committed from the moment on at which the server has done it."""
    with small_disk(serve, home) as (server, filler):
        words, folders = VERBS[verb]
        new = tmp_path / "new"
        new.write_bytes(messages.message("New.\n", subject="new"))
        if verb == "APPEND":
            do(home, "append", "test/B", "", "1700000000", str(new))
        else:
            do(home, *words, *(["test/New"] if verb == "CREATE" else [] if "test/Empty" in words else paths(1, 3)))
        fill_at(server, verb, filler)
        done = home.run("sync")
        assert server.fills is None and done.status in (69, 74, 75), str(done)
        filler.unlink()
        home.run("sync")
        settled(home, server)
        for folder, indexes in folders.items():
            assert contents(server, folder) == shas(*indexes)
        if verb == "STORE":
            assert there(server)["A"][3][0] == {"\\Flagged"}
        if verb == "APPEND":
            assert len(contents(server, "B")) == 2
        expected = {"CREATE": {b"New", b"Empty"}, "RENAME": {b"Full"}, "DELETE": set()}.get(verb, {b"Empty"})
        assert set(server.boxes) == {b"INBOX", b"A", b"B", b"Trash"} | expected


def test_a_disk_that_is_full_when_the_connection_ends_at_a_folder(serve, home):
    with small_disk(serve, home) as (server, filler):
        do(home, "create", "test/New")
        fill_at(server, "CREATE", filler)
        server.cuts = True
        done = home.run("sync")
        assert done.status == 74 and "No space left" in done.err, str(done)
        server.cuts = False
        filler.unlink()
        settled(home, server)
        assert b"New" in server.boxes


# Refused in the midst of it

class Partial(Session):
    """Moves the first of several, and refuses the rest."""
    def move(self, chosen, name):
        if len(chosen) <= 1:
            super().move(chosen, name)
            return
        code = self.copied(chosen[:1], self.target(name))
        self.untagged(b"OK " + code + b"moved")
        self.box.expunge(chosen[0][1].uid)
        self.tagged(self.server.words)


@pytest.mark.parametrize("words", [b"NO could not move all", b"NO [UNAVAILABLE] later", b"NO [LIMIT] enough for now"])
def test_a_move_that_is_refused_in_the_midst_of_it(words, start, home):
    server = start(Partial)
    server.words = words
    before = ids(home)
    do(home, "move", "test/B", *paths(1, 2, 3, 4))
    do(home, "flag", "\\Flagged", "", *paths(1, folder="B"))
    for _ in range(8):
        home.run("sync")
    assert operations(home) == []
    assert contents(server, "B") == shas(0, 1, 2, 3, 7) and here(home) == there(server)
    assert ids(home) == before, "rows were lost, and what was queued for them"
    assert [flags for flags, body in there(server)["B"].values() if body == sha(MAILS[0])] == [{"\\Flagged"}]


@pytest.mark.parametrize("verb, words", [("MOVE", ["move", "test/B"]), ("COPY", ["copy", "test/B"]), ("STORE", ["flag", "\\Flagged", ""])])
def test_a_server_that_takes_few_messages_at_once(verb, words, serve, home):
    class Few(Session):
        def execute(self, name, arguments, literals):
            if name == b"UID " + verb.encode() and len(self.chosen(arguments.split()[0], True)[0]) > 40:
                self.tagged(b"NO [LIMIT] too many messages")
            else:
                super().execute(name, arguments, literals)
    server = serve(Few, capability=FULL)
    server.add("A", [messages.message(f"{index}\n", subject=str(index)) for index in range(200)])
    server.add("B")
    home.configure(**server.account())
    home.sync()
    do(home, *words, *paths(*range(1, 201)))
    settled(home, server)
    if verb != "STORE":
        assert len(contents(server, "B")) == 200
