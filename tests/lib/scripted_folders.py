"""The scripted server's commands about mailboxes as a whole: LIST (RFC 3501, 5258, 5819, 6154, 8440), STATUS, CREATE and so on,
NAMESPACE, QUOTA (RFC 9208)."""
from .imapsyntax import BadSyntax, pattern, quote
from .scripted_boxes import Refused
from .scripted_rights import Rights

LIST_EXTENDED = (b"LIST-EXTENDED", b"LIST-STATUS", b"SPECIAL-USE")
STATUS_NEEDS = {b"HIGHESTMODSEQ": b"CONDSTORE", b"SIZE": b"STATUS=SIZE", b"MAILBOXID": b"OBJECTID"}
USES = {each.lower(): each for each in ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash")}


def words(options):
    return [option.upper() for option in options if not isinstance(option, list)]


class Folders(Rights):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._listing = () # the return options of the LIST that is being answered

    def separator(self):
        return quote(self.server.separator) if self.server.separator else b"NIL"

    def do_NAMESPACE(self):
        self.untagged(b"NAMESPACE " + self.namespace())
        self.tagged(b"OK done")

    def namespace(self):
        return b'(("" ' + self.separator() + b")) NIL NIL"

    # LIST

    def do_LIST(self, *arguments):
        self.list_boxes(b"LIST", *arguments)

    def do_LSUB(self, reference, name):
        self.list_boxes(b"LSUB", reference, name)

    def list_boxes(self, kind, *arguments):
        arguments = list(arguments)
        select = words(arguments.pop(0)) if arguments and isinstance(arguments[0], list) else []
        if len(arguments) not in (2, 4) or len(arguments) == 4 and (arguments[2].upper() != b"RETURN" or not isinstance(arguments[3], list)):
            raise BadSyntax("not the arguments of LIST")
        options = arguments[3] if len(arguments) == 4 else []
        if (select or len(arguments) == 4 or isinstance(arguments[1], list)) and not any(self.has(each) for each in LIST_EXTENDED) or \
                b"STATUS" in words(options) and not self.has(b"LIST-STATUS") or \
                b"MYRIGHTS" in words(options) and not self.has(b"LIST-MYRIGHTS"):
            raise BadSyntax("no extended LIST here")
        reference, patterns = arguments[0], arguments[1] if isinstance(arguments[1], list) else [arguments[1]]
        if patterns == [b""]:
            self.untagged(kind + b" (\\Noselect) " + self.separator() + b' ""')
        else:
            wanted = [pattern(reference + each, self.server.separator) for each in patterns]
            self._listing = [*words(options), *([b"SUBSCRIBED"] if b"SUBSCRIBED" in select else [])]
            self.list_found(kind, select, options, lambda name: any(each.match(name) for each in wanted))
            self._listing = ()
        self.tagged(b"OK done")

    def list_found(self, kind, select, options, wanted):
        subscribed = self.server.subscribed if kind == b"LSUB" or b"SUBSCRIBED" in select else None
        for box in list(self.server.boxes.values()):
            if not wanted(box.name) or subscribed is not None and box.name not in subscribed or \
                    b"SPECIAL-USE" in select and not any(each.lower() in USES for each in box.attributes):
                continue
            self.untagged(self.list_line(kind, box))
            if b"MYRIGHTS" in words(options) and box.selectable:
                self.untagged(self.rights_line(box))
            for index, option in enumerate(options):
                if not isinstance(option, list) and option.upper() == b"STATUS" and box.selectable:
                    self.untagged(self.status_line(box, self.status_wanted(options[index + 1])))
        for name in sorted(subscribed or ()):
            if wanted(name) and self.server.find(name) is None:
                attributes = b"\\Noselect" if kind == b"LSUB" else b"\\Subscribed \\NonExistent"
                self.untagged(kind + b" (" + attributes + b") " + self.separator() + b" " + quote(name))

    def list_line(self, kind, box):
        return kind + b" (" + " ".join(self.list_attributes(box)).encode() + b") " + self.separator() + b" " + quote(box.name)

    def list_attributes(self, box):
        found = list(box.attributes)
        if b"SUBSCRIBED" in self._listing and box.name in self.server.subscribed:
            found.append("\\Subscribed")
        if b"CHILDREN" in self._listing:
            found.append("\\HasChildren" if self.server.children(box.name) else "\\HasNoChildren")
        return found

    def find(self, name):
        if isinstance(name, list):
            raise BadSyntax("a list is no name")
        return self.server.find(name)

    # STATUS

    def do_STATUS(self, name, items):
        box = self.find(name)
        items = self.status_wanted(items)
        if box is None or not box.selectable:
            self.tagged(b"NO [NONEXISTENT] no such mailbox")
            return
        self.untagged(self.status_line(box, items))
        self.tagged(b"OK done")

    def status_wanted(self, items):
        """@items, if this server has them all."""
        if not isinstance(items, list) or any(item.upper() in STATUS_NEEDS and not self.has(STATUS_NEEDS[item.upper()]) for item in items):
            raise BadSyntax("unknown items of STATUS")
        if b"HIGHESTMODSEQ" in words(items):
            self.enabled.add(b"CONDSTORE")
        return items

    def status_line(self, box, items):
        values = {b"MESSAGES": len(box.mails), b"UIDNEXT": box.uidnext, b"UIDVALIDITY": box.uidvalidity, b"RECENT": 0,
                  b"UNSEEN": sum("\\Seen" not in mail.flags for mail in box.mails),
                  b"DELETED": sum("\\Deleted" in mail.flags for mail in box.mails),
                  b"HIGHESTMODSEQ": box.modseq, b"SIZE": sum(len(mail.raw) for mail in box.mails)}
        shown = {name: b"%d" % value for name, value in values.items()}
        shown[b"MAILBOXID"] = b"(" + box.id + b")"
        return b"STATUS " + quote(box.name) + b" (" + b" ".join(
            item.upper() + b" " + shown[item.upper()] for item in items if item.upper() in shown) + b")"

    # Changes

    def answer(self, change, *arguments):
        """Does what may be refused.  Returns what it gave, or None after the tagged NO."""
        try:
            return change(*arguments) or True
        except Refused as refused:
            self.tagged(refused.answer)
            return None

    def do_CREATE(self, name, parameters=()):
        use = []
        if parameters:
            if not self.has(b"CREATE-SPECIAL-USE") or len(parameters) != 2 or parameters[0].upper() != b"USE":
                raise BadSyntax("unknown parameters of CREATE")
            use = [USES.get(each.decode("ascii", "replace").lower()) for each in parameters[1]]
            if None in use:
                self.tagged(b"NO [USEATTR] unknown use")
                return
        if (box := self.answer(self.server.create, name, use)):
            self.tagged((b"OK [MAILBOXID (" + box.id + b")] done") if self.has(b"OBJECTID") else b"OK done")

    def do_DELETE(self, name):
        box = self.find(name)
        if self.answer(self.server.remove, name):
            if box is self.box:
                self.box = None
            self.tagged(b"OK done")

    def do_RENAME(self, name, new):
        if self.answer(self.server.rename, name, new):
            self.tagged(b"OK done")

    def do_SUBSCRIBE(self, name):
        if self.find(name) is None:
            self.tagged(b"NO [NONEXISTENT] no such mailbox")
            return
        self.server.subscribed.add(self.find(name).name)
        self.server.changed()
        self.tagged(b"OK done")

    def do_UNSUBSCRIBE(self, name):
        self.server.subscribed.discard(self.find(name).name if self.find(name) else bytes(name))
        self.server.changed()
        self.tagged(b"OK done")

    # QUOTA

    def do_GETQUOTA(self, root):
        if root != b"":
            self.tagged(b"NO no such quota root")
            return
        self.untagged(b'QUOTA "" (' + self.quota() + b")")
        self.tagged(b"OK done")

    def do_GETQUOTAROOT(self, name):
        if self.find(name) is None:
            self.tagged(b"NO [NONEXISTENT] no such mailbox")
            return
        self.untagged(b"QUOTAROOT " + quote(name) + b' ""')
        self.untagged(b'QUOTA "" (' + self.quota() + b")")
        self.tagged(b"OK done")

    def quota(self):
        usage = self.server.usage()
        return b" ".join(b"%s %d %d" % (name, usage[name], limit) for name, limit in self.server.quota.items())
