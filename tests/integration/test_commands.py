"""mailtree flag, move, copy, delete, append, folder, confirm, undo, retry: what they say, and to whom they listen."""
import json
import re
import socket
import threading

import pytest
from lib import messages
from lib.pushing import do, operations
from lib.scripted import FULL

MAILS = [messages.random_message("commands", index) for index in range(60)]


def status(home):
    (account,) = json.loads(home.run("status", "--json").out)["accounts"]
    return account


@pytest.fixture
def server(serve, home):
    """An account that is here."""
    made = serve(capability=FULL)
    made.add("A", MAILS[:3])
    made.add("Trash", attributes=["\\Trash"])
    home.configure(**made.account())
    home.sync()
    return made


@pytest.mark.parametrize("words, mentions", [
    (["flag", "toggle", "\\Seen", "test/A/~1"], "flag add|remove|set"),
    (["flag", "add", "\\Sean", "test/A/~1"], "\\Sean is no flag"),
    (["flag", "add", "a(b", "test/A/~1"], "a(b is no flag"),
    (["flag", "add", "$x,seen", "test/A/~1"], "seen: the flag is called \\Seen; quote it"),
    (["append", "--flags", "Flagged", "test/A", "/etc/hostname"], "Flagged: the flag is called \\Flagged"),
    (["flag", "add", "\\Seen", "test/A"], "expected ACCOUNT/FOLDER/NAME"),
    (["flag", "add", "\\Seen", "test/A/~9"], "there is no message test/A/~9"),
    (["flag", "add", "\\Seen", "other/A/~1"], "ACCOUNT/FOLDER needs no mount"),
    (["move", "test/A/~1", "test/Missing"], "there is no folder test/Missing"),
    (["copy", "test/A/~1", "test"], "expected ACCOUNT/FOLDER"),
    (["delete", "/etc/passwd"], "nothing is mounted"),
    (["folder", "create", "test/A"], "test/A: there is a folder of that name already"),
    (["folder", "create", "test/.."], 'a name cannot be ".."'),
    (["folder", "create", "test/A/../B"], 'a name cannot be ".."'),
    (["folder", "create", "test/A//B"], 'a name cannot be ""'),
    (["folder", "create", "test/" + "x" * 256], "longer than 255 bytes"),
    (["folder", "rename", "test/A", "test/."], 'a name cannot be "."'),
    (["folder", "delete", "test/A"], "A is not empty"),
    (["folder", "delete", "test/Trash"], "special folder"),
    (["folder", "rename", "test/INBOX", "test/B"], "INBOX cannot be renamed"),
    (["append", "test/A", "/etc"], "is not a file"),
    (["append", "test/A"], "the standard input is no message"),
    (["append", "--date", "yesterday", "test/A"], "must look like"),
    (["undo", "#"], "# is no number"),
    (["undo", "7"], "there is no change 7"),
    (["undo", "nobody"], "there is no account nobody"),
    (["confirm", "nobody"], "there is no account nobody"),
])
def test_what_cannot_be_is_explained_and_changes_nothing(words, mentions, server, home):
    home.fails(64, *words, mentions=[mentions])
    assert operations(home) == []


def test_an_account_that_was_never_synchronised(serve, home):
    home.configure(**serve().account())
    for words in (["flag", "add", "x", "test/A/~1"], ["folder", "create", "test/B"], ["move", "test/A/~1", "test/B"]):
        home.fails(64, *words, mentions=["test was never synchronised"])


def test_all_that_one_command_names_or_nothing(server, home):
    home.fails(64, "flag", "add", "\\Flagged", "test/A/~1", "test/A/~9")
    assert operations(home) == []


