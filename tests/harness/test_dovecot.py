"""The private Dovecot is what it is asked to be; the second client does what it is told, however little the server can."""
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lib import messages
from lib.account import Account, Message
from lib.certs import Certificates
from lib.dovecot import PROFILES, SPECIAL, Dovecot

MAILS = [messages.random_message("account", index) for index in range(3)]


@pytest.fixture(scope="module")
def connect():
    """connect(user, profile, special)"""
    servers, accounts = {}, []
    with tempfile.TemporaryDirectory(prefix="dovecot.") as folder:
        os.chmod(folder, 0o711)
        certificate = Certificates(Path(folder, "certs")).server

        def get(user, profile="all", special="known"):
            key = profile, special
            if key not in servers:
                servers[key] = Dovecot(Path(folder, f"{profile}-{special}"), certificate, profile, special=special).start()
            accounts.append(Account.at(servers[key], user))
            return accounts[-1]
        yield get
        for account in accounts:
            account.close()
        with ThreadPoolExecutor() as pool: # a Dovecot takes its time
            list(pool.map(Dovecot.stop, servers.values()))


@pytest.fixture(params=["all", "rev1"])
def account(request, connect):
    return connect(request.node.originalname, request.param)


@pytest.mark.parametrize("profile, has, lacks", [
    ("all", "QRESYNC CONDSTORE NOTIFY IDLE LIST-STATUS UIDPLUS MOVE MULTIAPPEND LITERAL+ SPECIAL-USE", "QUOTA ACL"),
    ("no-notify", "IDLE QRESYNC LIST-STATUS", "NOTIFY"),
    ("no-idle", "QRESYNC LIST-STATUS", "NOTIFY IDLE"),
    ("no-list-status", "NOTIFY QRESYNC", "LIST-STATUS"),
    ("no-qresync", "CONDSTORE NOTIFY LIST-STATUS", "QRESYNC"),
    ("no-condstore", "NOTIFY LIST-STATUS", "QRESYNC CONDSTORE"),
    ("condstore", "CONDSTORE UIDPLUS LIST-STATUS", "QRESYNC MOVE"),
    ("no-uidplus", "QRESYNC", "UIDPLUS MOVE"),
    ("no-move", "QRESYNC UIDPLUS", "MOVE"),
    ("no-literal-plus", "QRESYNC", "LITERAL+ LITERAL- MULTIAPPEND"),
    ("literal-minus", "QRESYNC LITERAL-", "LITERAL+ MULTIAPPEND"),
    ("uidplus", "UIDPLUS", "IDLE MOVE MULTIAPPEND LITERAL+ NAMESPACE"),
    ("quota-acl", "QRESYNC NOTIFY QUOTA ACL", ""),
    ("rev1", "IMAP4REV1", "IDLE UIDPLUS MOVE NAMESPACE UNSELECT"),
])
def test_a_profile_advertises_what_its_name_says(profile, has, lacks, connect):
    told = connect("a", profile).capabilities
    assert set(has.split()) <= told and not set(lacks.split()) & told


def test_every_profile_is_looked_at():
    rows, = [mark.args[1] for mark in test_a_profile_advertises_what_its_name_says.pytestmark]
    assert {row[0] for row in rows} == set(PROFILES)


@pytest.mark.parametrize("special, there, tells", [("made", True, True), ("known", False, True), ("none", False, False)])
def test_special_folders(special, there, tells, connect):
    account = connect("a", special=special)
    assert {each.name for each in account.folders()} == {"INBOX", *(SPECIAL if there else [])}
    if not there:
        account.create("Trash")
    trash, = [each for each in account.folders() if each.name == "Trash"]
    assert ("\\trash" in trash.attributes) == tells


def test_messages_are_appended_with_flags_and_date(account):
    account.append("INBOX", MAILS[:2])
    uid = account.append_one("INBOX", MAILS[2], "\\Seen", "$Label", when=1_234_567_890)
    assert uid == 3
    assert account.read("INBOX")[3] == Message(MAILS[2], frozenset(["\\Seen", "$Label"]), 1_234_567_890)
    assert account.contents() == {"INBOX": {uid: (frozenset(["\\Seen", "$Label"] if uid == 3 else []), raw)
                                            for uid, raw in enumerate(MAILS, 1)}}
    with pytest.raises(RuntimeError, match="APPEND Missing"):
        account.append("Missing", MAILS)
    assert account.uids("INBOX") == [1, 2, 3]


def test_flags_are_stored(account):
    assert account.append("INBOX", MAILS) == [1, 2, 3]
    account.store("INBOX", [1, 2], "+FLAGS", "\\Seen", "$Label")
    account.store("INBOX", 2, "-FLAGS", "\\Seen")
    account.store("INBOX", 3, "FLAGS", "\\Flagged")
    assert account.flags("INBOX") == {1: {"\\Seen", "$Label"}, 2: {"$Label"}, 3: {"\\Flagged"}}


def test_messages_are_copied_moved_and_expunged_alone(account):
    account.create("A")
    account.append("INBOX", MAILS)
    assert account.copy("INBOX", [1, 3], "A") == [1, 2]
    assert account.move("INBOX", 2, "A") == [3]
    account.store("INBOX", 3, "+FLAGS", "\\Deleted")
    account.expunge("INBOX", 1)
    assert account.uids("INBOX") == [3]
    assert [mail.raw for mail in account.read("A").values()] == [MAILS[0], MAILS[2], MAILS[1]]


def test_folders_are_made_renamed_and_deleted(account):
    account.create("Práce", account.named("a/b"))
    account.rename("Práce", "Archiv & spol.")
    account.append("Archiv & spol.", MAILS[:1])
    assert account.uids("Archiv & spol.") == [1]
    account.delete("a/b")
    assert {"Archiv & spol.", "INBOX"} <= {each.name for each in account.folders() if each.selectable} - {"Práce", "a/b"}


def test_an_idle_client_is_told(account, connect, request):
    account.append("INBOX", MAILS[:1])
    profile = request.node.callspec.params["account"]
    with account.idle("INBOX") as idle:
        connect(request.node.originalname, profile).append("INBOX", MAILS[1:2])
        assert idle.wait(rb"EXISTS") == b"* 2 EXISTS"
    assert account.uids("INBOX") == [1, 2]
