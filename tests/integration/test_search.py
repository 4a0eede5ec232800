"""mailtree search: what it finds, where it says that it is, and that it needs no network."""
import json
import os
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from lib import messages
from lib.account import Message
from lib.program import SLOW
from lib.scripted import FULL

DAY = 86400


def mail(subject, body="text\n", **more):
    return messages.message(body, subject=subject, **more)


def found(home, *words, status=0, **options):
    """The lines of a search that goes well."""
    done = home.run("search", *words, **options)
    assert done.status == status and not done.err, str(done)
    return done.out.splitlines()


def subjects(lines):
    """Of "….eml" what stands between " - " and " ~"."""
    return [line.rpartition(" ~")[0].rpartition(" - ")[2] for line in lines]


@pytest.fixture
def account(remote, home):
    """Some mail on a Dovecot, not here yet."""
    with remote.connect() as account:
        account.create("Archiv", "Archiv/2024")
        account.append("INBOX", [
            Message(mail("žluťoučký kůň", "The garden.\n", to="Bob <bob@example.org>, carol@example.net"), frozenset(["\\Seen"]), messages.BASE_TIME + DAY),
            Message(mail("party", "In the garden and at the river.\n", sender=("Bob", "bob@example.org"), to="alice@example.cz"), when=messages.BASE_TIME + 3 * DAY),
            Message(mail("会議", "明日は東京都で日本語の会議があります。\n", sender=("王小明", "wang@example.org")), when=messages.BASE_TIME)])
        account.append("Archiv/2024", [
            Message(messages.mixed("The garden again\n", [("plán.pdf", "application/pdf", b"x" * 99)], subject="plan"), frozenset(["\\Flagged", "$Work"]), messages.BASE_TIME + 2 * DAY)])
    home.configure(**remote.keys())
    return remote


def test_the_newest_first_below_the_mount(account, home):
    home.sync()
    lines = found(home, "garden")
    assert subjects(lines) == ["party", "plan", "žluťoučký kůň"]
    assert lines[0].startswith("mail/test/INBOX/2020-09-16 12.26 Bob - party ~") and lines[0].endswith(".eml")
    assert lines[1].startswith("mail/test/Archiv/2024/")
    assert found(home, "garden") == lines, "with nothing to index"


@pytest.mark.parametrize("words, wanted", [
    (["ZLUTOUCKY"], ["žluťoučký kůň"]),
    (["garden", "river"], ["party"]),
    (["garden", "-river"], ["plan", "žluťoučký kůň"]),
    (["--", "-garden"], ["会議"]),
    (['"the river"'], ["party"]),
    (["riv*"], ["party"]),
    (["from:bob", "OR", "from:王小明"], ["party", "会議"]),
    (["to:carol@example.net"], ["žluťoučký kůň"]),
    (["東京"], ["会議"]),
    (["is:unread"], ["party", "plan", "会議"]),
    (["is:flagged", "flag:$Work"], ["plan"]),
    (["has:attachment"], ["plan"]),
    (["plan.pdf"], ["plan"]),
    (["folder:archiv"], ["plan"]),
    (["folder:INBOX", "garden"], ["party", "žluťoučký kůň"]),
    (["date:2020-09-13"], ["会議"]),
    (["date:2020-09-14.. (garden OR 会議)"], ["party", "plan", "žluťoučký kůň"]),
    (["-n", "2", "garden"], ["party", "plan"]),
    (["-n1", "--account", "test", "garden"], ["party"]),
])
def test_queries(words, wanted, account, home):
    home.sync()
    for again in range(2): # the second one finds the index made
        assert subjects(found(home, *words)) == wanted, again


def test_nothing_is_found(account, home):
    assert found(home, "garden", status=1) == [], "no store"
    assert not home.store.exists(), "searching makes none"
    home.sync()
    assert not (home.store / "search.db").exists(), "a synchronisation by itself does not index"
    for _ in range(2):
        assert found(home, "nowhere", status=1) == []


