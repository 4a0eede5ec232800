"""Names of folders and messages that a hostile server chooses reach nobody's disk or terminal as they are."""
import os
import unicodedata

import pytest
from lib import messages
from lib.account import utf7_encode
from lib.messages import encoded_word, message
from lib.scripted import Session, literal

pytestmark = pytest.mark.usefixtures("fuse")

FOLDERS = {
    "dots": b"..", "dot": b".", "up": b"../../../etc", "inside": b"a/../b", "absolute": b"/etc/passwd", "double": b"a//b",
    "end": b"tail/", "empty component": b"//", "control": b"bell\x07tab\tescape\x1b[31m", "newline": b"two\r\nlines",
    "8 bit": b"\xc5\xbelu\xc5\xa5", "invalid 8 bit": b"\xff\xfe", "long": b"L" * 5000, "deep": b"/".join([b"d"] * 300),
    "bad utf7": b"&AB", "utf7 of ascii": b"&AGEAYg-", "utf7 slash": b"a&AC8-b", "utf7 nul": b"n&AAA-l", "lone surrogate": b"&2D0-",
    "bidi": utf7_encode("abc\u202etxt.exe").encode(), "zero width": utf7_encode("in\u200bbox").encode(),
    "decomposed": utf7_encode("e\u0301").encode(), "composed": utf7_encode("\u00e9").encode(), "case": b"CASE", "other case": b"case",
    "star": b"*", "percent": b"%", "tilde": b"~root", "hidden": b".git", "dash": b"-rf", "eml": b"looks like ~1.eml",
    "readme": b"README", "spaces": b"  ", "quote": b'q"u\\o', "literal": b"in\\box", "nil": b"NIL",
}
SUBJECTS = [
    "../../etc/passwd", "a/b/c", "nul\0byte", "two\r\nlines", "tab\tand\x1b[31mred", "\u202egnp.exe", "\u2066isolate\u2069", "zero\u200bwidth\ufeff",
    "." * 300, "-rf", ".hidden", "ž" * 400, "👨‍👩‍👧‍👦" * 60, "e\u0301" * 200, "", " ", "~9999.eml", "CON", "a\\b:c*d?e\"f<g>h|i", "\ud7ff\ue000", "line\u2028sep",
    "नमस्ते" * 60, "\u0300" * 100, "x" * 10000,
]


BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff"


def unsafe(name):
    """Why a file should not have this name; None if it may.  Names of folders map one to one, so what is only misleading
    is left to them."""
    if name in ("", ".", "..") or "/" in name:
        return "a path"
    if len(name.encode("utf-8", "surrogateescape")) > 255:
        return "too long"
    for character in name:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in BIDI and name.endswith((".eml", ".txt")):
            return f"holds {character!r}"
    return None


def walk(top):
    for place, folders, files in os.walk(top):
        for name in folders + files:
            yield os.path.join(place, name), name


def test_hostile_names_of_folders_stay_below_their_account(serve, home):
    class AsLiteral(Session):
        def list_line(self, kind, box):
            return kind + b' () "/" ' + literal(box.name)

    server = serve(AsLiteral)
    for number, (what, name) in enumerate(FOLDERS.items()):
        server.add(name, [messages.message(f"In {what}.\n", subject=f"number {number}")])
    server.add("Good", [messages.message("Good.\n")])
    home.configure(**server.account())
    done = home.run("sync")
    assert done.status in (0, 69, 75), str(done)
    assert not any(unicodedata.category(character) == "Cc" for character in (done.out + done.err).replace("\n", "")), str(done)
    with home.mount() as mount:
        for path, name in walk(mount.path):
            assert unsafe(name) is None, f"{path!r}: {unsafe(name)}"
            os.lstat(path)
        found = mount.messages()
        assert len(found["Good"]) == 1
        bodies = sorted(raw for uids in found.values() for raw in uids.values())
        served = sorted(mail.raw for box in server.boxes.values() for mail in box.mails)
        lost = [raw for raw in served if raw not in bodies]
        # What cannot be a folder here may be left out, with a warning; plain names may not.
        for what in ("case", "other case", "composed", "star", "percent", "tilde", "dash", "eml", "readme", "quote", "nil", "utf7 slash"):
            assert not any(f"In {what}.".encode() in raw for raw in lost), f"{what} is not here"
        assert len(set(bodies)) == len(bodies), "two folders became one"
        if lost:
            assert done.err or done.status, "something was left out without a word"


