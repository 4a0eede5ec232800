"""maildir/ with the programs that it is there for, as they are set up in mailtree-tree(7)."""
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from lib import maildirs
from lib.account import Message
from lib.maildirs import ends, folders
from lib.terminal import Terminal
from lib.writing import NEW, crlf, now

pytestmark = pytest.mark.usefixtures("fuse")

TEXT = b"From: Bob <bob@example.org>\nTo: alice@example.org\nSubject: filed\nDate: Mon, 6 May 2024 07:08:09 +0000\n\nhello\n"


MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "man" / "mailtree-tree.7.scd").read_text()


def manual(work, program, **own):
    """What the manual says to write for that program, with the paths of this test; @own: more of those."""
    block = MANUAL.split(f"\n*{program}*(1)")[1].split("\n```\n")[1]
    paths = {"~/Mail/maildir/home": maildirs.directory(work, "INBOX"), "/home/you/Mail/maildir/home": maildirs.directory(work, "INBOX"), **own}
    for path, ours in paths.items():
        block = block.replace(path, str(ours))
    assert "~/" not in block and "/home/you" not in block
    return block + "\n"


def marked(work, *flags):
    """work.work[1] has @flags and more that no program is to lose.  Those."""
    flags = [*flags, "$Junk", "$Forwarded", "Work", "\\Draft"]
    with work.remote.connect() as account:
        account.store("Work", [2], "+FLAGS", *flags)
    work.home.sync()
    return flags


# mutt, neomutt

@pytest.fixture(params=["mutt", "neomutt"])
def mutt(request, work):
    """mutt(keys, folder, …): reads the folder, does that and ends."""
    settings = work.home.folder / "muttrc"
    (work.home.folder / "cache").mkdir(exist_ok=True)
    settings.write_text(manual(work, "mutt", **{"~/.cache/mutt": work.home.folder / "cache"}) + """
set from = "bob@example.org"
set sendmail = "/bin/true"
set sleep_time = 0
set wait_key = no
unset confirmappend confirmcreate resolve
set timeout = 1
set mail_check = 1
set delete = yes
set move = no
set quit = yes
""")

    class Mutt:
        program = request.param
        command = (request.param, "-n", "-F", settings)

        def open(self, keys=None, folder="=.Work"):
            push = ["-e", f"push {keys}"] if keys else []
            return Terminal(*self.command, *(["-f", folder] if folder else []), *push, environment=work.home.environment, cwd=work.home.folder)

        def __call__(self, keys, folder="=.Work"):
            with self.open(keys, folder) as terminal:
                terminal.ends()
                work.home.story.append(f"({self.program} {keys})\n{terminal.seen[-3000:]}")
    return Mutt()


def select(index):
    """The keys that go to work.work[index]."""
    return f'<search>~s\\ \\"Message {index}\\"<enter>'


def test_mutt_reads(work, mutt):
    mutt(f'"{select(0)}<display-message><exit><quit>"')
    ends(work, minus=[("Work", work.work[0])], plus=[("Work", work.like(0, flags=frozenset(["\\Flagged", "\\Seen"])))])


def test_mutt_opens_the_inbox(work, mutt):
    with work.remote.connect() as account:
        account.append("INBOX", [Message(crlf(NEW))])
    work.home.sync()
    mutt('"<display-message><exit><quit>"', None)
    ends(work, plus=[("INBOX", Message(crlf(NEW), frozenset(["\\Seen"])))])


def test_mutt_flags(work, mutt):
    more = marked(work)
    mutt(f'"{select(1)}<flag-message><set-flag>r<sync-mailbox><quit>"')
    ends(work, minus=[("Work", work.work[1])], plus=[("Work", work.like(1, flags=frozenset(["\\Flagged", "\\Seen", "\\Answered", *more])))])


def test_mutt_deletes(work, mutt):
    mutt(f'"{select(1)}<delete-message>{select(3)}<delete-message><sync-mailbox><quit>"')
    gone = [work.work[1], work.work[3]]
    ends(work, minus=[("Work", each) for each in gone], plus=[("Trash", each) for each in gone])


