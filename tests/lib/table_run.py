"""Runs rows of a table (table.py): to the end, once more, and stopped at any of its steps.

Each run has a user and a home of its own on a server that all share.  What is there right before the synchronisation is
prepared once and copied for each run, both the server's files and the store.
"""
import itertools
import os
import re
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from .account import Account
from .program import SLOW, Mailtree
from .table import counted, parse_message, show, wanted
from .table_sides import Here, There, labels_of

_COMMAND = r"^imap: test > m\d+ (?:UID )?"
_MODIFYING = re.compile(_COMMAND + "(?:STORE|COPY|MOVE|APPEND|EXPUNGE|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|CLOSE)"
                        r"\b.*", re.M)
_BODIES = re.compile(r"BODY\[\]")
_users = itertools.count(1)


@dataclass
class Case:
    """An account as it is before or after a run, and the home that belongs to it."""
    user: str
    home: Mailtree
    ids: dict # of messages before the run, but for those that others moved or expunged


class Table:
    """Of one server and profile.  Its methods may be called from several threads."""

    def __init__(self, profile, server, place):
        self.profile = profile
        self.server = server
        self.place = Path(place)

    # Cases

    def _home(self, row, user):
        home = Mailtree(self.place / f"home.{user}")
        home.hasten(20) # after a stop it is waited for the server's end
        home.configure(**self.server.account(user, "none"), **self.profile.keys, **row.keys)
        return home

    def prepare(self, row):
        """What there is right before the synchronisation."""
        user = f"table{next(_users)}"
        home = self._home(row, user)
        here = Here(home)
        with Account.at(self.server, user) as account:
            there = There(account)
            there.build(row.start)
            home.sync()
            for line in row.server:
                there.act(line)
        for line in row.local:
            here.act(line)
        theirs = {label for line in row.server if line.split()[0] in ("move", "delete") for label in labels_of(line.split()[1])}
        return Case(user, home, {key: number for key, number in here.ids().items() if key[1] not in theirs})

    def copy(self, row, case):
        user = f"table{next(_users)}"
        home = self._home(row, user)
        shutil.copytree(case.home.store, home.store, ignore=shutil.ignore_patterns("control"))
        mail = self.server.folder / "mail"
        _copy_owned(mail / case.user, mail / user)
        return Case(user, home, case.ids)

    def drop(self, case):
        reports = case.home.close()
        assert not reports, reports
        shutil.rmtree(case.home.folder, ignore_errors=True)
        self.server.remove_user(case.user)

    # Runs

    def sync(self, row, case, what):
        """To its end.  What it said."""
        done = case.home.run("-vv", "sync")
        assert done.status == row.status, f"{what}: it ended with {done.status}\n{row}\n{done}"
        return done

    def stopped(self, case, number):
        """Killed at its step @number, if it has so many.  What it said; returns when the server has ended its part, too."""
        log = self.server.log
        begin = log.stat().st_size
        done = self._with_steps(case, MAILTREE_STOP_AT=str(number))
        deadline = time.monotonic() + 20 * SLOW
        while True:
            with open(log, encoding="utf-8", errors="replace") as lines:
                lines.seek(begin)
                pids = re.findall(rf"Login: user=<{case.user}>.* mpid=(\d+)", lines.read())
            left = [pid for pid in pids if Path("/proc", pid).exists()]
            if not left:
                return done
            assert time.monotonic() < deadline, f"processes {left} of the server go on"
            time.sleep(0.002)

    def _with_steps(self, case, **environment):
        return case.home.run("-vv", "sync", environment=environment)

    # What must be true

    def check(self, row, case, done, what):
        """Both sides are at the end, and agree message by message."""
        here = Here(case.home)
        with Account.at(self.server, case.user) as account:
            there = There(account).state()
        seen, end = here.state(), wanted(row.end)
        shown = wanted(row.here) if row.here else end
        about = f"\n{row}\n{done}"
        assert counted(there) == end, f"{what}: the server has\n    {show(counted(there))}\nnot\n    {show(end)}{about}"
        assert counted(seen) == shown, f"{what}: here is\n    {show(counted(seen))}\nnot\n    {show(shown)}{about}"
        assert here.operations() == row.open, f"{what}: open are {here.operations()}{about}"
        if not row.open and not row.here:
            assert seen == there, f"{what}: the server has\n    {there}\nand here is\n    {seen}{about}"
        if not row.open:
            assert not here.leftovers(), f"{what}: {here.leftovers()}{about}"
        assert not here.faults(), f"{what}: {here.faults()}{about}"
        after = here.ids()
        changed = [key for key, number in case.ids.items() if after.get(key, number) != number]
        assert not changed, f"{what}: other rows for {changed}{about}"

    def check_rest(self, row, case, what):
        """A further run changes nothing."""
        before = Here(case.home).contents()
        done = self.sync(row, case, what)
        about = f"\n{row}\n{done}"
        sent = _MODIFYING.findall(done.err)
        assert not sent, f"{what}: a further run sends {sent}{about}"
        assert not _BODIES.search(done.err), f"{what}: a further run fetches{about}"
        after = Here(case.home).contents()
        for table, rows in before.items():
            assert after[table] == rows, f"{what}: a further run changes {table}:\n{rows}\n{after[table]}{about}"

    def run(self, row, case):
        """A run, and one more.  The names of its steps."""
        steps = case.home.folder / "steps"
        done = self._with_steps(case, MAILTREE_STEPS=str(steps))
        what = "a run"
        assert done.status == row.status, f"{what} ended with {done.status}\n{row}\n{done}"
        self.check(row, case, done, what)
        news = sum(len(parse_message(line.split()[2])) for line in row.server if line.startswith("append "))
        news = news if self.profile.keeps_bodies else 0
        assert len(_BODIES.findall(done.err.replace("BODY.PEEK[]", ""))) <= news, f"it fetches what is here\n{row}\n{done}"
        self.check_rest(row, case, "after a run")
        return steps.read_text().splitlines()

    def run_stopped(self, row, case, numbers):
        """Runs that are stopped one after the other, each at its number of @numbers; then one to the end, and one more."""
        what = f"stopped at {numbers}, then run to the end"
        for number in numbers:
            stopped = self.stopped(case, number)
            assert stopped.status in (-9, row.status), f"{what}: {stopped}"
        done = self.sync(row, case, what)
        self.check(row, case, f"{stopped}\n{done}", what)
        self.check_rest(row, case, f"{what}, then once more")

    def run_commands(self, row, pick):
        """What is done here, stopped at a step of it: it is done or not, and if not, it can be done."""
        begin = self.prepare(replace(row, local=()))
        first = self.copy(row, begin)
        before = Here(first.home).state()
        after, steps = self._act(row, first, MAILTREE_STEPS=str(first.home.folder / "steps"))
        assert after != before, "it does nothing"
        for number in pick(range(1, len(steps) + 1)):
            case = self.copy(row, begin)
            found, _ = self._act(row, case, MAILTREE_STOP_AT=str(number))
            what = f"stopped at {number} ({steps[number - 1]})"
            assert found in (before, after), f"{what}: here is\n    {found}\n{row}"
            if found == before:
                self._act(row, case)
            done = self.sync(row, case, what)
            self.check(row, case, done, what)
            self.check_rest(row, case, what)
            self.drop(case)
        self.drop(first)
        self.drop(begin)

    def _act(self, row, case, **environment):
        here = Here(case.home)
        here.environment = environment
        for line in row.local:
            here.act(line)
        steps = case.home.folder / "steps"
        return here.state(), steps.read_text().splitlines() if steps.exists() else []


def _copy_owned(source, target):
    shutil.copytree(source, target)
    for place, folders, files in os.walk(source):
        for name in [place, *(os.path.join(place, each) for each in folders + files)]:
            status = os.stat(name)
            os.chown(os.path.join(target, os.path.relpath(name, source)), status.st_uid, status.st_gid)
