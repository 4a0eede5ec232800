"""A TCP relay before a server: counts bytes and flights, adds latency and a rate, cuts where it is told to.

"up" is from the client to the server, "down" the way back.  A flight is a run of bytes up that no byte down interrupts:
what costs a round trip when the line is long.
"""
import queue
import socket
import struct
import threading
import time
from dataclasses import dataclass

UP, DOWN = "up", "down"


@dataclass
class Cut:
    """Ends every connection once so many bytes or lines, of all connections together, passed in @direction."""
    direction: str = DOWN
    bytes: int = None
    lines: int = None
    reset: bool = False # by RST instead of FIN


class Relay:
    """Listens on a port of @host.  All counters may be read at any time."""

    def __init__(self, target_port, latency_s=0.0, rate=None, cut=None, target_host="127.0.0.1", host="127.0.0.1"):
        self.target = (target_host, target_port)
        self.latency_s = latency_s # one way
        self.rate = rate           # bytes a second and direction, of all connections together; None: as fast as it goes
        self.cut = cut
        self.has_cut = False
        self.refuse = False        # new connections are closed at once
        self._flows = threading.Event()
        self._flows.set()
        self.connections = 0
        self.bytes = {UP: 0, DOWN: 0}
        self.lines = {UP: 0, DOWN: 0}
        self.flights = 0
        self._lock = threading.Lock()
        self._free_at = {UP: 0.0, DOWN: 0.0} # when the line has sent all that came so far
        self._open = set()
        self._doomed = set() # those that a cut ends
        self._closing = False
        self._listener = socket.create_server((host, 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._closing:
            return
        self._closing = True
        self._flows.set()
        self._listener.shutdown(socket.SHUT_RDWR) # or accept() might go on with whatever has its descriptor next
        self._acceptor.join(15)
        self._listener.close()
        self.drop()

    def drop(self, reset=False):
        """Ends every connection now."""
        with self._lock:
            pairs, self._open = self._open, set()
            pairs |= self._doomed
        for pair in pairs:
            pair.end(reset)

    def pull(self):
        """Nothing passes any more, and nobody is told: the cable was pulled, the other computer is gone."""
        self._flows.clear()

    def plug(self):
        """What has waited passes."""
        self._flows.set()

    def mend(self):
        """After a cut: no more cuts."""
        self.cut, self.has_cut, self.refuse = None, False, False

    def clear(self):
        """Counts from zero."""
        with self._lock:
            self.connections = self.flights = 0
            self.bytes = {UP: 0, DOWN: 0}
            self.lines = {UP: 0, DOWN: 0}

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._flows.wait()
            if self.refuse or self._closing:
                client.close()
                continue
            try:
                server = socket.create_connection(self.target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self.connections += 1
                pair = _Pair(self, client, server)
                self._open.add(pair)
            pair.start()

    def _occupy(self, direction, now, length):
        """When the line will have sent @length more bytes."""
        with self._lock:
            spent = length / self.rate if self.rate else 0.0
            self._free_at[direction] = max(self._free_at[direction], now) + spent
            return self._free_at[direction]

    def _end_doomed(self, pair):
        """Only those that the cut met: others may have come since mend()."""
        with self._lock:
            doomed, self._doomed = self._doomed, set()
            reset = self.cut.reset if self.cut else False
        for each in doomed | {pair}:
            each.end(reset)

    def _half_done(self, pair):
        """One direction has ended.  True when it was the second."""
        with self._lock:
            pair.ended += 1
            if pair.ended == 2:
                self._open.discard(pair)
            return pair.ended == 2

    def _account(self, pair, direction, data):
        """Counts; returns how much of @data may pass, and whether the cut falls behind it."""
        with self._lock:
            cut = self.cut if self.cut and self.cut.direction == direction else None
            if self.has_cut:
                return b"", True
            if cut and cut.bytes is not None and self.bytes[direction] + len(data) >= cut.bytes:
                data, self.has_cut = data[:cut.bytes - self.bytes[direction]], True
            if cut and cut.lines is not None and self.lines[direction] + data.count(b"\n") >= cut.lines:
                end = 0
                for _ in range(cut.lines - self.lines[direction]):
                    end = data.index(b"\n", end) + 1
                data, self.has_cut = data[:end], True
            self.bytes[direction] += len(data)
            self.lines[direction] += data.count(b"\n")
            if self.has_cut:
                self._doomed, self._open = self._open, set()
            if direction == UP and pair.last != UP:
                self.flights += 1
            pair.last = direction
            return data, self.has_cut


class _Pair:
    def __init__(self, relay, client, server):
        self.relay = relay
        self.sockets = {UP: (client, server), DOWN: (server, client)}
        self.last = None  # the direction of the last bytes
        self.ended = 0
        self.is_reset = False
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self):
        for direction in (UP, DOWN):
            waiting = queue.Queue() if self.relay.latency_s or self.relay.rate else None
            threading.Thread(target=self._read, args=(direction, waiting), daemon=True).start()
            if waiting:
                threading.Thread(target=self._deliver, args=(direction, waiting), daemon=True).start()

    def end(self, reset=False):
        self.is_reset |= reset
        for each in self.sockets[UP]:
            try:
                if reset:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Also to wake our own reader, or close() would wait for it, and the other side for both.
                each.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _read(self, direction, waiting):
        source, sink = self.sockets[direction]
        free_at = 0.0
        cut = False
        while not cut:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            self.relay._flows.wait()
            now = time.monotonic() # what leaves when is settled by its arrival, not by when we get to send it
            if not data:
                break
            data, cut = self.relay._account(self, direction, data)
            if waiting:
                free_at = self.relay._occupy(direction, now, len(data))
                waiting.put((free_at + self.relay.latency_s, data))
            else:
                try:
                    sink.sendall(data)
                except OSError:
                    break
        if waiting:
            waiting.put((max(free_at, time.monotonic()) + self.relay.latency_s, None))
        else:
            self._finish(sink)
        if cut:
            if waiting:
                time.sleep(max(0.0, free_at + self.relay.latency_s - time.monotonic()) + 0.05)
            self.relay._end_doomed(self)

    def _deliver(self, direction, waiting):
        sink = self.sockets[direction][1]
        while True:
            when, data = waiting.get()
            delay = when - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            if data is None:
                self._finish(sink)
                return
            try:
                sink.sendall(data)
            except OSError:
                return

    def _finish(self, sink):
        """The source said its last: so does the sink; when both did, the pair is done."""
        try:
            if not self.is_reset:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if self.relay._half_done(self):
            self.end()
