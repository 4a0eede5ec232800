"""One connection of the scripted server, below the mailboxes: bytes, TLS, compression, the log, the course of commands,
login, and the faults that a test asks for."""
import base64
import inspect
import re
import select
import socket
import ssl
import struct
import zlib

from .imapsyntax import BadSyntax, parse_arguments

PATIENCE_S = 1800 # for a client that says nothing
BEFORE_LOGIN = (b"CAPABILITY", b"NOOP", b"LOGOUT", b"ID", b"STARTTLS", b"LOGIN", b"AUTHENTICATE")
SELECTED = {prefix + name for prefix in (b"", b"UID ") for name in (b"FETCH", b"STORE", b"SEARCH", b"COPY", b"MOVE", b"EXPUNGE")} | \
    {b"CHECK", b"CLOSE", b"UNSELECT"}
NEEDS = {b"MOVE": b"MOVE", b"UID MOVE": b"MOVE", b"UID EXPUNGE": b"UIDPLUS", b"IDLE": b"IDLE", b"NOTIFY": b"NOTIFY",
         b"GETQUOTA": b"QUOTA", b"GETQUOTAROOT": b"QUOTA", b"MYRIGHTS": b"ACL"}


class Cut(Exception):
    """Ends this connection at once."""


class Connection:
    """In a thread of its own.  Every method may be overridden."""

    def __init__(self, server, connection, number):
        self.server = server
        self.number = number
        self.secure = False
        self.user = None
        self.box = None
        self.enabled = set()
        self.tag = b"*"
        self.executing = b""     # the command
        self.waiting = False     # for the next command, or for the end of IDLE
        self._silent = False     # the rest of this command's answer is not sent,
        self._unanswered = False # or only its tagged one, and the connection ends
        self._deaf = False       # nothing is answered any more, but done (Server.late)
        self._connection = connection
        self._buffer = b""
        self._inflate = self._deflate = None
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(120)

    def has(self, capability):
        return capability in self.server.capability.upper().split()

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
        if self._deaf:
            return
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
        """Says nothing until the other side or the test ends it.  Lets go of the server's lock."""
        while not self.server._closing.is_set():
            self.server.unlocked.wait(0.05)
            try:
                self._connection.setblocking(False)
                if self._connection.recv(65536) == b"":
                    break
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            except OSError:
                break
        raise Cut

    def untagged(self, text):
        if not self._silent:
            self.respond(b"* " + text + b"\r\n")

    def tagged(self, text):
        if self._silent or self._unanswered:
            raise Cut
        self.respond(self.tag + b" " + text + b"\r\n")

    # What is received

    def wake(self):
        """Called from any thread: something changed, or the connection was ended."""
        try:
            self._waker.send(b"!")
        except OSError:
            pass # it is ended, or will wake anyway

    def wait(self):
        """Until there is something to read.  What changes meanwhile is pushed."""
        while not (isinstance(self._connection, ssl.SSLSocket) and self._connection.pending()):
            connection, woken = self._connection.fileno(), self._woken.fileno()
            if connection < 0:
                raise Cut
            poll = select.poll()
            poll.register(connection, select.POLLIN)
            poll.register(woken, select.POLLIN)
            ready = [descriptor for descriptor, _ in poll.poll(1000 * (PATIENCE_S if self.waiting else 120))]
            if not ready:
                raise Cut
            if woken in ready:
                self._woken.recv(65536)
                if self.waiting and not self._buffer and self._connection.fileno() >= 0:
                    self.push()
            if connection in ready:
                return

    def push(self):
        """Something changed while the client was waited for."""

    def receive(self):
        """More bytes into the buffer; Cut when there are none."""
        try:
            self.wait()
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
        pieces = []
        while len(self._buffer) < count:
            pieces.append(self._buffer)
            count -= len(self._buffer)
            self._buffer = b""
            self.receive()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return b"".join([*pieces, data])

    def read_command(self):
        """(tag, name, text of the arguments with {n} for literals, literals)."""
        self.waiting = True
        text, literals = self.read_line(), []
        self.waiting = False
        while (match := re.search(rb"\{(\d+)(\+?)\}\r?\n\Z", text)):
            count = int(match.group(1))
            if not match.group(2):
                self.respond(b"+ go on\r\n")
            elif not self.has(b"LITERAL+") and not (self.has(b"LITERAL-") and count <= 4096):
                self.note(text)
                self.respond(b"* BYE no such literals here\r\n")
                raise Cut
            literals.append(self.read_bytes(count))
            text += self.read_line()
        self.note(re.sub(rb"(?i)^(\S+ (?:LOGIN|AUTHENTICATE \S+) ).*", rb"\1***", text, flags=re.S))
        tag, _, rest = re.sub(rb"\r?\n\Z", b"", text).partition(b" ")
        name, _, arguments = rest.partition(b" ")
        if name.upper() == b"UID":
            second, _, arguments = arguments.partition(b" ")
            name += b" " + second
        return tag, name.upper(), arguments, literals

    def note(self, line):
        with self.server.lock:
            self.server.log.append((self.number, "C", line))

    # The course of a connection

    def run(self):
        try:
            self.serve()
        finally:
            self._waker.close()
            self._woken.close()

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
        self.wake()

    def command(self, name, arguments, literals):
        with self.server.lock:
            self.executing = name
            self._silent = self._unanswered = False
            try:
                self.execute(name, arguments, literals)
            except BadSyntax as error:
                self.tagged(b"BAD " + str(error).encode("utf-8"))
            self.server.late_seen += name == self.server.late_behind[0] and not self._deaf
            self.server.unlocked.notify_all()

    def be_late(self):
        """Lets go of the server's lock until it is time."""
        server = self.server
        if not self._deaf and server.late_hangs_up:
            socket.socket.shutdown(self._connection, socket.SHUT_WR) # what was sent before can still be read
        self._deaf = True
        server.late_waits += 1
        due = server.late_seen + server.late_behind[1]
        server.unlocked.notify_all()
        while server.late_seen < due:
            if server._closing.is_set():
                raise Cut
            server.unlocked.wait(0.05)
        server.late_waits -= 1

    def execute(self, name, arguments, literals):
        method = getattr(self, "do_" + name.decode("ascii", "replace").replace(" ", "_"), None)
        if method is None or name in NEEDS and not self.has(NEEDS[name]):
            raise BadSyntax("unknown command " + name.decode("ascii", "replace"))
        try:
            parsed = parse_arguments(arguments, literals)
            inspect.signature(method).bind(*parsed)
        except (TypeError, IndexError) as error:
            raise BadSyntax(str(error)) from None
        if self.user is None and name not in BEFORE_LOGIN:
            self.tagged(b"NO log in first")
        elif name in SELECTED and self.box is None:
            raise BadSyntax("no mailbox is selected")
        elif self.server.is_due("cut_before_action", name):
            raise Cut
        elif (refusal := self.server.refusal(name, parsed) or self.refused_rights(name, parsed)):
            self.tagged(refusal)
        else:
            self._silent = self.server.is_due("cut_before_untagged", name)
            self._unanswered = self.server.is_due("cut_before_reply", name)
            if self._deaf or self.server.is_due("late", name):
                self.be_late()
            method(*parsed)

    def refused_rights(self, name, arguments):
        """As Server.refusal(), for want of rights."""

    # Any state

    def do_CAPABILITY(self):
        self.untagged(b"CAPABILITY " + self.capabilities())
        self.tagged(b"OK done")

    def do_NOOP(self):
        self.tagged(b"OK done")

    def do_CHECK(self):
        self.tagged(b"OK done")

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
        known = [name.upper() for name in names if self.has(name.upper())]
        self.enabled.update(known)
        if b"QRESYNC" in known:
            self.enabled.add(b"CONDSTORE")
        self.untagged(b"ENABLED" + b"".join(b" " + name for name in known))
        self.tagged(b"OK done")

    def do_COMPRESS(self, _):
        if not self.has(b"COMPRESS=DEFLATE"):
            self.tagged(b"BAD unknown")
            return
        self.tagged(b"OK deflate")
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        self._inflate = zlib.decompressobj(-15)
        if self._buffer:
            self._buffer = self._inflate.decompress(self._buffer)
