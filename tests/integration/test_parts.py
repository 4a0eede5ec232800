"""parts/: what a message consists of as files, under their own names and decoded; nothing of it is stored twice."""
import base64
import binascii
import contextlib
import email
import email.policy
import errno
import hashlib
import os
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from lib import messages
from lib.headers import MAILS, asked, fill, mounted, sent, until
from lib.messages import base64_lines, encoded_word, message, mixed, quoted_printable
from lib.program import SLOW
from lib.scripted import FULL

pytestmark = pytest.mark.usefixtures("fuse")


def raw(name, parts, kind="multipart/mixed", extra=""):
    """A message of @parts: (header, content), both bytes; @name is its subject."""
    boundary = b"=_" + hashlib.sha256(repr((name, len(parts))).encode()).hexdigest()[:16].encode()
    head = f"From: a@example.org\r\nSubject: {name}\r\n{extra}Content-Type: {kind}; boundary=\"{boundary.decode()}\"\r\n\r\n"
    return head.encode() + b"".join(b"--" + boundary + b"\r\n" + header + b"\r\n\r\n" + content + b"\r\n"
                                    for header, content in parts) + b"--" + boundary + b"--\r\n"


def attachment(disposition, content=b"x", kind="application/octet-stream"):
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; {disposition}"
    return head.encode() if isinstance(disposition, str) else head, base64_lines(content)


@pytest.fixture
def tree_of(serve, home):
    """tree_of(mails): the directory of each of them in parts/, and the mount."""
    running = []

    def get(mails, **keys):
        server = serve(capability=FULL)
        server.add("A", list(mails))
        home.configure(**server.account(), **keys)
        home.sync()
        mount = home.mount()
        running.append(mount)
        mount.__enter__()
        home.sync() # so that nothing moves under the test
        return [parts(mount, path) for _, path in sorted(mount.files()["A"].items())], mount
    yield get
    for mount in running:
        mount.__exit__(None)


def parts(mount, path):
    """The directory in parts/ of what @path is in mail/."""
    return mount.path / "parts" / path.relative_to(mount.mail).parent / path.name.removesuffix(".eml")


def everything(place):
    """{path below place: bytes} of all files; each size is checked on the way."""
    found = {}
    for folder, _, names in os.walk(place):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read()
            assert os.stat(path).st_size == len(content), path
            found[os.path.relpath(path, place)] = content
    return found


def sh(command, folder, check=True):
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, timeout=60 * SLOW,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0 or not check, done.stderr.decode(errors="replace")
    return done.stdout.decode("utf-8", "surrogateescape")


# Content


def test_attachments_are_files_under_their_own_names(tree_of):
    pdf, image = messages.Random("pdf").bytes(100_000), messages.Random("image").bytes(3_000)
    (place,), _ = tree_of([mixed("Viz přílohy.\n", [("smlouva č. 5.pdf", "application/pdf", pdf), ("foto.jpg", "image/jpeg", image)],
                                 charset="iso-8859-2", encoding="quoted-printable")])
    assert sh("ls -1", place).splitlines() == ["body.txt", "foto.jpg", "smlouva č. 5.pdf"]
    assert sh("sha256sum foto.jpg 'smlouva č. 5.pdf' | cut -d' ' -f1", place).split() == \
        [hashlib.sha256(content).hexdigest() for content in (image, pdf)]
    assert (place / "body.txt").read_bytes() == "Viz přílohy.\r\n".encode("iso-8859-2")


NAMES = {
    "filename=plain.pdf": "plain.pdf",
    "filename=\"quoted name.pdf\"": "quoted name.pdf",
    "filename*=utf-8''%C5%BElu%C5%A5ou%C4%8Dk%C3%BD.pdf": "žluťoučký.pdf",
    "filename*=iso-8859-2''%BElu%BBou%E8k%FD-2.pdf": "žluťoučký-2.pdf",
    "filename*0*=utf-8''%C5%99; filename*1=\"aha\"; filename*2=.pdf": "řaha.pdf",
    f"filename=\"{encoded_word('šifra.pdf')}\"": "šifra.pdf",
    f"filename=\"{encoded_word('Привет.pdf', 'koi8-r', 'Q')}\"": "Привет.pdf",
    f"filename={encoded_word('日本.pdf', 'iso-2022-jp')}": "日本.pdf",
    "filename=\"raw ř.pdf\"": "raw ř.pdf",
    "filename*=utf-8''r%CC%8C%20decomposed.pdf": "ř decomposed.pdf",
    "filename=\"../../../etc/passwd\"": "etc-passwd",
    "filename=\"/etc/shadow\"": "etc-shadow",
    "filename=\".hidden\"": "hidden",
    "filename=\"-rf\"": "rf",
    "filename*=utf-8''cod%E2%80%AEfdp.exe": "codfdp.exe",
    "filename*=utf-8''line%0Aend.pdf": "line end.pdf",
    f"filename=\"{'long' * 100}.pdf\"": "long" * 49 + ".pdf",
    f"filename*=utf-8''{'%F0%9F%98%80' * 100}.tar.gz": "😀" * 49 + ".gz",
}


