/* src/mime: what parts/ shows of a message. */
#include "../lib/outline-check.h"
#include "mime/derive.h"
#include "mime/name.h"
#include "mime/reader.h"

#include <string.h>

typedef struct {
	const char *name;
	const char *message;
	gsize length;
	const char *outline; /* of each entry a line "path type: content" (a NUL in it is 0), or "path/" */
} Row;

#define MESSAGE(m) m, sizeof(m) - 1
#define CODED(encoding, content) MESSAGE("Content-Transfer-Encoding: " encoding "\n\n" content)
#define HTML(parameters, content) MESSAGE("Content-Type: text/html" parameters "\n\n" content)
#define MIXED "Content-Type: multipart/mixed; boundary=b\n\n"
#define NAMED(disposition) MESSAGE(MIXED "--b\nContent-Type: a/b\nContent-Disposition: " disposition "\n\nx\n--b--\n")

static const Row transfer_rows[] = {
	{ "as it is", MESSAGE("\na\r\nb \n\tc"), "body.txt text/plain: a\r\nb \n\tc\n" },
	{ "binary", MESSAGE("Content-Type: a/b\nContent-Transfer-Encoding: binary\n\n\x01\r\r\n\xff"),
		"part-1.bin a/b: \x01\r\r\n\xff\n" },
	{ "8bit", CODED("8bit", "\xe8"), "body.txt text/plain: \xe8\n" },
	{ "unknown encoding", CODED("x-klingon", "a=41"), "body.txt text/plain: a=41\n" },
	{ "base64", CODED("base64", "YWJj\r\nZGVm\r\n"), "body.txt text/plain: abcdef\n" },
	{ "base64, one pad", CODED("BASE64", "YWJjZGU="), "body.txt text/plain: abcde\n" },
	{ "base64, two pads", CODED("base64", "YWJjZA=="), "body.txt text/plain: abcd\n" },
	{ "base64, no pads", CODED("base64", "YWJjZA\n"), "body.txt text/plain: abcd\n" },
	{ "base64, half a byte at the end", CODED("base64", "YWJjZ"), "body.txt text/plain: abc\n" },
	{ "base64, junk", CODED("base64", "Y-W!J j\xff\nZG\tVm."), "body.txt text/plain: abcdef\n" },
	{ "base64, padding in the middle", CODED("base64", "YQ==\nYmM=\nZGVm"), "body.txt text/plain: abcdef\n" },
	{ "base64, pads apart", CODED("base64", "YQ=\n=YmM="), "body.txt text/plain: abc\n" },
	{ "base64, a pad that is junk", CODED("base64", "=Y=W=Jj=="), "body.txt text/plain: abc\n" },
	{ "base64, nothing", CODED("base64", "\n"), "body.txt text/plain: \n" },
	{ "quoted", CODED("quoted-printable", "P=c5=99=\r\nx=3D=0A\r\n"), "body.txt text/plain: Přx=\n\r\n\n" },
	{ "quoted, blanks", CODED("quoted-printable", "a \t\r\nb  c\n \n=20\n d  "),
		"body.txt text/plain: a\r\nb  c\n\n \n d\n" },
	{ "quoted, blanks behind soft breaks", CODED("quoted-printable", "a =  \r\nb= \n=\t"),
		"body.txt text/plain: a b\n" },
	{ "quoted, equals that mean nothing", CODED("quoted-printable", "a=b =  c==41=4\n=zz=\n=4"),
		"body.txt text/plain: a=b =  c=A=4\n=zz=4\n" },
	{ "quoted, soft break at the end", CODED("quoted-printable", "a=\n"), "body.txt text/plain: a\n" },
	{ "quoted, lone returns", CODED("quoted-printable", "a \rb=\rc"), "body.txt text/plain: a\rbc\n" },
	{ "uuencode", CODED("x-uuencode", "hello\nbegin 644 a.txt\n#86)C\n`\nend\nmore\n"), "body.txt text/plain: abc\n" },
	{ "uuencode, CRLF", CODED("uuencode", "begin 0755 a b\r\n#86)C\r\n!9   \r\n \r\nend\r\n"),
		"body.txt text/plain: abcd\n" },
	{ "uuencode, no end", CODED("x-uuencode", "begin 644 a\n#86)C\n\n#9&5F"), "body.txt text/plain: abcdef\n" },
	{ "uuencode, lost blanks", CODED("x-uuencode", "begin 644 a\n&86\nend"), "body.txt text/plain: a`0000\n" },
	{ "uuencode, no beginning", CODED("x-uuencode", "begin x\n#86)C\nend\n"),
		"body.txt text/plain: begin x\n#86)C\nend\n\n" },
	{ "attachments", MESSAGE(MIXED "--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nYWJj\n\n--b\n"
		"Content-Type: text/x-c\nContent-Transfer-Encoding: quoted-printable\n\na=\n\n--b--\n"),
		"part-1.png image/png: abc\npart-2.txt text/x-c: a\n" },
};

