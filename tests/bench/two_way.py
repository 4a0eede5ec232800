"""What synchronising costs beside its peers: flights, bytes, time over a long line, and how soon news is seen."""
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import threading
import time
from pathlib import Path

from lib import messages
from lib.account import Account, Message
from lib.relay import DOWN, Relay

RTT_S = 0.05


def small(number, label="m"):
    return f"From: {label}{number}@example.org\r\nSubject: {label} {number}\r\nMessage-ID: <{label}{number}@bench>\r\n\r\ntext {number}\r\n".encode()


def fill(server, user, folders, count):
    with Account.at(server, user) as account:
        names = ["INBOX", *[f"f{number:02}" for number in range(1, folders)]]
        account.create(*names[1:])
        for index, name in enumerate(names):
            account.append(name, [Message(small(number, name), when=messages.BASE_TIME + number)
                                  for number in range(index, count, folders)])


class Through:
    """The peers of one user behind a relay."""

    def __init__(self, make_peers, folder, server, user):
        self.line = Relay(server.tls_port)
        port, server.tls_port = server.tls_port, self.line.port
        self.peers = make_peers(folder, user)
        server.tls_port = port
        self.interimap = self._configure_interimap(Path(folder), server, user) if shutil.which("interimap") else None

    def _configure_interimap(self, folder, server, user):
        """A second account on the same server is its local side: it needs an IMAP server there."""
        config = folder / "interimap.conf"
        both = f"type = imaps\nhost = {server.host}\nusername = %s\npassword = {server.password}\nSSL_CAfile = {self.peers.ca}\nport = %d\n"
        config.write_text(f"database = {folder}/interimap.db\n[local]\n" + both % (f"{user}-near", server.tls_port) +
                          "[remote]\n" + both % (user, self.line.port))
        config.chmod(0o600)
        return ["interimap", "-q", "--config", str(config)]

    def close(self):
        self.line.close()


def clock(command):
    start = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=900, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return time.monotonic() - start


def no_change(make_peers, folder, server, figure, rounds):
    for count in (20_000, 200_000):
        user = f"still{count}"
        fill(server, user, 24, count)
        there = Through(make_peers, folder / user, server, user)
        clock(there.peers.sync())
        there.line.clear()
        clock(there.peers.sync())
        figure(f"no change, {count} messages in 24 folders: flights", there.line.flights, 4)
        figure(f"no change, {count} messages in 24 folders: kB", sum(there.line.bytes.values()) / 1000, 8)
        if count == 20_000:
            others = {"mbsync": there.peers.mbsync()} if shutil.which("mbsync") else {}
            for command in others.values():
                there.peers.maildir.mkdir(exist_ok=True)
                clock(command)
            if there.interimap:
                clock(there.interimap)
                others["interimap"] = there.interimap
            there.line.latency_s = RTT_S / 2
            figure("no change, 50 ms: seconds", statistics.median(clock(there.peers.sync()) for _ in range(rounds)), 0.3)
            for name, command in others.items():
                figure(f"no change, 50 ms: seconds of {name}", statistics.median(clock(command) for _ in range(rounds)), None)
        there.close()


def cpu_of(command):
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return (usage.ru_utime + usage.ru_stime) * 1000


