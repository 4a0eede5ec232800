/* For the tests of TLS: certificates, and servers on threads of their own that behave well or badly. */
#pragma once

#include "test-net-layers.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define HOST "mail.example.test"
#define DAY (24 * 60 * 60)

#define check(call) g_assert_cmpint((call), >=, 0)

/* ---- certificates ---- */

typedef struct {
	gnutls_x509_crt_t cert;
	gnutls_x509_privkey_t key;
	char *cert_file, *key_file; /* PEM */
	char *pin_hex, *pin_base64;
} Identity;

typedef enum {
	AUTHORITY, SERVER, ADDRESSES, EXPIRED, EARLY, ADDRESS_AS_NAME, FOR_CLIENTS, WEAK, SELF_SIGNED, CLIENT, BY_NO_AUTHORITY,
	N_IDENTITIES
} IdentityId;

static const struct {
	IdentityId issuer; /* itself: self-signed */
	const char *name, *ipv4, *ipv6;
	int from_days, to_days;
	const char *purpose; /* NULL: an authority */
	unsigned rsa_bits;   /* 0: an elliptic curve */
} recipes[N_IDENTITIES] = {
	[AUTHORITY] = { AUTHORITY, "Test authority", NULL, NULL, -9, 9, NULL, 0 },
	[SERVER] = { AUTHORITY, HOST, NULL, NULL, -9, 9, GNUTLS_KP_TLS_WWW_SERVER, 0 },
	[ADDRESSES] = { AUTHORITY, "other.example.test", "127.0.0.1", "::1", -9, 9, GNUTLS_KP_TLS_WWW_SERVER, 0 },
	[EXPIRED] = { AUTHORITY, HOST, NULL, NULL, -9, -1, GNUTLS_KP_TLS_WWW_SERVER, 0 },
	[EARLY] = { AUTHORITY, HOST, NULL, NULL, 5, 9, GNUTLS_KP_TLS_WWW_SERVER, 0 },
	[ADDRESS_AS_NAME] = { AUTHORITY, "127.0.0.1", NULL, NULL, -9, 9, GNUTLS_KP_TLS_WWW_SERVER, 0 },
	[FOR_CLIENTS] = { AUTHORITY, HOST, NULL, NULL, -9, 9, GNUTLS_KP_TLS_WWW_CLIENT, 0 },
	[WEAK] = { AUTHORITY, HOST, NULL, NULL, -9, 9, GNUTLS_KP_TLS_WWW_SERVER, 1024 },
	[SELF_SIGNED] = { SELF_SIGNED, HOST, NULL, NULL, -9, 9, GNUTLS_KP_TLS_WWW_SERVER, 0 },
	[CLIENT] = { AUTHORITY, "alice", NULL, NULL, -9, 9, GNUTLS_KP_TLS_WWW_CLIENT, 0 },
	[BY_NO_AUTHORITY] = { SERVER, HOST, NULL, NULL, -9, 9, GNUTLS_KP_TLS_WWW_SERVER, 0 },
};

static Identity identities[N_IDENTITIES];
static char *directory, *empty_file, *broken_file;

static char *
save(const char *name, const void *bytes, size_t length)
{
	char *path = g_build_filename(directory, name, NULL);

	g_assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
	return path;
}

static void
make_pins(Identity *identity)
{
	gnutls_pubkey_t key;
	gnutls_datum_t der;
	uint8_t digest[32];
	GString *hex = g_string_new(NULL);

	check(gnutls_pubkey_init(&key));
	check(gnutls_pubkey_import_x509(key, identity->cert, 0));
	check(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der));
	check(gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, digest));
	for (size_t i = 0; i < sizeof digest; i++)
		g_string_append_printf(hex, i ? ":%02X" : "%02X", digest[i]);
	identity->pin_hex = g_string_free(hex, FALSE);
	g_autofree char *base64 = g_base64_encode(digest, sizeof digest);
	identity->pin_base64 = g_strconcat("sha256//", base64, NULL);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(key);
}

