"""Random histories of two stores and one server against a model of what must hold.

The model knows how often each message must be there: once for each append and copy that was accepted, less those that were
expunged on the server.  After any history, whatever crashes and cuts were in it, both stores and the server agree, message by
message and flag by flag, nothing is there that nobody put there, and nothing is missing that nobody removed.

An upload or a copy of which nobody can tell whether the server did it is held.  Then the model is the person who looks, and
knows: what is missing is confirmed, what is not is taken back.
"""
import contextlib
import hashlib
import shutil
import sqlite3
import tempfile
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from lib.program import Mailtree
from lib.relay import UP, Cut, Relay

FOLDERS = ["INBOX", "A", "Ž"]
FLAGS = ["\\Seen", "\\Flagged", "$one", "$Two"]
CHOICE = st.integers(min_value=0, max_value=10**6)


def body(label):
    return f"From: m{label}@example.org\r\nSubject: m{label}\r\nMessage-ID: <m{label}@example.org>\r\n\r\nbody {label}\r\n".encode()


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


class Store:
    """One computer: a home, its own line to the server."""

    def __init__(self, place, remote, name):
        self.home = Mailtree(tempfile.mkdtemp(prefix=f"model.{name}.", dir=place))
        self.home.hasten(300)
        self.line = Relay(remote.server.plain_port)
        self.home.configure(**{**remote.keys(), "port": self.line.port})

    def close(self):
        self.line.close()
        reports = self.home.close()
        shutil.rmtree(self.home.folder, ignore_errors=True)
        assert not reports, reports

    def query(self, sql, *arguments):
        with contextlib.closing(sqlite3.connect(self.home.store / "mail.db")) as db:
            return db.execute(sql, arguments).fetchall()

    def seen(self):
        """[(path for commands, content)] of what people see, in a fixed order."""
        return [(f"test/{folder}/{name}", found) for folder, name, found in self.query(
            "SELECT f.name, m.name, lower(hex(b.sha256)) FROM messages m JOIN mailboxes f ON f.id = m.place"
            " JOIN bodies b ON b.id = m.body WHERE m.name IS NOT NULL ORDER BY lower(hex(b.sha256)), f.name, m.id")]

    def state(self):
        """{folder: sorted [(UID, content, flags)]}"""
        found = {name: [] for (name,) in self.query("SELECT name FROM mailboxes WHERE attributes & 1 AND state = 0")}
        for name, where, uid, flags, raw in self.query(
                "SELECT p.name, m.mailbox = m.place, m.uid, m.base_flags, lower(hex(b.sha256)) FROM messages m"
                " JOIN bodies b ON b.id = m.body JOIN mailboxes p ON p.id = m.place"):
            assert where and uid, "something is still on its way"
            found[name].append((uid, raw, tuple(sorted(flag.lower() for flag in flags.split()))))
        assert self.query("SELECT kind, state, error FROM operations WHERE ended = 0") == []
        return {name: sorted(rows) for name, rows in found.items()}

    def held(self):
        """[(number of the operation, content)]"""
        return self.query("SELECT o.id, lower(hex(b.sha256)) FROM operations o JOIN messages m ON m.id = o.message"
                          " JOIN bodies b ON b.id = m.body WHERE o.state = 'held' AND o.kind IN ('append', 'copy')")

    def sync(self):
        done = self.home.run("sync")
        assert done.status == (75 if self.held() else 0), str(done)