def test_names_of_all_kinds(tree_of):
    contents = [str(index).encode() for index in range(len(NAMES))]
    (place,), _ = tree_of([raw("x", [attachment(name, content) for name, content in zip(NAMES, contents)])])
    assert everything(place) == dict(zip(NAMES.values(), contents))
    assert all(len(name.encode()) <= 200 for name in os.listdir(place))


def test_without_a_name_it_is_called_by_its_type(tree_of):
    (place,), _ = tree_of([raw("x", [
        (b"Content-Type: text/plain; charset=utf-8", b"text"), (b"Content-Type: text/html", b"<p>html"),
        attachment("size=1", b"png", "image/png"), attachment("filename=\"..\"", b"pdf", "application/pdf"),
        attachment("filename=\"\"", b"?", "x-unknown/y"), (b"Content-Type: text/plain", b"footer")])])
    assert everything(place) == {"body.txt": b"text", "body.html": b"<p>html", "part-3.png": b"png", "part-4.pdf": b"pdf",
                                 "part-5.bin": b"?", "body (2).txt": b"footer"}


def test_the_same_name_twice_also_for_those_who_do_not_tell_case(tree_of):
    (place,), _ = tree_of([raw("x", [attachment(f"filename=\"{name}\"", str(index).encode())
                                     for index, name in enumerate(["a.pdf", "a.pdf", "A.PDF", "a (2).pdf", "Š", "š"])])])
    assert everything(place) == {"a.pdf": b"0", "a (2).pdf": b"1", "A (3).PDF": b"2", "a (2) (2).pdf": b"3", "Š": b"4", "š (2)": b"5"}


def test_a_message_in_the_message_is_a_folder(tree_of):
    inner = mixed("uvnitř\n", [("a.pdf", "application/pdf", b"%PDF")], subject="Vnitřní / zpráva")
    outer = message("uvnitř\n", subject="prostřední").rstrip(b"\r\n")
    both = raw("vnější", [(b"Content-Type: message/rfc822", outer), (b"Content-Type: message/rfc822; name=x.eml", inner),
                          (b"Content-Type: message/rfc822; name=\"stara.eml\"", b"From: a@b\r\n\r\nx")])
    (place,), _ = tree_of([both])
    assert everything(place) == {
        "prostřední/message.eml": outer, "prostřední/body.txt": "uvnitř".encode(),
        "Vnitřní - zpráva/message.eml": inner, "Vnitřní - zpráva/body.txt": "uvnitř\r\n".encode(), "Vnitřní - zpráva/a.pdf": b"%PDF",
        "stara/message.eml": b"From: a@b\r\n\r\nx", "stara/body.txt": b"x"}
    assert sh("find . -type d", place).splitlines() == [".", "./prostřední", "./Vnitřní - zpráva", "./stara"]


def test_a_browser_is_told_the_charset_that_only_the_header_names(tree_of):
    html = "<p>žluťoučký".encode("iso-8859-2")
    places, _ = tree_of([raw("x", [(b"Content-Type: text/html; charset=iso-8859-2", html)]),
                         raw("y", [(b"Content-Type: text/html; charset=iso-8859-2", b"<meta charset='iso-8859-2'>" + html)]),
                         raw("z", [attachment("filename=z.html", html, "text/html; charset=iso-8859-2")])])
    assert [everything(place) for place in places] == [
        {"body.html": b"<meta charset=\"iso-8859-2\">\n" + html}, {"body.html": b"<meta charset='iso-8859-2'>" + html},
        {"z.html": html}]


