#include "password.h"

#include "netrc.h"
#include "prompt.h"
#include "subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TYPED_SIZE 4096 /* a page */

struct Password {
	const PasswordConfig *config;
	const char *account, *host, *user;
	CoreCancel *cancel;
	char *typed; /* a locked page; NULL: nothing was asked */
};

Password *
password_new(const PasswordConfig *config, const char *account, const char *host, const char *user, CoreCancel *cancel)
{
	Password *password = g_new0(Password, 1);

	*password = (Password){ .config = config, .account = account, .host = host, .user = user };
	if (cancel)
		password->cancel = core_cancel_ref(cancel);
	return password;
}

static void
unmap(char *typed)
{
	explicit_bzero(typed, TYPED_SIZE);
	munmap(typed, TYPED_SIZE);
}

void
password_free(Password *password)
{
	if (password) {
		if (password->typed)
			unmap(password->typed);
		core_cancel_unref(password->cancel);
		g_free(password);
	}
}

/* Where the limits do not allow it, it is as any other memory. */
static void
protect(char *typed)
{
	mlock(typed, TYPED_SIZE);
	madvise(typed, TYPED_SIZE, MADV_DONTDUMP);
}

void
password_forked(Password *password)
{
	if (password->typed)
		protect(password->typed);
}

bool
password_ask(Password *password, GError **error)
{
	if (password->config->kind != PASSWORD_PROMPT || password->typed)
		return true;

	char *page = mmap(NULL, TYPED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return core_throw_errno(error, "cannot get memory for the password");
	protect(page);

	g_autofree char *question = g_strdup_printf("Password of %s for %s at %s: ", password->account, password->user,
	                                            password->host);
	if (!prompt_secret(question, page, TYPED_SIZE, error)) {
		unmap(page);
		return false;
	}
	password->typed = page;
	return true;
}

/* A copy of the first line of @length bytes at @text; NULL with *error if it is empty.  @what names the source. */
static char *
first_line(const char *text, size_t length, const char *what, GError **error)
{
	const char *newline = memchr(text, '\n', length);
	size_t end = newline ? (size_t)(newline - text) : length;

	if (end > 0 && text[end - 1] == '\r')
		end--;
	if (end == 0) {
		core_throw(error, CORE_ERROR_PASSWORD, "%s: the first line is empty, so there is no password", what);
		return NULL;
	}
	if (memchr(text, '\0', end)) {
		core_throw(error, CORE_ERROR_PASSWORD, "%s: a password cannot have a NUL byte", what);
		return NULL;
	}
	return g_strndup(text, end);
}

char *
password_from_command(const char *command, int timeout_ms, CoreCancel *cancel, GError **error)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	g_auto(SubprocessResult) result = { NULL };
	g_autoptr(GError) failure = NULL;

	if (!subprocess_run(argv, timeout_ms, cancel, &result, &failure)) {
		if (core_error_code(failure) != CORE_ERROR_CANCELLED)
			failure->code = CORE_ERROR_PASSWORD;
		g_propagate_prefixed_error(error, g_steal_pointer(&failure), "password_command: ");
		return NULL;
	}
	if (!WIFEXITED(result.status) || WEXITSTATUS(result.status) != 0) {
		const char *words = *result.last_words ? result.last_words : "it said nothing on stderr";
		if (WIFSIGNALED(result.status))
			core_throw(error, CORE_ERROR_PASSWORD, "password_command: killed by signal %d: %s",
			           WTERMSIG(result.status), words);
		else
			core_throw(error, CORE_ERROR_PASSWORD, "password_command: exit status %d: %s", WEXITSTATUS(result.status),
			           words);
		return NULL;
	}
	if (result.out_length == 0) {
		core_throw(error, CORE_ERROR_PASSWORD, "password_command: it printed nothing");
		return NULL;
	}
	return first_line(result.out, result.out_length, "password_command", error);
}

/* The whole of a small file that nobody else can read: *buffer_r has PASSWORD_MAX_BYTES and a NUL behind the text. */
static bool
read_private(const char *path, char **buffer_r, size_t *length_r, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	g_autofree char *buffer = NULL;
	size_t length = 0;
	struct stat st;

	if (fd < 0)
		return core_throw(error, CORE_ERROR_PASSWORD, "cannot read %s: %s", path, g_strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return core_throw(error, CORE_ERROR_CONFIG, "%s is not a regular file", path);
	}
	if ((st.st_mode & 077) || (st.st_uid != geteuid() && st.st_uid != 0)) {
		close(fd);
		return core_throw(error, CORE_ERROR_CONFIG,
		                  "%s holds a password and others can read it; run: chmod 600 %s", path, path);
	}
	buffer = g_malloc(PASSWORD_MAX_BYTES + 1);
	while (length < PASSWORD_MAX_BYTES) {
		ssize_t n = read(fd, buffer + length, PASSWORD_MAX_BYTES - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			core_throw(error, CORE_ERROR_PASSWORD, "cannot read %s: %s", path, g_strerror(errno));
			explicit_bzero(buffer, length);
			close(fd);
			return false;
		}
		if (n == 0)
			break;
		length += (size_t)n;
	}
	close(fd);
	buffer[length] = '\0';
	*length_r = length;
	*buffer_r = g_steal_pointer(&buffer);
	return true;
}

char *
password_from_file(const char *path, GError **error)
{
	g_autofree char *buffer = NULL;
	size_t length;

	if (!read_private(path, &buffer, &length, error))
		return NULL;
	char *line = first_line(buffer, length, path, error);
	explicit_bzero(buffer, length);
	return line;
}

char *
password_from_netrc(const char *path, const char *host, const char *user, GError **error)
{
	g_autofree char *buffer = NULL;
	size_t length;

	if (!read_private(path, &buffer, &length, error))
		return NULL;
	char *found = netrc_find(buffer, host, user);
	explicit_bzero(buffer, length);
	if (!found)
		core_throw(error, CORE_ERROR_PASSWORD, "%s has no password for machine %s login %s", path, host, user);
	return found;
}

char *
password_get(void *data, GError **error)
{
	Password *password = data;

	switch (password->config->kind) {
	case PASSWORD_COMMAND:
		return password_from_command(password->config->value, PASSWORD_COMMAND_TIMEOUT_MS, password->cancel, error);
	case PASSWORD_FILE:
		return password_from_file(password->config->value, error);
	case PASSWORD_NETRC: {
		g_autofree char *path = g_build_filename(g_get_home_dir(), ".netrc", NULL);
		return password_from_netrc(path, password->host, password->user, error);
	}
	case PASSWORD_PROMPT:
		if (password->typed)
			return g_strdup(password->typed);
		core_throw(error, CORE_ERROR_LOGIN, "prompt = yes: the process that owns the store did not ask when it began");
		return NULL;
	case PASSWORD_NONE:
		break;
	}
	core_throw(error, CORE_ERROR_CONFIG, "there is no source for the password");
	return NULL;
}
