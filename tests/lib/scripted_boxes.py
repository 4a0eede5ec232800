"""What the scripted server holds: messages, mailboxes and the tree of them, and the ways in which they change.

A test changes them as another client would, at any time: every session that is due to hear of it is woken.
"""
import contextlib
import hashlib
import itertools
import threading
from dataclasses import dataclass, field

from . import messages
from .account import utf7_encode

SYSTEM_FLAGS = {flag.lower(): flag for flag in ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")}

_ids = itertools.count(1)


def wire(name):
    """A mailbox's name as it is on the wire; bytes are so already."""
    return bytes(name) if isinstance(name, bytes) else utf7_encode(name).encode("ascii")


@dataclass
class Mail:
    uid: int
    raw: bytes
    flags: set = field(default_factory=set)
    when: int = messages.BASE_TIME
    modseq: int = 1
    extra: dict = field(default_factory=dict) # more FETCH items: {b"X-GM-MSGID": b"123"}

    @property
    def emailid(self):
        """By content, as Cyrus has it."""
        return self.extra.get(b"EMAILID", b"(M%s)" % hashlib.sha256(self.raw).hexdigest()[:24].encode("ascii"))


class Mailbox:
    def __init__(self, name, attributes=(), uidvalidity=1000):
        self.name = wire(name)
        self.attributes = list(attributes)
        self.id = b"F%d" % next(_ids) # MAILBOXID
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.modseq = 1
        self.mails = []
        self.gone = {}        # uid: the mod-sequence of its end
        self.keywords = {}    # lower case: as the first who used it wrote it
        self.permanent = None # the only flags that can be stored; None: all, with new keywords
        self.read_only = False
        self.rights = "lrswipkxtea" # with ACL: everybody's
        self.deleted = False
        self.arrivals = self.departures = self.flaggings = 0 # how often each happened so far
        self.server = None

    @property
    def selectable(self):
        return not {"\\noselect", "\\nonexistent"} & {each.lower() for each in self.attributes}

    @contextlib.contextmanager
    def changing(self):
        """With the lock of the server; its sessions are told afterwards."""
        with self.server.lock if self.server else contextlib.nullcontext():
            self.modseq += 1
            yield
            if self.server:
                self.server.changed()

    def add(self, raw, flags=(), when=messages.BASE_TIME, uid=None, **extra):
        """Returns the new Mail."""
        with self.changing():
            mail = Mail(uid or self.uidnext, raw, set(flags), when, self.modseq, extra.get("extra", {}))
            self.uidnext = mail.uid + 1
            self.mails.append(mail)
            self.learn(flags)
            self.arrivals += 1
        return mail

    def expunge(self, *uids):
        with self.changing():
            gone = {mail.uid: self.modseq for mail in self.mails if mail.uid in uids}
            self.gone.update(gone)
            self.mails = [mail for mail in self.mails if mail.uid not in gone]
            self.departures += len(gone)

    def set_flags(self, uid, *flags):
        with self.changing():
            for mail in self.mails:
                if mail.uid == uid:
                    self.flag(mail, flags)

    def flag(self, mail, flags):
        """For who is changing() it already."""
        mail.flags, mail.modseq = set(flags), self.modseq
        self.learn(flags)
        self.flaggings += 1

    def learn(self, flags):
        for flag in flags:
            if flag.lower() not in SYSTEM_FLAGS:
                self.keywords.setdefault(flag.lower(), flag)

    def spelled(self, flags):
        """The set of what a client wrote as @flags, in the spelling that the mailbox knows, without what cannot be stored."""
        found = {SYSTEM_FLAGS.get(flag.lower()) or self.keywords.get(flag.lower(), flag) for flag in flags}
        found.discard("\\Recent")
        return found if self.permanent is None else found & set(self.permanent)

    def renumber(self, uidvalidity):
        """The same messages under a new UIDVALIDITY."""
        with self.changing():
            self.uidvalidity = uidvalidity
            self.gone = {}
            self.uidnext = 1
            for mail in self.mails:
                mail.uid, mail.modseq = self.uidnext, self.modseq
                self.uidnext += 1

    @property
    def state(self):
        """Differs when anything in the mailbox does that a client is told of."""
        return self.modseq, self.uidnext, len(self.mails), self.uidvalidity, self.deleted


class Refused(Exception):
    """A change of the tree that is not possible; the text is the tagged answer."""

    def __init__(self, answer):
        super().__init__(answer)
        self.answer = answer


class Tree:
    """The mailboxes of the account, by their names on the wire.  A base of the server."""

    def __init__(self, separator):
        self.lock = threading.RLock()
        self.separator = separator
        self.boxes = {}
        self.subscribed = set()
        self.quota = {b"STORAGE": 1_000_000} # of one root with the name ""; STORAGE in units of 1024 bytes, MESSAGE
        self._uidvalidity = 0
        self.add("INBOX")

    def changed(self):
        """Something is other than it was."""

    def add(self, name, mails=(), attributes=(), uidvalidity=1000):
        """Subscribed, as most are."""
        box = Mailbox(name, attributes, uidvalidity)
        for raw in mails:
            box.add(raw)
        with self.lock:
            box.server = self
            self.boxes[box.name] = box
            self.subscribed.add(box.name)
            self._uidvalidity = max(self._uidvalidity, uidvalidity)
            self.changed()
        return box

    def box(self, name):
        return self.boxes[wire(name)]

    def find(self, name):
        for box in self.boxes.values():
            if box.name == name or box.name.upper() == b"INBOX" == name.upper():
                return box
        return None

    def children(self, name):
        return [box for box in self.boxes.values() if self.separator and box.name.startswith(name + self.separator)]

    def create(self, name, use=()):
        """CREATE: with the superior names that there are not yet.  Returns the Mailbox."""
        name = wire(name)
        if self.separator and name.endswith(self.separator):
            name = name[:-1]
        parts = name.split(self.separator) if self.separator else [name]
        if not all(parts) or not name.isascii() or any(wildcard in name for wildcard in b"%*"):
            raise Refused(b"NO [CANNOT] not a name for a mailbox")
        with self.lock:
            box = self.find(name)
            if box and box.selectable:
                raise Refused(b"NO [ALREADYEXISTS] it is there already")
            if any(attribute in each.attributes for each in self.boxes.values() for attribute in use):
                raise Refused(b"NO [USEATTR] another mailbox is that")
            self.make_superiors(name)
            subscribed = name in self.subscribed
            box = self.add(name, (), use, self._uidvalidity + 1)
            if not subscribed:
                self.subscribed.discard(name)
        return box

    def make_superiors(self, name):
        parts = name.split(self.separator) if self.separator else [name]
        for count in range(1, len(parts)):
            superior = self.separator.join(parts[:count])
            if self.find(superior) is None:
                self.add(superior, (), ["\\Noselect"])
                self.subscribed.discard(superior)

    def remove(self, name):
        """DELETE: a mailbox with children stays as a name."""
        with self.lock:
            box = self.find(wire(name))
            if box is None:
                raise Refused(b"NO [NONEXISTENT] no such mailbox")
            if box.name.upper() == b"INBOX":
                raise Refused(b"NO [CANNOT] not INBOX")
            children = self.children(box.name)
            if children and not box.selectable:
                raise Refused(b"NO [HASCHILDREN] a name with children")
            box.deleted = True
            del self.boxes[box.name]
            if children:
                subscribed = box.name in self.subscribed
                self.add(box.name, (), ["\\Noselect"])
                if not subscribed:
                    self.subscribed.discard(box.name)
            self.changed()

    def rename(self, name, new):
        """RENAME: with all below it; of INBOX only the messages go."""
        name, new = wire(name), wire(new)
        with self.lock:
            box, children = self.find(name), self.children(name)
            if box is None and not children:
                raise Refused(b"NO [NONEXISTENT] no such mailbox")
            if self.find(new) or self.children(new):
                raise Refused(b"NO [ALREADYEXISTS] it is there already")
            if self.separator and new.startswith(name + self.separator):
                raise Refused(b"NO [CANNOT] not below itself")
            if box and box.name.upper() == b"INBOX":
                made = self.create(new)
                for mail in box.mails:
                    made.add(mail.raw, mail.flags, mail.when, extra=dict(mail.extra))
                box.expunge(*[mail.uid for mail in box.mails])
                return
            self.make_superiors(new)
            for each in [box, *children] if box else children:
                del self.boxes[each.name]
                each.name = new + each.name[len(name):]
                self.boxes[each.name] = each
            self.changed()

    def usage(self):
        mails = [mail for box in self.boxes.values() for mail in box.mails]
        return {b"STORAGE": (sum(len(mail.raw) for mail in mails) + 1023) // 1024, b"MESSAGE": len(mails)}

    def has_room(self, mails):
        """Whether so many more, a list of bytes, may come."""
        more = {b"STORAGE": sum(map(len, mails)) / 1024, b"MESSAGE": len(mails)}
        used = self.usage()
        return all(used[name] + more[name] <= limit for name, limit in self.quota.items())
