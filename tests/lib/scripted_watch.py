"""What the scripted server tells unasked: changes in the selected mailbox, IDLE (RFC 2177) and NOTIFY (RFC 5465)."""
from dataclasses import dataclass

from .imapsyntax import BadSyntax, Quoted, make_set, quote
from .scripted_boxes import SYSTEM_FLAGS
from .scripted_connection import Connection, Cut

NEW, EXPUNGE, FLAGS = b"MESSAGENEW", b"MESSAGEEXPUNGE", b"FLAGCHANGE"
NAME, SUBSCRIPTION = b"MAILBOXNAME", b"SUBSCRIPTIONCHANGE"
MESSAGE_EVENTS = {NEW, EXPUNGE, FLAGS}
NO_EXPUNGE = (b"FETCH", b"STORE", b"SEARCH") # RFC 3501 7.4.1: no sequence number may change while these run


@dataclass
class Group:
    """An event group of NOTIFY."""
    kind: bytes     # SELECTED, PERSONAL, …
    names: list
    events: set
    items: list     # to fetch of a new message

    def matches(self, box, server):
        if self.kind == b"SUBSCRIBED":
            return box.name in server.subscribed
        if self.kind == b"SUBTREE":
            return any(box.name == name or server.separator and box.name.startswith(name + server.separator) for name in self.names)
        if self.kind == b"MAILBOXES":
            return box.name in self.names
        return self.kind == b"PERSONAL" or self.kind == b"INBOXES" and box.name.upper() == b"INBOX"


def parse_group(words):
    """An event group: its filter, the mailboxes that this is about, the events with what to fetch."""
    if not isinstance(words, list) or len(words) < 2 or isinstance(words[0], list):
        raise BadSyntax("an event group is missing")
    kind, names, events = words[0].upper(), words[1:-1], words[-1]
    if kind not in (b"SELECTED", b"SELECTED-DELAYED", b"PERSONAL", b"INBOXES", b"SUBSCRIBED", b"SUBTREE", b"MAILBOXES") or \
            (kind in (b"SUBTREE", b"MAILBOXES")) != (len(names) == 1):
        raise BadSyntax("an unknown filter")
    names = names[0] if names and isinstance(names[0], list) else names
    group = Group(kind, names, set(), [])
    if not isinstance(events, list):
        if events.upper() != b"NONE" or isinstance(events, Quoted):
            raise BadSyntax("events are missing")
        return group
    for index, event in enumerate(events):
        if not isinstance(event, list):
            group.events.add(event.upper())
        elif index and not isinstance(events[index - 1], list) and events[index - 1].upper() == NEW:
            group.items = event
        else:
            raise BadSyntax("only new messages are fetched")
    if (NEW in group.events) != (EXPUNGE in group.events) or FLAGS in group.events and NEW not in group.events:
        raise BadSyntax("MessageNew and MessageExpunge go together, FlagChange with both")
    return group


