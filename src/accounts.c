#include "accounts.h"

static void
add(Accounts *accounts, const ConfigAccount *config)
{
	Password *password = password_new(&config->password, config->name, config->imap.host, config->imap.user,
	                                  accounts->cancel);

	accounts->passwords[accounts->count] = password;
	accounts->list[accounts->count++] = (SyncAccount){
		.name = config->name,
		.imap = config->imap,
		.folders = config->folders,
		.special = (const SyncSpecial *)(void *)config->special->data,
		.n_special = config->special->len,
		.bodies = config->bodies,
		.bodies_days = config->bodies_days,
		.connections = config->connections,
		.password = password_get,
		.password_data = password,
	};
}

static bool
is_named(const char *const *names, const char *name)
{
	return !names || !*names || g_strv_contains(names, name);
}

Accounts *
accounts_new(const Config *config, const char *const *names, GError **error)
{
	for (gsize i = 0; names && names[i]; i++) {
		if (!config_account(config, names[i], error))
			return NULL;
	}

	Accounts *accounts = g_new0(Accounts, 1);
	accounts->list = g_new0(SyncAccount, config->accounts->len);
	accounts->passwords = g_new0(Password *, config->accounts->len);
	accounts->cancel = core_cancel_new();
	for (guint i = 0; i < config->accounts->len; i++) {
		const ConfigAccount *account = g_ptr_array_index(config->accounts, i);
		if (is_named(names, account->name))
			add(accounts, account);
	}
	return accounts;
}

void
accounts_free(Accounts *accounts)
{
	if (accounts) {
		for (size_t i = 0; i < accounts->count; i++)
			password_free(accounts->passwords[i]);
		g_free(accounts->passwords);
		g_free(accounts->list);
		core_cancel_unref(accounts->cancel);
		g_free(accounts);
	}
}

bool
accounts_ask(Accounts *accounts, const char *const *names, GError **error)
{
	for (size_t i = 0; i < accounts->count; i++) {
		if (is_named(names, accounts->list[i].name) && !password_ask(accounts->passwords[i], error))
			return core_prefix(error, "%s: ", accounts->list[i].name);
	}
	return true;
}

void
accounts_forked(Accounts *accounts)
{
	for (size_t i = 0; i < accounts->count; i++)
		password_forked(accounts->passwords[i]);
}
