#include "config.h"

#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum { SECTION_NONE, SECTION_PROGRAM, SECTION_ACCOUNT } Section;

typedef struct Parser Parser;

/* Takes over what @value says; false with an error (fail()) if it is not acceptable. */
typedef bool (*SetFn)(Parser *parser, const char *value, GError **error);

typedef struct {
	Section section;
	const char *name;
	SetFn set;
} Key;

#define KEYS_MAX 32

struct Parser {
	Config *config;
	char *folder;  /* of the file: where relative paths begin */
	unsigned line; /* the one that is read, from 1 */
	Section section;
	ConfigAccount *account;
	unsigned seen[KEYS_MAX]; /* by index into keys: the line where this section has it; 0: it has not */
	unsigned store_line;     /* "[mailtree]" was there */
	const Key *key;
};

static bool G_GNUC_PRINTF(4, 5)
fail_at(const Parser *parser, unsigned line, GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	return core_throw(error, CORE_ERROR_CONFIG, "%s:%u: %s", parser->config->path, line, text);
}

#define fail(parser, error, ...) fail_at(parser, (parser)->line, error, __VA_ARGS__)

static void
account_free(void *data)
{
	ConfigAccount *account = data;

	g_free(account->name);
	g_free(account->imap.host);
	g_free(account->imap.tls_ca);
	g_free(account->imap.tls_pin);
	g_free(account->imap.tls_cert);
	g_free(account->imap.tls_key);
	g_free(account->imap.user);
	g_strfreev(account->folders);
	g_free(account->password.value);
	g_free(account);
}

void
config_free(Config *config)
{
	if (config) {
		g_free(config->path);
		g_free(config->store);
		g_ptr_array_unref(config->accounts);
		g_free(config);
	}
}

/* "~/x" below the home folder, "x" beside the configuration file. */
static char *
expand_path(const Parser *parser, const char *value)
{
	if (g_str_equal(value, "~"))
		return g_strdup(g_get_home_dir());
	if (g_str_has_prefix(value, "~/"))
		return g_build_filename(g_get_home_dir(), value + 2, NULL);
	return g_canonicalize_filename(value, parser->folder);
}

static bool
set_path(Parser *parser, char **where, const char *value)
{
	g_free(*where);
	*where = expand_path(parser, value);
	return true;
}

/* One of @choices, NULL-terminated: its index in *index_r. */
static bool
set_choice(Parser *parser, const char *const *choices, const char *value, int *index_r, GError **error)
{
	for (int i = 0; choices[i]; i++) {
		if (g_str_equal(value, choices[i])) {
			*index_r = i;
			return true;
		}
	}
	g_autofree char *list = g_strjoinv(", ", (char **)(uintptr_t)choices);
	return fail(parser, error, "%s = %s: must be one of %s", parser->key->name, value, list);
}

static bool
set_yes_no(Parser *parser, const char *value, bool *yes_r, GError **error)
{
	static const char *const words[] = { "no", "yes", NULL };
	int index = 0;

	if (!set_choice(parser, words, value, &index, error))
		return false;
	*yes_r = index == 1;
	return true;
}

static bool
set_number(Parser *parser, const char *value, unsigned low, unsigned high, unsigned *number_r, GError **error)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(value, 10, low, high, &number, NULL))
		return fail(parser, error, "%s = %s: must be a number from %u to %u", parser->key->name, value, low, high);
	*number_r = (unsigned)number;
	return true;
}

static bool
set_store(Parser *parser, const char *value, GError **error)
{
	return set_path(parser, &parser->config->store, value);
}

static bool
set_protocol(Parser *parser, const char *value, GError **error)
{
	static const char *const words[] = { "imap", NULL };
	int index;

	if (g_str_equal(value, "pop3"))
		return fail(parser, error, "protocol = pop3: not supported by this version; only imap is");
	return set_choice(parser, words, value, &index, error);
}

