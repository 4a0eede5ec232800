"""Two computers without a line to the server do something to the same thing, each in its tree; then one has a line again, then the
other.  What comes of it, on the server and in both trees: docs/filesystem.md has the rules."""
import contextlib
import os
from dataclasses import dataclass

import pytest
from lib.account import Message
from lib.actors import label_of, make
from lib.headers import until
from lib.messages import BASE_TIME
from lib.relay import Relay

pytestmark = pytest.mark.usefixtures("fuse")

LETTERS = {"\\Seen": "S", "\\Flagged": "F"}


class Side:
    """One computer."""

    def __init__(self, home, remote, stack):
        self.home = home
        self.line = stack.enter_context(Relay(remote.server.plain_port))
        home.configure(**{**remote.keys(), "port": self.line.port})
        self.mount = stack.enter_context(home.mount())
        home.sync()
        self.top = self.mount.mail / "test"

    def cut(self):
        self.line.refuse = True
        self.line.drop()

    def mend(self):
        self.line.refuse = False
        return self.home.run("sync")

    def file(self, folder, label):
        (path,) = [path for path in (self.top / folder).iterdir() if path.is_file() and label_of(path.read_bytes()) == label]
        return path

    def do(self, action):
        """"verb words"; messages are FOLDER:LABEL."""
        verb, *words = action.split()
        paths = [self.file(*word.split(":")) if ":" in word else word for word in words]
        getattr(self, f"do_{verb}")(*paths)

    def do_put(self, folder, label):
        (self.top / folder / f"{label}.eml").write_bytes(make(label))

    def do_save(self, path, label):
        path.write_bytes(make(label))

    def do_move(self, path, folder):
        path.rename(self.top / folder / path.name)

    def do_name(self, path, name):
        path.rename(path.parent / name)

    def do_rm(self, path):
        path.unlink()

    def do_flag(self, path, *flags):
        os.setxattr(path, "user.imap.flags", " ".join(flags).encode())

    def do_mkdir(self, folder):
        (self.top / folder).mkdir()

    def do_rmdir(self, folder):
        (self.top / folder).rmdir()

    def do_mv(self, folder, new):
        (self.top / folder).rename(self.top / new)

    def shows(self):
        """As Row.end; what goes while it is looked at is not there."""
        while True:
            try:
                return self._look()
            except FileNotFoundError:
                pass

    def _look(self):
        found = {}
        for place, _, names in os.walk(self.top):
            for name in names:
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    raw = file.read()
                flags = os.getxattr(path, "user.imap.flags").decode().split()
                found.setdefault(os.path.relpath(place, self.top), []).append(described(raw, flags))
        return {folder: sorted(each) for folder, each in found.items()}


def described(raw, flags):
    letters = "".join(sorted(LETTERS[flag] for flag in flags))
    return label_of(raw) + (f"({letters})" if letters else "")


@dataclass
class Row:
    name: str
    first: list  # what the one does whose line is mended first
    second: list
    end: dict    # {folder: labels, with the letters of their flags}
    folders: set = frozenset() # without messages
    second_status: int = 0     # of the second one's sync


