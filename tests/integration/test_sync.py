"""What `mailtree sync` brings here is what the server has, now and after every kind of change."""
import base64
import os

import pytest
from lib import messages, scripted
from lib.account import Message
from lib.program import served
from lib.relay import Relay

pytestmark = pytest.mark.usefixtures("fuse")

FOLDERS = ["Archiv", "Archiv/2023", "Archiv/2023/Leden", "Žluťoučký kůň", "日本語", "Tom & Jerry", "emoji 😀", "a/b/c/d/e/f/g",
           "trailing space ", " leading", '"quoted"', "back\\slash", "x" * 200, "x~y", "-dash", "INBOX2", "inbox/sub"]


def fill(account, folders=("Práce", "Práce/Archiv 2023", "Prázdná"), count=12):
    """Messages of every charset in all but the last of @folders, and in INBOX."""
    account.create(*folders)
    for number, folder in enumerate(["INBOX", *folders[:-1]]):
        account.append(folder, [Message(messages.random_message(folder, index), frozenset(["\\Seen"] if index % 3 else []),
                                        messages.BASE_TIME + index * 1000 + number) for index in range(count)])


def check(home, account, name="test"):
    """The tree holds what FETCH BODY.PEEK[] gives."""
    with home.mount() as mount:
        assert mount.messages(name) == served(account)
        return mount.inodes(name)


@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
def test_all_messages_of_all_folders_are_here_byte_for_byte(tls, remote, home):
    with remote.connect() as account:
        fill(account)
        home.configure(**remote.keys(tls))
        home.sync()
        check(home, account)


def test_each_kind_of_server_is_brought_here_and_kept_up_to_date(any_remote, home):
    """The first run, then new, changed and expunged messages in one run each, and a run without anything new."""
    home.configure(**any_remote.keys())
    with any_remote.connect() as account:
        fill(account)
        home.sync()
        check(home, account)
        account.append("Práce", [messages.random_message("new", index) for index in range(5)])
        home.sync()
        check(home, account)
        account.expunge("Práce", [2, 3, 16])
        account.expunge("INBOX", [1])
        home.sync()
        check(home, account)
        account.store("Práce", [4, 5], "+FLAGS", "\\Flagged", "$Important")
        account.store("Práce", [5], "-FLAGS", "\\Seen")
        account.append("Prázdná", [messages.random_message("late", 0)])
        account.expunge("Práce", [7])
        home.sync()
        check(home, account)
        home.sync()
        check(home, account)
        with home.mount() as mount:
            path = mount.files()["Práce"][5]
            flags = set(os.getxattr(path, "user.imap.flags").decode().split())
            assert flags == set(account.read("Práce")[5].flags)


def test_an_expunge_alone_is_noticed(any_remote, home):
    """Dovecot's HIGHESTMODSEQ need not move for it."""
    home.configure(**any_remote.keys())
    with any_remote.connect() as account:
        fill(account)
        home.sync()
        account.expunge("Práce", [12])
        home.sync()
        check(home, account)
        account.expunge("Práce", list(range(1, 12)))
        home.sync()
        check(home, account)


def test_an_expunge_and_an_arrival_that_keep_the_count_are_noticed(any_remote, home):
    home.configure(**any_remote.keys())
    with any_remote.connect() as account:
        fill(account)
        home.sync()
        account.expunge("Práce", [3])
        account.append("Práce", [messages.random_message("swap", 1)])
        home.sync()
        check(home, account)


