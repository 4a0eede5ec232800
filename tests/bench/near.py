"""What users do: with each program in its way, and by another client."""
import os
import re

from bench.peers import small
from lib.account import Account

KINDS = ("new message", "flag", "expunge")


def by_others(account, messages, turn):
    """One change of each of KINDS; @turn: another one each time."""
    return zip(KINDS, (lambda: account.append("INBOX", [small(messages + turn, "new")]),
                       lambda: account.store("INBOX", [messages // 2 + turn], "+FLAGS", "\\Flagged"),
                       lambda: account.expunge("INBOX", [messages // 3 + turn])))


def changes(peers, name, number):
    """(what, how) of @number flags, appends and moves, where @name finds them."""
    return zip(("flag changes", "small appends", "moves"),
               {"mailtree": _by_mailtree, "mbsync": _by_maildir, "interimap": _by_server}[name](peers, number))


def _by_mailtree(peers, number):
    paths = [f"bench/INBOX/~{uid}" for uid in range(1, number + 1)]
    files = []
    for index in range(number):
        files.append(peers.folder / f"{index}.eml")
        files[-1].write_bytes(small(index, "mine"))
    return [lambda words=words: peers.run(peers.mailtree_command(*words)) for words in (
        ["flag", "add", "\\Flagged", *paths], ["append", "bench/f01", *files], ["move", *paths, "bench/f01"])]


def _by_maildir(peers, number):
    inbox, other = peers.maildir / "INBOX", peers.maildir / "f01"

    def every():
        return [os.path.join(inbox, sub, name) for sub in ("cur", "new") for name in sorted(os.listdir(inbox / sub))][:number]

    def flag():
        for path in every():
            base, _, flags = os.path.basename(path).partition(":2,")
            os.rename(path, inbox / "cur" / f"{base}:2,{''.join(sorted(set(flags) | {'F'}))}")

    def append():
        for index in range(number):
            (other / "new" / f"{index}.bench.localhost").write_bytes(small(index, "mine").replace(b"\r\n", b"\n"))

    def move():
        for path in every():
            os.rename(path, other / "cur" / re.sub(r",U=\d+", "", os.path.basename(path)))
    return flag, append, move


def _by_server(peers, number):
    """The near side of interimap is a server."""
    def there(change):
        with Account.at(peers.bench.server, peers.near) as account:
            change(account)
    return (lambda: there(lambda account: account.store("INBOX", account.uids("INBOX")[:number], "+FLAGS", "\\Flagged")),
            lambda: there(lambda account: account.append("f01", [small(index, "mine") for index in range(number)])),
            lambda: there(lambda account: account.move("INBOX", account.uids("INBOX")[:number], "f01")))
