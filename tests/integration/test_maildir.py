"""maildir/: what names, moves and removals mean on the server, and what is seen of what others do there."""
import errno
import mailbox
import os
import shutil
import time

import pytest
from lib import maildirs, messages
from lib.account import Message
from lib.maildirs import deliver, ends, folders, new, refused
from lib.program import SLOW
from lib.writing import NEW, crlf, now

pytestmark = pytest.mark.usefixtures("fuse")


# Looking

def test_it_shows_what_the_server_has(work):
    assert sorted(os.listdir(maildirs.directory(work, "INBOX"))) == [".Empty", ".Other", ".Work", "cur", "new", "tmp"]
    assert [maildirs.names(work, "Empty", below) for below in ("cur", "new", "tmp")] == [[], [], []]
    ends(work)


def test_flags_that_others_set_are_seen(work):
    victim = maildirs.path(work, work.work[0].raw)
    with work.remote.connect() as account:
        account.store("Work", [1], "+FLAGS", "\\Seen", "$Forwarded", "Work")
    work.home.sync()
    assert not victim.exists()
    again = maildirs.path(work, work.work[0].raw)
    assert again.name == maildirs.base(victim) + ":2,FPS"
    with work.remote.connect() as account:
        account.store("Work", [1], "-FLAGS", "\\Seen", "\\Flagged", "$Forwarded")
    work.home.sync()
    assert not again.exists()
    assert maildirs.path(work, work.work[0].raw) == maildirs.directory(work) / "new" / maildirs.base(victim)
    maildirs.compare(work)


def test_what_others_do_changes_the_times_of_the_directories(work):
    """Programs look only into directories that have changed."""
    cur = maildirs.directory(work) / "cur"
    times = [cur.stat().st_mtime_ns]
    for flag in ("+FLAGS", "-FLAGS", "+FLAGS"):
        with work.remote.connect() as account:
            account.store("Work", [1], flag, "\\Answered")
        work.home.sync()
        times.append(cur.stat().st_mtime_ns)
    assert times == sorted(set(times))


def test_a_folder_by_its_path(work):
    with work.remote.connect() as account:
        account.create("Deep/er/still", "a.b", "50%ab")
        account.append("Deep/er/still", [Message(crlf(NEW))])
    work.home.sync()
    top = maildirs.directory(work, "INBOX")
    assert {".Deep.er.still", ".a%2Eb", ".50%2525ab"} <= set(os.listdir(top))
    assert maildirs.path(work, crlf(NEW), "Deep/er/still").parent.name == "new"
    for name in (".a%2Eb", ".50%2525ab"):
        assert sorted(os.listdir(top / name)) == ["cur", "new", "tmp"]


def test_reading_what_is_not_here_fetches_it(remote, home, fuse):
    home.configure(**remote.keys(bodies="headers"))
    raw = messages.message("the body\n", subject="remote")
    with remote.connect() as account:
        account.append("INBOX", [Message(raw)])
    home.sync()
    with home.mount() as mount:
        new_ = mount.path / "maildir" / "test" / "new"
        name, = os.listdir(new_)
        assert (new_ / name).read_bytes() == raw
        assert (new_ / name).stat().st_size == len(raw)


def test_a_move_by_others_is_a_new_name(work):
    victim = maildirs.path(work, work.work[1].raw)
    with work.remote.connect() as account:
        account.move("Work", [2], "Other")
    work.home.sync()
    assert not victim.exists()
    ends(work, minus=[("Work", work.work[1])], plus=[("Other", work.work[1])])


# Names and flags

def test_a_name_with_other_flags_sets_them(work):
    flagged = maildirs.path(work, work.work[0].raw) # F
    os.rename(flagged, flagged.with_name(maildirs.base(flagged) + ":2,RS"))
    assert not flagged.exists()
    ends(work, minus=[("Work", work.work[0])], plus=[("Work", work.like(0, flags=frozenset(["\\Answered", "\\Seen"])))])


def test_keywords_are_left_alone(work):
    with work.remote.connect() as account:
        account.store("Work", [1], "+FLAGS", "$Junk", "Work")
    work.home.sync()
    at = maildirs.path(work, work.work[0].raw)
    assert at.name.endswith(":2,F")
    os.rename(at, at.with_name(maildirs.base(at) + ":2,"))
    ends(work, minus=[("Work", work.work[0])], plus=[("Work", work.like(0, flags=frozenset(["$Junk", "Work"])))])


