/* src/imap/utf7: one spelling for each name, and no other. */
#include "imap/utf7.h"

#include <glib.h>

static void
test_pairs(void)
{
	static const struct {
		const char *utf8, *utf7;
	} rows[] = {
		{ "", "" },
		{ "INBOX", "INBOX" },
		{ "a b~!\"\\/", "a b~!\"\\/" },
		{ "&", "&-" },
		{ "&&", "&-&-" },
		{ "Tom & Jerry", "Tom &- Jerry" },
		{ "~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-" }, /* RFC 3501 5.1.3 */
		{ "Entwürfe", "Entw&APw-rfe" },
		{ "Koš", "Ko&AWE-" },
		{ "Odeslané", "Odeslan&AOk-" },
		{ "é&é", "&AOk-&-&AOk-" },
		{ "é-", "&AOk--" },
		{ "-é", "-&AOk-" },
		{ "éé", "&AOkA6Q-" },
		{ "ééé", "&AOkA6QDp-" },
		{ "😀", "&2D3eAA-" },
		{ "x😀😀y", "x&2D3eANg93gA-y" },
		{ "\U0010ffff", "&2,,f,w-" },
		{ "\uffff", "&,,8-" },
		{ "\t", "&AAk-" },
		{ "\x7f", "&AH8-" },
		{ "\r\n", "&AA0ACg-" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *utf7 = imap_utf7_encode(rows[i].utf8), *utf8 = imap_utf7_decode(rows[i].utf7);

		g_assert_cmpstr(utf7, ==, rows[i].utf7);
		g_assert_cmpstr(utf8, ==, rows[i].utf8);
	}
}

static void
test_refused(void)
{
	static const struct {
		const char *utf7, *why;
	} rows[] = {
		{ "&", "a shift that does not end" },
		{ "a&AOk", "the same" },
		{ "&AOk", "the same" },
		{ "&Jjo!", "RFC 3501's own example: no base64" },
		{ "&U,BTFw-&ZeVnLIqe-", "RFC 3501's own example: a shift that ends only to begin again" },
		{ "&AOk-&AOk-", "the same" },
		{ "&AGE-", "a letter in base64" },
		{ "&ACY-", "an ampersand in base64" },
		{ "&AOkAYQ-", "a letter at the end" },
		{ "&ACAA6Q-", "a space at the start" },
		{ "&AOl-", "bits left over that are not zero" },
		{ "&AOkA-", "half a character" },
		{ "&A-", "the same" },
		{ "&AOkAA-", "too many zero bits" },
		{ "&AAAAAA-", "NUL" },
		{ "&AAA-", "NUL" },
		{ "&2D0-", "a high surrogate alone" },
		{ "&3gA-", "a low surrogate alone" },
		{ "&3gDYPQ-", "surrogates in the wrong order" },
		{ "&2D3YPd4A-", "two high surrogates" },
		{ "&2D0A6Q-", "a high surrogate, then something else" },
		{ "&AOk/-", "a slash in base64" },
		{ "&AO k-", "a space in base64" },
		{ "&AOk=-", "padding" },
		{ "Ko\xc5\xa1", "8-bit" },
		{ "\xff", "8-bit" },
		{ "a\tb", "a control character as it is" },
		{ "\x7f", "the same" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *utf8 = imap_utf7_decode(rows[i].utf7);

		g_test_message("%s", rows[i].why);
		g_assert_cmpstr(utf8, ==, NULL);
	}
}

static void
test_every_character_comes_back(void)
{
	for (gunichar c = 1; c <= 0x10ffff; c++) {
		char text[16] = "a";

		if (c >= 0xd800 && c < 0xe000)
			continue;
		text[1 + g_unichar_to_utf8(c, text + 1)] = 'z';
		g_autofree char *utf7 = imap_utf7_encode(text), *again = imap_utf7_decode(utf7);
		if (g_strcmp0(again, text) != 0)
			g_error("U+%04X becomes %s", c, utf7);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/imap/utf7/pairs", test_pairs);
	g_test_add_func("/imap/utf7/refused", test_refused);
	g_test_add_func("/imap/utf7/every-character-comes-back", test_every_character_comes_back);
	return g_test_run();
}
