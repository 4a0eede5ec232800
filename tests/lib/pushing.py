"""What users did and what came of it, here and on a scripted server: for tests that look at both sides."""
import contextlib
import hashlib
import os
import sqlite3
import subprocess
from pathlib import Path


def sha(raw):
    return hashlib.sha256(raw).hexdigest()


def rows(home, sql, *args):
    with contextlib.closing(sqlite3.connect(home.store / "mail.db")) as db:
        return db.execute(sql, args).fetchall()


def here(home):
    """{folder: {UID: (flags, content)}} of what people see, as far as the server has it there."""
    found = {name: {} for (name,) in rows(home, "SELECT server_name FROM mailboxes WHERE server_name IS NOT NULL AND state = 0"
                                            " AND attributes & 1")}
    for name, uid, flags, body in rows(
            home, "SELECT b.server_name, m.uid, m.base_flags, lower(hex(d.sha256)) FROM messages m"
                  " JOIN mailboxes b ON b.id = m.place JOIN bodies d ON d.id = m.body WHERE m.name IS NOT NULL"
                  " AND m.uid IS NOT NULL"):
        assert uid not in found[name], f"two of UID {uid} in {name}"
        found[name][uid] = frozenset(flags.split()), body
    return found


def there(server):
    return {box.name.decode(): {mail.uid: (frozenset(mail.flags), sha(mail.raw)) for mail in box.mails}
            for box in server.boxes.values() if box.selectable}


def operations(home, *states):
    """[(kind, state, error)], all but those that are done or cancelled, or those in @states."""
    found = rows(home, "SELECT kind, state, error FROM operations ORDER BY id")
    return [each for each in found if each[1] in (states or ("queued", "sent", "held", "failed"))]


def ids(home, *, folder=None):
    """{content: row ids}"""
    found = {}
    for body, number, name in rows(home, "SELECT lower(hex(d.sha256)), m.id, b.server_name FROM messages m"
                                         " JOIN bodies d ON d.id = m.body JOIN mailboxes b ON b.id = m.place"):
        if folder in (None, name):
            found.setdefault(body, set()).add(number)
    return found


def settled(home, server):
    """After what was queued: it is on the server, and a further run changes nothing."""
    home.sync()
    assert operations(home) == []
    assert here(home) == there(server)
    before = len(server.modifying())
    home.sync()
    assert server.modifying()[before:] == [], "a second run sends something"
    assert here(home) == there(server)


def do(home, verb, *words):
    """What a user does between two runs; see queue-change.c."""
    tool = Path(os.environ["MAILTREE"]).parents[1] / "tests/lib/queue-change"
    done = subprocess.run([tool, home.store, verb, *words], env=home.environment, capture_output=True, text=True)
    assert done.returncode == 0, f"queue-change {verb} {words}: {done.stderr}"


def paths(*uids, folder="A"):
    return [f"test/{folder}/~{uid}" for uid in uids]