static void
make_names(gnutls_x509_crt_t cert, IdentityId id)
{
	uint8_t address[16];

	check(gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, recipes[id].name,
	                                    (unsigned)strlen(recipes[id].name)));
	if (!recipes[id].purpose)
		return;
	check(gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, recipes[id].name,
	                                           (unsigned)strlen(recipes[id].name), GNUTLS_FSAN_SET));
	if (recipes[id].ipv4 && inet_pton(AF_INET, recipes[id].ipv4, address) == 1)
		check(gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, address, 4, GNUTLS_FSAN_APPEND));
	if (recipes[id].ipv6 && inet_pton(AF_INET6, recipes[id].ipv6, address) == 1)
		check(gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, address, 16, GNUTLS_FSAN_APPEND));
}

static void
make_identity(IdentityId id)
{
	Identity *identity = &identities[id], *issuer = &identities[recipes[id].issuer];
	const char *purpose = recipes[id].purpose;
	uint8_t serial[2] = { 1, (uint8_t)id };
	time_t now = time(NULL);
	gnutls_datum_t pem;
	g_autofree char *cert_name = g_strdup_printf("%d.pem", (int)id), *key_name = g_strdup_printf("%d.key", (int)id);

	check(gnutls_x509_privkey_init(&identity->key));
	check(gnutls_x509_privkey_generate(identity->key, recipes[id].rsa_bits ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
	                                   recipes[id].rsa_bits ? recipes[id].rsa_bits
	                                                        : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
	                                   0));
	check(gnutls_x509_crt_init(&identity->cert));
	check(gnutls_x509_crt_set_version(identity->cert, 3));
	check(gnutls_x509_crt_set_serial(identity->cert, serial, sizeof serial));
	make_names(identity->cert, id);
	check(gnutls_x509_crt_set_activation_time(identity->cert, now + recipes[id].from_days * DAY));
	check(gnutls_x509_crt_set_expiration_time(identity->cert, now + recipes[id].to_days * DAY));
	check(gnutls_x509_crt_set_key(identity->cert, identity->key));
	check(gnutls_x509_crt_set_basic_constraints(identity->cert, purpose == NULL, -1));
	check(gnutls_x509_crt_set_key_usage(identity->cert, purpose ? GNUTLS_KEY_DIGITAL_SIGNATURE : GNUTLS_KEY_KEY_CERT_SIGN));
	if (purpose)
		check(gnutls_x509_crt_set_key_purpose_oid(identity->cert, purpose, 0));
	check(gnutls_x509_crt_sign2(identity->cert, issuer->cert, issuer->key, GNUTLS_DIG_SHA256, 0));

	check(gnutls_x509_crt_export2(identity->cert, GNUTLS_X509_FMT_PEM, &pem));
	identity->cert_file = save(cert_name, pem.data, pem.size);
	gnutls_free(pem.data);
	check(gnutls_x509_privkey_export2(identity->key, GNUTLS_X509_FMT_PEM, &pem));
	identity->key_file = save(key_name, pem.data, pem.size);
	gnutls_free(pem.data);
	make_pins(identity);
}

static void
make_everything(void)
{
	directory = g_dir_make_tmp("mailtree-tls-XXXXXX", NULL);
	g_assert_nonnull(directory);
	empty_file = save("empty.pem", "", 0);
	broken_file = save("broken.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", 64);
	for (IdentityId id = 0; id < N_IDENTITIES; id++)
		make_identity(id);
}

static void
remove_everything(void)
{
	for (IdentityId id = 0; id < N_IDENTITIES; id++) {
		Identity *identity = &identities[id];

		g_unlink(identity->cert_file);
		g_unlink(identity->key_file);
		gnutls_x509_crt_deinit(identity->cert);
		gnutls_x509_privkey_deinit(identity->key);
		g_free(identity->cert_file);
		g_free(identity->key_file);
		g_free(identity->pin_hex);
		g_free(identity->pin_base64);
	}
	g_unlink(empty_file);
	g_unlink(broken_file);
	g_rmdir(directory);
	g_free(empty_file);
	g_free(broken_file);
	g_free(directory);
}

