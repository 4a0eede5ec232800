"""Measures mailtree beside mbsync and beside the least that could be done.  See docs/benchmarks.md.

Times of one run mean little on a shared machine, so what is compared runs in turn, several times, and the medians of the
ratios are printed.
"""
import argparse
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench import corpus, two_way
from lib import messages
from lib.account import Account, Message
from lib.certs import Certificates
from lib.dovecot import Dovecot
from lib.program import measured


class Peers:
    """The programs that are compared, on one account."""

    def __init__(self, folder, server, authority, user, mailtree):
        self.folder = Path(folder)
        self.server = server
        self.ca = authority
        self.user = user
        self.mailtree = mailtree
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secret = self.folder / "password"
        self.secret.write_text(server.password + "\n")
        self.secret.chmod(0o600)
        self.config = self.folder / "config"
        self.store = self.folder / "store"
        self.config.write_text(
            f"[mailtree]\nstore = {self.store}\n[account bench]\nhost = {server.host}\nport = {server.tls_port}\nuser = {user}\n"
            f"password_file = {self.secret}\ntls_ca = {self.ca}\n")
        self.maildir = self.folder / "maildir"
        self.mbsyncrc = self.folder / "mbsyncrc"
        self.mbsyncrc.write_text(
            f"IMAPAccount bench\nHost {server.host}\nPort {server.tls_port}\nUser {user}\nPassCmd \"cat {self.secret}\"\n"
            f"SSLType IMAPS\nCertificateFile {self.ca}\n\nIMAPStore far\nAccount bench\n\nMaildirStore near\n"
            f"Path {self.maildir}/\nInbox {self.maildir}/INBOX\nSubFolders Verbatim\n\n"
            f"Channel bench\nFar :far:\nNear :near:\nPatterns *\nCreate Near\nSync Pull\nSyncState *\n")

    def sync(self, *options):
        return [self.mailtree, "--config", str(self.config), *options, "sync"]

    def mbsync(self):
        return ["mbsync", "-q", "-c", str(self.mbsyncrc), "bench"]

    def clear(self):
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.rmtree(self.maildir, ignore_errors=True)
        self.maildir.mkdir()