static bool
set_host(Parser *parser, const char *value, GError **error)
{
	size_t length = strlen(value);

	if (value[0] == '[' && value[length - 1] == ']') { /* an IPv6 address as in a URL */
		parser->account->imap.host = g_strndup(value + 1, length - 2);
		return true;
	}
	if (strpbrk(value, " \t/@") || length > 255)
		return fail(parser, error, "host = %s: must be a host name or an address, such as imap.example.org", value);
	parser->account->imap.host = g_strdup(value);
	return true;
}

static bool
set_port(Parser *parser, const char *value, GError **error)
{
	unsigned port = 0;

	if (!set_number(parser, value, 1, 65535, &port, error))
		return false;
	parser->account->imap.port = (uint16_t)port;
	return true;
}

static bool
set_tls(Parser *parser, const char *value, GError **error)
{
	static const char *const words[] = { "implicit", "starttls", "none", NULL };
	static const ImapTlsMode modes[] = { IMAP_TLS_IMPLICIT, IMAP_TLS_STARTTLS, IMAP_TLS_NONE };
	int index;

	if (!set_choice(parser, words, value, &index, error))
		return false;
	parser->account->imap.tls = modes[index];
	return true;
}

static bool
set_insecure(Parser *parser, const char *value, GError **error)
{
	return set_yes_no(parser, value, &parser->account->imap.insecure, error);
}

static bool
set_user(Parser *parser, const char *value, GError **error)
{
	parser->account->imap.user = g_strdup(value);
	return true;
}

/* Takes @value. */
static bool
set_password(Parser *parser, PasswordKind kind, char *value, GError **error)
{
	PasswordConfig *password = &parser->account->password;

	if (password->kind != PASSWORD_NONE) {
		g_free(value);
		return fail(parser, error, "%s: the account has another source for its password already; keep one of "
		            "password_command, password_file, netrc and prompt", parser->key->name);
	}
	*password = (PasswordConfig){ .kind = kind, .value = value };
	return true;
}

static bool
set_password_command(Parser *parser, const char *value, GError **error)
{
	return set_password(parser, PASSWORD_COMMAND, g_strdup(value), error);
}

static bool
set_password_file(Parser *parser, const char *value, GError **error)
{
	return set_password(parser, PASSWORD_FILE, expand_path(parser, value), error);
}

static bool
set_netrc(Parser *parser, const char *value, GError **error)
{
	bool yes;

	return set_yes_no(parser, value, &yes, error) && (!yes || set_password(parser, PASSWORD_NETRC, NULL, error));
}

static bool
set_prompt(Parser *parser, const char *value, GError **error)
{
	bool yes;

	return set_yes_no(parser, value, &yes, error) && (!yes || set_password(parser, PASSWORD_PROMPT, NULL, error));
}

static bool
refuse_password(Parser *parser, const char *value, GError **error)
{
	return fail(parser, error, "unknown key password: no password is kept in this file; use password_command, "
	            "password_file, netrc = yes or prompt = yes");
}

static bool
set_auth(Parser *parser, const char *value, GError **error)
{
	static const char *const words[] = { "auto", "plain", "login", NULL };
	static const ImapAuth modes[] = { IMAP_AUTH_AUTO, IMAP_AUTH_PLAIN, IMAP_AUTH_LOGIN };
	int index;

	if (!set_choice(parser, words, value, &index, error))
		return false;
	parser->account->imap.auth = modes[index];
	return true;
}

static bool
set_tls_ca(Parser *parser, const char *value, GError **error)
{
	return set_path(parser, &parser->account->imap.tls_ca, value);
}

static bool
set_tls_pin(Parser *parser, const char *value, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (!net_tls_pin_valid(value, &why))
		return fail(parser, error, "tls_pin: %s", why->message);
	parser->account->imap.tls_pin = g_strdup(value);
	return true;
}

static bool
set_tls_cert(Parser *parser, const char *value, GError **error)
{
	return set_path(parser, &parser->account->imap.tls_cert, value);
}

static bool
set_tls_key(Parser *parser, const char *value, GError **error)
{
	return set_path(parser, &parser->account->imap.tls_key, value);
}