static const Row tree_rows[] = {
	{ "header only", MESSAGE("Subject: x\r\n\r\n"), "body.txt text/plain: \n" },
	{ "empty", MESSAGE(""), "body.txt text/plain: \n" },
	{ "alternative", MESSAGE("Content-Type: multipart/alternative; boundary=b\n\npreamble\n--b\n\nplain\n--b\n"
		"Content-Type: text/html\n\nhtml\n--b--\nepilogue\n"),
		"body.txt text/plain: plain\nbody.html text/html: html\n" },
	{ "multiparts are transparent", MESSAGE(MIXED "--b\nContent-Type: multipart/related; boundary=c\n\n--c\n\none\n"
		"--c\n"
		"Content-Type: image/gif\n\ntwo\n--c--\n--b\nContent-Type: a/b\n\nthree\n"),
		"body.txt text/plain: one\npart-2.gif image/gif: two\npart-3.bin a/b: three\n\n" },
	{ "two bodies", MESSAGE(MIXED "--b\n\none\n--b\n\ntwo\n--b\n\nthree\n--b--"),
		"body.txt text/plain: one\nbody (2).txt text/plain: two\nbody (3).txt text/plain: three\n" },
	{ "text as an attachment", MESSAGE(MIXED "--b\nContent-Disposition: attachment\n\none\n--b\n"
		"Content-Type: text/html; charset=koi8-r\nContent-Disposition: attachment\n\ntwo\n--b--"),
		"part-1.txt text/plain: one\npart-2.html text/html: two\n" },
	{ "no boundary at all", MESSAGE(MIXED "just\ntext"), "body.txt text/plain: just\ntext\n" },
	{ "no boundary parameter", MESSAGE("Content-Type: multipart/mixed\n\nx"), "part-1.txt multipart/mixed: x\n" },
	{ "an empty multipart", MESSAGE(MIXED), "" },
	{ "signed", MESSAGE("Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n--b\n"
		"Content-Type: application/pgp-signature\n\ny\n--b--\n"),
		"body.txt text/plain: x\npart-2.asc application/pgp-signature: y\n" },
	{ "a message", MESSAGE(MIXED "--b\n\nsee\n--b\nContent-Type: message/rfc822\n\n"
		"Subject: =?utf-8?Q?=C5=99/?= x\r\n\r\nbody\r\n--b\nContent-Type: a/b\n\ny\n--b--\n"),
		"body.txt text/plain: see\nř- x/\nř- x/message.eml message/rfc822: Subject: =?utf-8?Q?=C5=99/?= x\r\n\r\nbody\n"
		"ř- x/body.txt text/plain: body\npart-3.bin a/b: y\n" },
	{ "a message by its file name", MESSAGE("Content-Type: message/rfc822; name=\"Old.EML\"\n\nFrom: a@b\n\nx"),
		"Old/\nOld/message.eml message/rfc822: From: a@b\n\nx\nOld/body.txt text/plain: x\n" },
	{ "a message without a name", MESSAGE("Content-Type: message/rfc822\n\n\nx"),
		"message/\nmessage/message.eml message/rfc822: \nx\nmessage/body.txt text/plain: x\n" },
	{ "a message with its own message.eml", MESSAGE("Content-Type: message/rfc822\n\n"
		"Content-Disposition: inline; filename=MESSAGE.eml\n\nx"),
		"message/\nmessage/message.eml message/rfc822: Content-Disposition: inline; filename=MESSAGE.eml\n\nx\n"
		"message/MESSAGE (2).eml text/plain: x\n" },
	{ "an encoded message", MESSAGE("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nYWJj"),
		"part-1.eml message/rfc822: abc\n" },
	{ "a digest", MESSAGE("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\none\n"
		"--b\n\nSubject: X\n\ntwo\n--b--"),
		"x/\nx/message.eml message/rfc822: Subject: x\n\none\nx/body.txt text/plain: one\n"
		"X (2)/\nX (2)/message.eml message/rfc822: Subject: X\n\ntwo\nX (2)/body.txt text/plain: two\n" },
	{ "a message with parts", MESSAGE("Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n"
		"--c\n\none\n--c\nContent-Type: a/b\n\ntwo\n--c--\nend"),
		"message/\nmessage/message.eml message/rfc822: Content-Type: multipart/mixed; boundary=c\n\n"
		"--c\n\none\n--c\nContent-Type: a/b\n\ntwo\n--c--\nend\n"
		"message/body.txt text/plain: one\nmessage/part-2.bin a/b: two\n" },
	{ "only returns", MESSAGE("Content-Type: multipart/mixed; boundary=b\r\r"
		"--b\rContent-Transfer-Encoding: quoted-printable\r\r"
		"a=\rb\r--b\rContent-Type: a/b\r\rc\rd\r--b--\r"), "body.txt text/plain: ab\npart-2.bin a/b: c\rd\n" },
};