class History(RuleBasedStateMachine):
    place = remotes = None # set by the test

    @initialize()
    def begin(self):
        self.remote = self.remotes()
        self.account = self.remote.connect()
        self.account.create("A", "Ž", "Trash")
        self.stores = [Store(self.place, self.remote, name) for name in "ab"]
        self.labels = 0
        self.expected = Counter()
        for each in self.stores:
            each.sync()

    def teardown(self):
        if not hasattr(self, "stores"):
            return
        try:
            self.settle()
        finally:
            self.account.close()
            for each in self.stores:
                each.close()
            self.remote.server.remove_user(self.remote.user)

    def new(self):
        self.labels += 1
        return body(self.labels)

    def command(self, store, *words):
        """False: it was refused, and nothing happens."""
        done = store.home.run(*words)
        assert done.status in (0, 64), str(done)
        return done.status == 0

    # Here

    @rule(who=CHOICE, folder=st.sampled_from(FOLDERS))
    def append(self, who, folder):
        store, raw = self.stores[who % 2], self.new()
        file = store.home.folder / "new.eml"
        file.write_bytes(raw)
        assert self.command(store, "append", f"test/{folder}", str(file))
        self.expected[digest(raw)] += 1

    @rule(who=CHOICE, which=CHOICE, flag=st.sampled_from(FLAGS), how=st.sampled_from(["add", "remove", "set"]))
    def flag(self, who, which, flag, how):
        store = self.stores[who % 2]
        if (seen := store.seen()):
            self.command(store, "flag", how, flag, seen[which % len(seen)][0])

    @rule(who=CHOICE, which=CHOICE, folder=st.sampled_from([*FOLDERS, "Trash"]))
    def move(self, who, which, folder):
        store = self.stores[who % 2]
        if (seen := store.seen()):
            self.command(store, "move", seen[which % len(seen)][0], f"test/{folder}")

    @rule(who=CHOICE, which=CHOICE, folder=st.sampled_from(FOLDERS))
    def copy(self, who, which, folder):
        store = self.stores[who % 2]
        if (seen := store.seen()):
            path, raw = seen[which % len(seen)]
            if self.command(store, "copy", path, f"test/{folder}"):
                self.expected[raw] += 1

    @rule(who=CHOICE, which=CHOICE)
    def delete(self, who, which):
        store = self.stores[who % 2]
        seen = [each for each in store.seen() if not each[0].startswith("test/Trash/")]
        if seen:
            self.command(store, "delete", seen[which % len(seen)][0])

    # On the server

    @rule(folder=st.sampled_from(FOLDERS))
    def deliver(self, folder):
        raw = self.new()
        self.account.append(folder, [raw])
        self.expected[digest(raw)] += 1

    def there(self):
        return [(folder, uid, mail) for folder in (*FOLDERS, "Trash") for uid, mail in self.account.read(folder).items()]

    @rule(which=CHOICE, flag=st.sampled_from(FLAGS), how=st.sampled_from(["+FLAGS", "-FLAGS"]))
    def others_flag(self, which, flag, how):
        if (found := self.there()):
            folder, uid, _ = found[which % len(found)]
            self.account.store(folder, [uid], how, flag)

    @rule(which=CHOICE)
    def others_expunge(self, which):
        if (found := self.there()):
            folder, uid, mail = found[which % len(found)]
            self.account.expunge(folder, [uid])
            self.expected[digest(mail.raw)] -= 1

    @rule(which=CHOICE, goal=st.sampled_from(FOLDERS))
    def others_move(self, which, goal):
        found = [each for each in self.there() if each[0] != goal]
        if found:
            folder, uid, _ = found[which % len(found)]
            self.account.copy(folder, [uid], goal)
            self.account.expunge(folder, [uid])

    @rule(folder=st.sampled_from(["A", "Ž"]))
    def others_renumber(self, folder):
        kept = self.account.read(folder)
        self.account.delete(folder)
        self.account.create(folder)
        self.account.append(folder, [kept[uid] for uid in sorted(kept)])

    # Between them

    @rule(who=CHOICE)
    def sync(self, who):
        self.stores[who % 2].sync()

    @rule(who=CHOICE, step=st.integers(min_value=1, max_value=40))
    def crash(self, who, step):
        home = self.stores[who % 2].home
        done = home.run("sync", environment={"MAILTREE_STOP_AT": str(step)})
        assert done.status in (0, -9, 75 if self.stores[who % 2].held() else 0), str(done)

    @rule(who=CHOICE, line=st.integers(min_value=4, max_value=30), up=st.booleans())
    def cut(self, who, line, up):
        store = self.stores[who % 2]
        store.line.clear()
        store.line.cut = Cut(direction=UP, lines=max(1, line // 3)) if up else Cut(lines=line)
        done = store.home.run("sync")
        store.line.mend()
        assert done.status in (0, 69, 75), str(done)

    def decide(self):
        """About what is held: first what is not missing."""
        for each in self.stores:
            while (held := each.held()):
                count = Counter(digest(mail.raw) for _, _, mail in self.there())
                for number, raw in held:
                    count[raw] += 1
                    if count[raw] > self.expected[raw]:
                        assert self.command(each, "undo", str(number))
                        break
                else:
                    assert self.command(each, "confirm")
                each.sync()

    def settle(self):
        for _ in range(2):
            for each in self.stores:
                each.sync()
        self.decide()
        for _ in range(2):
            for each in self.stores:
                each.sync()
        first, second = (each.state() for each in self.stores)
        assert first == second
        there = {folder: sorted((uid, digest(mail.raw), tuple(sorted(flag.lower() for flag in mail.flags if flag != "\\Recent")))
                                for uid, mail in self.account.read(folder).items()) for folder in first}
        assert first == there
        count = Counter(raw for rows in there.values() for _, raw, _ in rows)
        expected = +self.expected
        assert count == expected, f"lost {expected - count}, doubled {count - expected}"


@pytest.mark.long
def test_histories(remote_with, place, full, pytestconfig):
    History.place, History.remotes = place, staticmethod(lambda: remote_with("all"))
    kept = settings(max_examples=120 if full else 8, stateful_step_count=30 if full else 20, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck), print_blob=False,
                    phases=[Phase.generate, Phase.shrink] if full else [Phase.generate])
    run_state_machine_as_test(seed(pytestconfig.option.seed)(History), settings=kept)
