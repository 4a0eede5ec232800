"""The two sides of a row of a table: another client of the server, and the commands and the store here."""
import contextlib
import hashlib
import shlex
import sqlite3
import time

from .account import Message
from .pushing import do
from .table import date, dated, header, label_of, learn, parse, parse_flags, parse_message


_CONTENT = "JOIN bodies b ON b.id = ifnull(m.body, m.header)" # where the body is not here, the header stands for it


def _digest(raw):
    return hashlib.sha256(raw).hexdigest()


def labels_of(path):
    """"A/B/1..3" -> ["1", "2", "3"]"""
    return [label for label, _ in parse_message(path.rpartition("/")[2])]


def _split(path):
    return path.rpartition("/")[0], labels_of(path)


class There:
    """Another client, logged in."""

    def __init__(self, account):
        self.account = account
        self.separator = account.folders()[0].separator

    def state(self):
        """{folder: {UID: (label, flags)}}"""
        return {folder.path: {uid: (label_of(_digest(each.raw), each.when), each.flags)
                              for uid, each in self.account.read(folder.name).items()}
                for folder in self.account.folders() if folder.selectable}

    def name(self, path):
        return path.replace("/", self.separator)

    def find(self, path):
        folder, labels = _split(path)
        mails, uids = self.account.read(self.name(folder)), []
        for label in labels:
            raw, when = learn(label)
            found = [uid for uid, each in mails.items() if (each.raw, each.when) == (raw, when) and uid not in uids]
            assert found, f"the server has no {label} in {folder}"
            uids.append(found[0])
        return self.name(folder), uids

    def append(self, folder, all_of_it):
        self.account.append(self.name(folder), [Message(learn(label)[0], flags, date(label)) for label, flags in all_of_it])

    def build(self, text):
        state = parse(text)
        have = {folder.path for folder in self.account.folders()}
        self.account.create(*[self.name(folder) for folder in state if folder not in have])
        for folder, all_of_it in state.items():
            if all_of_it:
                self.append(folder, all_of_it)

    def act(self, line):
        verb, *words = shlex.split(line)
        getattr(self, f"do_{verb}")(*words)

    def do_flag(self, path, flags):
        self.account.store(*self.find(path), "+FLAGS", *parse_flags(flags))

    def do_unflag(self, path, flags):
        self.account.store(*self.find(path), "-FLAGS", *parse_flags(flags))

    def do_append(self, folder, message):
        self.append(folder, parse_message(message))

    def do_copy(self, path, target):
        self.account.copy(*self.find(path), self.name(target))

    def do_move(self, path, target):
        self.account.move(*self.find(path), self.name(target))

    def do_delete(self, path):
        self.account.expunge(*self.find(path))

    def do_create(self, folder):
        self.account.create(self.name(folder))

    def do_rename(self, folder, new):
        self.account.rename(self.name(folder), self.name(new))

    def do_remove(self, folder):
        self.account.delete(self.name(folder))

    def do_recreate(self, folder):
        self.do_remove(folder)
        self.do_create(folder)

    def do_renumber(self, folder):
        kept = self.account.read(self.name(folder))
        self.do_recreate(folder)
        self.account.append(self.name(folder), [kept[uid] for uid in sorted(kept, reverse=True)])


FILES = {"save", "jot", "write", "note", "over"} # what is done here by no command


