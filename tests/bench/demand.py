"""How soon a body that is not here is read: over a long line, of which each round trip is felt."""
import os
import statistics
import time

from bench.peers import RTT_S, Peers, fill
from bench.running import Mounted
from lib.relay import Relay


def first_byte(path):
    """Milliseconds."""
    start = time.monotonic()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert len(os.read(descriptor, 1)) == 1
        return (time.monotonic() - start) * 1000
    finally:
        os.close(descriptor)


def demand(bench, count=300):
    """In turn in INBOX and in another folder."""
    user = "headers"
    fill(bench.server, user, 2, count)
    with Relay(bench.server.tls_port) as line:
        peers = Peers(bench, user, port=line.port)
        peers.config.write_text(peers.config.read_text() + "bodies = headers\n")
        peers.sync()
        line.latency_s = RTT_S / 2
        took = {}
        with Mounted(peers, peers.folder / "mount") as point:
            for turn in range(5 * bench.rounds):
                for box in ("INBOX", "f01"):
                    folder = point / "mail" / "bench" / box
                    names = sorted(os.listdir(folder))
                    time.sleep(0.2) # whoever reads one message and then another; not what follows at once
                    took.setdefault(box, []).append(first_byte(folder / names[turn * 5]))
    every = [ms for each in took.values() for ms in each]
    bench.figures.add(f"first byte of a body that is not here, {RTT_S * 1000:.0f} ms line", statistics.median(every), RTT_S * 1000 + 10, "ms",
                      note=f"of {len(every)}: " + ", ".join(f"{box} {statistics.median(each):.0f}, at most {max(each):.0f}" for box, each in took.items()))
