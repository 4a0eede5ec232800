"""What is done to messages of which only the header is here, brought to the server: nothing is lost, nothing comes twice."""
import errno

import pytest
from lib import messages
from lib.headers import MAILS, configure, fails, mounted, sent
from lib.pushing import do, operations, paths, rows, sha
from lib.scripted import BASIC, FULL, REV1
from lib.table import header

pytestmark = pytest.mark.usefixtures("hasty")

PLAIN = REV1 + " UIDPLUS"
LADDER = pytest.mark.parametrize("capability", [FULL, FULL.replace(" MOVE", ""), PLAIN, BASIC],
                                 ids=["full", "no-move", "plain", "no-uidplus"])
CUTS = pytest.mark.parametrize("when", ["cut_before_action", "cut_before_untagged", "cut_before_reply"])
BARE = [b"From: a@example.org\r\nSubject: no Message-ID\r\n\r\nnumber %d\r\n" % number for number in range(6)]


@pytest.fixture
def start(serve, home):
    """start(capability, mails): a server with A (all of @mails), B and Trash, whose headers are here."""
    def begin(capability=FULL, mails=MAILS):
        server = serve(capability=capability)
        server.add("A", mails)
        server.add("B")
        server.add("Trash", attributes=["\\Trash"])
        configure(home, server, "headers")
        home.sync()
        assert rows(home, "SELECT count(*) FROM messages WHERE body IS NULL AND header IS NOT NULL") == [(len(mails),)]
        return server
    return begin


def there(server):
    return {box.name.decode(): {mail.uid: mail.raw for mail in box.mails} for box in server.boxes.values()}


def here(home):
    """{folder: {UID: hash of the header}} of what people see."""
    found = {name: {} for (name,) in rows(home, "SELECT server_name FROM mailboxes WHERE state = 0 AND attributes & 1")}
    for name, uid, digest in rows(home, "SELECT b.server_name, m.uid, lower(hex(d.sha256)) FROM messages m JOIN mailboxes b"
                                        " ON b.id = m.place JOIN bodies d ON d.id = m.header WHERE m.uid IS NOT NULL"):
        found[name][uid] = digest
    return found


def agree(home, server):
    assert here(home) == {name: {uid: sha(header(raw)) for uid, raw in mails.items()} for name, mails in there(server).items()}


def settle(home, server, held=0):
    """Runs until nothing is left but what a person has to confirm; confirms that."""
    home.run("sync")
    left = operations(home)
    assert [each[1] for each in left] == ["held"] * held, left
    if held:
        do(home, "confirm", "test")
    home.sync()
    assert operations(home) == []
    before = len(server.modifying())
    home.sync()
    assert server.modifying()[before:] == [], "a further run sends something"
    agree(home, server)


DONE = {
    "flag": ("STORE", ["\\Flagged", ""], {"A": range(6), "B": [], "Trash": []}),
    "move": ("MOVE", ["test/B"], {"A": [2, 3, 5], "B": [0, 1, 4], "Trash": []}),
    "copy": ("COPY", ["test/B"], {"A": range(6), "B": [0, 1, 4], "Trash": []}),
    "delete": ("MOVE", [], {"A": [2, 3, 5], "B": [], "Trash": [0, 1, 4]}),
    "expunge": ("EXPUNGE", ["0"], {"A": [2, 3, 5], "B": [], "Trash": []}),
}


def check(server, verb, mails=MAILS):
    found = there(server)
    for folder, indexes in DONE[verb][2].items():
        assert sorted(found[folder].values()) == sorted(mails[index] for index in indexes), folder
    if verb == "flag":
        assert [mail.uid for mail in server.box("A").mails if "\\Flagged" in mail.flags] == [1, 2, 5]


def to_confirm(verb, capability):
    """Without UIDPLUS nothing is expunged before a person says so."""
    return 3 if capability is BASIC and verb in ("move", "delete", "expunge") else 0


@LADDER
@pytest.mark.parametrize("verb", DONE)
def test_what_is_done(verb, capability, start, home):
    server = start(capability)
    do(home, verb, *DONE[verb][1], *paths(1, 2, 5))
    settle(home, server, to_confirm(verb, capability))
    check(server, verb)
    assert sent(server, b"") == 0, "no body is needed for it"


