"""What folders of 50,000 and 100,000 messages cost to look at, and the mount's memory."""
import os
import statistics
import time

from bench import corpus
from bench.peers import Peers
from bench.running import Mounted
from bench.views import GREP, compare, copy, report, timed
from lib import messages
from lib.account import Account, Message

LISTED = 50_000
VAST = 100_000
NAMES = 10 # looked up in each mount


def fill(bench, user, count):
    random = messages.Random("many")
    with Account.at(bench.server, user) as account:
        account.append("INBOX", [Message(messages.message(corpus.text(random, 300), subject=f"message {n}",
                                                          when=messages.BASE_TIME + n, message_id=f"{n}@many")) for n in range(count)])
    peers = Peers(bench, user)
    peers.sync()
    return peers


def listing(bench):
    peers = fill(bench, "many", LISTED)
    with Mounted(peers, peers.folder / "mount") as point:
        copied = copy(point, peers.folder / "plain", ["mail"]) / "mail" / "bench" / "INBOX"
    plain = ["ls", "-l", copied]
    timed(plain)
    pairs = []
    for _ in range(2 * bench.rounds):
        with Mounted(peers, peers.folder / "mount") as point:
            pairs.append((timed(["ls", "-l", point / "mail" / "bench" / "INBOX"]), timed(plain)))
    report(bench, f"ls -l of {LISTED:,}, first after mount / plain copy", pairs, 3)
    with Mounted(peers, peers.folder / "mount") as point:
        inbox = point / "mail" / "bench" / "INBOX"
        compare(bench, f"ls -l of {LISTED:,}, again / plain copy", ["ls", "-l", inbox], plain, 1.2)
        compare(bench, f"ls of {LISTED:,} / plain copy", ["ls", inbox], ["ls", copied], None)


def look_up(folder, names):
    """Milliseconds for each, none of which the kernel knows; nor has anybody listed the folder."""
    os.stat(folder)
    took = []
    for name in names:
        path = folder / name
        start = time.perf_counter()
        os.stat(path)
        took.append((time.perf_counter() - start) * 1000)
    return took


def vast(bench):
    peers = fill(bench, "vast", VAST)
    with Mounted(peers, peers.folder / "mount") as point:
        names = os.listdir(point / "mail" / "bench" / "INBOX")
    random = messages.Random("names")
    took = []
    for _ in range(2 * bench.rounds):
        with Mounted(peers, peers.folder / "mount") as point:
            took.append(look_up(point / "mail" / "bench" / "INBOX", random.sample(names, NAMES)))
    firsts = [each[0] for each in took]
    bench.figures.add(f"stat of one name of {VAST:,}, first look-up after mount", statistics.median(firsts), 0.2, "ms",
                      note=f"{min(firsts):.3f} to {max(firsts):.3f} ms in {len(firsts)} mounts; "
                           f"the next {NAMES - 1}: {statistics.median(ms for each in took for ms in each[1:]):.3f} ms")
    mounted = Mounted(peers, peers.folder / "mount")
    with mounted as point:
        for command in (["find", point, "-ls"], [*GREP, point / "text"], [*GREP, point / "mail"]):
            timed(command)
        memory = mounted.memory()
    bench.figures.add(f"memory of a mount of {VAST:,} messages, behind find and grep -r", memory["VmHWM"] / 1e6, 128, "MB",
                      note=f"VmRSS {memory['VmRSS'] / 1e6:.1f} MB, of which not files {memory['RssAnon'] / 1e6:.1f} MB")
