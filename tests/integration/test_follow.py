"""An account that is followed: what others do is seen in the mounted tree, and what is done here reaches the server, without
a further word; and what becomes of it when the line or the server fails."""
import contextlib
import os
import re
import threading
import time
from pathlib import Path

import pytest
from lib import messages, private_network
from lib.account import Message
from lib.imapsyntax import in_set, quote
from lib.program import SLOW
from lib.relay import Relay
from lib.scripted import BASIC, FULL, Cut, Session

pytestmark = pytest.mark.usefixtures("fuse")

RUNGS = ["all", "no-notify", "no-idle", "no-list-status", "no-condstore", "uidplus"]


def until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds * SLOW
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds * SLOW} s: {what}"
        time.sleep(0.01)


def mail(label, index=0):
    return messages.random_message(label, index)


@pytest.fixture
def quick(home):
    """The program that waits less where it would wait for minutes."""
    home.program = Path(os.environ["MAILTREE"]).parents[1] / "tests" / "stops" / "mailtree-stops"
    home.environment.update({"MAILTREE_POLL_MS": "200", "MAILTREE_KEEPALIVE_MS": "60000"})
    return home


@contextlib.contextmanager
def following(home, keys):
    """A mount that has caught up."""
    home.configure(**keys)
    with home.mount() as mount:
        home.sync()
        yield mount


def sees(mount, folder):
    """{UID: bytes}; what is on its way still has the name it had where it comes from."""
    found = {}
    for path in (mount.mail / "test" / folder).iterdir():
        if (match := re.search(r"~(\d+)(?: \(\d+\))?\.eml$", path.name)):
            with contextlib.suppress(FileNotFoundError): # it has gone meanwhile
                found[int(match.group(1))] = path.read_bytes()
    return found


def flags(mount, folder, uid):
    with contextlib.suppress(FileNotFoundError):
        return set(os.getxattr(mount.files()[folder][uid], "user.imap.flags").decode().split())
    return set()


def build(account):
    account.create("A", "Práce")
    for folder in ("INBOX", "A", "Práce"):
        account.append(folder, [Message(mail(folder, index), frozenset(), messages.BASE_TIME + index) for index in range(4)])


# What others do

@pytest.mark.parametrize("profile", RUNGS)
def test_what_others_do_is_seen(profile, remote_with, quick):
    remote = remote_with(profile)
    with remote.connect() as account:
        build(account)
        with following(quick, remote.keys()) as mount:
            for folder in ("INBOX", "Práce", "A"):
                account.append(folder, [mail("new", 1)])
                until(lambda: sees(mount, folder).get(5) == mail("new", 1), f"new mail in {folder}")
                account.store(folder, [2], "+FLAGS", "\\Flagged", "\\Seen")
                until(lambda: {"\\Flagged", "\\Seen"} <= flags(mount, folder, 2), f"flags in {folder}")
                account.expunge(folder, [1, 3])
                until(lambda: set(sees(mount, folder)) == {2, 4, 5}, f"removal in {folder}")


@pytest.mark.parametrize("profile", ["all", "no-idle"])
def test_folders_of_others_are_seen(profile, remote_with, quick):
    remote = remote_with(profile)
    with remote.connect() as account:
        build(account)
        with following(quick, remote.keys()) as mount:
            account.create("Nová")
            until(lambda: "Nová" in mount.folders(), "a new folder")
            account.append("Nová", [mail("first")])
            until(lambda: sees(mount, "Nová"), "its mail")
            account.rename("Práce", "Hotovo")
            until(lambda: {"Hotovo"} <= mount.folders() and "Práce" not in mount.folders(), "a folder renamed")
            assert len(sees(mount, "Hotovo")) == 4
            account.delete("Nová")
            until(lambda: "Nová" not in mount.folders(), "a folder removed")


def test_a_burst_comes_whole(remote, quick):
    with remote.connect() as account:
        build(account)
        with following(quick, remote.keys()) as mount:
            account.append("INBOX", [mail("burst", index) for index in range(300)])
            until(lambda: len(mount.files().get("INBOX", {})) == 304, "300 messages", 60)
            assert sees(mount, "INBOX")[304] == mail("burst", 299)