/* With a semicolon in it, semicolons separate; else white space does. */
static bool
set_folders(Parser *parser, const char *value, GError **error)
{
	g_auto(GStrv) words = g_strsplit_set(value, strchr(value, ';') ? ";" : " \t", -1);
	GStrvBuilder *builder = g_strv_builder_new();

	for (char **word = words; *word; word++) {
		g_strstrip(*word);
		if (**word)
			g_strv_builder_add(builder, *word);
	}
	g_strfreev(parser->account->folders);
	parser->account->folders = g_strv_builder_end(builder);
	g_strv_builder_unref(builder);
	return parser->account->folders[0] || fail(parser, error, "folders: there is no pattern in it");
}

static bool
set_bodies(Parser *parser, const char *value, GError **error)
{
	return g_str_equal(value, "all") ||
	       fail(parser, error, "bodies = %s: not supported by this version; only all is", value);
}

static bool
set_connections(Parser *parser, const char *value, GError **error)
{
	return set_number(parser, value, 1, CONFIG_CONNECTIONS_MAX, &parser->account->connections, error);
}

static const Key keys[] = {
	{ SECTION_PROGRAM, "store", set_store },
	{ SECTION_ACCOUNT, "protocol", set_protocol },
	{ SECTION_ACCOUNT, "host", set_host },
	{ SECTION_ACCOUNT, "port", set_port },
	{ SECTION_ACCOUNT, "tls", set_tls },
	{ SECTION_ACCOUNT, "insecure", set_insecure },
	{ SECTION_ACCOUNT, "user", set_user },
	{ SECTION_ACCOUNT, "password_command", set_password_command },
	{ SECTION_ACCOUNT, "password_file", set_password_file },
	{ SECTION_ACCOUNT, "netrc", set_netrc },
	{ SECTION_ACCOUNT, "prompt", set_prompt },
	{ SECTION_ACCOUNT, "password", refuse_password },
	{ SECTION_ACCOUNT, "auth", set_auth },
	{ SECTION_ACCOUNT, "tls_ca", set_tls_ca },
	{ SECTION_ACCOUNT, "tls_pin", set_tls_pin },
	{ SECTION_ACCOUNT, "tls_cert", set_tls_cert },
	{ SECTION_ACCOUNT, "tls_key", set_tls_key },
	{ SECTION_ACCOUNT, "folders", set_folders },
	{ SECTION_ACCOUNT, "bodies", set_bodies },
	{ SECTION_ACCOUNT, "connections", set_connections },
};
G_STATIC_ASSERT(G_N_ELEMENTS(keys) <= KEYS_MAX);

/* What can only be judged when all keys of the account were seen. */
static bool
end_section(Parser *parser, GError **error)
{
	ConfigAccount *account = parser->account;

	if (!account)
		return true;
	if (!account->imap.host)
		return fail_at(parser, account->line, error, "[account %s] lacks host = …", account->name);
	if (!account->imap.user)
		return fail_at(parser, account->line, error, "[account %s] lacks user = …", account->name);
	if (account->password.kind == PASSWORD_NONE)
		return fail_at(parser, account->line, error, "[account %s] lacks the source of its password: one of "
		               "password_command = …, password_file = …, netrc = yes, prompt = yes", account->name);
	if (!account->imap.tls_cert != !account->imap.tls_key)
		return fail_at(parser, account->line, error, "[account %s] has only one of tls_cert and tls_key", account->name);
	if (account->imap.port == 0)
		account->imap.port = account->imap.tls == IMAP_TLS_IMPLICIT ? 993 : 143;
	if (!account->folders)
		account->folders = g_strdupv((char *[]){ (char[]){ "*" }, NULL });
	account->imap.account = account->name;
	parser->account = NULL;
	return true;
}

static bool
has_control(const char *text)
{
	for (const char *p = text; *p; p = g_utf8_next_char(p)) {
		if (g_unichar_iscntrl(g_utf8_get_char(p)))
			return true;
	}
	return false;
}

