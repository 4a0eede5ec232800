"""A store that has lived: its messages came in small numbers over a long time, in no order of folders or dates, and many have
gone or moved since, so that it was compacted again and again."""
from bench import corpus
from lib import messages
from lib.account import Account, Message

ROUNDS = 100   # synchronisations
REMOVED = 0.6  # of as many messages as there are in the end
MOVED = 0.4


class Life:
    """What another client does, as that of the live test, in numbers that are known."""

    def __init__(self, account, count):
        self.account, self.count = account, count
        self.random = messages.Random("aged")
        self.folders = {folder: [] for folder in corpus.FOLDERS} # UIDs
        self.number = 0
        account.create(*[name for name in corpus.FOLDERS if name != "INBOX"])

    def some(self, share):
        """What is due in a round."""
        return int(self.count * share / ROUNDS)

    def arrive(self, number):
        """Each in the folder that corpus.fill() would choose as often, with some date of the last year or so."""
        coming = {}
        for _ in range(number):
            _, raw = corpus.one(self.random, self.number)
            self.number += 1
            when = messages.BASE_TIME + self.random.below(self.count) * 3600
            coming.setdefault(self.random.choice(corpus.WEIGHTED), []).append(Message(raw, when=when))
        for folder, batch in coming.items():
            self.folders[folder] += self.account.append(folder, batch)

    def chosen(self, number):
        """(folder, UIDs): @number of all messages."""
        every = [(folder, uid) for folder, uids in self.folders.items() for uid in uids]
        found = {}
        for folder, uid in self.random.sample(every, number):
            found.setdefault(folder, []).append(uid)
        for folder, uids in found.items():
            gone = set(uids)
            yield folder, uids
            self.folders[folder] = [uid for uid in self.folders[folder] if uid not in gone]

    def remove(self, number):
        for folder, uids in self.chosen(number):
            self.account.expunge(folder, uids)

    def move(self, number):
        for folder, uids in self.chosen(number):
            target = self.random.choice([name for name in corpus.FOLDERS if name != folder])
            self.folders[target] += self.account.move(folder, uids, target)

    def flag(self):
        folder = self.random.choice([name for name, uids in self.folders.items() if uids])
        self.account.store(folder, self.random.sample(self.folders[folder], 20), "+FLAGS", self.random.choice(["\\Seen", "$work"]))

    def round(self):
        self.arrive(self.some(1 + REMOVED))
        self.remove(self.some(REMOVED))
        self.move(self.some(MOVED))
        self.flag()


def live(bench, peers, count):
    """Synchronises behind each round."""
    with Account.at(bench.server, peers.user) as account:
        life = Life(account, count)
        for _ in range(ROUNDS):
            life.round()
            peers.sync()
        life.arrive(count - sum(map(len, life.folders.values())))
        peers.sync()