def test_a_large_one_comes(remote, quick):
    large = mail("large") + b"a line of a large message\r\n" * 60000
    with remote.connect() as account:
        build(account)
        with following(quick, remote.keys()) as mount:
            account.append("INBOX", [large])
            until(lambda: sees(mount, "INBOX").get(5) == large, "a message of more than 1 MiB")


class DeliversWhileFetching(Session):
    """A message arrives between the answer to a FETCH and the next command."""
    left = 3

    def tagged(self, text):
        super().tagged(text)
        if DeliversWhileFetching.left and b"IDLE" not in text and self.box and any(
                b"FETCH" in line for line in self.server.commands()[-1:]):
            DeliversWhileFetching.left -= 1
            self.server.box("INBOX").add(mail("between", DeliversWhileFetching.left))


def test_mail_between_a_fetch_and_idle_is_not_missed(serve, quick):
    DeliversWhileFetching.left = 3
    server = serve(DeliversWhileFetching, capability=FULL.replace(" NOTIFY", ""))
    server.add("INBOX", [mail("INBOX", index) for index in range(2)])
    quick.environment["MAILTREE_POLL_MS"] = "600000"
    with following(quick, server.account()) as mount:
        server.box("INBOX").add(mail("last"))
        until(lambda: len(sees(mount, "INBOX")) == len(server.box("INBOX").mails), "all of them")
        assert DeliversWhileFetching.left == 0


class FlagsUnseen(Session):
    """Another client changes flags when nobody listens, between two commands of this one."""
    armed = False

    def do_EXAMINE(self, *words):
        if FlagsUnseen.armed and words[0] == b"INBOX":
            FlagsUnseen.armed = False
            self.box = None
            self.server.box("INBOX").set_flags(2, "\\Flagged")
        super().do_EXAMINE(*words)


@pytest.mark.parametrize("capability", [BASIC, BASIC + " ENABLE CONDSTORE"], ids=["basic", "condstore"])
def test_flags_between_idle_and_select_are_not_missed(capability, serve, quick):
    FlagsUnseen.armed = False
    server = serve(FlagsUnseen, capability=capability)
    server.add("INBOX", [mail("INBOX", index) for index in range(3)])
    server.add("A", [mail("A")])
    quick.environment["MAILTREE_POLL_MS"] = "600000"
    with following(quick, server.account()) as mount:
        FlagsUnseen.armed = True
        quick.run("flag", "add", "\\Seen", str(mount.files()["A"][1]))
        until(lambda: "\\Flagged" in flags(mount, "INBOX", 2), "the flag")
        assert not FlagsUnseen.armed


class NamesMore(Session):
    """Its list of flags has a message that it does not describe when it is asked for."""
    asked = 0

    def execute(self, name, arguments, literals):
        if arguments == b"1:* (UID FLAGS)":
            NamesMore.asked += 1
            self.untagged(b"9 FETCH (UID 9 FLAGS (\\Seen))")
        super().execute(name, arguments, literals)


def test_flags_of_a_message_that_is_none_are_not_asked_for_again_and_again(serve, quick):
    NamesMore.asked = 0
    server = serve(NamesMore, capability=BASIC)
    server.add("INBOX", [mail("INBOX")])
    quick.environment["MAILTREE_POLL_MS"] = "600000"
    quick.configure(**server.account())
    with quick.mount() as mount:
        until(lambda: NamesMore.asked, "the flags being asked for")
        server.box("INBOX").add(mail("new"))
        until(lambda: len(sees(mount, "INBOX")) == 2, "new mail")
        server.box("INBOX").add(mail("newer"))
        until(lambda: len(sees(mount, "INBOX")) == 3, "more of it")
        assert NamesMore.asked < 10


# What is done here

@pytest.mark.parametrize("profile", ["all", "uidplus"])
def test_changes_go_without_sync(profile, remote_with, quick):
    remote = remote_with(profile)
    with remote.connect() as account:
        build(account)
        with following(quick, remote.keys()) as mount:
            path = mount.files()["INBOX"][1]
            quick.run("flag", "add", "\\Flagged $mine", str(path))
            until(lambda: {"\\Flagged", "$mine"} <= account.read("INBOX")[1].flags, "flags on the server")
            quick.run("move", str(mount.files()["INBOX"][2]), "test/A")
            until(lambda: len(account.read("A")) == 5 and 2 not in account.read("INBOX"), "a move on the server")
            until(lambda: sees(mount, "A").get(5) == mail("INBOX", 1), "its new UID here")
            quick.run("folder", "create", "test/Here/Below")
            until(lambda: "Here/Below" in {each.path for each in account.folders()}, "a folder on the server")


