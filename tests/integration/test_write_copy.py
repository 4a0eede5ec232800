"""Programs that copy and move files into the tree, within it and out of it."""
import os
import stat
import tarfile

import pytest
from lib.account import Message
from lib.writing import NEW, NOW, Line, Writing

WHEN = 1_500_000_000 # a time long before that of the tests


@pytest.fixture
def outside(work):
    """A folder with three messages (CRLF, as the server has them, and of the same time), and what is none."""
    folder = work.home.folder / "outside"
    folder.mkdir()
    for index in range(3):
        path = folder / f"{index}.eml"
        path.write_bytes(work.crlf(NEW.replace(b"new", b"outside %d" % index)))
        os.utime(path, (WHEN + index, WHEN + index))
    return folder


def arrived(outside, index, when=NOW):
    return "Work", Message((outside / f"{index}.eml").read_bytes(), frozenset(), when)


def local(outside, index):
    return arrived(outside, index, WHEN + index)


# Into the tree

def test_cp(work, outside):
    work.run("cp", outside / "0.eml", outside / "1.eml", work.folder())
    work.ends(plus=[arrived(outside, 0), arrived(outside, 1)], named={"0.eml", "1.eml"})


@pytest.mark.parametrize("options", ["-p", "-a"])
def test_cp_keeps_the_time(options, work, outside):
    work.run("cp", options, *sorted(outside.iterdir()), work.folder())
    assert (work.folder() / "1.eml").stat().st_mtime == WHEN + 1
    work.ends(plus=[local(outside, index) for index in range(3)], named={f"{index}.eml" for index in range(3)})


def test_cp_of_a_folder_makes_one(work, outside):
    work.run("cp", "-a", outside, work.mount.mail / "test" / "Copied")
    plus = [("Copied", Message((outside / f"{index}.eml").read_bytes(), frozenset(), WHEN + index)) for index in range(3)]
    work.ends(plus=plus, named={f"{index}.eml" for index in range(3)})


def test_cp_over_a_message(work, outside):
    work.run("cp", outside / "0.eml", work.file(1))
    work.saved_over(1, (outside / "0.eml").read_bytes())


def test_cp_with_time_over_a_message(work, outside):
    work.run("cp", "-p", outside / "0.eml", work.file(1))
    work.ends([("Work", work.work[1])],
              [("Work", work.like(1, (outside / "0.eml").read_bytes(), when=WHEN)), ("Trash", work.work[1])])


def test_cp_that_removes_what_is_there_first(work, outside):
    """Saved over, as far as people can tell."""
    work.run("cp", "--remove-destination", outside / "0.eml", work.file(1))
    work.saved_over(1, (outside / "0.eml").read_bytes())


def test_install(work, outside):
    work.run("install", "-m", "600", outside / "0.eml", work.file(1))
    work.run("install", "-p", "-m", "644", outside / "1.eml", work.folder() / "new.eml")
    work.ends([("Work", work.work[1])],
              [("Work", work.like(1, (outside / "0.eml").read_bytes())), ("Trash", work.work[1]), local(outside, 1)], named={"new.eml"})


def test_mv_into_the_tree(work, outside):
    want = [local(outside, index) for index in range(3)]
    work.run("mv", *sorted(outside.iterdir()), work.folder())
    assert list(outside.iterdir()) == []
    work.ends(plus=want, named={f"{index}.eml" for index in range(3)})


def test_rsync_twice(work, outside):
    """The second run finds that nothing has changed, as long as the lines end in CRLF; others are longer here."""
    (outside / "lf.eml").write_bytes(NEW)
    os.utime(outside / "lf.eml", (WHEN, WHEN))
    command = ["rsync", "-a", "-i", "--no-perms", f"{outside}/", work.folder()]
    work.run(*command)
    plus = [local(outside, index) for index in range(3)] + [("Work", Message(work.crlf(NEW), frozenset(), WHEN))]
    named = {"0.eml", "1.eml", "2.eml", "lf.eml"}
    work.ends(plus=plus, named=named)
    for options in [], ["--checksum"]:
        said = work.run(*command, *options).decode().splitlines()
        assert [line.split()[-1] for line in said if not line.endswith("/")] == ["lf.eml"]
        plus.append(("Trash", Message(work.crlf(NEW), frozenset(), WHEN)))
        work.ends(plus=plus, named=named, users={"lf (2).eml"})


