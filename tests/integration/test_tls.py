"""No byte of a password goes to a server that could not be verified."""
import ssl

import pytest
from lib import messages, private_network, scripted

UNTRUSTED = 69


def never_logged_in(server):
    return not server.commands(b"LOGIN") and not server.commands(b"AUTHENTICATE")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("kind, words", [
    ("expired", "expired"), ("not_yet_valid", "valid"), ("wrong_name", "localhost"), ("unknown_issuer", ""),
])
def test_a_bad_certificate_is_refused(kind, words, tls, serve, certs, home):
    server = serve(tls=tls, certificate=getattr(certs, kind))
    home.configure(**server.account(tls_ca=certs.ca))
    home.fails(UNTRUSTED, "sync", mentions=["test", words])
    assert never_logged_in(server)


def test_the_systems_trust_does_not_know_our_authority(serve, home):
    server = serve(tls="implicit")
    home.configure(**server.account())
    home.fails(UNTRUSTED, "sync")
    assert never_logged_in(server)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_good_certificate_is_accepted(tls, serve, certs, home):
    server = serve(tls=tls)
    home.configure(**server.account(tls_ca=certs.ca))
    home.sync()
    assert not never_logged_in(server)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_name_and_an_address_are_both_verified(host, serve, certs, home):
    server = serve(tls="implicit")
    home.configure(**server.account(tls_ca=certs.ca, host=host))
    home.sync()


@pytest.mark.parametrize("form", ["pin_hex", "pin_base64"])
def test_a_matching_pin_stands_in_for_chain_and_name(form, serve, certs, home):
    server = serve(tls="implicit", certificate=certs.unknown_issuer)
    home.configure(**server.account(tls_pin=getattr(certs.unknown_issuer, form)))
    home.sync()


def test_another_key_than_the_pinned_one_is_refused_though_its_chain_is_good(serve, certs, home):
    server = serve(tls="implicit", certificate=certs.server)
    home.configure(**server.account(tls_ca=certs.ca, tls_pin=certs.unknown_issuer.pin_hex))
    home.fails(UNTRUSTED, "sync", mentions="pin")
    assert never_logged_in(server)


def test_a_malformed_pin_is_an_error_of_the_configuration(serve, home):
    home.configure(**serve(tls="implicit").account(tls_pin="1234"))
    home.fails(78, "sync", mentions="tls_pin")


@pytest.mark.parametrize("advertised", [False, True])
def test_starttls_that_was_stripped_is_refused(advertised, serve, certs, home):
    class Stripped(scripted.Session):
        def capabilities(self):
            return super().capabilities() if advertised else super().capabilities().replace(b" STARTTLS", b"")

        def do_STARTTLS(self):
            self.tagged(b"BAD unknown command")

    server = serve(Stripped, tls="starttls")
    home.configure(**server.account(tls_ca=certs.ca))
    home.fails(UNTRUSTED, "sync", mentions="STARTTLS")
    assert never_logged_in(server)


def test_what_was_injected_behind_starttls_is_not_taken_for_the_servers(serve, certs, home):
    """CVE-2011-0411: bytes that came in the clear must not be read as if they had come through TLS."""
    class Injecting(scripted.Session):
        def do_STARTTLS(self):
            self.send(self.tag + b" OK begin\r\n* PREAUTH [CAPABILITY IMAP4rev1] mine\r\n* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n")
            self.start_tls()

    server = serve(Injecting, tls="starttls")
    server.add("A", [messages.random_message("inject", 1)])
    home.configure(**server.account(tls_ca=certs.ca))
    done = home.run("sync")
    # Either way is safe: to refuse the connection, or to discard what was injected.
    if done.status == 0:
        assert server.commands(b"LOGIN") or server.commands(b"AUTHENTICATE")
    else:
        assert done.status == UNTRUSTED and len(done.err.splitlines()) == 1, str(done)
        assert never_logged_in(server)


@pytest.mark.parametrize("tls", ["starttls", "none", "implicit"])
def test_preauth(tls, serve, certs, home):
    """Before STARTTLS it would skip the login to somebody else's mailbox in the clear; elsewhere it is no login of ours."""
    class Preauth(scripted.Session):
        def greeting(self):
            self.user = "somebody"
            return b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n"

    server = serve(Preauth, tls=tls)
    home.configure(**server.account(**({} if tls == "none" else {"tls_ca": certs.ca})))
    if tls == "starttls":
        home.fails(UNTRUSTED, "sync", mentions="PREAUTH")
        assert server.commands(b"LIST") == []
    else:
        assert home.run("sync").status in (0, UNTRUSTED)
    assert never_logged_in(server)


def old_tls(certs, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.server.cert, certs.server.key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    return context


@pytest.mark.parametrize("version, accepted", [
    (ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
    (ssl.TLSVersion.TLSv1_3, True),
])
def test_tls_older_than_1_2_is_refused(version, accepted, serve, certs, home):
    server = serve(tls="implicit", context=old_tls(certs, version))
    home.configure(**server.account(tls_ca=certs.ca))
    if accepted:
        home.sync()
    else:
        home.fails(UNTRUSTED, "sync")
        assert never_logged_in(server)


def test_a_client_certificate_is_presented(serve, certs, home):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.server.cert, certs.server.key)
    context.load_verify_locations(certs.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = serve(tls="implicit", context=context)
    home.configure(**server.account(tls_ca=certs.ca, tls_cert=certs.client.cert, tls_key=certs.client.key))
    home.sync()


def test_a_client_certificate_that_is_wanted_and_not_there_is_an_error(serve, certs, home):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.server.cert, certs.server.key)
    context.load_verify_locations(certs.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = serve(tls="implicit", context=context)
    home.configure(**server.account(tls_ca=certs.ca))
    home.fails(77, "sync", mentions="certificate")


def test_a_server_without_tls_behind_implicit_tls_is_no_fallback(serve, certs, home):
    server = serve(tls="none")
    home.configure(**{**server.account(), "tls": "implicit", "tls_ca": certs.ca})
    home.fails(69, "sync")
    assert never_logged_in(server)


@pytest.mark.parametrize("insecure", [False, True])
def test_no_tls_to_elsewhere_than_loopback_needs_a_word(insecure, serve, home):
    def scene(address):
        server = serve(host=address)
        home.configure(**server.account(host=address, **({"insecure": "yes"} if insecure else {})))
        if insecure:
            home.sync()
        else:
            home.fails(UNTRUSTED, "sync", mentions="insecure")
            assert never_logged_in(server)

    if not private_network.available():
        pytest.skip("only root can make a private network")
    private_network.run(scene)
