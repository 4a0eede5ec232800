"""The scripted server's commands that change messages: STORE, EXPUNGE, COPY, MOVE (RFC 6851), APPEND (RFC 3502, 3516), with
what UIDPLUS (RFC 4315) adds to their answers."""
import re
import time

from .imapsyntax import BadSyntax, Literal, Literal8, make_set, parse_date
from .scripted_boxes import Mail
from .scripted_read import Reading


def decoded(flags):
    return [flag.decode("utf-8", "replace") for flag in flags]


class Writing(Reading):
    def may_write(self):
        """False after the tagged NO."""
        if self.read_only:
            self.tagged(b"NO [READ-ONLY] the mailbox is open for reading")
        return not self.read_only

    # STORE

    def do_STORE(self, numbers, how, *flags):
        self.store(self.chosen(numbers, False)[0], how, flags, [])

    def do_UID_STORE(self, uids, how, *flags):
        self.store(self.chosen(uids, True)[0], how, flags, [b"UID"])

    def store(self, chosen, how, flags, items):
        match = not isinstance(how, list) and re.fullmatch(rb"([+-]?)FLAGS(\.SILENT)?", how.upper())
        flags = flags[0] if flags and isinstance(flags[0], list) else flags
        if not match or any(isinstance(flag, list) for flag in flags):
            raise BadSyntax("not the arguments of STORE")
        if not self.may_write():
            return
        sign, silent = match.groups()
        named = self.box.spelled(decoded(flags))
        flagged = [(mail, self.combined(mail.flags, sign, named)) for _, mail in chosen]
        flagged = [(mail, new) for mail, new in flagged if new != mail.flags]
        if flagged:
            with self.box.changing():
                for mail, new in flagged:
                    self.box.flag(mail, new)
        if not silent:
            self.tell_keywords()
            items = [*items, *[item for item in self.flag_items() if item not in items]]
        elif b"CONDSTORE" in self.enabled: # RFC 7162 3.1.3
            items = [*items, b"MODSEQ"]
        for number, mail in chosen if not silent or b"CONDSTORE" in self.enabled else ():
            self.fetch_one(number, mail, items)
        self.told.update({mail.uid: mail.modseq for _, mail in chosen})
        self.tagged(b"OK done")

    def combined(self, old, sign, named):
        lower = {flag.lower() for flag in named}
        rest = {flag for flag in old if flag.lower() not in lower}
        return rest if sign == b"-" else rest | named if sign == b"+" else named

    # EXPUNGE

    def do_EXPUNGE(self):
        self.expunge(self.chosen(b"1:*", False)[0])

    def do_UID_EXPUNGE(self, uids):
        self.expunge(self.chosen(uids, True)[0])

    def expunge(self, chosen):
        if self.may_write():
            self.expunge_deleted(chosen)
            self.tagged(b"OK done")

    def expunge_deleted(self, chosen):
        uids = [mail.uid for _, mail in chosen if "\\Deleted" in mail.flags]
        if uids:
            self.box.expunge(*uids)

    def do_CLOSE(self):
        if not self.read_only:
            self.expunge_deleted(self.chosen(b"1:*", False)[0])
        self.box = None
        self.tagged(b"OK done")

    # COPY and MOVE

    def do_COPY(self, numbers, name):
        self.copy(self.chosen(numbers, False)[0], name)

    def do_UID_COPY(self, uids, name):
        self.copy(self.chosen(uids, True)[0], name)

    def do_MOVE(self, numbers, name):
        self.move(self.chosen(numbers, False)[0], name)

    def do_UID_MOVE(self, uids, name):
        self.move(self.chosen(uids, True)[0], name)

    def target(self, name):
        """The mailbox that messages may come into; None after the tagged NO."""
        box = self.find(name)
        if box is None:
            self.tagged(b"NO [TRYCREATE] no such mailbox")
        elif not box.selectable or box.read_only:
            self.tagged(b"NO [CANNOT] it takes no messages")
        else:
            return box
        return None

    def room_for(self, mails):
        """False after the tagged NO."""
        if self.has(b"QUOTA") and not self.server.has_room([mail.raw for mail in mails]):
            self.tagged(b"NO [OVERQUOTA] no room")
            return False
        return True

    def copied(self, chosen, target):
        """Returns the response code COPYUID with a space behind it, if there is one to tell."""
        made = [target.add(mail.raw, target.spelled(mail.flags), mail.when, extra=dict(mail.extra)).uid for _, mail in chosen]
        if not made or not self.has(b"UIDPLUS"):
            return b""
        return b"[COPYUID %d %s %s] " % (target.uidvalidity, make_set([mail.uid for _, mail in chosen]), make_set(made))

    def copy(self, chosen, name):
        target = self.target(name)
        if target and self.room_for([mail for _, mail in chosen]):
            self.tagged(b"OK " + self.copied(chosen, target) + b"done")

    def move(self, chosen, name):
        if not self.may_write():
            return
        target = self.target(name)
        if target is None:
            return
        code = self.copied(chosen, target)
        if code:
            self.untagged(b"OK " + code + b"moved")
        if chosen:
            self.box.expunge(*[mail.uid for _, mail in chosen])
        self.tagged(b"OK done")

    # APPEND

    def do_APPEND(self, name, *arguments):
        mails = self.appended(list(arguments))
        target = self.target(name)
        if target is None or not self.room_for(mails):
            return
        if not all(mail.raw for mail in mails):
            self.tagged(b"NO a message of no bytes")
            return
        made = [target.add(mail.raw, target.spelled(mail.flags), mail.when).uid for mail in mails]
        code = b"[APPENDUID %d %s] " % (target.uidvalidity, make_set(made)) if self.has(b"UIDPLUS") else b""
        self.tagged(b"OK " + code + b"done")

    def appended(self, left):
        """The messages in the arguments of APPEND, without UIDs."""
        found = []
        while left:
            flags = decoded(left.pop(0)) if isinstance(left[0], list) else []
            when = parse_date(left.pop(0)) if left and not isinstance(left[0], (list, Literal)) else int(time.time())
            if not left or not isinstance(left[0], Literal) or isinstance(left[0], Literal8) and not self.has(b"BINARY"):
                raise BadSyntax("not the arguments of APPEND")
            found.append(Mail(0, bytes(left.pop(0)), set(flags), when))
        if not found or len(found) > 1 and not self.has(b"MULTIAPPEND"):
            raise BadSyntax("not one message")
        return found