/* ---- the server ---- */

typedef enum {
	ECHO,          /* sends back what comes */
	ECHO_NEW_KEYS, /* the same, and asks for new keys (TLS 1.3) before the first records */
	ECHO_REHANDSHAKE, /* the same, and asks for a new handshake (TLS 1.2) before the first */
	ONE_RECORD,    /* sends 5000 bytes at once, then says goodbye */
	TRUNCATE,      /* sends 5000 bytes and hangs up without a goodbye */
	TRUNCATE_RECORD, /* sends 5000 bytes, then a part of another record, and hangs up */
	PLAIN_TEXT,    /* does not speak TLS */
} Behaviour;

typedef struct {
	/* what it is to do */
	IdentityId identity;
	const char *priority; /* NULL: TLS 1.3 or 1.2 */
	Behaviour behaviour;
	bool wants_client;
	size_t limit; /* after so many bytes it sends nothing more; 0: none */
	bool hang_up; /* at the limit, instead of falling silent */
	/* what it is doing */
	int fd;
	pthread_t thread;
	size_t sent;
	bool handshake_done;
	char client_name[64];
	char sni[64];
} Server;

static ssize_t
server_push(gnutls_transport_ptr_t data, const giovec_t *pieces, int n)
{
	Server *server = data;
	ssize_t total = 0;

	for (int i = 0; i < n; i++) {
		size_t length = pieces[i].iov_len, done = 0;

		total += (ssize_t)length;
		if (server->limit > 0)
			length = MIN(length, server->limit - server->sent);
		while (done < length) {
			ssize_t written = send(server->fd, (const char *)pieces[i].iov_base + done, length - done, MSG_NOSIGNAL);
			if (written <= 0)
				return -1;
			done += (size_t)written;
		}
		server->sent += length;
	}
	if (server->limit > 0 && server->sent == server->limit && server->hang_up)
		shutdown(server->fd, SHUT_RDWR);
	return total;
}

static ssize_t
server_pull(gnutls_transport_ptr_t data, void *buffer, size_t size)
{
	return recv(((Server *)data)->fd, buffer, size, 0);
}

static int
server_pull_timeout(gnutls_transport_ptr_t data, unsigned timeout_ms)
{
	struct pollfd wait = { .fd = ((Server *)data)->fd, .events = POLLIN };

	return poll(&wait, 1, timeout_ms == GNUTLS_INDEFINITE_TIMEOUT ? -1 : (int)timeout_ms);
}

static bool
server_send(gnutls_session_t session, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = gnutls_record_send(session, bytes, length);

		if (n < 0 && n != GNUTLS_E_INTERRUPTED && n != GNUTLS_E_AGAIN)
			return false;
		bytes += MAX(n, 0);
		length -= (size_t)MAX(n, 0);
	}
	return true;
}

static void
server_echo(Server *server, gnutls_session_t session)
{
	uint8_t buffer[16384];
	int new_keys = server->behaviour == ECHO_NEW_KEYS ? 4 : 0; /* GnuTLS takes eight a second */

	if (server->behaviour == ECHO_REHANDSHAKE)
		g_assert_cmpint(gnutls_rehandshake(session), ==, 0);
	for (;;) {
		ssize_t n = gnutls_record_recv(session, buffer, sizeof buffer);

		if (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN)
			continue;
		if (n <= 0)
			return;
		if (new_keys-- > 0 && gnutls_session_key_update(session, GNUTLS_KU_PEER) < 0)
			return;
		if (!server_send(session, buffer, (size_t)n))
			return;
	}
}

