"""How soon what another client does is seen in the mounted tree."""
import os
import socket
import ssl
import statistics
import threading
import time

from bench.peers import RTT_S, Peers, fill, small
from bench.running import Mounted, until
from lib.account import Account
from lib.relay import Relay


class Listener:
    """Another client that waits by IDLE: what it is told, and when."""

    def __init__(self, line, user, password, box):
        """@line: connected, TLS and all."""
        self._line = line
        self._told = []
        self._changed = threading.Condition()
        literal = password.encode()
        line.sendall(b"a LOGIN " + user.encode() + b" {%d+}\r\n" % len(literal) + literal + b"\r\nb SELECT " + box.encode() + b"\r\nc IDLE\r\n")
        buffer = b""
        while b"\r\n+ " not in buffer:
            data = line.recv(65536)
            if not data:
                raise SystemExit(f"the server does not listen to IDLE: {buffer!r}")
            buffer += data
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        buffer = b""
        while True:
            try:
                data = self._line.recv(65536)
            except OSError:
                return
            if not data:
                return
            now = time.monotonic()
            *lines, buffer = (buffer + data).split(b"\r\n")
            with self._changed:
                self._told += [(now, line) for line in lines]
                self._changed.notify_all()

    def mark(self):
        """For after(): what is told from now on."""
        with self._changed:
            return len(self._told)

    def after(self, mark, word, seconds=10):
        """When it was first told, since mark(), of an @word (EXISTS, FETCH, EXPUNGE)."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for when, line in self._told[mark:]:
                    if line.split()[2:3] == [word]:
                        return when
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise SystemExit(f"the server did not tell of {word.decode()}, but {self._told[mark:]}")

    def close(self):
        try:
            self._line.sendall(b"DONE\r\nd LOGOUT\r\n")
        except OSError:
            pass
        self._thread.join(10)
        self._line.close()


def listen(bench, port, user, box):
    context = ssl.create_default_context(cafile=str(bench.ca))
    raw = socket.create_connection((bench.server.host, port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Listener(context.wrap_socket(raw, server_hostname=bench.server.host), user, bench.server.password, box)


def flags_of(path):
    try:
        return os.getxattr(path, "user.imap.flags")
    except FileNotFoundError: # it has just got another name
        return b""


def one_round(account, listener, place, box, number, label):
    """New mail, a flag and an expunge: milliseconds by which each is seen later than it is told."""
    uid = account.uids(box)[0]
    before = set(os.listdir(place))
    file = next(name for name in before if name.endswith(f"~{uid}.eml"))
    late = {}
    for what, word, change, seen in (
            ("new", b"EXISTS", lambda: account.append(box, [small(number, label)]), lambda: set(os.listdir(place)) - before),
            ("flag", b"FETCH", lambda: account.store(box, [uid], "+FLAGS", "\\Flagged"), lambda: b"\\Flagged" in flags_of(place / file)),
            ("expunge", b"EXPUNGE", lambda: account.expunge(box, [uid]), lambda: file not in os.listdir(place))):
        mark = listener.mark()
        change()
        seen_at = until(seen, f"{what} in {box} in the mounted tree")
        late[what] = (seen_at - listener.after(mark, word)) * 1000
        time.sleep(0.7) # the server's own pause behind what it told, which differs from connection to connection
    return late


def latency(bench):
    """Counted from when a client at the same distance, which waits by IDLE, is told."""
    user = "soon"
    fill(bench.server, user, 3, 300)
    with Relay(bench.server.tls_port) as line:
        peers = Peers(bench, user, port=line.port)
        for rtt_s in (0, RTT_S):
            line.latency_s = rtt_s / 2
            late = {}
            with Mounted(peers, bench.folder / user / "mount") as point, Account.at(bench.server, user) as account:
                for box in ("INBOX", "f01"):
                    listener = listen(bench, line.port, user, box)
                    for number in range(3 * bench.rounds):
                        told = one_round(account, listener, point / "mail" / "bench" / box, box, number, f"soon{rtt_s}{box}")
                        for what, ms in told.items():
                            late.setdefault(f"{what} in {box}", []).append(ms)
                    listener.close()
            report(bench.figures, rtt_s, late)


def report(figures, rtt_s, late):
    every = [ms for each in late.values() for ms in each]
    where = f"{rtt_s * 1000:.0f} ms line" if rtt_s else "loopback"
    kinds = ", ".join(f"{what} {statistics.median(each):.0f}" for what, each in late.items())
    figures.add(f"another client's change is seen, {where}: median", statistics.median(every), 20 + rtt_s * 1000, "ms", note=f"of {len(every)}: {kinds}")
    figures.add(f"another client's change is seen, {where}: worst", max(every), 200 + rtt_s * 1000, "ms")
