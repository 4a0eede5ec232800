/* src/net: TLS against servers made here, with certificates made here. */
#include "net/tls.h"
#include "test-net-tls-server.h"

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
	{ "other-ipv4", ADDRESSES, "127.0.0.2", NULL, AUTHORITY,
	  "it is for other.example.test, 127.0.0.1, ::1, not for the address 127.0.0.2" },
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

/* A peer that never pauses. */
typedef struct {
	int fd;
	const char *record;
	size_t length;
} Flood;

static void *
flood_thread(void *data)
{
	const Flood *flood = data;
	uint8_t many[3500];

	for (size_t i = 0; i < sizeof many; i++)
		many[i] = (uint8_t)flood->record[i % flood->length];
	while (send(flood->fd, many, sizeof many - sizeof many % flood->length, MSG_NOSIGNAL) > 0)
		;
	close(flood->fd);
	return NULL;
}

/* Whether GnuTLS loses patience first, or we do: it ends. */
static void
test_handshake_flooded(void)
{
	static const Flood floods[] = {
		{ -1, "\x14\x03\x03\x00\x01\x01", 6 },                 /* change cipher spec */
		{ -1, "\x15\x03\x03\x00\x02\x01\x70", 7 },             /* a warning: unrecognized name */
		{ -1, "\x16\x03\x03\x00\x04\x00\x00\x00\x00", 9 },     /* hello requests */
		{ -1, "\x16\x03\x03\x00\x05\x02\xff\xff\xff\x00", 10 }, /* a server hello of 16 MB */
		{ -1, "\x16\x03\x03\x00\x00", 5 },                     /* empty records */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(floods); i++) {
		Flood flood = floods[i];
		int fds[2];
		NetTlsConfig config = trusting();
		g_autoptr(GError) error = NULL;
		pthread_t thread;

		test_pair(fds);
		flood.fd = fds[1];
		g_assert_cmpint(pthread_create(&thread, NULL, flood_thread, &flood), ==, 0);
		g_assert_null(net_tls_new(net_tcp_new_from_fd(fds[0], NULL), &config, HOST, 100, &error));
		g_test_message("%s", error->message);
		g_assert_true(g_error_matches(error, CORE_ERROR, CORE_ERROR_UNREACHABLE) ||
		              g_error_matches(error, CORE_ERROR, CORE_ERROR_PROTOCOL));
		pthread_join(thread, NULL);
	}
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

/* The server has spoken and hung up before we write: its words are read, then the loss is told. */
static void
test_last_words(void)
{
	Server server = { .identity = SERVER, .behaviour = TRUNCATE };
	NetTlsConfig config = trusting();
	g_autoptr(GError) error = NULL;
	NetStream *stream = net_tls_new(server_start(&server, NULL), &config, HOST, TEST_TIMEOUT_MS, &error);
	g_autoptr(GByteArray) out = test_noise(100, 3), in = g_byte_array_new(), wanted = test_noise(5000, 7);
	struct pollfd hung_up = { .fd = stream ? stream->fd : -1 };
	NetResult result;

	g_assert_no_error(error);
	while (!(hung_up.revents & POLLHUP))
		g_assert_cmpint(poll(&hung_up, 1, TEST_TIMEOUT_MS), ==, 1);
	do {
		uint8_t buffer[900];
		size_t n = 0;

		result = net_stream_pump(stream, out, buffer, sizeof buffer, &n, TEST_TIMEOUT_MS, &error);
		g_byte_array_append(in, buffer, (guint)n);
	} while (result == NET_DONE);
	g_assert_cmpint(result, ==, NET_FAILED);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	test_assert_same(in, wanted);
	net_stream_free(stream);
	server_join(&server);
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
	g_test_add_func("/tls/last-words", test_last_words);
	g_test_add_func("/tls/after-plain-words", test_after_plain_words);
	status = g_test_run();
	remove_everything();
	return status;
}
