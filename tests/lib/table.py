"""A language for tables of (start, server, local, end), and what runs a row of them.

A state is "A: 1 2(S) 3(F$Work); B: 4; Trash:": folders with messages by label, and their flags: S \\Seen, A \\Answered,
F \\Flagged, D \\Deleted, T \\Draft, $Keyword.  INBOX is always there.  Labels that differ only in ' have the same content.

An action is a line, on the server by another client, here by a command:

    flag A/1 F$x        unflag A/1 F       append A 9(S)      copy A/1 B         move A/1 B
    delete A/1          here: to the Trash; on the server: expunged
    create X            rename X Y         remove X
    renumber A          on the server: the same messages in a new folder of that name
    confirm  undo  retry                   here
"""
import contextlib
import hashlib
import os
import re
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import messages
from .account import Account, Message
from .program import Mailtree

FLAGS = {"S": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "D": "\\Deleted", "T": "\\Draft"}
MODIFYING = re.compile(r"> m\d+ (?:UID )?(STORE|COPY|MOVE|APPEND|EXPUNGE|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|CLOSE)\b")


@dataclass
class Row:
    name: str
    end: str                  # on the server and here
    local: list = field(default_factory=list)
    server: list = field(default_factory=list)
    start: str = "A: 1 2(S) 3(F$Work) 4; B: 5; Trash:"
    status: int = 0           # of sync
    open: tuple = ()          # (kind, state) of the operations that are left
    keys: dict = field(default_factory=dict) # of the account
    before_stop: bool = True  # whether it is stopped at each step
    here: str = None          # what people see here where that differs from the server
    unlike: dict = field(default_factory=dict) # profile: other values of these fields

    def on(self, profile):
        return Row(**{**self.__dict__, **self.unlike.get(profile, {}), "unlike": {}})


def content(label):
    """The bytes that a label stands for."""
    key = label.rstrip("'")
    if key == "bare": # no Message-ID
        return b"From: a@example.org\r\nSubject: bare\r\n\r\nwithout an id\r\n"
    if key == "long":
        return messages.random_message("table", 0) + b"a line of a longer message\r\n" * 8000
    return messages.random_message("table", int(hashlib.sha256(key.encode()).hexdigest()[:6], 16))


LABELS = {}


def label_of(raw_hash):
    return LABELS.get(raw_hash, raw_hash[:8])


def _register(label):
    raw = content(label)
    LABELS.setdefault(hashlib.sha256(raw).hexdigest(), label.rstrip("'"))
    return raw


def parse_flags(text):
    return frozenset(FLAGS.get(each, each) for each in re.findall(r"[SAFDT](?![\w])|\$\w+|[SAFDT]", text or ""))


def parse_message(text):
    label, _, flags = text.partition("(")
    return label, parse_flags(flags.rstrip(")"))


def parse(text):
    """{folder: [(label, flags)]}"""
    state = {"INBOX": []}
    for part in filter(None, map(str.strip, text.split(";"))):
        folder, _, rest = part.partition(":")
        state[folder.strip()] = [parse_message(each) for each in rest.split()]
    return state


def wanted(text):
    """A state as it can be compared: {folder: Counter of (content, flags)}."""
    found = {}
    for folder, all_of_it in parse(text).items():
        for label, _ in all_of_it:
            _register(label)
        found[folder] = Counter((label.rstrip("'"), flags) for label, flags in all_of_it)
    return found


def lower(state):
    """Keywords are the same in any case."""
    return {folder: Counter({(label, frozenset(flag.lower() for flag in flags)): count for (label, flags), count in found.items()})
            for folder, found in state.items()}


