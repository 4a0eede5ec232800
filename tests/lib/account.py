"""The other side of a test: what another mail client does to an account and sees in it, by imaplib."""
import base64
import calendar
import imaplib
import re
import ssl
import time
from dataclasses import dataclass

from . import messages
from .dovecot import PASSWORD

imaplib._MAXLINE = 100_000_000 # one line of a large account
BATCH_BYTES = 8_000_000        # of one MULTIAPPEND


def utf7_encode(name):
    """Modified UTF-7 (RFC 3501 5.1.3)."""
    def one(match):
        run = match.group()
        if run == "&":
            return "&-"
        return "&" + base64.b64encode(run.encode("utf-16-be")).decode("ascii").rstrip("=").replace("/", ",") + "-"
    return re.sub(r"&|[^ -~]+", one, name)


def utf7_decode(name):
    def one(match):
        coded = match.group(1).replace(",", "/")
        return base64.b64decode(coded + "=" * (-len(coded) % 4)).decode("utf-16-be") if coded else "&"
    return re.sub(r"&([^-]*)-", one, name)


def quote(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True)
class Folder:
    name: str          # decoded, with the server's separator
    separator: str     # "" if there is none
    attributes: frozenset

    @property
    def path(self):
        """As people see it in the tree."""
        return self.name.replace(self.separator, "/") if self.separator else self.name

    @property
    def selectable(self):
        return not self.attributes & {"\\noselect", "\\nonexistent"}


@dataclass(frozen=True)
class Message:
    raw: bytes
    flags: frozenset = frozenset()
    when: int = messages.BASE_TIME # INTERNALDATE


