/* fs: what comes next is brought from the disk before somebody asks for it. */
#include "store-fixture.h"

#include "fs/ahead.h"

#include <sys/mman.h>

#define ADD(name, test) g_test_add("/fs-ahead/" name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)
#define MESSAGES 400
#define BODY_BYTES 40000

static void
fill(Fixture *fixture, int64_t ids[MESSAGES])
{
	g_autofree char *text = g_strnfill(BODY_BYTES, 'x');

	for (unsigned i = 0; i < MESSAGES; i++) {
		int length = g_snprintf(text, BODY_BYTES, "Subject: %u\r\n\r\n", i);
		text[length] = 'x';
		ids[i] = add_message(fixture, fixture->inbox, i + 1, text);
	}
}

/* A segment's bytes as the kernel has them in memory. */
typedef struct {
	int fd;
	char *bytes;
	size_t length;
} Segment;

static Segment
open_segment(const Fixture *fixture)
{
	g_autofree char *path = in_dir(fixture, "bodies/1");
	Segment segment = { .fd = open(path, O_RDONLY | O_CLOEXEC), .length = (size_t)file_size(fixture, "bodies/1") };

	g_assert_cmpint(segment.fd, >=, 0);
	segment.bytes = mmap(NULL, segment.length, PROT_READ, MAP_SHARED, segment.fd, 0);
	g_assert_true(segment.bytes != MAP_FAILED);
	return segment;
}

static void
close_segment(const Segment *segment)
{
	munmap(segment->bytes, segment->length);
	close(segment->fd);
}

static bool
is_in_memory(const Segment *segment, unsigned index)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at = (size_t)index * BODY_BYTES / page * page;
	unsigned char there;

	g_assert_cmpint(mincore(segment->bytes + at, 1, &there), ==, 0);
	return there & 1;
}

static void
wait_for(const Segment *segment, unsigned index)
{
	for (unsigned ms = 0; !is_in_memory(segment, index); ms++) {
		g_assert_cmpuint(ms, <, 60000);
		g_usleep(1000);
	}
}

/* False: on this file system the kernel keeps all, and there is nothing to be seen. */
static bool
forget(const Segment *segment)
{
	g_assert_cmpint(fdatasync(segment->fd), ==, 0);
	g_assert_cmpint(posix_fadvise(segment->fd, 0, 0, POSIX_FADV_DONTNEED), ==, 0);
	return !is_in_memory(segment, 60) && !is_in_memory(segment, 200);
}

static void
test_whoever_reads_one_after_the_other(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t ids[MESSAGES];
	FsAhead *ahead = fs_ahead_new(fixture->store, &error);

	fill(fixture, ids);
	Segment segment = open_segment(fixture);
	if (forget(&segment)) {
		for (unsigned i = 0; i < 10; i++)
			fs_ahead_note(ahead, ids[i]);
		wait_for(&segment, 60);
		for (unsigned i = 10; i < 100; i++)
			fs_ahead_note(ahead, ids[i]);
		wait_for(&segment, 200);
	}
	for (unsigned i = 100; i < MESSAGES; i++) /* to the end, and again from the beginning */
		fs_ahead_note(ahead, ids[i]);
	for (unsigned i = 0; i < MESSAGES; i++)
		fs_ahead_note(ahead, ids[i]);
	fs_ahead_free(ahead);
	close_segment(&segment);
}

/* Who reads from the last to the first, or here and there, is none of them. */
static void
test_whoever_reads_otherwise(Fixture *fixture, const void *data)
{
	g_autoptr(GError) error = NULL;
	int64_t ids[MESSAGES];
	FsAhead *ahead = fs_ahead_new(fixture->store, &error);

	fill(fixture, ids);
	Segment segment = open_segment(fixture);
	bool seen = forget(&segment);
	for (unsigned i = MESSAGES; i-- > 0;)
		fs_ahead_note(ahead, ids[i]);
	for (unsigned i = 0; i < 100; i++)
		fs_ahead_note(ahead, ids[i % 2 ? 10 : 300]);
	fs_ahead_free(ahead);
	g_assert_true(!seen || !is_in_memory(&segment, 200));
	close_segment(&segment);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("whoever-reads-one-after-the-other", test_whoever_reads_one_after_the_other);
	ADD("whoever-reads-otherwise", test_whoever_reads_otherwise);
	return g_test_run();
}