def test_changes_made_offline_go_when_the_line_is_back(remote, quick):
    with remote.connect() as account, Relay(remote.server.plain_port) as line:
        build(account)
        with following(quick, {**remote.keys(), "port": line.port}) as mount:
            line.refuse = True
            line.drop()
            quick.run("flag", "add", "\\Flagged", str(mount.files()["INBOX"][1]))
            account.append("INBOX", [mail("meanwhile")])
            time.sleep(0.3)
            assert "\\Flagged" not in account.read("INBOX")[1].flags
            line.refuse = False
            until(lambda: "\\Flagged" in account.read("INBOX")[1].flags, "the change on the server", 30)
            until(lambda: 5 in sees(mount, "INBOX"), "the mail of meanwhile")


def test_what_is_no_file_is_not_waited_for(remote, quick):
    fifo = quick.folder / "fifo"
    os.mkfifo(fifo)
    with remote.connect() as account:
        build(account)
        with following(quick, remote.keys()):
            quick.fails(64, "append", "test/A", str(fifo), mentions="not a file", timeout=10)


# When things fail

class Held(Session):
    """Gives no whole message, nor a header, before the test lets it."""
    asked, opened = threading.Event(), threading.Event()

    def read_line(self):
        line = super().read_line()
        if re.search(rb"BODY\.PEEK\[(HEADER)?\]\)", line):
            Held.asked.set()
            Held.opened.wait(60)
        return line


def test_what_is_being_fetched_is_not_planned_again(serve, quick):
    Held.asked.clear()
    Held.opened.clear()
    server = serve(Held, capability=FULL.replace(" OBJECTID", ""))
    server.add("INBOX", [mail("INBOX", index) for index in range(20)])
    quick.configure(**server.account(connections=2))
    with quick.mount() as mount:
        assert Held.asked.wait(20 * SLOW)
        for index in range(3):
            server.box("INBOX").add(mail("new", index))
            until(lambda: 21 + index in sees(mount, "INBOX"), "new mail meanwhile")
        Held.opened.set()
        until(lambda: len(sees(mount, "INBOX")) == 23, "the rest")
        quick.sync()
    asked = [re.match(rb"UID FETCH (\S+) \(UID BODY\.PEEK\[(?:HEADER)?\]\)", line) for line in server.commands(b"UID FETCH")]
    counts = [sum(in_set(match.group(1), 1000)(uid) for match in asked if match) for uid in range(1, 24)]
    assert counts == [1] * 20 + [0] * 3


class RefusesNotify(Session):
    def do_NOTIFY(self, *_):
        self.tagged(b"BAD I know no such thing")


class RefusesIdle(Session):
    def do_IDLE(self, *_):
        self.tagged(b"NO not now")


class OverflowsAtOnce(Session):
    def tagged(self, text):
        super().tagged(text)
        if b"NOTIFY" in (self.server.commands() or [b""])[-1]:
            self.untagged(b"OK [NOTIFICATIONOVERFLOW] too much")


@pytest.mark.parametrize("session", [RefusesNotify, RefusesIdle, OverflowsAtOnce])
def test_a_lower_rung_does(session, serve, quick):
    server = serve(session, capability=FULL)
    server.add("INBOX", [mail("INBOX")])
    server.add("A", [mail("A")])
    with following(quick, server.account()) as mount:
        for folder in ("INBOX", "A"):
            server.box(folder).add(mail("new"))
            until(lambda: len(sees(mount, folder)) == 2, f"new mail in {folder}")


def test_a_connection_that_ends_comes_back(serve, quick):
    server = serve(capability=FULL)
    server.add("INBOX", [mail("INBOX")])
    with following(quick, server.account()) as mount:
        for index in range(2):
            server.drop()
            server.box("INBOX").add(mail("new", index))
            until(lambda: len(sees(mount, "INBOX")) == index + 2, "mail after the connection was lost", 30)


class HangsUp(Session):
    """Ends the connection as soon as all is done."""
    logins, ends = [], []

    def logged_in(self):
        self.logins.append(time.monotonic())
        super().logged_in()

    def do_IDLE(self, *_):
        self.ends.append(time.monotonic())
        raise Cut


