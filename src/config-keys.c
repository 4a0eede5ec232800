/* The keys of the configuration: what each accepts.  A row of the table at the end for each. */
#include "config-private.h"

#include "net/tls.h"
#include "store/mailboxes.h"

#include <string.h>

/* "~/x" below the home folder, "x" beside the configuration file. */
static char *
expand_path(const ConfigParser *parser, const char *value)
{
	if (g_str_equal(value, "~"))
		return g_strdup(g_get_home_dir());
	if (g_str_has_prefix(value, "~/"))
		return g_build_filename(g_get_home_dir(), value + 2, NULL);
	return g_canonicalize_filename(value, parser->folder);
}

static bool
set_path(ConfigParser *parser, char **where, const char *value)
{
	g_free(*where);
	*where = expand_path(parser, value);
	return true;
}

/* One of @choices, NULL-terminated: its index in *index_r. */
static bool
set_choice(ConfigParser *parser, const char *const *choices, const char *value, int *index_r, GError **error)
{
	for (int i = 0; choices[i]; i++) {
		if (g_str_equal(value, choices[i])) {
			*index_r = i;
			return true;
		}
	}
	g_autofree char *list = g_strjoinv(", ", (char **)(uintptr_t)choices);
	return config_fail(parser, error, "%s = %s: must be one of %s", parser->key->name, value, list);
}

static bool
set_yes_no(ConfigParser *parser, const char *value, bool *yes_r, GError **error)
{
	static const char *const words[] = { "no", "yes", NULL };
	int index = 0;

	if (!set_choice(parser, words, value, &index, error))
		return false;
	*yes_r = index == 1;
	return true;
}

static bool
set_number(ConfigParser *parser, const char *value, unsigned low, unsigned high, unsigned *number_r, GError **error)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(value, 10, low, high, &number, NULL))
		return config_fail(parser, error, "%s = %s: must be a number from %u to %u", parser->key->name, value, low, high);
	*number_r = (unsigned)number;
	return true;
}

static bool
set_store(ConfigParser *parser, const char *value, GError **error)
{
	return set_path(parser, &parser->config->store, value);
}

/* Those that index desktops or file names, without being asked for this tree. */
static const char default_crawlers[] =
	"updatedb updatedb.* tracker-extract* tracker-miner-* localsearch-* baloo_file* recollindex";

static void
add_words(GPtrArray *words, const char *text, const char *separators)
{
	g_auto(GStrv) parts = g_strsplit_set(text, separators, -1);

	for (char **part = parts; *part; part++)
		if (*g_strstrip(*part))
			g_ptr_array_add(words, g_strdup(*part));
}