def test_mutt_deletes_what_is_marked(work, mutt):
    with work.remote.connect() as account:
        account.store("Work", [2], "+FLAGS", "\\Deleted")
    work.home.sync()
    mutt('"<quit>"')
    work.ends(minus=[("Work", work.work[1])], plus=[("Trash", work.like(1, flags=frozenset(["\\Seen", "\\Deleted"])))])


def copied(work, index):
    """mutt's copy of work.work[index] says how long it is."""
    head, _, body = work.work[index].raw.partition(b"\r\n\r\n")
    return work.like(index, b"%s\r\nContent-Length: %d\r\n\r\n%s" % (head, len(body), body))


def test_mutt_saves_into_another_folder(work, mutt):
    """It writes a copy and deletes the original, as it does in any Maildir."""
    mutt(f'"{select(1)}<save-message><kill-line>=.Other<enter><sync-mailbox><quit>"')
    ends(work, minus=[("Work", work.work[1])], plus=[("Other", copied(work, 1)), ("Trash", work.work[1])])


def test_mutt_makes_a_folder(work, mutt):
    mutt(f'"{select(1)}<copy-message><kill-line>=.New.Folder<enter><quit>"')
    ends(work, plus=[("New/Folder", copied(work, 1))])
    assert "New/Folder" in folders(work)


def test_mutt_files_what_it_sends(work, mutt):
    work.run(*mutt.command, "-s", "what was sent", "alice@example.org", input=b"hello\n", stdin=None)
    name, = [at for at in maildirs.paths(work, "Sent") if b"Subject: what was sent\r\n" in at.read_bytes()]
    work.ends(plus=[("Sent", now(name.read_bytes(), "\\Seen"))])
    assert b"bob@example.org" in name.read_bytes()


def test_mutt_looks_at_what_is_new(work, mutt):
    """new/ becomes cur/ when it leaves the folder."""
    with work.remote.connect() as account:
        account.append("Empty", [Message(crlf(NEW))])
    work.home.sync()
    assert len(maildirs.names(work, "Empty", "new")) == 1
    mutt('"<quit>"', "=.Empty")
    assert maildirs.names(work, "Empty", "new") == [] and maildirs.names(work, "Empty")[0].endswith(":2,")
    work.ends(plus=[("Empty", Message(crlf(NEW)))])


def test_mutt_sees_what_others_do(work, mutt):
    with mutt.open() as terminal:
        terminal.until(lambda: terminal.shows("Message 4"), "the folder")
        work.wait(lambda: int(time.time()) > int((maildirs.directory(work) / "cur").stat().st_mtime)) # neomutt compares seconds
        with work.remote.connect() as account:
            account.append("Work", [Message(crlf(NEW.replace(b"Subject: new", b"Subject: news")))])
            account.store("Work", [2], "+FLAGS", "\\Answered")
        work.home.sync()
        terminal.until(lambda: terminal.shows("news"), "what has come")
        terminal.type('/~s "Message 1"\rFq')
        terminal.ends()
    ends(work, minus=[("Work", work.work[1])],
         plus=[("Work", work.like(1, flags=frozenset(["\\Answered", "\\Flagged", "\\Seen"]))),
               ("Work", Message(crlf(NEW.replace(b"Subject: new", b"Subject: news"))))])


# notmuch

@pytest.fixture
def notmuch(work):
    """notmuch(…): with its database beside the tree."""
    settings = work.home.folder / "notmuch-config"
    (work.home.folder / "notmuch").mkdir()
    settings.write_text(manual(work, "notmuch", **{"/home/you/.local/share/notmuch": work.home.folder / "notmuch"}) + """
[user]
name=Bob
primary_email=bob@example.org
[new]
tags=unread
""")

    def run(*arguments, **more):
        return work.run("notmuch", f"--config={settings}", *arguments, **more).decode()
    run("new", "--quiet")
    return run


def tags(notmuch, index):
    return set(notmuch("search", "--output=tags", "--exclude=false", f'subject:"Message {index}"').split())


def test_notmuch_finds_all(work, notmuch):
    assert notmuch("count", "*") == "7\n"
    assert tags(notmuch, 0) == {"flagged", "unread"}
    assert tags(notmuch, 1) == set()
    assert notmuch("search", "--output=files", 'subject:"Message 3"').strip() == str(maildirs.path(work, work.work[3].raw))


