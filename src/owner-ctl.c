/* Lines that people write to DIR/ctl. */
#include "owner-private.h"

#include "change.h"

#include <string.h>

/* The engine does it when it can; an account's folder is synchronised with the account. */
static bool
request(Owner *owner, const char *path, GError **error)
{
	g_autofree char *account = path ? g_strndup(path, strcspn(path, "/")) : NULL;

	pthread_mutex_lock(&owner->lock);
	bool ok = owner->engine ? sync_engine_request(owner->engine, account, error) != 0
	                        : core_throw(error, CORE_ERROR_UNREACHABLE, "the mount is ending");
	pthread_mutex_unlock(&owner->lock);
	owner_changed(owner);
	return ok;
}

static bool
decide(Owner *owner, const char *const *words, GError **error)
{
	ChangeContext context = { .store = owner->store, .config = owner->config, .mounted = owner->mounted,
		                      .cancel = owner->accounts->cancel };
	ChangeResult result;

	if (!change_do(&context, words, &result, error))
		return false;
	owner_changed(owner);
	return true;
}

bool
owner_command(Owner *owner, const char *line, GError **error)
{
	g_auto(GStrv) words = g_strsplit(line, " ", 2);
	const char *verb = words[0] ? words[0] : "", *path = words[0] ? words[1] : NULL;

	if (strcmp(verb, "sync") == 0)
		return request(owner, path, error);
	if (strcmp(verb, "flush") == 0 && !path)
		return request(owner, NULL, error);
	if (strcmp(verb, "confirm") == 0 || strcmp(verb, "retry") == 0)
		return decide(owner, (const char *const *)words, error);
	return core_throw(error, CORE_ERROR_USAGE, "%s: ctl takes sync [ACCOUNT[/FOLDER]], flush, confirm [ACCOUNT] and retry "
	                  "[ACCOUNT]", line);
}