def test_only_what_the_names_differ_in_is_changed(work):
    """Others have set a flag that is not known here yet."""
    at = maildirs.path(work, work.work[0].raw) # F
    with work.remote.connect() as account:
        account.store("Work", [1], "+FLAGS", "\\Answered")
    try:
        os.rename(at, at.with_name(maildirs.base(at) + ":2,FS"))
    except FileNotFoundError: # the news was faster
        at = maildirs.path(work, work.work[0].raw)
        os.rename(at, at.with_name(maildirs.base(at) + ":2,FRS"))
    ends(work, minus=[("Work", work.work[0])],
         plus=[("Work", work.like(0, flags=frozenset(["\\Answered", "\\Flagged", "\\Seen"])))])


def test_letters_that_nobody_knows_are_passed_over(work):
    at = maildirs.path(work, work.work[0].raw)
    other = at.with_name(maildirs.base(at) + ":2,SFab")
    os.rename(at, other)
    assert other.read_bytes() == work.work[0].raw
    assert maildirs.base(at) + ":2,FS" in maildirs.names(work)
    ends(work, minus=[("Work", work.work[0])], plus=[("Work", work.like(0, flags=frozenset(["\\Seen", "\\Flagged"])))])


def test_deleted_only_marks(work):
    at = maildirs.path(work, work.work[0].raw)
    os.rename(at, at.with_name(maildirs.base(at) + ":2,FT"))
    ends(work, minus=[("Work", work.work[0])], plus=[("Work", work.like(0, flags=frozenset(["\\Flagged", "\\Deleted"])))])


def test_from_new_to_cur_and_back(work):
    deliver(work, NEW, "17.host")
    top = maildirs.directory(work)
    os.rename(top / "new" / "17.host", top / "cur" / "17.host:2,")
    assert maildirs.names(work, below="new") == []
    work.remount()
    assert "17.host:2," in maildirs.names(work) # it stays old
    work.ends(plus=[("Work", now(NEW))])
    os.rename(top / "cur" / "17.host:2,", top / "new" / "17.host")
    assert maildirs.names(work, below="new") == ["17.host"]
    os.rename(top / "new" / "17.host", top / "cur" / "17.host:2,S")
    ends(work, plus=[("Work", now(NEW, "\\Seen"))])
    os.rename(top / "cur" / "17.host:2,S", top / "new" / "17.host")
    assert maildirs.names(work, below="new") == ["17.host"]
    ends(work, plus=[("Work", now(NEW))])


def test_what_is_new_by_its_place_but_not_by_its_flags_is_in_cur(work):
    """Python's mailbox writes such names."""
    deliver(work, NEW, "17.host:2,S")
    assert "17.host:2,S" in maildirs.names(work)
    ends(work, plus=[("Work", now(NEW, "\\Seen"))])


def test_a_name_stays_with_its_message(work):
    """Whatever becomes of it: uploaded, flagged and moved by others."""
    deliver(work, NEW, "17.host,S=9")
    work.home.sync()
    uid = max(work.server()["Work"])
    with work.remote.connect() as account:
        account.store("Work", [uid], "+FLAGS", "\\Seen")
    work.home.sync()
    assert "17.host,S=9:2,S" in maildirs.names(work)
    os.rename(work.folder() / next(name for name in work.names() if "Alice - new" in name), work.folder("Other") / "mine.eml")
    assert "17.host,S=9:2,S" in maildirs.names(work, "Other")
    work.home.sync()
    work.remount()
    assert "17.host,S=9:2,S" in maildirs.names(work, "Other")
    work.ends(plus=[("Other", now(NEW, "\\Seen"))], named=["mine.eml"])


def test_two_messages_that_a_program_calls_the_same(work):
    """As after `cp`: nothing is lost, and each has a name of its own."""
    deliver(work, NEW, "17.host")
    deliver(work, new("other"), "17.host:2,S", below="cur")
    shown = maildirs.names(work) + maildirs.names(work, below="new")
    assert len(shown) == len(set(shown)) == 7
    ends(work, plus=[("Work", now(NEW)), ("Work", now(new("other"), "\\Seen"))])