def random_leaf(rnd):
    """(header, encoded content) of a part in some encoding, with what real mail has of broken ones."""
    content = rnd.bytes(rnd.below(3 * 10 ** rnd.below(6)))
    kind = rnd.below(6)
    if kind == 0:
        text = base64.encodebytes(content)
        return b"base64", text.replace(b"\n", rnd.choice([b"\n", b"\r\n", b"\r\n\r\n", b" \r\n\t", b"!\r\n"]))
    if kind == 1:
        return b"base64", base64.b64encode(content).rstrip(b"=")
    if kind == 2:
        return b"Quoted-Printable", quoted_printable(content.replace(b"\r", b"")) + rnd.choice([b"", b"=", b"=\r\n"])
    if kind == 3:
        lines = [content[i:i + 45] for i in range(0, len(content), 45)]
        return b"x-uuencode", b"begin 644 a\r\n" + b"".join(binascii.b2a_uu(line)[:-1] + b"\r\n" for line in lines) + b"`\r\nend\r\n"
    text = b"\r\n".join(rnd.choice([b"", b"a b", b"-- ", b"--x", b"=41", "řeka".encode()]) for _ in range(rnd.below(400)))
    return rnd.choice([b"7bit", b"8bit", b"binary", b"x-nothing"]), text


def random_tree(rnd, depth=0):
    count = 1 + rnd.below(4)
    leaves = []
    for index in range(count):
        if depth < 3 and rnd.below(4) == 0:
            leaves.append((b"Content-Type: message/rfc822", random_tree(rnd, depth + 1)))
            continue
        encoding, content = random_leaf(rnd)
        leaves.append((b"Content-Type: a/b\r\nContent-Transfer-Encoding: " + encoding, content))
    return raw(f"{depth} {rnd.below(10 ** 9)}", leaves, rnd.choice(["multipart/mixed", "multipart/alternative"]))


def expected(mail):
    """What Python's email package makes of @mail: bytes of a leaf, a list of a message inside."""
    if mail.is_multipart() and mail.get_content_type() != "message/rfc822":
        return [found for part in mail.get_payload() for found in expected(part)]
    if mail.get_content_type() == "message/rfc822":
        return [expected(mail.get_payload(0))]
    return [mail.get_payload(decode=True)]


def shown(place):
    """The same of a directory, in its order."""
    return [shown(entry.path) if entry.is_dir() else open(entry.path, "rb").read()
            for entry in os.scandir(place) if entry.name != "message.eml"]


def test_contents_are_those_that_python_decodes(tree_of, pytestconfig):
    rnd = messages.Random("parts", pytestconfig.option.seed)
    mails = [random_tree(rnd) for _ in range(60)]
    places, _ = tree_of(mails)
    for mail, place in zip(mails, places):
        everything(place) # sizes
        assert shown(place) == expected(email.message_from_bytes(mail, policy=email.policy.compat32)), mail