@pytest.mark.parametrize("sign", ["", "#"])
def test_one_change_is_taken_back_by_its_number(sign, server, home):
    for words in (["flag", "add", "\\Flagged", "test/A/~1"], ["delete", "test/A/~2"], ["delete", "test/A/~3"]):
        assert home.run(*words).status == 0
    numbers = [each["id"] for each in status(home)["operations"]]
    assert home.run("undo", f"{sign}{numbers[1]}").status == 0
    assert [each[0] for each in operations(home)] == ["flags", "move"], "the others stay"
    home.fails(64, "undo", f"{sign}{numbers[1]}", mentions=[f"there is no change {sign}{numbers[1]}"])
    home.sync()
    assert [mail.uid for mail in server.box("A").mails] == [1, 2]
    home.fails(64, "undo", str(numbers[0]), mentions=["what is done"])


def test_an_account_that_is_called_like_a_number(serve, home):
    server = serve(capability=FULL)
    server.add("A", MAILS[:2])
    home.configure("1", **server.account())
    home.sync()
    assert home.run("delete", "1/A/~1").status == 0
    assert home.run("flag", "add", "x", "1/A/~2").status == 0
    assert home.run("undo", "1").status == 0
    assert [each[0] for each in operations(home)] in (["flags"], ["create", "flags"])


def test_status_counts_in_words_that_fit(serve, home):
    server = serve(capability=FULL)
    server.add("INBOX", MAILS[:1])
    home.configure(**server.account())
    home.sync()
    assert " 1 message, " in home.run("status").out and " in 1 folder\n" in home.run("status").out
    assert home.run("flag", "add", "x", "test/INBOX/~1").status == 0
    assert "to be sent    1 change\n" in home.run("status").out


def test_status_does_not_show_more_than_a_screen_of_what_is_held(serve, home):
    server = serve(capability=FULL)
    server.add("Trash", MAILS, attributes=["\\Trash"])
    home.configure(**server.account())
    home.sync()
    done = home.run("delete", *(f"test/Trash/~{uid}" for uid in range(1, 51)))
    assert done.status == 0 and not done.err, "fifty are not held"
    done = home.run("delete", *(f"test/Trash/~{uid}" for uid in range(51, 61)))
    assert done.status == 0 and "60 removals are held" in done.err and "mailtree undo" in done.err
    shown = home.run("status").out
    assert "held          60 (" in shown
    assert shown.count(" remove Trash/") == 20 and "and 40 more" in shown
    assert len(status(home)["operations"]) == 60


@pytest.mark.usefixtures("fuse")
def test_sync_names_what_is_held_also_beside_a_mount(serve, home):
    server = serve(capability=FULL)
    server.add("Trash", MAILS, attributes=["\\Trash"])
    home.configure(**server.account())
    home.sync()
    home.run("delete", *(f"test/Trash/~{uid}" for uid in range(1, 61)))
    alone = home.run("sync")
    with home.mount():
        beside = home.run("sync")
    for done in (alone, beside):
        assert done.status == 75 and "60 held, 0 refused, 0 not sent yet" in done.err
        assert len(re.findall(r"^mailtree: warning: test: #\d+ remove in Trash: held: ", done.err, re.M)) == 10
    assert home.run("undo").status == 0
    assert status(home)["error"] is None, "what is not held any more is no error"


def test_a_folder_that_waits_for_removals_in_it_waits_like_them(serve, home):
    server = serve(capability=FULL)
    for name in ("A", "A/B"):
        server.add(name, MAILS[:2])
    home.configure(**server.account(delete="expunge"))
    home.sync()
    for name in ("A/B", "A"):
        assert home.run("delete", f"test/{name}/~1", f"test/{name}/~2").status == 0
        assert home.run("folder", "delete", f"test/{name}").status == 0
    done = home.run("sync")
    assert done.status == 0 and not done.err, "nothing is wrong"
    assert (status(home)["pending"], status(home)["waiting"]) == (0, 6)
    assert {b"A", b"A/B"} <= set(server.boxes)
    assert home.run("confirm").status == 0 and home.run("sync").status == 0
    assert not {b"A", b"A/B"} & set(server.boxes)


