"""Other programs that write files: GLib's, shells, touch, dd, python, and those that set flags, modes and owners."""
import ctypes
import errno
import os

import pytest
from lib.account import Message
from lib.writing import NEW, NEW_CRLF


def edited(work, index=1):
    return work.work[index].raw.replace(b"line-w-%d" % index, b"edited")


# GLib

def test_g_file_set_contents(work):
    """A temporary file in the folder, without a name that could be told from a message's, renamed over it."""
    glib = ctypes.CDLL("libglib-2.0.so.0")
    glib.g_file_set_contents.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ssize_t, ctypes.c_void_p]
    raw = edited(work)
    before = work.line.uploads()
    assert glib.g_file_set_contents(os.fsencode(work.file(1)), raw, len(raw), None)
    work.saved_over(1, raw)
    assert work.line.uploads() == before + 1


@pytest.mark.parametrize("options", [[], ["--backup"], ["--etag", "1"]], ids=["plain", "backup", "etag"])
def test_gio_save(options, work):
    """g_file_replace(), as file managers and GNOME's programs do."""
    path = work.file(1)
    source = work.home.folder / "source"
    source.write_bytes(edited(work))
    with open(source, "rb") as stdin:
        done = work.run("gio", "save", *options, path, stdin=stdin, check=not options or options[0] != "--etag")
    if "--etag" in options: # somebody else has changed it, for all that it knows
        assert done.returncode != 0
        work.ends()
        return
    assert path.read_bytes() == edited(work)
    work.saved_over(1, edited(work), beside={f"{path.name}~"} if options else ())


def test_gio_save_of_something_new(work):
    source = work.new("source")
    with open(source, "rb") as stdin:
        work.run("gio", "save", "--create", work.folder() / "x.eml", stdin=stdin)
    work.ends(plus=[("Work", work.now(source.read_bytes()))], named={"x.eml"})


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_gio_copies_and_moves(verb, work):
    path = work.file(1)
    work.run("gio", verb, path, work.folder("Empty") / path.name)
    minus = [("Work", work.work[1])] if verb == "move" else []
    work.ends(minus, [("Empty", work.work[1])], users={path.name}) # by bytes, with the attributes


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_gio_over_a_message(verb, work):
    source = work.new("source")
    raw = source.read_bytes()
    os.utime(source, (1_500_000_000, 1_500_000_000))
    work.run("gio", verb, source, work.file(1))
    work.ends([("Work", work.work[1])],
              [("Work", work.like(1, raw, when=1_500_000_000)), ("Trash", work.work[1])])


def test_gio_trash_makes_no_trash_of_its_own(work):
    done = work.run("gio", "trash", work.file(1), check=False)
    assert done.returncode != 0 and done.stderr
    work.ends()
    assert not [folder for folder in work.folders() if "rash" in folder]


def test_gio_remove_and_mkdir(work):
    work.run("gio", "remove", work.file(1))
    work.run("gio", "mkdir", "-p", work.folder("Empty") / "One" / "Two")
    work.ends([("Work", work.work[1])], [("Trash", work.work[1])])
    assert "Empty/One/Two" in work.folders()


# Shells and their tools

def test_output_into_a_file(work):
    work.sh('cat "$1" > "$2"; cat "$1" > "$3"', work.new("source"), work.file(1), work.folder() / "x.eml")
    raw = work.new("source").read_bytes()
    work.ends([("Work", work.work[1])],
              [("Work", work.like(1, raw)), ("Trash", work.work[1]), ("Work", work.now(raw))], named={"x.eml"})


def test_appending(work):
    work.sh('echo one >> "$1"; echo two >> "$1"; echo one >> "$2"', work.file(1), work.folder() / "x.eml")
    work.ends([("Work", work.work[1])], [("Work", work.like(1, work.work[1].raw + b"one\r\ntwo\r\n")), ("Trash", work.work[1])],
              beside={"x.eml"})


def test_several_commands_into_one_file(work):
    work.sh('{ printf "From: a@example.org\\n"; printf "Subject: x\\n\\n" | cat; cat "$1"; } > "$2"', work.new("body"), work.folder() / "x.eml")
    raw = b"From: a@example.org\nSubject: x\n\n" + work.new("body").read_bytes()
    work.ends(plus=[("Work", work.now(raw))], named={"x.eml"})


