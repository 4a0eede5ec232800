"""Clients of one account that do random things: people in a mounted tree, and another mail program.

Every message has an owner, who alone copies, moves, saves over and removes it; flags are anybody's, and folders too, but only
their owner renames and removes them.  (Two clients that move one message at the same moment are a race inside Dovecot.)  So it
is known how often the server must have each content in the end.
"""
import contextlib
import errno
import imaplib
import os
import random
import re
import threading
import time
from collections import Counter

from .agreement import digest
from .messages import BASE_TIME

FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "$work", "$Later"]
SHARED = ["INBOX", "A", "B", "Ž/sub"] # nobody renames or removes them


def make(label, version=0):
    return (f"From: {label}@example.org\r\nSubject: {label}\r\nMessage-ID: <{label}.{version}@example.org>\r\n\r\n{label} {version}\r\n"
            + "text\r\n" * (sum(map(ord, label)) % 50)).encode()


def label_of(raw):
    found = re.search(rb"^Subject: (\S+)\r\n", raw, re.M)
    return found.group(1).decode() if found else ""


class Ledger:
    """How often each content has to be on the server: at least, and at most."""

    def __init__(self):
        self.least, self.most = Counter(), Counter()
        self.labels, self.dates = {}, {} # of a digest; dates: only where they are known
        self._lock = threading.Lock()

    def know(self, raw):
        """It is about to be written."""
        self.labels[digest(raw)] = f"{re.search(rb'Message-ID: <(.*)@', raw).group(1).decode()} ({len(raw)} bytes)"
        return raw

    def note(self, raw, least, most):
        """So many more of @raw."""
        with self._lock:
            self.least[digest(raw)] += least
            self.most[digest(raw)] += most

    def date(self, raw, when):
        with self._lock:
            self.dates[digest(raw)] = when

    def wrong(self, have):
        """{label: (at least, at most, number)} of what @have has too little or too much of."""
        return {self.labels.get(each, each): (self.least[each], self.most[each], have[each])
                for each in {*self.least, *have} if not self.least[each] <= have[each] <= self.most[each]}


class Gone(Exception):
    """What was to be changed is not there (any more), so nothing has happened."""


class Actor:
    """Does random things until it is told to stop."""
    actions = {} # {name of a method: weight}

    def __init__(self, name, seed, ledger):
        self.name = name
        self.random = random.Random(f"{seed} {name}")
        self.ledger = ledger
        self.done = Counter()
        self.made = 0
        self.error = None
        self.log = [] # for a person

    def new(self):
        self.made += 1
        return f"{self.name}-{self.made}"

    def is_own(self, raw):
        return label_of(raw).startswith(self.name + "-")

    def run(self, stop):
        try:
            while not stop.is_set():
                action = self.random.choices(list(self.actions), list(self.actions.values()))[0]
                with contextlib.suppress(Gone):
                    getattr(self, action)()
                    self.done[action] += 1
                time.sleep(self.pause * self.random.random())
        except Exception as error: # for the test's thread
            self.error = error


