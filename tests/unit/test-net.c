/* src/net: pumping streams, resolving and dialling. */
#include "core/clock.h"
#include "net/dial.h"
#include "test-net-layers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEGABYTES(n) ((size_t)(n) << 20)

static void
test_pump_reads_then_ends(void)
{
	int fds[2];
	char buffer[3];
	size_t n = 9;
	g_autoptr(GError) error = NULL;

	test_pair(fds);
	g_autoptr(NetStream) stream = net_tcp_new_from_fd(fds[0], NULL);
	g_assert_cmpint(write(fds[1], "12345", 5), ==, 5);
	close(fds[1]);
	g_assert_cmpint(net_stream_pump(stream, NULL, buffer, 3, &n, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	g_assert_cmpmem(buffer, n, "123", 3);
	g_assert_cmpint(net_stream_pump(stream, NULL, buffer, 3, &n, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	g_assert_cmpmem(buffer, n, "45", 2);
	g_assert_cmpint(net_stream_pump(stream, NULL, buffer, 3, &n, TEST_TIMEOUT_MS, &error), ==, NET_EOF);
	g_assert_cmpuint(n, ==, 0);
	g_assert_no_error(error);
	g_assert_cmpuint(stream->bytes_in, ==, 5);
}

static void
test_pump_returns_when_written(void)
{
	int fds[2];
	char buffer[8];
	size_t n = 9;
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	test_pair(fds);
	g_autoptr(NetStream) stream = net_tcp_new_from_fd(fds[0], NULL);
	g_byte_array_append(out, (const guint8 *)"hello", 5);
	g_assert_cmpint(net_stream_pump(stream, out, buffer, sizeof buffer, &n, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	g_assert_cmpuint(out->len, ==, 0);
	g_assert_cmpuint(n, ==, 0);
	g_assert_cmpint(read(fds[1], buffer, sizeof buffer), ==, 5);
	g_assert_cmpuint(stream->bytes_out, ==, 5);
	close(fds[1]);
}

typedef struct {
	NetStream *stream;
	const GByteArray *out;
	size_t expected;
	GByteArray *received;
} Side;

static void *
exchange_thread(void *data)
{
	Side *side = data;

	side->received = test_exchange(side->stream, side->out, side->expected);
	return NULL;
}

/* More than any socket buffer: who only writes first waits for ever for the other. */
static void
test_pump_is_full_duplex(void)
{
	g_autoptr(GByteArray) one = test_noise(MEGABYTES(6), 1), two = test_noise(MEGABYTES(6), 2);
	int fds[2];
	pthread_t thread;

	test_pair(fds);
	g_autoptr(NetStream) a = net_tcp_new_from_fd(fds[0], NULL);
	g_autoptr(NetStream) b = net_tcp_new_from_fd(fds[1], NULL);
	Side side = { b, two, one->len, NULL };
	g_assert_cmpint(pthread_create(&thread, NULL, exchange_thread, &side), ==, 0);
	g_autoptr(GByteArray) received = test_exchange(a, one, two->len);
	pthread_join(thread, NULL);
	test_assert_same(received, two);
	test_assert_same(side.received, one);
	g_byte_array_unref(side.received);
}

static void
test_pump_through_awkward_layer(void)
{
	g_autoptr(GByteArray) one = test_noise(3000, 1), two = test_noise(2000, 2);
	int fds[2];
	pthread_t thread;

	test_pair(fds);
	g_autoptr(NetStream) a = test_dribble_new(net_tcp_new_from_fd(fds[0], NULL));
	g_autoptr(NetStream) b = net_tcp_new_from_fd(fds[1], NULL);
	Side side = { b, two, one->len, NULL };
	g_assert_cmpint(pthread_create(&thread, NULL, exchange_thread, &side), ==, 0);
	g_autoptr(GByteArray) received = test_exchange(a, one, two->len);
	pthread_join(thread, NULL);
	test_assert_same(received, two);
	test_assert_same(side.received, one);
	g_byte_array_unref(side.received);
}

static void
test_pump_times_out(void)
{
	g_autoptr(GByteArray) out = test_noise(MEGABYTES(8), 1), whole = test_noise(MEGABYTES(8), 1);
	g_autoptr(GError) reading = NULL, writing = NULL;
	int fds[2];
	char byte;

	test_pair(fds);
	g_autoptr(NetStream) stream = net_tcp_new_from_fd(fds[0], NULL);
	g_assert_cmpint(net_stream_pump(stream, NULL, &byte, 1, NULL, 20, &reading), ==, NET_FAILED);
	g_assert_error(reading, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpstr(reading->message, ==, "timed out after 0.02 s");

	/* Nobody reads: what went out is gone from the front, the rest is still there. */
	g_assert_cmpint(net_stream_pump(stream, out, NULL, 0, NULL, 20, &writing), ==, NET_FAILED);
	g_assert_error(writing, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpuint(stream->bytes_out, >, 0);
	g_assert_cmpuint(out->len, >, 0);
	g_assert_cmpmem(out->data, out->len, whole->data + stream->bytes_out, whole->len - stream->bytes_out);
	close(fds[1]);
}

static void *
cancel_thread(void *data)
{
	core_cancel_trigger(data);
	return NULL;
}

static void
test_pump_is_cancelled(void)
{
	g_autoptr(CoreCancel) cancel = core_cancel_new();
	g_autoptr(GError) error = NULL;
	int fds[2];
	char byte;
	pthread_t thread;

	test_pair(fds);
	g_autoptr(NetStream) stream = net_tcp_new_from_fd(fds[0], cancel);
	g_assert_cmpint(pthread_create(&thread, NULL, cancel_thread, cancel), ==, 0);
	g_assert_cmpint(net_stream_pump(stream, NULL, &byte, 1, NULL, TEST_TIMEOUT_MS, &error), ==, NET_FAILED);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	pthread_join(thread, NULL);

	/* Even when there is something to read. */
	g_clear_error(&error);
	g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
	g_assert_cmpint(net_stream_pump(stream, NULL, &byte, 1, NULL, TEST_TIMEOUT_MS, &error), ==, NET_FAILED);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	close(fds[1]);
}

/* A server that refuses us says so and hangs up, often before we have written. */
static void
test_pump_last_words(void)
{
	g_autoptr(GByteArray) out = test_noise(10, 1);
	g_autoptr(GError) error = NULL;
	int fds[2];
	char buffer[10];
	size_t n = 0;

	signal(SIGPIPE, SIG_DFL); /* which would end this program */
	test_pair(fds);
	g_autoptr(NetStream) stream = net_tcp_new_from_fd(fds[0], NULL);
	g_assert_cmpint(write(fds[1], "* BYE", 5), ==, 5);
	close(fds[1]);
	g_assert_cmpint(net_stream_pump(stream, out, buffer, sizeof buffer, &n, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	g_assert_no_error(error);
	g_assert_cmpmem(buffer, n, "* BYE", 5);
	g_assert_cmpint(net_stream_pump(stream, out, buffer, sizeof buffer, &n, TEST_TIMEOUT_MS, &error), ==, NET_FAILED);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpstr(error->message, ==, "the connection was lost: Broken pipe");
	g_assert_cmpuint(out->len, ==, 10);
}

/* Closing with something unread resets the connection. */
static void
test_pump_reset(void)
{
	g_autoptr(GByteArray) out = test_noise(10, 1);
	g_autoptr(GError) error = NULL;
	int fds[2];
	char byte;

	test_pair(fds);
	g_autoptr(NetStream) stream = net_tcp_new_from_fd(fds[0], NULL);
	g_assert_cmpint(net_stream_pump(stream, out, NULL, 0, NULL, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	close(fds[1]);
	g_assert_cmpint(net_stream_pump(stream, NULL, &byte, 1, NULL, TEST_TIMEOUT_MS, &error), ==, NET_FAILED);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpstr(error->message, ==, "the connection was lost: Connection reset by peer");
}

/* A TCP socket on loopback, bound; listening if @backlog >= 0. */
static int
make_server(int family, int backlog, NetAddress *address_r)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	NetAddress address = { 0 };

	address.address.ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		((struct sockaddr_in *)(void *)&address.address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.length = sizeof(struct sockaddr_in);
	} else {
		((struct sockaddr_in6 *)(void *)&address.address)->sin6_addr = in6addr_loopback;
		address.length = sizeof(struct sockaddr_in6);
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&address.address, address.length) < 0) {
		if (fd >= 0)
			close(fd);
		return -1; /* no such family here */
	}
	g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address.address, &address.length), ==, 0);
	if (backlog >= 0)
		g_assert_cmpint(listen(fd, backlog), ==, 0);
	*address_r = address;
	return fd;
}

static uint16_t
port_of(const NetAddress *address)
{
	return ntohs(((const struct sockaddr_in *)(const void *)&address->address)->sin_port);
}

static uint16_t
peer_port(int fd)
{
	NetAddress peer = { .length = sizeof peer.address };

	g_assert_cmpint(getpeername(fd, (struct sockaddr *)&peer.address, &peer.length), ==, 0);
	return port_of(&peer);
}

static void
test_connect_by_name(void)
{
	NetAddress address;
	int server = make_server(AF_INET, 5, &address);
	g_autoptr(GError) error = NULL;
	g_autoptr(NetStream) stream = net_tcp_connect("localhost", port_of(&address), TEST_TIMEOUT_MS, NULL, &error);

	g_assert_no_error(error);
	g_assert_nonnull(stream);
	g_assert_true(net_tcp_is_loopback(stream));

	int peer = accept(server, NULL, NULL);
	char byte = 0;
	size_t n = 0;
	g_assert_cmpint(write(peer, "!", 1), ==, 1);
	g_assert_cmpint(net_stream_pump(stream, NULL, &byte, 1, &n, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	g_assert_cmpint(byte, ==, '!');
	close(peer);
	close(server);
}

/* Writes until nothing more is taken; how much that was. */
static size_t
fill(NetStream *stream)
{
	static const uint8_t noise[65536];
	size_t written = 0, n;

	while (stream->class->write(stream, noise, sizeof noise, &n, NULL) == NET_DONE)
		written += n;
	return written;
}

/* What comes of it at a peer that begins to read when the other side has gone; *reset_r: it was told so by RST. */
static size_t
drain(int peer, bool *reset_r)
{
	uint8_t bytes[4096];
	size_t came = 0;
	ssize_t n;

	while ((n = recv(peer, bytes, sizeof bytes, 0)) > 0)
		came += (size_t)n;
	*reset_r = n < 0 && errno == ECONNRESET;
	return came;
}

/* @how: 'e' it ends, 'a' abruptly, 'k' its process is killed when it was to end abruptly. */
static void
leave(uint16_t port, char how, size_t *written_r)
{
	g_autoptr(NetStream) stream = net_tcp_connect("127.0.0.1", port, TEST_TIMEOUT_MS, NULL, NULL);

	g_assert_nonnull(stream);
	net_stream_set_abrupt(stream, true);
	*written_r = fill(stream);
	if (how == 'e')
		net_stream_set_abrupt(stream, false);
	if (how == 'k')
		raise(SIGKILL);
}

static void
test_close_delivers_what_was_written_or_not(void)
{
	NetAddress address;
	int server = make_server(AF_INET, 5, &address);

	g_assert_cmpint(setsockopt(server, SOL_SOCKET, SO_RCVBUF, &(int){ 8192 }, sizeof(int)), ==, 0);
	for (const char *how = "eak"; *how; how++) {
		size_t *written = mmap(NULL, sizeof *written, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		bool is_reset;
		pid_t child = fork();
		if (child == 0) {
			leave(port_of(&address), *how, written);
			_exit(0);
		}
		int peer = accept(server, NULL, NULL);
		g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
		size_t came = drain(peer, &is_reset);
		g_assert_cmpuint(*written, >, 65536);
		if (*how == 'e')
			g_assert_cmpuint(came, ==, *written);
		else
			g_assert_cmpuint(came, <, *written / 2);
		g_assert_cmpint(is_reset, ==, *how != 'e');
		close(peer);
		munmap(written, sizeof *written);
	}
	close(server);
}

static void
test_connect_refused(void)
{
	NetAddress address;
	int server = make_server(AF_INET, -1, &address); /* bound, so that nobody else listens there */
	g_autoptr(GError) error = NULL;
	g_autofree char *expected = NULL;

	g_assert_null(net_tcp_connect("127.0.0.1", port_of(&address), TEST_TIMEOUT_MS, NULL, &error));
	expected = g_strdup_printf("cannot connect to 127.0.0.1 port %u: Connection refused", port_of(&address));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpstr(error->message, ==, expected);
	close(server);
}

/* Whatever the resolver here does with such a name (RFC 6761: it never exists), it ends in time. */
static void
test_connect_unknown_host(void)
{
	static const char *const names[] = { "nosuchhost.invalid", "ko\xc5\xa1.invalid" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *prefix = g_strdup_printf("cannot connect to %s port 993: ", names[i]);

		g_assert_null(net_tcp_connect(names[i], 993, 2000, NULL, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
		g_assert_true(g_str_has_prefix(error->message, prefix));
	}
}

static void
test_connect_impossible_names(void)
{
	static const char *const names[] = { "", "a b", "..", "\xff\xfe" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(net_tcp_connect(names[i], 993, 2000, NULL, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	}
}

static void
test_connect_cancelled_while_resolving(void)
{
	g_autoptr(CoreCancel) cancel = core_cancel_new();
	g_autoptr(GError) error = NULL;

	core_cancel_trigger(cancel);
	for (int i = 0; i < 20; i++) { /* the threads that are left behind free what they share */
		g_assert_null(net_tcp_connect("localhost", 993, TEST_TIMEOUT_MS, cancel, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
		g_clear_error(&error);
	}
}

static void
test_resolve_numeric(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) v4 = net_resolve("127.0.0.1", 143, 0, NULL, &error); /* no time, and none needed */
	g_autoptr(GArray) v6 = net_resolve("::1", 143, 0, NULL, &error);

	g_assert_no_error(error);
	g_assert_cmpuint(v4->len, ==, 1);
	g_assert_cmpuint(v6->len, ==, 1);
	g_assert_cmpint(g_array_index(v4, NetAddress, 0).address.ss_family, ==, AF_INET);
	g_assert_cmpint(g_array_index(v6, NetAddress, 0).address.ss_family, ==, AF_INET6);
	g_assert_cmpuint(port_of(&g_array_index(v4, NetAddress, 0)), ==, 143);
}

static void
test_dial_interleaves(void)
{
	static const struct {
		const char *before, *after; /* 4 and 6: a family; a, b…: which of them */
	} rows[] = {
		{ "6a6b6c4a4b", "6a4a6b4b6c" }, { "4a6a6b6c", "4a6a6b6c" }, { "4a4b", "4a4b" },
		{ "4a4b4c6a", "4a6a4b4c" },     { "6a", "6a" },             { "", "" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		NetAddress list[8] = { 0 };
		size_t n = strlen(rows[i].before) / 2;
		char after[17] = "";

		for (size_t j = 0; j < n; j++) {
			list[j].address.ss_family = rows[i].before[2 * j] == '4' ? AF_INET : AF_INET6;
			list[j].length = (socklen_t)rows[i].before[2 * j + 1];
		}
		net_dial_interleave(list, n);
		for (size_t j = 0; j < n; j++) {
			after[2 * j] = list[j].address.ss_family == AF_INET ? '4' : '6';
			after[2 * j + 1] = (char)list[j].length;
		}
		g_assert_cmpstr(after, ==, rows[i].after);
	}
}

/* The first address refuses (or its family is not there): the second is tried at once. */
static void
test_dial_skips_dead_address(void)
{
	NetAddress addresses[2];
	int dead = make_server(AF_INET6, -1, &addresses[0]);
	int live = make_server(AF_INET, 5, &addresses[1]);
	g_autoptr(GError) error = NULL;

	if (dead < 0)
		dead = make_server(AF_INET, -1, &addresses[0]);
	int fd = net_dial(addresses, 2, core_clock_ms() + TEST_TIMEOUT_MS, NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(peer_port(fd), ==, port_of(&addresses[1]));
	close(fd);
	close(dead);
	close(live);
}

/* A listener whose queue is full: connecting to it neither succeeds nor fails. */
typedef struct {
	NetAddress address;
	int server, clients[16];
	size_t n;
} Stalled;

static void
stalled_make(Stalled *stalled)
{
	stalled->server = make_server(AF_INET, 0, &stalled->address);
	for (stalled->n = 0; stalled->n < G_N_ELEMENTS(stalled->clients);) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct pollfd wait = { .fd = fd, .events = POLLOUT };

		stalled->clients[stalled->n++] = fd;
		if (connect(fd, (struct sockaddr *)&stalled->address.address, stalled->address.length) < 0 &&
		    poll(&wait, 1, 200) == 0)
			return;
	}
	g_assert_not_reached();
}

static void
stalled_clear(Stalled *stalled)
{
	for (size_t i = 0; i < stalled->n; i++)
		close(stalled->clients[i]);
	close(stalled->server);
}

static void
test_dial_overtakes_silent_address(void)
{
	Stalled stalled;
	NetAddress addresses[2];
	g_autoptr(GError) error = NULL;
	int live = make_server(AF_INET, 5, &addresses[1]);

	stalled_make(&stalled);
	addresses[0] = stalled.address;
	int fd = net_dial(addresses, 2, core_clock_ms() + TEST_TIMEOUT_MS, NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(peer_port(fd), ==, port_of(&addresses[1]));
	close(fd);
	close(live);
	stalled_clear(&stalled);
}

static void
test_connect_times_out(void)
{
	Stalled stalled;
	g_autoptr(GError) error = NULL;
	g_autofree char *expected = NULL;

	stalled_make(&stalled);
	g_assert_null(net_tcp_connect("127.0.0.1", port_of(&stalled.address), 50, NULL, &error));
	expected = g_strdup_printf("cannot connect to 127.0.0.1 port %u: timed out", port_of(&stalled.address));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpstr(error->message, ==, expected);
	stalled_clear(&stalled);
}

static void
test_connect_is_cancelled(void)
{
	Stalled stalled;
	g_autoptr(CoreCancel) cancel = core_cancel_new();
	g_autoptr(GError) error = NULL;
	pthread_t thread;

	stalled_make(&stalled);
	g_assert_cmpint(pthread_create(&thread, NULL, cancel_thread, cancel), ==, 0);
	g_assert_null(net_tcp_connect("127.0.0.1", port_of(&stalled.address), TEST_TIMEOUT_MS, cancel, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
	pthread_join(thread, NULL);
	stalled_clear(&stalled);
}

/* A machine without IPv6 says that the network is unreachable; the user wants to know why IPv4 failed. */
static void
test_dial_tells_the_better_reason(void)
{
	NetAddress addresses[2] = { 0 };
	int dead = make_server(AF_INET, -1, &addresses[0]);
	g_autoptr(GError) error = NULL;

	addresses[1].address.ss_family = AF_APPLETALK; /* EAFNOSUPPORT */
	addresses[1].length = 16;
	g_assert_cmpint(net_dial(addresses, 2, core_clock_ms() + TEST_TIMEOUT_MS, NULL, &error), ==, -1);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_UNREACHABLE);
	g_assert_cmpstr(error->message, ==, "Connection refused");
	close(dead);
}

/* A datagram socket gives a peer address without anybody at the other end. */
static bool
loopback_by_datagram(int family, const char *address)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	g_autoptr(NetStream) stream = net_tcp_new_from_fd(fd, NULL);
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };

	if (family == AF_INET) {
		g_assert_cmpint(inet_pton(family, address, &v4.sin_addr), ==, 1);
		(void)!connect(fd, (struct sockaddr *)&v4, sizeof v4);
	} else {
		g_assert_cmpint(inet_pton(family, address, &v6.sin6_addr), ==, 1);
		(void)!connect(fd, (struct sockaddr *)&v6, sizeof v6);
	}
	return net_tcp_is_loopback(stream);
}

static void
test_loopback(void)
{
	int fds[2];

	test_pair(fds);
	g_autoptr(NetStream) local = net_tcp_new_from_fd(fds[0], NULL);
	g_assert_true(net_tcp_is_loopback(local));
	close(fds[1]);
	g_assert_true(loopback_by_datagram(AF_INET, "127.0.0.1"));
	g_assert_true(loopback_by_datagram(AF_INET, "127.9.8.7"));
	/* Not loopback; and where there is no route to them, without a peer at all. */
	g_assert_false(loopback_by_datagram(AF_INET, "192.0.2.1"));
	g_assert_false(loopback_by_datagram(AF_INET, "128.0.0.1"));
	g_assert_false(loopback_by_datagram(AF_INET6, "2001:db8::1"));
	g_assert_false(loopback_by_datagram(AF_INET6, "::ffff:192.0.2.1"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/net/pump/reads-then-ends", test_pump_reads_then_ends);
	g_test_add_func("/net/pump/returns-when-written", test_pump_returns_when_written);
	g_test_add_func("/net/pump/full-duplex", test_pump_is_full_duplex);
	g_test_add_func("/net/pump/awkward-layer", test_pump_through_awkward_layer);
	g_test_add_func("/net/pump/times-out", test_pump_times_out);
	g_test_add_func("/net/pump/cancelled", test_pump_is_cancelled);
	g_test_add_func("/net/pump/last-words", test_pump_last_words);
	g_test_add_func("/net/pump/reset", test_pump_reset);
	g_test_add_func("/net/resolve/numeric", test_resolve_numeric);
	g_test_add_func("/net/dial/interleaves", test_dial_interleaves);
	g_test_add_func("/net/dial/skips-dead-address", test_dial_skips_dead_address);
	g_test_add_func("/net/dial/overtakes-silent-address", test_dial_overtakes_silent_address);
	g_test_add_func("/net/dial/better-reason", test_dial_tells_the_better_reason);
	g_test_add_func("/net/connect/by-name", test_connect_by_name);
	g_test_add_func("/net/connect/refused", test_connect_refused);
	g_test_add_func("/net/connect/unknown-host", test_connect_unknown_host);
	g_test_add_func("/net/connect/impossible-names", test_connect_impossible_names);
	g_test_add_func("/net/connect/cancelled-while-resolving", test_connect_cancelled_while_resolving);
	g_test_add_func("/net/connect/times-out", test_connect_times_out);
	g_test_add_func("/net/connect/cancelled", test_connect_is_cancelled);
	g_test_add_func("/net/close/delivers-or-not", test_close_delivers_what_was_written_or_not);
	g_test_add_func("/net/loopback", test_loopback);
	return g_test_run();
}