static const Row name_rows[] = {
	{ "plain", NAMED("attachment; filename=a.pdf"), "a.pdf a/b: x\n" },
	{ "rfc 2231", NAMED("attachment; filename*=iso-8859-2''%F8%20b.pdf"), "ř b.pdf a/b: x\n" },
	{ "rfc 2231 in pieces", NAMED("attachment; filename*0*=utf-8''%C5%99; filename*1=b; filename*2=\".pdf\""),
		"řb.pdf a/b: x\n" },
	{ "rfc 2047", NAMED("attachment; filename=\"=?koi8-r?B?8NLJ18XU?=.pdf\""), "Привет.pdf a/b: x\n" },
	{ "raw utf-8", NAMED("attachment; filename=\"žlutý.pdf\""), "žlutý.pdf a/b: x\n" },
	{ "raw windows-1252", NAMED("attachment; filename=\"\xfcnt.pdf\""), "ünt.pdf a/b: x\n" },
	{ "of the type", MESSAGE("Content-Type: a/b; name=\"c d.e\"\n\nx"), "c d.e a/b: x\n" },
	{ "composed", NAMED("attachment; filename*=utf-8''r%CC%8C.pdf"), "ř.pdf a/b: x\n" },
	{ "a path", NAMED("attachment; filename=\"../../etc/passwd\""), "etc-passwd a/b: x\n" },
	{ "dots", NAMED("attachment; filename=\"..\""), "part-1.bin a/b: x\n" },
	{ "hidden", NAMED("attachment; filename=\".bashrc\""), "bashrc a/b: x\n" },
	{ "an option", NAMED("attachment; filename=\"--rf\""), "rf a/b: x\n" },
	{ "controls", NAMED("attachment; filename*=utf-8''a%0D%0A%1B%7Fb.pdf"), "a b.pdf a/b: x\n" },
	{ "an end of text", NAMED("attachment; filename*=utf-8''a%00b.pdf"), "a a/b: x\n" },
	{ "direction", NAMED("attachment; filename*=utf-8''a%E2%80%AEfdp.exe"), "afdp.exe a/b: x\n" },
	{ "only direction", NAMED("attachment; filename*=utf-8''%E2%80%AE%E2%80%8B"), "part-1.bin a/b: x\n" },
	{ "empty", NAMED("attachment; filename=\"\""), "part-1.bin a/b: x\n" },
	{ "blanks", NAMED("attachment; filename=\"  a \t b .pdf \""), "a b.pdf a/b: x\n" },
	{ "an ending that is none", NAMED("attachment; filename=\"Mr. B\""), "Mr. B a/b: x\n" },
	{ "the same twice", MESSAGE(MIXED "--b\nContent-Type: a/b; name=a.b\n\n1\n"
		"--b\nContent-Type: a/b; name=\"A.b\"\n\n2\n"
		"--b\nContent-Type: a/b; name=\"a (2).b\"\n\n3\n--b\nContent-Type: a/b; name=a.b\n\n4\n--b--"),
		"a.b a/b: 1\nA (2).b a/b: 2\na (2) (2).b a/b: 3\na (3).b a/b: 4\n" },
	{ "the same without case", MESSAGE(MIXED "--b\nContent-Type: a/b; name*=utf-8''%C5%98\n\n1\n"
		"--b\nContent-Type: a/b; name=\"ř\"\n\n2\n"
		"--b--"), "Ř a/b: 1\nř (2) a/b: 2\n" },
};

