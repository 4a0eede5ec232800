"""Reading and writing maildir/ as any program does, and comparing it with the server."""
import os
from collections import Counter

import pytest

from .writing import NEW

_LETTERS = {"\\Draft": "D", "\\Flagged": "F", "$Forwarded": "P", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}


def letters(flags):
    return "".join(sorted(_LETTERS[flag] for flag in flags if flag in _LETTERS))


def directory(work, folder="Work"):
    """The Maildir of a folder ("A/B"); INBOX is the account's."""
    top = work.mount.path / "maildir" / "test"
    return top if folder == "INBOX" else top / ("." + folder.replace("/", "."))


def names(work, folder="Work", below="cur"):
    return sorted(os.listdir(directory(work, folder) / below))


def path(work, raw, folder="Work"):
    """Where the message with those bytes is."""
    found = [each for each in paths(work, folder) if each.read_bytes() == raw]
    assert len(found) == 1, found
    return found[0]


def paths(work, folder="Work"):
    """All messages."""
    top = directory(work, folder)
    return [top / below / name for below in ("new", "cur") for name in names(work, folder, below)]


def base(path):
    return path.name.partition(":2,")[0]


def compare(work):
    """After a barrier: each message of the server once, with its letters, in the right directory, and nothing else."""
    for folder, mails in work.server().items():
        shown = Counter()
        for file in paths(work, folder):
            raw = file.read_bytes()
            assert file.stat().st_size == len(raw), file
            info = file.name.partition(":2,")[2]
            assert (":2," in file.name) == (file.parent.name == "cur"), file
            shown[raw, info, int(file.stat().st_mtime)] += 1
        assert shown == Counter((mail.raw, letters(mail.flags), mail.when) for mail in mails.values()), folder
        assert names(work, folder, "tmp") == []


def ends(work, *arguments, **more):
    work.ends(*arguments, **more)
    compare(work)


def folders(work):
    """Those of the server."""
    with work.remote.connect() as account:
        return {folder.path for folder in account.folders()}


def new(subject, lines=1):
    """Another message, with LF line ends, as people write it."""
    return NEW.replace(b"Subject: new", b"Subject: " + subject.encode()) + b"more\n" * lines


def deliver(work, raw, name="1700000000.M1P2.host", folder="Work", below="new"):
    """As a delivery agent does it.  The path."""
    top = directory(work, folder)
    stem = name.partition(":2,")[0]
    with open(top / "tmp" / stem, "xb") as file:
        file.write(raw)
        os.fsync(file.fileno())
    os.rename(top / "tmp" / stem, top / below / name)
    return top / below / name


def refused(number, call, *arguments, **more):
    with pytest.raises(OSError) as error:
        call(*arguments, **more)
    assert error.value.errno == number, error.value