class Server:
    """The other client."""

    def __init__(self, account):
        self.account = account

    def state(self):
        found = {}
        for folder in self.account.folders():
            if folder.selectable:
                found[folder.path] = Counter(
                    (label_of(hashlib.sha256(each.raw).hexdigest()), each.flags - {"\\Recent"})
                    for each in self.account.read(folder.name).values())
        return found

    def find(self, path):
        folder, _, label = path.rpartition("/")
        raw = _register(label)
        for uid, each in self.account.read(folder).items():
            if each.raw == raw:
                return folder, uid
        raise AssertionError(f"the server has no {path}")

    def build(self, text):
        state = parse(text)
        self.account.create(*[folder for folder in state if folder != "INBOX" and folder not in self.state()])
        for folder, all_of_it in state.items():
            self.account.append(folder, [Message(_register(label), flags, messages.BASE_TIME + 60 * index)
                                         for index, (label, flags) in enumerate(all_of_it)])

    def act(self, line):
        verb, *words = line.split()
        account = self.account
        if verb in ("flag", "unflag"):
            folder, uid = self.find(words[0])
            account.store(folder, [uid], "+FLAGS" if verb == "flag" else "-FLAGS", *parse_flags(words[1]))
        elif verb == "append":
            label, flags = parse_message(words[1])
            account.append(words[0], [Message(_register(label), flags, messages.BASE_TIME)])
        elif verb == "copy":
            folder, uid = self.find(words[0])
            account.copy(folder, [uid], words[1])
        elif verb == "move":
            folder, uid = self.find(words[0])
            account.copy(folder, [uid], words[1])
            account.expunge(folder, [uid])
        elif verb == "delete":
            folder, uid = self.find(words[0])
            account.expunge(folder, [uid])
        elif verb == "create":
            account.create(words[0])
        elif verb == "rename":
            account.rename(*words)
        elif verb == "remove":
            account.delete(words[0])
        elif verb == "renumber":
            kept = account.read(words[0])
            account.delete(words[0])
            account.create(words[0])
            account.append(words[0], [kept[uid] for uid in sorted(kept)])
        else:
            raise ValueError(line)


class Here:
    """The store, and the commands."""

    def __init__(self, home):
        self.home = home

    def rows(self, sql, *arguments):
        with contextlib.closing(sqlite3.connect(self.home.store / "mail.db")) as db:
            return db.execute(sql, arguments).fetchall()

    def folders(self):
        """{id: path} of those that people see."""
        found = {}
        rows = {row[0]: row for row in self.rows("SELECT id, parent, name, attributes, state FROM mailboxes")}
        for number, (_, parent, name, attributes, state) in rows.items():
            if not attributes & 1 or state == 2:
                continue
            while parent:
                name, parent = f"{rows[parent][2]}/{name}", rows[parent][1]
            found[number] = name
        return found

    def state(self):
        folders = self.folders()
        found = {path: Counter() for path in folders.values()}
        for number, place, flags, digest in self.rows(
                "SELECT m.id, m.place, m.base_flags, lower(hex(b.sha256)) FROM messages m JOIN bodies b ON b.id = m.body"
                " WHERE m.name IS NOT NULL AND m.place IS NOT NULL"):
            shown = set(flags.split())
            for add, remove in self.rows("SELECT add_flags, remove_flags FROM operations WHERE message = ? AND kind = 'flags'"
                                         " AND ended = 0 AND state <> 'failed' ORDER BY id", number):
                shown = {flag for flag in shown if flag.lower() not in remove.lower().split()} | set(add.split())
            found[folders[place]][label_of(digest), frozenset(shown)] += 1
        return found

    def open(self):
        return tuple(self.rows("SELECT kind, state FROM operations WHERE ended = 0 ORDER BY id"))

    def find(self, path):
        folder, _, label = path.rpartition("/")
        digest = hashlib.sha256(_register(label)).hexdigest()
        ids = [number for number, name in self.folders().items() if name == folder]
        for number in ids:
            for (name,) in self.rows("SELECT m.name FROM messages m JOIN bodies b ON b.id = m.body WHERE m.place = ?"
                                     " AND lower(hex(b.sha256)) = ? ORDER BY m.id", number, digest):
                return f"test/{folder}/{name}"
        raise AssertionError(f"there is no {path} here: {self.state()}")

    def run(self, *arguments):
        done = self.home.run(*arguments)
        assert done.status == 0, str(done)

    def act(self, line):
        verb, *words = line.split()
        if verb in ("flag", "unflag"):
            self.run("flag", "add" if verb == "flag" else "remove", " ".join(sorted(parse_flags(words[1]))), self.find(words[0]))
        elif verb == "append":
            label, flags = parse_message(words[1])
            file = self.home.folder / "message.eml"
            file.write_bytes(_register(label))
            self.run("append", "--flags", " ".join(sorted(flags)), f"test/{words[0]}", str(file))
        elif verb in ("copy", "move"):
            self.run(verb, self.find(words[0]), f"test/{words[1]}")
        elif verb == "delete":
            self.run("delete", self.find(words[0]))
        elif verb == "create":
            self.run("folder", "create", f"test/{words[0]}")
        elif verb == "rename":
            self.run("folder", "rename", f"test/{words[0]}", f"test/{words[1]}")
        elif verb == "remove":
            self.run("folder", "delete", f"test/{words[0]}")
        elif verb in ("confirm", "undo", "retry"):
            self.run(verb)
        elif verb == "sync":
            self.home.run("sync")
        else:
            raise ValueError(line)


