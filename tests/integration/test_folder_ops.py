"""Folders made, renamed and removed here, brought to the server: whatever it answers, and wherever the connection ends."""
import re

import pytest
from lib import messages
from lib.pushing import do, here, operations, rows, settled, sha, there
from lib.scripted import FULL, REV1, Session

LADDER = pytest.mark.parametrize("capability", [FULL, REV1], ids=["full", "rev1"])
MAILS = [messages.message("A body.\n", subject=f"folder {number}", message_id=f"{number}@example.org") for number in range(6)]
CUTS = pytest.mark.parametrize("when", ["cut_before_action", "cut_before_reply"])


@pytest.fixture
def start(serve, home):
    """start(…): a server with A (three messages), A/B (two), A/B/C (one), Empty, Trash, and everything of it here."""
    def begin(session=None, capability=FULL, separator=b"/", prefix=""):
        server = serve(session, capability=capability, separator=separator)
        path = lambda name: prefix + name.replace("/", separator.decode())
        server.add(path("A"), MAILS[:3])
        server.add(path("A/B"), MAILS[3:5], uidvalidity=1001)
        server.add(path("A/B/C"), MAILS[5:], uidvalidity=1002)
        server.add(path("Empty"), uidvalidity=1003)
        server.add(path("Trash"), attributes=["\\Trash"], uidvalidity=1004)
        home.configure(**server.account())
        home.sync()
        return server
    return begin


def names(server):
    return sorted(name.decode() for name in server.boxes)


def folders(home):
    """What people see."""
    found = {number: (parent, name) for number, parent, name in
             rows(home, "SELECT id, ifnull(parent, 0), name FROM mailboxes WHERE state <> 2")}

    def path(number):
        parent, name = found[number]
        return f"{path(parent)}/{name}" if parent else name
    return sorted(map(path, found))


def ids(home):
    return dict(rows(home, "SELECT lower(hex(d.sha256)), m.id FROM messages m JOIN bodies d ON d.id = m.body"))


def quiet(home, server):
    """No message was downloaded since @server.log was cleared, and another run sends nothing."""
    assert not any(b"BODY.PEEK[]" in command for command in server.commands(b"UID FETCH")), "downloaded again"
    settled(home, server)


# CREATE

@LADDER
@pytest.mark.parametrize("path, name", [("New", "New"), ("A/New", "A/New"), ("X/Y/Z", "X/Y/Z"), ("Žlutá", "&AX0-lut&AOE-"),
                                        ("R&D", "R&-D"), ("a b\"c\\d", "a b\"c\\d")])
def test_create(path, name, capability, start, home):
    server = start(capability=capability)
    do(home, "create", f"test/{path}")
    settled(home, server)
    assert name in names(server) and path in folders(home)
    assert name.encode() in server.subscribed


def test_create_and_fill(start, home):
    server = start()
    do(home, "create", "test/New/Sub")
    do(home, "move", "test/New/Sub", "test/A/~1", "test/A/~2")
    settled(home, server)
    assert len(server.box("New/Sub").mails) == 2


@CUTS
@pytest.mark.parametrize("command", ["CREATE", "SUBSCRIBE"])
def test_create_and_cut(command, when, start, home):
    server = start()
    do(home, "create", "test/New")
    setattr(server, when, command)
    assert home.run("sync").status == 69
    settled(home, server)
    assert "New" in names(server) and b"New" in server.subscribed


def test_create_cut_and_renamed(start, home):
    """It was made under its first name, and is not made again."""
    server = start()
    do(home, "create", "test/New")
    server.cut_before_reply = "CREATE"
    assert home.run("sync").status == 69
    do(home, "rename", "test/New", "A/Other")
    settled(home, server)
    assert "New" not in names(server) and "A/Other" in names(server)


def test_create_what_another_client_made(start, home):
    server = start()
    do(home, "create", "test/New")
    server.create("New").add(MAILS[0])
    settled(home, server)
    assert [mail.raw for mail in server.box("New").mails] == [MAILS[0]]


def test_create_what_is_only_a_name(start, home):
    server = start()
    server.add("New/Sub", uidvalidity=2000)
    home.sync()
    assert "New" not in names(server) and "New" in folders(home)
    do(home, "create", "test/New")
    settled(home, server)
    assert "New" in names(server)