def one_change(make_peers, folder, server, figure):
    """In a folder of 1,000 and in one of 100,000."""
    costs = {}
    for count in (1_000, 100_000):
        user = f"one{count}"
        fill(server, user, 1, count)
        there = Through(make_peers, folder / user, server, user)
        clock(there.peers.sync())
        with Account.at(server, user) as account:
            for what, change in (("new message", lambda: account.append("INBOX", [small(count + 1, "new")])),
                                 ("flag", lambda: account.store("INBOX", [count // 2], "+FLAGS", "\\Flagged")),
                                 ("expunge", lambda: account.expunge("INBOX", [count // 3]))):
                change()
                there.line.clear()
                spent = cpu_of(there.peers.sync())
                costs.setdefault(what, []).append((there.line.flights, sum(there.line.bytes.values()), spent))
        there.close()
    for what, (few, many) in costs.items():
        figure(f"{what} in 100,000 / in 1,000: flights ({many[0]})", many[0] / few[0], 1.01)
        figure(f"{what} in 100,000 / in 1,000: bytes ({many[1]})", many[1] / few[1], 1.1)
        figure(f"{what} in 100,000 / in 1,000: CPU ({many[2]:.0f} ms)", many[2] / max(few[2], 1), 1.5)


def push(make_peers, folder, server, figure):
    user, count = "push", 1000
    fill(server, user, 2, 2 * count)
    there = Through(make_peers, folder / user, server, user)
    peers = there.peers
    clock(peers.sync())
    there.line.latency_s = 0.02
    there.line.clear()
    clock(peers.sync())
    idle = there.line.flights

    def change(*words):
        clock([peers.mailtree, "--config", str(peers.config), *map(str, words)])

    paths = [f"bench/INBOX/~{uid}" for uid in range(1, count + 1)]
    files = []
    for number in range(count):
        files.append(folder / user / f"{number}.eml")
        files[-1].write_bytes(small(number, "mine"))
    # Besides those of a run without changes, and one for each folder that is looked at again.
    for what, most, again, words in (("flag changes", 2, 1, ["flag", "add", "\\Flagged", *paths]),
                                     ("small appends", 30, 1, ["append", "bench/f01", *files]),
                                     ("moves", 4, 2, ["move", *paths, "bench/f01"])):
        change(*words)
        there.line.clear()
        seconds = clock(peers.sync())
        figure(f"{count} {what}: flights", there.line.flights - idle - again, most, f"({seconds:.2f} s at 40 ms)")
    there.close()


def first_sync_far(make_peers, folder, server, figure, user, rounds):
    """The whole account over 50 ms and 100 Mbit/s, against what the compressed bytes alone need."""
    there = Through(make_peers, folder / "far", server, user)
    there.line.latency_s, there.line.rate = RTT_S / 2, 100e6 / 8
    ratios = []
    for _ in range(rounds):
        there.peers.clear()
        there.line.clear()
        seconds = clock(there.peers.sync())
        ratios.append(seconds / (there.line.bytes[DOWN] / there.line.rate))
    figure("first sync, 50 ms, 100 Mbit/s / line time of its bytes", statistics.median(ratios), 1.2,
           f"({there.line.bytes[DOWN] / 1e6:.0f} MB, {seconds:.1f} s)")
    there.close()


class Listener:
    """Another client that waits by IDLE, beside the server: when it is told is when the server tells."""

    def __init__(self, server, ca, user, box):
        context = ssl.create_default_context(cafile=str(ca))
        raw = socket.create_connection((server.host, server.tls_port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line = context.wrap_socket(raw, server_hostname=server.host)
        literal = server.password.encode()
        self.line.sendall(b"a LOGIN " + user.encode() + b" {%d+}\r\n" % len(literal) + literal + b"\r\nb SELECT " + box + b"\r\nc IDLE\r\n")
        self.told = []
        self.ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        self.ready.wait(10)

    def _read(self):
        while True:
            try:
                data = self.line.recv(65536)
            except OSError:
                return
            if not data:
                return
            if b"+ " in data:
                self.ready.set()
            elif b"* " in data and b"Still here" not in data:
                self.told.append(time.monotonic())

    def after(self, moment):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            for each in self.told:
                if each > moment:
                    return each
            time.sleep(0.0005)
        raise SystemExit("the server told nobody")


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("it was not seen within ten seconds")
        time.sleep(0.0005)
    return time.monotonic()


def latency(make_peers, mounted, folder, server, figure, rounds):
    user = "soon"
    fill(server, user, 3, 300)
    there = Through(make_peers, folder / user, server, user)
    clock(there.peers.sync())
    for rtt in (0, RTT_S):
        there.line.latency_s = rtt / 2
        late = []
        with mounted(there.peers, folder / user / "mount") as point, Account.at(server, user) as account:
            time.sleep(2)
            for box in ("INBOX", "f01"):
                place = point / "mail" / "bench" / box
                listener = Listener(server, there.peers.ca, user, box.encode())
                for number in range(3 * rounds):
                    names = set(os.listdir(place))
                    uid = int(sorted(account.read(box))[number + 1])
                    file = next(each for each in names if each.endswith(f"~{uid}.eml"))
                    for change, seen in (
                            (lambda: account.append(box, [small(number, f"soon{rtt}{box}")]), lambda: set(os.listdir(place)) - names),
                            (lambda: account.store(box, [uid], "+FLAGS", "\\Flagged"),
                             lambda: b"\\Flagged" in os.getxattr(place / file, "user.imap.flags")),
                            (lambda: account.expunge(box, [uid]), lambda: file not in os.listdir(place))):
                        before = time.monotonic()
                        change()
                        when = until(seen)
                        late.append((when - listener.after(before)) * 1000)
                        time.sleep(0.6)
        note = f"(worst {max(late):.0f} ms of {len(late)})"
        far = rtt * 1000 * 1.5 # what is told needs half a round trip, and what is asked then a whole one
        figure(f"seen after the server tells, {rtt * 1000:.0f} ms line: median ms", statistics.median(late), 20 + far, note)
        figure(f"seen after the server tells, {rtt * 1000:.0f} ms line: worst ms", max(late), 200 + far)
    there.close()