static const Row html_rows[] = {
	{ "header names it", HTML("; charset=koi8-r", "<p>x"), "body.html text/html: <meta charset=\"koi8-r\">\n<p>x\n" },
	{ "nobody names it", HTML("", "<p>x"), "body.html text/html: <p>x\n" },
	{ "both", HTML("; charset=koi8-r", "<meta Charset=utf-8>"), "body.html text/html: <meta Charset=utf-8>\n" },
	{ "http-equiv", HTML("; charset=koi8-r", "<meta content='x; charset = utf-8'>"),
		"body.html text/html: <meta content='x; charset = utf-8'>\n" },
	{ "xml", HTML("; charset=koi8-r", "<?xml version='1.0' encoding='utf-8'?>"),
		"body.html text/html: <?xml version='1.0' encoding='utf-8'?>\n" },
	{ "mark", HTML("; charset=koi8-r", "\xef\xbb\xbfx"), "body.html text/html: \xef\xbb\xbfx\n" },
	{ "utf-16", HTML("; charset=utf-16le", "x"), "body.html text/html: x\n" },
	{ "a charset that is none", HTML("; charset=\"x\\\"><script>\"", "x"), "body.html text/html: x\n" },
	{ "a long one", HTML("; charset=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x"), "body.html text/html: x\n" },
	{ "with a name", HTML("; charset=koi8-r; name=a.html", "x"), "a.html text/html: x\n" },
	{ "encoded", MESSAGE("Content-Type: text/html; charset=koi8-r\nContent-Transfer-Encoding: base64\n\nPHA+eA=="),
		"body.html text/html: <meta charset=\"koi8-r\">\n<p>x\n" },
	{ "encoded and named", MESSAGE("Content-Type: text/html; charset=koi8-r\n"
		"Content-Transfer-Encoding: quoted-printable\n\n"
		"<meta char=\nset=3Dx>"), "body.html text/html: <meta charset=x>\n" },
};

static void
append_path(GString *text, const MimeOutline *outline, unsigned index)
{
	const MimeEntry *entry = &outline->entries[index];

	if (entry->parent != MIME_OUTLINE_TOP)
		append_path(text, outline, entry->parent);
	g_string_append_printf(text, "%s%s", entry->name, entry->folder ? "/" : "");
}

static MimeSource
memory(const char *bytes, gsize length)
{
	return (MimeSource){ .bytes = (const uint8_t *)bytes, .fd = -1, .length = length };
}

static MimeOutline *
checked(const char *bytes, gsize length)
{
	GRand *random = g_rand_new_with_seed((guint32)g_test_rand_int());
	MimeOutline *outline = outline_checked((const uint8_t *)bytes, length, random);

	g_rand_free(random);
	return outline;
}