@pytest.mark.parametrize("answer", [b"NO [CANNOT] not that name", b"BAD what?", b"NO [NOPERM] not you"])
def test_create_refused(answer, start, home):
    server = start()
    server.refuse[b"CREATE"] = answer
    do(home, "create", "test/New")
    do(home, "move", "test/New", "test/A/~1")
    do(home, "move", "test/Empty", "test/A/~2")
    done = home.run("sync")
    assert done.status == 75 and answer.partition(b" ")[2].rpartition(b"] ")[2].decode() in done.err
    assert [each[:2] for each in operations(home) if each[0] == "create"] == [("create", "failed")]
    assert len(server.box("Empty").mails) == 1, "it blocked another"
    assert "New" in folders(home)
    server.refuse.clear()
    do(home, "retry", "test")
    settled(home, server)
    assert len(server.box("New").mails) == 1


def test_create_busy(start, home):
    server = start()
    server.refuse[b"CREATE"] = b"NO [UNAVAILABLE] later"
    do(home, "create", "test/New")
    assert home.run("sync").status == 75
    assert "failed" not in [each[1] for each in operations(home)]
    server.refuse.clear()
    settled(home, server)
    assert "New" in names(server)


def test_a_new_trash_is_marked_as_such(start, home):
    server = start()
    server.remove("Trash")
    home.sync()
    assert home.run("delete", "test/A/~1").status == 0
    settled(home, server)
    (trash,) = [box for box in server.boxes.values() if "\\Trash" in box.attributes]
    assert [mail.raw for mail in trash.mails] == [MAILS[0]]
    assert any(b'(USE (\\Trash))' in command for command in server.commands(b"CREATE"))


def test_a_use_that_the_server_does_not_give(start, home):
    server = start()
    server.remove("Trash")
    home.sync()
    server.refuse[b"CREATE"] = lambda name, *use: b"NO [USEATTR] not that" if use else None
    assert home.run("delete", "test/A/~1").status == 0
    settled(home, server)
    assert sum(len(box.mails) for box in server.boxes.values()) == 6 and len(server.box("A").mails) == 2


class Courier(Session):
    def namespace(self):
        return b'(("INBOX." ".")) NIL NIL'


def test_new_folders_go_where_the_server_has_them(start, home):
    """Courier: all is below INBOX."""
    server = start(Courier, capability=REV1, separator=b".", prefix="INBOX.")
    do(home, "create", "test/INBOX/A/New", "test/Top")
    settled(home, server)
    assert {"INBOX.A.New", "INBOX.Top"} <= set(names(server)) and "Top" not in names(server)
    assert {"INBOX/A/New", "INBOX/Top"} <= set(folders(home))


def test_a_name_that_the_server_cannot_have(start, home):
    server = start(separator=b".")
    do(home, "create", "test/a.b", "test/good")
    home.run("sync")
    assert [each[:2] for each in operations(home)] == [("create", "failed")]
    assert "good" in names(server) and not any(name.startswith("a") for name in names(server))


# RENAME

@LADDER
@pytest.mark.parametrize("to, name", [("New", "New"), ("Empty/A", "Empty/A"), ("Älter", "&AMQ-lter"), ("X/Y", "X/Y")])
def test_rename_takes_along_what_is_below(to, name, capability, start, home):
    server = start(capability=capability)
    before = ids(home)
    server.log.clear()
    do(home, "rename", "test/A", to)
    quiet(home, server)
    assert {name, f"{name}/B", f"{name}/B/C"} <= set(names(server)) and not {"A", "A/B"} & set(names(server))
    assert {to, f"{to}/B", f"{to}/B/C"} <= set(folders(home))
    assert ids(home) == before
    assert {name.encode(), f"{name}/B".encode()} <= server.subscribed and b"A" not in server.subscribed


def test_what_nobody_is_subscribed_to_stays_so(start, home):
    server = start()
    server.subscribed -= {b"A", b"A/B/C"}
    do(home, "rename", "test/A", "New")
    settled(home, server)
    assert {name for name in server.subscribed if name.startswith((b"A", b"New"))} == {b"New/B"}


@CUTS
@pytest.mark.parametrize("command", ["RENAME", ("UNSUBSCRIBE", 2), ("SUBSCRIBE", 3)])
def test_rename_and_cut(command, when, start, home):
    server = start()
    before = ids(home)
    server.log.clear()
    do(home, "rename", "test/A", "New")
    do(home, "move", "test/Empty", "test/New/B/~1")
    setattr(server, when, command)
    assert home.run("sync").status == 69
    quiet(home, server)
    assert {"New", "New/B", "New/B/C"} <= set(names(server)) and "A" not in names(server)
    assert ids(home) == before
    assert {name for name in server.subscribed if name.startswith((b"A", b"New"))} == {b"New", b"New/B", b"New/B/C"}


