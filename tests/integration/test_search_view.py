"""search/: queries as directories of links into mail/."""
import errno
import os
import subprocess

import pytest
from lib import messages
from lib.account import Message
from lib.headers import until
from lib.program import SLOW

pytestmark = pytest.mark.usefixtures("fuse")


def mail(number, subject, sender, text, *flags):
    return Message(messages.message(text, subject=subject, sender=sender, charset="utf-8", message_id=f"{number}@search"),
                   frozenset(flags), messages.BASE_TIME + number * 86400)


@pytest.fixture
def filled(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("Work", "Work/Old")
        account.append("INBOX", [mail(1, "Faktura 2024", ("Alice", "alice@example.org"), "Příliš žluťoučký kůň.\n"),
                                 mail(2, "Lunch", ("Bob", "bob@example.org"), "Faktura is in the other mail.\n", "\\Seen")])
        account.append("Work", [mail(3, "Re: faktura", ("Alice", "alice@example.org"), "paid\n", "\\Seen")])
        account.append("Work/Old", [mail(3, "Re: faktura", ("Alice", "alice@example.org"), "paid\n", "\\Seen")])
    home.sync()


@pytest.fixture
def tree(filled, home):
    with home.mount() as mount:
        home.sync()
        yield mount


def search(tree, query):
    return tree.path / "search" / "test" / query


def found(tree, query):
    """What the links of a query lead to, below mail/."""
    folder = search(tree, query)
    return sorted(str(os.path.relpath(os.path.realpath(folder / name), tree.mail / "test")) for name in os.listdir(folder))


def wait(tree, query, count):
    until(lambda: len(os.listdir(search(tree, query))) == count, f"{count} found by {query}")


def test_ls_of_a_query_shows_what_matches(tree):
    assert len(os.listdir(search(tree, "from:alice faktura"))) == 3 # the barrier waits for the index
    paths = found(tree, "from:alice faktura")
    assert [path.split("/")[0] for path in paths] == ["INBOX", "Work", "Work"]
    for name in os.listdir(search(tree, "from:alice faktura")):
        assert b"alice@example.org" in (search(tree, "from:alice faktura") / name).read_bytes()
    out = subprocess.run(["ls", "-l", "search/test/zlutoucky"], cwd=tree.path, capture_output=True, text=True, timeout=60 * SLOW, check=True)
    assert out.stdout.count(" -> ../../../mail/test/INBOX/") == 1


def test_two_of_one_name_are_told_apart(tree):
    wait(tree, "folder:work faktura", 2)
    assert len(set(os.listdir(search(tree, "folder:work faktura")))) == 2
    assert len(found(tree, "folder:work faktura")) == 2


def test_a_slash_is_written_as_in_an_address(tree):
    wait(tree, "folder:Work%2FOld faktura", 1)
    assert found(tree, "folder:Work%2FOld faktura")[0].startswith("Work/Old/")


def test_a_kept_search_is_listed_until_it_is_removed(filled, home):
    with home.mount() as tree:
        home.sync()
        assert os.listdir(tree.path / "search" / "test") == []
        os.mkdir(search(tree, "is:unread"))
        os.mkdir(search(tree, "folder:Work%2FOld"))
        assert sorted(os.listdir(tree.path / "search" / "test")) == ["folder:Work%2FOld", "is:unread"]
        wait(tree, "is:unread", 1)
        subprocess.run(["mkdir", search(tree, "lunch")], check=True, timeout=60 * SLOW)
        with pytest.raises(FileExistsError):
            os.mkdir(search(tree, "is:unread"))
        inode = search(tree, "is:unread").stat().st_ino
        os.rmdir(search(tree, "lunch"))
    with home.mount() as again:
        assert sorted(os.listdir(again.path / "search" / "test")) == ["folder:Work%2FOld", "is:unread"]
        assert search(again, "is:unread").stat().st_ino == inode
        os.rmdir(search(again, "is:unread"))
        assert os.listdir(again.path / "search" / "test") == ["folder:Work%2FOld"]


def test_what_is_no_query_says_why(tree):
    with pytest.raises(OSError) as error:
        os.listdir(search(tree, '"unfinished'))
    assert error.value.errno == errno.EINVAL
    until(lambda: tree.status()["bad_query"], "the reason")
    assert tree.status()["bad_query"].startswith('"unfinished: ')
    assert tree.status()["bad_query"] in (tree.path / "status").read_text(encoding="utf-8")
    with pytest.raises(OSError) as error:
        os.mkdir(search(tree, "date:yesteryear"))
    assert error.value.errno == errno.EINVAL


def test_names_that_programs_look_for_do_not_exist(tree):
    for name in (".git", ".hidden", ".Trash-1000"):
        assert not search(tree, name).exists()
        with pytest.raises(OSError):
            os.mkdir(search(tree, name))


def test_too_many_new_searches_at_once_are_refused(tree):
    outcomes = set()
    for number in range(400):
        try:
            os.stat(search(tree, f"word{number}"))
        except OSError as error:
            outcomes.add(error.errno)
    assert outcomes == {errno.EBUSY}


def test_a_listing_follows_what_happens(tree, home, remote):
    wait(tree, "faktura is:unread", 1)
    with remote.connect() as account:
        account.append("Work", [mail(9, "Faktura again", ("Carol", "carol@example.org"), "new\n")])
    home.sync()
    wait(tree, "faktura is:unread", 2)
    victim = next(path for path in found(tree, "faktura is:unread") if path.startswith("Work/"))
    os.unlink(tree.mail / "test" / victim)
    wait(tree, "faktura is:unread folder:Work", 0)


def test_links_cannot_be_changed(tree):
    wait(tree, "lunch", 1)
    name = os.listdir(search(tree, "lunch"))[0]
    for change in (lambda: os.unlink(search(tree, "lunch") / name), lambda: os.symlink("x", search(tree, "lunch") / "y"),
                   lambda: os.rename(search(tree, "lunch") / name, search(tree, "lunch") / "z")):
        with pytest.raises(PermissionError):
            change()