def test_a_name_that_is_another_messages_is_not_kept(work):
    """A copy of what has a name of ours is another message, with a name of its own."""
    at = maildirs.path(work, work.work[1].raw)
    shutil.copyfile(at, maildirs.directory(work, "Other") / "cur" / at.name)
    assert maildirs.base(maildirs.path(work, work.work[1].raw, "Other")) != maildirs.base(at)
    moved = maildirs.directory(work, "Other") / "cur" / at.name
    os.rename(at, moved)
    assert moved.read_bytes() == work.work[1].raw
    assert len(maildirs.names(work, "Other")) == 4
    ends(work, minus=[("Work", work.work[1])], plus=[("Other", work.work[1]), ("Other", now(work.work[1].raw, "\\Seen"))])


def test_flags_from_both_sides_at_once(work):
    """Whoever loses a race by a name that has changed looks again; in the end both say the same."""
    deadline = time.monotonic() + 4 * SLOW
    with work.remote.connect() as account:
        for index in range(1000):
            if time.monotonic() > deadline:
                break
            for at in maildirs.paths(work):
                if index % 2:
                    continue
                try:
                    letters = set(at.name.partition(":2,")[2]) ^ {"R"}
                    os.rename(at, at.parent.parent / "cur" / (maildirs.base(at) + ":2," + "".join(sorted(letters))))
                except FileNotFoundError:
                    pass
            account.store("Work", range(1, 6), "+FLAGS" if index % 3 else "-FLAGS", "\\Flagged")
    work.home.sync()
    work.home.sync()
    assert {message.raw for message in work.server()["Work"].values()} == {message.raw for message in work.work}
    shown = {at.read_bytes(): at.name.partition(":2,")[2] for at in maildirs.paths(work)}
    assert shown == {message.raw: maildirs.letters(message.flags) for message in work.server()["Work"].values()}


# Moving and removing

@pytest.mark.parametrize("below, info, flags", [("cur", ":2,S", {"\\Seen"}), ("cur", ":2,FRS", {"\\Flagged", "\\Answered", "\\Seen"}), ("new", "", set())])
def test_a_name_in_another_folder_moves(work, below, info, flags):
    at = maildirs.path(work, work.work[1].raw) # S
    inode = at.stat().st_ino
    target = maildirs.directory(work, "Other") / below / (maildirs.base(at) + info)
    os.rename(at, target)
    assert target.stat().st_ino == inode
    assert target.read_bytes() == work.work[1].raw
    ends(work, minus=[("Work", work.work[1])], plus=[("Other", work.like(1, flags=frozenset(flags)))])


def test_a_name_of_a_programs_own_in_another_folder(work):
    at = maildirs.path(work, work.work[1].raw)
    target = maildirs.directory(work, "INBOX") / "cur" / "1234.fresh:2,S"
    os.rename(at, target)
    assert maildirs.names(work, "INBOX") == ["1234.fresh:2,S"]
    ends(work, minus=[("Work", work.work[1])], plus=[("INBOX", work.work[1])])
    assert target.exists()


def test_a_removed_message_is_in_the_trash(work):
    os.unlink(maildirs.path(work, work.work[1].raw))
    ends(work, minus=[("Work", work.work[1])], plus=[("Trash", work.work[1])])


def test_what_is_not_uploaded_yet_can_be_flagged_moved_and_removed(work):
    at = deliver(work, NEW)
    os.rename(at, maildirs.directory(work, "Other") / "cur" / "a:2,S")
    os.rename(maildirs.directory(work, "Other") / "cur" / "a:2,S", maildirs.directory(work, "Empty") / "cur" / "a:2,FS")
    os.unlink(deliver(work, new("gone"), "b"))
    ends(work, plus=[("Empty", now(NEW, "\\Seen", "\\Flagged")), ("Trash", now(new("gone")))])


def test_links_are_refused_so_that_programs_rename(work):
    top = maildirs.directory(work)
    (top / "tmp" / "x").write_bytes(NEW)
    refused(errno.EPERM, os.link, top / "tmp" / "x", top / "new" / "x")
    refused(errno.EPERM, os.symlink, "x", top / "new" / "y")
    os.unlink(top / "tmp" / "x")


