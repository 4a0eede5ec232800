"""What several clients of one account must come to: server, stores and mounted trees have the same; and what a person who
knows that decides about what is held."""
import contextlib
import hashlib
import random
import sqlite3
from collections import Counter


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


def shown(flags):
    """As two clients agree on flags: keywords may be written in two ways."""
    return tuple(sorted(flag.lower() for flag in flags if flag != "\\Recent"))


def stored(home):
    """({path: sorted [(UID, digest, flags)]}, operations that are open) of a home's store."""
    with contextlib.closing(sqlite3.connect(home.store / "mail.db")) as db:
        boxes = {row[0]: row for row in db.execute("SELECT id, parent, name, attributes, state FROM mailboxes")}
        paths = {}
        for number, (_, parent, name, attributes, state) in boxes.items():
            if attributes & 1 and state == 0:
                while parent:
                    name, parent = f"{boxes[parent][2]}/{name}", boxes[parent][1]
                paths[number] = name
        found = {path: [] for path in paths.values()}
        for number, place, mailbox, uid, flags, sha256 in db.execute(
                "SELECT m.id, m.place, m.mailbox, m.uid, m.base_flags, lower(hex(b.sha256)) FROM messages m"
                " JOIN bodies b ON b.id = m.body WHERE m.state NOT IN (7, 8)"):
            if place != mailbox or uid is None:
                operations = db.execute("SELECT * FROM operations WHERE message = ?", [number]).fetchall()
                raise AssertionError(f"{number} is still on its way, from {mailbox} to {place}: {operations}")
            found[paths[place]].append((uid, sha256, shown(flags.split())))
        operations = db.execute("SELECT id, kind, state, error FROM operations WHERE ended = 0").fetchall()
    return {path: sorted(rows) for path, rows in found.items()}, operations


def read_all(account):
    """{path: {UID: Message}}, and the folders that are listed but cannot be opened: Dovecot may go on to list one that was
    renamed."""
    found, unreadable = {}, []
    for folder in account.folders():
        if folder.selectable:
            try:
                found[folder.path] = account.read(folder.name)
            except RuntimeError as error:
                unreadable.append(str(error))
    return found, unreadable


def agreed(mails):
    """{UID: Message} as stored() has it."""
    return sorted((uid, digest(mail.raw), shown(mail.flags)) for uid, mail in mails.items())


def count(there):
    """How often each content is on the server, of which read_all() told."""
    return Counter(digest(mail.raw) for mails in there.values() for mail in mails.values())


def cut_now_and_then(line, seed, stop):
    """Every second or so all connections of a relay end."""
    chance = random.Random(f"{seed} cuts")
    while not stop.wait(0.3 + chance.random() * 1.5):
        line.drop(reset=chance.random() < 0.5)


def decide(home, account, most):
    """About uploads and copies of which nobody can tell whether the server did them: whoever looks knows how often each
    content may be there at @most ({digest: number}), and takes back what would be too many.  What is still held then is
    missing, and done."""
    with contextlib.closing(sqlite3.connect(home.store / "mail.db")) as db:
        held = db.execute("SELECT o.id, lower(hex(b.sha256)) FROM operations o JOIN messages m ON m.id = o.message"
                          " JOIN bodies b ON b.id = m.body WHERE o.state = 'held' AND o.kind IN ('append', 'copy')").fetchall()
    have = count(read_all(account)[0])
    for number, sha256 in held:
        have[sha256] += 1
        if have[sha256] > most[sha256]:
            assert home.run("undo", str(number)).status == 0
    assert home.run("confirm").status == 0