static bool
begin_account(Parser *parser, const char *name, GError **error)
{
	if (!*name)
		return fail(parser, error, "the account has no name; write [account NAME]");
	if (*name == '.' || strchr(name, '/') || has_control(name) || strlen(name) > CONFIG_ACCOUNT_NAME_MAX_BYTES)
		return fail(parser, error, "[account %s]: the name must not begin with a dot, hold a slash or control characters, "
		            "or be longer than %d bytes", name, CONFIG_ACCOUNT_NAME_MAX_BYTES);
	for (guint i = 0; i < parser->config->accounts->len; i++) {
		const ConfigAccount *other = g_ptr_array_index(parser->config->accounts, i);
		if (g_str_equal(other->name, name))
			return fail(parser, error, "[account %s] was there before, on line %u", name, other->line);
	}
	parser->section = SECTION_ACCOUNT;
	parser->account = g_new0(ConfigAccount, 1);
	parser->account->name = g_strdup(name);
	parser->account->line = parser->line;
	g_ptr_array_add(parser->config->accounts, parser->account);
	return true;
}

/* @text is what stands between the brackets. */
static bool
begin_section(Parser *parser, char *text, GError **error)
{
	if (!end_section(parser, error))
		return false;
	memset(parser->seen, 0, sizeof parser->seen);
	g_strstrip(text);
	if (g_str_equal(text, "account") || g_str_has_prefix(text, "account ") || g_str_has_prefix(text, "account\t"))
		return begin_account(parser, g_strchug(text + strlen("account")), error);
	if (!g_str_equal(text, "mailtree"))
		return fail(parser, error, "unknown section [%s]; there are [mailtree] and [account NAME]", text);
	if (parser->store_line)
		return fail(parser, error, "[mailtree] was there before, on line %u", parser->store_line);
	parser->store_line = parser->line;
	parser->section = SECTION_PROGRAM;
	return true;
}

/* A comment behind a value begins with white space and '#', and goes on with white space or nothing. */
static void
cut_comment(char *value)
{
	for (char *p = value; (p = strchr(p, '#')) != NULL; p++) {
		if ((p == value || g_ascii_isspace(p[-1])) && (p[1] == '\0' || g_ascii_isspace(p[1]))) {
			*p = '\0';
			break;
		}
	}
	g_strchomp(value);
}

static bool
set_key(Parser *parser, const char *name, char *value, GError **error)
{
	gsize i = 0;

	if (parser->section == SECTION_NONE)
		return fail(parser, error, "%s stands before any section; begin with [account NAME]", name);
	while (i < G_N_ELEMENTS(keys) && !(keys[i].section == parser->section && g_str_equal(keys[i].name, name)))
		i++;
	if (i == G_N_ELEMENTS(keys))
		return fail(parser, error, "unknown key %s; mailtree-config(5) lists the keys", name);
	if (parser->seen[i])
		return fail(parser, error, "%s was there before, on line %u", name, parser->seen[i]);
	parser->seen[i] = parser->line;
	parser->key = &keys[i];
	if (keys[i].set != set_password_command) /* sh knows comments itself */
		cut_comment(value);
	if (!*value)
		return fail(parser, error, "%s has no value", name);
	if (has_control(value))
		return fail(parser, error, "%s: there is a control character in its value", name);
	return keys[i].set(parser, value, error);
}

static bool
parse_line(Parser *parser, char *line, GError **error)
{
	size_t length;
	char *equals;

	g_strstrip(line);
	length = strlen(line);
	if (length == 0 || *line == '#' || *line == ';')
		return true;
	if (*line == '[') {
		if (strchr(line, ']') && g_str_has_suffix(line, "]") == FALSE)
			cut_comment(line);
		length = strlen(line);
		if (line[length - 1] != ']')
			return fail(parser, error, "the section's closing bracket ] is missing");
		line[length - 1] = '\0';
		return begin_section(parser, line + 1, error);
	}
	equals = strchr(line, '=');
	if (!equals || equals == line)
		return fail(parser, error, "neither [SECTION] nor KEY = VALUE");
	*equals = '\0';
	return set_key(parser, g_strchomp(line), g_strchug(equals + 1), error);
}