def run(command):
    """Wall and CPU seconds; a failure is the end."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit status {child.returncode}\n{said.decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime


def peak_memory(folder, command):
    """Of a run, in bytes."""
    peak = Path(folder, "peak")
    run(measured(command, peak))
    return int(peak.read_text()) * 1024


def drain(server, ca, user):
    """One connection that fetches everything, pipelined, and drops it: the limit.  Seconds and bytes."""
    with Account.at(server, user) as account:
        names = [each.name for each in account.folders() if each.selectable]
        quoted = [account._name(name) for name in names]
    context = ssl.create_default_context(cafile=str(ca))
    start = time.monotonic()
    raw = socket.create_connection((server.host, server.tls_port))
    with context.wrap_socket(raw, server_hostname=server.host) as line:
        literal = server.password.encode()
        pieces = [b"a LOGIN " + user.encode() + b" {%d+}\r\n" % len(literal) + literal + b"\r\n"]
        for name in quoted:
            name = name if isinstance(name, bytes) else name.encode()
            pieces.append(b"b EXAMINE " + name + b"\r\nc UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\n")
        pieces.append(b"z LOGOUT\r\n")
        line.sendall(b"".join(pieces))
        buffer = bytearray(1 << 18)
        total = 0
        while True:
            try:
                got = line.recv_into(buffer)
            except ssl.SSLError:
                break
            if not got:
                break
            total += got
    return time.monotonic() - start, total


def median_ratio(pairs):
    return statistics.median(a / b for a, b in pairs)


def figure(name, value, bar, note=""):
    verdict = "" if bar is None else ("ok  " if value <= bar else "OVER")
    limit = "" if bar is None else f"at most {bar:g}"
    print(f"  {name:<58} {value:>8.2f}  {limit:<14} {verdict} {note}", flush=True)


def bench_first_sync(peers, size, rounds):
    ours, theirs, drains = [], [], []
    for _ in range(rounds):
        peers.clear()
        drains.append(drain(peers.server, peers.ca, peers.user)[0])
        ours.append(run(peers.sync()))
        if shutil.which("mbsync"):
            theirs.append(run(peers.mbsync())[0])
    best = statistics.median(w for w, _ in ours)
    print(f"first sync: mailtree {best:.2f} s ({size / 1e6 / best:.0f} MB/s, {statistics.median(c for _, c in ours):.2f} s of CPU), "
          f"drain {statistics.median(drains):.2f} s" + (f", mbsync {statistics.median(theirs):.2f} s" if theirs else ""))
    if theirs:
        figure("first sync / mbsync", median_ratio(zip([w for w, _ in ours], theirs)), 0.5)
    figure("first sync / one connection that drops everything", median_ratio(zip([w for w, _ in ours], drains)), None)
    peers.clear()
    figure("peak memory of the first sync, MB", peak_memory(peers.folder, peers.sync()) / 1e6, 96)


def bench_next_sync(peers, rounds):
    pairs = []
    for _ in range(rounds):
        mine = run(peers.sync())[0]
        theirs = run(peers.mbsync())[0] if shutil.which("mbsync") else None
        pairs.append((mine, theirs))
    print(f"no-change sync: mailtree {statistics.median(a for a, _ in pairs):.3f} s" +
          (f", mbsync {statistics.median(b for _, b in pairs):.3f} s" if pairs[0][1] else ""))


def bench_big_message(folder, server, ca, mailtree):
    peers = Peers(folder, server, ca, "big", mailtree)
    raw = messages.mixed("a large one\n", [("film.bin", "video/mp4", messages.Random("big").bytes(60_000_000))])
    with Account.at(server, "big") as account:
        account.append("INBOX", [Message(raw)])
    peers.clear()
    figure(f"peak memory with one message of {len(raw) / 1e6:.0f} MB, MB", peak_memory(folder, peers.sync()) / 1e6, 96)


class Mounted:
    def __init__(self, peers, point):
        self.peers = peers
        self.point = Path(point)

    def __enter__(self):
        self.point.mkdir(exist_ok=True)
        run([self.peers.mailtree, "--config", str(self.peers.config), "mount", str(self.point)])
        run(self.peers.sync())
        return self.point

    def __exit__(self, *_):
        subprocess.run([self.peers.mailtree, "--config", str(self.peers.config), "unmount", str(self.point)], timeout=60, check=False)
        if str(self.point) in Path("/proc/self/mountinfo").read_text():
            subprocess.run(["fusermount3", "-u", "-z", str(self.point)], check=False)


def timed(command, times):
    """The seconds of each of several runs, the first one thrown away."""
    out = []
    for i in range(times + 1):
        start = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=600)
        out.append(time.monotonic() - start)
    return out[1:]


def compare(name, mounted, plain, bar, rounds):
    """@mounted and @plain: commands."""
    pairs = []
    timed(mounted, 0), timed(plain, 0)
    for _ in range(rounds):
        pairs.append((timed(mounted, 1)[0], timed(plain, 1)[0]))
    figure(name, median_ratio(pairs), bar,
           f"({statistics.median(a for a, _ in pairs):.3f} s, plain {statistics.median(b for _, b in pairs):.3f} s)")


def bench_views(peers, folder, rounds):
    with Mounted(peers, folder / "mount") as point:
        plain = folder / "plain"
        for view in ("text", "mail"):
            shutil.copytree(point / view, plain / view, copy_function=shutil.copyfile)
        grep = ["grep", "-r", "-c", "a word that is nowhere"]
        compare("grep -r, warm text/ / plain copy", [*grep, str(point / "text")], [*grep, str(plain / "text")], 1.5, rounds)
        compare("grep -r, warm mail/ / plain copy", [*grep, str(point / "mail")], [*grep, str(plain / "mail")], 3, rounds)


def bench_listing(folder, server, ca, mailtree, rounds, count=20_000):
    peers = Peers(folder, server, ca, "many", mailtree)
    random = messages.Random("many")
    with Account.at(server, "many") as account:
        account.append("INBOX", [Message(messages.message(corpus.text(random, 300), subject=f"message {n}",
                                                          when=messages.BASE_TIME + n, message_id=f"{n}@many")) for n in range(count)])
    peers.clear()
    run(peers.sync())
    with Mounted(peers, folder / "mount") as point:
        plain = folder / "plain"
        shutil.copytree(point / "mail", plain, copy_function=shutil.copyfile)
        inbox = point / "mail" / "bench" / "INBOX"
        compare(f"ls -l of {count} / plain copy", ["ls", "-l", str(inbox)], ["ls", "-l", str(plain / "bench" / "INBOX")], 4, rounds)
        compare(f"ls of {count} / plain copy", ["ls", str(inbox)], ["ls", str(plain / "bench" / "INBOX")], None, rounds)
        grep = ["grep", "-r", "-c", "a word that is nowhere"]
        shutil.copytree(point / "text", folder / "plain-text", copy_function=shutil.copyfile)
        compare(f"grep -r, {count} small files in text/ / plain copy", [*grep, str(point / "text")], [*grep, str(folder / "plain-text")],
                None, rounds)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures mailtree beside mbsync.")
    parser.add_argument("--mailtree", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each of two that are compared (default 3)")
    parser.add_argument("--messages", type=int, default=12_000, help="of the account (default 12000, about 300 MB)")
    parser.add_argument("--only", choices=["sync", "views", "memory", "listing", "far", "quiet", "change", "push", "latency"], help="one part only")
    options = parser.parse_args()
    wanted = (lambda part: options.only in (None, part))

    folder = Path(tempfile.mkdtemp(prefix="mtb-"))
    folder.chmod(0o755)
    try:
        certificates = Certificates(folder / "certs")
        with Dovecot(folder / "d", certificates.server, password="s3cret") as server: # one that interimap can be told
            ca = certificates.ca

            def make_peers(place, user):
                return Peers(place, server, ca, user, options.mailtree)
            if wanted("sync") or wanted("views") or wanted("far"):
                count, size = corpus.fill(server, "bench", options.messages)
                print(f"{count} messages, {size / 1e6:.0f} MB, {len(corpus.FOLDERS)} folders; Dovecot on loopback; {os.cpu_count()} processors")
                peers = Peers(folder / "p", server, ca, "bench", options.mailtree)
                if wanted("sync"):
                    bench_first_sync(peers, size, options.rounds)
                    bench_next_sync(peers, options.rounds)
                if wanted("views"):
                    bench_views(peers, folder / "p", options.rounds)
                if wanted("far"):
                    two_way.first_sync_far(make_peers, folder, server, figure, "bench", options.rounds)
            if wanted("memory"):
                bench_big_message(folder / "b", server, ca, options.mailtree)
            if wanted("listing"):
                bench_listing(folder / "m", server, ca, options.mailtree, options.rounds)
            if wanted("quiet"):
                two_way.no_change(make_peers, folder, server, figure, options.rounds)
            if wanted("change"):
                two_way.one_change(make_peers, folder, server, figure)
            if wanted("push"):
                two_way.push(make_peers, folder, server, figure)
            if wanted("latency"):
                two_way.latency(make_peers, Mounted, folder, server, figure, options.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
