"""What another client does on the server is seen in a tree that stays mounted: in both views, in listings and names that the
kernel remembers, from within directories, through files that are open."""
import contextlib
import os
import subprocess
import threading
import time

import pytest
from lib import messages
from lib.account import Message
from lib.headers import until
from lib.inotify import Watch
from lib.program import SLOW

pytestmark = pytest.mark.usefixtures("fuse")

NEW = b"From: Alice <alice@example.org>\r\nSubject: new\r\n\r\nfirst line\r\nsecond line\r\n"


def mail(label):
    return f"From: {label}@example.org\r\nSubject: {label}\r\n\r\nline of {label}\r\n".encode()


def name_of(label, uid, when=messages.BASE_TIME):
    """As mailtree-tree(7) has it."""
    assert when == messages.BASE_TIME
    return f"2020-09-13 12.26 {label}@example.org - {label} ~{uid}"


class Inside:
    """A shell that has a directory as its working directory."""

    def __init__(self, folder):
        self._shell = subprocess.Popen(["sh"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._shell.kill()
        self._shell.communicate()

    def lines(self, command):
        self._shell.stdin.write(f"{command}; echo :$?\n")
        self._shell.stdin.flush()
        found = []
        while not (line := self._shell.stdout.readline()).startswith(":"):
            assert line, f"the shell has ended: {found}"
            found.append(line.rstrip("\n"))
        return found

    def where(self):
        return os.readlink(f"/proc/{self._shell.pid}/cwd")


@pytest.fixture
def other(remote):
    """Another client: three messages in each of the folders A, A/Below and B."""
    with remote.connect() as account:
        account.create("A", "A/Below", "B")
        for folder in ("A", "A/Below", "B"):
            account.append(folder, [Message(mail(f"{folder[-1]}{index}")) for index in range(1, 4)])
        yield account


@pytest.fixture
def tree(remote, other, home):
    home.configure(**remote.keys())
    with home.mount() as mount:
        home.sync()
        yield mount


def both(tree, folder):
    """The names in mail/ and in text/, without their endings; they are those of the same messages."""
    names = [sorted(name.removesuffix(ending) for name in os.listdir(tree.path / view / "test" / folder))
             for view, ending in (("mail", ".eml"), ("text", ".txt"))]
    return names[0] if names[0] == names[1] else None


# Names and listings

def test_a_listing_that_is_remembered_gets_new_messages_and_loses_others(tree, other):
    assert both(tree, "B") == both(tree, "B") == [name_of(f"B{uid}", uid) for uid in (1, 2, 3)]
    other.append("B", [mail("new")])
    until(lambda: both(tree, "B") == [name_of(f"B{uid}", uid) for uid in (1, 2, 3)] + [name_of("new", 4)], "the new one")
    other.expunge("B", [1, 3])
    until(lambda: both(tree, "B") == [name_of("B2", 2), name_of("new", 4)], "two have gone")
    for view, ending in (("mail", ".eml"), ("text", ".txt")):
        assert not (tree.path / view / "test" / "B" / (name_of("B1", 1) + ending)).exists()


def test_a_name_that_was_not_there_appears(tree, other):
    paths = [tree.mail / "test" / "B" / f"{name_of('new', 4)}.eml", tree.text / "test" / "B" / f"{name_of('new', 4)}.txt",
             tree.mail / "test" / "New", tree.text / "test" / "New"]
    for _ in range(2):
        assert [path for path in paths if path.exists()] == []
    other.append("B", [mail("new")])
    other.create("New")
    until(lambda: all(path.exists() for path in paths), "they have appeared, and nobody has listed anything")
    assert paths[0].read_bytes() == mail("new")
    assert "line of new" in paths[1].read_text()


def test_a_message_that_others_move_is_at_one_place(tree, other):
    paths = tree.files()
    other.move("A", [1], "B")
    until(lambda: both(tree, "B") and name_of("A1", 4) in both(tree, "B"), "it is there")
    until(lambda: not paths["A"][1].exists(), "it is not here any more")
    assert (tree.mail / "test" / "B" / f"{name_of('A1', 4)}.eml").read_bytes() == mail("A1")


def test_flags_of_others_are_seen(tree, other):
    path = tree.files()["B"][2]
    assert os.getxattr(path, "user.imap.flags") == b""
    other.store("B", [2], "+FLAGS", "\\Flagged", "$work")
    until(lambda: os.getxattr(path, "user.imap.flags") == b"\\Flagged $work", "they are set")
    other.store("B", [2], "-FLAGS", "$work")
    until(lambda: os.getxattr(path, "user.imap.flags") == b"\\Flagged", "one is not set any more")


def test_the_time_of_a_folder_tells_that_something_has_changed(tree, other):
    folders = [tree.mail / "test" / "B", tree.text / "test" / "B"]
    before = [folder.stat().st_mtime for folder in folders]
    until(lambda: time.time() > max(before) + 1, "a whole second has gone")
    other.append("B", [mail("new")])
    until(lambda: all(folder.stat().st_mtime > when for folder, when in zip(folders, before, strict=True)), "they are later")


# From within

@pytest.mark.parametrize("view, ending", [("mail", ".eml"), ("text", ".txt")])
def test_a_shell_in_a_directory_sees_what_comes_and_goes(view, ending, tree, other):
    with Inside(tree.path / view / "test" / "B") as shell:
        assert shell.lines("ls") == [name_of(f"B{uid}", uid) + ending for uid in (1, 2, 3)]
        other.append("B", [mail("new")])
        other.expunge("B", [2])
        names = [name_of("B1", 1) + ending, name_of("B3", 3) + ending, name_of("new", 4) + ending]
        until(lambda: shell.lines("ls") == names, "in the listing")
        until(lambda: shell.lines("echo *") == [" ".join(names)], "in what the shell matches")
        assert "line of new" in "".join(shell.lines(f"cat '{names[2]}'"))


def test_a_shell_stays_in_a_folder_that_others_rename(tree, other):
    top = tree.mail / "test"
    with Inside(top / "A" / "Below") as shell:
        before = shell.lines("ls -i .")
        other.rename("A", "Renamed")
        until(lambda: (top / "Renamed" / "Below").exists() and not (top / "A").exists(), "it has another name")
        assert shell.lines("ls -i .") == before
        other.append("Renamed/Below", [mail("new")])
        until(lambda: len(shell.lines("ls")) == 4, "what comes into it is seen")
        assert shell.lines("echo written > notes.txt; cat notes.txt; rm notes.txt") == ["written"]
        until(lambda: (top / "Renamed" / "Below").exists() and shell.where() == str(top / "Renamed" / "Below"),
              "the shell knows where it is once somebody has looked there by its new name")
        assert shell.lines("cd -P .. && ls -d Below") == ["Below"]


def test_a_shell_in_a_folder_that_others_remove_can_leave_it(tree, other):
    top = tree.mail / "test"
    with Inside(top / "B") as shell:
        assert len(shell.lines("ls")) == 3
        other.delete("B")
        until(lambda: not (top / "B").exists(), "it has gone")
        assert not [line for line in shell.lines("ls") if line.endswith(".eml")]
        shell.lines("echo x > new.eml")
        assert shell.lines("cd -P .. && ls") == shell.lines(f"ls '{top}'")
    assert "B" not in os.listdir(top)


# Files that are open

@pytest.mark.parametrize("much", [0, 100, None], ids=["unread", "begun", "read"])
@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_a_file_that_is_open_stays_readable_when_its_message_goes(large, much, tree, other):
    raw = mail("open") + b"a line of a large message\r\n" * (100_000 if large else 0)
    other.append("B", [raw])
    path = tree.mail / "test" / "B" / f"{name_of('open', 4)}.eml"
    until(path.exists, "it is here")
    with open(path, "rb", buffering=0) as file:
        head = file.read(len(raw) if much is None else much)
        other.expunge("B", [4])
        until(lambda: not path.exists() and both(tree, "B"), "it has gone")
        assert os.fstat(file.fileno()).st_size == len(raw)
        rest = b"".join(iter(lambda: file.read(65536), b""))
        assert head + rest == raw
        assert os.pread(file.fileno(), 50, 20) == raw[20:70]
        with pytest.raises(FileNotFoundError): # nobody knows them any more
            os.getxattr(file.fileno(), "user.imap.flags")


def test_a_text_that_is_open_stays_readable_when_its_message_goes(tree, other):
    path = tree.text / "test" / "B" / f"{name_of('B2', 2)}.txt"
    with open(path, encoding="utf-8") as file:
        other.expunge("B", [2])
        until(lambda: not path.exists(), "it has gone")
        assert "line of B2" in file.read()


def test_a_file_that_is_open_is_where_others_move_it(tree, other):
    path = tree.files()["B"][2]
    with open(path, "rb") as file:
        other.rename("B", "C")
        until(lambda: (tree.mail / "test" / "C" / path.name).exists(), "it is there")
        assert file.read() == mail("B2")


def test_what_is_being_written_when_others_rename_the_folder_goes_there(tree, other, home):
    with open(tree.mail / "test" / "B" / "new.eml", "wb") as file:
        file.write(NEW[:30])
        file.flush()
        other.rename("B", "C")
        until(lambda: (tree.mail / "test" / "C").exists(), "it has another name")
        file.write(NEW[30:])
    assert (tree.mail / "test" / "C" / "new.eml").read_bytes() == NEW
    home.sync()
    assert NEW in [each.raw for each in other.read("C").values()]


def test_whoever_writes_is_told_that_others_have_removed_the_folder(tree, other, home):
    file = os.open(tree.mail / "test" / "B" / "new.eml", os.O_WRONLY | os.O_CREAT)
    os.write(file, NEW[:30])
    other.delete("B")
    until(lambda: not (tree.mail / "test" / "B").exists(), "it has gone")
    os.write(file, NEW[30:])
    with pytest.raises(FileNotFoundError):
        os.close(file)
    home.sync()
    assert "B" not in other.read_all()


# inotify

def test_inotify_tells_what_is_done_here_and_not_what_others_do(tree, other):
    folder = tree.mail / "test" / "B"
    name = f"{name_of('B1', 1)}.eml"
    with Watch(folder) as watch:
        (folder / "new.eml").write_bytes(NEW)
        os.rename(folder / name, folder / "renamed.eml")
        os.unlink(folder / "new.eml")
        os.mkdir(folder / "Sub")
        told = watch.seen(wait_s=5)
        assert [each for each in told if each[0] in ("CREATE", "CLOSE_WRITE", "MOVED_FROM", "MOVED_TO", "DELETE")] == [
            ("CREATE", "new.eml"), ("CLOSE_WRITE", "new.eml"), ("MOVED_FROM", name), ("MOVED_TO", "renamed.eml"), ("DELETE", "new.eml"),
            ("CREATE", "Sub")]
        other.append("B", [mail("new")])
        other.expunge("B", [2])
        other.store("B", [3], "+FLAGS", "\\Seen")
        until(lambda: name_of("new", 4) + ".eml" in os.listdir(folder) and not list(folder.glob("*~2.eml")), "it is seen")
        assert watch.seen(wait_s=0.5) == []


# Races

class Looker(threading.Thread):
    """Looks up, opens and reads what is in folders again and again.  Each file must have what its name says."""

    def __init__(self, top, folders, stop):
        super().__init__(daemon=True)
        self.top, self.folders, self.stop = top, folders, stop
        self.read, self.missed, self.wrong = 0, 0, []

    def run(self):
        known = set()
        while not self.stop.is_set():
            for folder in self.folders:
                with contextlib.suppress(FileNotFoundError):
                    known.update(name for name in os.listdir(self.top / folder) if "~" in name)
            for folder in self.folders: # also where the message is not (any more)
                for name in sorted(known):
                    self.look(self.top / folder / name)

    def look(self, path):
        try:
            size = os.stat(path).st_size
            raw = path.read_bytes()
        except FileNotFoundError:
            self.missed += 1
            return
        except OSError as error:
            self.wrong.append(f"{path}: {error}")
            return
        self.read += 1
        label = path.name.split(" - ")[1].split(" ~")[0]
        if label.encode() not in raw or len(raw) != size:
            self.wrong.append(f"{path}: {size} bytes, {raw!r}")


@pytest.mark.parametrize("view", ["mail", "text"])
def test_whoever_looks_while_others_change_everything_sees_the_right_bytes_or_nothing(view, tree, other, home, full):
    stop = threading.Event()
    lookers = [Looker(tree.path / view / "test", ["A", "B"], stop) for _ in range(2)]
    for each in lookers:
        each.start()
    for turn in range(60 if full else 12):
        other.move("A", other.uids("A")[:2], "B")
        other.append("A", [mail(f"turn{turn}")])
        other.move("B", other.uids("B")[:2], "A")
        other.rename("B", "C")
        other.rename("A", "B")
        other.rename("C", "A")
        other.expunge("B", other.uids("B")[:1])
        other.append("B", [mail(f"more{turn}")])
        home.sync()
    stop.set()
    for each in lookers:
        each.join(60 * SLOW)
        assert not each.is_alive()
        assert each.wrong == []
        assert each.read > 10 and each.missed > 10
    assert tree.messages() == {path: {uid: found.raw for uid, found in mails.items()} for path, mails in other.read_all().items() if mails}