@pytest.mark.parametrize("answer", [b"NO [CANNOT] stay", b"BAD no"])
def test_rename_refused(answer, start, home):
    server = start()
    server.refuse[b"RENAME"] = answer
    do(home, "rename", "test/A", "New")
    assert home.run("sync").status == 75
    assert [each[:2] for each in operations(home)] == [("rename", "failed")]
    assert "A/B/C" in folders(home) and "New" not in folders(home), "it is shown as it is"
    assert here(home) == there(server)


def test_rename_to_what_another_client_made(start, home):
    server = start()
    before = ids(home)
    do(home, "rename", "test/A", "New")
    server.create("New").add(b"From: b@example.org\r\n\r\nTheirs.\r\n")
    home.run("sync")
    home.run("sync")
    assert {"A", "A/B", "A/B/C", "New"} <= set(names(server))
    assert here(home) == there(server)
    assert before.items() <= ids(home).items()


def test_rename_what_another_client_renamed(start, home):
    server = start()
    do(home, "rename", "test/A", "New")
    server.rename("A", "Theirs")
    home.run("sync")
    home.run("sync")
    assert here(home) == there(server) and sum(map(len, there(server).values())) == 6


def test_rename_of_a_directory(start, home):
    """That is no mailbox: the server has only names below it."""
    server = start()
    server.add("Dir/One", [MAILS[0]], uidvalidity=2000)
    server.add("Dir/Sub/Two", [MAILS[1] + b"two"], uidvalidity=2001)
    home.sync()
    server.log.clear()
    do(home, "rename", "test/Dir", "Other")
    quiet(home, server)
    assert {"Other/One", "Other/Sub/Two"} <= set(names(server))
    assert not any(name.startswith("Dir") for name in names(server))
    assert {"Other", "Other/One", "Other/Sub/Two"} <= set(folders(home)) and "Dir" not in folders(home)


@CUTS
def test_rename_of_a_directory_and_cut(when, start, home):
    server = start()
    server.add("Dir/One", [MAILS[0]], uidvalidity=2000)
    server.add("Dir/Sub/Two", [MAILS[1] + b"two"], uidvalidity=2001)
    home.sync()
    do(home, "rename", "test/Dir", "Other")
    setattr(server, when, ("RENAME", 2))
    assert home.run("sync").status == 69
    settled(home, server)
    assert {"Other/One", "Other/Sub/Two"} <= set(names(server))
    assert not any(name.startswith("Dir") for name in names(server))


# DELETE

def private_names(server):
    return [name for name in names(server) if "-removed-" in name]


@LADDER
def test_remove(capability, start, home):
    server = start(capability=capability)
    do(home, "rmdir", "test/Empty")
    settled(home, server)
    assert "Empty" not in names(server) and "Empty" not in folders(home) and not private_names(server)
    assert b"Empty" not in server.subscribed


@CUTS
@pytest.mark.parametrize("command", ["RENAME", "STATUS", "DELETE", "UNSUBSCRIBE"])
def test_remove_and_cut(command, when, start, home):
    server = start(capability=REV1)
    do(home, "rmdir", "test/Empty")
    setattr(server, when, command)
    assert home.run("sync").status == 69
    assert "Empty" not in folders(home) and not any("-removed-" in name for name in folders(home))
    settled(home, server)
    assert "Empty" not in names(server) and not private_names(server)
    assert not any("removed" in name for name in folders(home))


class Delivering(Session):
    """Mail arrives right before the folder is renamed for the first time."""
    def do_RENAME(self, name, new):
        if name == b"Empty" and not getattr(self.server, "delivered", False):
            self.server.delivered = True
            self.find(name).add(MAILS[0])
        super().do_RENAME(name, new)


@pytest.mark.parametrize("cut", [None, ("cut_before_action", ("RENAME", 2)), ("cut_before_reply", ("RENAME", 1)),
                                 ("cut_before_reply", ("RENAME", 2)), ("cut_before_reply", ("STATUS", 2))])
def test_mail_that_arrives_meanwhile_is_not_lost(cut, start, home):
    server = start(Delivering)
    do(home, "rmdir", "test/Empty")
    if cut:
        setattr(server, *cut)
        assert home.run("sync").status in (69, 75)
    done = home.run("sync")
    assert done.status == 75 or cut, str(done)
    home.run("sync")
    assert [(kind, state) for kind, state, _ in operations(home)] == [("delete", "failed")]
    assert "not empty" in operations(home)[0][2] and "1 message" in operations(home)[0][2]
    assert [mail.raw for mail in server.box("Empty").mails] == [MAILS[0]] and not private_names(server)
    assert "Empty" in folders(home)
    assert here(home) == there(server)