def test_a_server_that_hangs_up_after_each_pass_is_left_alone_ever_longer(serve, quick):
    quick.environment["MAILTREE_RETRY_MS"] = "300"
    server = serve(HangsUp, capability=FULL)
    server.add("INBOX", [mail("INBOX")])
    quick.configure(**server.account())
    quick.sync() # so that nothing needs a second connection
    HangsUp.logins.clear()
    HangsUp.ends.clear()
    with quick.mount():
        until(lambda: len(HangsUp.ends) >= 5, "the end of five connections", 30)
        assert not any(later - sooner < 0.3 * 2 ** index for index, (sooner, later) in
                       enumerate(zip(HangsUp.logins, HangsUp.logins[1:], strict=False)))
        before = len(HangsUp.logins)
        quick.sync() # somebody asks
        assert len(HangsUp.logins) > before


def test_a_password_that_cannot_be_had_is_asked_for_again(serve, quick):
    """A keyring may be locked when the computer has just started, or woken up."""
    locked, tries, script = quick.folder / "locked", quick.folder / "tries", quick.folder / "password"
    server = serve(capability=FULL)
    script.write_text(f"[ -e {locked} ] || exec printf %s '{server.password}'\necho try >>{tries}\nexit 1\n")
    server.add("INBOX", [mail("INBOX")])
    quick.environment["MAILTREE_RETRY_MS"] = "20"
    with following(quick, server.account(password=None, password_command=f"sh {script}")) as mount:
        locked.touch()
        server.drop()
        until(lambda: tries.exists() and tries.read_text().count("try") >= 2, "two tries")
        server.box("INBOX").add(mail("new"))
        locked.unlink()
        until(lambda: len(sees(mount, "INBOX")) == 2, "mail that came meanwhile")


def test_a_login_that_is_refused_is_tried_and_told_once(serve, home):
    class Refusing(Session):
        logins = 0

        def login(self, user, password):
            Refusing.logins += 1
            self.tagged(b"NO [AUTHENTICATIONFAILED] wrong")

    home.configure(**serve(Refusing).account())
    with home.mount() as mount:
        until(lambda: "cannot log in" in mount.said(), "the refusal in the log")
        status = home.run("status").out
        assert re.search('^  error +cannot log in .*; nothing more is tried until "mailtree sync"$', status, re.M), status
        assert mount.said().count("cannot log in") == 1, mount.said()
        assert Refusing.logins == 1
        home.fails(77, "sync", mentions="cannot log in")
        assert Refusing.logins == 2


class Deaf(Session):
    """From some moment on it hears and says nothing more, as behind a router that has forgotten it."""
    deaf = None

    def read_line(self):
        line = super().read_line()
        if Deaf.deaf == self.number:
            while not self.server._closing.wait(0.05):
                pass
        return line


def test_a_connection_that_is_dead_is_found_by_a_probe(serve, quick):
    Deaf.deaf = None
    server = serve(Deaf, capability=FULL.replace(" NOTIFY", ""))
    server.add("INBOX", [mail("INBOX")])
    quick.environment["MAILTREE_KEEPALIVE_MS"] = "300"
    with following(quick, server.account()) as mount:
        Deaf.deaf = max(number for number, _, _ in server.log)
        with server.lock:
            box = server.box("INBOX")
            box.mails.append(type(box.mails[0])(box.uidnext, mail("silent"))) # told to nobody
            box.uidnext += 1
            box.modseq += 1
            box.mails[-1].modseq = box.modseq
        until(lambda: len(sees(mount, "INBOX")) == 2, "a new connection", 40)


def test_bodies_come_although_both_connections_were_lost(remote, quick):
    large = [mail("large", index) + b"a line of a large message\r\n" * 60000 for index in range(6)]
    with remote.connect() as account, Relay(remote.server.plain_port) as line:
        build(account)
        with following(quick, {**remote.keys(), "port": line.port, "connections": 2}) as mount:
            line.rate = 1000000
            line.clear()
            account.append("A", large)
            until(lambda: line.connections, "a connection for the bodies")
            time.sleep(0.5)
            line.refuse = True
            line.drop()
            time.sleep(1) # for all to find out
            line.refuse, line.rate = False, None
            until(lambda: len(sees(mount, "A")) == 10, "all bodies", 40)


