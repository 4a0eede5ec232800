/* src/config: what is accepted and the words for what is not.  src/password: the sources of a password. */
#include "config-private.h"
#include "netrc.h"
#include "password.h"
#include "store/mailboxes.h"
#include "subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GOOD "[account a]\nhost = h.example\nuser = u\nprompt = yes\n"

static char *folder; /* of this test, private */

static Config *
parse(const char *text, GError **error)
{
	return config_parse("/etc/x/config", text, strlen(text), error);
}

static const ConfigAccount *
account(const Config *config, guint index)
{
	g_assert_cmpuint(index, <, config->accounts->len);
	return g_ptr_array_index(config->accounts, index);
}

static void
test_defaults(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = parse(GOOD, &error);
	const ConfigAccount *a;

	g_assert_no_error(error);
	a = account(config, 0);
	g_assert_cmpstr(a->name, ==, "a");
	g_assert_cmpstr(a->imap.account, ==, "a");
	g_assert_cmpint(a->imap.port, ==, 993);
	g_assert_cmpint(a->imap.tls, ==, IMAP_TLS_IMPLICIT);
	g_assert_false(a->imap.insecure);
	g_assert_cmpint(a->imap.auth, ==, IMAP_AUTH_AUTO);
	g_assert_cmpstr(a->folders[0], ==, "*");
	g_assert_null(a->folders[1]);
	g_assert_cmpuint(a->connections, ==, 0);
	g_assert_cmpint(a->password.kind, ==, PASSWORD_PROMPT);
	g_assert_true(g_str_has_suffix(config->store, "/mailtree"));
	g_assert_cmpuint(config->fetch_rate, ==, CONFIG_FETCH_RATE);
	g_assert_true(g_strv_contains((const char *const *)config->crawlers, "updatedb"));
	g_assert_true(g_strv_contains((const char *const *)config->crawlers, "baloo_file*"));
}

static void
test_crawlers(void)
{
	static const struct {
		const char *value, *want; /* D: the default ones */
	} rows[] = {
		{ "none", "" },       { "default", "D" },         { "my-indexer", "my-indexer" },
		{ "a?b  *c d", "a?b *c d" }, { "x default  # and mine", "x D" }, { "default none", "D none" },
	};
	g_auto(GStrv) defaults = config_default_crawlers();
	g_autofree char *all = g_strjoinv(" ", defaults);

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *text = g_strdup_printf("[mailtree]\ncrawlers = %s\n" GOOD, rows[i].value);
		g_auto(GStrv) parts = g_strsplit(rows[i].want, "D", -1);
		g_autofree char *want = g_strjoinv(all, parts);
		g_autoptr(Config) config = parse(text, &error);
		g_assert_no_error(error);
		g_autofree char *got = g_strjoinv(" ", config->crawlers);
		g_assert_cmpstr(got, ==, want);
	}
}

static void
test_fetch_rate(void)
{
	static const struct {
		const char *value;
		unsigned rate;
	} rows[] = { { "1", 1 }, { "600", 600 }, { "1000000", 1000000 }, { "unlimited", 0 } };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *text = g_strdup_printf("[mailtree]\nfetch_rate = %s\n" GOOD, rows[i].value);
		g_autoptr(Config) config = parse(text, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(config->fetch_rate, ==, rows[i].rate);
	}
}

