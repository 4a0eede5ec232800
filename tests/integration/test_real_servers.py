"""Servers that are no Dovecot: Cyrus and Courier as Debian has them."""
import os

import pytest
from lib import messages
from lib.account import Message
from lib.courier import Courier
from lib.program import served
from lib.relay import Relay

pytestmark = pytest.mark.usefixtures("fuse")

FOLDERS = ["Práce", "Práce/Archiv 2023", "日本語", "Tom & Jerry", "Ελληνικά/Ещё", "Prázdná"]
MUCH = 100_000 # bytes of a message whose download is noticed


def fill(account, count=6):
    """Messages in INBOX and all but the last of FOLDERS."""
    for number, folder in enumerate(FOLDERS):
        account.create(account.named(folder))
        if folder != FOLDERS[-1]:
            account.append(account.named(folder), [
                Message(messages.random_message(folder, index), frozenset(["\\Seen"] if index % 3 else []),
                        messages.BASE_TIME + index * 1000 + number) for index in range(count)])
    account.append("INBOX", [messages.random_message("INBOX", index) for index in range(count)])


def check(home, account):
    """The tree holds what the account does: folders, messages byte for byte, flags, times.  Its inodes."""
    here = account.read_all()
    with home.mount() as mount:
        assert mount.folders() == {path.rsplit("/", depth)[0] for path in here for depth in range(path.count("/") + 1)}
        assert mount.messages() == served(account)
        for folder, files in mount.files().items():
            for uid, path in files.items():
                assert set(os.getxattr(path, "user.imap.flags").decode().split()) == here[folder][uid].flags, path
                assert int(path.stat().st_mtime) == here[folder][uid].when, path
        return mount.inodes()


def through(relay, remote):
    return {**remote.keys(), "port": relay.port}


@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
def test_all_folders_and_messages_are_here(tls, real_remote, home):
    home.configure(**real_remote.keys(tls))
    with real_remote.connect() as account:
        fill(account)
        home.sync()
        check(home, account)


def test_a_second_run_changes_nothing(real_remote, home):
    with real_remote.connect() as account, Relay(real_remote.server.plain_port) as relay:
        home.configure(**through(relay, real_remote))
        fill(account)
        account.append("INBOX", [messages.random_message("much", 1, size=10 * MUCH)])
        home.sync()
        there, here = account.contents(), check(home, account)
        relay.clear()
        home.sync()
        assert relay.bytes["down"] < MUCH
        assert account.contents() == there
        assert check(home, account) == here


def test_what_another_client_does_is_followed(real_remote, home):
    home.configure(**real_remote.keys())
    with real_remote.connect() as account:
        work, empty = account.named("Práce"), account.named("Prázdná")
        fill(account)
        home.sync()
        check(home, account)
        account.append_one(work, messages.random_message("new", 1), "\\Flagged", when=1_234_567_890)
        account.append(empty, [messages.random_message("new", index) for index in range(2, 5)])
        home.sync()
        check(home, account)
        account.store(work, [2, 3], "+FLAGS", "\\Flagged", "$Label1")
        account.store(work, 3, "-FLAGS", "\\Seen")
        home.sync()
        check(home, account)
        account.expunge(work, [1, 6])
        home.sync()
        check(home, account)
        account.expunge(work, 2)
        account.append_one(work, messages.random_message("swap", 1)) # the count is what it was
        account.store(work, 4, "+FLAGS", "\\Answered")
        home.sync()
        check(home, account)


def test_copies_moves_and_folders_of_another_client_are_followed(real_remote, home):
    home.configure(**real_remote.keys())
    with real_remote.connect() as account:
        work = account.named("Práce")
        fill(account)
        home.sync()
        account.copy(work, [1, 2], "INBOX")
        account.move(work, [3, 4], account.named("Prázdná"))
        home.sync()
        check(home, account)
        account.rename(account.named("日本語"), account.named("Tom & Jerry/日本"))
        account.create(account.named("Nová"))
        account.delete(account.named("Ελληνικά/Ещё"))
        home.sync()
        check(home, account)


@pytest.mark.parametrize("how", ["copy", "move", "rename"])
def test_what_is_here_already_is_not_downloaded_again(how, real_remote, home):
    with real_remote.connect() as account, Relay(real_remote.server.plain_port) as relay:
        home.configure(**through(relay, real_remote))
        old, new = account.named("Stará"), account.named("Nová")
        account.create(old)
        account.append(old, [messages.random_message(how, index, size=MUCH) for index in range(5)])
        home.sync()
        relay.clear()
        if how == "rename":
            account.rename(old, new)
        else:
            account.create(new)
            (account.copy if how == "copy" else account.move)(old, [1, 2, 3, 4, 5], new)
        home.sync()
        assert relay.bytes["down"] < MUCH
        check(home, account)


