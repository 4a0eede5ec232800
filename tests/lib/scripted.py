"""An IMAP server that can be any server, and misbehave.

It is a small real one: mailboxes in memory, as many connections as come, TLS or STARTTLS or neither.  A quirk is a
subclass of Session that changes one thing, mostly in outgoing(), which sees each response before it is sent:

    class WrongSizes(Session):
        def outgoing(self, response):
            return response.replace(b"RFC822.SIZE ", b"RFC822.SIZE 9")

Faults that need no thought (cut at line N, stall, …) are attributes of the server.
"""
import base64
import re
import socket
import ssl
import struct
import threading
import zlib
from dataclasses import dataclass, field

from . import messages
from .account import utf7_encode
from .imapsyntax import BadSyntax, in_set, literal, make_set, parse_arguments, pattern, quote

USER, PASSWORD = "alice@example.org", 'Kůň"3\\4'

REV1 = "IMAP4rev1 SASL-IR LITERAL+ NAMESPACE"
CONDSTORE = REV1 + " ENABLE CONDSTORE UIDPLUS ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE CHILDREN"
QRESYNC = CONDSTORE + " QRESYNC"


class Cut(Exception):
    """Ends this connection at once."""


@dataclass
class Mail:
    uid: int
    raw: bytes
    flags: set = field(default_factory=set)
    when: int = messages.BASE_TIME
    modseq: int = 1
    extra: dict = field(default_factory=dict) # more FETCH items: {b"X-GM-MSGID": b"123"}


class Mailbox:
    def __init__(self, name, attributes=(), uidvalidity=1000):
        self.name = name if isinstance(name, bytes) else utf7_encode(name).encode("ascii") # as on the wire
        self.attributes = list(attributes)
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.modseq = 1
        self.mails = []
        self.gone = {} # uid: the mod-sequence of its end

    @property
    def selectable(self):
        return not {"\\noselect", "\\nonexistent"} & {each.lower() for each in self.attributes}

    def add(self, raw, flags=(), when=messages.BASE_TIME, uid=None, **extra):
        """Returns the new Mail."""
        self.modseq += 1
        mail = Mail(uid or self.uidnext, raw, set(flags), when, self.modseq, extra.get("extra", {}))
        self.uidnext = mail.uid + 1
        self.mails.append(mail)
        return mail

    def expunge(self, *uids):
        self.modseq += 1
        self.gone.update({mail.uid: self.modseq for mail in self.mails if mail.uid in uids})
        self.mails = [mail for mail in self.mails if mail.uid not in uids]

    def set_flags(self, uid, *flags):
        self.modseq += 1
        for mail in self.mails:
            if mail.uid == uid:
                mail.flags, mail.modseq = set(flags), self.modseq

    def renumber(self, uidvalidity):
        """The same messages under a new UIDVALIDITY."""
        self.uidvalidity = uidvalidity
        self.gone = {}
        self.uidnext = 1
        for mail in self.mails:
            mail.uid, mail.modseq = self.uidnext, self.modseq
            self.uidnext += 1


