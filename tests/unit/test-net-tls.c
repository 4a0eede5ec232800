/* src/net: TLS against servers made here, with certificates made here. */
#include "net/tls.h"
#include "test-net-layers.h"

#include <arpa/inet.h>
#include <errno.h>
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

static NetTlsConfig
trusting(void)
{
	return (NetTlsConfig){ .ca_file = identities[AUTHORITY].cert_file };
}

/* ---- verification ---- */

typedef struct {
	const char *name;
	IdentityId identity;
	const char *host;
	const char *priority;
	IdentityId trusted; /* N_IDENTITIES: only the system's anchors */
	const char *words;  /* in the error; NULL: must succeed */
} VerifyRow;

static const VerifyRow verify_rows[] = {
	{ "good", SERVER, HOST, NULL, AUTHORITY, NULL },
	{ "good-tls12", SERVER, HOST, "NORMAL:-VERS-ALL:+VERS-TLS1.2", AUTHORITY, NULL },
	{ "good-capitals-and-last-dot", SERVER, "Mail.EXAMPLE.test.", NULL, AUTHORITY, NULL },
	{ "good-ipv4", ADDRESSES, "127.0.0.1", NULL, AUTHORITY, NULL },
	{ "good-ipv6", ADDRESSES, "0::1", NULL, AUTHORITY, NULL },
	{ "good-self-signed", SELF_SIGNED, HOST, NULL, SELF_SIGNED, NULL },
	{ "other-ipv4", ADDRESSES, "127.0.0.2", NULL, AUTHORITY, "it is for other.example.test, 127.0.0.1, ::1, not for the address 127.0.0.2" },
	{ "other-ipv6", ADDRESSES, "::2", NULL, AUTHORITY, "not for the address ::2" },
	{ "address-as-name", ADDRESS_AS_NAME, "127.0.0.1", NULL, AUTHORITY, "it is for 127.0.0.1, not for the address 127.0.0.1" },
	{ "other-name", SERVER, "imap.example.test", NULL, AUTHORITY, "it is for " HOST ", not for imap.example.test" },
	{ "expired", EXPIRED, HOST, NULL, AUTHORITY, "it expired 2" },
	{ "expired-tls12", EXPIRED, HOST, "NORMAL:-VERS-ALL:+VERS-TLS1.2", AUTHORITY, "it expired 2" },
	{ "not-yet-valid", EARLY, HOST, NULL, AUTHORITY, "it is not valid before 2" },
	{ "unknown-issuer", SERVER, HOST, NULL, N_IDENTITIES, "its issuer is unknown (CN=Test authority)" },
	{ "self-signed", SELF_SIGNED, HOST, NULL, AUTHORITY, "its issuer is unknown (CN=" HOST ")" },
	{ "issuer-no-authority", BY_NO_AUTHORITY, HOST, NULL, SERVER, "its issuer is not an authority" },
	{ "for-clients", FOR_CLIENTS, HOST, NULL, AUTHORITY, "it is not meant for servers" },
	{ "weak-key", WEAK, HOST, NULL, AUTHORITY, "too weak" },
	{ "tls11-only", SERVER, HOST, "NORMAL:-VERS-ALL:+VERS-TLS1.1", AUTHORITY, "does not offer TLS 1.2 or newer" },
	{ "tls10-only", SERVER, HOST, "NORMAL:-VERS-ALL:+VERS-TLS1.0", AUTHORITY, "does not offer TLS 1.2 or newer" },
};