@pytest.mark.parametrize("words, mentions", [
    ([], ["too few arguments"]),
    (["(garden"], ["character 1", "this ( has no )"]),
    (["garden", "is:old"], ["character 8", "is:old is not known"]),
    ([""], ["empty"]),
    (["-n", "0", "garden"], ["-n 0: must be a number"]),
    (["-n", "garden"], ["too few arguments"]),
    (["--account", "nobody", "garden"], ["there is no account nobody"]),
    (["--json", "garden"], ["search has no option --json"]),
    (["-river", "garden"], ["unknown option"]),
    (["x" * 2000], ["longer than 1024 bytes"]),
])
def test_what_is_wrong_is_said(words, mentions, account, home):
    for store in (False, True):
        if store:
            home.sync()
        home.fails(64, "search", *words, mentions=mentions)


def test_other_commands_have_no_such_options(account, home):
    for option in (["-n", "3"], ["-0"], ["--account", "test"]):
        home.fails(64, "status", *option, mentions=["status has no option"])


def test_paths_with_line_ends(account, home):
    home.sync()
    done = home.run("search", "-0", "garden")
    assert done.status == 0 and done.out.count("\0") == 3 and "\n" not in done.out
    assert home.run("search", "--null", "garden").out == done.out


def test_what_was_changed_since(account, home):
    home.sync()
    assert subjects(found(home, "garden is:unread")) == ["party", "plan"]
    plan = found(home, "plan")[0].removeprefix("mail/")
    assert home.run("flag", "add", "\\Seen", plan).status == 0
    assert subjects(found(home, "garden is:unread")) == ["party"]
    assert home.run("move", plan, "test/INBOX").status == 0
    assert found(home, "plan")[0].startswith("mail/test/INBOX/")
    party = found(home, "party")[0].removeprefix("mail/")
    assert home.run("delete", party).status == 0
    assert subjects(found(home, "garden folder:INBOX")) == ["plan", "žluťoučký kůň"]
    with account.connect() as there:
        there.append_one("INBOX", mail("late", "another garden\n"))
    home.sync()
    assert "late" in subjects(found(home, "garden"))
    with account.connect() as there:
        there.expunge("INBOX", [1])
    home.sync()
    assert "žluťoučký kůň" not in subjects(found(home, "garden"))


def test_only_the_account_that_is_named(account, remote_with, home):
    other = remote_with()
    with other.connect() as there:
        there.append_one("INBOX", mail("elsewhere", "a garden\n"))
    home.configure("other", **other.keys())
    home.sync()
    assert len(found(home, "garden")) == 4
    assert subjects(found(home, "--account", "other", "garden")) == ["elsewhere"]
    assert subjects(found(home, "--account=test", "-n", "1", "garden")) == ["party"]
    assert found(home, "--account", "other", "river", status=1) == []


