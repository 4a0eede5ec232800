"""text/ is what grep should read: words are found there whatever their encoding."""
import subprocess

import pytest
from lib import messages
from lib.messages import encoded_word, message, mixed

pytestmark = pytest.mark.usefixtures("fuse")

HTML = """<html><head><title>Nabídka</title><style>.hidden-style{color:red}</style><script>var scriptword = 1;</script></head>
<body><p>První odstavec s &#x10d;esk&yacute;m slovem <b>žluťou&#269;k&yacute;</b>.</p><ul><li>jedna<li>dvě</ul>
<table><tr><td>levá</td><td>pravá</td></tr></table></body></html>
"""
BODIES = {
    # word to be found: message that holds it, though not in these bytes
    "kůňvbase64": message("Text s kůňvbase64 uvnitř.\n", encoding="base64"),
    "žluťoučký-qp": message("Příliš žluťoučký-qp kůň.\n", charset="iso-8859-2", encoding="quoted-printable"),
    "osmibitový-ř": message("Slovo osmibitový-ř je tu.\n", charset="windows-1250"),
    "письмо-слово": message("Это письмо-слово.\n", charset="koi8-r", encoding="base64"),
    "日本語の単語": message("これは日本語の単語です。\n", charset="iso-2022-jp", encoding="7bit"),
    "中文词语": message("这是中文词语。\n", charset="gb18030", encoding="base64"),
    "עברית-מילה": message("זו עברית-מילה כאן.\n", charset="utf-8", encoding="quoted-printable"),
    "žluťoučký": message(HTML, subtype="html", encoding="base64"),
    "předmět-šifra": message("Nic.\n", subject="předmět-šifra"),
    "odesílatel-ž": message("Nic.\n", sender=("odesílatel-ž", "x@example.org")),
    "příloha-č.pdf": mixed("Viz přílohu.", [("příloha-č.pdf", "application/pdf", b"%PDF-1.4")]),
    # the end of a message that is read back from the store, since it is not kept in memory
    "konec-ž.pdf": mixed("Viz konec.", [("film.bin", "video/mp4", bytes(1_500_000)), ("konec-ž.pdf", "application/pdf", b"%PDF-1.4")]),
    "rozděleněslovo": message("x" * 70 + "rozděleněslovo\n", encoding="quoted-printable"),
    "kopie-pro-ň": message("Nic.\n", extra=(f"Cc: {encoded_word('kopie-pro-ň')} <c@example.org>",)),
}


@pytest.fixture
def tree(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("Slova")
        account.append("Slova", BODIES.values())
    home.sync()
    with home.mount() as mount:
        yield mount


def grep(word, folder):
    done = subprocess.run(["grep", "-rlF", "--", word, str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


def test_words_of_every_encoding_are_found_by_grep(tree):
    missing = {}
    for uid, word in enumerate(BODIES, 1):
        found = grep(word, tree.text / "test" / "Slova")
        if not any(f" ~{uid}." in path for path in found):
            missing[word] = found
    assert missing == {}


def test_mail_holds_the_encoded_bytes(tree):
    assert grep("kůňvbase64", tree.mail / "test") == []
    assert grep("Text s kůňvbase64", tree.text / "test") != []


def test_rendering_begins_with_the_headers_and_an_empty_line(tree):
    text = tree.texts()["Slova"][1]
    head, _, body = text.partition("\n\n")
    lines = head.split("\n")
    assert "From: Alice Nováková <alice@example.cz>" in lines
    assert "Subject: Subject" in lines
    assert any(line.startswith("Date: ") for line in lines)
    assert any(line.startswith("To: ") and "bob@example.org" in line for line in lines)
    assert body.startswith("Text s kůňvbase64 uvnitř.")
    assert "\r" not in text


def test_html_is_readable_and_holds_no_markup(tree):
    text = tree.texts()["Slova"][list(BODIES).index("žluťoučký") + 1]
    assert "První odstavec s českým slovem žluťoučký." in " ".join(text.split())
    assert "<" not in text.partition("\n\n")[2]
    assert "scriptword" not in text and "hidden-style" not in text


def test_names_in_text_are_those_of_mail(tree):
    mail, text = tree.files(), tree.files(view="text")
    assert {uid: path.name.removesuffix(".eml") for uid, path in mail["Slova"].items()} == \
           {uid: path.name.removesuffix(".txt") for uid, path in text["Slova"].items()}


def test_every_rendering_is_utf8_and_as_long_as_it_says(tree):
    for path in tree.files(view="text")["Slova"].values():
        raw = path.read_bytes()
        raw.decode("utf-8")
        assert path.stat().st_size == len(raw)


def test_broken_encodings_degrade_to_what_can_be_read(remote, home):
    broken = [
        b"Content-Type: text/plain; charset=x-no-such-charset\r\n\r\nasciiword h\xe9re\r\n",
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nbad \xff\xfe utf8word\r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!! not base64\r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsoft=\r\nword =ZZ =\r\n",
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nunclosedword\r\n",
        b"Subject: =?utf-8?B?4pyT?= =?x-none?Q?charset?= =?utf-8?Q?=FF?=\r\n\r\nbody\r\n",
    ]
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.append("INBOX", broken)
    home.sync()
    with home.mount() as mount:
        texts = mount.texts()["INBOX"]
    assert len(texts) == len(broken)
    assert "asciiword" in texts[1] and "utf8word" in texts[2] and "softword" in texts[4] and "unclosedword" in texts[5]
    assert "✓" in texts[6]


def test_renderings_are_made_anew_when_their_database_is_gone(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.append("INBOX", [messages.message("Slovo znovunalezené.\n", encoding="base64")])
    home.sync()
    with home.mount() as mount:
        before = mount.texts()
    removed = [path.unlink() for path in home.store.glob("derived.db*")]
    assert removed
    home.sync()
    with home.mount() as mount:
        assert mount.texts() == before
