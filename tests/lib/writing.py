"""A mounted account in which programs write, and what came of it on the server, message by message."""
import os
import re
import subprocess
import time
from collections import Counter
from dataclasses import replace

from . import messages
from .account import Message
from .program import SLOW
from .relay import UP, Relay

NOW = -1 # as Message.when: the INTERNALDATE is of this test's time

NEW = b"From: Alice <alice@example.org>\nSubject: new\nDate: Mon, 6 May 2024 07:08:09 +0000\n\nfirst line\nsecond line\n"
NEW_CRLF = NEW.replace(b"\n", b"\r\n")

_UID = re.compile(r" ~(\d+)(?: \(\d+\))?\.eml$")


def crlf(raw):
    return re.sub(rb"\r?\n", b"\r\n", raw)


def now(raw, *flags):
    """What a new file becomes."""
    return Message(crlf(raw), frozenset(flags), NOW)


class Line(Relay):
    """The way to a server: counts the messages that are uploaded, and can be cut."""

    def __init__(self, server, **more):
        super().__init__(server.plain_port, **more)
        self._said = {} # pair: what the client has said since the last upload

    def _account(self, pair, direction, data):
        data, cut = super()._account(pair, direction, data)
        if direction == UP:
            with self._lock:
                self._said.setdefault(pair, bytearray()).extend(data)
        return data, cut

    def uploads(self):
        """How many so far: each has a date and a literal."""
        with self._lock:
            return sum(len(re.findall(rb'\d\d:\d\d:\d\d [+-]\d{4}" ~?\{\d+', said)) for said in self._said.values())

    def stop(self):
        self.refuse = True
        self.drop()

    def go_on(self):
        self.refuse = False


