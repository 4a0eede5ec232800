"""Several clients at once, at random, over a line that is cut: nothing is lost, nothing doubled, and in the end all agree.

Every message has an owner, who alone copies, moves and removes it, so how often it must be there is known; flags are
anybody's.  (Two clients that move one message at the same moment are a race inside Dovecot.)
"""
import contextlib
import random
import re
import threading
import time
from collections import Counter

import pytest
from lib.agreement import agreed, cut_now_and_then, decide, digest, read_all, stored
from lib.program import SLOW
from lib.relay import Relay

pytestmark = pytest.mark.usefixtures("fuse")

FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "$work", "$Later"]
FOLDERS = ["INBOX", "A", "B", "Ž/sub"]


def body(label):
    return (f"From: {label}@example.org\r\nSubject: {label}\r\nMessage-ID: <{label}@example.org>\r\n\r\n{label}\r\n"
            + "text\r\n" * (sum(map(ord, label)) % 50)).encode()


def label_of(raw):
    return re.search(rb"Subject: (\S+)", raw).group(1).decode()


class Client:
    """Does random things until it is told to stop; keeps what must come of it."""

    def __init__(self, name, seed):
        self.name = name
        self.random = random.Random(f"{seed} {name}")
        self.expected = Counter() # label: how often it must be there
        self.done = Counter()
        self.made = 0
        self.folders = list(FOLDERS)
        self.error = None

    def new(self):
        self.made += 1
        return f"{self.name}-{self.made}"

    def run(self, stop):
        try:
            while not stop.is_set():
                action = self.random.choices(["append", "flag", "move", "copy", "remove", "folder"], [5, 5, 4, 2, 2, 1])[0]
                if getattr(self, action)():
                    self.done[action] += 1
                time.sleep(self.pause * self.random.random())
        except Exception as error: # for the test's thread
            self.error = error


class Other(Client):
    """Another mail program, on a line of its own."""
    pause = 0.05

    def __init__(self, name, seed, account):
        super().__init__(name, seed)
        self.account = account
        self.own_folder = None

    def messages(self, mine):
        folder = self.random.choice(self.folders)
        try:
            found = self.account.read(folder)
        except RuntimeError: # it has another name now
            return folder, []
        return folder, [(uid, label_of(mail.raw)) for uid, mail in found.items()
                        if mail.raw and (not mine or label_of(mail.raw).startswith(self.name + "-"))] # b"": gone meanwhile

    def append(self):
        label = self.new()
        with contextlib.suppress(RuntimeError):
            self.account.append(self.random.choice(self.folders), [body(label)])
            self.expected[label] += 1
            return True

    def flag(self):
        folder, found = self.messages(mine=False)
        if found:
            uids = [uid for uid, _ in self.random.sample(found, min(3, len(found)))]
            with contextlib.suppress(RuntimeError):
                self.account.store(folder, uids, self.random.choice(["+FLAGS", "-FLAGS"]), self.random.choice(FLAGS))
                return True

    def _relocate(self, expunges):
        folder, found = self.messages(mine=True)
        target = self.random.choice(self.folders)
        if not found or target == folder:
            return False
        uid, label = self.random.choice(found)
        with contextlib.suppress(RuntimeError):
            if len(self.account.copy(folder, [uid], target)) == 1:
                self.expected[label] += 1
                if expunges:
                    self.account.expunge(folder, [uid])
                    self.expected[label] -= 1
                return True

    def move(self):
        return self._relocate(True)

    def copy(self):
        return self._relocate(False)

    def remove(self):
        folder, found = self.messages(mine=True)
        if found:
            uid, label = self.random.choice(found)
            self.account.expunge(folder, [uid])
            self.expected[label] -= 1
            return True

    def folder(self):
        """A folder of its own comes, gets other names, and is never removed with mail in it."""
        if self.own_folder is None:
            self.own_folder = f"{self.name}0"
            self.account.create(self.own_folder)
        else:
            new = f"{self.name}{self.made}"
            if new == self.own_folder:
                return False
            self.account.rename(self.own_folder, new)
            self.folders.remove(self.own_folder)
            self.own_folder = new
        self.folders.append(self.own_folder)
        return True