static void
server_note_client(Server *server, gnutls_session_t session)
{
	unsigned n = 0, type = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
	size_t size = sizeof server->sni - 1;
	gnutls_x509_crt_t cert;

	if (gnutls_server_name_get(session, server->sni, &size, &type, 0) < 0)
		server->sni[0] = '\0';
	if (n == 0)
		return;
	check(gnutls_x509_crt_init(&cert));
	check(gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER));
	size = sizeof server->client_name;
	check(gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, server->client_name, &size));
	gnutls_x509_crt_deinit(cert);
}

static int
server_handshake(Server *server, gnutls_session_t session)
{
	int code;

	do
		code = gnutls_handshake(session);
	while (code < 0 && !gnutls_error_is_fatal(code));
	if (code < 0)
		gnutls_alert_send_appropriate(session, code);
	else
		server_note_client(server, session);
	return code;
}

static void
server_talk(Server *server, gnutls_session_t session)
{
	g_autoptr(GByteArray) bytes = NULL;

	if (server_handshake(server, session) < 0)
		return;
	server->handshake_done = true;
	switch (server->behaviour) {
	case ECHO:
	case ECHO_NEW_KEYS:
	case ECHO_REHANDSHAKE:
		server_echo(server, session);
		break;
	case ONE_RECORD:
	case TRUNCATE:
	case TRUNCATE_RECORD:
		bytes = test_noise(5000, 7);
		server_send(session, bytes->data, bytes->len);
		server->limit = server->behaviour == TRUNCATE_RECORD ? server->sent + 1000 : 0;
		if (server->limit > 0)
			server_send(session, bytes->data, bytes->len);
		break;
	case PLAIN_TEXT:
	default:
		break;
	}
	if (server->behaviour != TRUNCATE && server->behaviour != TRUNCATE_RECORD)
		gnutls_bye(session, GNUTLS_SHUT_WR);
}

static void *
server_thread(void *data)
{
	static const char greeting[] = "* OK IMAP4rev1 ready\r\n";
	Server *server = data;
	const char *priority = server->priority ? server->priority : "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	Identity *identity = &identities[server->identity];
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	gnutls_datum_t ticket_key;
	char byte;

	if (server->behaviour == PLAIN_TEXT) {
		send(server->fd, greeting, strlen(greeting), MSG_NOSIGNAL);
	} else {
		check(gnutls_certificate_allocate_credentials(&credentials));
		check(gnutls_certificate_set_x509_key(credentials, &identity->cert, 1, identity->key));
		check(gnutls_certificate_set_x509_trust(credentials, &identities[AUTHORITY].cert, 1));
		check(gnutls_session_ticket_key_generate(&ticket_key));
		check(gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL));
		check(gnutls_priority_set_direct(session, priority, NULL));
		check(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
		check(gnutls_session_ticket_enable_server(session, &ticket_key));
		if (server->wants_client) {
			gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
			gnutls_session_set_verify_cert(session, NULL, 0);
		}
		gnutls_transport_set_ptr(session, server);
		gnutls_transport_set_vec_push_function(session, server_push);
		gnutls_transport_set_pull_function(session, server_pull);
		gnutls_transport_set_pull_timeout_function(session, server_pull_timeout);
		server_talk(server, session);
		gnutls_deinit(session);
		gnutls_certificate_free_credentials(credentials);
		gnutls_free(ticket_key.data);
	}
	/* Until the client has gone, so that nothing it has still to read is lost; or goes itself. */
	if (server->hang_up || server->behaviour == TRUNCATE || server->behaviour == TRUNCATE_RECORD)
		shutdown(server->fd, SHUT_RDWR);
	while (recv(server->fd, &byte, 1, 0) > 0)
		;
	close(server->fd);
	return NULL;
}

/* Starts a server; the client's end of the connection. */
static NetStream *
server_start(Server *server, CoreCancel *cancel)
{
	int fds[2];

	test_pair(fds);
	server->fd = fds[1];
	g_assert_cmpint(pthread_create(&server->thread, NULL, server_thread, server), ==, 0);
	return net_tcp_new_from_fd(fds[0], cancel);
}

static void
server_join(Server *server)
{
	pthread_join(server->thread, NULL);
}
