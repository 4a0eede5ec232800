"""Editors save messages in many ways; each leaves one message with the flags and the date of the one before, which is in the
Trash, and nothing of the editor's own on the server."""
import os
import pty
import select
import subprocess
import time

import pytest
from lib.program import SLOW

VIM = ["vim", "-N", "-u", "NONE", "-i", "NONE", "-c", "set backupskip="] # by default it makes no backups below /tmp


def edited(work, index=1):
    return work.work[index].raw.replace(b"line-w-%d" % index, b"edited")


def typed(work, command, shows, keys):
    """Runs @command on a terminal, where somebody types @keys once it shows @shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(work.home.folder)
        os.execvpe(command[0], [str(word) for word in command], {**work.home.environment, "TERM": "xterm"})
    screen, sent, deadline = b"", False, time.monotonic() + 40 * SLOW
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                piece = os.read(terminal, 65536)
            except OSError: # it has ended
                break
            screen += piece
            if not sent and shows in screen:
                os.write(terminal, keys)
                sent = True
        else:
            os.kill(pid, 9)
    finally:
        os.close(terminal)
        status = os.waitpid(pid, 0)[1]
        work.home.story.append(f"{command}: {screen!r}")
    assert status == 0, screen


def put_aside(work, *names):
    """self.work[1] is called x~, as by an editor, and then otherwise; then something else is written under its first name."""
    path = work.file(1)
    aside = path.parent / "x~"
    os.rename(path, aside)
    for name in names:
        os.rename(aside, name)
    work.run("cp", work.new(), path)
    return work.like(1, work.new().read_bytes())


def test_what_was_put_aside_and_is_called_otherwise_then_is_kept(work):
    new = put_aside(work, work.folder() / "kept.eml")
    work.ends(plus=[("Work", new)], named={"kept.eml"})


def test_what_was_put_aside_and_is_moved_then_is_kept(work):
    new = put_aside(work, work.folder("Other") / "x~")
    work.ends([("Work", work.work[1])], [("Work", new), ("Other", work.work[1])], named={"x~"})


def test_what_was_put_aside_and_is_removed_then_leaves_nothing(work):
    path = work.file(1)
    os.rename(path, path.parent / "x~")
    os.remove(path.parent / "x~")
    work.run("cp", work.new(), path)
    work.saved_over(1, work.new().read_bytes(), named={"x~"})


def test_sed_in_place(work):
    path = work.file(1)
    work.run("sed", "-i", "s/line-w-1/edited/", path)
    assert path.read_bytes() == edited(work)
    work.saved_over(1, edited(work))


def test_sed_in_place_with_a_backup(work):
    path = work.file(1)
    work.run("sed", "-i~", "s/line-w-1/edited/", path)
    assert (path.parent / f"{path.name}~").read_bytes() == work.work[1].raw
    work.saved_over(1, edited(work), beside={f"{path.name}~"})


def test_sed_of_many(work):
    work.run("sed", "-i", "s/second line/edited/", *[work.file(index) for index in range(5)])
    raws = [each.raw.replace(b"second line", b"edited") for each in work.work]
    for index in range(5):
        assert work.file(index).read_bytes() == raws[index]
    work.all_saved_over(raws)


def test_perl_in_place(work):
    path = work.file(2)
    work.run("perl", "-pi", "-e", "s/line-w-2/edited/", path)
    work.saved_over(2, edited(work, 2))


@pytest.mark.parametrize("options", [
    "", "set nobackup nowritebackup", "set backup", "set backupcopy=yes", "set backupcopy=no", "set backupcopy=auto",
    "set backup backupcopy=yes", "set backup backupcopy=no", "set noswapfile", "set directory=.", "set fsync"])
def test_vim(options, work):
    path = work.file(1)
    work.run(*VIM, "-c", options or "echo", "-es", "-c", "%s/line-w-1/edited/", "-c", "wq", path)
    assert path.read_bytes() == edited(work)
    backup = f"{path.name}~"
    if "set backup" in options.split(" backupcopy")[0].split("=")[0] and "backupcopy=" not in options.split(" ")[1]:
        assert (path.parent / backup).read_bytes() == work.work[1].raw
        work.saved_over(1, edited(work), beside={backup})
    else:
        work.saved_over(1, edited(work))


def test_vim_on_a_terminal(work):
    path = work.file(1)
    typed(work, [*VIM, path], b"line-w-1", b":%s/line-w-1/edited/\r:w\r:%s/edited/again/\r:wq\r")
    again = edited(work).replace(b"edited", b"again")
    assert path.read_bytes() == again
    work.saved_over(1, again)


def test_vim_saves_again_after_the_upload(work):
    """It goes on with the name under which it has opened the message, which has another UID by then."""
    path = work.file(1)
    done, go_on = work.home.folder / "done", work.home.folder / "go-on"
    script = f"""%s/line-w-1/edited/
w
call writefile([], '{done}')
while !filereadable('{go_on}')
  sleep 20m