static bool
parse(Parser *parser, const char *text, GError **error)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++) {
		parser->line++;
		if (!parse_line(parser, *line, error))
			return false;
	}
	if (!end_section(parser, error))
		return false;
	return parser->config->accounts->len > 0 ||
	       core_throw(error, CORE_ERROR_CONFIG, "%s: there is no account in it; mailtree-config(5) shows how to write one",
	                  parser->config->path);
}

Config *
config_parse(const char *path, const char *text, size_t length, GError **error)
{
	g_autoptr(Config) config = g_new0(Config, 1);
	Parser parser = { .config = config };
	const char *bad;

	config->path = g_strdup(path);
	config->store = g_build_filename(g_get_user_data_dir(), "mailtree", NULL);
	config->accounts = g_ptr_array_new_with_free_func(account_free);
	if (!g_utf8_validate(text, (gssize)length, &bad)) {
		unsigned line = 1;
		for (const char *p = text; p < bad; p++)
			line += *p == '\n';
		fail_at(&parser, line, error, "not UTF-8 text");
		return NULL;
	}

	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	g_autofree char *folder = g_path_get_dirname(absolute);
	parser.folder = folder;
	return parse(&parser, text, error) ? g_steal_pointer(&config) : NULL;
}

/* All of @fd, bounded; NULL with *error. */
static char *
read_file(int fd, const char *path, size_t *length_r, GError **error)
{
	g_autofree char *text = g_malloc(CONFIG_MAX_BYTES + 2);
	size_t length = 0;

	while (length <= CONFIG_MAX_BYTES) {
		ssize_t n = read(fd, text + length, CONFIG_MAX_BYTES + 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			core_throw(error, CORE_ERROR_CONFIG, "cannot read the configuration %s: %s", path, g_strerror(errno));
			return NULL;
		}
		if (n == 0)
			break;
		length += (size_t)n;
	}
	if (length > CONFIG_MAX_BYTES) {
		core_throw(error, CORE_ERROR_CONFIG, "%s is larger than %d bytes: not a configuration", path, CONFIG_MAX_BYTES);
		return NULL;
	}
	text[length] = '\0';
	*length_r = length;
	return g_steal_pointer(&text);
}

Config *
config_load(const char *path, GError **error)
{
	g_autofree char *standard = g_build_filename(g_get_user_config_dir(), "mailtree", "config", NULL);
	g_autofree char *text = NULL;
	size_t length;
	struct stat st;

	if (!path)
		path = standard;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		core_throw(error, CORE_ERROR_CONFIG, "cannot read the configuration %s: %s; mailtree-config(5) shows how to write "
		           "one", path, g_strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		core_throw(error, CORE_ERROR_CONFIG, "the configuration %s is not a regular file", path);
	} else if ((st.st_mode & S_IWOTH) || (st.st_uid != geteuid() && st.st_uid != 0)) {
		core_throw(error, CORE_ERROR_CONFIG, "the configuration %s names commands to run and others can write to it; "
		           "run: chmod 600 %s", path, path);
	} else {
		text = read_file(fd, path, &length, error);
	}
	close(fd);
	return text ? config_parse(path, text, length, error) : NULL;
}

const ConfigAccount *
config_account(const Config *config, const char *name, GError **error)
{
	GString *names = g_string_new(NULL);

	for (guint i = 0; i < config->accounts->len; i++) {
		const ConfigAccount *account = g_ptr_array_index(config->accounts, i);
		if (g_str_equal(account->name, name)) {
			g_string_free(names, TRUE);
			return account;
		}
		g_string_append_printf(names, "%s%s", names->len ? ", " : "", account->name);
	}
	core_throw(error, CORE_ERROR_USAGE, "there is no account %s in %s; there is: %s", name, config->path, names->str);
	g_string_free(names, TRUE);
	return NULL;
}