def test_folders_made_below_meanwhile_are_not_lost(start, home):
    server = start()
    do(home, "rmdir", "test/Empty")
    server.create("Empty/Theirs").add(MAILS[0])
    home.run("sync")
    home.run("sync")
    assert {"Empty", "Empty/Theirs"} <= set(names(server)) and not private_names(server)
    assert here(home) == there(server)
    assert {"Empty", "Empty/Theirs"} <= set(folders(home))


class Silent(Session):
    """Tells nothing of what is in a mailbox."""
    def status_line(self, box, items):
        line = super().status_line(box, items)
        return re.sub(rb"MESSAGES \d+ ?", b"", line) if b"-removed-" in line else line


def test_what_is_not_told_to_be_empty_is_not_removed(start, home):
    server = start(Silent)
    do(home, "rmdir", "test/Empty")
    assert home.run("sync").status == 75
    assert "Empty" in names(server) and not private_names(server)
    assert "does not tell" in operations(home)[0][2]


@pytest.mark.parametrize("command", [b"RENAME", b"DELETE"])
def test_remove_refused(command, start, home):
    server = start()
    server.refuse[command] = b"NO [NOPERM] not yours"
    do(home, "rmdir", "test/Empty")
    assert home.run("sync").status == 75
    assert operations(home) == [("delete", "failed", "not yours")]
    assert "Empty" in names(server) and not private_names(server)
    assert "Empty" in folders(home), "it is shown again"
    server.refuse.clear()
    do(home, "retry", "test")
    settled(home, server)
    assert "Empty" not in names(server)


def test_it_cannot_be_put_back(start, home):
    """Nothing is lost: it is shown under the name that it has."""
    server = start(Delivering)
    server.refuse[b"RENAME"] = lambda name, new: b"NO [CANNOT] no more" if b"-removed-" in name else None
    do(home, "rmdir", "test/Empty")
    home.run("sync")
    home.run("sync")
    (name,) = private_names(server)
    assert [mail.raw for mail in server.box(name).mails] == [MAILS[0]]
    assert name in rows(home, "SELECT error FROM operations")[0][0]
    assert here(home)[name] == there(server)[name]


def test_another_client_removes_it_first(start, home):
    server = start()
    do(home, "rmdir", "test/Empty")
    server.remove("Empty")
    settled(home, server)
    assert "Empty" not in folders(home)


def test_another_client_makes_it_anew_after_the_cut(start, home):
    """That is another folder, which nobody has removed."""
    server = start()
    do(home, "rmdir", "test/Empty")
    server.cut_before_reply = "DELETE"
    assert home.run("sync").status == 69
    server.create("Empty")
    settled(home, server)
    assert "Empty" in names(server) and "Empty" in folders(home)


def test_messages_leave_before_the_folder_goes(start, home):
    server = start()
    do(home, "move", "test/Empty", "test/A/B/C/~1")
    do(home, "rmdir", "test/A/B/C")
    settled(home, server)
    assert "A/B/C" not in names(server) and len(server.box("Empty").mails) == 1


# What comes to the path of a folder that is still to be removed

def rm_r_and_put_another_there(home):
    """rm -r A/B; mv Empty A/B; mkdir A/B/New; and an upload into that, of what was removed with A/B: the removal of the message
    waits for the upload, that for the folder, that for what is above it, and that is to be where the old one still is."""
    for path in ("test/A/B/~1", "test/A/B/~2", "test/A/B/C/~1"):
        assert home.run("delete", path).status == 0
    do(home, "rmdir", "test/A/B/C")
    do(home, "rmdir", "test/A/B")
    do(home, "rename", "test/Empty", "A/B")
    do(home, "create", "test/A/B/New")
    file = home.folder / "again.eml"
    file.write_bytes(MAILS[3])
    assert home.run("append", "test/A/B/New", str(file)).status == 0


def assert_all_is_there(home, server):
    settled(home, server)
    assert set(names(server)) == {"INBOX", "A", "A/B", "A/B/New", "Trash"} == set(folders(home))
    assert [mail.raw for mail in server.box("A/B/New").mails] == [MAILS[3]]
    assert sorted(mail.raw for mail in server.box("Trash").mails) == sorted(MAILS[3:])
    assert not server.box("A/B").mails and not [name for name in server.subscribed if b"-removed-" in name]