@pytest.mark.parametrize("options", [["--inplace"], ["--inplace", "--no-whole-file"], ["--no-whole-file"], ["--append"], ["--partial"],
                                     ["--fsync"]])
def test_rsync_over_messages(options, work, outside):
    names = work.names()
    for name, index in ((names[1], 0), (names[2], 1)):
        os.rename(outside / f"{index}.eml", outside / name)
        if "--append" in options:
            (outside / name).write_bytes(work.work[index + 1].raw + b"appended\r\n")
        os.utime(outside / name, (WHEN, WHEN))
    (outside / "2.eml").unlink()
    raws = [(outside / name).read_bytes() for name in names[1:3]]
    work.run("rsync", "-a", "--no-perms", *options, f"{outside}/", work.folder())
    for name, raw in zip(names[1:3], raws):
        assert (work.folder() / name).read_bytes() == raw
    work.ends([("Work", work.work[1]), ("Work", work.work[2])],
              [("Work", work.like(1, raws[0], when=WHEN)), ("Work", work.like(2, raws[1], when=WHEN)),
               ("Trash", work.work[1]), ("Trash", work.work[2])])


def test_tar_extracts(work, outside):
    work.run("tar", "-C", outside, "-cf", work.home.folder / "x.tar", ".")
    work.run("tar", "-C", work.folder(), "-xf", work.home.folder / "x.tar")
    named = {f"{index}.eml" for index in range(3)}
    plus = [local(outside, index) for index in range(3)]
    work.ends(plus=plus, named=named)
    work.run("tar", "-C", work.folder(), "-xf", work.home.folder / "x.tar") # removes each file before it writes it again
    work.ends(plus=plus + [("Trash", message) for _, message in plus], named=named)


def test_tar_extracts_an_archive_of_the_tree(work):
    """A backup that is restored somewhere else."""
    work.run("tar", "-C", work.mount.mail / "test", "-cf", work.home.folder / "x.tar", "Work")
    with tarfile.open(work.home.folder / "x.tar") as archive:
        assert sum(member.isfile() for member in archive) == 5
    names = set(work.names())
    (work.folder("Empty") / "Restored").mkdir()
    work.run("tar", "-C", work.folder("Empty") / "Restored", "--strip-components=1", "-xf", work.home.folder / "x.tar")
    work.ends(plus=[("Empty/Restored", work.like(index, flags=frozenset())) for index in range(5)], users=names)


def test_split(work, outside):
    """Pieces: the first is a message, because it has a header; the others are not, and stay here."""
    work.run("split", "-b", "100", outside / "0.eml", work.folder() / "piece-")
    first = (outside / "0.eml").read_bytes()[:100]
    others = {entry for entry in work.names() if entry.startswith("piece-")} - {"piece-aa"}
    assert others
    work.ends(plus=[("Work", work.now(first))], beside=others, named={"piece-aa"})


# Out of it

@pytest.mark.parametrize("command", [["cp", "-a"], ["rsync", "-a"], ["cp", "-r", "--preserve=timestamps"]])
def test_a_copy_outside_is_the_same(command, work):
    (work.home.folder / "copy").mkdir()
    work.run(*command, work.folder(), work.home.folder / "copy")
    for index, name in enumerate(work.names()):
        path = work.home.folder / "copy" / "Work" / name
        assert path.read_bytes() == work.work[index].raw
        assert path.stat().st_mtime == work.work[index].when
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    work.ends()