class Server:
    """Listens on a port of the loopback address.  Use it as a context manager; account() gives what reaches it."""

    def __init__(self, session=None, tls="none", certificate=None, capability=REV1, separator=b"/", user=USER,
                 password=PASSWORD, context=None, host="127.0.0.1"):
        self.session_class = session or Session
        self.tls = tls # implicit, starttls, none
        self.context = context
        if tls != "none" and context is None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate.cert, certificate.key)
        self.capability = capability.encode("ascii")
        self.separator = separator
        self.user, self.password = user, password
        self.boxes = {}
        self.add("INBOX")
        self.log = []             # (connection, "C" or "S", bytes), in the order of their passing
        self.lines_out = 0        # by all connections
        self.bytes_out = 0
        self.cut_at_line = None   # once so many lines were sent, every connection is ended and
        self.cut_at_byte = None   # no further one is served, until mend()
        self.cut_reset = False
        self.stall_at_line = None # nothing more is said, and nobody hung up on
        self.on_cut = None        # called instead of ending the connections, once
        self.dead = False
        self.lock = threading.RLock()
        self._sessions = []
        self._closing = threading.Event()
        self._listener = socket.create_server((host, 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._closing.set()
        self._listener.close()
        self.drop()
        for thread in self._threads[1:]:
            thread.join(5)

    def drop(self, reset=False):
        for each in list(self._sessions):
            each.hang_up(reset)

    def mend(self):
        self.cut_at_line = self.cut_at_byte = self.stall_at_line = None
        self.dead = False

    def account(self, **more):
        """The keys of an [account] section."""
        return {"host": "localhost", "port": self.port, "tls": self.tls, "user": self.user, **more}

    def add(self, name, mails=(), attributes=(), uidvalidity=1000):
        box = Mailbox(name, attributes, uidvalidity)
        for raw in mails:
            box.add(raw)
        self.boxes[box.name] = box
        return box

    def box(self, name):
        return self.boxes[name if isinstance(name, bytes) else utf7_encode(name).encode("ascii")]

    def commands(self, name=None):
        """What clients sent (without tags), of those that begin with @name."""
        lines = [line.partition(b" ")[2].strip() for _, who, line in list(self.log) if who == "C"]
        return [line for line in lines if name is None or line.upper().startswith(name)]

    def transcript(self, limit=200):
        """The last lines, for a person."""
        return "\n".join(f"{number} {who}: {line[:limit]!r}" for number, who, line in list(self.log)[-limit:])

    def _accept(self):
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self.dead or self._closing.is_set():
                connection.close()
                continue
            number += 1
            session = self.session_class(self, connection, number)
            self._sessions.append(session)
            thread = threading.Thread(target=session.serve, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _sending(self, data):
        """What may be sent of @data.  Called with the lock held."""
        cut = None
        if self.cut_at_line is not None and self.lines_out + data.count(b"\n") >= self.cut_at_line:
            cut = 0
            for _ in range(self.cut_at_line - self.lines_out):
                cut = data.index(b"\n", cut) + 1
        if self.cut_at_byte is not None and self.bytes_out + len(data) >= self.cut_at_byte:
            cut = self.cut_at_byte - self.bytes_out
        if cut is not None and self.on_cut:
            self.cut_at_line = self.cut_at_byte = None
            self.on_cut()
        elif cut is not None:
            data, self.dead = data[:cut], True
        self.lines_out += data.count(b"\n")
        self.bytes_out += len(data)
        return data


class Session:
    """One connection, in a thread of its own.  Every method may be overridden."""

    def __init__(self, server, connection, number):
        self.server = server
        self.number = number
        self.secure = False
        self.user = None
        self.box = None
        self.enabled = set()
        self.tag = b"*"
        self._connection = connection
        self._buffer = b""
        self._inflate = self._deflate = None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(120)

    # What is sent

    def greeting(self):
        return b"* OK [CAPABILITY " + self.capabilities() + b"] scripted server ready\r\n"

    def capabilities(self):
        words = self.server.capability
        if self.server.tls == "starttls" and not self.secure:
            words += b" STARTTLS"
        if self.user is None:
            words += b" AUTH=PLAIN"
        return words

    def outgoing(self, response):
        """One whole response with its literals and CRLF.  Returns what is sent in its place: bytes, maybe none."""
        return response

    def respond(self, response):
        response = self.outgoing(response)
        if response:
            self.send(response)

    def send(self, data):
        """As it is."""
        server = self.server
        with server.lock:
            if server.dead:
                raise Cut
            if server.stall_at_line is not None and server.lines_out >= server.stall_at_line:
                self.stall()
            server.log.append((self.number, "S", data))
            data = server._sending(data)
        try:
            self._connection.sendall(self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                                     if self._deflate else data)
        except OSError:
            raise Cut from None
        if server.dead:
            server.drop(server.cut_reset)
            raise Cut

    def stall(self):
        """Says nothing until the other side or the test ends it."""
        self.server.lock.release()
        try:
            while not self.server._closing.wait(0.05):
                try:
                    self._connection.setblocking(False)
                    if self._connection.recv(65536) == b"":
                        break
                except (BlockingIOError, ssl.SSLWantReadError):
                    pass
                except OSError:
                    break
        finally:
            self.server.lock.acquire()
        raise Cut

    def untagged(self, text):
        self.respond(b"* " + text + b"\r\n")

    def tagged(self, text):
        self.respond(self.tag + b" " + text + b"\r\n")

    # What is received

    def receive(self):
        """More bytes into the buffer; Cut when there are none."""
        try:
            data = self._connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise Cut
        self._buffer += self._inflate.decompress(data) if self._inflate else data

    def read_line(self):
        while b"\n" not in self._buffer:
            if len(self._buffer) > 10_000_000:
                raise Cut
            self.receive()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"

    def read_bytes(self, count):
        while len(self._buffer) < count:
            self.receive()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def read_command(self):
        """(tag, name, text of the arguments with {n} for literals, literals)."""
        text, literals = self.read_line(), []
        while (match := re.search(rb"\{(\d+)([+-]?)\}\r?\n$", text)):
            if not match.group(2):
                self.respond(b"+ go on\r\n")
            literals.append(self.read_bytes(int(match.group(1))))
            text += self.read_line()
        shown = re.sub(rb"(?i)^(\S+ (?:LOGIN|AUTHENTICATE \S+) ).*", rb"\1***", text, flags=re.S)
        with self.server.lock:
            self.server.log.append((self.number, "C", shown))
        tag, _, rest = re.sub(rb"\r?\n\Z", b"", text).partition(b" ")
        name, _, arguments = rest.partition(b" ")
        if name.upper() == b"UID":
            second, _, arguments = arguments.partition(b" ")
            name += b" " + second
        return tag, name.upper(), arguments, literals

    # The course of a connection

    def serve(self):
        try:
            if self.server.tls == "implicit":
                self.start_tls()
            self.send(self.greeting())
            while True:
                self.tag, name, arguments, literals = self.read_command()
                self.command(name, arguments, literals)
        except (Cut, OSError, ssl.SSLError):
            pass
        finally:
            self.hang_up()

    def start_tls(self):
        self._connection = self.server.context.wrap_socket(self._connection, server_side=True)
        self.secure = True
        self._buffer = b""

    def hang_up(self, reset=False):
        try:
            if reset:
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
        except OSError:
            pass
        self._connection.close()

    def command(self, name, arguments, literals):
        method = getattr(self, "do_" + name.decode("ascii", "replace").replace(" ", "_"), None)
        if method is None:
            self.tagged(b"BAD unknown command " + name)
            return
        try:
            parsed = parse_arguments(arguments, literals)
        except (BadSyntax, IndexError) as error:
            self.tagged(b"BAD " + str(error).encode())
            return
        if self.user is None and name not in (b"CAPABILITY", b"NOOP", b"LOGOUT", b"ID", b"STARTTLS", b"LOGIN", b"AUTHENTICATE"):
            self.tagged(b"NO log in first")
            return
        with self.server.lock:
            method(*parsed)

    # Any state

    def do_CAPABILITY(self):
        self.untagged(b"CAPABILITY " + self.capabilities())
        self.tagged(b"OK done")

    def do_NOOP(self):
        self.tagged(b"OK done")

    do_CHECK = do_NOOP

    def do_ID(self, *_):
        self.untagged(b'ID ("name" "scripted" "version" "1")')
        self.tagged(b"OK done")

    def do_LOGOUT(self):
        self.untagged(b"BYE logging out")
        self.tagged(b"OK done")
        raise Cut

    # Not authenticated

    def do_STARTTLS(self):
        if self.server.tls != "starttls":
            self.tagged(b"BAD no TLS here")
            return
        self.tagged(b"OK begin")
        self.start_tls()

    def do_LOGIN(self, user, password):
        self.login(user.decode("utf-8", "replace"), password.decode("utf-8", "replace"))

    def do_AUTHENTICATE(self, mechanism, initial=None):
        if mechanism.upper() != b"PLAIN":
            self.tagged(b"NO unknown mechanism")
            return
        if initial is None:
            self.respond(b"+ \r\n")
            initial = self.read_line().strip()
        try:
            _, user, password = base64.b64decode(initial).decode("utf-8", "replace").split("\0")
        except ValueError:
            self.tagged(b"BAD not base64 of three words")
            return
        self.login(user, password)

    def login(self, user, password):
        if (user, password) == (self.server.user, self.server.password):
            self.user = user
            self.logged_in()
        else:
            self.tagged(b"NO [AUTHENTICATIONFAILED] Invalid credentials")

    def logged_in(self):
        self.tagged(b"OK [CAPABILITY " + self.capabilities() + b"] Logged in")

    # Authenticated

    def do_ENABLE(self, *names):
        known = [name.upper() for name in names if name.upper() in self.server.capability.upper().split()]
        self.enabled.update(known)
        if b"QRESYNC" in known:
            self.enabled.add(b"CONDSTORE")
        self.untagged(b"ENABLED" + b"".join(b" " + name for name in known))
        self.tagged(b"OK done")

    def do_COMPRESS(self, _):
        if b"COMPRESS=DEFLATE" not in self.server.capability.upper().split():
            self.tagged(b"BAD unknown")
            return
        self.tagged(b"OK deflate")
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        self._inflate = zlib.decompressobj(-15)
        if self._buffer:
            self._buffer = self._inflate.decompress(self._buffer)

    def do_NAMESPACE(self):
        self.untagged(b"NAMESPACE " + self.namespace())
        self.tagged(b"OK done")

    def namespace(self):
        return b'(("" ' + (quote(self.server.separator) if self.server.separator else b"NIL") + b")) NIL NIL"

    def do_LIST(self, *arguments):
        self.list_boxes(b"LIST", *arguments)

    def do_LSUB(self, *arguments):
        self.list_boxes(b"LSUB", *arguments)

    def list_boxes(self, kind, *arguments):
        arguments = list(arguments)
        if isinstance(arguments[0], list):
            arguments.pop(0) # selection options: everything is subscribed and here
        reference, patterns = arguments[0], arguments[1] if isinstance(arguments[1], list) else [arguments[1]]
        options = arguments[3] if len(arguments) > 3 and arguments[2].upper() == b"RETURN" else []
        separator = self.server.separator
        if patterns == [b""]:
            self.untagged(kind + b" (\\Noselect) " + (quote(separator) if separator else b"NIL") + b' ""')
        else:
            wanted = [pattern(reference + each, separator) for each in patterns]
            for box in list(self.server.boxes.values()):
                if any(each.match(box.name) for each in wanted):
                    self.untagged(self.list_line(kind, box))
                    for index, option in enumerate(options):
                        if not isinstance(option, list) and option.upper() == b"STATUS" and box.selectable:
                            self.untagged(self.status_line(box, options[index + 1]))
        self.tagged(b"OK done")

    def list_line(self, kind, box):
        separator = self.server.separator
        return (kind + b" (" + " ".join(box.attributes).encode() + b") " + (quote(separator) if separator else b"NIL") +
                b" " + quote(box.name))

    def find(self, name):
        for box in self.server.boxes.values():
            if box.name == name or box.name.upper() == b"INBOX" == name.upper():
                return box
        return None

    def do_STATUS(self, name, items):
        box = self.find(name)
        if box is None or not box.selectable:
            self.tagged(b"NO [NONEXISTENT] no such mailbox")
            return
        self.untagged(self.status_line(box, items))
        self.tagged(b"OK done")

    def status_line(self, box, items):
        values = {b"MESSAGES": len(box.mails), b"UIDNEXT": box.uidnext, b"UIDVALIDITY": box.uidvalidity,
                  b"UNSEEN": sum("\\Seen" not in mail.flags for mail in box.mails), b"RECENT": 0,
                  b"HIGHESTMODSEQ": box.modseq, b"SIZE": sum(len(mail.raw) for mail in box.mails)}
        return b"STATUS " + quote(box.name) + b" (" + b" ".join(
            item.upper() + b" %d" % values[item.upper()] for item in items if item.upper() in values) + b")"

    def do_SELECT(self, name, options=()):
        self.select(name, options, b"READ-WRITE")

    def do_EXAMINE(self, name, options=()):
        self.select(name, options, b"READ-ONLY")

    def select(self, name, options, access):
        self.box = None
        box = self.find(name)
        if box is None or not box.selectable:
            self.tagged(b"NO [NONEXISTENT] no such mailbox")
            return
        self.box = box
        self.select_untagged(box)
        for index, option in enumerate(options):
            if not isinstance(option, list) and option.upper() == b"QRESYNC":
                self.select_changes(box, *options[index + 1])
        self.tagged(b"OK [" + access + b"] done")

    def select_untagged(self, box):
        self.untagged(b"FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)")
        self.untagged(b"OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] flags")
        self.untagged(b"%d EXISTS" % len(box.mails))
        self.untagged(b"0 RECENT")
        self.untagged(b"OK [UIDVALIDITY %d] it is" % box.uidvalidity)
        self.untagged(b"OK [UIDNEXT %d] it is" % box.uidnext)
        if b"CONDSTORE" in self.server.capability.upper().split():
            self.untagged(b"OK [HIGHESTMODSEQ %d] it is" % box.modseq)

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

    # Selected

    def do_UNSELECT(self):
        self.box = None
        self.tagged(b"OK done")

    do_CLOSE = do_UNSELECT

    def do_FETCH(self, numbers, items, modifiers=()):
        wanted = in_set(numbers, len(self.box.mails))
        self.fetch([(number, mail) for number, mail in enumerate(self.box.mails, 1) if wanted(number)], items, modifiers, wanted)

    def do_UID_FETCH(self, uids, items, modifiers=()):
        wanted = in_set(uids, self.box.mails[-1].uid if self.box.mails else 0)
        items = items if isinstance(items, list) else [items]
        if b"UID" not in [item.upper() for item in items]:
            items = [b"UID", *items]
        self.fetch([(number, mail) for number, mail in enumerate(self.box.mails, 1) if wanted(mail.uid)], items, modifiers, wanted)

    def fetch(self, chosen, items, modifiers, wanted):
        items = items if isinstance(items, list) else [items]
        words = [each.upper() for each in modifiers if not isinstance(each, list)]
        if b"CHANGEDSINCE" in words:
            since = int(modifiers[words.index(b"CHANGEDSINCE") + 1])
            if b"VANISHED" in words:
                self.vanished(self.box, since, wanted)
            chosen = [(number, mail) for number, mail in chosen if mail.modseq > since]
            items = [*items, *([] if b"MODSEQ" in items else [b"MODSEQ"])]
        for number, mail in chosen:
            self.fetch_one(number, mail, items)
        self.tagged(b"OK done")

    def fetch_one(self, number, mail, items):
        pieces = [piece for item in items if (piece := self.fetch_item(mail, item)) is not None]
        self.untagged(b"%d FETCH (" % number + b" ".join(pieces) + b")")

    def fetch_item(self, mail, item):
        """NAME VALUE for one item; None for one we do not have."""
        name = item.upper()
        if name == b"UID":
            return b"UID %d" % mail.uid
        if name == b"FLAGS":
            return b"FLAGS (" + " ".join(sorted(mail.flags)).encode("ascii") + b")"
        if name == b"INTERNALDATE":
            return b'INTERNALDATE "' + messages.imap_date(mail.when).encode("ascii") + b'"'
        if name == b"RFC822.SIZE":
            return b"RFC822.SIZE %d" % len(mail.raw)
        if name == b"MODSEQ":
            return b"MODSEQ (%d)" % mail.modseq
        if name in mail.extra:
            return name + b" " + mail.extra[name]
        match = re.fullmatch(rb"BODY(\.PEEK)?\[(.*?)\](?:<(\d+)\.(\d+)>)?", name, re.S)
        if not match:
            return None
        if not match.group(1):
            mail.flags.add("\\Seen")
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

    def do_SEARCH(self, *criteria):
        self.search(criteria, False)

    def do_UID_SEARCH(self, *criteria):
        self.search(criteria, True)

    def search(self, criteria, by_uid):
        criteria = list(criteria)
        returns = None
        if criteria and criteria[0].upper() == b"RETURN":
            returns = [each.upper() for each in criteria[1]] or [b"ALL"]
            criteria = criteria[2:]
        highest = self.box.mails[-1].uid if self.box.mails else 0
        tests = []
        while criteria:
            word = criteria.pop(0)
            if word.upper() == b"UID":
                wanted = in_set(criteria.pop(0), highest)
                tests.append(lambda number, mail, wanted=wanted: wanted(mail.uid))
            elif word.upper() == b"MODSEQ":
                since = int(criteria.pop(0))
                tests.append(lambda number, mail, since=since: mail.modseq >= since)
            elif re.fullmatch(rb"[\d:*,]+", word):
                wanted = in_set(word, len(self.box.mails))
                tests.append(lambda number, mail, wanted=wanted: wanted(number))
        found = [mail.uid if by_uid else number for number, mail in enumerate(self.box.mails, 1)
                 if all(test(number, mail) for test in tests)]
        if returns is None:
            self.untagged(b"SEARCH" + b"".join(b" %d" % number for number in found))
        else:
            told = b""
            if b"ALL" in returns and found:
                told += b" ALL " + make_set(found)
            if b"COUNT" in returns:
                told += b" COUNT %d" % len(found)
            if b"MIN" in returns and found:
                told += b" MIN %d" % found[0]
            if b"MAX" in returns and found:
                told += b" MAX %d" % found[-1]
            self.untagged(b'ESEARCH (TAG "' + self.tag + b'")' + (b" UID" if by_uid else b"") + told)
        self.tagged(b"OK done")

    def do_IDLE(self):
        self.respond(b"+ idling\r\n")
        self.server.lock.release()
        try:
            self.read_line()
        finally:
            self.server.lock.acquire()
        self.tagged(b"OK done")


class Play(Session):
    """A transcript: @steps are bytes to send, or numbers of client lines to wait for; then it hangs up, or, with
    @linger, waits for the client to do so."""
    steps = ()
    linger = False

    def serve(self):
        try:
            if self.server.tls == "implicit":
                self.start_tls()
            for step in self.steps:
                if isinstance(step, int):
                    for _ in range(step):
                        line = self.read_line()
                        self.server.log.append((self.number, "C", line))
                        self.tag = line.partition(b" ")[0]
                else:
                    self.send(step.replace(b"%TAG%", self.tag))
            while self.linger:
                self.receive()
        except (Cut, OSError, ssl.SSLError):
            pass
        finally:
            self.hang_up()


def play(*steps, linger=False):
    """A Session class that plays @steps."""
    return type("Played", (Play,), {"steps": steps, "linger": linger})
