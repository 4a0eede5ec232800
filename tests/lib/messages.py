"""Messages made by a seed: the same arguments give the same bytes on every machine and with every version of Python.

All are CRLF-terminated, as a server sends them.
"""
import base64
import hashlib
import time

PEOPLE = [
    ("Alice Nováková", "alice@example.cz"), ("Bob Smith", "bob@example.org"), ("Jiří Šťastný", "jiri@example.cz"),
    ("Ольга Петрова", "olga@example.org"), ("דנה לוי", "dana@example.org"), ("王小明", "wang@example.org"),
    ("Zoë O'Brien", "zoe@example.org"), ("", "no-reply@shop.example.com"),
]
WORDS = {
    "us-ascii": "the a message invoice meeting garden train letter window paper summer winter river bread answer".split(),
    "iso-8859-2": "kůň žluťoučký příliš úpěl ďábelské ódy světlo řeka město večer účet faktura schůzka vlak".split(),
    "windows-1251": "письмо встреча счёт поезд река город вечер ответ лето зима хлеб окно бумага сад".split(),
    "utf-8": "naïve café 日本語 письмо שלום příliš žluťoučký 𝒻ancy ﬁn garden मेल".split(),
}
BASE_TIME = 1_600_000_000


class Random:
    """A small generator of our own (SHA-256 in counter mode), since random's streams may change between versions."""

    def __init__(self, *seed):
        self._seed = repr(seed).encode()
        self._counter = 0
        self._pool = b""

    def bytes(self, count):
        pieces = [self._pool]
        have = len(self._pool)
        while have < count:
            piece = hashlib.sha256(self._seed + self._counter.to_bytes(8, "big")).digest()
            self._counter += 1
            pieces.append(piece)
            have += len(piece)
        pool = b"".join(pieces)
        self._pool = pool[count:]
        return pool[:count]

    def below(self, limit):
        return int.from_bytes(self.bytes(8), "big") % limit

    def choice(self, items):
        return items[self.below(len(items))]

    def sample(self, items, count):
        items = list(items)
        for i in range(min(count, len(items))):
            j = i + self.below(len(items) - i)
            items[i], items[j] = items[j], items[i]
        return items[:count]


def encoded_word(text, charset="utf-8", encoding="B"):
    """RFC 2047, short enough for one word."""
    raw = text.encode(charset)
    if encoding == "B":
        return f"=?{charset}?B?{base64.b64encode(raw).decode('ascii')}?="
    body = "".join(chr(b) if chr(b).isalnum() and b < 128 else "_" if b == 32 else f"={b:02X}" for b in raw)
    return f"=?{charset}?Q?{body}?="


def encoded_words(text, charset="utf-8", encoding="B"):
    """@text as it may stand in a header: as it is if it is ASCII, else folded encoded words of at most 75 characters."""
    if text.isascii():
        return text
    words, current = [], ""
    for character in text:
        if len(encoded_word(current + character, charset, encoding)) > 75:
            words.append(encoded_word(current, charset, encoding))
            current = ""
        current += character
    return "\r\n ".join([*words, encoded_word(current, charset, encoding)])


def address(name, mailbox):
    return f"{encoded_words(name)} <{mailbox}>" if name else mailbox


def quoted_printable(raw):
    """RFC 2045, soft breaks at 72 columns; @raw has LF line ends, the result CRLF."""
    lines = []
    for line in raw.split(b"\n"):
        current = ""
        for index, byte in enumerate(line):
            last = index == len(line) - 1
            plain = 33 <= byte <= 126 and byte != 61 or byte in (9, 32) and not last
            piece = chr(byte) if plain else f"={byte:02X}"
            if len(current) + len(piece) > 72:
                lines.append(current + "=")
                current = ""
            current += piece
        lines.append(current)
    return "\r\n".join(lines).encode("ascii")


def base64_lines(raw):
    text = base64.b64encode(raw)
    return b"\r\n".join(text[i:i + 76] for i in range(0, len(text), 76))


def rfc822_date(when):
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(when))


def imap_date(when):
    """For APPEND and for comparison with INTERNALDATE."""
    return time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(when))


