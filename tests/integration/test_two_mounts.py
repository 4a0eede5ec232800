"""Two mounts of one account, each with a store of its own and a line that is cut every second or so, and another mail program:
all do random things for a while.  In the end all three have the same, nothing is lost or doubled, and what is nobody else's
business has stayed where it was.

Where a message is, and how often it must be there, is known by its owner (lib/actors.py).
"""
import contextlib
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from lib.actors import SHARED, Ledger, Person, Program, Reader
from lib.agreement import agreed, count, cut_now_and_then, decide, digest, read_all, shown, stored
from lib.program import SLOW
from lib.relay import Relay

pytestmark = pytest.mark.usefixtures("fuse")


class Computer:
    """A home with a mount, and its line to the server."""

    def __init__(self, home, remote, stack):
        self.home = home
        home.hasten(300)
        self.line = stack.enter_context(Relay(remote.server.plain_port))
        home.configure(**{**remote.keys(), "port": self.line.port, "undo": "0"})
        home.sync()
        self.mount = stack.enter_context(home.mount(watchdog_s=900))

    def is_done(self, remote, ledger):
        """After a barrier; a person decides about what is held."""
        done = self.home.run("sync")
        if done.status == 75 and "held" in done.err:
            with remote.connect() as account:
                decide(self.home, account, ledger.most)
        self.give_up()
        return done.status == 0

    def give_up(self):
        """Nobody insists on removing a folder that others have put something into."""
        for operation in self.mount.status()["accounts"][0]["operations"]:
            if operation["state"] == "failed":
                assert operation["kind"] == "delete" and "not empty" in operation["error"], operation
                assert self.home.run("undo", str(operation["id"])).status == 0

    def tree(self, person):
        """{folder: {(content, flags): number}} of the messages in mail/; what else is there must be the person's own, and names
        as they are to be."""
        found, local = {}, dict(person.local)
        for place, folders, names in os.walk(self.mount.mail / "test"):
            here = found[os.path.relpath(place, self.mount.mail / "test")] = Counter()
            for name in names:
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    raw = file.read()
                assert os.stat(path).st_size == len(raw), path
                if os.getxattr(path, "user.mailtree.state") == b"local":
                    assert name in local, f"{path} is nobody's file"
                    assert local.pop(name) in (raw, None), path
                    continue
                assert os.getxattr(path, "user.mailtree.state") == b"cached", path
                uid = os.getxattr(path, "user.imap.uid").decode()
                given = re.sub(r" \(\d+\)(?=\.eml$)", "", name)
                assert given in person.named or given.endswith(f" ~{uid}.eml"), f"{path} is UID {uid}"
                here[digest(raw), shown(os.getxattr(path, "user.imap.flags").decode().split())] += 1
        missing = [name for name, content in local.items() if content is not None]
        assert not missing, f"files that were only here have gone: {missing}"
        return found

    def texts(self):
        """{folder: how many texts}"""
        return {os.path.relpath(place, self.mount.text / "test"): len(names)
                for place, _, names in os.walk(self.mount.text / "test")}


def run_for(seconds, actors, computers, seed):
    stop = threading.Event()
    threads = [threading.Thread(target=each.run, args=[stop]) for each in actors]
    threads += [threading.Thread(target=cut_now_and_then, args=[each.line, f"{seed} {index}", stop])
                for index, each in enumerate(computers)]
    for each in threads:
        each.start()
    time.sleep(seconds)
    stop.set()
    for each in threads:
        each.join()


def settle(computers, remote, ledger):
    """Barriers on both, until nothing is left to do on either."""
    deadline = time.monotonic() + 120 * SLOW
    while not all([each.is_done(remote, ledger) for each in computers]):
        assert time.monotonic() < deadline, "\n".join(each.home.story[-1] for each in computers)
    for each in [*computers, computers[0]]: # what one has sent last the other has not heard of yet
        each.home.sync()


def check(computers, people, ledger, there):
    wrong = ledger.wrong(count(there))
    assert not wrong, f"(at least, at most, number): {wrong}"
    dates = {mail.when for mails in there.values() for mail in mails.values() if ledger.dates.get(digest(mail.raw), mail.when) != mail.when}
    assert not dates, "what a user has set is the time of arrival"
    served = {path: Counter((digest(mail.raw), shown(mail.flags)) for mail in mails.values()) for path, mails in there.items()}
    above = {str(each) for path in served for each in Path(path).parents} - {*served} # directories, and no folders of the server's
    for computer, person in zip(computers, people, strict=True):
        tree, texts = computer.tree(person), computer.texts()
        assert {path: mails for path, mails in tree.items() if mails or path not in above} == served, f"the tree of {person.name}"
        assert texts == {path: sum(mails.values()) for path, mails in tree.items()}, f"the texts of {person.name}"
        rows, operations = stored(computer.home)
        assert operations == []
        assert rows == {path: agreed(mails) for path, mails in there.items()}


@pytest.mark.long
@pytest.mark.parametrize("profile", ["all", "no-move", "uidplus"])
def test_both_trees_and_the_server_agree_in_the_end(profile, remote_with, home, other_home, full, pytestconfig):
    seed = f"{pytestconfig.option.seed} {profile}"
    remote, ledger = remote_with(profile), Ledger()
    with contextlib.ExitStack() as stack:
        account = stack.enter_context(remote.connect())
        account.create("Ž", *(each for each in SHARED if each != "INBOX"), "Trash")
        computers = [Computer(each, remote, stack) for each in (home, other_home)]
        people = [Person(name, seed, ledger, each.mount) for name, each in zip("ab", computers, strict=True)]
        readers = [Reader(name, seed, ledger, each.mount) for name, each in zip("rs", computers, strict=True)]
        actors = [*people, *readers, Program("x", seed, ledger, remote.connect)]
        run_for(60 if full else 8, actors, computers, seed)
        print({each.name: dict(each.done) for each in actors}, "seed", seed)
        try:
            for each in actors:
                if each.error:
                    raise each.error
            settle(computers, remote, ledger)
            there, _ = read_all(stack.enter_context(remote.connect()))
            check(computers, people, ledger, there)
        except Exception:
            print("\n".join(line for each in people for line in each.log))
            raise