class Program(Actor):
    """Another mail program, on a line of its own."""
    pause = 0.1
    actions = {"append": 5, "flag": 5, "move": 4, "copy": 2, "remove": 2, "folder": 1}

    def __init__(self, name, seed, ledger, connect):
        super().__init__(name, seed, ledger)
        self.connect = connect # makes an Account
        self.account = None
        self.own_folder = None

    def run(self, stop):
        self.account = self.connect()
        super().run(stop)
        self.account.close()

    def folder_of_any(self):
        return self.random.choice([each.name for each in self.account.folders() if each.selectable])

    @contextlib.contextmanager
    def attempt(self):
        """What it refuses is not done: the folder has another name now, or somebody has removed it, empty, under our feet."""
        try:
            yield
        except RuntimeError as error:
            raise Gone from error
        except imaplib.IMAP4.abort as error:
            self.account.close()
            self.account = self.connect()
            raise Gone from error

    def messages(self, own):
        folder = self.folder_of_any()
        with self.attempt():
            found = self.account.read(folder)
        found = [(uid, mail) for uid, mail in found.items() if mail.raw and (not own or self.is_own(mail.raw))] # b"": gone
        if not found:
            raise Gone
        return folder, found

    def append(self):
        raw = self.ledger.know(make(self.new()))
        with self.attempt():
            self.account.append(self.folder_of_any(), [raw])
        self.ledger.note(raw, 1, 1)

    def flag(self):
        folder, found = self.messages(own=False)
        uids = [uid for uid, _ in self.random.sample(found, min(3, len(found)))]
        with self.attempt():
            self.account.store(folder, uids, self.random.choice(["+FLAGS", "-FLAGS"]), self.random.choice(FLAGS))

    def _relocate(self, expunges):
        folder, found = self.messages(own=True)
        target = self.folder_of_any()
        if target == folder:
            raise Gone
        uid, mail = self.random.choice(found)
        with self.attempt():
            copies = self.account.copy(folder, [uid], target)
        if len(copies) != 1:
            raise Gone
        self.ledger.note(mail.raw, 1, 1)
        if expunges:
            self._expunge(folder, uid, mail)

    def _expunge(self, folder, uid, mail):
        with self.attempt():
            self.account.expunge(folder, [uid])
        self.ledger.note(mail.raw, -1, -1)

    def move(self):
        self._relocate(True)

    def copy(self):
        self._relocate(False)

    def remove(self):
        folder, found = self.messages(own=True)
        uid, mail = self.random.choice(found)
        self._expunge(folder, uid, mail)

    def folder(self):
        """A folder of its own comes, gets other names, and is never removed with mail in it."""
        if self.own_folder is None:
            self.own_folder = f"{self.name}0"
            self.account.create(self.own_folder)
        elif self.own_folder != f"{self.name}{self.made}":
            self.account.rename(self.own_folder, f"{self.name}{self.made}")
            self.own_folder = f"{self.name}{self.made}"


