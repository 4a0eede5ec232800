/* What the tests of maildir/ share: names of the messages of fs-server.h, and what changes them. */
#pragma once

#include "fs-server.h"

#include "store/maildir.h"

#define FIRST_BASE "1700000001.1.mailtree"
#define SECOND_BASE "1700000002.2.mailtree"

/* Message @b of mailbox @a has the flags @name. */
static inline int64_t
do_flags(World *world, const Call *call)
{
	StoreTxn *txn;

	check(txn = store_begin(world->store, &error));
	check(store_message_set_flags(txn, call->a, (uint32_t)call->b, call->name, 0, &error));
	check(store_commit(txn, &error));
	return 0;
}

/* @name: "PATH", or "PATH|PATH" for the mailboxes @a and @b in one transaction. */
static inline int64_t
do_rename_folder(World *world, const Call *call)
{
	g_auto(GStrv) paths = g_strsplit(call->name, "|", 2);
	const StoreMailboxMove moves[] = { { call->a, paths[0] }, { call->b, paths[1] } };
	StoreTxn *txn;

	check(txn = store_begin(world->store, &error));
	check(store_mailboxes_move(txn, moves, g_strv_length(paths), &error));
	check(store_commit(txn, &error));
	return 0;
}