START = {"A": "1 2 3", "B": "4", "Empty": ""}
ROWS = [
    Row("both save over a message", ["save A:1 one"], ["save A:1 other"], {"A": "2 3 one other", "B": "4", "Trash": "1"}),
    Row("both save the same over a message", ["save A:1 same"], ["save A:1 same"], {"A": "2 3 same same", "B": "4", "Trash": "1"}),
    Row("one saves over, one flags", ["save A:1 one"], ["flag A:1 \\Flagged"], {"A": "2 3 one", "B": "4", "Trash": "1"}),
    Row("one flags, one saves over", ["flag A:1 \\Flagged"], ["save A:1 other"], {"A": "2 3 other", "B": "4", "Trash": "1(F)"}),
    Row("one saves over, one moves", ["save A:1 one"], ["move A:1 B"], {"A": "2 3 one", "B": "4", "Trash": "1"}),
    Row("one moves, one saves over", ["move A:1 B"], ["save A:1 other"], {"A": "2 3 other", "B": "1 4"}),
    Row("one saves over, one removes", ["save A:1 one"], ["rm A:1"], {"A": "2 3 one", "B": "4", "Trash": "1"}),
    Row("one removes, one saves over", ["rm A:1"], ["save A:1 other"], {"A": "2 3 other", "B": "4", "Trash": "1"}),
    Row("both remove a message", ["rm A:1"], ["rm A:1"], {"A": "2 3", "B": "4", "Trash": "1"}),
    Row("both move a message to the same folder", ["move A:1 B"], ["move A:1 B"], {"A": "2 3", "B": "1 4"}),
    Row("both move a message, to different folders", ["move A:1 B"], ["move A:1 Empty"], {"A": "2 3", "B": "1 4"}, {"Empty"}),
    Row("one moves, one flags", ["move A:1 B"], ["flag A:1 \\Flagged"], {"A": "2 3", "B": "1 4"}),
    Row("one flags, one moves", ["flag A:1 \\Flagged"], ["move A:1 B"], {"A": "2 3", "B": "1(F) 4"}),
    Row("one moves, one removes", ["move A:1 B"], ["rm A:1"], {"A": "2 3", "B": "1 4"}),
    Row("other flags", ["flag A:1 \\Flagged"], ["flag A:1 \\Seen"], {"A": "1(FS) 2 3", "B": "4"}),
    Row("the same flag set and cleared", ["flag A:2 \\Flagged", "flag A:2"], ["flag A:2 \\Flagged"], {"A": "1 2(F) 3", "B": "4"}),
    Row("both make a file of that name", ["put A new"], ["put A new"], {"A": "1 2 3 new new", "B": "4"}),
    Row("both make a folder of that name", ["mkdir New", "put New one"], ["mkdir New", "put New other"],
        {"A": "1 2 3", "B": "4", "New": "one other"}),
    Row("one renames a folder, one puts something into it", ["mv B C"], ["put B new"], {"A": "1 2 3", "C": "4 new"}),
    Row("one puts something into a folder, one renames it", ["put B new"], ["mv B C"], {"A": "1 2 3", "C": "4 new"}),
    Row("one renames a folder, one moves into it", ["mv B C"], ["move A:1 B"], {"A": "2 3", "C": "1 4"}),
    Row("both rename a folder", ["mv B C"], ["mv B D"], {"A": "1 2 3", "D": "4"}),
    Row("one renames a folder into another, one renames that", ["mv B A/B"], ["mv A C"], {"C": "1 2 3", "C/B": "4"}),
    Row("one removes a folder, one puts something into it", ["rmdir Empty"], ["put Empty new"], {"A": "1 2 3", "B": "4", "Empty": "new"}),
    Row("one puts something into a folder, one removes it", ["put Empty new"], ["rmdir Empty"], {"A": "1 2 3", "B": "4", "Empty": "new"},
        second_status=75),
    Row("one removes a folder, one renames it", ["rmdir Empty"], ["mv Empty Other"], {"A": "1 2 3", "B": "4"}),
    Row("one renames a folder, one removes it", ["mv Empty Other"], ["rmdir Empty"], {"A": "1 2 3", "B": "4"}, {"Other"}),
    Row("both remove a folder", ["rmdir Empty"], ["rmdir Empty"], {"A": "1 2 3", "B": "4"}),
    Row("one gives a name, one flags", ["name A:1 mine.eml"], ["flag A:1 \\Seen"], {"A": "1(S) 2 3", "B": "4"}),
]


@contextlib.contextmanager
def two(remote, homes):
    with contextlib.ExitStack() as stack:
        account = stack.enter_context(remote.connect())
        account.create("Empty", "Trash", *(folder for folder in START if folder != "Empty"))
        for folder, labels in START.items():
            if labels:
                account.append(folder, [Message(make(label), frozenset(), BASE_TIME) for label in labels.split()])
        yield account, [Side(home, remote, stack) for home in homes]


