"""The connection ends, or the program does, after any line that the server sends: another sync ends at the same state."""
import os
import signal

import pytest
from lib import messages, scripted
from lib.program import Mailtree

pytestmark = pytest.mark.usefixtures("fuse")


def small_account(server):
    """Enough for every kind of command, few enough to cut everywhere."""
    server.add("A", [messages.message(f"Body {index}.\n", subject=f"a {index}") for index in range(5)])
    server.add("Parent", [messages.message("Both.\n")])
    server.add("Parent/Child ž", [messages.message(f"Deep {index}.\n", subject=f"d {index}") for index in range(3)])
    server.add("Only a name", attributes=["\\Noselect"])


def second_state(server):
    """What changes before the second run."""
    box = server.box("A")
    box.expunge(2)
    box.set_flags(3, "\\Seen", "$Label")
    box.add(messages.message("New.\n", subject="new"), ["\\Flagged"])
    server.box("Parent").renumber(2000)
    del server.boxes[server.box("Parent/Child ž").name]
    server.add("Later", [messages.message("Later.\n")])


def snapshot(home):
    """What a user can see: names, bytes, flags, text."""
    with home.mount() as mount:
        files = {}
        for folder, uids in mount.files().items():
            for uid, path in uids.items():
                files[folder, uid, path.name] = path.read_bytes(), sorted(os.getxattr(path, "user.imap.flags").split())
        return files, mount.folders(), mount.texts()


class Stage:
    """A server and a home: fresh, or after a first run with changes waiting."""

    def __init__(self, serve, make_home, capability, again):
        self.server = serve(capability=capability)
        small_account(self.server)
        self.home = make_home()
        self.home.configure(**self.server.account())
        if again:
            self.home.sync()
            second_state(self.server)
        self.server.lines_out = self.server.bytes_out = 0


@pytest.fixture
def make_home(home):
    """More homes below the test's own."""
    made = []

    def make():
        made.append(Mailtree(home.folder / f"home{len(made)}"))
        return made[-1]
    yield make
    reports = "".join(each.close() for each in made)
    assert not reports, reports


@pytest.mark.parametrize("again", [False, True], ids=["first run", "second run"])
@pytest.mark.parametrize("capability", [scripted.REV1, scripted.CONDSTORE, scripted.QRESYNC], ids=["rev1", "condstore", "qresync"])
@pytest.mark.parametrize("how", ["cut", "reset", "kill"])
def test_after_any_line(how, capability, again, serve, make_home, pick):
    undisturbed = Stage(serve, make_home, capability, again)
    undisturbed.home.sync()
    total = undisturbed.server.lines_out
    want = snapshot(undisturbed.home)
    assert total > 30
    for line in pick(range(1, total), 6):
        stage = Stage(serve, make_home, capability, again)
        stage.server.cut_at_line = line
        stage.server.cut_reset = how == "reset"
        if how == "kill":
            running = []
            stage.server.on_cut = lambda: os.kill(running[0].pid, signal.SIGKILL)
            process = stage.home.start("sync")
            running.append(process)
            stage.home.finish(process, ("sync",))
        else:
            done = stage.home.run("sync")
            # The answer to LOGOUT is nothing to fail for.
            assert done.status in (0, 69), f"cut after line {line} of {total}: {done}"
            assert len(done.err.splitlines()) == (1 if done.status else 0), f"cut after line {line} of {total}: {done}"
        stage.server.mend()
        stage.server.on_cut = None
        stage.home.sync()
        assert snapshot(stage.home) == want, f"{how} after line {line} of {total}"


@pytest.mark.parametrize("capability", [scripted.REV1, scripted.QRESYNC], ids=["rev1", "qresync"])
def test_after_any_byte(capability, serve, make_home, pick):
    undisturbed = Stage(serve, make_home, capability, False)
    undisturbed.home.sync()
    want = snapshot(undisturbed.home)
    total = undisturbed.server.bytes_out
    for byte in pick(range(1, total, 29), 6):
        stage = Stage(serve, make_home, capability, False)
        stage.server.cut_at_byte = byte
        done = stage.home.run("sync")
        assert done.status in (0, 69), f"cut after byte {byte} of {total}: {done}"
        stage.server.mend()
        stage.home.sync()
        assert snapshot(stage.home) == want, f"cut after byte {byte} of {total}"


def test_cut_again_and_again_it_still_gets_there(serve, make_home):
    """Each run gets a few lines further; what arrived is kept."""
    stage = Stage(serve, make_home, scripted.REV1, False)
    big = stage.server.add("Big", [messages.random_message("again", index, size=2000) for index in range(60)])
    for attempt in range(200):
        stage.server.lines_out = 0
        stage.server.cut_at_line = 400
        done = stage.home.run("sync")
        stage.server.mend()
        if done.status == 0:
            break
        assert done.status == 69, str(done)
    assert done.status == 0 and attempt > 2
    with stage.home.mount() as mount:
        assert list(mount.messages()["Big"].values()) == [mail.raw for mail in big.mails]
