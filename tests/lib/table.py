"""A language for tables of what synchronisation comes to: a start, what others do on the server, what is done here, the end.

A state is "A: 1 2(S) 3(F$Work); B/C: 4; Trash:": folders, and in them messages by label with their flags: S \\Seen,
A \\Answered, F \\Flagged, D \\Deleted, T \\Draft, $Keyword.  INBOX is always there.  1..60 are sixty messages.

A label stands for a content and a date.  1 and 1* have the same content and different dates; "1 1" is twice the same.
9@1 has the content of 9 and the date of 1: what becomes of 1 when 9 is saved over it.
Some contents are special: SPECIAL.

An action is a line, done on the server by another client (S), or here by a command (H):

    flag A/1 F$x                    unflag A/1 F                 A/1..9: all of them
    append A 9(S)                   copy A/1 B                   move A/1 B
    delete A/1                      H: as the account is set up; S: expunged
    create X                        rename X Y                   remove X
    renumber A                      S: the same messages in a new folder of that name, in another order
    recreate A                      S: an empty new folder of that name
    confirm, undo, retry, sync      H
    undo A/9@1                      H: its upload
    save A/1 9                      H: what was 1 is 9@1 now
    jot A/1 9                       H: the same, and it is to stay here as a file
    write A 9                       H: it is written into a new file, which is a message
    note A 9                        H: and is to stay a file
    over A/9 B/1                    H: it is renamed, to what B/1 is called
"""
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field, fields, replace

from . import messages

FLAGS = {"S": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "D": "\\Deleted", "T": "\\Draft"}
LETTERS = {flag: letter for letter, flag in FLAGS.items()}
SPECIAL = {
    "bare": b"From: a@example.org\r\nSubject: bare\r\n\r\nwithout a Message-ID\r\n",
    "eight": b"From: \xe8 <a@example.org>\r\nSubject: p\xf8\xedli\xb9\r\n\r\n8 bit, not UTF-8: \xff\xfe\x80\r\n",
    "nul": b"From: a@example.org\r\nSubject: nul\r\n\r\nno text: \0\0\1\r\n",
    "bodiless": b"From: a@example.org\r\nSubject: only a header\r\n\r\n",
    "long": messages.message("a line of a long message\n" * 20_000, message_id="long@example.org"),
}


@dataclass(frozen=True)
class Profile:
    name: str
    server: str               # its capabilities; see dovecot.py
    separator: str = "/"      # of folders
    keys: dict = field(default_factory=dict, hash=False) # of the account

    @property
    def keeps_bodies(self):
        return self.keys.get("bodies", "all") == "all"


@dataclass(frozen=True)
class Row:
    name: str
    end: str                  # on the server and here
    local: tuple = ()
    server: tuple = ()        # before what is done here
    start: str = "A: 1 2(S) 3(F$Work) 4; B: 5; Trash:"
    status: int = 0           # of sync
    open: tuple = ()          # "KIND STATE" of the operations that are left
    here: str = None          # what people see here, where that differs from the server
    keys: dict = field(default_factory=dict, hash=False) # of the account
    unlike: dict = field(default_factory=dict, hash=False) # {server, or "headers": {field: value}}, and why, in a comment

    def on(self, profile):
        found = replace(self, **self.unlike.get(profile.server, {}))
        if not profile.keeps_bodies:
            found = replace(found, **self.unlike.get("headers", {}))
        return replace(found, unlike={})

    def __str__(self):
        shown = [(each.name, getattr(self, each.name)) for each in fields(self)]
        return "\n".join(f"    {name:8}{value}" for name, value in shown if value not in ((), {}, None))


def content(label):
    """The bytes that a label stands for."""
    key = label.partition("@")[0].rstrip("*")
    return SPECIAL.get(key) or messages.message(f"this is {key}\n", subject=f"message {key}", message_id=f"{key}@example.org")


def date(label):
    label = label.partition("@")[2] or label
    key = label.rstrip("*")
    return messages.BASE_TIME + int(hashlib.sha256(key.encode()).hexdigest()[:5], 16) + 100 * (len(label) - len(key))


def dated(label, other):
    """What @label is with the date of @other: "9", "8@1" -> "9@1"."""
    when = other.partition("@")[2] or other
    return label if label == when else f"{label}@{when}"


def header(raw):
    """With the empty line behind it, as BODY[HEADER]."""
    head, empty, _ = raw.partition(b"\r\n\r\n")
    return head + empty


_labels = {} # (hash of the content or of the header, date): label


def learn(label):
    """Its content and date, which are known by this label from now on."""
    raw, when = content(label), date(label)
    for each in (raw, raw.replace(b"\0", b"\x80"), header(raw)): # so Dovecot tells of NUL
        _labels[hashlib.sha256(each).hexdigest(), when] = label
    return raw, when


def label_of(digest, when):
    """@digest: SHA-256 of the content or of the header, in hex."""
    if (digest, when) in _labels:
        return _labels[digest, when]
    alike = sorted(label for (other, _), label in list(_labels.items()) if other == digest)
    return f"{alike[0] if alike else digest[:8]}@{when}"


def parse_flags(text):
    return frozenset(FLAGS.get(each, each) for each in re.findall(r"\$\w+|[SAFDT]", text))


def parse_message(text):
    """"1..3(F)" -> [("1", flags), ("2", flags), ("3", flags)]"""
    labels, _, flags = text.rstrip(")").partition("(")
    first, dots, last = labels.partition("..")
    labels = map(str, range(int(first), int(last) + 1)) if dots else [labels]
    return [(label, parse_flags(flags)) for label in labels]


def parse(text):
    """{folder: [(label, flags)]}"""
    state = {"INBOX": []}
    for part in filter(None, map(str.strip, text.split(";"))):
        folder, _, rest = part.partition(":")
        state[folder.strip()] = [message for each in rest.split() for message in parse_message(each)]
    return state


def wanted(text):
    """{folder: Counter of (label, flags)}, keywords in lower case, since that is all the same."""
    found = {}
    for folder, all_of_it in parse(text).items():
        for label, _ in all_of_it:
            learn(label)
        found[folder] = Counter((label, _lower(flags)) for label, flags in all_of_it)
    return found


def counted(state):
    """What a side tells, {folder: {UID or whatever: (label, flags)}}, in the form of wanted()."""
    return {folder: Counter((label, _lower(flags)) for label, flags in found.values()) for folder, found in state.items()}


def _lower(flags):
    return frozenset(flag.lower() if flag.startswith("$") else flag for flag in flags)


def show(state):
    """As it is written in a row; @state in the form of wanted()."""
    def one(label, flags):
        text = "".join(sorted(LETTERS.get(flag, flag) for flag in flags if not flag.startswith("$")))
        text += "".join(sorted(flag for flag in flags if flag.startswith("$")))
        return f"{label}({text})" if text else label
    return "; ".join(f"{folder}: " + " ".join(sorted(one(*each) for each in found.elements()))
                     for folder, found in sorted(state.items()))
