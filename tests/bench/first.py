"""The first synchronisation: beside mbsync, interimap and the drain; over a long line; of a million messages."""
import statistics

from bench import corpus
from bench.drain import drain
from bench.peers import RTT_S, Peers
from lib import messages, private_network, scripted
from lib.account import Account, Message
from lib.dovecot import Dovecot
from lib.relay import DOWN, Relay
from lib.scripted_vast import Vast

USER = "first"
RATE = 100e6 / 8 # bytes a second


def have_account(bench):
    if not hasattr(bench, "first_sync_bytes"):
        count, bench.first_sync_bytes = corpus.fill(bench.server, USER, bench.options.messages)
        bench.account_is = f"{count:,} messages, {bench.first_sync_bytes / 1e6:.0f} MB"


def first_sync(bench):
    """In turn, so that a loaded machine is as slow for each; ratios of runs side by side."""
    have_account(bench)
    peers = Peers(bench, USER)
    rounds = {"mailtree": [], "drain": [], "mbsync": []}
    for turn in range(3 * bench.rounds):
        peers.clear()
        rounds["drain"].append(drain(bench.server, bench.ca, USER))
        rounds["mailtree"].append(peers.sync())
        if turn < bench.rounds: # it takes its time
            peers.clear("mbsync")
            rounds["mbsync"].append(peers.sync("mbsync").seconds)
    peers.clear("interimap")
    interimap = peers.sync("interimap").seconds
    ours = [each.seconds for each in rounds["mailtree"]]
    bench.figures.add(f"first sync, loopback, {bench.account_is}", statistics.median(ours), None, "s",
                      {"mbsync": statistics.median(rounds["mbsync"]), "interimap": interimap},
                      f"{statistics.median(each.cpu_s for each in rounds['mailtree']):.2f} s of a processor; drain {statistics.median(rounds['drain']):.2f} s")
    bench.figures.add("first sync / mbsync", statistics.median(a / b for a, b in zip(ours, rounds["mbsync"])), 0.25)
    ratios = sorted(a / b for a, b in zip(ours, rounds["drain"]))
    bench.figures.add("first sync / drain", statistics.median(ratios), 1.5, note=f"{ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} rounds")


def far(bench):
    """A loopback address is not compressed for; so this is in a network of its own, with another address."""
    if not private_network.available():
        bench.figures.say("(not measured: only root can make a private network)")
        return
    private_network.run(lambda address: far_inside(bench, address))


def far_inside(bench, address):
    with Dovecot(bench.folder / "d", bench.certificate, password=bench.server.password) as server, bench.elsewhere(server):
        have_account(bench)
        with Relay(server.tls_port, latency_s=RTT_S / 2, rate=RATE, host=address) as line:
            peers = Peers(bench, USER, host=address, port=line.port)
            seconds, ratios = [], []
            for _ in range(bench.rounds):
                peers.clear()
                line.clear()
                seconds.append(peers.sync().seconds)
                ratios.append(seconds[-1] / (line.bytes[DOWN] / RATE))
            carried = line.bytes[DOWN]
            others = {}
            for name in ("mbsync", "interimap"):
                peers.clear(name)
                others[name] = peers.sync(name).seconds
    bench.figures.add("first sync, 50 ms, 100 Mbit/s", statistics.median(seconds), None, "s", others,
                      f"{carried / 1e6:.0f} MB on the line, which takes {carried / RATE:.1f} s")
    bench.figures.add("first sync, 50 ms, 100 Mbit/s / line time of the compressed bytes", statistics.median(ratios), 1.2)


def large_message(bench):
    raw = messages.mixed("a large one\n", [("film.bin", "video/mp4", messages.Random("big").bytes(60_000_000))])
    with Account.at(bench.server, "big") as account:
        account.append("INBOX", [Message(raw)])
    bench.figures.add(f"first sync with a message of {len(raw) / 1e6:.0f} MB", Peers(bench, "big").sync().seconds, None, "s")


def huge(bench, count=1_000_000):
    """The server gives what it knows of each message, and no bodies: what is kept here is their metadata."""
    with scripted.Server(Vast, capability=scripted.QRESYNC, user="vast", password=bench.server.password) as server:
        server.count = count
        peers = Peers(bench, "vast", port=server.port)
        peers.config.write_text(peers.config.read_text() + "tls = none\nconnections = 2\n")
        command = peers.mailtree_command("sync")
        ran = bench.run(command, status=75) # it says that the bodies are yet to come
        again = bench.run(command, status=75)
    bench.figures.add(f"{count:,} messages' metadata come", ran.seconds, None, "s", note=f"{ran.cpu_s:.1f} s of a processor")
    bench.figures.add(f"{count:,} messages' metadata: peak memory", max(ran.peak_bytes, again.peak_bytes) / 1e6, 150, "MB")
