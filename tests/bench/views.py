"""Searching the mounted tree with grep, beside a plain copy of it on the same disk: from memory, and from the disk."""
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench import aged, first
from bench.peers import Peers
from bench.running import Mounted, ended, until
from lib import ordinary_user

GREP = ["grep", "-r", "-c", "a word that is nowhere"]
VIEWS = ("text", "mail")
CACHES = Path("/proc/sys/vm/drop_caches")


def timed(command, **options):
    start = time.monotonic()
    ended(subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           **options))
    return time.monotonic() - start


def report(bench, name, pairs, bar):
    """@pairs: seconds in the tree, and of the plain copy right behind it."""
    ratios = sorted(ours / plain for ours, plain in pairs)
    bench.figures.add(name, statistics.median(ratios), bar,
                      note=f"{statistics.median(ours for ours, _ in pairs):.3f} s, plain {statistics.median(plain for _, plain in pairs):.3f} s; "
                           f"{ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} rounds")


def compare(bench, name, mounted, plain, bar, **options):
    """Two commands; the first run of each is thrown away."""
    timed(mounted, **options), timed(plain, **options)
    report(bench, name, [(timed(mounted, **options), timed(plain, **options)) for _ in range(3 * bench.rounds)], bar)


def copy(point, folder, views=VIEWS):
    """The plain copy."""
    shutil.rmtree(folder, ignore_errors=True)
    for view in views:
        shutil.copytree(point / view, folder / view, copy_function=shutil.copyfile)
    return folder


def warm(bench):
    first.have_account(bench)
    peers = Peers(bench, first.USER)
    with Mounted(peers, peers.folder / "mount") as point:
        plain = copy(point, peers.folder / "plain")
        for view, bar in zip(VIEWS, (1.2, 2.3)):
            compare(bench, f"grep -r, warm, {view}/ / plain copy", [*GREP, point / view], [*GREP, plain / view], bar)
    if (problem := ordinary_user.problem()):
        bench.figures.say(f"(not measured as an ordinary user: {problem})")
    else:
        as_user(bench, peers)


def as_user(bench, peers):
    """What was measured as root again, as a user who is not, with a copy of the store; with and without user_allow_other."""
    with tempfile.TemporaryDirectory(prefix="mtb-theirs-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        program = ordinary_user.program(Path(bench.mailtree), folder)
        shutil.copytree(peers.store, folder / "store", ignore=shutil.ignore_patterns("control"))
        shutil.copytree(peers.folder / "plain" / "text", folder / "plain")
        shutil.copy(peers.folder / "password", folder)
        shutil.copy(bench.ca, folder / "ca")
        (folder / "mount").mkdir()
        config = folder / "config"
        config.write_text(peers.config.read_text().replace(str(bench.ca), str(folder / "ca")).replace(str(peers.folder), name))
        config.chmod(0o600)
        ordinary_user.give(folder)
        ordinary_user.run(lambda: theirs(bench, program, config, "user_allow_other", 1.2), "user_allow_other\n")
        ordinary_user.run(lambda: theirs(bench, program, config, "without it", None))


def theirs(bench, program, config, words, bar):
    point = config.parent / "mount"
    with subprocess.Popen([str(program), "--config", str(config), "mount", "-f", str(point)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **ordinary_user.identity()) as process:
        try:
            until(lambda: "text" in ordinary_user.ran(["ls", point]).stdout.split(), "the mount")
            done = ordinary_user.ran([program, "--config", config, "sync"], timeout=600)
            if done.returncode != 0:
                raise SystemExit(f"sync: {done.stderr}")
            compare(bench, f"grep -r, warm, text/ of an ordinary user, {words} / plain copy", [*GREP, point / "text"],
                    [*GREP, config.parent / "plain"], bar, **ordinary_user.identity())
        finally:
            process.terminate()


def drop_caches():
    os.sync()
    CACHES.write_text("3\n", encoding="ascii")


def grep_cold(bench, peers, what, bar):
    """Mounted anew each time: the kernel has nothing of the tree, and nothing of the disk."""
    with Mounted(peers, peers.folder / "mount") as point:
        plain = copy(point, peers.folder / "plain")
    for view in VIEWS:
        pairs = []
        for _ in range(2 * bench.rounds):
            with Mounted(peers, peers.folder / "mount") as point:
                drop_caches()
                ours = timed([*GREP, point / view])
            drop_caches()
            pairs.append((ours, timed([*GREP, plain / view])))
        report(bench, f"grep -r, cold, {what}, {view}/ / plain copy", pairs, bar)


def cold(bench):
    if not os.access(CACHES, os.W_OK):
        bench.figures.say("(not measured: only root can drop what the kernel has cached)")
        return
    first.have_account(bench)
    grep_cold(bench, Peers(bench, first.USER), "fresh store", 1.0)
    peers = Peers(bench, "aged")
    aged.live(bench, peers, bench.options.messages)
    grep_cold(bench, peers, "aged store", 1.5)
