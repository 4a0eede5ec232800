"""The scripted server and the relay are what the tests take them for: judged by Python's own IMAP client."""
import imaplib
import ssl
import time

import pytest
from lib import messages, scripted
from lib.account import Account
from lib.certs import Certificates
from lib.relay import UP, Cut, Relay

MAILS = [messages.random_message("scripted", index) for index in range(5)] + [b"", b"No header\0 at all"]


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certs"))


def login(server, port=None, **more):
    return Account("localhost", port or server.port, server.user, server.password, tls=server.tls, **more)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_it_serves_what_was_put_in(tls, certs):
    with scripted.Server(tls=tls, certificate=certs.server) as server:
        server.add("Práce/Žluťoučký", MAILS)
        server.add("Empty", attributes=["\\Noselect"])
        with login(server, ca=certs.ca) as account:
            found = account.read_all()
        assert set(found) == {"INBOX", "Práce/Žluťoučký"}
        assert [found["Práce/Žluťoučký"][uid].raw for uid in range(1, 8)] == MAILS
        assert not any(b"PASSWORD" in line or server.password.encode() in line for line in server.commands())


def test_a_wrong_password_is_refused():
    with scripted.Server() as server, pytest.raises(imaplib.IMAP4.error):
        Account("localhost", server.port, server.user, "no", tls="none")


def test_qresync_tells_changes_and_expunges():
    with scripted.Server(capability=scripted.QRESYNC) as server:
        box = server.add("A", MAILS)
        before = box.modseq
        box.expunge(2, 3)
        box.set_flags(5, "\\Seen")
        with login(server) as account:
            account.imap._simple_command("ENABLE", "QRESYNC")
            account.imap._simple_command("EXAMINE", "A", f"(QRESYNC (1000 {before}))")
            assert account.imap.untagged_responses["VANISHED"] == [b"(EARLIER) 2:3"]
            assert account.imap.untagged_responses["FETCH"] == [b"3 (UID 5 FLAGS (\\Seen) MODSEQ (10))"]


def test_a_quirk_changes_what_is_sent():
    class Twice(scripted.Session):
        def outgoing(self, response):
            return response * 2 if b" EXISTS" in response else response

    with scripted.Server(Twice) as server, login(server) as account:
        account.imap.select("INBOX", True)
        assert sum(line.count(b"EXISTS") for _, who, line in server.log if who == "S") == 2


def test_a_cut_falls_behind_the_line_it_was_set_to_and_lasts_until_mended():
    with scripted.Server() as server:
        server.add("A", MAILS)
        server.cut_at_line = 4
        with pytest.raises((OSError, imaplib.IMAP4.abort)):
            login(server).read_all()
        assert server.lines_out == 4
        with pytest.raises((OSError, imaplib.IMAP4.abort)):
            login(server)
        server.mend()
        with login(server) as account:
            assert len(account.read_all()["A"]) == len(MAILS)


def test_a_transcript_is_played():
    steps = scripted.play(b"* OK hi\r\n", 1, b"* CAPABILITY IMAP4rev1\r\n%TAG% OK done\r\n", 1, b"nonsense\r\n")
    with scripted.Server(steps) as server:
        imap = imaplib.IMAP4("localhost", server.port)
        with pytest.raises(imaplib.IMAP4.abort):
            imap.noop()


def test_an_old_tls_only_server_can_be_had(certs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.server.cert, certs.server.key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    client = ssl.create_default_context(cafile=str(certs.ca))
    with scripted.Server(tls="implicit", context=context) as server:
        with pytest.raises(ssl.SSLError):
            imaplib.IMAP4_SSL("localhost", server.port, ssl_context=client)
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.minimum_version = ssl.TLSVersion.TLSv1
        imaplib.IMAP4_SSL("localhost", server.port, ssl_context=client).logout()


def test_the_relay_counts_bytes_and_flights():
    with scripted.Server() as server, Relay(server.port) as relay:
        with login(server, relay.port) as account:
            before = relay.flights
            account.imap.noop()
            account.imap.noop()
            assert relay.flights == before + 2
        sent = sum(len(line) for _, who, line in server.log if who == "S")
        deadline = time.monotonic() + 5
        while relay.bytes["down"] < sent and time.monotonic() < deadline:
            time.sleep(0.01)
        assert relay.bytes["down"] == sent
        assert relay.bytes[UP] > 0 and relay.connections == 1


def test_the_relay_delays_without_slowing_the_line():
    with scripted.Server() as server, Relay(server.port, latency_s=0.05) as relay:
        server.add("A", [bytes(3_000_000)])
        with login(server, relay.port) as account:
            begin = time.monotonic()
            account.imap.noop()
            assert time.monotonic() - begin >= 0.1
            assert len(account.read("A")[1].raw) == 3_000_000


def test_the_relay_keeps_a_rate():
    with scripted.Server() as server, Relay(server.port, rate=1_000_000) as relay:
        server.add("A", [bytes(300_000)])
        with login(server, relay.port) as account:
            begin = time.monotonic()
            account.read("A")
            assert time.monotonic() - begin >= 0.3


@pytest.mark.parametrize("cut", [Cut(lines=5), Cut(bytes=300), Cut("up", lines=3), Cut(lines=5, reset=True)])
def test_the_relay_cuts_where_it_is_told_to(cut):
    with scripted.Server() as server, Relay(server.port, cut=cut) as relay:
        server.add("A", MAILS)
        with pytest.raises((OSError, imaplib.IMAP4.abort)):
            login(server, relay.port).read_all()
        assert relay.has_cut
        passed = relay.lines if cut.lines else relay.bytes
        assert passed[cut.direction] == (cut.lines or cut.bytes)
        relay.mend()
        with login(server, relay.port) as account:
            assert len(account.read_all()["A"]) == len(MAILS)