static void
test_verify(gconstpointer data)
{
	const VerifyRow *row = data;
	Server server = { .identity = row->identity, .priority = row->priority, .behaviour = ECHO };
	NetTlsConfig config = { .ca_file = row->trusted == N_IDENTITIES ? NULL : identities[row->trusted].cert_file };
	g_autoptr(GError) error = NULL;
	NetStream *stream = net_tls_new(server_start(&server, NULL), &config, row->host, TEST_TIMEOUT_MS, &error);

	if (row->words) {
		g_autofree char *prefix = g_strdup_printf("cannot secure the connection to %s: ", row->host);

		g_assert_null(stream);
		g_assert_error(error, CORE_ERROR, CORE_ERROR_UNTRUSTED);
		g_test_message("%s", error->message);
		g_assert_true(g_str_has_prefix(error->message, prefix));
		g_assert_nonnull(strstr(error->message, row->words));
		server_join(&server);
		return;
	}
	g_assert_no_error(error);
	g_assert_nonnull(stream);
	g_assert_true(g_str_has_prefix(net_tls_describe(stream), row->priority ? "TLS1.2 TLS_" : "TLS1.3 TLS_"));

	g_autoptr(GByteArray) out = test_noise(100, 3), in = test_exchange(stream, out, 100);
	test_assert_same(in, out);
	net_stream_free(stream);
	server_join(&server);
	g_assert_true(server.handshake_done);
	g_assert_cmpstr(server.sni, ==, strchr(row->host, ':') || row->host[0] == '1' ? "" : HOST);
}

