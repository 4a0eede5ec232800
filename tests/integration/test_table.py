"""What two-way synchronisation comes to: one row for each case of docs/sync.md.

Each row is run and run again; then it is stopped at a step, or with --full at every one, and run again: the end is the same.
"""
import pytest
from lib.table import Row, Table

T = "Trash:"

ROWS = [
    # One change here
    Row("flag", end="A: 1(F) 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 F"]),
    Row("unflag", end="A: 1 2 3(F$Work) 4; B: 5; Trash:", local=["unflag A/2 S"]),
    Row("keyword", end="A: 1($new) 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 $new"]),
    Row("unkeyword", end="A: 1 2(S) 3(F) 4; B: 5; Trash:", local=["unflag A/3 $WORK"]),
    Row("move", end="A: 2(S) 3(F$Work) 4; B: 5 1; Trash:", local=["move A/1 B"]),
    Row("move with flags", end="A: 1 2(S) 4; B: 5 3(F$Work); Trash:", local=["move A/3 B"]),
    Row("copy", end="A: 1 2(S) 3(F$Work) 4; B: 5 3(F$Work); Trash:", local=["copy A/3 B"]),
    Row("copy in the same folder", end="A: 1 2(S) 3(F$Work) 4 1; B: 5; Trash:", local=["copy A/1 A"]),
    Row("delete", end="A: 2(S) 3(F$Work) 4; B: 5; Trash: 1", local=["delete A/1"]),
    Row("append", end="A: 1 2(S) 3(F$Work) 4; B: 5 9(SF); Trash:", local=["append B 9(SF)"]),
    Row("append without Message-ID", end="A: 1 2(S) 3(F$Work) 4; B: 5 bare; Trash:", local=["append B bare"]),
    Row("append a large one", end="A: 1 2(S) 3(F$Work) 4; B: 5 long; Trash:", local=["append B long"]),
    Row("append what is there", end="A: 1 2(S) 3(F$Work) 4 1; B: 5; Trash:", local=["append A 1"]),
    Row("append the same twice", end="A: 1 2(S) 3(F$Work) 4; B: 5 9 9; Trash:", local=["append B 9", "append B 9"]),
    Row("create", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash:; New:", local=["create New"]),
    Row("create below", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash:; B/New:", local=["create B/New"]),
    Row("create with a national name", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash:; Koš/Pošta:", local=["create Koš/Pošta"]),
    Row("rename", end="C: 1 2(S) 3(F$Work) 4; B: 5; Trash:", local=["rename A C"]),
    Row("rename with children", end="C: 1; C/X: 2; Trash:", start="A: 1; A/X: 2; Trash:", local=["rename A C"]),
    Row("rename below", end="B: 5; B/A: 1; Trash:", start="A: 1; B: 5; Trash:", local=["rename A B/A"]),
    Row("remove a folder", end="A: 1; Trash:", start="A: 1; B:; Trash:", local=["remove B"]),
    Row("remove a folder that was emptied", end="A: 1; Trash: 5", start="A: 1; B: 5; Trash:", local=["delete B/5", "remove B"]),

    # One after the other, here
    Row("flag and unflag", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 F", "unflag A/1 F"]),
    Row("flag, unflag, flag", end="A: 1(F) 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 F", "unflag A/1 F", "flag A/1 F"]),
    Row("flags one by one", end="A: 1(SF$x) 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 F", "flag A/1 S", "flag A/1 $x"]),
    Row("move and back", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash:", local=["move A/1 B", "move B/1 A"]),
    Row("move on", end="A: 2(S) 3(F$Work) 4; B: 5; C: 1; Trash:", start="A: 1 2(S) 3(F$Work) 4; B: 5; C:; Trash:",
        local=["move A/1 B", "move B/1 C"]),
    Row("move and flag", end="A: 2(S) 3(F$Work) 4; B: 5 1(F); Trash:", local=["move A/1 B", "flag B/1 F"]),
    Row("flag and move", end="A: 2(S) 3(F$Work) 4; B: 5 1(F); Trash:", local=["flag A/1 F", "move A/1 B"]),
    Row("append and flag", end="A: 1 2(S) 3(F$Work) 4; B: 5 9(F); Trash:", local=["append B 9", "flag B/9 F"]),
    Row("append and move", end="A: 1 2(S) 3(F$Work) 4 9; B: 5; Trash:", local=["append B 9", "move B/9 A"]),
    Row("append and delete", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash: 9", local=["append B 9", "delete B/9"]),
    Row("append and copy", end="A: 1 2(S) 3(F$Work) 4 9; B: 5 9; Trash:", local=["append B 9", "copy B/9 A"]),
    Row("copy and move", end="A: 1 2(S) 3(F$Work) 4; B: 5; C: 1; Trash:", start="A: 1 2(S) 3(F$Work) 4; B: 5; C:; Trash:",
        local=["copy A/1 B", "move B/1 C"]),
    Row("copy and flag", end="A: 1 2(S) 3(F$Work) 4; B: 5 1(F); Trash:", local=["copy A/1 B", "flag B/1 F"]),
    Row("copy, then the source goes", end="A: 2(S) 3(F$Work) 4; B: 5 1; Trash: 1", local=["copy A/1 B", "delete A/1"]),
    Row("move, then delete", end="A: 2(S) 3(F$Work) 4; B: 5; Trash: 1", local=["move A/1 B", "delete B/1"]),
    Row("delete and take back by a move", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash:", local=["delete A/1", "move Trash/1 A"]),
    Row("create and append", end="A: 1 2(S) 3(F$Work) 4; B: 5; New: 9; Trash:", local=["create New", "append New 9"]),
    Row("create and move", end="A: 2(S) 3(F$Work) 4; B: 5; New: 1; Trash:", local=["create New", "move A/1 New"]),
    Row("create, append, rename", end="A: 1 2(S) 3(F$Work) 4; B: 5; Old: 9; Trash:",
        local=["create New", "append New 9", "rename New Old"]),
    Row("create and remove", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash:", local=["create New", "remove New"]),
    Row("rename and move into it", end="A: 2(S) 3(F$Work) 4; C: 5 1; Trash:", local=["rename B C", "move A/1 C"]),
    Row("move into it and rename", end="A: 2(S) 3(F$Work) 4; C: 5 1; Trash:", local=["move A/1 B", "rename B C"]),
    Row("two folders change names", end="A: 5; B: 1; Trash:", start="A: 1; B: 5; Trash:",
        local=["rename A X", "rename B A", "rename X B"]),
    Row("delete all of a folder", end="A:; B: 5; Trash: 1 2(S) 3(F$Work) 4",
        local=["delete A/1", "delete A/2", "delete A/3", "delete A/4"]),

    # Removal for good
    Row("delete in the Trash, at once", end="A: 1; Trash:", start="A: 1; Trash: 2", local=["delete Trash/2"], keys={"undo": 0}),
    Row("delete in the Trash waits", end="A: 1; Trash: 2", here="A: 1; Trash:", start="A: 1; Trash: 2", local=["delete Trash/2"],
        open=(("remove", "queued"),)),
    Row("what waits is confirmed", end="A: 1; Trash:", start="A: 1; Trash: 2", local=["delete Trash/2", "confirm"]),
    Row("what waits is taken back", end="A: 1; Trash: 2", start="A: 1; Trash: 2", local=["delete Trash/2", "undo"]),
    Row("delete = expunge", end="A: 2; Trash:", start="A: 1 2; Trash:", local=["delete A/1"],
        keys={"undo": 0, "delete": "expunge"}),
    Row("what others marked stays", end="A: 2(D); Trash:", start="A: 1 2(D); Trash:", local=["delete A/1"],
        keys={"undo": 0, "delete": "expunge"}),
    Row("no Trash yet", end="A: 2; Trash: 1", start="A: 1 2", local=["delete A/1"]),
    Row("an upload of the same goes before its removal", end="A:; B: 1; Trash: 1", start="A: 1; B:; Trash:",
        local=["append B 1", "delete A/1"]),

    # On the server alone
    Row("others flag", end="A: 1(F) 2(S) 3(F$Work) 4; B: 5; Trash:", server=["flag A/1 F"]),
    Row("others deliver", end="A: 1 2(S) 3(F$Work) 4 9; B: 5; Trash:", server=["append A 9"]),
    Row("others expunge", end="A: 2(S) 3(F$Work) 4; B: 5; Trash:", server=["delete A/1"]),
    Row("others move", end="A: 2(S) 3(F$Work) 4; B: 5 1; Trash:", server=["move A/1 B"]),
    Row("others create", end="A: 1; X/Y:; Trash:", start="A: 1; Trash:", server=["create X/Y"]),
    Row("others rename", end="C: 1 2(S); Trash:", start="A: 1 2(S); Trash:", server=["rename A C"]),
    Row("others remove a folder", end="A: 1; Trash:", start="A: 1; B: 5; Trash:", server=["remove B"]),
    Row("others renumber", end="A: 1 2(S) 3(F$Work) 4; B: 5; Trash:", server=["renumber A"]),

    # Both
    Row("same flag on both sides", end="A: 1(F) 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 F"], server=["flag A/1 F"]),
    Row("other flags on both sides", end="A: 1(SF) 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 F"], server=["flag A/1 S"]),
    Row("others set what we clear", end="A: 1 2 3(F$Work) 4; B: 5; Trash:", local=["unflag A/2 S"], server=["flag A/2 S"]),
    Row("others clear what we set again", end="A: 1 2 3(F$Work) 4; B: 5; Trash:", local=["unflag A/2 S", "flag A/2 S"],
        server=["unflag A/2 S"]),
    Row("keywords in other case", end="A: 1($todo) 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 $TODO"], server=["flag A/1 $todo"]),
    Row("flag against expunge", end="A: 2(S) 3(F$Work) 4; B: 5; Trash:", local=["flag A/1 F"], server=["delete A/1"]),
    Row("move against expunge", end="A: 2(S) 3(F$Work) 4; B: 5; Trash:", local=["move A/1 B"], server=["delete A/1"]),
    Row("delete against flag", end="A: 2(S) 3(F$Work) 4; B: 5; Trash: 1(F)", local=["delete A/1"], server=["flag A/1 F"]),
    Row("delete against expunge", end="A: 2(S) 3(F$Work) 4; B: 5; Trash:", local=["delete A/1"], server=["delete A/1"]),
    Row("move against flag", end="A: 2(S) 3(F$Work) 4; B: 5 1(S); Trash:", local=["move A/1 B"], server=["flag A/1 S"]),
    Row("move and flag against flag", end="A: 2(S) 3(F$Work) 4; B: 5 1(SF); Trash:", local=["move A/1 B", "flag B/1 F"],
        server=["flag A/1 S"]),
    Row("moved to the same folder", end="A: 2(S) 3(F$Work) 4; B: 5 1; Trash:", local=["move A/1 B"], server=["move A/1 B"]),
    Row("moved to two folders: the first stays", end="A: 2(S) 3(F$Work) 4; B: 5; C: 1; Trash:",
        start="A: 1 2(S) 3(F$Work) 4; B: 5; C:; Trash:", local=["move A/1 B"], server=["move A/1 C"]),
    Row("deleted here, moved there", end="A: 2(S) 3(F$Work) 4; B: 5 1; Trash:", local=["delete A/1"], server=["move A/1 B"]),
    Row("copy of what was expunged", end="A: 2(S) 3(F$Work) 4; B: 5 1; Trash:", local=["copy A/1 B"], server=["delete A/1"]),
    Row("copy of what was moved", end="A: 2(S) 3(F$Work) 4; B: 5 1 1; Trash:", local=["copy A/1 B"], server=["move A/1 B"]),
    Row("same message appended on both sides", end="A: 1 2(S) 3(F$Work) 4; B: 5 9 9; Trash:", local=["append B 9"],
        server=["append B 9"]),
    Row("append into a folder that was renamed", end="A: 1; C: 5 9; Trash:", start="A: 1; B: 5; Trash:", local=["append B 9"],
        server=["rename B C"]),
    Row("append into a folder that was removed", end="A: 1; B: 9; Trash:", start="A: 1; B:; Trash:", local=["append B 9"],
        server=["remove B"]),
    Row("move into a folder that was removed", end="A: 1; Trash:", start="A: 1; B:; Trash:", local=["move A/1 B"],
        server=["remove B"]),
    Row("create on both sides", end="A: 1; New:; Trash:", start="A: 1; Trash:", local=["create New"], server=["create New"]),
    Row("create and append on both sides", end="A: 1; New: 8 9; Trash:", start="A: 1; Trash:", local=["create New", "append New 8"],
        server=["create New", "append New 9"]),
    Row("rename here, new mail there", end="C: 1 9; Trash:", start="A: 1; Trash:", local=["rename A C"], server=["append A 9"]),
    Row("the same rename on both sides", end="C: 1; Trash:", start="A: 1; Trash:", local=["rename A C"], server=["rename A C"]),
    Row("remove a folder into which mail comes", end="A: 1; B: 9; Trash:", start="A: 1; B:; Trash:", local=["remove B"],
        server=["append B 9"], status=75, open=(("delete", "failed"),)),
    Row("remove a folder that others removed", end="A: 1; Trash:", start="A: 1; B:; Trash:", local=["remove B"], server=["remove B"]),
    Row("flag where the folder was renumbered", end="A: 1(F) 2; Trash:", start="A: 1 2; Trash:", local=["flag A/1 F"],
        server=["renumber A"]),
    Row("move where the folder was renumbered", end="A: 2; B: 1; Trash:", start="A: 1 2; B:; Trash:", local=["move A/1 B"],
        server=["renumber A"]),
    Row("delete where the folder was renumbered", end="A: 2; Trash: 1", start="A: 1 2; Trash:", local=["delete A/1"],
        server=["renumber A"]),
    Row("append where the folder was renumbered", end="A: 1 2 9; Trash:", start="A: 1 2; Trash:", local=["append A 9"],
        server=["renumber A"]),
    Row("move into a folder that was renumbered", end="A: 2; B: 5 1; Trash:", start="A: 1 2; B: 5; Trash:", local=["move A/1 B"],
        server=["renumber B"]),
    Row("flag where the folder was renamed", end="C: 1(F) 2; Trash:", start="A: 1 2; Trash:", local=["flag A/1 F"],
        server=["rename A C"]),
    Row("identical ones: one moves", end="A: 1; B: 1; Trash:", start="A: 1 1'; B:; Trash:", local=["move A/1 B"]),
    Row("identical ones: the same is deleted on both sides", end="A: 1; Trash:", start="A: 1 1'; Trash:", local=["delete A/1"],
        server=["delete A/1"]),
    Row("INBOX", end="INBOX: 1(F); A: 2; Trash:", start="INBOX: 1 2; A:; Trash:", local=["flag INBOX/1 F", "move INBOX/2 A"]),
]

PROFILES = ["all", "no-qresync", "uidplus"]


def test_names_are_different():
    assert len({row.name for row in ROWS}) == len(ROWS) >= 60


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_row(row, profile, dovecots, place, pick):
    table, row = Table(dovecots(profile), place), row.on(profile)
    user, home = table.prepare(row)
    steps = table.run(row, *(first := table.again(row, user, home)))
    table.drop(*first)
    for number in pick(range(1, len(steps) + 1), 1) if row.before_stop else []:
        copy = table.again(row, user, home)
        table.run_stopped(row, *copy, number, steps[number - 1])
        table.drop(*copy)
    table.drop(user, home)
