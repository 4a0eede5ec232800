"""Reading the mounted tree beside a plain copy of it."""
import shutil
import statistics
import subprocess
import time

from bench import corpus, first
from bench.peers import Peers
from bench.running import Mounted
from lib import messages
from lib.account import Account, Message

GREP = ["grep", "-r", "-c", "a word that is nowhere"]


def timed(command):
    start = time.monotonic()
    subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=600)
    return time.monotonic() - start


def compare(bench, name, mounted, plain, bar):
    """Two commands; the first run of each is thrown away."""
    timed(mounted), timed(plain)
    pairs = [(timed(mounted), timed(plain)) for _ in range(3 * bench.rounds)]
    bench.figures.add(name, statistics.median(a / b for a, b in pairs), bar,
                      note=f"{statistics.median(a for a, _ in pairs):.3f} s, plain {statistics.median(b for _, b in pairs):.3f} s")


def views(bench):
    first.have_account(bench)
    peers = Peers(bench, first.USER)
    with Mounted(peers, peers.folder / "mount") as point:
        plain = peers.folder / "plain"
        for view in ("text", "mail"):
            shutil.copytree(point / view, plain / view, copy_function=shutil.copyfile)
        compare(bench, "grep -r, warm, text/ / plain copy", [*GREP, point / "text"], [*GREP, plain / "text"], 1.5)
        compare(bench, "grep -r, warm, mail/ / plain copy", [*GREP, point / "mail"], [*GREP, plain / "mail"], 3)
    shutil.rmtree(plain)


def listing(bench, count=20_000):
    random = messages.Random("many")
    with Account.at(bench.server, "many") as account:
        account.append("INBOX", [Message(messages.message(corpus.text(random, 300), subject=f"message {n}",
                                                          when=messages.BASE_TIME + n, message_id=f"{n}@many")) for n in range(count)])
    peers = Peers(bench, "many")
    with Mounted(peers, peers.folder / "mount") as point:
        plain = peers.folder / "plain"
        for view in ("mail", "text"):
            shutil.copytree(point / view, plain / view, copy_function=shutil.copyfile)
        inbox, copy = point / "mail" / "bench" / "INBOX", plain / "mail" / "bench" / "INBOX"
        compare(bench, f"ls -l of {count:,} / plain copy", ["ls", "-l", inbox], ["ls", "-l", copy], 4)
        compare(bench, f"ls of {count:,} / plain copy", ["ls", inbox], ["ls", copy], None)
        compare(bench, f"grep -r, {count:,} small files in text/ / plain copy", [*GREP, point / "text"], [*GREP, plain / "text"], None)
