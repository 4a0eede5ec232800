"""The account that is measured: 20 folders, 12,000 messages, 300 MB; sizes as in a real mailbox (most are small text,
a few carry attachments).  The same seed gives the same bytes."""
from lib import messages
from lib.account import Account, Message

FOLDERS = ["INBOX", "Sent", "Archive/2023", "Archive/2024", "Lists/kernel", "Lists/debian"] + \
          [f"Projects/p{n:02}" for n in range(14)]
WEIGHTS = [3, 1, 3, 3, 4, 2] + [1] * 14
WEIGHTED = [folder for folder, weight in zip(FOLDERS, WEIGHTS) for _ in range(weight)] # for a choice


def text(random, size):
    """About @size bytes of words in lines."""
    vocabulary = messages.WORDS[random.choice(["us-ascii", "us-ascii", "iso-8859-2", "utf-8"])]
    picks = random.bytes(size // 6 + 1)
    words = [vocabulary[b % len(vocabulary)] for b in picks]
    return "\n".join(" ".join(words[i:i + 11]) for i in range(0, len(words), 11)) + "\n"


def one(random, number):
    body = text(random, 500 + random.below(6000))
    when = messages.BASE_TIME + number * 3600
    common = {"subject": f"{random.choice(messages.WORDS['iso-8859-2'])} {number}", "sender": random.choice(messages.PEOPLE), "when": when,
              "message_id": f"{number}@bench.example.org"}
    kind = random.below(100)
    if kind < 55:
        return when, messages.message(body, charset="utf-8", encoding=random.choice(["8bit", "quoted-printable"]), **common)
    if kind < 85:
        html = "<html><head><style>p { color: #333 }</style></head><body>" + "".join(
            f"<p class=\"x\">{line}</p>\n" for line in body.splitlines()) + "</body></html>\n"
        return when, messages.message(html, subtype="html", encoding="quoted-printable", **common)
    size = 30_000 + random.below(140_000)
    return when, messages.mixed(body, [(f"příloha {number}.bin", "application/octet-stream", random.bytes(size))], charset="utf-8",
                                encoding="quoted-printable", **common)


def fill(server, user, count=12_000, seed=1):
    """Appends the messages; the sum of their sizes."""
    random = messages.Random("bench", seed)
    total = 0
    number = 0
    with Account.at(server, user) as account:
        account.create(*[name for name in FOLDERS if name != "INBOX"])
        for folder, weight in zip(FOLDERS, WEIGHTS):
            batch = []
            for _ in range(count * weight // sum(WEIGHTS)):
                when, raw = one(random, number)
                batch.append(Message(raw, when=when))
                total += len(raw)
                number += 1
            account.append(folder, batch)
    return number, total
