"""Accounts of which only headers are kept (bodies = headers): what is here, and what the scripted server was asked for."""
import contextlib
import os
import re
import sqlite3
import time

import pytest

from . import messages
from .program import SLOW
from .scripted import Session

MAILS = [messages.message(f"secret{index} in the body\n", subject=f"visible{index} in the header") for index in range(6)]


def sent(server, section):
    """How often BODY[section] was sent."""
    return sum(re.search(rb"BODY\[" + section + rb"\](?:<\d+>)? [{\"]", line) is not None
               for _, who, line in list(server.log) if who == "S")


def asked(server):
    """The commands that ask for bodies."""
    return [line for line in server.commands(b"UID FETCH") if b"BODY.PEEK[]" in line]


def rows(home, sql):
    with sqlite3.connect(home.store / "mail.db") as db:
        return db.execute(sql).fetchall()


def here(home):
    """({UIDs with a body}, {UIDs with only the header})."""
    found = rows(home, "SELECT uid, body IS NOT NULL, header IS NOT NULL FROM messages WHERE name IS NOT NULL")
    assert all(bool(body) != bool(header) for _, body, header in found)
    return {uid for uid, body, _ in found if body}, {uid for uid, body, _ in found if not body}


def configure(home, server, bodies, **more):
    home.write_config("")
    home.configure(**{**server.account(), "bodies": bodies, **more})


def fill(server, name="INBOX", when=lambda index: messages.BASE_TIME + index):
    box = server.add(name)
    for index, raw in enumerate(MAILS):
        box.add(raw, when=when(index))
    return box


def until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds * SLOW
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds * SLOW} s: {what}"
        time.sleep(0.01)


@contextlib.contextmanager
def mounted(home, server, bodies="headers", **more):
    """A mount that has caught up."""
    configure(home, server, bodies, **more)
    with home.mount() as mount:
        home.sync()
        yield mount


def state(path):
    return os.getxattr(path, "user.mailtree.state").decode()


def fails(path):
    with pytest.raises(OSError) as caught:
        path.read_bytes()
    return caught.value.errno


def readable(path):
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def is_for_bodies(items):
    return b"BODY.PEEK[]" in (items if isinstance(items, list) else [items])


class Gate(Session):
    """Gives no body until the test says so."""
    gate = None

    def fetch(self, chosen, items, modifiers, wanted):
        if is_for_bodies(items):
            self.gate.wait(60)
        super().fetch(chosen, items, modifiers, wanted)