class Here:
    """A home, its commands, and the rows of its store."""

    def __init__(self, home):
        self.home = home
        self.environment = {} # of commands; with one that stops them they may be killed

    def rows(self, sql, *arguments):
        with contextlib.closing(sqlite3.connect(self.home.store / "mail.db")) as db:
            return db.execute(sql, arguments).fetchall()

    def folders(self):
        """{id: path} of those that people see, mailboxes and directories."""
        rows = {row[0]: row[1:] for row in self.rows("SELECT id, parent, name FROM mailboxes WHERE state <> 2")}
        found = {}
        for number, (parent, name) in rows.items():
            while parent in rows:
                parent, above = rows[parent]
                name = f"{above}/{name}"
            found[number] = name
        return found

    def mailboxes(self):
        """Paths of what can hold messages: what is on the server, or is to be created."""
        there = {number for (number,) in self.rows("SELECT id FROM mailboxes WHERE attributes & 1 OR state = 1")}
        return {path for number, path in self.folders().items() if number in there}

    def state(self):
        """{folder: {UID or (None, row id): (label, flags)}} as people see it."""
        folders = self.folders()
        found = {path: {} for path in self.mailboxes()}
        deltas = {}
        for number, *delta in self.rows("SELECT message, add_flags, remove_flags FROM operations WHERE kind = 'flags'"
                                        " AND ended = 0 AND state <> 'failed' ORDER BY id"):
            deltas.setdefault(number, []).append(delta)
        for number, place, mailbox, uid, flags, when, digest in self.rows(
                "SELECT m.id, m.place, m.mailbox, m.uid, m.base_flags, m.internaldate, lower(hex(b.sha256)) FROM messages m"
                f" {_CONTENT} WHERE m.name IS NOT NULL AND m.place IS NOT NULL"):
            shown = flags.split()
            for add, remove in deltas.get(number, []):
                shown = [flag for flag in shown if flag.lower() not in remove.lower().split()] + add.split()
            key = uid if uid and place == mailbox else (None, number)
            assert key not in found[folders[place]], f"two rows of UID {uid} in {folders[place]}"
            found[folders[place]][key] = label_of(digest, when), frozenset(shown)
        return found

    def operations(self):
        """"KIND STATE" of those that are open."""
        return tuple(" ".join(row) for row in self.rows("SELECT kind, state FROM operations WHERE ended = 0 ORDER BY id"))

    def ids(self):
        """{(folder, label): row id} of messages that there is one of."""
        folders, found = self.folders(), {}
        for number, place, when, digest in self.rows(
                f"SELECT m.id, m.place, m.internaldate, lower(hex(b.sha256)) FROM messages m {_CONTENT}"
                " WHERE m.place IS NOT NULL"):
            found.setdefault((folders[place], label_of(digest, when)), []).append(number)
        return {key: numbers[0] for key, numbers in found.items() if len(numbers) == 1}

    def contents(self):
        """All that must not change when nothing happens."""
        queries = {"mailboxes": "WHERE attributes & 1", "messages": "", "bodies": "", "operations": ""}
        return {table: self.rows(f"SELECT * FROM {table} {which} ORDER BY id") for table, which in queries.items()}

    def faults(self):
        """What is wrong with the store whatever happened."""
        found = [row for row in self.rows("PRAGMA integrity_check") if row != ("ok",)]
        found += self.rows("PRAGMA foreign_key_check")
        found += self.rows("SELECT id, messages, 'is no count' FROM mailboxes b"
                           " WHERE messages <> (SELECT count(*) FROM messages WHERE mailbox = b.id AND uid IS NOT NULL)")
        return found

    def leftovers(self):
        """What nobody sees and nothing will end."""
        found = self.rows("SELECT id, mailbox, uid, state, name, 'is a message that nobody sees' FROM messages m WHERE"
                          " (place IS NULL OR name IS NULL OR state NOT IN (0, 7, 8))" # 7 and 8 are files
                          " AND NOT EXISTS (SELECT * FROM operations WHERE message = m.id AND ended = 0)")
        found += self.rows("SELECT id, name, state, 'is a mailbox in between' FROM mailboxes b WHERE state <> 0"
                           " AND NOT EXISTS (SELECT * FROM operations WHERE mailbox = b.id AND ended = 0)")
        found += self.rows("SELECT id, name, uid, 'has not the name of its UID' FROM messages WHERE uid IS NOT NULL"
                           " AND place = mailbox AND NOT name_is_users AND name NOT LIKE '% ~' || uid || '.eml'"
                          " AND name NOT LIKE '% ~' || uid || ' (2).eml'") # what saved over it had its name when it came back
        return found

    def find(self, path):
        folder, labels = _split(path)
        folders = [number for number, name in self.folders().items() if name == folder]
        assert folders, f"there is no {folder} here"
        names = []
        for label in labels:
            raw, when = learn(label)
            found = [name for (name,) in self.rows(
                f"SELECT m.name FROM messages m {_CONTENT} WHERE m.place = ? AND lower(hex(b.sha256)) IN (?, ?)"
                " AND m.internaldate = ? ORDER BY m.id", folders[0], _digest(raw), _digest(header(raw)), when) if name not in names]
            assert found, f"there is no {label} in {folder} here"
            names.append(found[0])
        return [f"test/{folder}/{name}" for name in names]

    def run(self, *arguments):
        done = self.home.run(*arguments, environment=self.environment)
        assert done.status == 0 and not done.errors or done.status == -9 and self.environment, str(done)

    def act(self, line):
        verb, *words = shlex.split(line)
        getattr(self, f"do_{verb}")(*words)

    def do_flag(self, path, flags):
        self.run("flag", "add", " ".join(sorted(parse_flags(flags))), *self.find(path))

    def do_unflag(self, path, flags):
        self.run("flag", "remove", " ".join(sorted(parse_flags(flags))), *self.find(path))

    def do_append(self, folder, message):
        for label, flags in parse_message(message):
            raw, when = learn(label)
            file = self.home.folder / "message.eml"
            file.write_bytes(raw)
            self.run("append", "--flags", " ".join(sorted(flags)), "--date", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when)),
                     f"test/{folder}", str(file))

    def do_copy(self, path, target):
        self.run("copy", *self.find(path), f"test/{target}")

    def do_move(self, path, target):
        self.run("move", *self.find(path), f"test/{target}")

    def do_delete(self, path):
        self.run("delete", *self.find(path))

    def do_create(self, folder):
        self.run("folder", "create", f"test/{folder}")

    def do_rename(self, folder, new):
        self.run("folder", "rename", f"test/{folder}", f"test/{new}")

    def do_remove(self, folder):
        self.run("folder", "delete", f"test/{folder}")

    def do_confirm(self):
        self.run("confirm")

    def do_undo(self, path=None):
        names = [name.rpartition("/")[2] for name in self.find(path)] if path else []
        self.run("undo", *[str(number) for name in names for (number,) in self.rows(
            "SELECT o.id FROM operations o JOIN messages m ON m.id = o.message WHERE m.name = ? AND o.kind = 'append'"
            " AND o.ended = 0", name)])

    def _file(self, label):
        file = self.home.folder / "message.eml"
        file.write_bytes(learn(label)[0])
        return str(file)

    def _save(self, verb, path, label):
        learn(dated(label, labels_of(path)[0]))
        do(self.home, verb, *self.find(path), self._file(label))

    def do_save(self, path, label):
        self._save("save", path, label)

    def do_jot(self, path, label):
        self._save("jot", path, label)

    def do_write(self, folder, label):
        do(self.home, "write", f"test/{folder}/{label}.eml", str(date(label)), self._file(label))

    def do_note(self, folder, label):
        do(self.home, "note", f"test/{folder}/{label}.eml", str(date(label)), self._file(label))

    def do_over(self, path, target):
        learn(dated(labels_of(path)[0], labels_of(target)[0]))
        do(self.home, "over", *self.find(path), *self.find(target))

    def do_retry(self):
        self.run("retry")

    def do_sync(self):
        self.home.run("sync")