def test_a_mount_shows_what_another_client_does(real_remote, home):
    home.configure(**real_remote.keys())
    with real_remote.connect() as account:
        fill(account)
        with home.mount() as mount:
            home.sync()
            assert mount.messages() == served(account)
            account.append(account.named("Prázdná"), [messages.random_message("late", 1)])
            account.expunge("INBOX", [1, 2])
            home.sync()
            assert mount.messages() == served(account)


def test_the_servers_namespace_is_the_trees(courier_remote, home):
    home.configure(**courier_remote.keys())
    with courier_remote.connect() as account:
        assert account.named("Práce/Archiv") == "INBOX.Práce.Archiv"
        account.create("INBOX.Práce.Archiv")
        account.append("INBOX", [b"Subject: above\r\n\r\n"])
        account.append("INBOX.Práce.Archiv", [b"Subject: below\r\n\r\n"])
        home.sync()
        with home.mount() as mount:
            assert mount.folders() == {"INBOX", "INBOX/Práce", "INBOX/Práce/Archiv"}
            assert mount.messages() == {"INBOX": {1: b"Subject: above\r\n\r\n"},
                                        "INBOX/Práce/Archiv": {1: b"Subject: below\r\n\r\n"}}


def test_the_same_bytes_are_known_by_their_object_id(cyrus_remote, home):
    """By nothing else, as their date is another."""
    with cyrus_remote.connect() as account, Relay(cyrus_remote.server.plain_port) as relay:
        assert "OBJECTID" in account.capabilities
        home.configure(**through(relay, cyrus_remote))
        raw = messages.random_message("twice", 1, size=MUCH)
        account.append_one("INBOX", raw, when=1_234_567_890)
        home.sync()
        relay.clear()
        account.append_one("INBOX", raw, when=1_300_000_000)
        home.sync()
        assert relay.bytes["down"] < MUCH
        check(home, account)


def test_a_folder_that_another_client_renames_keeps_its_files(cyrus_remote, home):
    """Cyrus 3.6 has freed memory in place of the MAILBOXID where STATUS is asked for it together with anything else."""
    home.configure(**cyrus_remote.keys())
    with cyrus_remote.connect() as account:
        fill(account)
        home.sync()
        before = check(home, account)
        account.rename("日本語", "Nihongo")
        home.sync()
        assert check(home, account)["Nihongo"] == before["日本語"]


def test_a_folder_that_may_not_be_read_stops_no_other(cyrus_remote, home):
    home.configure(**cyrus_remote.keys())
    with cyrus_remote.connect() as account:
        fill(account)
        account.set_rights("Práce", cyrus_remote.user, "la")
        done = home.run("sync")
        assert done.status == 75 and "Práce: " in done.err and "Permission denied" in done.err, str(done)
        with home.mount() as mount:
            assert set(mount.messages()) == {"INBOX", *FOLDERS[:-1]} - {"Práce"}
        account.set_rights("Práce", cyrus_remote.user, "lra")
        home.sync()
        assert "Práce" in check(home, account)


def test_folders_that_others_share_are_here(remote_on, cyrus, home):
    mine, other = remote_on(cyrus), remote_on(cyrus)
    home.configure(**mine.keys())
    with mine.connect() as account, other.connect() as owner:
        fill(owner)
        owner.set_rights("Práce/Archiv 2023", mine.user, "lr")
        home.sync()
        shared = f"Other Users/{other.user.partition('@')[0]}/Práce/Archiv 2023"
        assert len(check(home, account)[shared]) == 6
        owner.append("Práce/Archiv 2023", [messages.random_message("shared", 1)])
        owner.expunge("Práce/Archiv 2023", [1, 2])
        home.sync()
        assert len(check(home, account)[shared]) == 5


def test_a_folder_made_anew_is_another(cyrus_remote, home):
    home.configure(**cyrus_remote.keys())
    with cyrus_remote.connect() as account:
        for turn in range(3):
            account.create("Znovu")
            account.append("Znovu", [messages.random_message("anew", 10 * turn + index) for index in range(4)])
            home.sync()
            check(home, account)
            account.delete("Znovu")


def test_a_server_that_forgets_what_was_sent_behind_the_login(place, certs, overlays, remote_on, home):
    """Courier hands the connection to another program then.  Only a password that needs no literal can be so quick."""
    with Courier(place / "hasty", certs.server, password="simple") as server:
        remote = remote_on(server)
        home.configure(password=server.password, **remote.keys())
        with remote.connect() as account:
            fill(account, 1)
            for _ in range(3):
                home.sync()
                account.append("INBOX", [messages.random_message("hasty", 1)])
            home.sync()
            check(home, account)
