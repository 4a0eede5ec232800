/* src/net: COMPRESS=DEFLATE. */
#include "net/deflate.h"
#include "test-net-layers.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Raw deflate of @length bytes, as a server would send it. */
static GByteArray *
compress_raw(const void *bytes, size_t length, int flush)
{
	GByteArray *compressed = g_byte_array_new();
	z_stream deflater = { 0 };
	uint8_t buffer[4096];

	g_assert_cmpint(deflateInit2(&deflater, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
	g_autofree uint8_t *copy = g_memdup2(bytes, length);
	deflater.next_in = copy;
	deflater.avail_in = (uInt)length;
	do {
		deflater.next_out = buffer;
		deflater.avail_out = sizeof buffer;
		deflate(&deflater, flush);
		g_byte_array_append(compressed, buffer, (guint)(sizeof buffer - deflater.avail_out));
	} while (deflater.avail_out == 0);
	deflateEnd(&deflater);
	return compressed;
}

/* Sends what it is given, then closes. */
typedef struct {
	int fd;
	const GByteArray *bytes;
	size_t repeat;
	pthread_t thread;
} Sender;

static void *
sender_thread(void *data)
{
	Sender *sender = data;

	for (size_t i = 0; i < MAX(sender->repeat, (size_t)1); i++) {
		size_t done = 0;

		while (done < sender->bytes->len) {
			ssize_t n = send(sender->fd, sender->bytes->data + done, sender->bytes->len - done, MSG_NOSIGNAL);
			if (n <= 0)
				goto out; /* the reader has seen enough */
			done += (size_t)n;
		}
	}
out:
	close(sender->fd);
	return NULL;
}

/* A stream that decodes what @sender sends. */
static NetStream *
sender_start(Sender *sender, bool awkward)
{
	int fds[2];

	test_pair(fds);
	sender->fd = fds[1];
	g_assert_cmpint(pthread_create(&sender->thread, NULL, sender_thread, sender), ==, 0);
	NetStream *below = net_tcp_new_from_fd(fds[0], NULL);
	return net_deflate_new(awkward ? test_dribble_new(below) : below);
}

static void
sender_join(Sender *sender)
{
	pthread_join(sender->thread, NULL);
}

static GByteArray *
text(size_t length)
{
	GByteArray *bytes = g_byte_array_new();

	for (unsigned i = 0; bytes->len < length; i++) {
		g_autofree char *line = g_strdup_printf("* %u FETCH (UID %u FLAGS (\\Seen) RFC822.SIZE %u)\r\n", i, i * 3,
		                                        i * 777 % 65521);
		g_byte_array_append(bytes, (const guint8 *)line, (guint)strlen(line));
	}
	g_byte_array_set_size(bytes, (guint)length);
	return bytes;
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

static void
exchange(const GByteArray *one, const GByteArray *two, bool awkward)
{
	int fds[2];
	pthread_t thread;

	test_pair(fds);
	NetStream *below = net_tcp_new_from_fd(fds[0], NULL);
	g_autoptr(NetStream) a = net_deflate_new(awkward ? test_dribble_new(below) : below);
	g_autoptr(NetStream) b = net_deflate_new(net_tcp_new_from_fd(fds[1], NULL));
	Side side = { b, two, one->len, NULL };
	g_assert_cmpint(pthread_create(&thread, NULL, exchange_thread, &side), ==, 0);
	g_autoptr(GByteArray) received = test_exchange(a, one, two->len);
	pthread_join(thread, NULL);
	test_assert_same(received, two);
	test_assert_same(side.received, one);
	g_assert_cmpuint(a->bytes_out, ==, one->len);
	g_assert_cmpuint(a->bytes_in, ==, two->len);
	g_byte_array_unref(side.received);
}

static void
test_text_both_ways(void)
{
	g_autoptr(GByteArray) one = text(3 << 20), two = text(2 << 20);

	exchange(one, two, false);
}

/* What does not compress grows, and fills every buffer. */
static void
test_noise_both_ways(void)
{
	g_autoptr(GByteArray) one = test_noise(3 << 20, 1), two = test_noise(3 << 20, 2);

	exchange(one, two, false);
}

static void
test_byte_by_byte(void)
{
	g_autoptr(GByteArray) one = test_noise(20000, 1), two = text(60000);

	exchange(one, two, true);
	exchange(two, one, true);
}

/* Each command can be decoded as soon as it was pumped, and short ones shrink. */
static void
test_flushes_commands(void)
{
	int fds[2];
	g_autoptr(GError) error = NULL;

	test_pair(fds);
	g_autoptr(NetStream) below = net_tcp_new_from_fd(fds[1], NULL);
	g_autoptr(NetStream) a = net_deflate_new(net_tcp_new_from_fd(fds[0], NULL));
	g_autoptr(NetStream) b = net_deflate_new(g_steal_pointer(&below));
	for (int i = 0; i < 50; i++) {
		g_autofree char *command = g_strdup_printf("a%d UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)\r\n", i);
		g_autoptr(GByteArray) out = g_byte_array_new();
		char buffer[200];
		size_t n = 0;

		g_byte_array_append(out, (const guint8 *)command, (guint)strlen(command));
		g_assert_cmpint(net_stream_pump(a, out, NULL, 0, NULL, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
		g_assert_cmpuint(out->len, ==, 0);
		g_assert_cmpint(net_stream_pump(b, NULL, buffer, sizeof buffer, &n, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
		g_assert_cmpmem(buffer, n, command, strlen(command));
	}
	g_assert_cmpuint(a->below->bytes_out, <, a->bytes_out / 2);

	/* Nothing to say costs nothing. */
	uint64_t before = a->below->bytes_out;
	g_assert_cmpint(net_stream_pump(a, NULL, NULL, 0, NULL, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
	g_assert_cmpuint(a->below->bytes_out, ==, before);
}

static void
test_corrupt(void)
{
	static const struct {
		const char *bytes;
		size_t length;
	} rows[] = {
		{ "\xff\xff\xff\xff", 4 },               /* a block type that does not exist */
		{ "* OK not compressed at all\r\n", 28 }, /* a server that forgot to begin */
		{ "\x00\x05\x00\x00\x00zzzzz", 10 },     /* a stored block whose length is not confirmed */
		{ "\x4b\x04\x61\x00", 4 },               /* a distance before the beginning */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		for (int awkward = 0; awkward < 2; awkward++) {
			g_autoptr(GByteArray) bytes = g_byte_array_new(), received = g_byte_array_new();
			g_autoptr(GError) error = NULL;
			Sender sender = { .bytes = bytes };

			g_byte_array_append(bytes, (const guint8 *)rows[i].bytes, (guint)rows[i].length);
			g_autoptr(NetStream) stream = sender_start(&sender, awkward);
			g_assert_cmpint(test_read_all(stream, 100, received, &error), ==, NET_FAILED);
			g_assert_error(error, CORE_ERROR, CORE_ERROR_PROTOCOL);
			sender_join(&sender);
		}
	}
}

/* How many bytes can be decoded from the first @length. */
static size_t
decodable(const GByteArray *compressed, guint length, size_t room)
{
	z_stream inflater = { .next_in = compressed->data, .avail_in = length };
	g_autofree uint8_t *buffer = g_malloc(room);

	g_assert_cmpint(inflateInit2(&inflater, -MAX_WBITS), ==, Z_OK);
	inflater.next_out = buffer;
	inflater.avail_out = (uInt)room;
	inflate(&inflater, Z_SYNC_FLUSH);
	inflateEnd(&inflater);
	return room - inflater.avail_out;
}

/* The connection is cut at every place: all of what had come is given, then it ends. */
static void
test_cut(void)
{
	g_autoptr(GByteArray) whole = text(300);

	g_byte_array_set_size(whole, 600);
	memset(whole->data + 300, 'z', 300); /* one byte in, many out */
	g_autoptr(GByteArray) compressed = compress_raw(whole->data, whole->len, Z_SYNC_FLUSH);

	for (guint length = 0; length < compressed->len; length++) {
		g_autoptr(GByteArray) bytes = g_byte_array_new(), received = g_byte_array_new();
		g_autoptr(GError) error = NULL;
		Sender sender = { .bytes = bytes };

		g_byte_array_append(bytes, compressed->data, length);
		g_autoptr(NetStream) stream = sender_start(&sender, false);
		g_assert_cmpint(test_read_all(stream, 7, received, &error), ==, NET_EOF);
		g_assert_no_error(error);
		g_assert_cmpmem(received->data, received->len, whole->data, decodable(compressed, length, 1000));
		sender_join(&sender);
	}
}

/* 64 MB out of 64 kB: each read gives what it was asked for, whatever waits behind; and all of it comes, although the
 * connection stays open and silent, and the marker of the flush, which comes behind the data, is still under way. */
static void
test_bomb(void)
{
	static const size_t size = 64 << 20;
	g_autofree uint8_t *zeros = g_malloc0(size);
	g_autoptr(GByteArray) compressed = compress_raw(zeros, size, Z_SYNC_FLUSH);
	g_autoptr(GError) error = NULL;
	uint8_t buffer[1000];
	size_t total = 0;
	int fds[2];

	g_assert_cmpuint(compressed->len, <, size / 900);
	test_pair(fds);
	g_autoptr(NetStream) stream = net_deflate_new(net_tcp_new_from_fd(fds[0], NULL));
	g_byte_array_set_size(compressed, compressed->len - 4); /* 00 00 ff ff */
	g_assert_cmpint(write(fds[1], compressed->data, compressed->len), ==, (int)compressed->len);
	while (total < size) {
		size_t n = 0;

		g_assert_cmpint(net_stream_pump(stream, NULL, buffer, sizeof buffer, &n, TEST_TIMEOUT_MS, &error), ==, NET_DONE);
		g_assert_cmpuint(n, <=, sizeof buffer);
		g_assert_cmpmem(buffer, n, zeros, n);
		total += n;
		if (n == sizeof buffer)
			g_assert_true(stream->class->pending(stream)); /* poll() alone would sleep */
	}
	g_assert_cmpuint(total, ==, size);
	close(fds[1]);
	g_assert_cmpint(net_stream_pump(stream, NULL, buffer, sizeof buffer, NULL, TEST_TIMEOUT_MS, &error), ==, NET_EOF);
	g_assert_false(stream->class->pending(stream));
}

/* Empty blocks for ever: nothing to read, and no reason to wait. */
static void
test_barren(void)
{
	g_autoptr(GByteArray) empty = g_byte_array_new(), received = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	Sender sender = { .bytes = empty, .repeat = SIZE_MAX };

	for (int i = 0; i < 1000; i++)
		g_byte_array_append(empty, (const guint8 *)"\x00\x00\x00\xff\xff", 5);
	NetStream *stream = sender_start(&sender, false);
	g_assert_cmpint(test_read_all(stream, 100, received, &error), ==, NET_FAILED);
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PROTOCOL);
	g_assert_cmpuint(received->len, ==, 0);
	net_stream_free(stream);
	sender_join(&sender);
}

/* The end of the peer's deflate stream is the end, although the connection is still open. */
static void
test_final_block(void)
{
	g_autoptr(GByteArray) whole = text(500), received = g_byte_array_new();
	g_autoptr(GByteArray) compressed = compress_raw(whole->data, whole->len, Z_FINISH);
	g_autoptr(GError) error = NULL;
	int fds[2];

	test_pair(fds);
	g_autoptr(NetStream) stream = net_deflate_new(net_tcp_new_from_fd(fds[0], NULL));
	g_assert_cmpint(write(fds[1], compressed->data, compressed->len), ==, (int)compressed->len);
	g_assert_cmpint(test_read_all(stream, 33, received, &error), ==, NET_EOF);
	test_assert_same(received, whole);
	close(fds[1]);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/deflate/text-both-ways", test_text_both_ways);
	g_test_add_func("/deflate/noise-both-ways", test_noise_both_ways);
	g_test_add_func("/deflate/byte-by-byte", test_byte_by_byte);
	g_test_add_func("/deflate/flushes-commands", test_flushes_commands);
	g_test_add_func("/deflate/corrupt", test_corrupt);
	g_test_add_func("/deflate/cut", test_cut);
	g_test_add_func("/deflate/bomb", test_bomb);
	g_test_add_func("/deflate/barren", test_barren);
	g_test_add_func("/deflate/final-block", test_final_block);
	return g_test_run();
}