def agree(account, sides):
    """What the server has, as Row.end; both show just that."""
    there = {path: sorted(described(mail.raw, mail.flags) for mail in mails.values()) for path, mails in account.read_all().items()}
    for side in sides:
        assert side.shows() == {path: mails for path, mails in there.items() if mails}
        assert side.mount.folders() == there.keys()
    return there


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS, ids=[row.name.replace(" ", "-") for row in ROWS])
def test_who_wins(row, remote, home, other_home):
    with two(remote, [home, other_home]) as (account, sides):
        for side, actions in zip(sides, (row.first, row.second), strict=True):
            side.cut()
            for action in actions:
                side.do(action)
        assert sides[0].mend().status == 0
        assert sides[1].mend().status == row.second_status
        assert sides[0].mend().status == 0
        there = agree(account, sides)
        assert {path: mails for path, mails in there.items() if mails} == {path: mails.split() for path, mails in row.end.items()}
        expected = {*row.end, *row.folders, "INBOX", "Trash"}
        assert there.keys() - {"Empty"} == expected - {"Empty"} and ("Empty" in there) == (
            "Empty" in expected or not any("Empty" in action for action in row.first + row.second))


def test_names(remote, home, other_home):
    """What a user has called something is called so where he did it; elsewhere it has the name that all computers know."""
    with two(remote, [home, other_home]) as (account, (here, there)):
        here.do("put A new")
        here.do("name A:1 mine.eml")
        here.do("move A:2 B")
        for side in (here, there, here):
            side.mend()
        assert agree(account, [here, there])
        common = "2020-09-13 12.26 {0}@example.org - {0} ~{1}.eml".format
        assert sorted(os.listdir(here.top / "A")) == sorted(["new.eml", "mine.eml", common("3", 3)])
        found = sorted(os.listdir(there.top / "A"))
        assert found[:2] == [common("1", 1), common("3", 3)] and found[2].endswith(" new@example.org - new ~4.eml") and len(found) == 3
        assert sorted(os.listdir(here.top / "B")) == sorted(os.listdir(there.top / "B")) == [common("2", 2), common("4", 1)]


def test_what_is_removed_for_good_is_seen_elsewhere_until_it_can_not_be_taken_back(remote, home, other_home):
    with two(remote, [home, other_home]) as (account, (here, there)):
        here.do("rm A:1")
        here.mend()
        there.mend()
        here.do("rm Trash:1")
        here.mend()
        there.mend()
        assert "Trash" not in here.shows() and there.shows()["Trash"] == ["1"]
        assert here.home.run("confirm").status == 0
        here.mend()
        there.mend()
        assert agree(account, [here, there])["Trash"] == []


def test_a_barrier_on_both_sides_shows_what_was_done_on_one(remote, home, other_home):
    with two(remote, [home, other_home]) as (_, (here, there)):
        for turn in range(10):
            here.do(f"put A turn{turn}")
            here.do(f"flag A:turn{turn} \\Flagged")
            here.home.sync()
            there.home.sync()
            assert f"turn{turn}(F)" in there.shows()["A"]
            assert sum(f"turn{turn}" in path.read_text() for path in (there.mount.text / "test" / "A").iterdir()) == 1


def test_what_is_done_on_one_is_seen_on_the_other_without_a_word(remote, home, other_home):
    with two(remote, [home, other_home]) as (_, (here, there)):
        here.do("put A new")
        until(lambda: "new" in there.shows()["A"], "the new file, once it was quiet for two seconds")
        here.do("flag A:1 \\Flagged")
        until(lambda: "1(F)" in there.shows()["A"], "the flag")
        here.do("move A:2 B")
        until(lambda: "2" in there.shows()["B"] and "2" not in there.shows()["A"], "the move")
        here.do("rm A:3")
        until(lambda: there.shows().get("Trash") == ["3"], "the removal")
        here.do("mv B C")
        until(lambda: "B" not in os.listdir(there.top) and there.shows().get("C") == ["2", "4"], "the folder's name")
