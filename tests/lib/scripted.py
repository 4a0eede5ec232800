"""An IMAP server that can be any server, and misbehave.

It is a small real one: mailboxes in memory, as many connections as come, TLS or STARTTLS or neither; clients may read and
write, and hear of each other.  A quirk is a subclass of Session that changes one thing, mostly in outgoing(), which sees
each response before it is sent:

    class WrongSizes(Session):
        def outgoing(self, response):
            return response.replace(b"RFC822.SIZE ", b"RFC822.SIZE 9")

Faults that need no thought (cut at line N, cut when a command is done, refuse it, …) are attributes of the server.
"""
import re
import socket
import ssl
import threading

from .imapsyntax import literal, quote
from .scripted_boxes import Mail, Mailbox, Refused, Tree
from .scripted_connection import Cut
from .scripted_folders import Folders
from .scripted_search import Searching
from .scripted_write import Writing

__all__ = ["BASIC", "CONDSTORE", "FULL", "PASSWORD", "QRESYNC", "REV1", "USER", "Cut", "Mail", "Mailbox", "Play", "Refused", "Server",
           "Session", "literal", "play", "quote"]

USER, PASSWORD = "alice@example.org", 'Kůň"3\\4'

REV1 = "IMAP4rev1 SASL-IR LITERAL+ NAMESPACE"
CONDSTORE = REV1 + " ENABLE CONDSTORE UIDPLUS ESEARCH LIST-EXTENDED LIST-STATUS SPECIAL-USE CHILDREN"
QRESYNC = CONDSTORE + " QRESYNC"
BASIC = REV1 + " UNSELECT IDLE CHILDREN" # neither UIDPLUS nor MOVE
FULL = QRESYNC + (" UNSELECT MOVE MULTIAPPEND BINARY IDLE NOTIFY OBJECTID STATUS=SIZE QUOTA QUOTA=RES-STORAGE CREATE-SPECIAL-USE"
                  " COMPRESS=DEFLATE ID")

MODIFYING = re.compile(rb"(?:(?:UID )?(?:STORE|COPY|MOVE|EXPUNGE)|APPEND|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE)(?: |\Z)", re.I)


class Server(Tree):
    """Listens on a port of the loopback address.  Use it as a context manager; account() gives what reaches it."""

    def __init__(self, session=None, tls="none", certificate=None, capability=REV1, separator=b"/", user=USER,
                 password=PASSWORD, context=None, host="127.0.0.1"):
        self._sessions = []
        super().__init__(separator)
        self.session_class = session or Session
        self.tls = tls # implicit, starttls, none
        self.context = context
        if tls != "none" and context is None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate.cert, certificate.key)
        self.capability = capability.encode("ascii")
        self.user, self.password = user, password
        self.log = []             # (connection, "C" or "S", bytes), in the order of their passing
        self.lines_out = 0        # by all connections
        self.bytes_out = 0
        self.cut_at_line = None   # once so many lines were sent, every connection is ended and
        self.cut_at_byte = None   # no further one is served, until mend()
        self.cut_reset = False
        self.stall_at_line = None # nothing more is said, and nobody hung up on
        self.on_cut = None        # called instead of ending the connections, once
        # The name of a command, or (name, n) for the nth of them from now on; "MOVE" is "UID MOVE" too.  The connection
        # that gives it ends, others go on, and the attribute is None again.
        self.cut_before_action = None   # it is received, and not done
        self.cut_before_untagged = None # it is done, and nothing is said
        self.cut_before_reply = None    # it is done, and what is untagged of its answer is said
        # It is received, and done late: its connection ends, but if late_hangs_up is False, and is deaf from then on; and this
        # command, and each that it has sent behind it, is done when other connections have since given late_behind (name, n).
        self.late = None
        self.late_hangs_up = True
        self.late_behind = (b"UID FETCH", 1)
        self.late_seen = 0        # how often that was given
        self.late_waits = 0       # commands that are received, and not done so far
        self.refuse = {}          # {b"APPEND": b"NO [LIMIT] no more"}; or a function of the arguments that returns such or None
        self.dead = False
        self.unlocked = threading.Condition(self.lock)
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
        if self._closing.is_set():
            return
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR) # or accept() might go on with whatever has its descriptor next
        self._threads[0].join(5)
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

    def changed(self):
        for each in list(self._sessions):
            each.wake()

    def overflow(self):
        """Says NOTIFICATIONOVERFLOW to everyone with NOTIFY, and stops it (RFC 5465 5.8)."""
        with self.lock:
            for each in self._sessions:
                each.overflowing = bool(each.groups)
            self.changed()

    def is_due(self, fault, name):
        """Whether the attribute @fault says that it is to happen at the command @name, now."""
        wanted = getattr(self, fault)
        if wanted is None:
            return False
        kind, left = wanted if isinstance(wanted, tuple) else (wanted, 1)
        if (kind.encode("ascii") if isinstance(kind, str) else kind).upper() not in (name, name.removeprefix(b"UID ")):
            return False
        setattr(self, fault, (kind, left - 1) if left > 1 else None)
        return left == 1

    def refusal(self, name, arguments):
        """The tagged answer to the command @name in place of doing it, or None."""
        answer = self.refuse.get(name, self.refuse.get(name.removeprefix(b"UID ")))
        return answer(*arguments) if callable(answer) else answer

    def commands(self, name=None):
        """What clients sent (without tags), of those that begin with @name."""
        lines = [line.partition(b" ")[2].strip() for _, who, line in list(self.log) if who == "C"]
        return [line for line in lines if name is None or line.upper().startswith(name)]

    def modifying(self):
        """The commands that change mailboxes or messages."""
        return [line for line in self.commands() if MODIFYING.match(line)]

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
            thread = threading.Thread(target=session.run, daemon=True)
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


class Session(Folders, Searching, Writing):
    """One connection.  Every method of every base may be overridden."""


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