def test_folders_that_would_have_one_name_stay_apart(serve, home):
    """With the separator ".", "a/b" is one folder, which is not that of a.b."""
    server = serve(separator=b".")
    for name in (b"a/b", b"a.b", b"a&AC8-b", b"a"):
        server.add(name, [messages.message(name.decode() + "\n", subject=name.decode())])
    home.configure(**server.account())
    done = home.run("sync")
    assert done.status in (0, 69, 75), str(done)
    with home.mount() as mount:
        bodies = [raw for uids in mount.messages().values() for raw in uids.values()]
        assert len(bodies) == len(set(bodies))
        assert {b"a\r\n", b"a.b\r\n"} <= {raw.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for raw in bodies}


def test_a_server_without_hierarchy(serve, home):
    server = serve(separator=b"")
    server.add("a.b", [messages.message("flat\n")])
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        assert "a.b" in mount.folders()


def test_the_same_folder_listed_twice(serve, home):
    class Twice(Session):
        def list_boxes(self, kind, *arguments):
            for box in list(self.server.boxes.values()):
                self.untagged(self.list_line(kind, box))
            super().list_boxes(kind, *arguments)

    server = serve(Twice)
    server.add("A", [messages.message("once\n")])
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        assert len(mount.messages()["A"]) == 1


def test_hostile_subjects_make_safe_names(serve, home):
    server = serve()
    mails = [message("x\n", subject="ascii", extra=()).replace(b"Subject: ascii", b"Subject: " + encoded(subject)) for subject in SUBJECTS]
    mails += [message("x\n", sender=(name, "a@example.org")) for name in ("../..", "a/b", "ž" * 300, "\u202eabc", "x" * 500)]
    mails += [b"From: \r\nSubject:\r\n\r\n", b"From: \x00\x01 <>\r\nSubject: \xff\xff/\x1b\r\n\r\n", b"Subject: =?utf-8?Q?=2E=2E=2F?=\r\n\r\n"]
    server.add("Box", mails)
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        for path, name in walk(mount.path):
            assert unsafe(name) is None, f"{path!r}: {unsafe(name)}"
        found = mount.messages()["Box"]
        assert [found[uid] for uid in sorted(found)] == mails
        assert len(mount.texts()["Box"]) == len(mails)
        for path in mount.files()["Box"].values():
            assert unicodedata.is_normalized("NFC", path.name)


def encoded(subject):
    try:
        return b" ".join(encoded_word(subject[index:index + 10]).encode() for index in range(0, len(subject), 10))
    except UnicodeEncodeError:
        return b"surrogate"


def test_flags_and_dates_of_a_hostile_server(serve, home):
    class Odd(Session):
        def fetch_item(self, mail, item):
            if item.upper() == b"INTERNALDATE":
                return [b'INTERNALDATE "01-Jan-0000 00:00:00 +0000"', b'INTERNALDATE "31-Dec-9999 23:59:60 +1400"',
                        b'INTERNALDATE "99-Foo-2020 99:99:99 +9999"', b"INTERNALDATE NIL"][mail.uid % 4]
            if item.upper() == b"FLAGS":
                return b"FLAGS (" + b" ".join(b"$flag%d" % index for index in range(2000)) + b")"
            return super().fetch_item(mail, item)

    server = serve(Odd)
    server.add("A", [messages.message(f"{index}\n") for index in range(8)])
    home.configure(**server.account())
    done = home.run("sync")
    assert done.status in (0, 69, 75), str(done)
    with home.mount() as mount:
        assert len(mount.messages().get("A", {})) == 8