@pytest.mark.parametrize("capability", [FULL, REV1 + " UIDPLUS"], ids=["full", "rev1"])
def test_another_comes_where_one_is_still_to_be_removed(capability, start, home):
    server = start(capability=capability)
    rm_r_and_put_another_there(home)
    assert_all_is_there(home, server)


@CUTS
@pytest.mark.parametrize("command, times", [("RENAME", 1), ("RENAME", 2), ("CREATE", 1), ("APPEND", 1), ("DELETE", 1), ("DELETE", 2)])
def test_another_comes_and_cut(command, times, when, start, home):
    """The first RENAME is to the private name."""
    server = start()
    rm_r_and_put_another_there(home)
    setattr(server, when, (command, times))
    assert home.run("sync").status == 69
    if (command, times) == ("RENAME", 1):
        assert len(private_names(server)) == (2 if when == "cut_before_reply" else 0), "it and what is below it"
    assert not [name for name in folders(home) if "-removed-" in name]
    assert_all_is_there(home, server)


def test_another_comes_and_cut_again_and_again(start, home):
    server = start(capability=REV1 + " UIDPLUS")
    rm_r_and_put_another_there(home)
    for attempt in range(60):
        server.lines_out, server.cut_at_line = 0, 12 + 3 * attempt
        done = home.run("sync")
        server.mend()
        assert not [name for name in folders(home) if "-removed-" in name]
        if done.status == 0:
            break
        assert done.status == 69, str(done)
    assert done.status == 0 and attempt > 2
    assert_all_is_there(home, server)


def test_another_comes_and_mail_has_arrived(start, home):
    """What was not empty is shown under the name that it has now."""
    server = start()
    rm_r_and_put_another_there(home)
    server.box("A/B").add(MAILS[0])
    assert home.run("sync").status == 75
    home.run("sync")
    (name,) = private_names(server)
    assert name in folders(home) and [mail.raw for mail in server.box(name).mails] == [MAILS[0]]
    assert here(home) == there(server) and [each[:2] for each in operations(home)] == [("delete", "failed")]
    assert [mail.raw for mail in server.box("A/B/New").mails] == [MAILS[3]]


# Together

@pytest.mark.parametrize("capability", [FULL, REV1 + " UIDPLUS"], ids=["full", "rev1"])
def test_cut_again_and_again_it_still_gets_there(capability, start, home):
    server = start(capability=capability)
    do(home, "create", "test/New/Sub")
    do(home, "rename", "test/A", "New/A")
    do(home, "rmdir", "test/Empty")
    do(home, "move", "test/New/Sub", "test/New/A/B/~1")
    for attempt in range(40):
        server.lines_out, server.cut_at_line = 0, 12 + 3 * attempt
        done = home.run("sync")
        server.mend()
        if done.status == 0:
            break
        assert done.status == 69, str(done)
    assert done.status == 0 and attempt > 2
    settled(home, server)
    assert set(names(server)) == {"INBOX", "New", "New/Sub", "New/A", "New/A/B", "New/A/B/C", "Trash"}
    assert [sha(mail.raw) for mail in server.box("New/Sub").mails] == [sha(MAILS[3])]


@pytest.mark.parametrize("separator", ["/", "."])
@pytest.mark.parametrize("profile", ["all", "rev1"])
def test_dovecot(profile, separator, remote_with, home):
    remote = remote_with(profile, separator)
    with remote.connect() as account:
        account.create("A", f"A{separator}B", "Empty", "Trash")
        account.append(f"A{separator}B", MAILS[:2])
    home.configure(**remote.keys())
    home.sync()
    do(home, "create", "test/Nová/Sub")
    do(home, "rename", "test/A", "Nová/A")
    do(home, "rmdir", "test/Empty")
    do(home, "copy", "test/Nová/Sub", "test/Nová/A/B/~1")
    home.sync()
    assert operations(home) == []
    with remote.connect() as account:
        found = {each.path: sorted(mail.raw for mail in account.read(each.name).values())
                 for each in account.folders() if each.selectable}
    found.pop("Nová", None) # whether it is a mailbox is for the server to say
    assert found == {"INBOX": [], "Trash": [], "Nová/Sub": [MAILS[0]], "Nová/A": [], "Nová/A/B": sorted(MAILS[:2])}
    assert set(folders(home)) == {"INBOX", "Trash", "Nová", "Nová/Sub", "Nová/A", "Nová/A/B"}