class Table:
    """Runs rows on one server; each run has a user and a home of its own."""
    _count = 0

    def __init__(self, server, place):
        self.server = server
        self.place = Path(place)
        self.stops = Path(os.environ["MAILTREE"]).parents[1] / "tests" / "stops" / "mailtree-stops"

    def _user(self):
        Table._count += 1
        return f"table{Table._count}"

    def _home(self, user, row):
        home = Mailtree(self.place / f"home.{user}")
        home.configure(**self.server.account(user, "none"), **row.keys)
        return home

    def prepare(self, row):
        """What is there right before the synchronisation that is tested: (user, home)."""
        user = self._user()
        home = self._home(user, row)
        with Account.at(self.server, user) as account:
            server, here = Server(account), Here(home)
            server.build(row.start)
            home.sync()
            for line in row.server:
                server.act(line)
            for line in row.local:
                here.act(line)
        return user, home

    def again(self, row, user, home):
        """A copy of what prepare() gave."""
        new = self._user()
        copy = self._home(new, row)
        shutil.copytree(home.store, copy.store, ignore=shutil.ignore_patterns("control"))
        mail = self.server.folder / "mail"
        _copy_owned(mail / user, mail / new)
        return new, copy

    def drop(self, user, home):
        home.close()
        shutil.rmtree(home.folder, ignore_errors=True)
        self.server.remove_user(user)

    def sync(self, row, home, **options):
        done = home.run("-vv", "sync", **options)
        assert done.status == row.status, str(done)
        return done

    def check(self, row, user, home, what):
        with Account.at(self.server, user) as account:
            there = Server(account).state()
        here = Here(home)
        seen, end = here.state(), wanted(row.end)
        assert lower(there) == lower(end), f"{what}: the server has {_show(there)}, not {row.end}"
        assert lower(seen) == lower(wanted(row.here) if row.here else end), f"{what}: here is {_show(seen)}, not {row.here or row.end}"
        assert here.open() == row.open, f"{what}: operations {here.open()}"

    def check_rest(self, row, user, home, what):
        """A further run changes nothing."""
        done = self.sync(row, home)
        sent = MODIFYING.findall(done.err)
        assert not sent, f"{what}: a further run sends {sent}"
        self.check(row, user, home, f"{what}, after a further run")

    def run(self, row, user, home):
        """A run, and one more.  The names of its steps."""
        steps = home.folder / "steps"
        plain, home.program = home.program, self.stops
        self.sync(row, home, environment={"MAILTREE_STEPS": str(steps)})
        home.program = plain
        self.check(row, user, home, "after the run")
        self.check_rest(row, user, home, "after the run")
        return steps.read_text().split("\n")[:-1]

    def run_stopped(self, row, user, home, number, step):
        """Stopped at one step, then run again."""
        what = f"stopped at step {number} ({step}), then run again"
        plain, home.program = home.program, self.stops
        done = home.run("-vv", "sync", environment={"MAILTREE_STOP_AT": str(number)})
        home.program = plain
        assert done.status in (-9, row.status), f"{what}: {done}"
        self.sync(row, home)
        self.check(row, user, home, what)
        self.check_rest(row, user, home, what)


def _copy_owned(source, target):
    shutil.copytree(source, target)
    for place, folders, files in os.walk(source):
        for name in [place, *(os.path.join(place, each) for each in folders + files)]:
            status = os.stat(name)
            os.chown(os.path.join(target, os.path.relpath(name, source)), status.st_uid, status.st_gid)


def _show(state):
    letters = {value: key for key, value in FLAGS.items()}
    return "; ".join(f"{folder}: " + " ".join(
        sorted(f"{label}({''.join(letters.get(flag, flag) for flag in sorted(flags))})" for label, flags in found.elements()))
        for folder, found in sorted(state.items()))