def test_mv_out_of_the_tree(work):
    path = work.file(1)
    work.run("mv", path, work.home.folder)
    assert (work.home.folder / path.name).read_bytes() == work.work[1].raw
    work.ends([("Work", work.work[1])], [("Trash", work.work[1])])


# Within it

@pytest.mark.parametrize("options", [[], ["-p"], ["-a"]])
def test_cp_to_another_folder_is_done_by_the_server(options, work):
    """With flags and date, and no byte travels."""
    path = work.file(1)
    before = work.line.uploads()
    work.run("cp", *options, path, work.folder("Empty") / "copy.eml")
    there = work.folder("Empty") / "copy.eml"
    assert there.read_bytes() == work.work[1].raw
    assert there.stat().st_ino != path.stat().st_ino
    assert there.stat().st_nlink == path.stat().st_nlink == 1
    work.ends(plus=[("Empty", work.work[1])], named={"copy.eml"})
    assert work.line.uploads() == before


def test_cp_of_what_is_not_here_to_the_name_of_a_backup(home, remote, fuse):
    with Writing(home, remote, {"bodies": "headers"}) as work:
        copy = work.folder("Other") / "x.eml~"
        work.run("cp", work.file(1), copy)
        assert copy.read_bytes() == work.work[1].raw
        work.ends(beside={"x.eml~"})


def test_cp_within_a_folder(work):
    work.run("cp", work.file(1), work.folder() / "copy.eml")
    work.ends(plus=[("Work", work.work[1])], named={"copy.eml"})


def test_cp_of_a_tree(work):
    account = work.mount.mail / "test"
    work.run("cp", "-a", account / "Work", account / "Other", account / "Empty")
    work.ends(plus=[("Empty/Work", each) for each in work.work] + [("Empty/Other", each) for each in work.other])


def test_cp_of_a_copy_that_is_not_made_yet(work):
    work.line.stop()
    work.run("cp", work.file(1), work.folder("Empty") / "one.eml")
    work.run("cp", work.folder("Empty") / "one.eml", work.folder("Other") / "two.eml")
    assert (work.folder("Other") / "two.eml").read_bytes() == work.work[1].raw
    work.line.go_on()
    work.ends(plus=[("Empty", work.work[1]), ("Other", work.work[1])], named={"one.eml", "two.eml"})


def test_a_copy_that_is_written_to_before_it_was_made(work):
    """Then it is another message, and there is no copy."""
    work.line.stop()
    work.sh('cp "$1" "$2" && echo more >> "$2"', work.file(1), work.folder("Empty") / "copy.eml")
    work.line.go_on()
    work.ends(plus=[("Empty", work.like(1, work.work[1].raw + b"more\r\n"))], named={"copy.eml"})


def test_a_copy_that_is_written_to_is_saved_over(work):
    work.run("cp", work.file(1), work.folder("Empty") / "copy.eml")
    work.home.sync()
    work.sh('echo more >> "$1"', work.folder("Empty") / "copy.eml")
    work.ends(plus=[("Empty", work.like(1, work.work[1].raw + b"more\r\n")), ("Trash", work.work[1])], named={"copy.eml"})


def test_the_message_changes_while_it_is_copied(work):
    """What was copied counts, and not what it is when the copy is saved."""
    path, copy = work.file(1), work.folder("Empty") / "copy.eml"
    with open(path, "rb") as source, open(copy, "wb") as target:
        assert os.copy_file_range(source.fileno(), target.fileno(), 1 << 30) == len(work.work[1].raw)
        path.write_bytes(NEW)
    assert copy.read_bytes() == work.work[1].raw
    work.ends([("Work", work.work[1])], [("Work", work.like(1, NEW)), ("Trash", work.work[1]),
                                         ("Empty", work.now(work.work[1].raw))], named={"copy.eml"})