def message(body, subject="Subject", sender=("Alice Nováková", "alice@example.cz"), to="bob@example.org", when=BASE_TIME,
            charset="utf-8", encoding="8bit", subtype="plain", message_id=None, extra=()):
    """A message of one part.  @body is text with LF line ends."""
    raw = body.encode(charset, "replace")
    if encoding == "base64":
        content = base64_lines(raw)
    elif encoding == "quoted-printable":
        content = quoted_printable(raw)
    else:
        content = raw.replace(b"\n", b"\r\n")
    ident = message_id or hashlib.sha256(repr((subject, sender, when, body)).encode()).hexdigest()[:24] + "@example.org"
    headers = [
        f"From: {address(*sender)}",
        f"To: {to}",
        f"Date: {rfc822_date(when)}",
        f"Subject: {encoded_words(subject)}",
        f"Message-ID: <{ident}>",
        "MIME-Version: 1.0",
        f"Content-Type: text/{subtype}; charset={charset}",
        f"Content-Transfer-Encoding: {encoding}",
        *extra,
    ]
    return "\r\n".join(headers).encode("utf-8") + b"\r\n\r\n" + content + b"\r\n"


def mixed(text, attachments, **keywords):
    """multipart/mixed of a text part and (file name, type, bytes) attachments; names by RFC 2231."""
    whole = message(text, **keywords)
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    inner = [line for line in lines if line.lower().startswith(b"content-")]
    outer = [line for line in lines if not line.lower().startswith(b"content-")]
    boundary = b"=_" + hashlib.sha256(whole).hexdigest()[:20].encode()
    parts = [b"\r\n".join(inner) + b"\r\n\r\n" + body]
    for name, kind, content in attachments:
        encoded = "".join(chr(b) if chr(b).isalnum() and b < 128 or b in b"-._" else f"%{b:02X}" for b in name.encode("utf-8"))
        parts.append((f"Content-Type: {kind}\r\nContent-Disposition: attachment; filename*=utf-8''{encoded}\r\n"
                      "Content-Transfer-Encoding: base64\r\n\r\n").encode("ascii") + base64_lines(content) + b"\r\n")
    outer.append(b"Content-Type: multipart/mixed; boundary=\"" + boundary + b"\"")
    return (b"\r\n".join(outer) + b"\r\n\r\n" + b"".join(b"--" + boundary + b"\r\n" + part for part in parts) +
            b"--" + boundary + b"--\r\n")


def random_message(seed, index, size=None):
    """One of many plausible messages: charset, encoding, person, length and now and then an attachment by the seed.
    @size: about so many bytes in all; None: mostly a few kB, sometimes far more."""
    rnd = Random("message", seed, index)
    charset = rnd.choice(list(WORDS))
    encoding = rnd.choice(["8bit", "quoted-printable", "base64"]) if charset != "us-ascii" else "7bit"
    if size is None:
        size = 500 + rnd.below(5000) if rnd.below(20) else 20_000 + rnd.below(100_000)
    words = WORDS[charset]
    subject = " ".join(rnd.choice(words) for _ in range(1 + rnd.below(5)))
    attachments = []
    if size > 15_000:
        attachments = [(f"příloha {index}.bin", "application/octet-stream", rnd.bytes((size - 3000) * 54 // 74))]
        size = 3000
    lines, have = [], 0
    want = size * 3 // 4 if encoding == "base64" else size // 2 if encoding == "quoted-printable" else size
    while have < want - 500:
        line = " ".join(rnd.choice(words) for _ in range(6 + rnd.below(6)))
        lines.append(line)
        have += len(line.encode(charset)) + 2
    lines.append(f"line-{seed}-{index}")
    keywords = dict(subject=f"{subject} {index}", sender=rnd.choice(PEOPLE), when=BASE_TIME + index * 3601 + rnd.below(3000),
                    charset=charset, encoding=encoding, message_id=f"{seed}.{index}@example.org")
    if attachments:
        return mixed("\n".join(lines), attachments, **keywords)
    return message("\n".join(lines), **keywords)