def test_notmuch_sets_flags(work, notmuch):
    more = marked(work, "\\Deleted")
    notmuch("new", "--quiet")
    assert tags(notmuch, 1) == {"passed", "draft"}
    notmuch("tag", "-unread", "+replied", "--", 'subject:"Message 0"')
    notmuch("tag", "+flagged", "+replied", "+work", "--", 'subject:"Message 1"')
    ends(work, minus=[("Work", work.work[0]), ("Work", work.work[1])],
         plus=[("Work", work.like(0, flags=frozenset(["\\Flagged", "\\Seen", "\\Answered"]))),
               ("Work", work.like(1, flags=frozenset(["\\Flagged", "\\Seen", "\\Answered", *more])))])
    notmuch("new", "--quiet") # and finds what it has renamed
    assert notmuch("count", "*") == "7\n"
    assert tags(notmuch, 1) == {"flagged", "passed", "draft", "replied", "work"}


def test_notmuch_learns_flags(work, notmuch):
    with work.remote.connect() as account:
        account.store("Work", [1], "+FLAGS", "\\Seen", "\\Draft")
        account.store("Work", [2], "-FLAGS", "\\Seen")
    work.home.sync()
    notmuch("new", "--quiet")
    assert tags(notmuch, 0) == {"flagged", "draft"}
    assert tags(notmuch, 1) == {"unread"}
    assert notmuch("count", "*") == "7\n"
    work.home.sync()
    assert {message.raw: message.flags for message in work.server()["Work"].values()} == {
        **{message.raw: message.flags for message in work.work},
        work.work[0].raw: {"\\Flagged", "\\Seen", "\\Draft"}, work.work[1].raw: frozenset()}


def test_notmuch_follows_what_comes_goes_and_moves(work, notmuch):
    with work.remote.connect() as account:
        account.append("INBOX", [Message(crlf(NEW))])
        account.move("Work", [1], "Other")
        account.expunge("Work", [5])
    work.home.sync()
    notmuch("new", "--quiet")
    assert notmuch("count", "*") == "7\n"
    assert notmuch("count", "subject:new") == "1\n"
    assert notmuch("count", 'subject:"Message 4"') == "0\n"
    assert notmuch("search", "--output=files", 'subject:"Message 0"').strip() == str(maildirs.path(work, work.work[0].raw, "Other"))


def test_notmuch_inserts(work, notmuch):
    notmuch("insert", "--folder=.Empty", "-unread", "+flagged", input=TEXT, stdin=None)
    notmuch("insert", "--create-folder", "--folder=.Made.Here", input=NEW, stdin=None)
    ends(work, plus=[("Empty", now(TEXT, "\\Flagged", "\\Seen")), ("Made/Here", now(NEW))])
    notmuch("new", "--quiet")
    assert notmuch("count", "*") == "9\n"


# mu

@pytest.fixture
def mu(work):
    def run(command, *arguments, check=True):
        done = work.run("mu", command, f"--muhome={work.home.folder}/mu", *arguments, check=check)
        return (done if check else done.stdout).decode()
    for line in manual(work, "mu").splitlines():
        program, command, *arguments = line.split()
        assert program == "mu"
        run(command, "--quiet", *arguments)
    return run


def found(mu, query, *fields):
    """Paths, or other fields."""
    return sorted(mu("find", "--fields", " ".join(fields) or "l", "--nocolor", query, check=False).splitlines())


def test_mu_finds(work, mu):
    assert found(mu, 'subject:"Message 2"') == [str(maildirs.path(work, work.work[2].raw))]
    assert len(found(mu, "maildir:/.Work")) == 5 and len(found(mu, "maildir:/.Other")) == 2
    assert found(mu, "flag:flagged", "s") == ["Message 0", "Message 2", "Message 4"]


def test_mu_follows(work, mu):
    with work.remote.connect() as account:
        account.append("INBOX", [Message(crlf(NEW))])
        account.store("Work", [2], "+FLAGS", "\\Answered", "\\Flagged")
        account.expunge("Work", [5])
    work.home.sync()
    mu("index", "--quiet")
    assert found(mu, "flag:replied", "s") == ["Message 1"]
    assert found(mu, "flag:new", "s") == ["new"]
    assert found(mu, 'subject:"Message 4"') == []
    assert found(mu, 'subject:"Message 1"') == [str(maildirs.path(work, work.work[1].raw))]