@pytest.mark.parametrize("name, more", [("Trash", {}), ("Kos", {"trash": "Kos"})])
def test_a_trash_that_is_left_out_here_is_used(name, more, serve, home):
    server = serve(capability=FULL)
    server.add("A", MAILS[:2])
    server.add(name, attributes=["\\Trash"])
    home.configure(**server.account(folders=f"* !{name}", **more))
    home.sync()
    assert home.run("delete", "test/A/~1").status == 0
    home.sync()
    assert [mail.raw for mail in server.box(name).mails] == [MAILS[0]] and [mail.raw for mail in server.box("A").mails] == [MAILS[1]]
    assert len(server.boxes) == 3


def test_what_is_refused_is_not_taken_for_what_did_not_come(server, home):
    server.refuse[b"CREATE"] = b"NO [CANNOT] not that name"
    assert home.run("folder", "create", "test/B").status == 0
    done = home.run("sync")
    assert done.status == 75
    assert "1 refused" in done.err and "not that name" in done.err and "could not be brought" not in done.err
    assert (status(home)["warnings"], status(home)["failed"]) == (0, 1)


class Owner(threading.Thread):
    """Another process that owns the store, as far as a command can see: one answer for each that connects."""

    def __init__(self, store, answers):
        super().__init__(daemon=True)
        self.requests, self._answers = [], answers
        store.mkdir(parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(store / "control"))
        self._socket.listen()

    def run(self):
        for answer in self._answers:
            connection, _ = self._socket.accept()
            with connection:
                self.requests.append(connection.makefile("rb").readline().decode())
                connection.sendall(answer)
        self._socket.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.join(10)


@pytest.mark.parametrize("words", [["status"], ["sync"], ["flag", "add", "\\Seen", "test/A/~1"]])
def test_the_next_owner_is_asked_when_one_ends_before_it_has_answered(words, server, home):
    with Owner(home.store, [b"text one\n", b"", b"text 1 0\ndone\n"]) as owner:
        done = home.run(*words)
    assert done.status == 0 and len(owner.requests) == 3, str(done)
    assert words[0] != "status" or done.out == "1 0\n", str(done)


@pytest.mark.parametrize("words", [["status"], ["sync"], ["flag", "add", "\\Seen", "test/A/~1"]])
def test_owners_that_end_one_after_the_other_are_not_asked_for_ever(words, server, home):
    with Owner(home.store, [b""] * 5):
        home.fails(75, *words, mentions=["ended before it answered"])


@pytest.mark.parametrize("words", [["status"], ["sync"], ["flag", "add", "\\Seen", "test/A/~1"]])
def test_an_owner_that_answers_nonsense(words, server, home):
    with Owner(home.store, [b"\xff\n"]):
        home.fails(74, *words, mentions=["is no text"])


def test_what_an_owner_has_found_before_it_ended_is_not_told(server, home):
    words = ["search", "is:read OR is:unread"]
    before = home.run(*words)
    with Owner(home.store, [b"text mail/test/A/gone\n"] * 2) as owner: # the second is for the whole program
        done = home.run(*words)
    assert before.out and done.out == before.out and len(owner.requests) == 2, str(done)


@pytest.mark.parametrize("words", [["flag", "add", "\\Seen", "test/A/notes"], ["copy", "test/A/notes", "test/Trash"]])
def test_a_file_that_is_no_message_is_only_moved_and_deleted(words, server, home):
    file = home.folder / "notes"
    file.write_text("no message\n")
    do(home, "note", "test/A/notes", "5", str(file))
    done = home.run(*words)
    assert done.status == 64 and "test/A/notes: it is a file that is no message" in done.err, str(done)
    assert status(home)["messages"] == 3
    assert home.run("move", "test/A/notes", "test/INBOX").status == 0
    assert home.run("delete", "test/INBOX/notes").status == 0
    assert home.run("delete", "test/INBOX/notes").status == 64
    before = len(server.modifying())
    home.sync()
    assert server.modifying()[before:] == [] and operations(home) == []
