"""The other side of a test: what another mail client does to an account and sees in it, by imaplib."""
import base64
import calendar
import contextlib
import imaplib
import re
import socket
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
    """A logged-in connection; a context manager that logs out.

    Names of folders are decoded, with the server's separator.  It uses what the server advertises, so it gets along with any.  Between two calls no mailbox is selected.
    """

    def __init__(self, host, port, user, password=PASSWORD, ca=None, tls="implicit"):
        context = ssl.create_default_context(cafile=str(ca)) if ca else None
        if tls == "implicit":
            self.imap = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=120)
        else:
            self.imap = imaplib.IMAP4(host, port, timeout=120)
            if tls == "starttls":
                self.imap.starttls(context)
        self.imap.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) # or an acknowledgement is waited for, 40 ms
        self.imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        self.capabilities = frozenset(self._do(self.imap.capability)[-1].decode("ascii").upper().split())

    @classmethod
    def at(cls, server, user):
        """On a server of ours, without TLS, since only loopback lies between."""
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

    def named(self, path):
        """The server's name for a new folder of ours at @path, whose parts are divided by "/"."""
        line = self._do(self.imap.namespace)[-1]
        prefix, separator = re.match(rb'\(\("([^"]*)" "([^"]*)"', line).groups()
        return prefix.decode() + path.replace("/", separator.decode())

    def create(self, *folders):
        for folder in folders:
            self._do(self.imap.create, self._name(folder))

    def delete(self, folder):
        self._do(self.imap.delete, self._name(folder))

    def rename(self, folder, new):
        self._do(self.imap.rename, self._name(folder), self._name(new))

    def set_rights(self, folder, user, rights):
        """RFC 4314."""
        self._do(self.imap.setacl, self._name(folder), quote(user), rights)

    def set_quota(self, root, units):
        """RFC 9208: of storage, in units of 1024 bytes."""
        self._do(self.imap.setquota, quote(root), f"(STORAGE {units})")

    @contextlib.contextmanager
    def _open(self, folder, writable=False):
        self._do(self.imap.select, self._name(folder), not writable)
        yield
        if "UNSELECT" in self.capabilities:
            self._do(self.imap.unselect)
            return
        if writable: # then CLOSE would expunge
            self._do(self.imap.select, self._name(folder), True)
        self._do(self.imap.close)

    def status(self, folder, item):
        line = self._do(self.imap.status, self._name(folder), f"({item})")[-1]
        line = line[1] if isinstance(line, tuple) else line
        return int(re.search(item.encode() + rb" (\d+)", line).group(1))

    def uidvalidity(self, folder):
        return self.status(folder, "UIDVALIDITY")

    # Messages

    def append(self, folder, items):
        """@items: bytes or Message, in this order, in as few commands as is sensible.  Their UIDs, if it tells."""
        limit = 500 if {"MULTIAPPEND", "LITERAL+"} <= self.capabilities else 1
        batch, size, uids = [], 0, []
        for item in items:
            item = Message(bytes(item)) if isinstance(item, (bytes, bytearray)) else item
            batch.append(item)
            size += len(item.raw)
            if size >= BATCH_BYTES or len(batch) >= limit:
                uids += self._append(folder, batch)
                batch, size = [], 0
        if batch:
            uids += self._append(folder, batch)
        return uids

    def append_one(self, folder, raw, *flags, when=messages.BASE_TIME):
        """@flags as in store().  Its UID, if the server tells."""
        uids = self.append(folder, [Message(bytes(raw), frozenset(flags), when)])
        return uids[0] if uids else None

    def _append(self, folder, batch):
        imap = self.imap
        tag = imap._new_tag()
        imap.tagged_commands[tag] = None
        pieces = [tag + b" APPEND " + self._name(folder).encode("ascii")]
        plus = "+" if "LITERAL+" in self.capabilities else ""
        for item in batch:
            flags, date = " ".join(sorted(item.flags)), messages.imap_date(item.when)
            pieces.append(f' ({flags}) "{date}" {{{len(item.raw)}{plus}}}\r\n'.encode())
            if not plus: # and so this is the only message
                imap.send(b"".join(pieces))
                pieces = []
                while imap._get_response(): # nothing is a request to go on
                    if imap.tagged_commands[tag]:
                        self._answer(folder, tag)
            pieces.append(item.raw)
        pieces.append(b"\r\n")
        imap.send(b"".join(pieces))
        self._answer(folder, tag)
        return self._told("APPENDUID")

    def _answer(self, folder, tag):
        kind, data = self.imap._command_complete("APPEND", tag)
        if kind != "OK":
            raise RuntimeError(f"APPEND {folder}: {data}")

    def store(self, folder, uids, how, *flags):
        """@how: +FLAGS, -FLAGS or FLAGS."""
        with self._open(folder, True):
            self._do(self.imap.uid, "STORE", _set(uids), how, f"({' '.join(flags)})")

    def expunge(self, folder, uids):
        """These messages only, whatever else is marked."""
        with self._open(folder, True):
            self._expunge(uids)

    def _expunge(self, uids):
        self._do(self.imap.uid, "STORE", _set(uids), "+FLAGS.SILENT", "(\\Deleted)")
        self._do(self.imap.uid, "EXPUNGE", _set(uids))

    def copy(self, folder, uids, target):
        """The UIDs of the copies, if the server tells."""
        with self._open(folder):
            return self._copy(uids, target)

    def _copy(self, uids, target):
        self._do(self.imap.uid, "COPY", _set(uids), self._name(target))
        return self._told("COPYUID")

    def move(self, folder, uids, target):
        """The UIDs there, if the server tells."""
        with self._open(folder, True):
            if "MOVE" not in self.capabilities:
                there = self._copy(uids, target)
                self._expunge(uids)
                return there
            self._do(self.imap.uid, "MOVE", _set(uids), self._name(target))
            return self._told("COPYUID")

    def _told(self, code):
        """The UIDs at the end of the response codes @code since this was last asked."""
        found = []
        for text in self.imap.response(code)[1]:
            for run in text.decode("ascii").split()[-1].split(",") if text else []:
                first, _, last = run.partition(":")
                found += range(int(first), int(last or first) + 1)
        return found

    def uids(self, folder):
        with self._open(folder):
            return [int(uid) for uid in (self._do(self.imap.uid, "SEARCH", "ALL")[0] or b"").split()]

    def flags(self, folder):
        """{uid: flags}"""
        found = {}
        with self._open(folder):
            for line in self._do(self.imap.uid, "FETCH", "1:*", "(FLAGS)"):
                if line:
                    found[_uid(line)] = _flags(line)
        return found

    def read(self, folder):
        """{uid: Message} as FETCH BODY.PEEK[] gives it."""
        found = {}
        with self._open(folder):
            data = self._do(self.imap.uid, "FETCH", "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
        for piece, after in zip(data, [*data[1:], None]):
            if isinstance(piece, tuple):
                # Some items may come behind the literal.
                head, raw = piece[0] + (after if isinstance(after, bytes) else b""), piece[1]
            elif piece and re.search(rb'BODY\[\] (NIL|"")', piece):
                head, raw = piece, b""
            else:
                continue
            found[_uid(head)] = Message(raw, _flags(head), _epoch(head))
        return found

    def read_all(self):
        """{path in the tree: {uid: Message}} of every folder that can be selected."""
        return {each.path: self.read(each.name) for each in self.folders() if each.selectable}

    def contents(self):
        """{path in the tree: {uid: (flags, bytes)}}: what two clients of an account must agree on."""
        return {path: {uid: (mail.flags, mail.raw) for uid, mail in mails.items()}
                for path, mails in self.read_all().items()}

    @contextlib.contextmanager
    def idle(self, folder):
        """An Idle, which has begun when this returns."""
        with self._open(folder):
            idle = Idle(self.imap)
            yield idle
            idle.done()


class Idle:
    """What the server tells an idling client, line by line."""

    def __init__(self, imap):
        self._imap = imap
        self._tag = imap._new_tag()
        self.lines = [] # all so far, without line ends
        imap.send(self._tag + b" IDLE\r\n")
        self.wait(rb"^\+")

    def wait(self, pattern, timeout=60):
        """The next line that @pattern matches.  After a TimeoutError the connection is of no use any more."""
        deadline = time.monotonic() + timeout
        before = self._imap.sock.gettimeout()
        try:
            while True:
                self._imap.sock.settimeout(max(deadline - time.monotonic(), 0.001))
                line = self._imap.readline()
                if not line:
                    raise ConnectionError("the server hung up")
                self.lines.append(line.rstrip(b"\r\n"))
                if re.search(pattern, self.lines[-1]):
                    return self.lines[-1]
        finally:
            self._imap.sock.settimeout(before)

    def done(self):
        self._imap.send(b"DONE\r\n")
        self.wait(b"^" + self._tag + b" OK")


def _uid(head):
    return int(re.search(rb"\bUID (\d+)", head).group(1))


def _flags(head):
    return frozenset(re.search(rb"FLAGS \((.*?)\)", head).group(1).decode("ascii").split()) - {"\\Recent"}


def _set(uids):
    return ",".join(map(str, [uids] if isinstance(uids, int) else uids))


def _epoch(head):
    text = re.search(rb'INTERNALDATE "([^"]+)"', head).group(1).decode("ascii")
    zone = int(text[-5:])
    offset = (abs(zone) // 100 * 3600 + abs(zone) % 100 * 60) * (1 if zone >= 0 else -1)
    return calendar.timegm(time.strptime(text[:-6].strip(), "%d-%b-%Y %H:%M:%S")) - offset