class Account:
    """A logged-in connection.  Names of folders are decoded; a context manager that logs out."""

    def __init__(self, host, port, user, password=PASSWORD, ca=None, tls="implicit"):
        context = ssl.create_default_context(cafile=str(ca)) if ca else None
        if tls == "implicit":
            self.imap = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=120)
        else:
            self.imap = imaplib.IMAP4(host, port, timeout=120)
            if tls == "starttls":
                self.imap.starttls(context)
        self.imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        self._selected = None

    @classmethod
    def at(cls, server, user):
        """On a Dovecot of ours, without TLS, since only loopback lies between."""
        return cls("127.0.0.1", server.plain_port, user, server.password, tls="none")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.imap.logout()
        except (OSError, imaplib.IMAP4.error):
            pass

    def _do(self, method, *arguments):
        kind, data = method(*arguments)
        if kind != "OK":
            raise RuntimeError(f"{method.__name__} {arguments}: {data}")
        return data

    def _name(self, folder):
        return quote(utf7_encode(folder))

    # Folders

    def folders(self):
        found = []
        for line in self._do(self.imap.list):
            if line is None or line == b"":
                continue
            # A name that is a literal comes as a pair.
            text = line[0] + b"\r\n" + line[1] if isinstance(line, tuple) else line
            match = re.match(rb'\((.*?)\) (NIL|"(?:[^"\\]|\\.)*") (.*)$', text, re.S | re.I)
            attributes, separator, name = match.groups()
            if name.startswith(b"{"):
                name = name.partition(b"\r\n")[2]
            elif name.startswith(b'"'):
                name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
            separator = "" if separator.upper() == b"NIL" else re.sub(rb"\\(.)", rb"\1", separator[1:-1]).decode()
            found.append(Folder(utf7_decode(name.decode("ascii", "surrogateescape")), separator,
                                frozenset(attributes.decode("ascii").lower().split())))
        return found

    def create(self, *folders):
        for folder in folders:
            self._do(self.imap.create, self._name(folder))

    def delete(self, folder):
        self._unselect()
        self._do(self.imap.delete, self._name(folder))

    def rename(self, folder, new):
        self._unselect()
        self._do(self.imap.rename, self._name(folder), self._name(new))

    def _select(self, folder, writable=False):
        self._do(self.imap.select, self._name(folder), not writable)
        self._selected = folder

    def _unselect(self):
        if self._selected is not None:
            self._do(self.imap.unselect)
            self._selected = None

    def status(self, folder, item):
        line = self._do(self.imap.status, self._name(folder), f"({item})")[-1]
        line = line[1] if isinstance(line, tuple) else line
        return int(re.search(item.encode() + rb" (\d+)", line).group(1))

    def uidvalidity(self, folder):
        return self.status(folder, "UIDVALIDITY")

    # Messages

    def append(self, folder, items):
        """@items: bytes or Message, appended in this order in as few commands as is sensible."""
        batch, size = [], 0
        for item in items:
            item = Message(bytes(item)) if isinstance(item, (bytes, bytearray)) else item
            batch.append(item)
            size += len(item.raw)
            if size >= BATCH_BYTES or len(batch) >= 500:
                self._append(folder, batch)
                batch, size = [], 0
        if batch:
            self._append(folder, batch)

    def _append(self, folder, batch):
        imap = self.imap
        tag = imap._new_tag()
        pieces = [tag + b" APPEND " + self._name(folder).encode("ascii")]
        for item in batch:
            pieces.append(f" ({' '.join(sorted(item.flags))}) \"{messages.imap_date(item.when)}\" {{{len(item.raw)}+}}\r\n".encode())
            pieces.append(item.raw)
        pieces.append(b"\r\n")
        imap.tagged_commands[tag] = None
        imap.send(b"".join(pieces))
        kind, data = imap._command_complete("APPEND", tag)
        if kind != "OK":
            raise RuntimeError(f"APPEND {folder}: {data}")

    def store(self, folder, uids, how, *flags):
        """@how: +FLAGS, -FLAGS or FLAGS."""
        self._select(folder, True)
        self._do(self.imap.uid, "STORE", _set(uids), how, f"({' '.join(flags)})")
        self._unselect()

    def expunge(self, folder, uids):
        self._select(folder, True)
        self._do(self.imap.uid, "STORE", _set(uids), "+FLAGS.SILENT", "(\\Deleted)")
        self._do(self.imap.uid, "EXPUNGE", _set(uids))
        self._unselect()

    def move(self, folder, uids, target):
        self._select(folder, True)
        self._do(self.imap.uid, "MOVE", _set(uids), self._name(target))
        self._unselect()

    def uids(self, folder):
        self._select(folder)
        found = [int(uid) for uid in (self._do(self.imap.uid, "SEARCH", "ALL")[0] or b"").split()]
        self._unselect()
        return found

    def read(self, folder):
        """{uid: Message} as FETCH BODY.PEEK[] gives it."""
        self._select(folder)
        found = {}
        for piece in self._do(self.imap.uid, "FETCH", "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])"):
            if isinstance(piece, tuple):
                head, raw = piece
            elif piece and re.search(rb'BODY\[\] (NIL|"")', piece):
                head, raw = piece, b""
            else:
                continue
            uid = int(re.search(rb"\bUID (\d+)", head).group(1))
            flags = re.search(rb"FLAGS \((.*?)\)", head).group(1).decode("ascii").split()
            found[uid] = Message(raw, frozenset(flags) - {"\\Recent"}, _epoch(head))
        self._unselect()
        return found

    def read_all(self):
        """{path in the tree: {uid: Message}} of every folder that can be selected."""
        return {each.path: self.read(each.name) for each in self.folders() if each.selectable}


def _set(uids):
    return ",".join(map(str, [uids] if isinstance(uids, int) else uids))


def _epoch(head):
    text = re.search(rb'INTERNALDATE "([^"]+)"', head).group(1).decode("ascii")
    zone = int(text[-5:])
    offset = (abs(zone) // 100 * 3600 + abs(zone) % 100 * 60) * (1 if zone >= 0 else -1)
    return calendar.timegm(time.strptime(text[:-6].strip(), "%d-%b-%Y %H:%M:%S")) - offset