def test_tee_and_a_here_document(work):
    work.sh('tee -a "$1" > /dev/null <<END\nFrom: a@example.org\n\nText\nEND', work.folder() / "x.eml")
    work.ends(plus=[("Work", work.now(b"From: a@example.org\n\nText\n"))], named={"x.eml"})


def test_dd(work):
    raw = bytearray(work.work[1].raw)
    raw[10:16] = b"XXXXXX"
    work.sh('printf XXXXXX | dd of="$1" bs=1 seek=10 conv=notrunc status=none', work.file(1))
    work.ends([("Work", work.work[1])], [("Work", work.like(1, bytes(raw))), ("Trash", work.work[1])])


def test_dd_with_every_kind_of_writing(work):
    raw = work.crlf(work.new("source").read_bytes())
    work.line.stop()
    for options in "conv=fsync", "oflag=sync", "oflag=append conv=notrunc", "bs=7", "oflag=direct bs=4096":
        path = work.folder() / f"{options.replace(' ', '-')}.eml"
        work.run("dd", f"if={work.new('source')}", f"of={path}", "status=none", *options.split())
        assert path.read_bytes() == raw, options
        path.unlink()
    work.line.go_on()
    work.ends(plus=[("Trash", work.now(raw))] * 5, users=set(work.names("Trash"))) # where what is removed goes


def test_truncate(work):
    work.run("truncate", "-s", "0", work.file(1))
    assert work.file(1).read_bytes() == b""
    work.run("truncate", "-s", "100", work.folder() / "new.swp")
    assert (work.folder() / "new.swp").read_bytes() == bytes(100)
    work.file(1).write_bytes(NEW)
    work.saved_over(1, NEW, beside={"new.swp"})


@pytest.mark.parametrize("empty", [': > "$1"', 'truncate -s 0 "$1"',
                                   'python3 -c "import os, sys; os.truncate(sys.argv[1], 0)" "$1"'], ids=["shell", "truncate", "call"])
def test_what_is_emptied_first(empty, work):
    """What is appended then is all that there is, and the message that was there is in the Trash once."""
    work.sh(f'{empty} && test ! -s "$1" && cat "$2" >> "$1"', work.file(1), work.new("x"))
    work.saved_over(1, work.new("x").read_bytes())


def test_touch(work):
    work.run("touch", work.folder() / "empty.eml")
    work.run("cp", work.new("x"), work.folder() / "x.eml")
    work.run("touch", "-d", "@1500000000", work.folder() / "x.eml")
    assert (work.folder() / "x.eml").stat().st_mtime == 1_500_000_000
    plus = [("Work", Message(work.crlf(work.new("x").read_bytes()), frozenset(), 1_500_000_000))]
    work.ends(plus=plus, beside={"empty.eml"}, named={"x.eml"})
    done = work.run("touch", work.file(0), check=False)
    assert done.returncode == 1 and b"not permitted" in done.stderr
    work.ends(plus=plus, beside={"empty.eml"}, named={"x.eml"})


def test_python_reads_and_writes(work):
    with open(work.file(1), "r+b") as file:
        raw = file.read()
        file.seek(raw.index(b"line-w-1"))
        file.write(b"line-XX1")
    with open(work.file(2), "a+b") as file:
        file.write(b"more\r\n")
        file.seek(0)
        assert file.read() == work.work[2].raw + b"more\r\n"
    with open(work.folder() / "x.eml", "xb") as file:
        file.write(NEW)
    one = work.like(1, work.work[1].raw.replace(b"line-w-1", b"line-XX1"))
    two = work.like(2, work.work[2].raw + b"more\r\n")
    work.ends([("Work", work.work[1]), ("Work", work.work[2])],
              [("Work", one), ("Work", two), ("Trash", work.work[1]), ("Trash", work.work[2]), ("Work", work.now(NEW))], named={"x.eml"})


def test_a_file_that_is_written_backwards_and_with_holes(work):
    path = work.folder() / "x.eml"
    with open(path, "wb", buffering=0) as file:
        for offset in range(len(NEW_CRLF) - 1, -1, -1):
            os.pwrite(file.fileno(), NEW_CRLF[offset:offset + 1], offset)
    assert path.read_bytes() == NEW_CRLF
    work.ends(plus=[("Work", work.now(NEW_CRLF))], named={"x.eml"})


