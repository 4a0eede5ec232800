"""Measures mailtree beside mbsync, interimap, mu and the least that could be done.  See docs/benchmarks.md.

Times of one run mean little on a shared machine, so what is compared runs in turn, several times, and the medians of the
ratios are printed.
"""
import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from bench import demand, first, large, latency, plot, search, two_way, views, writing
from bench.figures import Figures
from bench.running import Runner
from lib.certs import LOCAL_NAMES, Certificates
from lib.dovecot import Dovecot
from lib.private_network import ADDRESS

# Name, what it does, and the bar for the memory that any run of mailtree in it takes.
PARTS = [("sync", first.first_sync, 64), ("quiet", two_way.no_change, 64), ("change", two_way.one_change, 64), ("push", two_way.push, 64),
         ("latency", latency.latency, 64), ("warm", views.warm, 64), ("cold", views.cold, 64), ("listing", large.listing, 64), ("vast", large.vast, None),
         ("demand", demand.demand, 64), ("writing", writing.writing, 64), ("search", search.search, 64), ("memory", first.large_message, 64),
         ("huge", first.huge, None), ("far", first.far, 64)]


class Bench:
    """What every part needs."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.mailtree = options.mailtree
        self.rounds = options.rounds
        self.figures = Figures()
        self.failed = [] # parts
        certificates = Certificates(folder / "certs")
        self.ca = certificates.ca
        # mbsync looks for an address among the names.
        self.certificate = certificates.authority.issue("bench", alt_names=f"{LOCAL_NAMES},IP:{ADDRESS},DNS:{ADDRESS}")
        self.server = Dovecot(folder / "d", self.certificate, password="s3cret") # one that interimap can be told
        self.run = None

    @contextlib.contextmanager
    def elsewhere(self, server):
        """In the network of the calling thread, where @server is."""
        before = self.server, self.run
        with Runner() as run:
            self.server, self.run = server, run
            run.watch(self.mailtree)
            yield
        before[1].note_peak(run.peak())
        self.server, self.run = before

    def part(self, name, measure, memory_bar):
        """One that fails spoils no other."""
        self.run.watch(self.mailtree)
        start = time.monotonic()
        try:
            measure(self)
            if memory_bar and self.run.peak():
                self.figures.add(f"peak memory of any run of the part “{name}”", self.run.peak() / 1e6, memory_bar, "MB")
        except (Exception, SystemExit) as error: # the latter: a program that is measured has failed
            self.failed.append(name)
            if not isinstance(error, SystemExit):
                traceback.print_exc()
            print(f"the part “{name}” has failed: {error}", file=sys.stderr, flush=True)
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        if self.options.json:
            self.figures.save(self.options.json)


def measure(options):
    folder = Path(tempfile.mkdtemp(prefix="mtb-"))
    folder.chmod(0o755)
    try:
        bench = Bench(options, folder)
        bench.figures.say(f"{os.cpu_count()} processors; medians of {options.rounds} rounds or more\n")
        wanted = [part for part in PARTS if not options.only or part[0] in options.only]
        with Runner() as bench.run:
            with bench.server:
                for part in wanted:
                    if part[0] != "far":
                        bench.part(*part)
            for part in wanted: # it has a server of its own, with the same mail
                if part[0] == "far":
                    bench.part(*part)
        keep(options, bench.figures, bench.failed) # the folder takes its time to go
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bench.failed else 0


def document(page, figures):
    """Puts the table into @page where one is, and the plot beside it."""
    text = page.read_text(encoding="utf-8")
    head, found, rest = text.partition("| what | mailtree |")
    if not found:
        raise SystemExit(f"{page}: there is no table")
    tail = rest[rest.index("\n\n"):] # a table ends with an empty line
    page.write_text(head + figures.table().rstrip("\n") + tail, encoding="utf-8")
    page.with_suffix(".svg").write_text(plot.draw(figures.all), encoding="utf-8")


def keep(options, figures, failed):
    if options.json:
        figures.save(options.json)
    if options.plot:
        Path(options.plot).write_text(plot.draw(figures.all), encoding="utf-8")
    if options.page and failed:
        print(f"{options.page} stays as it is", file=sys.stderr)
    elif options.page:
        document(Path(options.page), figures)
    print(f"\n{figures.verdict()}" + "".join(f"\nfailed: {name}" for name in failed), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures mailtree beside mbsync, interimap and mu.")
    parser.add_argument("--mailtree", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each of two that are compared (default 3; the drain: three times as many)")
    parser.add_argument("--messages", type=int, default=12_000, help="of the account (default 12000, about 300 MB)")
    parser.add_argument("--only", nargs="+", choices=[name for name, *_ in PARTS], help="these parts only")
    parser.add_argument("--json", metavar="FILE", help="writes the figures there as well")
    parser.add_argument("--plot", metavar="FILE", help="draws them as an SVG")
    parser.add_argument("--page", metavar="FILE", help="puts the table into this page, such as docs/benchmarks.md, and the plot beside it")
    parser.add_argument("--again", metavar="FILE", nargs="+", help="measures nothing: the figures that former runs kept by --json")
    options = parser.parse_args()
    if options.page and options.only:
        parser.error("a page shows all parts; parts that were measured one after the other are put together by --again")
    if options.again:
        keep(options, Figures.kept(options.again), [])
        return 0
    return measure(options)


if __name__ == "__main__":
    sys.exit(main())
