"""What synchronising again costs: nothing new, one change, a thousand of ours.  Flights and bytes are counted by a relay."""
import statistics

from bench import near
from bench.peers import RTT_S, Peers, fill
from lib.account import Account
from lib.relay import Relay

OTHERS = ("mbsync", "interimap")
EVERY = ("mailtree", *OTHERS)


def count(line, peers, name):
    """Flights, bytes and what running told, of one synchronisation."""
    line.clear()
    ran = peers.sync(name)
    return line.flights, sum(line.bytes.values()), ran


def except_ours(found, index):
    return {name: values[index] for name, values in found.items() if name != "mailtree"}


def no_change(bench):
    for messages in (20_000, 200_000):
        user = f"still{messages}"
        fill(bench.server, user, 24, messages)
        with Relay(bench.server.tls_port) as line:
            peers = Peers(bench, user, port=line.port)
            names = EVERY if messages == 20_000 else EVERY[:1]
            peers.begin(*names)
            found = {name: count(line, peers, name)[:2] for name in names}
            what = f"no change, {messages:,} messages in 24 folders"
            bench.figures.add(f"{what}: flights", found["mailtree"][0], 4, others=except_ours(found, 0))
            bench.figures.add(f"{what}: traffic", found["mailtree"][1] / 1000, 8, "kB",
                              {name: each / 1000 for name, each in except_ours(found, 1).items()})
            if messages == 20_000:
                line.latency_s = RTT_S / 2
                times = {name: statistics.median(peers.sync(name).seconds for _ in range(bench.rounds)) for name in names}
                ours = times.pop("mailtree")
                bench.figures.add("no change, 50 ms: time", ours, 0.3, "s", times)


def one_change(bench):
    """In a folder of 1,000 and in one of 100,000."""
    costs = {}
    for messages in (1_000, 100_000):
        user = f"one{messages}"
        fill(bench.server, user, 1, messages)
        names = EVERY if messages == 100_000 else EVERY[:1]
        with Relay(bench.server.tls_port) as line, Account.at(bench.server, user) as account:
            peers = Peers(bench, user, port=line.port)
            peers.begin(*names)
            for turn in range(3):
                for what, change in near.by_others(account, messages, turn):
                    change()
                    for name in names:
                        costs.setdefault((what, name, messages), []).append(count(line, peers, name))
    for what in near.KINDS:
        report_one(bench.figures, what, costs)


def report_one(figures, what, costs):
    def median(name, messages, of):
        return statistics.median(of(each) for each in costs[what, name, messages])

    for unit, of, bar, scale, digits in (("flights", lambda each: each[0], 1, 1, ""), ("bytes", lambda each: each[1], 1.1, 1, ""),
                                         ("CPU", lambda each: each[2].cpu_s, 1.5, 1000, " ms")):
        many = {name: median(name, 100_000, of) * scale for name in EVERY}
        others = ", ".join(f"{name} {many[name]:.0f}{digits}" for name in OTHERS)
        figures.add(f"one {what}, 100,000 messages / 1,000: {unit}", median("mailtree", 100_000, of) / max(median("mailtree", 1_000, of), 0.001), bar,
                    note=f"{many['mailtree']:.0f}{digits}; {others}")


def push(bench, number=1000):
    """Three accounts alike, so that each program finds the same; the line is 40 ms long."""
    found = {}
    for name in EVERY:
        user = f"push-{name}"
        fill(bench.server, user, 2, 2 * number)
        with Relay(bench.server.tls_port) as line:
            peers = Peers(bench, user, port=line.port)
            peers.begin(name)
            line.latency_s = 0.02
            idle = count(line, peers, name)[0]
            for what, change in near.changes(peers, name, number):
                change()
                flights, _, ran = count(line, peers, name)
                found.setdefault(what, {})[name] = (flights - idle, ran.seconds)
                peers.sync(name) # what it left for the next time
    for what, bar, again in (("flag changes", 2, 1), ("small appends", 30, 1), ("moves", 4, 2)):
        # Of ours: besides those of each folder that is looked at again.
        bench.figures.add(f"{number:,} {what} pushed: flights", found[what]["mailtree"][0] - again, bar, others=except_ours(found[what], 0),
                          note="at 40 ms: " + ", ".join(f"{name} {found[what][name][1]:.2f} s" for name in EVERY))