static void
test_pins(void)
{
	const struct {
		IdentityId identity;
		const char *pin;
		bool good;
	} rows[] = {
		{ SERVER, identities[SERVER].pin_base64, true },
		{ SERVER, identities[SERVER].pin_hex, true },
		{ EXPIRED, identities[EXPIRED].pin_hex, true }, /* it stands in for chain, dates and name */
		{ SELF_SIGNED, identities[SELF_SIGNED].pin_base64, true },
		{ SERVER, identities[AUTHORITY].pin_base64, false }, /* although the chain is good */
		{ SELF_SIGNED, identities[SERVER].pin_hex, false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Server server = { .identity = rows[i].identity, .behaviour = ECHO };
		NetTlsConfig config = { .ca_file = identities[AUTHORITY].cert_file, .pin = rows[i].pin };
		g_autoptr(GError) error = NULL;
		NetStream *stream = net_tls_new(server_start(&server, NULL), &config, rows[i].good ? "any.test" : HOST,
		                                TEST_TIMEOUT_MS, &error);

		if (rows[i].good) {
			g_assert_no_error(error);
			g_assert_nonnull(stream);
		} else {
			g_assert_null(stream);
			g_assert_error(error, CORE_ERROR, CORE_ERROR_UNTRUSTED);
			g_assert_nonnull(strstr(error->message, identities[rows[i].identity].pin_base64));
		}
		net_stream_free(stream);
		server_join(&server);
	}
}

static void
test_pin_syntax(void)
{
	static const struct {
		const char *pin;
		bool valid;
	} rows[] = {
		{ "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", true },
		{ "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", true },
		{ "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55", true },
		{ "", false },
		{ "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8", false },
		{ "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85500", false },
		{ "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false },
		{ "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", false },
		{ "sha256//47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=", false },
		{ "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==", false },
		{ "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_cmpint(net_tls_pin_valid(rows[i].pin, &error), ==, rows[i].valid);
		if (!rows[i].valid)
			g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	}
}

static void
test_wrong_files(void)
{
	const char *cert = identities[CLIENT].cert_file, *key = identities[CLIENT].key_file;
	g_autofree char *missing = g_build_filename(directory, "missing.pem", NULL);
	const struct {
		NetTlsConfig config;
		const char *words;
	} rows[] = {
		{ { .ca_file = missing }, "tls_ca" },
		{ { .ca_file = empty_file }, "tls_ca" },
		{ { .ca_file = broken_file }, "tls_ca" },
		{ { .pin = "abc" }, "pin" },
		{ { .cert_file = missing, .key_file = key }, "tls_cert" },
		{ { .cert_file = cert, .key_file = missing }, "tls_key" },
		{ { .cert_file = cert, .key_file = identities[SERVER].key_file }, "tls_cert, tls_key" },
		{ { .cert_file = cert }, "tls_cert, tls_key" }, /* no key inside */
		{ { .key_file = key }, "tls_key" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		int fds[2];
		g_autoptr(GError) error = NULL;

		test_pair(fds);
		g_assert_null(net_tls_new(net_tcp_new_from_fd(fds[0], NULL), &rows[i].config, HOST, TEST_TIMEOUT_MS, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
		g_test_message("%s", error->message);
		g_assert_nonnull(strstr(error->message, rows[i].words));
		close(fds[1]);
	}
}

static void
test_client_certificate(gconstpointer priority)
{
	Server server = { .identity = SERVER, .priority = priority, .behaviour = ECHO, .wants_client = true };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;

	config.cert_file = identities[CLIENT].cert_file;
	config.key_file = identities[CLIENT].key_file;
	NetStream *stream = net_tls_new(server_start(&server, NULL), &config, HOST, TEST_TIMEOUT_MS, &error);
	g_assert_no_error(error);
	g_autoptr(GByteArray) out = test_noise(100, 3), in = test_exchange(stream, out, 100);
	test_assert_same(in, out);
	net_stream_free(stream);
	server_join(&server);
	g_assert_cmpstr(server.client_name, ==, "alice");
}

static void
test_client_certificate_missing(gconstpointer priority)
{
	Server server = { .identity = SERVER, .priority = priority, .behaviour = ECHO, .wants_client = true };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;
	NetStream *stream = net_tls_new(server_start(&server, NULL), &config, HOST, TEST_TIMEOUT_MS, &error);
	char byte;

	if (stream) /* with TLS 1.3 our handshake is over before the server judges */
		g_assert_cmpint(net_stream_pump(stream, NULL, &byte, 1, NULL, TEST_TIMEOUT_MS, &error), ==, NET_FAILED);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_LOGIN);
	net_stream_free(stream);
	server_join(&server);
	g_assert_false(server.handshake_done);
}

/* The client's certificate says who the user is: a server that is not the right one must not learn it. */
static void
test_client_certificate_kept_from_strangers(gconstpointer priority)
{
	Server server = { .identity = EXPIRED, .priority = priority, .behaviour = ECHO, .wants_client = true };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;

	config.cert_file = identities[CLIENT].cert_file;
	config.key_file = identities[CLIENT].key_file;
	g_assert_null(net_tls_new(server_start(&server, NULL), &config, HOST, TEST_TIMEOUT_MS, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNTRUSTED);
	server_join(&server);
	g_assert_cmpstr(server.client_name, ==, "");
}

/* ---- handshakes that go wrong ---- */

static void
test_plain_text_server(void)
{
	Server server = { .behaviour = PLAIN_TEXT };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;

	g_assert_null(net_tls_new(server_start(&server, NULL), &config, HOST, TEST_TIMEOUT_MS, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNTRUSTED);
	g_assert_cmpstr(error->message, ==,
	                "cannot secure the connection to " HOST ": the server does not speak TLS on this port");
	server_join(&server);
}

static const size_t limits[] = { 1, 5, 6, 100, 300, 500 }; /* all within the server's first flight */

static void
test_handshake_cut(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		Server server = { .identity = SERVER, .behaviour = ECHO, .limit = limits[i], .hang_up = true };
		NetTlsConfig config = trusting();
		g_autoptr(GError) error = NULL;

		g_assert_null(net_tls_new(server_start(&server, NULL), &config, HOST, TEST_TIMEOUT_MS, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
		server_join(&server);
		g_assert_cmpuint(server.sent, ==, limits[i]);
	}
}

static void
test_handshake_refused_at_once(void)
{
	int fds[2];
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;

	test_pair(fds);
	close(fds[1]);
	g_assert_null(net_tls_new(net_tcp_new_from_fd(fds[0], NULL), &config, HOST, TEST_TIMEOUT_MS, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
}

static void
test_handshake_stalls(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		Server server = { .identity = SERVER, .behaviour = ECHO, .limit = limits[i] };
		NetTlsConfig config = trusting();
		g_autoptr(GError) error = NULL;

		g_assert_null(net_tls_new(server_start(&server, NULL), &config, HOST, 50, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
		g_assert_cmpstr(error->message, ==,
		                "cannot secure the connection to " HOST ": the TLS handshake timed out after 0.05 s");
		server_join(&server);
	}
}

static void *
cancel_thread(void *data)
{
	core_cancel_trigger(data);
	return NULL;
}

static void
test_handshake_cancelled(void)
{
	Server server = { .identity = SERVER, .behaviour = ECHO, .limit = 100 };
	g_autoptr(CoreCancel) cancel = core_cancel_new();
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;
	NetStream *below = server_start(&server, cancel);
	pthread_t thread;

	g_assert_cmpint(pthread_create(&thread, NULL, cancel_thread, cancel), ==, 0);
	g_assert_null(net_tls_new(below, &config, HOST, TEST_TIMEOUT_MS, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	pthread_join(thread, NULL);
	server_join(&server);
}

/* A peer that never pauses: harmless records for as long as anybody listens. */
static void *
flood_thread(void *data)
{
	static const uint8_t change_cipher_spec[6] = { 20, 3, 3, 0, 1, 1 };
	int fd = *(int *)data;
	uint8_t many[6 * 500];

	for (size_t i = 0; i < sizeof many; i++)
		many[i] = change_cipher_spec[i % 6];
	while (send(fd, many, sizeof many, MSG_NOSIGNAL) > 0)
		;
	close(fd);
	return NULL;
}

static void
test_handshake_flooded(void)
{
	int fds[2];
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;
	pthread_t thread;

	test_pair(fds);
	g_assert_cmpint(pthread_create(&thread, NULL, flood_thread, &fds[1]), ==, 0);
	g_assert_null(net_tls_new(net_tcp_new_from_fd(fds[0], NULL), &config, HOST, 100, &error));
	g_test_message("%s", error->message);
	g_assert_true(g_error_matches(error, CORE_ERROR, CORE_ERROR_UNREACHABLE) ||
	              g_error_matches(error, CORE_ERROR, CORE_ERROR_PROTOCOL));
	pthread_join(thread, NULL);
}

/* ---- data ---- */

typedef struct {
	const char *name;
	Behaviour behaviour;
	const char *priority;
	bool awkward;
	size_t size;
} EchoRow;

static const EchoRow echo_rows[] = {
	{ "tls13", ECHO, NULL, false, 4 << 20 }, /* more than the buffers hold: only full duplex gets through */
	{ "tls12", ECHO, "NORMAL:-VERS-ALL:+VERS-TLS1.2", false, 4 << 20 },
	{ "new-keys", ECHO_NEW_KEYS, NULL, false, 1 << 20 },
	{ "rehandshake-ignored", ECHO_REHANDSHAKE, "NORMAL:-VERS-ALL:+VERS-TLS1.2", false, 1 << 20 },
	{ "awkward-layer", ECHO, NULL, true, 20000 },
	{ "awkward-layer-new-keys", ECHO_NEW_KEYS, NULL, true, 20000 },
};

static void
test_echo(gconstpointer data)
{
	const EchoRow *row = data;
	Server server = { .identity = SERVER, .priority = row->priority, .behaviour = row->behaviour };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;
	NetStream *below = server_start(&server, NULL);

	if (row->awkward)
		below = test_dribble_new(below);
	NetStream *stream = net_tls_new(below, &config, HOST, TEST_TIMEOUT_MS, &error);
	g_assert_no_error(error);
	g_autoptr(GByteArray) out = test_noise(row->size, 3), in = test_exchange(stream, out, row->size);
	test_assert_same(in, out);
	g_assert_cmpuint(stream->bytes_in, ==, row->size);
	g_assert_cmpuint(stream->bytes_out, ==, row->size);
	net_stream_free(stream);
	server_join(&server);
}

static void
test_pending(void)
{
	Server server = { .identity = SERVER, .behaviour = ONE_RECORD };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;
	NetStream *stream = net_tls_new(server_start(&server, NULL), &config, HOST, TEST_TIMEOUT_MS, &error);
	g_autoptr(GByteArray) in = g_byte_array_new(), wanted = test_noise(5000, 7);
	char first;

	g_assert_no_error(error);
	g_assert_cmpint(net_stream_pump(stream, NULL, &first, 1, NULL, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	g_assert_true(stream->class->pending(stream));
	g_byte_array_append(in, (const guint8 *)&first, 1);
	g_assert_cmpint(test_read_all(stream, 13, in, &error), ==, NET_EOF);
	g_assert_no_error(error);
	g_assert_false(stream->class->pending(stream));
	test_assert_same(in, wanted);
	net_stream_free(stream);
	server_join(&server);
}

static void
truncated(Behaviour behaviour)
{
	Server server = { .identity = SERVER, .behaviour = behaviour };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;
	NetStream *stream = net_tls_new(server_start(&server, NULL), &config, HOST, TEST_TIMEOUT_MS, &error);
	g_autoptr(GByteArray) in = g_byte_array_new();
	char byte;

	g_assert_no_error(error);
	g_assert_cmpint(test_read_all(stream, 4096, in, &error), ==, NET_EOF);
	g_assert_cmpuint(in->len, ==, 5000);
	g_assert_cmpint(net_stream_pump(stream, NULL, &byte, 1, NULL, TEST_TIMEOUT_MS, &error), ==, NET_EOF); /* again */
	g_assert_no_error(error);
	net_stream_free(stream);
	server_join(&server);
}

static void
test_truncated(void)
{
	truncated(TRUNCATE);
	truncated(TRUNCATE_RECORD);
}

/* As STARTTLS does: some words in the clear, then TLS over the same stream. */
static void
test_after_plain_words(void)
{
	Server server = { .identity = SERVER, .behaviour = ECHO };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;
	int fds[2];
	char buffer[64];
	size_t n = 0;

	test_pair(fds);
	NetStream *below = net_tcp_new_from_fd(fds[0], NULL);
	g_assert_cmpint(write(fds[1], "a OK begin\r\n", 12), ==, 12);
	g_assert_cmpint(net_stream_pump(below, NULL, buffer, sizeof buffer, &n, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	g_assert_cmpmem(buffer, n, "a OK begin\r\n", 12);
	server.fd = fds[1];
	g_assert_cmpint(pthread_create(&server.thread, NULL, server_thread, &server), ==, 0);
	NetStream *stream = net_tls_new(below, &config, HOST, TEST_TIMEOUT_MS, &error);
	g_assert_no_error(error);
	g_autoptr(GByteArray) out = test_noise(100, 3), in = test_exchange(stream, out, 100);
	test_assert_same(in, out);
	net_stream_free(stream);
	server_join(&server);
}

static void
add_client_tests(void)
{
	static const struct {
		const char *version, *priority;
	} rows[] = { { "tls13", NULL }, { "tls12", "NORMAL:-VERS-ALL:+VERS-TLS1.2" } };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *sent = g_strdup_printf("/tls/client-certificate/sent/%s", rows[i].version);
		g_autofree char *missing = g_strdup_printf("/tls/client-certificate/missing/%s", rows[i].version);
		g_autofree char *kept = g_strdup_printf("/tls/client-certificate/kept-from-strangers/%s", rows[i].version);

		g_test_add_data_func(sent, rows[i].priority, test_client_certificate);
		g_test_add_data_func(missing, rows[i].priority, test_client_certificate_missing);
		g_test_add_data_func(kept, rows[i].priority, test_client_certificate_kept_from_strangers);
	}
}

int
main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	make_everything();
	for (size_t i = 0; i < G_N_ELEMENTS(verify_rows); i++) {
		g_autofree char *path = g_strdup_printf("/tls/verify/%s", verify_rows[i].name);
		g_test_add_data_func(path, &verify_rows[i], test_verify);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(echo_rows); i++) {
		g_autofree char *path = g_strdup_printf("/tls/echo/%s", echo_rows[i].name);
		g_test_add_data_func(path, &echo_rows[i], test_echo);
	}
	add_client_tests();
	g_test_add_func("/tls/pins", test_pins);
	g_test_add_func("/tls/pin-syntax", test_pin_syntax);
	g_test_add_func("/tls/wrong-files", test_wrong_files);
	g_test_add_func("/tls/handshake/plain-text-server", test_plain_text_server);
	g_test_add_func("/tls/handshake/cut", test_handshake_cut);
	g_test_add_func("/tls/handshake/refused-at-once", test_handshake_refused_at_once);
	g_test_add_func("/tls/handshake/stalls", test_handshake_stalls);
	g_test_add_func("/tls/handshake/cancelled", test_handshake_cancelled);
	g_test_add_func("/tls/handshake/flooded", test_handshake_flooded);
	g_test_add_func("/tls/pending", test_pending);
	g_test_add_func("/tls/truncated", test_truncated);
	g_test_add_func("/tls/after-plain-words", test_after_plain_words);
	status = g_test_run();
	remove_everything();
	return status;
}