def bodies_are_refused(server, with_what):
    """A function for Server.refuse."""
    server.refuse = {b"UID FETCH": lambda *arguments: with_what if "BODY" in repr(arguments).upper() else None}


def logins(server):
    return len(server.commands(b"AUTHENTICATE")) + len(server.commands(b"LOGIN"))


def test_a_server_that_is_busy_is_left_alone(serve, quick):
    server = serve(capability=FULL)
    server.add("INBOX", [mail("INBOX")])
    with following(quick, server.account()) as mount:
        bodies_are_refused(server, b"NO [UNAVAILABLE] come back later")
        server.box("INBOX").add(mail("new"))
        until(lambda: server.commands(b"UID FETCH")[-1:] and b"BODY" in server.commands(b"UID FETCH")[-1], "asking for it")
        time.sleep(1)
        before = len(server.commands())
        time.sleep(3)
        assert len(server.commands()) - before < 20
        server.refuse = {}
        quick.sync()
        assert len(sees(mount, "INBOX")) == 2


def test_messages_wait_to_be_matched_while_the_server_is_busy(serve, quick):
    server = serve(capability=FULL.replace(" OBJECTID", ""))
    server.add("A", [mail("A", index) for index in range(3)])
    with following(quick, server.account()) as mount:
        before = {path.name.split("~")[0]: path.stat().st_ino for path in mount.files()["A"].values()}
        with server.lock:
            bodies_are_refused(server, b"NO [UNAVAILABLE] come back later")
            box = server.box("A")
            box.uidvalidity += 1
        assert quick.run("sync").status == 75
        server.refuse = {}
        quick.sync()
        assert {path.name.split("~")[0]: path.stat().st_ino for path in mount.files()["A"].values()} == before


class EndsIdle(Session):
    """As some proxies do."""
    def do_IDLE(self):
        self.respond(b"+ idling\r\n")
        self.tagged(b"OK that was long enough")


class HidesOne(Session):
    """It counts a message that it never shows."""
    def outgoing(self, response):
        return b"" if b"FETCH (UID 2 " in response else response


class TellsOfAGhost(Session):
    """A folder that no LIST has."""
    def do_IDLE(self):
        self.untagged(b'LIST () "/" "Ghost"')
        super().do_IDLE()


@pytest.mark.parametrize("session, capability", [
    pytest.param(EndsIdle, FULL, id="IDLE-notify"), pytest.param(EndsIdle, FULL.replace(" NOTIFY", ""), id="IDLE"),
    pytest.param(TellsOfAGhost, FULL, id="ghost"), pytest.param(HidesOne, FULL, id="hidden"),
    pytest.param(HidesOne, BASIC, id="hidden-basic")])
def test_a_server_that_wakes_us_for_nothing_is_not_asked_at_once_again(session, capability, serve, quick):
    server = serve(session, capability=capability)
    server.add("INBOX", [mail("INBOX", index) for index in range(3)])
    server.add("A", [mail("A", index) for index in range(3)])
    quick.environment["MAILTREE_POLL_MS"] = "2000"
    quick.configure(**server.account())
    with quick.mount() as mount:
        quick.run("sync")
        time.sleep(1)
        before = len(server.commands())
        time.sleep(3)
        assert len(server.commands()) - before < 60
        server.box("A").add(mail("new"))
        until(lambda: sees(mount, "A").get(4) == mail("new"), "new mail")


def test_one_connection_is_enough(serve, quick):
    class OnlyOne(Session):
        """A second connection is refused while another one lives."""
        living = 0

        def serve(self):
            OnlyOne.living += 1
            try:
                super().serve()
            finally:
                OnlyOne.living -= 1

        def greeting(self):
            return super().greeting() if OnlyOne.living == 1 else b"* BYE [LIMIT] one at a time\r\n"

    server = serve(OnlyOne, capability=FULL)
    server.add("INBOX", [mail("INBOX", index) for index in range(3)])
    server.add("A", [mail("A", index) for index in range(40)])
    with following(quick, server.account()) as mount:
        assert len(sees(mount, "A")) == 40
        server.box("A").add(mail("large") + b"a line of a large message\r\n" * 60000)
        until(lambda: len(sees(mount, "A")) == 41, "a large message")