@CUTS
@LADDER
@pytest.mark.parametrize("verb", DONE)
def test_a_cut_loses_and_doubles_nothing(verb, capability, when, start, home):
    server = start(capability)
    before = dict(rows(home, "SELECT uid, id FROM messages"))
    do(home, verb, *DONE[verb][1], *paths(1, 2, 5))
    command = DONE[verb][0]
    command = "COPY" if command == "MOVE" and capability is not FULL else command
    command = "STORE" if command == "EXPUNGE" and capability is BASIC else command
    setattr(server, when, command)
    assert home.run("sync").status == 69
    assert getattr(server, when) is None, "it was not cut"
    settle(home, server, to_confirm(verb, capability))
    check(server, verb)
    if verb in ("move", "delete"):
        assert {number for (number,) in rows(home, "SELECT id FROM messages")} == set(before.values()), "other rows"


@CUTS
@pytest.mark.parametrize("command", ["STORE", "EXPUNGE"])
def test_a_cut_while_the_source_is_removed(command, when, start, home):
    server = start(PLAIN)
    do(home, "move", "test/B", *paths(1, 2, 5))
    setattr(server, when, command)
    assert home.run("sync").status == 69
    settle(home, server)
    check(server, "move")


@pytest.mark.parametrize("when, copied", [("cut_before_action", False), ("cut_before_reply", True)])
@pytest.mark.parametrize("verb", ["move", "copy"])
def test_what_a_header_does_not_tell_is_left_to_a_person(verb, when, copied, start, home):
    """Messages without a Message-ID, which are alike but for their bodies."""
    server = start(PLAIN, BARE)
    for mail in server.box("A").mails:
        mail.when = messages.BASE_TIME
    do(home, verb, "test/B", *paths(1))
    setattr(server, when, "COPY")
    assert home.run("sync").status == 69
    server.box("B").add(BARE[3], when=messages.BASE_TIME) # another client's, of the same header, size and date
    assert home.run("sync").status == 75
    assert [each[:2] for each in operations(home)] == [(verb, "held")]
    assert "may or may not be this one" in operations(home)[0][2]
    found = there(server)
    assert list(found["A"].values()) == BARE, "the source was removed"
    assert sorted(found["B"].values()) == sorted([BARE[3], *([BARE[0]] if copied else [])])


# Where the bytes are needed


@pytest.fixture
def two(serve, home):
    """Two accounts, of the first of which only headers are here."""
    server, other = serve(capability=FULL), serve(capability=FULL)
    server.add("A", MAILS)
    other.add("B")
    configure(home, server, "headers")
    home.configure(name="other", **other.account())
    home.sync()
    return server, other


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_to_another_account_only_what_is_here(verb, two, home):
    done = home.run(verb, "test/A/~2", "other/B")
    assert done.status == 64
    (line,) = done.errors
    assert "test/A/~2: only its header is here" in line
    assert operations(home) == []
    home.sync()
    assert there(two[1])["B"] == {} and len(there(two[0])["A"]) == 6


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_to_another_account_after_it_was_read(verb, two, home, fuse):
    server, other = two
    with home.mount() as mount:
        home.sync()
        assert home.run(verb, "test/A/~2", "other/B").status == 64
        mount.files()["A"][2].read_bytes()
        assert home.run(verb, "test/A/~2", "other/B").status == 0
        home.sync()
        assert list(there(other)["B"].values()) == [MAILS[1]]
    assert sent(server, b"") == 1


def test_an_upload_stays_until_the_server_has_it(start, home):
    server = start()
    raw = messages.message("written here\n", subject="mine")
    file = home.folder / "mine.eml"
    file.write_bytes(raw)
    server.refuse[b"APPEND"] = b"NO [OVERQUOTA] no room"
    assert home.run("append", "test/B", str(file)).status == 0
    home.run("sync")
    home.run("sync")
    assert rows(home, "SELECT count(*) FROM messages WHERE body IS NOT NULL") == [(1,)], "it was dropped here"
    server.refuse.clear()
    do(home, "retry", "test")
    settle(home, server)
    assert list(there(server)["B"].values()) == [raw]
    assert rows(home, "SELECT count(*) FROM messages WHERE body IS NOT NULL") == [(0,)], "it is kept here"


def test_what_was_moved_is_read_where_it_is(start, home, fuse):
    server = start()
    do(home, "move", "test/B", *paths(2))
    with mounted(home, server) as mount:
        assert mount.files()["B"][1].read_bytes() == MAILS[1]


def test_a_copy_is_read_when_the_server_has_made_it(start, home, fuse):
    server = start()
    server.refuse[b"COPY"] = b"NO [INUSE] later"
    server.refuse[b"UID COPY"] = b"NO [INUSE] later"
    with mounted(home, server) as mount:
        home.run("copy", "test/A/~2", "test/B")
        (path,) = (mount.mail / "test" / "B").glob("*.eml")
        assert fails(path) == errno.EBUSY, "the server has not got it yet"
        server.refuse.clear()
        home.run("retry")
        home.run("sync")
        assert mount.files()["B"][1].read_bytes() == MAILS[1]