class MuServer:
    """What mu4e talks to: moving is done by it alone."""

    def __init__(self, work):
        self.process = subprocess.Popen(["mu", "server", f"--muhome={work.home.folder}/mu"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=work.home.environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, line, *wanted):
        """What it answers, up to a word of @wanted."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        answer = b""
        while not any(word.encode() in answer for word in wanted):
            got = os.read(self.process.stdout.fileno(), 65536)
            assert got and b"(:error" not in answer, answer
            answer += got
        return answer.decode(errors="replace")


def docid(server, query):
    answer = server.ask(f'(find :query "{query}" :sortfield :date :maxnum 10)', "(:found")
    return re.search(r":docid (\d+)", answer).group(1)


def test_mu_moves_and_flags(work, mu):
    more = marked(work, "\\Deleted")
    mu("index", "--quiet")
    assert found(mu, "flag:trashed and flag:passed and flag:draft", "s") == ["Message 1"]
    with MuServer(work) as server:
        number = docid(server, "subject:1")
        server.ask(f'(move :docid {number} :flags "+F+R" :maildir "/.Other")', "(:update")
        number = docid(server, "subject:2")
        server.ask(f'(move :docid {number} :flags "+S-F")', "(:update")
    ends(work, minus=[("Work", work.work[1]), ("Work", work.work[2])],
         plus=[("Other", work.like(1, flags=frozenset(["\\Flagged", "\\Seen", "\\Answered", *more]))),
               ("Work", work.like(2, flags=frozenset(["\\Seen"])))])
    mu("index", "--quiet")
    assert found(mu, 'subject:"Message 1"') == [str(maildirs.path(work, work.work[1].raw, "Other"))]


# aerc

@pytest.fixture
def aerc(work):
    """aerc(): started, and at work."""
    settings = work.home.folder / "config" / "aerc"
    settings.mkdir()
    (settings / "accounts.conf").touch(0o600)
    (settings / "accounts.conf").write_text(manual(work, "aerc") + "default = Work\n")
    (settings / "aerc.conf").write_text("[ui]\nspinner=\nmouse-enabled=false\n[viewer]\npager=cat\n")
    return lambda: Terminal("aerc", environment=work.home.environment, cwd=work.home.folder)


def test_aerc(work, aerc):
    more = marked(work, "\\Deleted")

    def shows(index, *infos, folder="Work"):
        """There is the message once with each of these letters: none, if it is not there."""
        try:
            return [at.name.partition(":2,")[2] for at in maildirs.paths(work, folder) if at.read_bytes() == work.work[index].raw] == [*infos]
        except FileNotFoundError: # aerc was about it
            return False

    with aerc() as terminal:
        terminal.until(lambda: terminal.shows("Message 0"), "the folder")
        terminal.type(":select 3\r:flag -x Flagged\r") # the newest is the first
        terminal.until(lambda: shows(1, "DFPST"), "a flag")
        terminal.type(":select 4\r:read\r")
        terminal.until(lambda: shows(0, "FS"), "a message that was read")
        terminal.type(":select 1\r:move Other\r")
        terminal.until(lambda: shows(3, "S", folder="Other"), "a message that was moved")
        terminal.type(":select 0\r:delete\r")
        terminal.until(lambda: shows(4), "a message that was deleted")
        with work.remote.connect() as account:
            account.append("Work", [Message(crlf(NEW.replace(b"Subject: new", b"Subject: news")))])
        work.home.sync()
        terminal.type(":check-mail\r:cf Other\r")
        terminal.until(lambda: terminal.shows("Message 6"), "another folder")
        terminal.type(":cf Work\r")
        terminal.until(lambda: terminal.shows("news"), "what has come")
        terminal.type(":quit\r")
        terminal.ends()
    ends(work, minus=[("Work", work.work[index]) for index in (0, 1, 3, 4)],
         plus=[("Work", work.like(0, flags=frozenset(["\\Flagged", "\\Seen"]))), ("Work", work.like(1, flags=frozenset(["\\Flagged", "\\Seen", *more]))),
               ("Other", work.work[3]), ("Trash", work.work[4]), ("Work", Message(crlf(NEW.replace(b"Subject: new", b"Subject: news"))))])