def test_mv_to_another_folder(work):
    path = work.file(1)
    inode = path.stat().st_ino
    before = work.line.uploads()
    work.run("mv", path, work.file(2), work.folder("Empty"))
    assert (work.folder("Empty") / path.name).stat().st_ino == inode
    work.ends([("Work", work.work[1]), ("Work", work.work[2])], [("Empty", work.work[1]), ("Empty", work.work[2])])
    assert work.line.uploads() == before


def test_mv_there_and_back(work):
    path = work.file(1)
    work.run("mv", path, work.folder("Empty"))
    work.run("mv", work.folder("Empty") / path.name, work.folder())
    work.ends()
    assert path.exists()


def test_ln(work):
    path = work.file(1)
    before = work.line.uploads()
    work.run("ln", path, work.folder("Empty"))
    there = work.folder("Empty") / path.name
    assert there.read_bytes() == work.work[1].raw
    assert there.stat().st_ino != path.stat().st_ino and there.stat().st_nlink == 1
    work.run("rm", path)
    assert there.read_bytes() == work.work[1].raw
    work.ends([("Work", work.work[1])], [("Empty", work.work[1]), ("Trash", work.work[1])])
    assert work.line.uploads() == before


def test_rsync_within_the_tree(work):
    names = set(work.names())
    work.run("rsync", "-a", f"{work.folder()}/", work.folder("Empty"))
    said = work.run("rsync", "-a", "-i", f"{work.folder()}/", work.folder("Empty")).decode()
    assert not [line for line in said.splitlines() if not line.endswith("/")] # times of folders are their own
    work.ends(plus=[("Empty", work.like(index, flags=frozenset())) for index in range(5)], users=names)


# Between accounts

@pytest.fixture
def two(home, remote, remote_with, fuse):
    """A Writing with a second account, `second`, which has a folder `Box`."""
    second = remote_with()
    with second.connect() as account:
        account.create("Box")
    with Line(second.server) as line:
        home.configure("second", **{**second.keys(), "port": line.port})
        with Writing(home, remote) as made:
            made.second, made.second_line = second, line
            made.box = made.mount.mail / "second" / "Box"
            yield made


def in_box(two):
    with two.second.connect() as account:
        return list(account.read("Box").values())


def test_mv_to_another_account(two):
    path = two.file(1)
    two.run("mv", path, two.box)
    assert not path.exists()
    two.ends([("Work", two.work[1])], [("Trash", two.work[1])])
    assert in_box(two) == [two.work[1]] # mv copies attributes, too


def test_cp_to_another_account(two):
    two.run("cp", "-a", two.file(1), two.file(2), two.box)
    two.ends()
    assert sorted(each.raw for each in in_box(two)) == sorted(two.work[index].raw for index in (1, 2))


def test_what_is_moved_to_another_account_stays_until_it_is_there(two):
    """Nothing is removed while an upload of the same content is pending."""
    two.second_line.stop()
    path = two.file(1)
    two.run("mv", path, two.box)
    assert not path.exists()
    assert (two.box / path.name).read_bytes() == two.work[1].raw
    assert two.home.run("sync", "test").status in (0, 75)
    assert two.work[1] in two.server()["Work"].values()
    two.second_line.go_on()
    two.ends([("Work", two.work[1])], [("Trash", two.work[1])])
    assert in_box(two) == [two.work[1]] # mv copies attributes, too


def test_a_folder_is_moved_to_another_account(two):
    account = two.mount.mail / "second"
    two.run("mv", two.folder(), account / "Moved")
    two.home.sync()
    two.home.sync() # removes what the first has uploaded
    with two.second.connect() as other:
        assert sorted(each.raw for each in other.read("Moved").values()) == sorted(each.raw for each in two.work)
    assert not two.folder().exists()
    with two.remote.connect() as first:
        assert "Work" not in {folder.path for folder in first.folders()}
        assert sorted(each.raw for each in first.read("Trash").values()) == sorted(each.raw for each in two.work)
