"""The scripted server's SELECT, FETCH and what may stand in them (RFC 3501, 7162, 8474)."""
import re

from . import messages
from .imapsyntax import BadSyntax, in_set, literal, make_set
from .scripted_folders import words
from .scripted_watch import Watching


class Reading(Watching):
    def do_SELECT(self, name, options=()):
        self.select(name, options, b"READ-WRITE")

    def do_EXAMINE(self, name, options=()):
        self.select(name, options, b"READ-ONLY")

    def select(self, name, options, access):
        if b"QRESYNC" in words(options) and b"QRESYNC" not in self.enabled:
            raise BadSyntax("QRESYNC is not enabled")
        if b"CONDSTORE" in words(options):
            self.enabled.add(b"CONDSTORE")
        if self.box is not None:
            self.box = None
            self.closed()
        box = self.find(name)
        if box is None or not box.selectable:
            self.tagged(b"NO [NONEXISTENT] no such mailbox")
            return
        if box.read_only or self.has(b"ACL") and not set("swite") & set(box.rights):
            access = b"READ-ONLY"
        self.open(box, access == b"READ-ONLY")
        self.select_untagged(box)
        for index, option in enumerate(options):
            if not isinstance(option, list) and option.upper() == b"QRESYNC":
                self.select_changes(box, *options[index + 1])
        self.tagged(b"OK [" + access + b"] done")

    def closed(self):
        """Responses of the mailbox selected before end here (RFC 7162 3.2.11; Dovecot says so to everyone)."""
        if self.has(b"QRESYNC"):
            self.untagged(b"OK [CLOSED] the other one")

    def select_untagged(self, box):
        self.flags_untagged(box)
        self.untagged(b"%d EXISTS" % len(box.mails))
        self.untagged(b"0 RECENT")
        self.untagged(b"OK [UIDVALIDITY %d] it is" % box.uidvalidity)
        self.untagged(b"OK [UIDNEXT %d] it is" % box.uidnext)
        if self.has(b"CONDSTORE"):
            self.untagged(b"OK [HIGHESTMODSEQ %d] it is" % box.modseq)
        if self.has(b"OBJECTID"):
            self.untagged(b"OK [MAILBOXID (" + box.id + b")] it is")

    def select_changes(self, box, uidvalidity, modseq, *_):
        if int(uidvalidity) != box.uidvalidity:
            return
        self.vanished(box, int(modseq), lambda uid: True)
        for number, mail in enumerate(box.mails, 1):
            if mail.modseq > int(modseq):
                self.fetch_one(number, mail, [b"UID", b"FLAGS", b"MODSEQ"])

    def vanished(self, box, modseq, wanted):
        gone = [uid for uid, ended in box.gone.items() if ended > modseq and wanted(uid)]
        if gone:
            self.untagged(b"VANISHED (EARLIER) " + make_set(gone))

    def do_UNSELECT(self):
        self.box = None
        self.tagged(b"OK done")

    # FETCH

    def chosen(self, numbers, by_uid):
        """[(number, Mail)] of the set @numbers, of what the client knows and is still here; and the set as a function."""
        wanted = in_set(numbers, (self.view[-1] if self.view else 0) if by_uid else len(self.view))
        mails = {mail.uid: mail for mail in self.box.mails}
        return [(number, mails[uid]) for number, uid in enumerate(self.view, 1)
                if wanted(uid if by_uid else number) and uid in mails], wanted

    def do_FETCH(self, numbers, items, modifiers=()):
        chosen, wanted = self.chosen(numbers, False)
        self.fetch(chosen, items, modifiers, wanted)

    def do_UID_FETCH(self, uids, items, modifiers=()):
        chosen, wanted = self.chosen(uids, True)
        items = items if isinstance(items, list) else [items]
        if b"UID" not in [item.upper() for item in items]:
            items = [b"UID", *items]
        self.fetch(chosen, items, modifiers, wanted)

    def fetch(self, chosen, items, modifiers, wanted):
        items = items if isinstance(items, list) else [items]
        names = words(modifiers)
        if names and not self.has(b"CONDSTORE") or b"VANISHED" in names and b"QRESYNC" not in self.enabled:
            raise BadSyntax("unknown modifiers of FETCH")
        if b"MODSEQ" in words(items) and self.has(b"CONDSTORE"):
            self.enabled.add(b"CONDSTORE")
        if b"CHANGEDSINCE" in names:
            self.enabled.add(b"CONDSTORE")
            since = int(modifiers[names.index(b"CHANGEDSINCE") + 1])
            if b"VANISHED" in names:
                self.vanished(self.box, since, wanted)
            chosen = [(number, mail) for number, mail in chosen if mail.modseq > since]
            items = [*items, *([] if b"MODSEQ" in items else [b"MODSEQ"])]
        self.tell_keywords()
        for number, mail in chosen:
            self.fetch_one(number, mail, items)
        self.tagged(b"OK done")

    def fetch_one(self, number, mail, items):
        pieces = [piece for item in items if (piece := self.fetch_item(mail, item)) is not None]
        if b"FLAGS" in words(items) and mail.uid in self.told:
            self.told[mail.uid] = mail.modseq
        self.untagged(b"%d FETCH (" % number + b" ".join(pieces) + b")")

    def fetch_item(self, mail, item):
        """NAME VALUE for one item; None for one we do not have."""
        name = item.upper()
        if name == b"UID":
            return b"UID %d" % mail.uid
        if name == b"FLAGS":
            return b"FLAGS (" + " ".join(sorted(mail.flags)).encode("utf-8") + b")"
        if name == b"INTERNALDATE":
            return b'INTERNALDATE "' + messages.imap_date(mail.when).encode("ascii") + b'"'
        if name == b"RFC822.SIZE":
            return b"RFC822.SIZE %d" % len(mail.raw)
        if name == b"MODSEQ":
            return b"MODSEQ (%d)" % mail.modseq
        if name in mail.extra:
            return name + b" " + mail.extra[name]
        if name == b"EMAILID" and self.has(b"OBJECTID"):
            return b"EMAILID " + mail.emailid
        if name == b"THREADID" and self.has(b"OBJECTID"):
            return b"THREADID NIL"
        match = re.fullmatch(rb"BODY(\.PEEK)?\[(.*?)\](?:<(\d+)\.(\d+)>)?", name, re.S)
        if not match:
            return None
        if not match.group(1) and not self.read_only and "\\Seen" not in mail.flags:
            self.box.set_flags(mail.uid, *mail.flags, "\\Seen")
        content = self.section(mail.raw, match.group(2))
        origin = b""
        if match.group(3):
            begin = int(match.group(3))
            content, origin = content[begin:begin + int(match.group(4))], b"<%d>" % begin
        return b"BODY[" + match.group(2) + b"]" + origin + b" " + literal(content)

    def section(self, raw, name):
        head, empty, body = raw.partition(b"\r\n\r\n")
        head += empty
        if name == b"":
            return raw
        if name == b"TEXT":
            return body
        if name.startswith(b"HEADER.FIELDS"):
            wanted = {each.lower() for each in re.findall(rb"[^ ()\"]+", name.partition(b"(")[2])}
            fields = re.findall(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*", head)
            return b"".join(each for each in fields if each.partition(b":")[0].strip().lower() in wanted) + b"\r\n"
        return head
