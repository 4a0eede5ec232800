"""Copying messages into a folder of the mounted tree, each durable when cp closes it.

The line to the server is down meanwhile, so that nothing else waits for the disk.  What is compared is the least that
durability costs here: the same bytes, written to one file, with two fdatasync() a message.
"""
import os
import shutil
import statistics
import subprocess
import time

from bench import corpus
from bench.peers import Peers
from bench.running import Mounted, ended
from lib import messages
from lib.account import Account, Message
from lib.relay import Relay

COUNT = 1000
WRITERS = 8


def make(folder, seed):
    """@COUNT messages in as many folders as there are writers; the same content is nowhere else."""
    shutil.rmtree(folder, ignore_errors=True)
    random = messages.Random("write", seed)
    for number in range(COUNT):
        place = folder / str(number % WRITERS)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{seed} {number}.eml").write_bytes(corpus.one(random, number)[1])
    return sorted(folder.glob("*/*"))


def least(files, scratch):
    """Seconds."""
    start = time.monotonic()
    with open(scratch, "wb", buffering=0) as out:
        for file in files:
            raw = file.read_bytes()
            for piece in (raw[:len(raw) // 2], raw[len(raw) // 2:]):
                out.write(piece)
                os.fdatasync(out)
    took = time.monotonic() - start
    scratch.unlink()
    return took


def copy(sources, target):
    """@sources: what each of as many cp copies.  Seconds."""
    start = time.monotonic()
    running = [subprocess.Popen(["cp", *map(str, files), str(target)], stdin=subprocess.DEVNULL) for files in sources]
    if any([ended(each) for each in running]): # all are waited for
        raise SystemExit("cp failed")
    return time.monotonic() - start


def one_round(folder, target, turn):
    """Seconds: the least, one writer, eight writers."""
    alone = make(folder / "source", f"{turn} alone")
    took = [least(alone, folder / "scratch"), copy([alone], target)]
    together = make(folder / "source", f"{turn} together")
    took.append(copy([[file for file in together if file.parent.name == str(writer)] for writer in range(WRITERS)], target))
    if len(list(target.iterdir())) != (turn + 1) * 2 * COUNT:
        raise SystemExit("not all that was copied is there")
    return took


def writing(bench):
    user = "writer"
    with Account.at(bench.server, user) as account:
        account.create("Target")
        account.append("INBOX", [Message(messages.message("here\n"))])
    with Relay(bench.server.tls_port) as line:
        peers = Peers(bench, user, port=line.port)
        with Mounted(peers, peers.folder / "mount") as point:
            line.refuse = True
            line.drop()
            rounds = [one_round(peers.folder, point / "mail" / "bench" / "Target", turn) for turn in range(bench.rounds)]
    figures(bench, rounds)


def figures(bench, rounds):
    least_s, one_s, many_s = (statistics.median(each) for each in zip(*rounds))
    bench.figures.add(f"cp of {COUNT:,} messages / two fdatasync each", statistics.median(one / least for least, one, _ in rounds), 1.5,
                      note=f"{one_s:.2f} s, the least {least_s:.2f} s")
    bench.figures.add(f"cp by {WRITERS} at once / by one: time for as many", statistics.median(many / one for _, one, many in rounds), 1 / 3,
                      note=f"{COUNT / many_s:.0f} a second, {COUNT / one_s:.0f} by one")