@pytest.mark.parametrize("lost", [["search.db"], ["derived.db", "text"], ["search.db", "derived.db", "text"]])
def test_what_was_computed_is_computed_again(lost, account, home):
    home.sync()
    before = found(home, "garden")
    for name in lost:
        for path in home.store.glob(name + "*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with account.connect() as there:
        there.append_one("INBOX", mail("late", "another garden\n"))
    assert found(home, "garden") == before
    assert bool(list(home.store.glob("text/*"))) == ("search.db" in lost), "texts are made when they are wanted"


def test_a_damaged_index(account, home):
    home.sync()
    before = found(home, "garden")
    (home.store / "search.db").write_bytes(b"no database " * 5000)
    done = home.run("search", "garden")
    assert done.status == 0 and done.out.splitlines() == before, str(done)
    assert "it will be made again" in done.err
    assert found(home, "garden") == before


def indexed(home):
    """Whether the index of the store knows all bodies."""
    if not (home.store / "search.db").exists():
        return False
    with sqlite3.connect(f"file:{home.store}/search.db?mode=ro", uri=True) as index, \
         sqlite3.connect(f"file:{home.store}/mail.db?mode=ro", uri=True) as store:
        try:
            done = index.execute("SELECT done FROM state").fetchone()
        except sqlite3.OperationalError:
            return False
        return done is not None and done[0] >= store.execute("SELECT max(id) FROM bodies").fetchone()[0]


def test_beside_a_mount(account, home, fuse):
    with home.mount() as mount:
        home.run("sync")
        lines = found(home, "garden")
        assert subjects(lines) == ["party", "plan", "žluťoučký kůň"]
        for line in lines:
            assert line.startswith(f"{mount.path}/mail/test/") and "garden" in Path(line).read_text(encoding="utf-8")
        assert found(home, "nowhere", status=1) == []
        home.fails(64, "search", "(x", mentions="character 1")
        assert subjects(found(home, "-n", "1", "garden")) == ["party"]
        assert found(home, "-0", "garden")[0].count("\0") == 3

        with account.connect() as there:
            there.append_one("INBOX", mail("late", "another garden\n", when=messages.BASE_TIME + 9 * DAY), when=messages.BASE_TIME + 9 * DAY)
            home.run("sync")
            assert subjects(found(home, "garden"))[0] == "late"
            there.expunge("INBOX", [1])
            home.run("sync")
            assert subjects(found(home, "garden")) == ["late", "party", "plan"]
        (path,) = found(home, "late")
        os.setxattr(path, "user.imap.flags", b"\\Seen")
        assert found(home, "late is:unread", status=1) == []
        assert found(home, "late is:read") == [path]


def test_a_mount_indexes_by_itself(account, home, fuse):
    with home.mount():
        home.run("sync")
        for turn in range(2):
            deadline = time.monotonic() + 30 * SLOW
            while not indexed(home):
                assert time.monotonic() < deadline, f"turn {turn}"
                time.sleep(0.05)
            with account.connect() as there:
                there.append_one("INBOX", mail(f"turn {turn}"))
            home.run("sync")


def test_a_name_with_a_line_end(account, home, fuse):
    with home.mount() as mount:
        home.run("sync")
        (path,) = found(home, "party")
        strange = str(Path(path).parent / "two\nlines \\ é.eml")
        os.rename(path, strange)
        assert home.run("search", "-0", "party").out == strange + "\0"


def test_a_name_that_is_no_utf8(account, home, fuse):
    with home.mount():
        home.run("sync")
        (path,) = found(home, "party")
        strange = os.fsencode(Path(path).parent) + b"/\xff \xe9.eml"
        os.rename(path, strange)
        assert home.start("search", "party").communicate(timeout=60 * SLOW)[0] == strange + b"\n"


def test_it_waits_for_no_server(serve, home, fuse):
    server = serve(capability=FULL)
    server.add("INBOX", [mail(f"number {n}", "garden\n") for n in range(3)])
    home.configure(**server.account())
    home.sync()
    server.add("Other", [mail("other", "garden\n")])
    server.dead = True
    with home.mount():
        assert sorted(subjects(found(home, "garden"))) == ["number 0", "number 1", "number 2"]
    assert len(found(home, "garden")) == 3


def test_beside_a_synchronisation(serve, home):
    """The process that synchronises answers, also while its server says nothing more."""
    server = serve(capability=FULL)
    server.add("INBOX", [mail("here", "garden\n")])
    home.configure(**server.account())
    home.sync()
    server.stall_at_line = server.lines_out + 3
    process = home.start("sync")
    deadline = time.monotonic() + 30 * SLOW
    while json.loads(home.run("status", "--json").out)["pid"] != process.pid:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    for _ in range(2):
        (line,) = found(home, "garden")
        assert line.startswith("mail/test/INBOX/")
    home.fails(64, "search", "is:old", mentions="character 1")
    assert process.poll() is None
    process.kill()


def test_only_headers_are_here(account, home):
    home.configure("headers", **account.keys(bodies="headers"))
    home.sync("headers")
    assert subjects(found(home, "--account", "headers", "subject:party from:bob")) == ["party"]
    assert found(home, "--account", "headers", "river", status=1) == []