static void
check_row(const void *data)
{
	const Row *row = data;
	MimeSource message = memory(row->message, row->length);
	g_autoptr(MimeOutline) outline = checked(row->message, row->length);
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < outline->n_entries; i++) {
		append_path(text, outline, i);
		if (!outline->entries[i].folder) {
			g_autoptr(GString) content = outline_content(outline, i, &message);
			for (gsize j = 0; j < content->len; j++)
				content->str[j] = content->str[j] ? content->str[j] : '0';
			g_string_append_printf(text, " %s: %s", outline->entries[i].type, content->str);
		}
		g_string_append_c(text, '\n');
	}
	g_assert_cmpstr(text->str, ==, row->outline);
}

static void
add_rows(const char *group, const Row *rows, gsize count)
{
	for (gsize i = 0; i < count; i++) {
		g_autofree char *name = g_strdup_printf("/mime/outline/%s/%s", group, rows[i].name);
		g_strdelimit(name + strlen("/mime/outline/") + strlen(group) + 1, " ,/", '-');
		g_test_add_data_func(name, &rows[i], check_row);
	}
}

static GString *
repeated(const char *begin, const char *again, gsize count, const char *end)
{
	GString *text = g_string_new(begin);

	for (gsize i = 0; i < count; i++)
		g_string_append(text, again);
	return g_string_append(text, end);
}

/* Too large to check each range of: its outline alone. */
static MimeOutline *
outline_of(const GString *message)
{
	MimeSource source = memory(message->str, message->len);
	g_autoptr(GError) error = NULL;
	MimeOutline *outline = mime_outline_new(&source, MIME_WINDOW_BYTES, &error);

	g_assert_no_error(error);
	return outline;
}

static void
test_many_parts(void)
{
	static const struct {
		const char *again;
		gsize count;
	} rows[] = { { "--b\n", 1500000 }, { "--b\n\n", 1200000 },
		{ "--b\nContent-Type: message/rfc822\n\nSubject: x\n\n", 30000 } };

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GString) message = repeated(MIXED, rows[i].again, rows[i].count, "--b--\n");
		g_autoptr(MimeOutline) outline = outline_of(message);

		g_assert_cmpuint(outline->n_entries, >=, MIME_OUTLINE_ENTRIES_MAX - 2);
		g_assert_cmpuint(outline->n_entries, <=, MIME_OUTLINE_ENTRIES_MAX);
	}
}

/* What ends behind all that is looked at has its right end nevertheless. */
static void
test_message_of_many_parts(void)
{
	g_autoptr(GString) inner = repeated("Content-Type: multipart/mixed; boundary=c\n\n", "--c\n\nx\n", 40000,
		"--c--\n");
	g_autoptr(GString) message = g_string_new(MIXED "--b\nContent-Type: message/rfc822\n\n");

	g_string_append_len(message, inner->str, (gssize)inner->len);
	g_string_append(message, "\n--b\n\nlast\n--b--\n");
	g_autoptr(MimeOutline) outline = outline_of(message);
	MimeSource source = memory(message->str, message->len);

	g_assert_cmpuint(outline->n_entries, ==, MIME_OUTLINE_ENTRIES_MAX);
	g_assert_cmpstr(outline->entries[1].name, ==, "message.eml");
	g_autoptr(GString) content = outline_content(outline, 1, &source);
	g_assert_cmpstr(content->str, ==, inner->str);
}

static void
test_same_name_often(void)
{
	g_autoptr(GString) message = repeated(MIXED,
		"--b\nContent-Type: a/b; name=\"a (2).b\"\n\n--b\nContent-Type: a/b; name=a.b\n\n", 1000, "--b--\n");
	g_autoptr(MimeOutline) outline = checked(message->str, message->len);

	g_assert_cmpuint(outline->n_entries, ==, MIME_OUTLINE_ENTRIES_MAX);
	g_assert_cmpstr(outline->entries[MIME_OUTLINE_ENTRIES_MAX - 1].name, ==, "a (501).b");
}