class Person(Actor):
    """Somebody with a mounted tree.  What the store cannot know to have happened to a message is 0 or 1 in the ledger."""
    pause = 0.1
    actions = {"create": 6, "save_in_place": 3, "save_by_rename": 3, "save_behind_backup": 1, "cut_off": 1, "empty_and_fill": 1,
               "flag": 5, "rename": 2, "move": 4, "copy": 3, "remove": 2, "make_folder": 1, "move_folder": 1, "remove_folder": 1,
               "scribble": 1}

    def __init__(self, name, seed, ledger, mount):
        super().__init__(name, seed, ledger)
        self.mount = mount
        self.top = mount.mail / "test"
        self.named = set() # names that it has given to messages
        self.local = {}    # {name of a file that is to stay here: bytes}
        self.own_folders = []
        self.folders_made = 0

    # What there is

    def say(self, action, *paths):
        folder = os.path.dirname(paths[0])
        self.log.append(f"{self.name} {action} " + " -> ".join(os.path.relpath(os.path.join(folder, each), self.top) for each in paths))

    def folders(self):
        found = []
        for place, folders, _ in os.walk(self.top): # what others rename meanwhile is left out
            found += [os.path.join(place, each) for each in folders]
        return found

    def any_folder(self):
        return self.random.choice(self.folders())

    def pick(self, own=True):
        """(path, bytes, whether the server has it, and nothing is to be done about it) of some message."""
        for _ in range(3):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                folder = self.any_folder()
                names = [each for each in os.listdir(folder) if each.endswith(".eml")]
                for name in self.random.sample(names, min(3, len(names))):
                    path = os.path.join(folder, name)
                    with open(path, "rb") as file:
                        raw = file.read()
                    if label_of(raw) and (not own or self.is_own(raw)):
                        return path, raw, os.getxattr(path, "user.mailtree.state") == b"cached"
        raise Gone

    @contextlib.contextmanager
    def attempt(self):
        """An error of what is in it says that nothing has happened."""
        try:
            yield
        except OSError as error:
            folder = os.path.relpath(os.path.dirname(error.filename2 or error.filename or ""), self.top)
            # In LIST a new folder may be one without messages for a moment, as Dovecot makes it.
            is_new = error.errno == errno.EPERM and folder not in SHARED
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST) and not is_new:
                raise
            raise Gone from error

    # Messages

    def write(self, path, raw, mode):
        """In a few pieces, sometimes with line ends as editors make them."""
        text = raw.replace(b"\r\n", b"\n") if self.random.random() < 0.3 else raw
        cuts = sorted(self.random.sample(range(len(text)), 2))
        with self.attempt():
            file = os.open(path, mode, 0o600)
        try:
            for piece in (text[:cuts[0]], text[cuts[0]:cuts[1]], text[cuts[1]:]):
                assert os.write(file, piece) == len(piece)
        finally:
            os.close(file)

    def create(self):
        label = self.new()
        raw = self.ledger.know(make(label))
        path = os.path.join(self.any_folder(), f"{label}.eml")
        self.say("create", path)
        self.write(path, raw, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self.named.add(f"{label}.eml")
        self.ledger.note(raw, 1, 1)
        if self.random.random() < 0.3:
            when = BASE_TIME + self.made * 1000
            with contextlib.suppress(PermissionError, FileNotFoundError): # it has arrived there; somebody has renamed the folder
                os.utime(path, (when, when))
                self.ledger.date(raw, when)

    def next(self, raw):
        self.made += 1
        return self.ledger.know(make(label_of(raw), self.made))

    def is_in_trash(self, path):
        return os.path.dirname(path) == str(self.top / "Trash")

    def saved_over(self, path, old, was_there, new):
        """The old one is in the Trash, unless it was there before, or has never been on the server."""
        self.ledger.note(new, 1, 1)
        if self.is_in_trash(path):
            self.ledger.note(old, -1, -1 if was_there else 0)
        elif not was_there:
            self.ledger.note(old, -1, 0)
        if not was_there:
            self.named.add(os.path.basename(path)) # it may have got another meanwhile, so that this one was new

    def save_in_place(self):
        path, old, was_there = self.pick()
        new = self.next(old)
        self.say("save over", path)
        self.write(path, new, os.O_WRONLY | os.O_TRUNC)
        self.saved_over(path, old, was_there, new)

    def save_by_rename(self):
        path, old, was_there = self.pick()
        new = self.next(old)
        beside = os.path.join(os.path.dirname(path), f"{self.name}{self.made}.tmp")
        self.say("rename over", path)
        self.write(beside, new, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with self.attempt():
                os.rename(beside, path)
        except Gone:
            self.local[os.path.basename(beside)] = None # wherever it is now
            raise
        self.saved_over(path, old, was_there, new)

    def save_behind_backup(self):
        path, old, was_there = self.pick()
        new = self.next(old)
        self.say("save behind a backup", path)
        with self.attempt():
            os.rename(path, path + "~")
        self.local[os.path.basename(path) + "~"] = None
        self.named.add(os.path.basename(path) + "~") # where it was on its way to the server, so that it stays a message
        try:
            self.write(path, new, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except Gone: # the folder has another name: what was put aside stays so
            self.ledger.note(old, -1, 0)
            raise
        self.saved_over(path, old, was_there, new)
        self.named.add(os.path.basename(path))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + "~")

    def cut_off(self):
        """What is left is a message still."""
        path, old, was_there = self.pick()
        new = old[:-self.random.randrange(1, 5)]
        if b"\r\n\r\n" not in new[:-3] or new.endswith(b"\r"): # which would become CRLF
            raise Gone
        self.ledger.know(new)
        self.say("truncate", path)
        with self.attempt():
            os.truncate(path, len(new))
        self.saved_over(path, old, was_there, new)

    def empty_and_fill(self):
        """For a while it is no message."""
        path, old, was_there = self.pick()
        new = self.next(old)
        self.say("empty", path)
        with self.attempt():
            os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
        time.sleep(self.random.random())
        self.say("fill", path)
        try:
            self.write(path, new, os.O_WRONLY)
        except Gone: # the folder has another name: it stays empty
            self.ledger.note(old, -1, 0)
            self.local[os.path.basename(path)] = None
            raise
        self.saved_over(path, old, was_there, new)

    def rename(self):
        path, _, _ = self.pick()
        self.made += 1
        new = f"{self.name} named {self.made}.eml"
        self.say("rename", path, new)
        with self.attempt():
            os.rename(path, os.path.join(os.path.dirname(path), new))
        self.named.add(new)

    def move(self):
        path, _, _ = self.pick()
        target = os.path.join(self.any_folder(), os.path.basename(path))
        if os.path.lexists(target):
            raise Gone
        self.say("move", path, target)
        with self.attempt():
            os.rename(path, target)

    def copy(self):
        path, raw, _ = self.pick()
        self.made += 1
        name = f"{self.name} copy {self.made}.eml"
        target = os.path.join(self.any_folder(), name)
        self.say("copy", path, target)
        with self.attempt():
            source = os.open(path, os.O_RDONLY)
        try:
            with self.attempt():
                file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                copied = 0
                while (more := os.copy_file_range(source, file, 1 << 30)):
                    copied += more
            finally:
                os.close(file)
        finally:
            os.close(source)
        assert copied == len(raw), f"{copied} bytes of {len(raw)}"
        self.named.add(name)
        self.ledger.note(raw, 1, 1)

    def remove(self):
        path, raw, was_there = self.pick()
        self.say("remove", path)
        with self.attempt():
            os.unlink(path)
        if self.is_in_trash(path):
            self.ledger.note(raw, -1, -1 if was_there else 0)

    def flag(self):
        path, _, _ = self.pick(own=False)
        flags = self.random.sample(FLAGS, self.random.randrange(len(FLAGS)))
        self.say("flag", path)
        with self.attempt():
            os.setxattr(path, "user.imap.flags", " ".join(flags).encode())

    def scribble(self):
        """What is no message stays here."""
        self.made += 1
        name, content = self.random.choice([
            (f"{self.name}{self.made}.eml~", make("none")), (f".{self.name}{self.made}", b"\0\1\2"),
            (f"{self.name}{self.made}.txt", b"no message\n")])
        path = os.path.join(self.top, self.random.choice(SHARED), name)
        self.say("scribble", path)
        with self.attempt(), open(path, "xb") as file:
            file.write(content)
        self.local[name] = content

    # Folders

    def make_folder(self):
        self.folders_made += 1
        above = self.random.choice([str(self.top), *self.own_folders])
        path = os.path.join(above, f"{self.name}{self.folders_made}")
        self.say("mkdir", path)
        with self.attempt():
            os.mkdir(path)
        self.own_folders.append(path)

    def move_folder(self):
        if not self.own_folders:
            raise Gone
        path = self.random.choice(self.own_folders)
        outside = [each for each in self.own_folders if each != path and not each.startswith(path + "/")]
        self.folders_made += 1
        target = os.path.join(self.random.choice([str(self.top), *outside]), f"{self.name}{self.folders_made}")
        self.say("move folder", path, target)
        with self.attempt():
            os.rename(path, target)
        self.own_folders = [target + each[len(path):] if each == path or each.startswith(path + "/") else each
                            for each in self.own_folders]

    def remove_folder(self):
        leaves = [each for each in self.own_folders if not any(other.startswith(each + "/") for other in self.own_folders)]
        if not leaves:
            raise Gone
        path = self.random.choice(leaves)
        self.say("rmdir", path)
        try:
            with self.attempt():
                os.rmdir(path)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            raise Gone from error
        self.own_folders.remove(path)


class Reader(Actor):
    """Lists and reads all that there is: what the server has is what somebody has written."""
    pause = 0.05
    actions = {"read_mail": 1, "read_text": 1}

    def __init__(self, name, seed, ledger, mount):
        super().__init__(name, seed, ledger)
        self.mount = mount

    @staticmethod
    def _settled(path):
        return os.getxattr(path, "user.mailtree.state") == b"cached", os.stat(path).st_ino

    def read_mail(self):
        for place, _, names in os.walk(self.mount.mail / "test"):
            for name in names:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    path = os.path.join(place, name)
                    before = self._settled(path)
                    with open(path, "rb") as file:
                        raw = file.read()
                    if before[0] and before == self._settled(path):
                        assert digest(raw) in self.ledger.labels, f"{path}: {raw!r}"

    def read_text(self):
        for place, _, names in os.walk(self.mount.text / "test"):
            for name in names:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError), open(os.path.join(place, name), "rb") as file:
                    text = file.read()
                    assert b"\0" not in text