static void
test_too_many_crawlers(void)
{
	g_autoptr(GString) text = g_string_new("[mailtree]\ncrawlers =");
	g_autoptr(GError) error = NULL;

	for (int i = 0; i <= CONFIG_CRAWLERS_MAX; i++)
		g_string_append(text, " x");
	g_string_append(text, "\n" GOOD);
	g_assert_null(parse(text->str, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_assert_cmpstr(error->message, ==, "/etc/x/config:2: crawlers: more than 100 names");
}

static void
test_every_key(void)
{
	static const char text[] =
		"# mine\r\n"
		"[mailtree]\r\n"
		"store = ~/mail store   # a comment\n"
		"crawlers = default indexer\n"
		"fetch_rate = 60\n"
		"\n"
		"; another\n"
		"[account my work]  # with a comment\n"
		"protocol = imap\n"
		"host = [::1]\n"
		"port=1143\n"
		"tls = starttls\t#\ttoo\n"
		"insecure = yes\n"
		"user = alice#1@example.org # hers\n"
		"password_command = secret-tool lookup mail 'a # b' # sh's own\n"
		"auth = login\n"
		"tls_ca = ca.pem\n"
		"tls_pin = " PIN "\n"
		"tls_cert = /c.pem\n"
		"tls_key = ~/k.pem\n"
		"folders = INBOX #news/* !Spam\n"
		"bodies = all\n"
		"connections = 16\n"
		"delete = expunge\n"
		"undo = 15m\n"
		"trash = Mail/Koš\n"
		"sent = Odeslaná pošta   # with a space\n"
		"[account b]\n"
		"host = b.example\n"
		"user = b\n"
		"tls = none\n"
		"netrc = yes\n"
		"prompt = no\n"
		"folders = Sent Mail; *\n"
		"[account c]\n"
		"host = c\nuser = c\npassword_file = secret\n";
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = parse(text, &error);

	g_assert_no_error(error);
	g_autofree char *store = g_build_filename(g_get_home_dir(), "mail store", NULL);
	g_autofree char *key = g_build_filename(g_get_home_dir(), "k.pem", NULL);
	const ConfigAccount *a = account(config, 0), *b = account(config, 1), *c = account(config, 2);
	g_assert_cmpstr(config->store, ==, store);
	g_assert_cmpstr(a->name, ==, "my work");
	g_assert_cmpuint(a->line, ==, 8);
	g_assert_true(g_strv_contains((const char *const *)config->crawlers, "indexer"));
	g_assert_cmpuint(config->fetch_rate, ==, 60);
	g_assert_cmpstr(a->imap.host, ==, "::1");
	g_assert_cmpint(a->imap.port, ==, 1143);
	g_assert_cmpint(a->imap.tls, ==, IMAP_TLS_STARTTLS);
	g_assert_true(a->imap.insecure);
	g_assert_cmpstr(a->imap.user, ==, "alice#1@example.org");
	g_assert_cmpint(a->password.kind, ==, PASSWORD_COMMAND);
	g_assert_cmpstr(a->password.value, ==, "secret-tool lookup mail 'a # b' # sh's own");
	g_assert_cmpint(a->imap.auth, ==, IMAP_AUTH_LOGIN);
	g_assert_cmpstr(a->imap.tls_ca, ==, "/etc/x/ca.pem");
	g_assert_cmpstr(a->imap.tls_pin, ==, PIN);
	g_assert_cmpstr(a->imap.tls_cert, ==, "/c.pem");
	g_assert_cmpstr(a->imap.tls_key, ==, key);
	g_assert_cmpuint(g_strv_length(a->folders), ==, 3);
	g_assert_cmpstr(a->folders[1], ==, "#news/*");
	g_assert_cmpstr(a->folders[2], ==, "!Spam");
	g_assert_cmpuint(a->connections, ==, 16);
	g_assert_true(a->delete_expunges);
	g_assert_cmpint(a->undo_s, ==, 15 * 60);
	g_assert_cmpstr(config_account_special(a, STORE_MAILBOX_TRASH), ==, "Mail/Koš");
	g_assert_cmpstr(config_account_special(a, STORE_MAILBOX_SENT), ==, "Odeslaná pošta");
	g_assert_null(config_account_special(a, STORE_MAILBOX_JUNK));
	g_assert_false(b->delete_expunges);
	g_assert_cmpint(b->undo_s, ==, 3600);
	g_assert_cmpint(b->imap.port, ==, 143);
	g_assert_cmpint(b->password.kind, ==, PASSWORD_NETRC);
	g_assert_cmpstr(b->folders[0], ==, "Sent Mail");
	g_assert_cmpstr(b->folders[1], ==, "*");
	g_assert_cmpstr(c->password.value, ==, "/etc/x/secret");
	g_assert_true(config_account(config, "b", &error) == b);
	g_assert_null(config_account(config, "nobody", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_USAGE);
	g_assert_nonnull(strstr(error->message, "my work, b, c"));
}

static void
test_errors_name_the_line(void)
{
	static const struct {
		const char *text;
		const char *message;
	} rows[] = {
		{ "", "/etc/x/config: there is no account in it; mailtree-config(5) shows how to write one" },
		{ "[mailtree]\n", "/etc/x/config: there is no account in it; mailtree-config(5) shows how to write one" },
		{ "host = h\n", "/etc/x/config:1: host stands before any section; begin with [account NAME]" },
		{ GOOD "pasword_file = x\n", "/etc/x/config:5: unknown key pasword_file; mailtree-config(5) lists the keys" },
		{ GOOD "store = x\n", "/etc/x/config:5: unknown key store; mailtree-config(5) lists the keys" },
		{ "\n[mailtree]\nhost = x\n", "/etc/x/config:3: unknown key host; mailtree-config(5) lists the keys" },
		{ "[mailtree]\n\n[mailtree]\n", "/etc/x/config:3: [mailtree] was there before, on line 1" },
		{ GOOD "password = secret\n",
		  "/etc/x/config:5: unknown key password: no password is kept in this file; use password_command, "
		  "password_file, netrc = yes or prompt = yes" },
		{ GOOD "\n[acount b]\n", "/etc/x/config:6: unknown section [acount b]; there are [mailtree] and [account NAME]" },
		{ GOOD "[account b\n", "/etc/x/config:5: the section's closing bracket ] is missing" },
		{ GOOD "what\n", "/etc/x/config:5: neither [SECTION] nor KEY = VALUE" },
		{ GOOD "= what\n", "/etc/x/config:5: neither [SECTION] nor KEY = VALUE" },
		{ GOOD "port =\n", "/etc/x/config:5: port has no value" },
		{ GOOD "port = # none\n", "/etc/x/config:5: port has no value" },
		{ GOOD "port = 0\n", "/etc/x/config:5: port = 0: must be a number from 1 to 65535" },
		{ GOOD "port = 65536\n", "/etc/x/config:5: port = 65536: must be a number from 1 to 65535" },
		{ GOOD "port = 99x\n", "/etc/x/config:5: port = 99x: must be a number from 1 to 65535" },
		{ "[mailtree]\nfetch_rate = 0\n", "/etc/x/config:2: fetch_rate = 0: must be a number from 1 to 1000000, or unlimited" },
		{ "[mailtree]\nfetch_rate = 5/s\n", "/etc/x/config:2: fetch_rate = 5/s: must be a number from 1 to 1000000, or unlimited" },
		{ "[mailtree]\ncrawlers = x /usr/bin/y\n",
		  "/etc/x/config:2: crawlers: /usr/bin/y: must be the name of a program, as /proc/PID/comm has it, without its path" },
		{ GOOD "crawlers = x\n", "/etc/x/config:5: unknown key crawlers; mailtree-config(5) lists the keys" },
		{ GOOD "connections = 17\n", "/etc/x/config:5: connections = 17: must be a number from 1 to 16" },
		{ GOOD "tls = yes\n", "/etc/x/config:5: tls = yes: must be one of implicit, starttls, none" },
		{ GOOD "insecure = 1\n", "/etc/x/config:5: insecure = 1: must be one of no, yes" },
		{ GOOD "auth = xoauth2\n", "/etc/x/config:5: auth = xoauth2: must be one of auto, plain, login" },
		{ GOOD "protocol = pop3\n", "/etc/x/config:5: protocol = pop3: not supported; only imap is" },
		{ GOOD "protocol = jmap\n", "/etc/x/config:5: protocol = jmap: must be one of imap" },
		{ GOOD "bodies = 0d\n", "/etc/x/config:5: bodies = 0d: must be all, headers, or a number of days such as 90d" },
		{ GOOD "bodies = 90\n", "/etc/x/config:5: bodies = 90: must be all, headers, or a number of days such as 90d" },
		{ GOOD "delete = yes\n", "/etc/x/config:5: delete = yes: must be one of trash, expunge" },
		{ GOOD "undo = -1\n", "/etc/x/config:5: undo = -1: must be a time such as 0, 90s, 15m, 1h or 2d, at most a year" },
		{ GOOD "undo = 1w\n", "/etc/x/config:5: undo = 1w: must be a time such as 0, 90s, 15m, 1h or 2d, at most a year" },
		{ GOOD "undo = 367d\n", "/etc/x/config:5: undo = 367d: must be a time such as 0, 90s, 15m, 1h or 2d, at most a year" },
		{ GOOD "trash = /x\n", "/etc/x/config:5: trash = /x: must be the path of a folder, such as Trash or Mail/Trash" },
		{ GOOD "sent = x//y\n", "/etc/x/config:5: sent = x//y: must be the path of a folder, such as Trash or Mail/Trash" },
		{ GOOD "junk = a/..\n", "/etc/x/config:5: junk = a/..: must be the path of a folder, such as Trash or Mail/Trash" },
		{ GOOD "bodies = 40000d\n", "/etc/x/config:5: bodies = 40000d: must be all, headers, or a number of days such as 90d" },
		{ GOOD "folders = ;\n", "/etc/x/config:5: folders: there is no pattern in it" },
		{ GOOD "folders = !\n", "/etc/x/config:5: folders: there is no pattern behind \"!\"" },
		{ GOOD "folders = *; ! ;!Junk\n", "/etc/x/config:5: folders: there is no pattern behind \"!\"" },
		{ GOOD "user = v\n", "/etc/x/config:5: user was there before, on line 3" },
		{ GOOD "password_file = /x\n",
		  "/etc/x/config:5: password_file: the account has another source for its password already; keep one of "
		  "password_command, password_file, netrc and prompt" },
		{ GOOD "tls_cert = /x\n", "/etc/x/config:1: [account a] has only one of tls_cert and tls_key" },
		{ GOOD "tls_ca = a\tb\n", "/etc/x/config:5: tls_ca: there is a control character in its value" },
		{ GOOD GOOD, "/etc/x/config:5: [account a] was there before, on line 1" },
		{ "[account]\n", "/etc/x/config:1: the account has no name; write [account NAME]" },
		{ "[account a/b]\n",
		  "/etc/x/config:1: [account a/b]: the name must not begin with a dot, hold a slash or control characters, or be "
		  "longer than 100 bytes" },
		{ "[account .a]\n",
		  "/etc/x/config:1: [account .a]: the name must not begin with a dot, hold a slash or control characters, or be "
		  "longer than 100 bytes" },
		{ "[account a]\nuser = u\nprompt = yes\n", "/etc/x/config:1: [account a] lacks host = …" },
		{ "\n[account a]\nhost = h\nprompt = yes\n", "/etc/x/config:2: [account a] lacks user = …" },
		{ "[account a]\nhost = h\nuser = u\n[account b]\n",
		  "/etc/x/config:1: [account a] lacks the source of its password: one of password_command = …, "
		  "password_file = …, netrc = yes, prompt = yes" },
		{ "[account a]\nhost = imaps://h\n",
		  "/etc/x/config:2: host = imaps://h: must be a host name or an address, such as imap.example.org" },
		{ "[account a]\nhost = \"h\"\n",
		  "/etc/x/config:2: host = \"h\": must be a host name or an address, such as imap.example.org" },
		{ "[account a]\nhost = h\nuser = \xff\n", "/etc/x/config:3: not UTF-8 text" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_test_message("row %d", (int)i);
		g_assert_null(parse(rows[i].text, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
		g_assert_cmpstr(error->message, ==, rows[i].message);
	}
}

static void
test_bad_pin(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(parse(GOOD "tls_pin = abc\n", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_assert_true(g_str_has_prefix(error->message, "/etc/x/config:5: tls_pin: "));
}

static void
test_long_name(void)
{
	g_autofree char *longest = g_strnfill(CONFIG_ACCOUNT_NAME_MAX_BYTES, 'x');
	g_autofree char *good = g_strdup_printf("[account %s]\nhost = h\nuser = u\nnetrc = yes\n", longest);
	g_autofree char *bad = g_strdup_printf("[account x%s]\nhost = h\nuser = u\nnetrc = yes\n", longest);
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = parse(good, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(account(config, 0)->name, ==, longest);
	g_assert_null(parse(bad, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
}

static char *
write_file(const char *name, const char *text, gssize length, mode_t mode)
{
	char *path = g_build_filename(folder, name, NULL);

	g_assert_true(g_file_set_contents(path, text, length, NULL));
	g_assert_cmpint(chmod(path, mode), ==, 0);
	return path;
}

static void
test_file(void)
{
	g_autofree char *path = write_file("config", GOOD, -1, 0644);
	g_autofree char *large = g_strnfill(CONFIG_MAX_BYTES + 1, '\n');
	g_autofree char *large_path = write_file("large", large, CONFIG_MAX_BYTES + 1, 0600);
	g_autofree char *missing = g_build_filename(folder, "missing", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = config_load(path, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(config->path, ==, path);

	g_chmod(path, 0666);
	g_assert_null(config_load(path, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_assert_nonnull(strstr(error->message, "others can write to it"));
	g_clear_error(&error);

	g_assert_null(config_load(large_path, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_assert_nonnull(strstr(error->message, "is larger than"));
	g_clear_error(&error);

	g_assert_null(config_load(missing, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_assert_nonnull(strstr(error->message, missing));
	g_clear_error(&error);

	g_assert_null(config_load(folder, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_assert_nonnull(strstr(error->message, "not a regular file"));
	g_unlink(path);
	g_unlink(large_path);
}

static void
test_password_command(void)
{
	static const struct {
		const char *command, *password, *message;
	} rows[] = {
		{ "echo 'a b'", "a b", NULL },
		{ "printf 'x\\r\\nsecond\\n'", "x", NULL },
		{ "printf last", "last", NULL },
		{ "read line; echo \"got $?\"", "got 1", NULL }, /* stdin is empty */
		{ "exit 0", NULL, "password_command: it printed nothing" },
		{ "echo; echo x", NULL, "password_command: the first line is empty, so there is no password" },
		{ "echo one >&2; echo 'two words' >&2; exit 3", NULL, "password_command: exit status 3: two words" },
		{ "echo secret; exit 1", NULL, "password_command: exit status 1: it said nothing on stderr" },
		{ "kill -9 $$", NULL, "password_command: killed by signal 9: it said nothing on stderr" },
		{ "yes", NULL, "password_command: sh printed more than 65536 bytes" },
		{ "printf 'a\\000b\\n'", NULL, "password_command: a password cannot have a NUL byte" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *password = password_from_command(rows[i].command, 60000, NULL, &error);
		g_test_message("row %d: %s", (int)i, error ? error->message : "");
		g_assert_cmpstr(password, ==, rows[i].password);
		if (rows[i].message) {
			g_assert_error(error, CORE_ERROR, CORE_ERROR_PASSWORD);
			g_assert_cmpstr(error->message, ==, rows[i].message);
		}
	}
}

/* A child that stays behind with our pipes does not hold us up. */
static void
test_password_command_leaves_child(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *password = password_from_command("sleep 600 & echo $!", 60000, NULL, &error);

	g_assert_no_error(error);
	g_assert_cmpint(atoi(password), >, 1);
	g_assert_cmpint(kill((pid_t)atoi(password), SIGKILL), ==, 0);
}

/* The whole process group goes, not only the shell. */
static void
test_password_command_hangs(void)
{
	g_autofree char *note = g_build_filename(folder, "pid", NULL);
	g_autofree char *command = g_strdup_printf("sleep 600 & echo $! > '%s'; wait", note);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	int killed = 0;

	g_assert_null(password_from_command(command, 1000, NULL, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PASSWORD);
	g_assert_cmpstr(error->message, ==, "password_command: sh did not end within 1 s");
	g_assert_true(g_file_get_contents(note, &text, NULL, NULL));
	pid_t pid = (pid_t)atoi(text);
	g_assert_cmpint(pid, >, 1);
	for (int i = 0; i < 500 && !killed; i++) { /* until it is a zombie of init, or gone */
		g_autofree char *stat_path = g_strdup_printf("/proc/%d/stat", (int)pid), *stat = NULL;
		killed = !g_file_get_contents(stat_path, &stat, NULL, NULL) || strstr(stat, ") Z ") || strstr(stat, ") X ");
		if (!killed)
			g_usleep(10000);
	}
	g_assert_true(killed);
	g_unlink(note);
}

/* One that has left its process group ends as well, and is not waited for until it likes to end. */
static void
test_password_command_hangs_elsewhere(void)
{
	g_autofree char *note = g_build_filename(folder, "late", NULL);
	g_autofree char *command = g_strdup_printf("exec perl -e 'setpgrp(0, getpgrp(getppid())) or die; sleep 20; "
	                                           "open(F, q(>), q(%s))'", note);
	g_autoptr(GError) error = NULL;

	g_assert_null(password_from_command(command, 1000, NULL, &error));
	g_assert_cmpstr(error->message, ==, "password_command: sh did not end within 1 s");
	g_assert_false(g_file_test(note, G_FILE_TEST_EXISTS));
}

static void
test_password_command_cancelled(void)
{
	g_autoptr(CoreCancel) cancel = core_cancel_new();
	g_autoptr(GError) error = NULL;

	core_cancel_trigger(cancel);
	g_assert_null(password_from_command("sleep 600", 60000, cancel, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CANCELLED);
}

/* What we block or ignore must not reach the command, nor our descriptors. */
static void
test_password_command_inherits_nothing(void)
{
	g_autoptr(GError) error = NULL;
	sigset_t stop, old;
	int fd = dup(STDERR_FILENO);

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &stop, &old);
	void (*pipe_handler)(int) = signal(SIGPIPE, SIG_IGN);
	void (*quit_handler)(int) = signal(SIGQUIT, SIG_IGN); /* as in a shell's background job */
	g_autofree char *blocked = password_from_command("grep SigBlk /proc/self/status | cut -f2", 60000, NULL, &error);
	g_autofree char *ignored = password_from_command("grep SigIgn /proc/self/status | cut -f2", 60000, NULL, &error);
	g_autofree char *fds = password_from_command("ls /proc/self/fd | tr '\\n' ' '", 60000, NULL, &error);
	signal(SIGQUIT, quit_handler);
	signal(SIGPIPE, pipe_handler);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(fd);
	g_assert_no_error(error);
	g_assert_cmpstr(blocked, ==, "0000000000000000");
	g_assert_cmphex(g_ascii_strtoull(ignored, NULL, 16) & 0x7fffffff, ==, 0); /* 32 and 33 are the C library's own */
	g_assert_cmpstr(fds, ==, "0 1 2 3 "); /* 3 is what ls reads the folder with */
}

static void
test_password_file(void)
{
	g_autofree char *path = write_file("secret", "pass word\r\nmore\n", -1, 0600);
	g_autofree char *empty = write_file("empty", "", 0, 0600);
	g_autoptr(GError) error = NULL;
	g_autofree char *password = password_from_file(path, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(password, ==, "pass word");

	g_chmod(path, 0640);
	g_assert_null(password_from_file(path, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_assert_nonnull(strstr(error->message, "others can read it"));
	g_clear_error(&error);

	g_assert_null(password_from_file(empty, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PASSWORD);
	g_clear_error(&error);

	g_unlink(empty);
	g_assert_null(password_from_file(empty, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PASSWORD);
	g_clear_error(&error);

	g_assert_null(password_from_file(folder, &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_unlink(path);
}

static void
test_netrc(void)
{
	static const char text[] =
		"# password for nobody\n"
		"machine other.example login me password wrong\n"
		"macdef init\nmachine mail.example login me password macro\n\n"
		"machine MAIL.example\n\tlogin you password \"your \\\"pass\\\" word\"\n"
		"machine mail.example account x login me\n password with#hash\n"
		"machine any.example password forall\n"
		"machine unfinished.example login me\n"
		"default login me password fallback\n";
	static const struct {
		const char *host, *user, *password;
	} rows[] = {
		{ "mail.example", "me", "with#hash" },
		{ "mail.example", "you", "your \"pass\" word" },
		{ "mail.example", "she", NULL },
		{ "any.example", "she", "forall" },
		{ "unfinished.example", "me", "fallback" },
		{ "unknown.example", "me", "fallback" },
		{ "unknown.example", "you", NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *found = netrc_find(text, rows[i].host, rows[i].user);
		g_test_message("row %d", (int)i);
		g_assert_cmpstr(found, ==, rows[i].password);
	}
	g_assert_null(netrc_find("machine", "h", "u"));
	g_assert_null(netrc_find("machine h password", "h", "u"));
	g_assert_null(netrc_find("machine h login \"u", "h", "u"));
}

static void
test_netrc_file(void)
{
	g_autofree char *path = write_file("netrc", "machine h login u password p\n", -1, 0600);
	g_autoptr(GError) error = NULL;
	g_autofree char *password = password_from_netrc(path, "h", "u", &error);

	g_assert_no_error(error);
	g_assert_cmpstr(password, ==, "p");
	g_assert_null(password_from_netrc(path, "h", "v", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_PASSWORD);
	g_clear_error(&error);
	g_chmod(path, 0604);
	g_assert_null(password_from_netrc(path, "h", "u", &error));
	g_assert_error(error, CORE_ERROR, CORE_ERROR_CONFIG);
	g_unlink(path);
}

/* In a session without a terminal. */
static void
test_prompt_without_terminal(void)
{
	if (g_test_subprocess()) {
		static const PasswordConfig config = { .kind = PASSWORD_PROMPT };
		g_autoptr(Password) password = password_new(&config, "a", "h", "u", NULL);
		g_autoptr(GError) error = NULL;

		setsid();
		g_assert_false(password_ask(password, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_LOGIN);
		g_assert_nonnull(strstr(error->message, "no terminal"));
		g_clear_error(&error);
		g_assert_null(password_get(password, &error));
		g_assert_error(error, CORE_ERROR, CORE_ERROR_LOGIN);
		return;
	}
	g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
	g_test_trap_assert_passed();
}

int
main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("mailtree-config-XXXXXX", NULL);
	g_test_add_func("/config/defaults", test_defaults);
	g_test_add_func("/config/crawlers", test_crawlers);
	g_test_add_func("/config/fetch-rate", test_fetch_rate);
	g_test_add_func("/config/too-many-crawlers", test_too_many_crawlers);
	g_test_add_func("/config/every-key", test_every_key);
	g_test_add_func("/config/errors-name-the-line", test_errors_name_the_line);
	g_test_add_func("/config/bad-pin", test_bad_pin);
	g_test_add_func("/config/long-name", test_long_name);
	g_test_add_func("/config/file", test_file);
	g_test_add_func("/password/command", test_password_command);
	g_test_add_func("/password/command-leaves-child", test_password_command_leaves_child);
	g_test_add_func("/password/command-hangs", test_password_command_hangs);
	g_test_add_func("/password/command-hangs-elsewhere", test_password_command_hangs_elsewhere);
	g_test_add_func("/password/command-cancelled", test_password_command_cancelled);
	g_test_add_func("/password/command-inherits-nothing", test_password_command_inherits_nothing);
	g_test_add_func("/password/file", test_password_file);
	g_test_add_func("/password/netrc", test_netrc);
	g_test_add_func("/password/netrc-file", test_netrc_file);
	g_test_add_func("/password/prompt-without-terminal", test_prompt_without_terminal);
	status = g_test_run();
	g_rmdir(folder);
	g_free(folder);
	return status;
}