class Here(Client):
    """The user, by commands through the mount."""
    pause = 0.1

    def __init__(self, seed, home, mount):
        super().__init__("me", seed)
        self.home, self.mount = home, mount
        self.folders = [*FOLDERS, "Trash"]

    def files(self, mine):
        folder = self.random.choice(self.folders)
        found = []
        for path in (self.mount.mail / "test" / folder).iterdir():
            with contextlib.suppress(OSError):
                if path.is_file() and (not mine or label_of(path.read_bytes()).startswith("me-")):
                    found.append(path)
        return folder, found

    def command(self, *words):
        """What is gone meanwhile is refused, and then nothing happens."""
        done = self.home.run(*map(str, words))
        assert done.status in (0, 64), str(done)
        return done.status == 0

    def append(self):
        label = self.new()
        file = self.home.folder / f"{label}.eml"
        file.write_bytes(body(label))
        if self.command("append", f"test/{self.random.choice(self.folders)}", file):
            self.expected[label] += 1
            return True

    def flag(self):
        _, found = self.files(mine=False)
        if found:
            return self.command("flag", self.random.choice(["add", "remove"]), self.random.choice(FLAGS),
                                *self.random.sample(found, min(3, len(found))))

    def move(self):
        folder, found = self.files(mine=True)
        target = self.random.choice(self.folders)
        return bool(found) and target != folder and self.command("move", self.random.choice(found), f"test/{target}")

    def copy(self):
        _, found = self.files(mine=True)
        if not found:
            return False
        path = self.random.choice(found)
        try:
            label = label_of(path.read_bytes())
        except OSError:
            return False
        if self.command("copy", path, f"test/{self.random.choice(self.folders)}"):
            self.expected[label] += 1
            return True

    def remove(self):
        """Into the Trash, where it waits."""
        folder, found = self.files(mine=True)
        return folder != "Trash" and bool(found) and self.command("delete", self.random.choice(found))

    def folder(self):
        return self.command("folder", "create", f"test/me{self.done['folder']}")


@pytest.mark.long
@pytest.mark.parametrize("profile", ["all", "no-move", "uidplus"])
def test_all_agree_in_the_end(profile, remote_with, home, full, pytestconfig):
    seed = f"{pytestconfig.option.seed} {profile}"
    remote = remote_with(profile)
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(Relay(remote.server.plain_port))
        accounts = [stack.enter_context(remote.connect()) for _ in range(3)]
        accounts[0].create("A", "B", "Ž", "Ž/sub", "Trash")
        home.hasten(300)
        home.configure(**{**remote.keys(), "port": line.port})
        home.sync()
        mount = stack.enter_context(home.mount())
        clients = [Other("x", seed, accounts[1]), Other("y", seed, accounts[2]), Here(seed, home, mount)]
        stop = threading.Event()
        threads = [threading.Thread(target=each.run, args=[stop]) for each in clients]
        threads.append(threading.Thread(target=cut_now_and_then, args=[line, seed, stop]))
        for each in threads:
            each.start()
        time.sleep(60 if full else 8)
        stop.set()
        for each in threads:
            each.join()
        for each in clients:
            if each.error:
                raise each.error
        print({each.name: dict(each.done) for each in clients}, "seed", seed)
        expected = Counter()
        for each in clients:
            expected.update({label: number for label, number in each.expected.items() if number > 0})
        deadline = time.monotonic() + 60 * SLOW
        while (done := home.run("sync")).status and time.monotonic() < deadline:
            if "held" in done.err:
                decide(home, stack.enter_context(remote.connect()), Counter({digest(body(label)): number for label, number in expected.items()}))
            time.sleep(0.5)
        assert done.status == 0, str(done)

        here, operations = stored(home)
        there, unreadable = read_all(stack.enter_context(remote.connect()))
        assert not operations, operations
        count = Counter()
        for mails in there.values():
            count.update(label_of(mail.raw) for mail in mails.values())
        lost, doubled = expected - count, count - expected
        assert not lost and not doubled, (f"lost {dict(lost)}, doubled {dict(doubled)}, here but not there {set(here) - set(there)}, "
                                          f"own {[each.own_folder for each in clients[:2]]}, unreadable {unreadable}")
        assert here == {path: agreed(mails) for path, mails in there.items()}
        assert mount.messages() == {path: {uid: mail.raw for uid, mail in mails.items()} for path, mails in there.items() if mails}