static void
test_deep(void)
{
	g_autoptr(GString) message = repeated("", "Content-Type: message/rfc822\n\n", 1000, "\ndeep\n");
	g_autoptr(MimeOutline) outline = checked(message->str, message->len);
	g_autoptr(GString) multiparts = g_string_new(NULL);
	const MimeEntry *last = &outline->entries[outline->n_entries - 1];

	g_assert_cmpuint(outline->n_entries, ==, 2 * MIME_OUTLINE_NESTED_MAX + 1);
	g_assert_cmpstr(last->name, ==, "part-1.eml");
	g_assert_false(last->folder);

	for (int i = 0; i < 1000; i++)
		g_string_append_printf(multiparts, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	g_string_append(multiparts, "\ndeep\n");
	g_autoptr(MimeOutline) flat = checked(multiparts->str, multiparts->len);
	g_assert_cmpuint(flat->n_entries, ==, 1);
	g_assert_cmpstr(flat->entries[0].name, ==, "part-1.txt");
}

/* A range of a large content is not decoded from its beginning; and one line may be all of it. */
static void
test_checkpoints(void)
{
	static const struct {
		const char *encoding, *again;
		gsize count, decoded; /* bytes of one */
	} rows[] = {
		{ "base64", "QUJDQUJD", 50 * 1000 * 1000 / 8, 6 },
		{ "base64", "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\r\n", 20000, 57 },
		{ "quoted-printable", "=41=42x", 300000, 3 },
		{ "quoted-printable", "= = ", 300000, 4 },
		{ "quoted-printable", "====", 300000, 4 },
		{ "uuencode", "M86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C86)C\r\n", 20000, 45 },
		{ "uuencode", "M\n", 100000, 45 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *begin = g_strdup_printf("Content-Transfer-Encoding: %s\n\n%s", rows[i].encoding,
			*rows[i].encoding == 'u' ? "begin 644 x\n" : "");
		g_autoptr(GString) message = repeated(begin, rows[i].again, rows[i].count, "=41\n");
		g_autoptr(MimeOutline) outline = outline_of(message);
		MimeSource source = memory(message->str, message->len);
		uint64_t spacing = MAX(MIME_OUTLINE_CHECKPOINT_BYTES, message->len / MIME_OUTLINE_CHECKPOINTS_MAX);
		const MimeEntry *entry = &outline->entries[0];

		g_assert_cmpuint(entry->size, >=, rows[i].count * rows[i].decoded);
		g_assert_cmpuint(entry->size, <, rows[i].count * rows[i].decoded + 50);
		g_assert_cmpuint(entry->n_checkpoints, <=, MIME_OUTLINE_CHECKPOINTS_MAX);
		g_assert_cmpuint(entry->n_checkpoints, >=, (message->len - 100) / (spacing + 100));
		g_autoptr(GString) whole = outline_content(outline, 0, &source);
		for (int j = 0; j < 200; j++) {
			char buffer[1000];
			size_t offset = (size_t)g_test_rand_int_range(0, (gint32)(whole->len - sizeof buffer)), n;

			g_assert_true(mime_outline_read(outline, 0, &source, buffer, sizeof buffer, offset, &n, NULL));
			g_assert_cmpuint(n, ==, sizeof buffer);
			g_assert_true(memcmp(buffer, whole->str + offset, sizeof buffer) == 0);
		}
	}
}

/* Work is in proportion to the message, whatever is in it; quadratic work would take hours here. */
static void
test_hostile(void)
{
	static const struct {
		const char *encoding, *begin, *again;
		gsize count;
	} rows[] = {
		{ "base64", "Q", "\n", 20000000 },
		{ "base64", "QQ", "=", 20000000 },
		{ "quoted-printable", "=", " ", 20000000 },
		{ "quoted-printable", "", "\t", 20000000 },
		{ "quoted-printable", "", "=\r", 10000000 },
		{ "uuencode", "begin 644 x\n", "M", 20000000 },
		{ "uuencode", "begin 644 x\n", "_\n", 1000000 },
		{ "uuencode", "begin 644 x\nend\n", "x", 20000000 },
		{ "uuencode", "", "begin 644 \n", 1000000 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *begin = g_strconcat("Content-Transfer-Encoding: ", rows[i].encoding, "\n\n", rows[i].begin,
			NULL);
		g_autoptr(GString) message = repeated(begin, rows[i].again, rows[i].count, "");
		g_autoptr(MimeOutline) outline = outline_of(message);
		MimeSource source = memory(message->str, message->len);

		g_assert_cmpuint(outline->n_entries, ==, 1);
		g_string_free(outline_content(outline, 0, &source), TRUE);
	}
}

/* Anything that means something in some encoding, and checkpoints everywhere in it. */
static void
test_random_transfer(void)
{
	static const char *const words[] = { "Q", "UJD", "=", "==", "=4", "=41", " ", "\t", "\r", "\n", "\r\n", "=\r\n",
		"= \n", "begin 644 x\n", "M86)C\n", "\nend\n", "`\n", "_", "-", "\xff", "a b" };
	GRand *random = g_rand_new_with_seed((guint32)g_test_rand_int());

	for (int round = 0; round < 3000; round++) {
		g_autoptr(GString) text = g_string_new(round % 3 ? NULL : "begin 644 x\n");

		for (int i = g_test_rand_int_range(0, 300); i > 0; i--)
			g_string_append(text, words[g_test_rand_int_range(0, G_N_ELEMENTS(words))]);
		outline_check_transfer((const uint8_t *)text->str, text->len, random);
	}
	g_rand_free(random);
}

/* Good messages with some bytes changed. */
static void
test_random(void)
{
	const Row *tables[] = { transfer_rows, tree_rows, name_rows, html_rows };
	const gsize counts[] = { G_N_ELEMENTS(transfer_rows), G_N_ELEMENTS(tree_rows), G_N_ELEMENTS(name_rows),
		G_N_ELEMENTS(html_rows) };

	for (int round = 0; round < 2000; round++) {
		gsize table = (gsize)g_test_rand_int_range(0, G_N_ELEMENTS(tables));
		const Row *row = &tables[table][g_test_rand_int_range(0, (gint32)counts[table])];
		g_autoptr(GString) message = g_string_new_len(row->message, (gssize)row->length);

		for (int change = 0; change < 6 && message->len > 0; change++) {
			gsize at = (gsize)g_test_rand_int_range(0, (gint32)message->len);
			if (g_test_rand_bit())
				message->str[at] = (char)g_test_rand_int_range(0, 256);
			else
				g_string_erase(message, (gssize)at, 1);
		}
		mime_outline_free(checked(message->str, message->len));
	}
}

/* Boundaries and groups fall on the edges of windows. */
static void
test_window_edges(void)
{
	for (gsize shift = 0; shift < 40; shift++) {
		g_autoptr(GString) message = g_string_new(MIXED
			"--b\nContent-Type: a/b\nContent-Transfer-Encoding: base64\n\n");

		while (message->len < MIME_WINDOW_MIN_BYTES - 20 + shift)
			g_string_append(message, "Q");
		g_string_append(message, "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n");
		g_autoptr(MimeOutline) outline = checked(message->str, message->len);
		g_assert_cmpuint(outline->n_entries, ==, 4);
		g_assert_cmpuint(outline->entries[2].size, ==, strlen("Subject: x\r\n\r\ny"));
	}
}

static void
test_unreadable(void)
{
	MimeSource closed = { .fd = -1, .length = 1000 };
	g_autoptr(GError) error = NULL;

	g_assert_null(mime_outline_new(&closed, MIME_WINDOW_BYTES, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
}

/* By an outline of another message nothing is read that was not there. */
static void
test_another_message(void)
{
	static const char one[] = "Content-Transfer-Encoding: base64\n\nQUJDQUJD";
	static const char two[] = "Content-Transfer-Encoding: base64\n\n        ";
	MimeSource other = memory(two, sizeof two - 1);
	g_autoptr(MimeOutline) outline = checked(one, sizeof one - 1);
	g_autoptr(GError) error = NULL;
	char buffer[6];
	size_t n = 7;

	g_assert_false(mime_outline_read(outline, 0, &other, buffer, sizeof buffer, 0, &n, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_IO);
	g_assert_cmpuint(n, ==, 7);
}

/* What was kept may have become anything. */
static void
test_damaged(void)
{
	g_autoptr(GString) message = repeated(MIXED "--b\nContent-Transfer-Encoding: base64\n\n", "QUJDQUJD\n", 20000,
		"--b\nContent-Type: message/rfc822\n\nSubject: x\n\n--b--\n");
	g_autoptr(MimeOutline) outline = outline_of(message);
	g_autoptr(GByteArray) packed = mime_outline_pack(outline);
	MimeSource source = memory(message->str, message->len);

	g_assert_null(mime_outline_unpack(packed->data, packed->len, message->len / 2)); /* of a shorter message */
	for (unsigned at = 0; at < packed->len; at++) {
		uint8_t was = packed->data[at];

		g_assert_null(mime_outline_unpack(packed->data, at, message->len));
		for (unsigned bit = 0; bit < 8; bit++) {
			packed->data[at] = was ^ (uint8_t)(1 << bit);
			g_autoptr(MimeOutline) damaged = mime_outline_unpack(packed->data, packed->len, message->len);
			if (damaged)
				outline_try(damaged, &source);
		}
		packed->data[at] = was;
	}
}

static void
test_long_names(void)
{
	static const char *const bytes[] = { "x", "ř", "\xf0\x9f\x98\x80", "e\xcc\x81", "a\xcc\xa7\xcc\xa8" };

	for (gsize i = 0; i < G_N_ELEMENTS(bytes); i++) {
		for (gsize count = 40; count < 2000; count = count < 220 ? count + 1 : count * 2) {
			g_autoptr(GString) long_name = repeated("", bytes[i], count, ".tar.gz");
			g_autofree char *name = mime_name_file(long_name->str), *second = mime_name_file_distinct(name, 1000);

			g_assert_cmpuint(strlen(name), <=, MIME_NAME_CANONICAL_MAX_BYTES);
			g_assert_cmpuint(strlen(second), <=, MIME_NAME_CANONICAL_MAX_BYTES);
			g_assert_true(g_utf8_validate(name, -1, NULL) && g_utf8_validate(second, -1, NULL));
			g_assert_true(g_str_has_suffix(name, ".gz") && g_str_has_suffix(second, " (1000).gz"));
		}
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	mime_init();
	add_rows("transfer", transfer_rows, G_N_ELEMENTS(transfer_rows));
	add_rows("tree", tree_rows, G_N_ELEMENTS(tree_rows));
	add_rows("names", name_rows, G_N_ELEMENTS(name_rows));
	add_rows("html", html_rows, G_N_ELEMENTS(html_rows));
	g_test_add_func("/mime/outline/many-parts", test_many_parts);
	g_test_add_func("/mime/outline/message-of-many-parts", test_message_of_many_parts);
	g_test_add_func("/mime/outline/same-name-often", test_same_name_often);
	g_test_add_func("/mime/outline/deep", test_deep);
	g_test_add_func("/mime/outline/checkpoints", test_checkpoints);
	g_test_add_func("/mime/outline/hostile", test_hostile);
	g_test_add_func("/mime/outline/random", test_random);
	g_test_add_func("/mime/outline/random-transfer", test_random_transfer);
	g_test_add_func("/mime/outline/window-edges", test_window_edges);
	g_test_add_func("/mime/outline/unreadable", test_unreadable);
	g_test_add_func("/mime/outline/another-message", test_another_message);
	g_test_add_func("/mime/outline/damaged", test_damaged);
	g_test_add_func("/mime/outline/long-names", test_long_names);
	return g_test_run();
}