class Watching(Connection):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.read_only = True     # the selected mailbox, here
        self.view = []            # its UIDs by sequence number, as the client knows them
        self.told = {}            # UID: the mod-sequence of the flags that the client knows
        self.idling = False
        self.groups = []          # of NOTIFY, in its order
        self.overflowing = False
        self._state = None        # of the mailbox when all was told
        self._uidvalidity = 0
        self._known_keywords = 0
        self._known = {}          # id: what NOTIFY's client knows of a mailbox

    # The selected mailbox

    def open(self, box, read_only):
        self.box = box
        self.read_only = read_only
        self.view = [mail.uid for mail in box.mails]
        self.told = {mail.uid: mail.modseq for mail in box.mails}
        self._uidvalidity = box.uidvalidity
        self._known_keywords = len(box.keywords)
        self._state = box.state
        self._knows(MESSAGE_EVENTS)

    def _knows(self, events):
        """The client was told of these in the selected mailbox, so NOTIFY has not to when it is another one."""
        now = self.look(self.box)
        self._known.get(self.box.id, {}).update({event: now[event] for event in events})

    def tagged(self, text):
        modseq = self.settle()
        if modseq and not text.startswith(b"OK ["):
            text = text.replace(b"OK ", b"OK " + modseq, 1)
        elif modseq:
            self.untagged(b"OK " + modseq + b"highest")
        super().tagged(text)

    def settle(self):
        """What changed is told before the end of each command.  Returns as tell() does."""
        if self.executing == b"LOGOUT":
            return b""
        with self.server.lock:
            modseq = self.tell(expunges=self.executing not in NO_EXPUNGE)
            self.tell_others()
        return modseq

    def tell(self, expunges=True, arrivals=True, flags=True):
        """Untagged responses for what happened in the selected mailbox since the client was told last.  Returns the response
        code HIGHESTMODSEQ, with a space behind it, when messages came or went, all is told and the client wants to know."""
        box = self.box
        if box is None or box.state == self._state:
            return b""
        if box.deleted or box.uidvalidity != self._uidvalidity:
            self.untagged(b"BYE the selected mailbox is not what it was")
            raise Cut
        mails = {mail.uid: mail for mail in box.mails}
        gone = [uid for uid in self.view if uid not in mails]
        new = [mail for uid, mail in mails.items() if uid not in self.told]
        if gone and expunges:
            self.tell_gone(gone)
        if new and arrivals:
            self.tell_new(new)
        if flags:
            self.tell_flags(mails)
        self._knows({event for event, told in ((EXPUNGE, expunges), (NEW, arrivals), (FLAGS, flags)) if told})
        if gone and not expunges or new and not arrivals or not flags:
            return b""
        self._state = box.state
        return b"[HIGHESTMODSEQ %d] " % box.modseq if (gone or new) and b"CONDSTORE" in self.enabled else b""

    def tell_gone(self, uids):
        if b"QRESYNC" in self.enabled:
            self.untagged(b"VANISHED " + make_set(uids))
        for uid in uids:
            number = self.view.index(uid)
            if b"QRESYNC" not in self.enabled:
                self.untagged(b"%d EXPUNGE" % (number + 1))
            del self.view[number], self.told[uid]

    def tell_new(self, mails):
        before = len(self.view)
        self.view += [mail.uid for mail in mails]
        self.told.update({mail.uid: mail.modseq for mail in mails})
        self.untagged(b"%d EXISTS" % len(self.view))
        group = self.selected_group()
        if group and group.items:
            for number, mail in enumerate(mails, before + 1):
                self.fetch_one(number, mail, group.items)

    def tell_flags(self, mails):
        self.tell_keywords()
        for number, uid in enumerate(self.view, 1):
            if uid in mails and self.told[uid] != mails[uid].modseq:
                self.fetch_one(number, mails[uid], self.flag_items(bool(self.groups)))

    def tell_keywords(self):
        """New ones, before a message has them."""
        if len(self.box.keywords) != self._known_keywords:
            self._known_keywords = len(self.box.keywords)
            self.flags_untagged(self.box)

    def flags_untagged(self, box):
        system = list(SYSTEM_FLAGS.values())
        keywords = list(box.keywords.values())
        permanent = [*system, *keywords, "\\*"] if box.permanent is None else box.permanent
        self.untagged(b"FLAGS (" + " ".join([*system, *keywords]).encode("utf-8") + b")")
        self.untagged(b"OK [PERMANENTFLAGS (" + " ".join([] if self.read_only else permanent).encode("utf-8") + b")] flags")

    def flag_items(self, with_uid=False):
        """What an unsolicited FETCH holds (RFC 7162 3.2.4, RFC 5465 5.1)."""
        with_uid = with_uid or b"QRESYNC" in self.enabled
        return [*([b"UID"] if with_uid else []), b"FLAGS", *([b"MODSEQ"] if b"CONDSTORE" in self.enabled else [])]

    # What comes while nothing is asked

    def push(self):
        with self.server.lock:
            if self.overflowing:
                self.overflowing, self.groups = False, []
                self.untagged(b"OK [NOTIFICATIONOVERFLOW] too much for me")
            group = self.selected_group()
            modseq = b""
            if self.idling:
                modseq = self.tell()
            elif group:
                modseq = self.tell(EXPUNGE in group.events and group.kind == b"SELECTED", NEW in group.events, FLAGS in group.events)
            if modseq:
                self.untagged(b"OK " + modseq + b"highest")
            self.tell_others()

    def do_IDLE(self):
        self.idling = True
        self.push()
        self.respond(b"+ idling\r\n")
        self.waiting = True
        self.server.lock.release()
        try:
            line = self.read_line()
        finally:
            self.server.lock.acquire()
            self.idling = self.waiting = False
        self.note(line)
        self.tagged(b"OK done" if line.strip().upper() == b"DONE" else b"BAD not DONE")

    # NOTIFY

    def selected_group(self):
        return next((group for group in self.groups if group.kind.startswith(b"SELECTED")), None)

    def do_NOTIFY(self, what, *groups):
        groups = list(groups)
        if what.upper() == b"NONE" and not groups:
            self.groups = []
            self.tagged(b"OK done")
            return
        status = bool(groups) and not isinstance(groups[0], list) and groups[0].upper() == b"STATUS"
        parsed = [parse_group(words) for words in groups[status:]]
        if what.upper() != b"SET" or not parsed:
            raise BadSyntax("SET with event groups, or NONE")
        if any(group.events - MESSAGE_EVENTS - {NAME, SUBSCRIPTION} for group in parsed):
            self.tagged(b"NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)] unknown event")
            return
        self.settle()
        self.groups = parsed
        self._known = {box.id: self.look(box) for box in self.server.boxes.values()}
        for box in self.server.boxes.values():
            if status and box is not self.box and box.selectable and self.events(box) & MESSAGE_EVENTS:
                self.untagged(self.status_line(box, self.status_items()))
        self.tagged(b"OK done")

    def events(self, box):
        """That the client wants of a mailbox which is not selected: those of the first group that names it."""
        return next((group.events for group in self.groups if group.matches(box, self.server)), set())

    def status_items(self):
        return [b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN"] + [b"HIGHESTMODSEQ"] * (b"CONDSTORE" in self.enabled)

    def look(self, box):
        return {"box": box, "name": box.name, "attributes": list(box.attributes), "subscribed": box.name in self.server.subscribed,
                NEW: box.arrivals, EXPUNGE: box.departures, FLAGS: box.flaggings}

    def tell_others(self):
        """What happened to mailboxes that are not selected, by NOTIFY."""
        if not self.groups:
            return
        boxes = {box.id: box for box in self.server.boxes.values()}
        for key in [key for key in self._known if key not in boxes]:
            before = self._known.pop(key)
            if NAME in self.events(before["box"]):
                self.untagged(b"LIST (\\NonExistent) " + self.separator() + b" " + quote(before["name"]))
        for key, box in boxes.items():
            self.tell_other(box, self._known.get(key), self.events(box))

    def tell_other(self, box, before, events):
        now = self.look(box)
        if now == before:
            return
        old = before or {"name": None, "attributes": None, "subscribed": False, NEW: 0, EXPUNGE: 0, FLAGS: 0}
        if NAME in events and (old["name"], old["attributes"]) != (now["name"], now["attributes"]):
            renamed = before and before["name"] != box.name
            self.untagged(self.list_line(b"LIST", box) + (b' ("OLDNAME" (' + quote(before["name"]) + b"))" if renamed else b""))
        if SUBSCRIPTION in events and old["subscribed"] != now["subscribed"]:
            self.untagged(b"LIST (" + (b"\\Subscribed" if now["subscribed"] else b"") + b") " + self.separator() + b" " + quote(box.name))
        if box is self.box:
            now.update({event: old[event] for event in MESSAGE_EVENTS}) # tell() tells these
        elif box.selectable and any(old[event] != now[event] for event in events & MESSAGE_EVENTS):
            self.untagged(self.status_line(box, self.status_items()))
        self._known[box.id] = now
