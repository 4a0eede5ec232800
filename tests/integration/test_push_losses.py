"""Operations at which the connection ends each time: they keep no other operation, and nothing that is to be read, from going
on, and are held in the end."""
import re

import pytest
from lib import messages
from lib.imapsyntax import in_set
from lib.pushing import do, operations, paths, rows, settled, sha, there
from lib.scripted import FULL, Cut, Session

pytestmark = pytest.mark.usefixtures("hasty")

MAILS = [messages.random_message("losses", index) for index in range(30)]
BAD = 3 # the message
RUNS = 12
COMMANDS = {"flag": rb"STORE", "move": rb"MOVE", "copy": rb"COPY", "expunge": rb"EXPUNGE"}


class Fragile(Session):
    """Ends the connection at a command that is about message BAD."""
    def execute(self, name, arguments, literals):
        if self.server.breaks and re.search(self.server.breaks, name) and in_set(arguments.split()[0], 1000)(BAD):
            raise Cut
        super().execute(name, arguments, literals)


class FragileFolders(Session):
    """Ends the connection at a command of a folder, before or after it was done."""
    def execute(self, name, arguments, literals):
        breaks = self.server.breaks and re.fullmatch(self.server.breaks, name)
        if breaks and not self.server.does_it:
            raise Cut
        super().execute(name, arguments, literals)
        if breaks:
            raise Cut


FOLDER_CHANGES = {"create": (rb"CREATE", ["test/New"]), "rename": (rb"RENAME", ["test/B", "Other"]),
                  "rmdir": (rb"RENAME|DELETE", ["test/B"])}


@pytest.mark.parametrize("verb", FOLDER_CHANGES)
def test_a_folder_change_at_which_the_connection_ends_is_held(verb, serve, home):
    server = serve(FragileFolders, capability=FULL)
    server.breaks, server.does_it = None, False
    server.add("A", MAILS[:3])
    server.add("B")
    home.configure(**server.account())
    home.sync()
    server.breaks, words = FOLDER_CHANGES[verb]
    do(home, verb, *words)
    do(home, "flag", "\\Flagged", "", *paths(1, 2, 3))
    server.box("INBOX").add(MAILS[0])
    for _ in range(RUNS):
        done = home.run("sync")
        if done.status == 75:
            break
    assert done.status == 75, str(done)
    (left,) = operations(home)
    assert left[:2] == ({"rmdir": "delete"}.get(verb, verb), "held"), "the others were not done, or this one not held"
    assert "the connection ended 5 times" in left[2]
    assert all(flags for flags, _ in there(server)["A"].values())
    read = rows(home, "SELECT uid FROM messages m JOIN mailboxes b ON b.id = m.place WHERE b.name = 'INBOX' AND m.body IS NOT NULL")
    assert read == [(1,)], "nothing was read meanwhile"

    server.breaks = None
    do(home, "confirm", "test")
    settled(home, server)
    names = {"create": {"A", "B", "New"}, "rename": {"A", "Other"}, "rmdir": {"A"}}[verb]
    assert set(there(server)) - {"INBOX"} == names


@pytest.mark.parametrize("verb", FOLDER_CHANGES)
def test_a_folder_change_that_was_done_before_the_connection_ended_is_found(verb, serve, home):
    server = serve(FragileFolders, capability=FULL)
    server.breaks, server.does_it = None, True
    server.add("A", MAILS[:3])
    server.add("B")
    home.configure(**server.account())
    home.sync()
    server.breaks, words = FOLDER_CHANGES[verb]
    do(home, verb, *words)
    for _ in range(RUNS):
        done = home.run("sync")
        if done.status in (0, 75):
            break
    server.breaks = None
    do(home, "confirm", "test")
    settled(home, server)
    names = {"create": {"A", "B", "New"}, "rename": {"A", "Other"}, "rmdir": {"A"}}[verb]
    assert set(there(server)) - {"INBOX"} == names


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize("capability", [FULL, FULL.replace(" MOVE", "")], ids=["full", "no-move"])
def test_a_message_at_which_the_connection_ends_is_held(capability, verb, serve, home):
    server = serve(Fragile, capability=capability)
    server.breaks = None
    server.add("A", MAILS)
    server.add("B")
    home.configure(**server.account())
    home.sync()
    server.breaks = COMMANDS[verb] if verb != "move" or "MOVE" in capability else rb"COPY"
    words = {"flag": ["\\Flagged", ""], "expunge": ["0"]}.get(verb, ["test/B"])
    do(home, verb, *words, *paths(*range(1, 11)))
    server.box("INBOX").add(MAILS[0])
    for _ in range(RUNS):
        done = home.run("sync")
        if done.status == 75:
            break
    assert done.status == 75, str(done)
    kind = {"flag": "flags", "expunge": "remove"}.get(verb, verb)
    (left,) = operations(home)
    assert left[:2] == (kind, "held"), "the others were not done, or this one not held"
    assert "the connection ended" in left[2]
    read = rows(home, "SELECT uid FROM messages m JOIN mailboxes b ON b.id = m.place WHERE b.name = 'INBOX' AND m.body IS NOT NULL")
    assert read == [(1,)], "nothing was read meanwhile"
    found = there(server)
    others = set(range(1, 11)) - {BAD}
    if verb == "flag":
        assert {uid for uid, (flags, _) in found["A"].items() if flags} == others
    if verb in ("move", "expunge"):
        assert set(found["A"]) == {BAD, *range(11, 31)}
    if verb in ("move", "copy"):
        assert sorted(each[1] for each in found["B"].values()) == sorted(sha(MAILS[uid - 1]) for uid in others)

    server.breaks = None
    do(home, "confirm", "test")
    settled(home, server)