def test_a_large_attachment_is_read_from_anywhere(tree_of, pytestconfig):
    rnd = messages.Random("large", pytestconfig.option.seed)
    block = rnd.bytes(1_000_003)
    content = b"".join(block[index:] + block[:index] for index in range(40))
    (place,), _ = tree_of([mixed("x", [("velká.bin", "application/octet-stream", content)])])
    path = place / "velká.bin"
    assert path.stat().st_size == len(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        for _ in range(200):
            offset, length = rnd.below(len(content)), 1 + rnd.below(200_000)
            assert os.pread(descriptor, length, offset) == content[offset:offset + length]
    finally:
        os.close(descriptor)
    assert sh("sha256sum < velká.bin", place).split()[0] == hashlib.sha256(content).hexdigest()


# The tree


def test_tools_see_everything_and_cp_takes_it_away(tree_of, home):
    mails = [messages.random_message("cp", index) for index in range(12)]
    _, mount = tree_of([*mails, raw("outer", [(b"Content-Type: message/rfc822", mails[0])])])
    copy = home.folder / "copy"
    sh(f"cp -r parts '{copy}'", mount.path)
    assert everything(copy) == everything(mount.path / "parts")
    assert sh("find parts -type f | wc -l", mount.path) == sh(f"find '{copy}' -type f | wc -l", home.folder)
    sh(f"diff -r parts '{copy}'", mount.path)
    assert len(os.listdir(mount.path / "parts" / "test" / "A")) == len(os.listdir(mount.mail / "test" / "A"))
    sh(f"rm -r '{copy}'", home.folder)


def test_attributes(tree_of):
    (place,), mount = tree_of([raw("x", [attachment("filename=a.pdf", b"1", "application/pdf"), (b"Content-Type: message/rfc822", MAILS[0])])])
    file, folder = place / "a.pdf", next(path for path in place.iterdir() if path.is_dir())
    mail = mount.files()["A"][1]
    assert file.stat().st_mode & 0o7777 == 0o400
    assert [path.stat().st_mode & 0o7777 for path in (place, folder)] == [0o700, 0o700]
    assert {int(path.stat().st_mtime) for path in (place, file, folder, folder / "message.eml")} == {int(mail.stat().st_mtime)}
    assert os.getxattr(file, "user.mime_type") == b"application/pdf"
    assert os.listxattr(file) == ["user.mime_type"]
    assert os.getxattr(folder / "message.eml", "user.mime_type") == b"message/rfc822"
    assert os.getxattr(place, "user.imap.uid") == b"1"
    for name, wanted in (("user.imap.uid", errno.ENODATA), ("security.selinux", errno.EOPNOTSUPP)):
        with pytest.raises(OSError) as caught:
            os.getxattr(file, name)
        assert caught.value.errno == wanted
    assert os.statvfs(file).f_namemax == 255


def test_inode_numbers_stay(serve, home):
    server = serve()
    server.add("A", [raw("x", [attachment(f"filename={index}") for index in range(5)]), MAILS[0]])
    home.configure(**server.account())
    home.sync()

    def numbers(mount):
        found = {}
        for folder, folders, names in os.walk(mount.path):
            found.update({os.path.relpath(os.path.join(folder, name), mount.path): os.lstat(os.path.join(folder, name)).st_ino
                          for name in folders + names})
        return {path: number for path, number in found.items() if path.startswith("parts")}, found
    with home.mount() as mount:
        home.sync()
        first, everywhere = numbers(mount)
        assert len(set(everywhere.values())) == len(everywhere)
    (home.store / "derived.db").unlink()
    with home.mount() as mount:
        home.sync()
        assert numbers(mount)[0] == first


@pytest.mark.parametrize("what", ["write", "create", "truncate", "unlink", "rename", "mkdir", "rmdir", "utimes", "chmod", "setxattr", "link"])
def test_it_is_for_reading_only(what, tree_of):
    (place,), mount = tree_of([raw("x", [attachment("filename=a"), (b"Content-Type: message/rfc822", MAILS[0])])])
    file = place / "a"
    folder = next(path for path in place.iterdir() if path.is_dir())

    def write():
        descriptor = os.open(file, os.O_WRONLY)
        try:
            os.write(descriptor, b"y")
        finally:
            os.close(descriptor)
    calls = {
        "write": write, "create": lambda: (place / "new").write_bytes(b"x"), "truncate": lambda: os.truncate(file, 0),
        "unlink": file.unlink, "rename": lambda: file.rename(place / "b"), "mkdir": lambda: (place / "new").mkdir(),
        "rmdir": folder.rmdir, "utimes": lambda: os.utime(file, (0, 0)), "chmod": lambda: file.chmod(0o600),
        "setxattr": lambda: os.setxattr(file, "user.x", b"y"), "link": lambda: os.link(file, place / "b"),
    }
    with pytest.raises(OSError) as caught:
        calls[what]()
    assert caught.value.errno == errno.EROFS
    assert file.read_bytes() == b"x"
    assert mount.files()["A"][1].exists()


def test_many_look_at_once(tree_of):
    content = messages.Random("many").bytes(5_000_000)
    places, _ = tree_of([mixed("x", [("a.bin", "application/octet-stream", content)], subject=str(index)) for index in range(2)])
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda index: everything(places[index % 2]), range(16)))
    assert all(one == {"body.txt": b"x", "a.bin": content} for one in found)


def outlines(home):
    with sqlite3.connect(home.store / "derived.db") as db:
        return db.execute("SELECT count(*) FROM parts").fetchone()[0]


def test_only_what_was_looked_into_costs_anything(tree_of, home):
    places, mount = tree_of(MAILS)
    assert len(sh("ls -l parts/test/A; find parts -mindepth 3 -maxdepth 3", mount.path).splitlines()) == 1 + 2 * len(MAILS)
    everything(mount.mail)
    assert outlines(home) == 0
    everything(places[5])
    everything(places[5])
    assert outlines(home) == 1


@pytest.mark.parametrize("damage", ["UPDATE parts SET outline = x'00'", "UPDATE parts SET outline = substr(outline, 1, length(outline) - 1)",
                                    "UPDATE parts SET version = 77", "DELETE FROM parts"])