def test_what_cannot_be(work):
    top, at = maildirs.directory(work), maildirs.path(work, work.work[0].raw)
    account = maildirs.directory(work, "INBOX")
    for name in ("dovecot-uidlist", ".lock", "file"):
        refused(errno.EPERM, (top / name).write_bytes, b"")
        refused(errno.EPERM, (account / name).write_bytes, b"")
        refused(errno.EPERM, os.rename, at, top / name)
        refused(errno.EPERM, os.rename, at, account / name)
    refused(errno.EPERM, os.unlink, top / "maildirfolder")
    for name in ("sub", "cur2", ".notmuch", ".Trash-1000"):
        refused(errno.EPERM, os.mkdir, account / name)
        refused(errno.EPERM, os.mkdir, top / name)
    refused(errno.EPERM, os.mkdir, top / "cur" / "sub")
    refused(errno.EPERM, os.rename, at, top / "tmp" / "x")
    refused(errno.EINVAL, os.rename, at, top / "cur" / ".hidden")
    refused(errno.EINVAL, os.rename, at, top / "cur" / ":2,S")
    refused(errno.ENAMETOOLONG, os.rename, at, top / "cur" / ("x" * 250))
    refused(errno.ENAMETOOLONG, (top / "cur" / ("x" * 250)).write_bytes, NEW)
    refused(errno.EXDEV, os.rename, at, work.folder() / "x.eml")
    refused(errno.EXDEV, os.rename, work.file(0), top / "cur" / "x:2,")
    for name in (".", ".a..b", ".%2E", ".a."):
        with pytest.raises(OSError):
            os.mkdir(account / name)
    ends(work)


def test_hostile_bases(work):
    top = maildirs.directory(work)
    odd = [b"a\nb", b"\xff\xfe", b"with blank", "ůž".encode(), b"a" * 246, b"%2E", b"-rf", b"a:1,x", b"~", b"x.tmp", b"sed123456"]
    for index, base in enumerate(odd):
        path = os.path.join(os.fsencode(top), b"tmp", b"x")
        with open(path, "wb") as file:
            file.write(new(f"odd {index}"))
        os.rename(path, os.path.join(os.fsencode(top), b"cur", base + b":2,S"))
    assert {base + b":2,S" for base in odd} <= set(os.listdir(os.fsencode(top / "cur")))
    ends(work, plus=[("Work", now(new(f"odd {index}"), "\\Seen")) for index in range(len(odd))])


# Programs' libraries

def test_pythons_mailbox(work):
    box = mailbox.Maildir(maildirs.directory(work, "INBOX"), factory=None, create=False)
    assert set(box.list_folders()) == {"Empty", "Other", "Work"}
    folder = box.get_folder("Work")
    assert len(folder) == 5
    assert sorted(message["Subject"] for message in folder) == [f"Message {index}" for index in range(5)]

    key, message = next((key, message) for key, message in folder.items() if message["Subject"] == "Message 1")
    assert message.get_subdir() == "cur" and message.get_flags() == "S"
    message.add_flag("F")
    folder[key] = message # written over
    added = mailbox.MaildirMessage(NEW)
    added.set_flags("RS")
    added.set_date(messages.BASE_TIME + 77)
    name = folder.add(added)
    plain = box.add(new("plain", 0))
    assert folder.get_message(name).get_flags() == "RS"
    assert box.get_message(plain).get_subdir() == "new"
    other = next(key for key, message in folder.items() if message["Subject"] == "Message 2")
    folder.remove(other)
    made = box.add_folder("Made.Below")
    made.add(NEW)
    made.flush()
    assert os.path.exists(maildirs.directory(work) / "maildirfolder") # of Maildir++: who looks for it finds it
    work.home.sync()
    there = work.server()
    flags = {message.raw: (set(message.flags), message.when) for message in there["Work"].values()}
    assert flags[crlf(NEW)] == ({"\\Answered", "\\Seen"}, messages.BASE_TIME + 77)
    assert len(there["Work"]) == 5 and len(there["Trash"]) == 2 # one removed, one written over
    assert work.work[2].raw not in flags
    assert [message.raw for message in there["INBOX"].values()] == [crlf(new("plain", 0))]
    assert [message.raw for message in there["Made/Below"].values()] == [crlf(NEW)]

    with work.remote.connect() as account:
        account.store("INBOX", [1], "+FLAGS", "\\Flagged")
    work.home.sync()
    assert box.get_message(plain).get_flags() == "F"
    box.remove_folder("Empty")
    work.home.sync()
    assert "Empty" not in folders(work)