static char **
take_words(GPtrArray *words)
{
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

char **
config_default_crawlers(void)
{
	GPtrArray *words = g_ptr_array_new();

	add_words(words, default_crawlers, " ");
	return take_words(words);
}

static bool
set_crawlers(ConfigParser *parser, const char *value, GError **error)
{
	g_autoptr(GPtrArray) given = g_ptr_array_new_with_free_func(g_free);
	GPtrArray *words = g_ptr_array_new();

	add_words(given, value, " \t");
	for (guint i = 0; i < given->len; i++) {
		const char *word = g_ptr_array_index(given, i);
		if (g_str_equal(word, "default"))
			add_words(words, default_crawlers, " ");
		else if (given->len > 1 || !g_str_equal(word, "none"))
			g_ptr_array_add(words, g_strdup(word));
	}
	g_strfreev(parser->config->crawlers);
	parser->config->crawlers = take_words(words);
	for (guint i = 0; i < given->len; i++) {
		const char *word = g_ptr_array_index(given, i);
		if (strchr(word, '/') || strlen(word) > CONFIG_CRAWLER_MAX_BYTES)
			return config_fail(parser, error, "crawlers: %s: must be the name of a program, as /proc/PID/comm has it, "
			                   "without its path", word);
	}
	return given->len <= CONFIG_CRAWLERS_MAX ||
	       config_fail(parser, error, "crawlers: more than %d names", CONFIG_CRAWLERS_MAX);
}

static bool
set_fetch_rate(ConfigParser *parser, const char *value, GError **error)
{
	if (g_str_equal(value, "unlimited")) {
		parser->config->fetch_rate = 0;
		return true;
	}
	return set_number(parser, value, 1, CONFIG_FETCH_RATE_MAX, &parser->config->fetch_rate, NULL) ||
	       config_fail(parser, error, "fetch_rate = %s: must be a number from 1 to %d, or unlimited", value,
	                   CONFIG_FETCH_RATE_MAX);
}

static bool
set_protocol(ConfigParser *parser, const char *value, GError **error)
{
	static const char *const words[] = { "imap", NULL };
	int index = 0;

	if (g_str_equal(value, "pop3"))
		return config_fail(parser, error, "protocol = pop3: not supported; only imap is");
	return set_choice(parser, words, value, &index, error);
}

static bool
set_host(ConfigParser *parser, const char *value, GError **error)
{
	size_t length = strlen(value);

	if (value[0] == '[' && value[length - 1] == ']') { /* an IPv6 address as in a URL */
		parser->account->imap.host = g_strndup(value + 1, length - 2);
		return true;
	}
	if (strpbrk(value, " \t/@\"'") || length > 255)
		return config_fail(parser, error, "host = %s: must be a host name or an address, such as imap.example.org", value);
	parser->account->imap.host = g_strdup(value);
	return true;
}

static bool
set_port(ConfigParser *parser, const char *value, GError **error)
{
	unsigned port = 0;

	if (!set_number(parser, value, 1, 65535, &port, error))
		return false;
	parser->account->imap.port = (uint16_t)port;
	return true;
}

static bool
set_tls(ConfigParser *parser, const char *value, GError **error)
{
	static const char *const words[] = { "implicit", "starttls", "none", NULL };
	static const ImapTlsMode modes[] = { IMAP_TLS_IMPLICIT, IMAP_TLS_STARTTLS, IMAP_TLS_NONE };
	int index = 0;

	if (!set_choice(parser, words, value, &index, error))
		return false;
	parser->account->imap.tls = modes[index];
	return true;
}

static bool
set_insecure(ConfigParser *parser, const char *value, GError **error)
{
	return set_yes_no(parser, value, &parser->account->imap.insecure, error);
}

static bool
set_user(ConfigParser *parser, const char *value, GError **error)
{
	parser->account->imap.user = g_strdup(value);
	return true;
}

/* Takes @value. */
static bool
set_password(ConfigParser *parser, PasswordKind kind, char *value, GError **error)
{
	PasswordConfig *password = &parser->account->password;

	if (password->kind != PASSWORD_NONE) {
		g_free(value);
		return config_fail(parser, error, "%s: the account has another source for its password already; keep one of "
		            "password_command, password_file, netrc and prompt", parser->key->name);
	}
	*password = (PasswordConfig){ .kind = kind, .value = value };
	return true;
}

static bool
set_password_command(ConfigParser *parser, const char *value, GError **error)
{
	return set_password(parser, PASSWORD_COMMAND, g_strdup(value), error);
}

static bool
set_password_file(ConfigParser *parser, const char *value, GError **error)
{
	return set_password(parser, PASSWORD_FILE, expand_path(parser, value), error);
}

static bool
set_netrc(ConfigParser *parser, const char *value, GError **error)
{
	bool yes = false;

	return set_yes_no(parser, value, &yes, error) && (!yes || set_password(parser, PASSWORD_NETRC, NULL, error));
}

static bool
set_prompt(ConfigParser *parser, const char *value, GError **error)
{
	bool yes = false;

	return set_yes_no(parser, value, &yes, error) && (!yes || set_password(parser, PASSWORD_PROMPT, NULL, error));
}

static bool
refuse_password(ConfigParser *parser, const char *value, GError **error)
{
	return config_fail(parser, error, "unknown key password: no password is kept in this file; use password_command, "
	            "password_file, netrc = yes or prompt = yes");
}

static bool
set_auth(ConfigParser *parser, const char *value, GError **error)
{
	static const char *const words[] = { "auto", "plain", "login", NULL };
	static const ImapAuth modes[] = { IMAP_AUTH_AUTO, IMAP_AUTH_PLAIN, IMAP_AUTH_LOGIN };
	int index = 0;

	if (!set_choice(parser, words, value, &index, error))
		return false;
	parser->account->imap.auth = modes[index];
	return true;
}

static bool
set_tls_ca(ConfigParser *parser, const char *value, GError **error)
{
	return set_path(parser, &parser->account->imap.tls_ca, value);
}

static bool
set_tls_pin(ConfigParser *parser, const char *value, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (!net_tls_pin_valid(value, &why))
		return config_fail(parser, error, "tls_pin: %s", why->message);
	parser->account->imap.tls_pin = g_strdup(value);
	return true;
}

static bool
set_tls_cert(ConfigParser *parser, const char *value, GError **error)
{
	return set_path(parser, &parser->account->imap.tls_cert, value);
}

static bool
set_tls_key(ConfigParser *parser, const char *value, GError **error)
{
	return set_path(parser, &parser->account->imap.tls_key, value);
}

/* With a semicolon in it, semicolons separate; else white space does. */
static bool
set_folders(ConfigParser *parser, const char *value, GError **error)
{
	GPtrArray *words = g_ptr_array_new();

	add_words(words, value, strchr(value, ';') ? ";" : " \t");
	g_strfreev(parser->account->folders);
	parser->account->folders = take_words(words);
	if (g_strv_contains((const char *const *)parser->account->folders, "!"))
		return config_fail(parser, error, "folders: there is no pattern behind \"!\"");
	return parser->account->folders[0] || config_fail(parser, error, "folders: there is no pattern in it");
}

static bool
set_bodies(ConfigParser *parser, const char *value, GError **error)
{
	ConfigAccount *account = parser->account;
	char *end = NULL;
	guint64 days = g_ascii_isdigit(*value) ? g_ascii_strtoull(value, &end, 10) : 0;

	if (g_str_equal(value, "all")) {
		account->bodies = SYNC_BODIES_ALL;
	} else if (g_str_equal(value, "headers")) {
		account->bodies = SYNC_BODIES_NONE;
	} else if (days > 0 && days <= CONFIG_BODIES_MAX_DAYS && g_str_equal(end, "d")) {
		account->bodies = SYNC_BODIES_RECENT;
		account->bodies_days = (unsigned)days;
	} else {
		return config_fail(parser, error, "bodies = %s: must be all, headers, or a number of days such as 90d", value);
	}
	return true;
}

static bool
set_delete(ConfigParser *parser, const char *value, GError **error)
{
	static const char *const words[] = { "trash", "expunge", NULL };
	int index = 0;

	if (!set_choice(parser, words, value, &index, error))
		return false;
	parser->account->delete_expunges = index == 1;
	return true;
}

/* "90", "90s", "15m", "1h", "2d". */
static bool
set_undo(ConfigParser *parser, const char *value, GError **error)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 24 * 3600 } };
	char *end = NULL;
	gint64 number = g_ascii_strtoll(value, &end, 10);

	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		if (g_ascii_isdigit(*value) && end[0] == units[i].letter && (end[0] == '\0' || end[1] == '\0') &&
		    number <= CONFIG_UNDO_MAX_S / units[i].seconds) {
			parser->account->undo_s = number * units[i].seconds;
			return true;
		}
	}
	return config_fail(parser, error, "undo = %s: must be a time such as 0, 90s, 15m, 1h or 2d, at most a year", value);
}