def test_what_is_kept_is_made_again(damage, serve, home):
    server = serve()
    server.add("A", [mixed("x", [("a.bin", "application/octet-stream", b"content")])])
    home.configure(**server.account())
    home.sync()
    for _ in range(2):
        with home.mount() as mount:
            home.sync()
            assert everything(parts(mount, mount.files()["A"][1])) == {"body.txt": b"x", "a.bin": b"content"}
        with sqlite3.connect(home.store / "derived.db") as db:
            db.execute(damage)


# What comes and goes


def test_a_message_that_is_not_here_is_an_empty_directory(serve, home):
    server = serve()
    fill(server)
    with mounted(home, server) as mount:
        file = mount.files()["INBOX"][3]
        place = parts(mount, file)
        assert everything(mount.path / "parts") == {}
        assert list(place.iterdir()) == []
        assert not (place / "body.txt").exists()
        assert sent(server, b"") == 0 and not asked(server)
        file.read_bytes()
        home.sync()
        assert everything(place) == {"body.txt": b"secret2 in the body\r\n\r\n"}
        assert everything(mount.path / "parts") == {os.path.relpath(place / "body.txt", mount.path / "parts"): b"secret2 in the body\r\n\r\n"}
        assert len(asked(server)) == 1


def test_messages_come_and_go(serve, home):
    server = serve(capability=FULL)
    box = server.add("A", [MAILS[0]])
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        home.sync()
        first = parts(mount, mount.files()["A"][1])
        assert everything(first) == {"body.txt": b"secret0 in the body\r\n\r\n"}
        box.add(MAILS[1])
        home.sync()
        second = parts(mount, mount.files()["A"][2])
        assert everything(second) == {"body.txt": b"secret1 in the body\r\n\r\n"}
        home.run("delete", str(mount.files()["A"][1]))
        home.sync()
        assert os.listdir(first.parent) == [second.name]
        assert not first.exists() and not (first / "body.txt").exists()


def test_a_message_that_is_saved_again_has_its_new_parts(serve, home):
    """Its row, and so the inode numbers, stay while it is only here; size and, in the same second, time are the same, and the
    kernel keeps what is open."""
    server = serve()
    server.add("A", MAILS[:1])
    home.configure(**server.account())
    home.sync()
    server.close()

    def close(descriptor):
        with contextlib.suppress(OSError): # the kernel says that what it was opened for is gone
            os.close(descriptor)
    with home.mount() as mount, contextlib.ExitStack() as held:
        file = mount.mail / "test" / "A" / "mine.eml"
        numbers = set()
        for word in (b"first", b"other", b"third"):
            file.write_bytes(b"From: a@example.org\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nSubject: x\n\n" + word + b"\n")
            until(lambda: everything(parts(mount, file)) == {"body.txt": word + b"\r\n"}, "the other view has it too")
            numbers.add((parts(mount, file) / "body.txt").stat().st_ino)
            held.callback(close, os.open(parts(mount, file) / "body.txt", os.O_RDONLY))
        assert len(numbers) == 1


def test_files_that_are_no_messages_are_not_there(tree_of):
    (place,), mount = tree_of(MAILS[:1])
    (mount.mail / "test" / "A" / "notes.tmp").write_bytes(b"x")
    assert os.listdir(mount.path / "parts" / "test" / "A") == [place.name]
    assert not (mount.path / "parts" / "test" / "A" / "notes.tmp").exists()


def test_names_that_meet(tree_of):
    """A folder, a message, and one whose name does not end in .eml, would all be called the same."""
    _, mount = tree_of(MAILS[:3])
    folder, place = mount.mail / "test" / "A", mount.path / "parts" / "test" / "A"
    files = mount.files()["A"]
    bodies = [{"body.txt": f"secret{index} in the body\r\n\r\n".encode()} for index in range(3)]

    def shows(wanted):
        def is_so():
            names = os.listdir(place)
            return sorted(names) == sorted(wanted) and all(everything(place / name) == files for name, files in wanted.items())
        until(is_so, f"parts/ shows {wanted}")
    second, third = (files[uid].name.removesuffix(".eml") for uid in (2, 3))
    files[1].rename(folder / "one")
    shows({"one": bodies[0], second: bodies[1], third: bodies[2]})
    files[2].rename(folder / "one.eml")
    shows({"one": bodies[1], third: bodies[2]})
    files[3].rename(folder / "sub.eml")
    (folder / "sub").mkdir()
    shows({"one": bodies[1], "sub": {}})
    (folder / "sub.eml").rename(folder / "sub" / "x.eml")
    shows({"one": bodies[1], "sub": {f"x/{name}": content for name, content in bodies[2].items()}})