class Writing:
    """A context manager: mounted as long as it lasts.  The account is called `test`.

    At its beginning `Work` holds self.work, `Other` self.other (lists of Message, in the order of their names), `Empty` nothing.
    """

    def __init__(self, home, remote, keys=(), **line):
        self.home, self.remote = home, remote
        self.keys = dict(keys)
        self.line = Line(remote.server, **line)
        self.work = [_message(index, "\\Seen" if index % 2 else "\\Flagged") for index in range(5)]
        self.other = [_message(index, "\\Seen") for index in range(5, 7)]
        self.more = [] # of (folder, Message), that a test put there before
        self.began = int(time.time())

    def __enter__(self):
        self.home.configure(**{**self.remote.keys(**self.keys), "port": self.line.port})
        with self.remote.connect() as account:
            account.create("Work", "Other", "Empty")
            account.append("Work", self.work)
            account.append("Other", self.other)
        self.home.sync()
        self.mount = self.home.mount().__enter__()
        self.home.sync()
        return self

    def __exit__(self, *failure):
        try:
            self.mount.__exit__(*failure)
        finally:
            self.line.close()

    # Places

    def folder(self, name="Work"):
        return self.mount.mail / "test" / name

    def names(self, name="Work"):
        return sorted(entry.name for entry in self.folder(name).iterdir() if entry.is_file())

    def file(self, index, name="Work"):
        """The path of self.work[index], at the beginning."""
        return self.folder(name) / self.names(name)[index]

    # Programs

    def run(self, *command, cwd=None, check=True, environment=None, **options):
        """A program that must succeed quietly.  What it wrote to stdout."""
        options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([str(word) for word in command], cwd=cwd or self.home.folder, capture_output=True, timeout=50 * SLOW,
                              env={**self.home.environment, **(environment or {})}, **options)
        self.home.story.append(f"$ {' '.join(map(str, command))}\n{done.stdout!r} {done.stderr!r} -> {done.returncode}")
        if check:
            assert done.returncode == 0 and done.stderr == b"", f"{command}: {done}"
        return done.stdout if check else done

    def sh(self, script, *arguments, **options):
        return self.run("sh", "-c", script, "sh", *arguments, **options)

    # What became of it

    def server(self):
        """{folder: {UID: Message}}"""
        with self.remote.connect() as account:
            return account.read_all()

    def ends(self, minus=(), plus=(), beside=(), named=(), users=()):
        """After the barrier: the server has what it had at the beginning, but for @minus and @plus: lists of (folder, Message).
        The tree shows just that; @beside: names of files that are only here, @named: messages whose names are users' (those of
        @users may be, but look like any other)."""
        self.home.sync()
        there = self.server()
        have = Counter((folder, self._dated(message)) for folder, mails in there.items() for message in mails.values())
        want = self._start()
        for each in minus:
            assert want[each] > 0, f"not there at the beginning: {each}"
            want[each] -= 1
        want.update(plus)
        want = +want
        assert have == want, f"missing on the server: {list((want - have).elements())}\ntoo much: {list((have - want).elements())}"
        self._compare_tree(there, set(beside), set(named), set(users))

    def saved_over(self, index, raw, *, beside=(), named=()):
        """self.work[index] has other bytes now, and all else as it was; the old one is in the Trash."""
        old = self.work[index]
        self.ends([("Work", old)], [("Work", self.like(index, raw)), ("Trash", old)], beside, named)

    def all_saved_over(self, raws, *, beside=()):
        self.ends([("Work", each) for each in self.work],
                  [("Work", self.like(index, raw)) for index, raw in enumerate(raws)] + [("Trash", each) for each in self.work], beside)

    def like(self, index, raw=None, **other):
        """What self.work[index] becomes with other bytes, flags, …"""
        if raw is not None:
            other["raw"] = crlf(raw)
        return replace(self.work[index], **other)

    now = staticmethod(now)
    crlf = staticmethod(crlf)

    def new(self, subject="new"):
        """The path of a message outside of the tree, with LF line ends, as people write them."""
        path = self.home.folder / f"{subject}.eml"
        path.write_bytes(NEW.replace(b"Subject: new", b"Subject: " + subject.encode()))
        return path

    def remount(self):
        self.mount.__exit__(None, None, None)
        self.mount = self.home.mount().__enter__()

    def wait(self, condition, timeout=30):
        """Until @condition() is true."""
        deadline = time.monotonic() + timeout * SLOW
        while not condition():
            assert time.monotonic() < deadline, "it did not come to it"
            time.sleep(0.02)

    def folders(self):
        """Paths of those on the server."""
        with self.remote.connect() as account:
            return {folder.path for folder in account.folders()}

    def _start(self):
        return Counter([("Work", message) for message in self.work] + [("Other", message) for message in self.other] + self.more)

    def _dated(self, message):
        is_now = self.began - 1 <= message.when <= time.time() + 1
        return replace(message, when=NOW) if is_now else message

    def _compare_tree(self, there, beside, named, ambiguous):
        local, shown, users = set(), {}, set()
        for place, _, names in os.walk(self.mount.mail / "test"):
            folder = os.path.relpath(place, self.mount.mail / "test")
            for name in names:
                path = os.path.join(place, name)
                if os.getxattr(path, "user.mailtree.state") == b"local":
                    local.add(name)
                    continue
                uid = int(os.getxattr(path, "user.imap.uid"))
                match = _UID.search(name)
                if not match or int(match.group(1)) != uid:
                    users.add(name)
                with open(path, "rb") as file:
                    raw = file.read()
                assert os.path.getsize(path) == len(raw), path
                message = Message(raw, frozenset(os.getxattr(path, "user.imap.flags").decode().split()), int(os.stat(path).st_mtime))
                assert uid not in shown.setdefault(folder, {}), f"{path}: a second file of that UID"
                shown[folder][uid] = message
        assert local == beside
        assert shown == {folder: mails for folder, mails in there.items() if mails}
        assert users - ambiguous == named - ambiguous


def _message(index, *flags):
    raw = messages.message(f"line-w-{index}\nsecond line\nthird line\n", subject=f"Message {index}", when=messages.BASE_TIME + index * 86400)
    return Message(raw, frozenset(flags), messages.BASE_TIME + index * 86400)
