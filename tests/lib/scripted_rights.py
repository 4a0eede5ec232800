"""The scripted server's rights (RFC 4314, 8440): what it tells of them, and what it refuses for want of them."""
from .imapsyntax import quote
from .scripted_connection import Connection

STORE_NEEDS = {b"\\SEEN": "s", b"\\DELETED": "t"} # other flags: w


def flags_in(arguments):
    """The flags that STORE names, in upper case."""
    found = arguments[2:]
    return [flag.upper() for flag in (found[0] if found and isinstance(found[0], list) else found)]


class Rights(Connection):
    """Mailbox.rights is what everybody has."""

    def do_MYRIGHTS(self, name):
        box = self.server.find(name)
        if box is None or not box.selectable:
            self.tagged(b"NO [NONEXISTENT] no such mailbox")
            return
        self.untagged(self.rights_line(box))
        self.tagged(b"OK done")

    def rights_line(self, box):
        return b"MYRIGHTS " + quote(box.name) + b" " + quote(box.rights.encode("ascii"))

    def refused_rights(self, name, arguments):
        """The tagged answer to the command @name in place of doing it, or None."""
        if not self.has(b"ACL"):
            return None
        for box, rights in self.needed(name.removeprefix(b"UID "), arguments):
            if box is not None and not set(rights) <= set(box.rights):
                return b"NO [NOPERM] not with these rights"
        return None

    def needed(self, name, arguments):
        """[(Mailbox or None, the rights that the command needs in it)]"""
        find, superior = self.server.find, self.superior
        if name in (b"SELECT", b"EXAMINE", b"STATUS"):
            return [(find(arguments[0]), "r")]
        if name == b"APPEND":
            return [(find(arguments[0]), "i")]
        if name == b"STORE":
            return [(self.box, "".join(STORE_NEEDS.get(flag, "w") for flag in flags_in(arguments)))]
        if name == b"COPY":
            return [(find(arguments[1]), "i")]
        if name == b"MOVE":
            return [(self.box, "te"), (find(arguments[1]), "i")]
        if name == b"EXPUNGE":
            return [(self.box, "e")]
        if name == b"CREATE":
            return [(superior(arguments[0]), "k")]
        if name == b"DELETE":
            return [(find(arguments[0]), "x")]
        if name == b"RENAME":
            return [(find(arguments[0]), "x"), (superior(arguments[1]), "k")]
        return []

    def superior(self, name):
        return self.server.find(bytes(name).rpartition(self.server.separator)[0]) if self.server.separator else None