static bool
is_path(const char *value)
{
	g_auto(GStrv) parts = g_strsplit(value, "/", -1);

	for (char **part = parts; *part; part++)
		if (!**part || g_str_equal(*part, ".") || g_str_equal(*part, ".."))
			return false;
	return true;
}

/* A folder for the special use that the key's name says. */
static bool
set_special(ConfigParser *parser, const char *value, GError **error)
{
	static const struct {
		const char *key;
		uint32_t attribute;
	} uses[] = {
		{ "trash", STORE_MAILBOX_TRASH }, { "sent", STORE_MAILBOX_SENT },       { "drafts", STORE_MAILBOX_DRAFTS },
		{ "junk", STORE_MAILBOX_JUNK },   { "archive", STORE_MAILBOX_ARCHIVE },
	};

	if (!is_path(value))
		return config_fail(parser, error, "%s = %s: must be the path of a folder, such as Trash or Mail/Trash",
		                   parser->key->name, value);
	for (size_t i = 0; i < G_N_ELEMENTS(uses); i++) {
		SyncSpecial special = { uses[i].attribute, NULL };
		if (!g_str_equal(parser->key->name, uses[i].key))
			continue;
		special.path = g_strdup(value);
		g_array_append_val(parser->account->special, special);
	}
	return true;
}