def test_times_are_the_servers(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.append("INBOX", [Message(messages.random_message("t", 1), when=1_234_567_890)])
        home.sync()
        with home.mount() as mount:
            path = mount.files()["INBOX"][1]
            assert int(path.stat().st_mtime) == 1_234_567_890
            assert path.name.startswith("2009-02-13 23.31 ")


def test_folders_of_every_name_are_here(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        for number, folder in enumerate(FOLDERS):
            account.create(folder)
            account.append(folder, [messages.random_message("names", number)])
        home.sync()
        check(home, account)
        with home.mount() as mount:
            assert mount.folders() == {each.path for each in account.folders()}


def test_another_separator_becomes_a_slash(remote_with, home):
    remote = remote_with(separator=".")
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("Práce.Archiv.2023", "a b.c d")
        account.append("Práce.Archiv.2023", [messages.random_message("dots", 1)])
        account.append("a b.c d", [messages.random_message("dots", 2)])
        home.sync()
        check(home, account)
        with home.mount() as mount:
            assert {"Práce", "Práce/Archiv", "Práce/Archiv/2023", "a b/c d"} <= mount.folders()


def test_folders_without_messages_are_empty_directories(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("Empty", "Parent/Child")
        home.sync()
        with home.mount() as mount:
            assert mount.folders() == {"INBOX", "Empty", "Parent", "Parent/Child"}
            assert mount.messages() == {}


def test_folders_made_removed_and_renamed_are_followed(any_remote, home):
    home.configure(**any_remote.keys())
    with any_remote.connect() as account:
        fill(account)
        home.sync()
        account.create("New/Deep")
        account.append("New/Deep", [messages.random_message("deep", 1)])
        account.rename("Práce", "Dílo")
        account.delete("Prázdná")
        home.sync()
        check(home, account)
        with home.mount() as mount:
            assert mount.folders() == {each.path for each in account.folders()}
        account.delete("New/Deep")
        account.rename("Dílo", "New/Dílo")
        home.sync()
        check(home, account)
        with home.mount() as mount:
            assert mount.folders() == {each.path for each in account.folders()}


def test_a_folder_with_messages_and_children_can_lose_either(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        account.create("A", "A/B")
        account.append("A", [messages.random_message("both", 1)])
        account.append("A/B", [messages.random_message("both", 2)])
        home.sync()
        check(home, account)
        account.delete("A/B")
        home.sync()
        check(home, account)
        with home.mount() as mount:
            assert "A/B" not in mount.folders() and "A" in mount.folders()


def test_only_the_folders_asked_for_are_here(remote, home):
    home.configure(**remote.keys(folders="* !Práce/*"))
    with remote.connect() as account:
        fill(account)
        home.sync()
        with home.mount() as mount:
            wanted = served(account)
            del wanted["Práce/Archiv 2023"]
            assert mount.messages() == wanted


def test_reading_never_sets_seen(any_remote, home):
    home.configure(**any_remote.keys())
    with any_remote.connect() as account:
        account.append("INBOX", [messages.random_message("seen", index) for index in range(4)])
        home.sync()
        with home.mount() as mount:
            assert len(mount.messages()["INBOX"]) == 4
            assert len(mount.texts()["INBOX"]) == 4
        assert all("\\Seen" not in mail.flags for mail in account.read("INBOX").values())


def test_a_new_uidvalidity_keeps_inodes_and_downloads_nothing_again(remote, home):
    with remote.connect() as account, Relay(remote.server.plain_port) as relay:
        home.configure(**{**remote.keys(), "port": relay.port})
        mails = [Message(messages.random_message("validity", index, size=30_000), when=messages.BASE_TIME + index)
                 for index in range(20)]
        account.create("Moved")
        account.append("Moved", mails)
        home.sync()
        before = check(home, account)["Moved"]
        validity = account.uidvalidity("Moved")
        account.delete("Moved")
        account.create("Moved")
        account.append("Moved", mails[5:] + mails[:5])
        assert account.uidvalidity("Moved") != validity
        relay.clear()
        home.sync()
        assert relay.bytes["down"] < 200_000, "bodies were downloaded again"
        after = check(home, account)["Moved"]
        assert [after[uid] for uid in range(1, 21)] == [before[uid] for uid in [*range(6, 21), *range(1, 6)]]


@pytest.mark.parametrize("capability", [scripted.REV1, scripted.CONDSTORE, scripted.QRESYNC])
def test_a_run_without_changes_fetches_no_message(capability, serve, home):
    server = serve(capability=capability)
    for name in ("A", "B", "Ž"):
        server.add(name, [messages.random_message(name, index) for index in range(10)])
    home.configure(**server.account(), connections=1)
    home.sync()
    server.log.clear()
    home.sync()
    assert [line for line in server.commands() if b"BODY" in line] == []
    if capability == scripted.QRESYNC:
        assert server.commands(b"UID FETCH") == []


@pytest.mark.parametrize("capability", [scripted.REV1, scripted.CONDSTORE, scripted.QRESYNC])
def test_only_what_is_new_is_fetched(capability, serve, home):
    server = serve(capability=capability)
    box = server.add("A", [messages.random_message("A", index) for index in range(10)])
    home.configure(**server.account(), connections=1)
    home.sync()
    box.add(messages.random_message("A", 10))
    box.set_flags(3, "\\Seen")
    server.log.clear()
    home.sync()
    bodies = [line for _, who, line in server.log if who == "S" and b"BODY[] {" in line]
    assert len(bodies) == 1 and b"UID 11" in bodies[0].partition(b"{")[0]


@pytest.mark.parametrize("how", ["move", "rename"])
def test_a_message_that_moved_is_not_downloaded_again(how, remote, home):
    with remote.connect() as account, Relay(remote.server.plain_port) as relay:
        home.configure(**{**remote.keys(), "port": relay.port})
        account.create("From", *(["To"] if how == "move" else []))
        account.append("From", [Message(messages.random_message("moving", index, size=100_000)) for index in range(10)])
        home.sync()
        relay.clear()
        if how == "move":
            account.move("From", list(range(1, 11)), "To")
        else:
            account.rename("From", "To")
        home.sync()
        assert relay.bytes["down"] < 200_000
        check(home, account)


def test_sync_beside_a_mount_is_shown_without_remounting(any_remote, home):
    home.configure(**any_remote.keys())
    with any_remote.connect() as account:
        fill(account)
        with home.mount() as mount:
            home.sync()
            assert mount.messages() == served(account)
            before = mount.inodes()["Práce"]
            account.append("Práce", [messages.random_message("beside", index) for index in range(3)])
            account.expunge("Práce", [1, 2])
            account.create("Zcela nová/vnořená")
            account.append("Zcela nová/vnořená", [messages.random_message("beside", 9)])
            account.delete("Prázdná")
            home.sync()
            assert mount.messages() == served(account)
            assert mount.folders() == {each.path for each in account.folders()}
            after = mount.inodes()["Práce"]
            assert {uid: after[uid] for uid in range(3, 13)} == {uid: before[uid] for uid in range(3, 13)}


def test_a_mount_synchronises_when_it_starts(remote, home):
    home.configure(**remote.keys())
    with remote.connect() as account:
        fill(account)
        with home.mount() as mount:
            home.sync()
            assert mount.messages() == served(account)


def test_what_was_brought_here_is_here_without_the_server(serve, home):
    server = serve()
    mails = [messages.random_message("offline", index) for index in range(5)]
    server.add("A", mails)
    home.configure(**server.account())
    home.sync()
    server.close()
    with home.mount() as mount:
        assert list(mount.messages()["A"].values()) == mails


def test_odd_messages_are_kept_as_they_are(serve, home):
    odd = [
        b"", b"\r\n", b"\r\n\r\n", b"x", b"\0", b"From: a\0b@example.org\r\n\r\nnul \0 here\r\n", b"No header\nbare \n lines\n",
        b"Subject: no body\r\n\r\n", b"Subject: only headers\r\n", b"\r\nOnly a body\r\n", bytes(range(256)) * 50,
        b"Subject: =?utf-8?B?broken\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nunfinished",
        b"Subject: " + b"x" * 100_000 + b"\r\n\r\nlong line\r\n", b"\r" * 100 + b"\n" * 100, b"A: " + b"\xff" * 1000 + b"\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n----\r\n", b"Date: never\r\n\r\n)\r\n* 1 EXISTS\r\nA1 OK done\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" * 300,
    ]
    server = serve()
    server.add("Odd", odd)
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        found = mount.messages()["Odd"]
        assert [found[uid] for uid in sorted(found)] == odd
        assert len(mount.texts()["Odd"]) == len(odd)


@pytest.mark.long
def test_a_message_of_80_megabytes(remote, home):
    home.configure(**remote.keys("implicit"))
    with remote.connect() as account:
        account.append("INBOX", [messages.random_message("huge", 1, size=80_000_000), messages.random_message("small", 2)])
        done = home.sync(timeout=300, measure=True)
        check(home, account)
        if not os.environ.get("MAILTREE_SANITIZED"):
            assert done.peak_kb < 96 * 1024


@pytest.mark.long
def test_thousands_of_messages(remote, home):
    home.configure(**remote.keys("implicit"))
    with remote.connect() as account:
        account.append("INBOX", [messages.random_message("many", index % 500) for index in range(3000)])
        account.create("Second")
        account.append("Second", [messages.random_message("more", index) for index in range(500)])
        home.sync(timeout=300)
        check(home, account)


def test_two_accounts_of_one_name_of_folder_stay_apart(remote_with, home):
    first, second = remote_with(), remote_with()
    home.configure("first", **first.keys())
    home.configure("druhý účet", **second.keys())
    with first.connect() as one, second.connect() as two:
        one.append("INBOX", [messages.random_message("one", 1)])
        two.append("INBOX", [messages.random_message("two", 1)])
        home.sync()
        with home.mount() as mount:
            assert mount.messages("first") == served(one)
            assert mount.messages("druhý účet") == served(two)


def test_only_the_account_named_is_synchronised(remote_with, home):
    first, second = remote_with(), remote_with()
    home.configure("first", **first.keys())
    home.configure("second", **second.keys())
    with first.connect() as one, second.connect() as two:
        one.append("INBOX", [messages.random_message("one", 1)])
        two.append("INBOX", [messages.random_message("two", 1)])
    before = second.logins()
    home.sync("first")
    assert first.logins() > 1
    assert second.logins() == before


def test_an_account_that_fails_does_not_hold_up_another(remote_with, home):
    good, bad = remote_with(), remote_with()
    home.configure("bad", password="wrong", **bad.keys())
    home.configure("good", **good.keys())
    with good.connect() as account:
        account.append("INBOX", [messages.random_message("good", 1)])
        home.fails(77, "sync", mentions="bad")
        with home.mount() as mount:
            assert mount.messages("good") == served(account)


@pytest.mark.parametrize("mechanism", ["auto", "plain", "login"])
def test_each_way_to_log_in(mechanism, remote, home):
    home.configure(**remote.keys(auth=mechanism))
    home.sync()


@pytest.mark.parametrize("initial_response", [True, False])
def test_a_server_with_and_without_sasl_ir(initial_response, serve, home):
    server = serve(capability="IMAP4rev1 LITERAL+" + (" SASL-IR" if initial_response else ""))
    server.add("A", [messages.random_message("ir", 1)])
    home.configure(**server.account(auth="plain"))
    home.sync()


def test_check_tells_what_the_server_can_do(any_remote, home):
    home.configure(**any_remote.keys("implicit"))
    done = home.run("check")
    assert done.status == 0 and done.err == "", str(done)
    assert "TLS" in done.out, str(done)
    assert ("QRESYNC" in done.out) == (any_remote.server.profile == "all"), str(done)


def test_check_reads_the_names_of_a_server_of_imap4rev2_as_they_are(serve, home):
    server = serve(capability="IMAP4rev2")
    server.add(b"&AOk-", [])  # in UTF-7 another name
    home.configure(**server.account(folders="&AOk-"))
    done = home.run("check")
    assert done.status == 0 and "of which 1 are" in done.out, str(done)


def test_passwords_appear_nowhere(remote, home):
    home.configure(**remote.keys())
    done = home.run("-vv", "sync")
    assert done.status == 0, str(done)
    assert done.err, "-vv says nothing"
    secret = remote.server.password
    for form in (secret, secret.replace("\\", "\\\\").replace('"', '\\"'), base64.b64encode(f"\0{remote.user}\0{secret}".encode()).decode()):
        assert form not in done.err + done.out
        for path in home.store.rglob("*"):
            if path.is_file():
                assert form.encode() not in path.read_bytes(), f"{path} holds the password"
