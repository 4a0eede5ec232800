"""Full-text search beside mu, of the same mail."""
import shutil
import statistics

from bench import first
from bench.peers import Peers
from bench.running import Mounted

RUNS = 20 # of a search, in each round
QUERIES = [("a common word", "garden"), ("a rare one", "subject:4711")]


class Mu:
    """maildir-utils over the Maildir that mbsync made."""

    def __init__(self, bench, peers):
        self.run = bench.run
        self.home = peers.folder / "mu"
        self.maildir = peers.maildir

    def index(self):
        shutil.rmtree(self.home, ignore_errors=True)
        self.run(["mu", "init", "--quiet", f"--muhome={self.home}", f"--maildir={self.maildir}"])
        return self.run(["mu", "index", "--quiet", f"--muhome={self.home}"])

    def find(self, query):
        return self.run(["mu", "find", f"--muhome={self.home}", "-n", "100", query])


def index(bench, peers, mu):
    """Texts and index from nothing, as a search does it that finds neither."""
    ours, theirs = [], []
    for _ in range(bench.rounds):
        for lost in ("derived.db", "search.db", "text"):
            for path in peers.store.glob(lost + "*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        ours.append(bench.run(peers.mailtree_command("search", "-n", "1", "nowhere-at-all"), status=1))
        theirs.append(mu.index())
    kept = sum(path.stat().st_size for path in peers.store.glob("search.db*"))
    bench.figures.add("texts and index made / mu index", statistics.median(a.seconds / b.seconds for a, b in zip(ours, theirs)), 0.8,
                      note=f"{statistics.median(each.seconds for each in ours):.2f} s, {statistics.median(each.cpu_s for each in ours):.2f} s of a processor; "
                      f"mu {statistics.median(each.seconds for each in theirs):.2f} s, {statistics.median(each.cpu_s for each in theirs):.2f} s; the index has {kept / 1e6:.1f} MB")


def find(bench, peers, mu, where):
    for what, query in QUERIES:
        pairs = [(bench.run(peers.mailtree_command("search", "-n", "100", query)), mu.find(query)) for _ in range(bench.rounds * RUNS)]
        bench.figures.add(f"first 100 of {what}{where} / mu find", statistics.median(a.seconds / b.seconds for a, b in pairs), 1,
                          note=f"{statistics.median(a.seconds for a, _ in pairs) * 1000:.1f} ms, mu {statistics.median(b.seconds for _, b in pairs) * 1000:.1f} ms")


def search(bench):
    first.have_account(bench)
    peers = Peers(bench, first.USER)
    peers.begin("mailtree", "mbsync")
    mu = Mu(bench, peers)
    index(bench, peers, mu)
    find(bench, peers, mu, "")
    with Mounted(peers, peers.folder / "mount"):
        find(bench, peers, mu, ", beside a mount")