static bool
set_connections(ConfigParser *parser, const char *value, GError **error)
{
	return set_number(parser, value, 1, CONFIG_CONNECTIONS_MAX, &parser->account->connections, error);
}

static const ConfigKey keys[] = {
	{ CONFIG_SECTION_PROGRAM, "store", set_store },
	{ CONFIG_SECTION_PROGRAM, "crawlers", set_crawlers },
	{ CONFIG_SECTION_PROGRAM, "fetch_rate", set_fetch_rate },
	{ CONFIG_SECTION_ACCOUNT, "protocol", set_protocol },
	{ CONFIG_SECTION_ACCOUNT, "host", set_host },
	{ CONFIG_SECTION_ACCOUNT, "port", set_port },
	{ CONFIG_SECTION_ACCOUNT, "tls", set_tls },
	{ CONFIG_SECTION_ACCOUNT, "insecure", set_insecure },
	{ CONFIG_SECTION_ACCOUNT, "user", set_user },
	{ CONFIG_SECTION_ACCOUNT, "password_command", set_password_command, true },
	{ CONFIG_SECTION_ACCOUNT, "password_file", set_password_file },
	{ CONFIG_SECTION_ACCOUNT, "netrc", set_netrc },
	{ CONFIG_SECTION_ACCOUNT, "prompt", set_prompt },
	{ CONFIG_SECTION_ACCOUNT, "password", refuse_password },
	{ CONFIG_SECTION_ACCOUNT, "auth", set_auth },
	{ CONFIG_SECTION_ACCOUNT, "tls_ca", set_tls_ca },
	{ CONFIG_SECTION_ACCOUNT, "tls_pin", set_tls_pin },
	{ CONFIG_SECTION_ACCOUNT, "tls_cert", set_tls_cert },
	{ CONFIG_SECTION_ACCOUNT, "tls_key", set_tls_key },
	{ CONFIG_SECTION_ACCOUNT, "folders", set_folders },
	{ CONFIG_SECTION_ACCOUNT, "bodies", set_bodies },
	{ CONFIG_SECTION_ACCOUNT, "connections", set_connections },
	{ CONFIG_SECTION_ACCOUNT, "delete", set_delete },
	{ CONFIG_SECTION_ACCOUNT, "undo", set_undo },
	{ CONFIG_SECTION_ACCOUNT, "trash", set_special },
	{ CONFIG_SECTION_ACCOUNT, "sent", set_special },
	{ CONFIG_SECTION_ACCOUNT, "drafts", set_special },
	{ CONFIG_SECTION_ACCOUNT, "junk", set_special },
	{ CONFIG_SECTION_ACCOUNT, "archive", set_special },
};
G_STATIC_ASSERT(G_N_ELEMENTS(keys) <= CONFIG_KEYS_MAX);

const ConfigKey *
config_key_find(ConfigSection section, const char *name, size_t *index_r)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (keys[i].section == section && g_str_equal(keys[i].name, name)) {
			*index_r = i;
			return &keys[i];
		}
	}
	return NULL;
}