@pytest.mark.parametrize("size", [4096, 128 * 1024 - 1, 1 << 20, (5 << 20) + 7])
def test_messages_of_any_size(size, work):
    """In memory while they are small, else in a file."""
    body = (b"0123456789abcdef" * 4 + b"\r\n") * (size // 66)
    raw = NEW_CRLF + body + b"x" * (size - len(body))
    (work.home.folder / "big").write_bytes(raw)
    work.run("cp", work.home.folder / "big", work.folder() / "big.eml")
    assert (work.folder() / "big.eml").read_bytes() == raw
    with open(work.folder() / "big.eml", "r+b") as file:
        file.seek(len(NEW_CRLF))
        file.write(b"9")
    raw = raw[:len(NEW_CRLF)] + b"9" + raw[len(NEW_CRLF) + 1:]
    work.ends(plus=[("Work", work.now(raw))], named={"big.eml"})


# Attributes

def test_setfattr_and_getfattr(work):
    path = work.file(1)
    work.run("setfattr", "-n", "user.imap.flags", "-v", "\\Seen \\Flagged $Label1", path)
    said = work.run("getfattr", "--absolute-names", "-d", path).decode()
    assert 'user.imap.flags="\\\\Seen \\\\Flagged $Label1"' in said
    work.run("setfattr", "-x", "user.imap.flags", work.file(3))
    for name in ("user.other", "user.imap.uid"):
        done = work.run("setfattr", "-n", name, "-v", "x", path, check=False)
        assert done.returncode == 1 and b"not supported" in done.stderr
    done = work.run("setfattr", "-n", "user.imap.flags", "-v", "Seen", path, check=False)
    assert done.returncode == 1 and b"Invalid argument" in done.stderr, "the shell has taken a backslash"
    work.ends([("Work", work.work[1]), ("Work", work.work[3])],
              [("Work", work.like(1, flags=frozenset(["\\Seen", "\\Flagged", "$Label1"]))), ("Work", work.like(3, flags=frozenset()))])


def test_flags_of_what_is_not_uploaded_yet(work):
    path = work.folder() / "x.eml"
    path.write_bytes(NEW)
    said = work.run("getfattr", "--absolute-names", "-d", path)
    assert b'user.mailtree.state="pending"' in said and b"user.imap.uid" not in said, "it has none, and none is listed"
    work.run("setfattr", "-n", "user.imap.flags", "-v", "\\Seen $New", path)
    work.ends(plus=[("Work", work.now(NEW, "\\Seen", "$New"))], named={"x.eml"})


def test_chmod_and_chown(work):
    work.run("chmod", "-R", "u+rwX,go-rwx", work.folder())
    work.run("chown", "-R", f"{os.getuid()}:{os.getgid()}", work.folder())
    done = work.run("chown", "12345", work.file(1), check=False)
    assert done.returncode == 1 and b"not permitted" in done.stderr
    work.ends()


def test_ln_and_mkfifo(work):
    for command in (["ln", "-s", "x", work.folder() / "link"], ["mkfifo", work.folder() / "fifo"], ["ln", work.file(1), work.folder() / "x.eml"]):
        done = work.run(*command, check=False)
        assert done.returncode == 1 and b"not permitted" in done.stderr, command
    work.run("ln", work.file(1), work.folder("Empty") / "x.eml")
    work.ends(plus=[("Empty", work.work[1])], named={"x.eml"})


def test_df_and_du(work):
    assert work.run("df", work.folder())
    assert int(work.run("du", "-sb", "--apparent-size", work.folder()).split()[0]) >= sum(len(each.raw) for each in work.work)


def test_find_and_xargs(work):
    work.sh('find "$1" -name "*.eml" -print0 | xargs -0 sed -i s/second/2nd/', work.folder())
    work.all_saved_over([each.raw.replace(b"second", b"2nd") for each in work.work])


def test_errors_are_told_by_tools(work):
    """Nothing succeeds that was not done."""
    for command, number in ((["mkdir", work.folder() / "x.tmp"], errno.EPERM), (["cp", work.new("x"), work.mount.mail / "test"], errno.EPERM),
                            (["rmdir", work.folder("INBOX")], errno.EBUSY), (["rmdir", work.folder()], errno.ENOTEMPTY)):
        done = work.run(*command, check=False)
        assert done.returncode != 0 and os.strerror(number).encode() in done.stderr, done
    work.ends()