endwhile
checktime
%s/edited/again/
wq
"""
    (work.home.folder / "script.vim").write_text(script)
    process = subprocess.Popen([*VIM, "-es", "-S", work.home.folder / "script.vim", path], env=work.home.environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    work.wait(done.exists)
    work.home.sync()
    assert path.name not in work.names()
    go_on.touch()
    said, _ = process.communicate(timeout=40 * SLOW)
    assert process.returncode == 0, said
    again = edited(work).replace(b"edited", b"again")
    assert path.read_bytes() == again
    old, first = work.work[1], work.like(1, edited(work))
    work.ends([("Work", old)], [("Work", work.like(1, again)), ("Trash", old), ("Trash", first)])


def test_a_new_message_in_vim(work):
    path = work.folder() / "draft.eml"
    typed(work, [*VIM, path], b"draft.eml", b"iFrom: a@example.org\rSubject: typed\r\rHello\x1b:wq\r")
    work.ends(plus=[("Work", work.now(b"From: a@example.org\r\nSubject: typed\r\n\r\nHello\r\n"))], named={"draft.eml"})


EMACS = ["emacs", "--batch", "-Q", "--eval", "(setq save-silently t inhibit-message t)",
         "--eval", "(setq backup-enable-predicate (lambda (name) t))"] # by default it makes no backups below /tmp
EDIT = '(progn (goto-char (point-min)) (search-forward "{}") (replace-match "{}") (save-buffer))'


@pytest.mark.parametrize("option", ["nil", "(setq make-backup-files nil)", "(setq backup-by-copying t)", "(setq file-precious-flag t)",
                                    "(setq create-lockfiles nil)", "(setq write-region-inhibit-fsync nil)"])
def test_emacs(option, work):
    path = work.file(1)
    work.run(*EMACS, "--eval", option, "--eval", f'(find-file "{path}")', "--eval", EDIT.format("line-w-1", "edited"),
             "--eval", EDIT.format("edited", "again"))
    again = edited(work).replace(b"edited", b"again")
    assert path.read_bytes() == again
    beside = set() if "make-backup" in option else {f"{path.name}~"}
    for name in beside:
        assert (path.parent / name).read_bytes() == work.work[1].raw
    work.saved_over(1, again, beside=beside)


def test_an_emacs_that_is_killed_leaves_nothing_on_the_server(work):
    path = work.file(1)
    process = subprocess.Popen([*EMACS, "--eval", f'(find-file "{path}")', "--eval", '(insert "x")', "--eval", '(do-auto-save)',
                                "--eval", '(kill-emacs)'], env=work.home.environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.wait(40 * SLOW) == 0, process.stdout.read()
    work.ends(beside=[name for name in work.names() if name.startswith("#")])


def test_ed(work):
    path = work.file(1)
    work.sh("printf '%s\\n' 's/nothing/x/' '/line-w-1/s//edited/' w q | ed -s \"$1\"", path, check=False)
    assert path.read_bytes() == edited(work)
    work.saved_over(1, edited(work))


def test_nano(work):
    path = work.file(1)
    at_end = work.work[1].raw + b"typed\r\n\r\n"
    typed(work, ["nano", "--ignorercfiles", path], b"line-w-1", b"\x1b/typed\r\x0f\r\x18") # Alt-/, …, Ctrl-O, Enter, Ctrl-X
    assert path.read_bytes() == at_end
    work.saved_over(1, at_end)


def test_nano_with_a_backup(work):
    path = work.file(1)
    at_end = work.work[1].raw + b"typed\r\n\r\n"
    typed(work, ["nano", "--ignorercfiles", "--backup", path], b"line-w-1", b"\x1b/typed\r\x0f\r\x18")
    work.saved_over(1, at_end, beside={f"{path.name}~"})


def test_patch(work):
    path = work.file(1)
    old, new = work.home.folder / "old", work.home.folder / "new"
    old.write_bytes(work.work[1].raw)
    new.write_bytes(edited(work))
    diff = work.run("diff", "-u", old, new, check=False).stdout
    (work.home.folder / "diff").write_bytes(diff)
    work.run("patch", "-s", "--binary", "-i", work.home.folder / "diff", path)
    assert path.read_bytes() == edited(work)
    work.saved_over(1, edited(work))


def test_git_apply(work):
    name = work.names()[1]
    for folder, raw in (("a", work.work[1].raw), ("b", edited(work))):
        (work.home.folder / folder).mkdir()
        (work.home.folder / folder / name).write_bytes(raw)
    diff = work.run("git", "diff", "--no-index", "--no-color", "--no-prefix", f"a/{name}", f"b/{name}", check=False).stdout
    (work.home.folder / "diff").write_bytes(diff)
    work.run("git", "apply", "--whitespace=nowarn", work.home.folder / "diff", cwd=work.folder(), environment={"GIT_DIR": "/nonexistent"})
    assert (work.folder() / name).read_bytes() == edited(work)
    work.saved_over(1, edited(work))
