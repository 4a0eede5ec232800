#include "config-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
config_fail_at(const ConfigParser *parser, unsigned line, GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	return core_throw(error, CORE_ERROR_CONFIG, "%s:%u: %s", parser->config->path, line, text);
}

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
	for (guint i = 0; i < account->special->len; i++)
		g_free(g_array_index(account->special, SyncSpecial, i).path);
	g_array_unref(account->special);
	g_free(account->password.value);
	g_free(account);
}

void
config_free(Config *config)
{
	if (config) {
		g_free(config->path);
		g_free(config->store);
		g_strfreev(config->crawlers);
		g_ptr_array_unref(config->accounts);
		g_free(config);
	}
}

/* What can only be judged when all keys of the account were seen. */
static bool
end_section(ConfigParser *parser, GError **error)
{
	ConfigAccount *account = parser->account;

	if (!account)
		return true;
	if (!account->imap.host)
		return config_fail_at(parser, account->line, error, "[account %s] lacks host = …", account->name);
	if (!account->imap.user)
		return config_fail_at(parser, account->line, error, "[account %s] lacks user = …", account->name);
	if (account->password.kind == PASSWORD_NONE)
		return config_fail_at(parser, account->line, error, "[account %s] lacks the source of its password: one of "
		               "password_command = …, password_file = …, netrc = yes, prompt = yes", account->name);
	if (!account->imap.tls_cert != !account->imap.tls_key)
		return config_fail_at(parser, account->line, error, "[account %s] has only one of tls_cert and tls_key", account->name);
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
	for (const char *p = text; *p; p = g_utf8_find_next_char(p, NULL)) {
		if (g_unichar_iscntrl(g_utf8_get_char(p)))
			return true;
	}
	return false;
}

static bool
begin_account(ConfigParser *parser, const char *name, GError **error)
{
	if (!*name)
		return config_fail(parser, error, "the account has no name; write [account NAME]");
	if (*name == '.' || strchr(name, '/') || has_control(name) || strlen(name) > CONFIG_ACCOUNT_NAME_MAX_BYTES)
		return config_fail(parser, error, "[account %s]: the name must not begin with a dot, hold a slash or control characters, "
		            "or be longer than %d bytes", name, CONFIG_ACCOUNT_NAME_MAX_BYTES);
	for (guint i = 0; i < parser->config->accounts->len; i++) {
		const ConfigAccount *other = g_ptr_array_index(parser->config->accounts, i);
		if (g_str_equal(other->name, name))
			return config_fail(parser, error, "[account %s] was there before, on line %u", name, other->line);
	}
	parser->section = CONFIG_SECTION_ACCOUNT;
	parser->account = g_new0(ConfigAccount, 1);
	parser->account->name = g_strdup(name);
	parser->account->line = parser->line;
	parser->account->undo_s = CONFIG_UNDO_DEFAULT_S;
	parser->account->special = g_array_new(FALSE, FALSE, sizeof(SyncSpecial));
	g_ptr_array_add(parser->config->accounts, parser->account);
	return true;
}

/* @text is what stands between the brackets. */
static bool
begin_section(ConfigParser *parser, char *text, GError **error)
{
	if (!end_section(parser, error))
		return false;
	memset(parser->seen, 0, sizeof parser->seen);
	g_strstrip(text);
	if (g_str_equal(text, "account") || g_str_has_prefix(text, "account ") || g_str_has_prefix(text, "account\t"))
		return begin_account(parser, g_strchug(text + strlen("account")), error);
	if (!g_str_equal(text, "mailtree"))
		return config_fail(parser, error, "unknown section [%s]; there are [mailtree] and [account NAME]", text);
	if (parser->program_line)
		return config_fail(parser, error, "[mailtree] was there before, on line %u", parser->program_line);
	parser->program_line = parser->line;
	parser->section = CONFIG_SECTION_PROGRAM;
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
set_key(ConfigParser *parser, const char *name, char *value, GError **error)
{
	const ConfigKey *key;
	size_t index;

	if (parser->section == CONFIG_SECTION_NONE)
		return config_fail(parser, error, "%s stands before any section; begin with [account NAME]", name);
	key = config_key_find(parser->section, name, &index);
	if (!key)
		return config_fail(parser, error, "unknown key %s; mailtree-config(5) lists the keys", name);
	if (parser->seen[index])
		return config_fail(parser, error, "%s was there before, on line %u", name, parser->seen[index]);
	parser->seen[index] = parser->line;
	parser->key = key;
	if (!key->keeps_comment)
		cut_comment(value);
	if (!*value)
		return config_fail(parser, error, "%s has no value", name);
	if (has_control(value))
		return config_fail(parser, error, "%s: there is a control character in its value", name);
	return key->set(parser, value, error);
}

static bool
parse_line(ConfigParser *parser, char *line, GError **error)
{
	size_t length;
	char *equals;

	g_strstrip(line);
	length = strlen(line);
	if (length == 0 || *line == '#' || *line == ';')
		return true;
	if (*line == '[') {
		if (strchr(line, ']') && !g_str_has_suffix(line, "]"))
			cut_comment(line);
		length = strlen(line);
		if (line[length - 1] != ']')
			return config_fail(parser, error, "the section's closing bracket ] is missing");
		line[length - 1] = '\0';
		return begin_section(parser, line + 1, error);
	}
	equals = strchr(line, '=');
	if (!equals || equals == line)
		return config_fail(parser, error, "neither [SECTION] nor KEY = VALUE");
	*equals = '\0';
	return set_key(parser, g_strchomp(line), g_strchug(equals + 1), error);
}

static bool
parse(ConfigParser *parser, const char *text, GError **error)
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
	ConfigParser parser = { .config = config };
	const char *bad;

	config->path = g_strdup(path);
	config->store = g_build_filename(g_get_user_data_dir(), "mailtree", NULL);
	config->crawlers = config_default_crawlers();
	config->fetch_rate = CONFIG_FETCH_RATE;
	config->accounts = g_ptr_array_new_with_free_func(account_free);
	if (!g_utf8_validate(text, (gssize)length, &bad)) {
		unsigned line = 1;
		for (const char *p = text; p < bad; p++)
			line += *p == '\n';
		config_fail_at(&parser, line, error, "not UTF-8 text");
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

const char *
config_account_special(const ConfigAccount *account, uint32_t attribute)
{
	for (guint i = 0; i < account->special->len; i++) {
		const SyncSpecial *special = &g_array_index(account->special, SyncSpecial, i);
		if (special->attribute == attribute)
			return special->path;
	}
	return NULL;
}