def test_a_silent_second_connection_is_not_waited_for(serve, quick):
    class SilentSecond(Session):
        """Accepts a second connection while another one lives, and says nothing on it."""
        living = 0
        end = threading.Event()

        def serve(self):
            SilentSecond.living += 1
            try:
                super().serve()
            finally:
                SilentSecond.living -= 1

        def greeting(self):
            if SilentSecond.living > 1:
                SilentSecond.end.wait(60 * SLOW)
                raise Cut
            return super().greeting()

    server = serve(SilentSecond, capability=FULL)
    server.add("INBOX", [mail("INBOX", index) for index in range(3)])
    server.add("A", [mail("A", index) for index in range(40)])
    try:
        quick.configure(**server.account())
        with quick.mount() as mount:
            until(lambda: quick.run("sync").status == 0 and len(sees(mount, "A")) == 40, "all that is there", 15)
    finally:
        SilentSecond.end.set()


class Remembers(Session):
    """LIST names what it has named on this connection before, also when it has another name now (Dovecot with NOTIFY)."""

    def list_found(self, kind, select, options, wanted):
        if not hasattr(self, "named"):
            self.named = sorted(self.server.boxes)
        for name in self.named:
            self.untagged(kind + b" () " + self.separator() + b" " + quote(name))
            if name in self.server.boxes:
                self.untagged(self.status_line(self.server.boxes[name], self.status_wanted(options[options.index(b"STATUS") + 1])))
            else:
                self.untagged(b"NO Mailbox doesn't exist: " + name)


def test_a_renamed_folder_that_list_goes_on_to_name(serve, quick):
    server = serve(Remembers, capability=FULL)
    server.add("A", [mail("A", index) for index in range(3)])
    server.add("Shut", [mail("Shut")], uidvalidity=77)
    with following(quick, server.account()) as mount:
        server.rename("A", "B")
        quick.sync()
        assert not (mount.mail / "test/A").exists() and len(sees(mount, "B")) == 3
        server.refuse[b"EXAMINE"] = b"NO it is shut"
        server.box("Shut").add(mail("Shut", 2))
        logins = len(server.commands(b"AUTHENTICATE"))
        for _ in range(3): # one that cannot be opened on a fresh connection either is not doubted again
            assert quick.run("sync").status == 75
        assert len(server.commands(b"AUTHENTICATE")) <= logins + 1


def test_the_barrier_beside_a_mount_waits_for_all(remote, quick):
    with remote.connect() as account:
        build(account)
        with following(quick, remote.keys()) as mount:
            for index in range(5):
                account.append("A", [mail("asked", index)])
                quick.run("flag", "add", f"$k{index}", str(mount.files()["A"][1]))
                quick.sync()
                assert 5 + index in sees(mount, "A")
                assert f"$k{index}" in account.read("A")[1].flags


def test_a_new_address_makes_it_look_whether_the_line_lives(certs, place, home):
    """In a network of its own, where an address comes and a connection has died without a word."""
    if not private_network.available():
        pytest.skip("no network namespace can be made")
    from lib.scripted import Server

    def scene(address):
        Deaf.deaf = None
        with Server(Deaf, capability=FULL.replace(" NOTIFY", "")) as server:
            server.add("INBOX", [mail("INBOX")])
            home.configure(**{**server.account(), "host": "127.0.0.1"})
            with home.mount() as mount:
                home.sync()
                until(lambda: any(line == b"IDLE" for line in server.commands()[-1:]), "IDLE")
                count = len(server.commands(b"IDLE"))
                private_network._bring_up("lo:2", "192.0.2.77")
                until(lambda: len(server.commands(b"IDLE")) > count, "a probe")
                assert len(mount.messages()["INBOX"]) == 1
    private_network.run(scene)


# What it costs

def test_a_quiet_account_costs_nothing(remote, quick):
    with remote.connect() as account, Relay(remote.server.plain_port) as line:
        build(account)
        with following(quick, {**remote.keys(), "port": line.port}) as mount:
            time.sleep(1.5) # what the start has to say
            line.clear()
            before = cpu(mount.process.pid)
            time.sleep(3)
            assert line.bytes["up"] == 0, "it says something"
            assert cpu(mount.process.pid) - before <= 1, "it works"


def cpu(pid):
    """Ticks of user and system time."""
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
