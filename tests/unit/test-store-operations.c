/* src/store: the ends of operations, and what people say about them.  Each case: operations that are there, what is done,
 * what the rows are then, and what the listener heard. */
#include "store-operations.h"

#include "store/changes.h"


#define ADD(path, test) g_test_add("/store-operations/" path, Fixture, NULL, world_set_up, test, fixture_tear_down)

typedef struct {
	const char *what;
	const char *with; /* SQL before */
	const char *operations;
	const char *action;   /* "fail 1 why": see act(); several, separated by '|', are one transaction */
	const char *expected; /* changes_between() */
	const char *heard;    /* "added PLACE/NAME", … */
} Case;

#define RIVAL "UPDATE messages SET uid = 9, state = 0, mailbox = 2, place = 2, name = 'rival.eml'," \
	" base_flags = '\\Flagged', body = NULL WHERE id = 3;"
#define MOVING "UPDATE messages SET uid = NULL, state = 6, place = 2 WHERE id = 1;"

static const Case settling[] = {
	{ "flags, nothing told", NULL, "1 flags message=1 add_flags='\\Seen' state='sent'", "flags 1 - 7",
	  "message 1 1/1 1:1.eml there [\\Seen]; operation 1 flags done", "" },
	{ "flags, told", NULL, "1 flags message=1 add_flags='\\Seen' state='sent'", "flags 1 \\Flagged 7",
	  "message 1 1/1 1:1.eml there [\\Flagged]; operation 1 flags done", "flags 1/1.eml" },
	{ "flags of a message that has gone", NULL, "1 flags message=99 add_flags='\\Seen' state='sent'", "flags 1 - 0",
	  "operation 1 flags done", "" },
	{ "flags, done twice", NULL, "1 flags message=1 state='done' ended=5", "!flags 1 - 0", "", "" },

	{ "append", NULL, "1 append message=3 target=2 add_flags='\\Seen' state='sent'", "uid 1 9 a~9.eml",
	  "message 3 2/9 2:a~9.eml there [\\Seen]; operation 1 append done >2", "renamed 2/new.eml, flags 2/a~9.eml" },
	{ "append, name kept", "UPDATE messages SET name_is_users = 1 WHERE id = 3",
	  "1 append message=3 target=2 state='sent'", "uid 1 9 -",
	  "message 3 2/9 2:new.eml! there []; operation 1 append done >2", "flags 2/new.eml" },
	{ "append, moved meanwhile", "UPDATE messages SET place = 1 WHERE id = 3",
	  "1 append message=3 target=2 state='sent'; 2 move message=3 mailbox=2 target=1", "uid 1 9 -",
	  "message 3 2/9 1:new.eml there []; operation 1 append done >2", "flags 1/new.eml" },
	{ "move", "UPDATE messages SET place = 2 WHERE id = 1", "1 move message=1 mailbox=1 target=2 state='sent'",
	  "uid 1 9 a~9.eml", "message 1 2/9 2:a~9.eml there []; operation 1 move done >2",
	  "renamed 2/1.eml, flags 2/a~9.eml" },
	{ "move, its source told of first", MOVING, "1 move message=1 mailbox=1 target=2 state='sent'", "uid 1 9 -",
	  "message 1 2/9 2:1.eml there []; operation 1 move done >2", "flags 2/1.eml" },
	{ "move, in two steps", "UPDATE messages SET place = 2 WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent'", "copied 1 9|again 1 0 -|send 1 0 0|uid 1 9 -",
	  "message 1 2/9 2:1.eml there []; operation 1 move done >2", "flags 2/1.eml" },
	{ "move, wanted elsewhere by now", "UPDATE messages SET place = 3 WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent'; 2 move message=1 mailbox=2 target=3", "uid 1 9 -",
	  "message 1 2/9 3:1.eml there []; operation 1 move done >2", "flags 3/1.eml" },
	{ "copy", "UPDATE messages SET base_flags = '\\Seen' WHERE id = 1", "1 copy message=4 source=1 target=2 state='sent'",
	  "uid 1 9 a~9.eml", "message 4 2/9 2:a~9.eml there [\\Seen]; operation 1 copy done >2",
	  "renamed 2/copy.eml, flags 2/a~9.eml" },
	{ "copy, source gone", NULL, "1 copy message=4 target=2 state='sent'", "uid 1 9 -",
	  "message 4 2/9 2:copy.eml there []; operation 1 copy done >2", "flags 2/copy.eml" },
	{ "rival", RIVAL "UPDATE messages SET place = 2 WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent'; 2 flags message=3 mailbox=2 add_flags='$a'", "uid 1 9 x.eml",
	  "message 1 2/9 2:rival.eml there [\\Flagged]; operation 1 move done >2; -message 3",
	  "removed 2/rival.eml, flags 2/1.eml, renamed 2/1.eml, flags 2/rival.eml" },
	{ "rival that people moved on", RIVAL "UPDATE messages SET place = 2 WHERE id = 1; UPDATE messages SET place = 3 WHERE id = 3",
	  "1 move message=1 mailbox=1 target=2 state='sent'; 2 move message=3 mailbox=2 target=3", "uid 1 9 -",
	  "message 1 2/9 3:1.eml there [\\Flagged]; operation 1 move done >2; -message 3",
	  "removed 3/rival.eml, flags 2/1.eml, removed 2/1.eml, added 3/1.eml, flags 3/1.eml" },
	{ "done for a message that has gone", NULL, "1 move message=99 mailbox=1 target=2 state='sent'", "uid 1 9 -",
	  "operation 1 move done >2", "" },
	{ "done, not sent", NULL, "1 move message=1 mailbox=1 target=2 state='failed'", "!uid 1 9 -", "", "" },

	{ "removed", "UPDATE messages SET place = NULL WHERE id = 1",
	  "1 flags message=1 state='failed'; 2 remove message=1 state='sent'", "gone 2",
	  "operation 1 flags cancelled: the server no longer has the message; operation 2 remove done; -message 1", "" },
	{ "removed, the source of copies", "UPDATE messages SET place = NULL WHERE id = 1; UPDATE messages SET body = NULL WHERE id = 3",
	  "1 remove message=1 state='sent'; 2 copy message=4 source=1 target=2; 3 copy message=3 source=1 target=2", "gone 1",
	  "message 4 2/- 2:copy.eml to append []; operation 1 remove done; operation 2 append queued >2;"
	  " operation 3 copy cancelled >2: the server no longer has the message; -message 1; -message 3", "removed 2/new.eml" },
	{ "moved and gone", MOVING, "1 move message=1 mailbox=1 target=2 state='sent'", "gone 1",
	  "operation 1 move cancelled >2: the server no longer has the message; -message 1", "removed 2/1.eml" },

	{ "on the way", NULL, "1 flags message=1; 2 move message=2 target=2", "send 1 0 0|again 1 50 busy|hold 2 why",
	  "operation 1 flags queued: busy; operation 2 move held >2: why", "" },
	{ "not on the way", NULL, "1 flags message=1 state='held'; 2 flags message=2 state='sent'",
	  "!send 1 0 0|!again 1 0 x|!hold 1 x|!send 2 0 0|!send 99 0 0|!copied 2 7|!arguments 99 x", "", "" },
	{ "again, but it has left", MOVING, "1 move message=1 target=2 state='sent'", "!again 1 0 -", "", "" },
	{ "again, but the source has gone", NULL, "1 copy message=4 source=99 target=2 state='sent'", "again 1 0 -",
	  "message 4 2/- 2:copy.eml to append []; operation 1 append queued >2", "" },
	{ "appended instead", "UPDATE messages SET body = NULL WHERE id = 4", "1 copy message=4 source=1 target=2 state='sent'",
	  "instead 1", "message 4 2/- 2:copy.eml to append []; operation 1 append queued >2", "removed 2/copy.eml, added 2/copy.eml" },
	{ "appended instead, no bytes yet", "UPDATE messages SET body = NULL WHERE id IN (1, 4)",
	  "1 copy message=4 source=1 target=2 state='sent'", "!instead 1", "", "" },
	{ "appended instead, no bytes", "UPDATE messages SET body = NULL WHERE id = 4", "1 copy message=4 target=2 state='sent'",
	  "instead 1", "operation 1 copy cancelled >2: the server no longer has the message; -message 4", "removed 2/copy.eml" },
};

static const Case refusals[] = {
	{ "flags", NULL, "1 flags message=1 add_flags='\\Seen' state='sent'", "fail 1 no", "operation 1 flags failed: no",
	  "flags 1/1.eml" },
	{ "append", NULL, "1 append message=3 target=2 state='sent'; 2 flags message=3", "fail 1 too big",
	  "message 3 2/- 2:new.eml refused: too big []; operation 1 append failed >2: too big", "flags 2/new.eml" },
	{ "copy", NULL, "1 copy message=4 source=1 target=2 state='sent'", "fail 1 quota",
	  "message 4 2/- 2:copy.eml refused: quota []; operation 1 copy failed >2: quota", "flags 2/copy.eml" },
	{ "move", "UPDATE messages SET place = 2 WHERE id = 1", "1 move message=1 mailbox=1 target=2 state='sent'", "fail 1 no",
	  "message 1 1/1 1:1.eml there []; operation 1 move failed >2: no", "removed 2/1.eml, added 1/1.eml" },
	{ "move under another name", "UPDATE messages SET place = 2, name = 'b', name_is_users = 1 WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent' former='a'", "fail 1 no",
	  "message 1 1/1 1:a there []; operation 1 move failed >2: no", "removed 2/b, added 1/a" },
	{ "move, its name taken", "UPDATE messages SET place = 2, name = '2.eml' WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent'", "fail 1 no",
	  "message 1 1/1 1:2 (2).eml there []; operation 1 move failed >2: no", "removed 2/2.eml, added 1/2 (2).eml" },
	{ "move, wanted elsewhere by now", "UPDATE messages SET place = 3, name = 'c' WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 state='sent' former='a' former_is_users=1; 2 move message=1 target=3 former='b'",
	  "fail 1 no|fail 2 no", "message 1 1/1 1:a! there []; operation 1 move failed >2: no; operation 2 move failed >3: no",
	  "removed 3/c, added 1/a" },
	{ "move that has left", MOVING, "1 move message=1 mailbox=1 target=2 state='sent'", "fail 1 no",
	  "operation 1 move cancelled >2: no; -message 1", "removed 2/1.eml" },
	{ "move out of a folder to be deleted", "UPDATE messages SET place = 1 WHERE id = 5",
	  "1 move message=5 mailbox=5 target=1 state='sent'; 2 delete mailbox=5", "fail 1 no",
	  "message 5 5/5 5:5.eml there []; mailbox 5 0/Old there Old; operation 1 move failed >1: no;"
	  " operation 2 delete cancelled: a message is shown in it again",
	  "added folder 0/Old, removed 1/5.eml, added 5/5.eml" },
	{ "move out of a folder that is being deleted", "UPDATE messages SET place = 1 WHERE id = 5",
	  "1 move message=5 mailbox=5 target=1 state='sent'; 2 delete mailbox=5 state='sent'", "fail 1 no",
	  "message 5 5/5 5:5.eml there []; operation 1 move failed >1: no", "removed 1/5.eml, added 5/5.eml" },
	{ "removal", "UPDATE messages SET place = NULL WHERE id = 1", "1 remove message=1 mailbox=1 state='sent'", "fail 1 no",
	  "message 1 1/1 1:1.eml there []; operation 1 remove failed: no", "added 1/1.eml" },
	{ "create", NULL, "1 create mailbox=4 state='sent'", "fail 1 no", "operation 1 create failed: no", "" },
	{ "rename", "UPDATE mailboxes SET name = 'Y' WHERE id = 2", "1 rename mailbox=2 arguments='Y' former='Archive' state='sent'",
	  "fail 1 no", "mailbox 2 0/Archive there Archive; operation 1 rename failed: no",
	  "removed folder 0/Y, added folder 0/Archive" },
	{ "rename, no way back", "UPDATE mailboxes SET name = 'Y' WHERE id = 2; UPDATE mailboxes SET name = 'Archive' WHERE id = 4",
	  "1 rename mailbox=2 arguments='Y' former='Archive' state='sent'", "fail 1 no", "operation 1 rename failed: no", "" },
	{ "delete", NULL, "1 delete mailbox=5 state='sent'", "fail 1 not empty",
	  "mailbox 5 0/Old there Old; operation 1 delete failed: not empty", "added folder 0/Old" },
	{ "delete, the name taken", "UPDATE mailboxes SET name = 'Old' WHERE id = 4", "1 delete mailbox=5 state='sent'",
	  "fail 1 not empty", "mailbox 5 0/Old (2) there Old; operation 1 delete failed: not empty", "added folder 0/Old (2)" },
	{ "delete below one to be deleted", "UPDATE mailboxes SET parent = 5, state = 2 WHERE id = 2",
	  "1 delete mailbox=2 state='sent'; 2 delete mailbox=5", "fail 1 not empty",
	  "mailbox 2 5/Archive there Archive; mailbox 5 0/Old there Old; operation 1 delete failed: not empty;"
	  " operation 2 delete cancelled: not empty", "added folder 5/Archive, added folder 0/Old" },
	{ "what has ended", NULL, "1 flags message=1 state='done' ended=5; 2 flags message=1 state='failed'",
	  "!fail 1 no|!fail 2 no|!fail 99 no", "", "" },
};

static const Case folders[] = {
	{ "created", NULL, "1 create mailbox=4 state='sent'", "mailbox 1 New /",
	  "mailbox 4 0/New there New; operation 1 create done", "" },
	{ "created, listed as another", "INSERT INTO mailboxes (account, name, server_name, attributes, changed)"
	  " VALUES (1, 'Neu', 'Neu', 1, 1); UPDATE messages SET mailbox = 4, place = 4 WHERE id = 3",
	  "1 create mailbox=4 state='sent'; 2 append message=3 mailbox=4 target=4", "mailbox 1 Neu /",
	  "message 3 6/- 6:new.eml to append []; mailbox 6 0/New there Neu; operation 1 create done;"
	  " operation 2 append queued >6; -mailbox 4",
	  "removed folder 0/Neu, removed 4/new.eml, added 6/new.eml, removed folder 0/New, added folder 0/New" },
	{ "renamed, with what is below", "UPDATE mailboxes SET server_name = 'Archive/Old' WHERE id = 5;"
	  "UPDATE mailboxes SET server_name = 'Archive2' WHERE id = 3", "1 rename mailbox=2 arguments='x' state='sent'",
	  "mailbox 1 &Y/x /", "mailbox 2 0/Archive there &Y/x; mailbox 5 0/Old to delete &Y/x/Old; operation 1 rename done", "" },
	{ "renamed, and listed so already", "UPDATE mailboxes SET server_name = 'x' WHERE id = 2",
	  "1 rename mailbox=2 arguments='x' state='sent'", "mailbox 1 x /", "operation 1 rename done", "" },
	{ "deleted", "UPDATE messages SET place = NULL WHERE id = 5", "1 delete mailbox=5 state='sent'", "deleted 1",
	  "operation 1 delete done; -message 5; -mailbox 5", "" },
	{ "deleted, something only here in it", "UPDATE messages SET mailbox = 5, place = 5 WHERE id = 3",
	  "1 append message=3 mailbox=5 target=5; 2 delete mailbox=5 state='sent'", "deleted 2",
	  "mailbox 5 0/Old to create; operation 2 delete done; operation 3 create queued; -message 5", "added folder 0/Old" },
	{ "no such mailbox", NULL, "1 create mailbox=99 state='sent'; 2 delete mailbox=99 state='sent'", "mailbox 1 x /|deleted 2",
	  "operation 1 create done; operation 2 delete done", "" },
};

static const Case people[] = {
	{ "confirm", NULL, "1 remove message=1 state='held' error='many'; 2 remove message=2 not_before=9999999999;"
	  "3 append message=3 target=2 not_before=9999999999; 4 move message=5 target=1 state='failed' error='no'", "confirm 2",
	  "operation 1 remove queued", "" },
	{ "confirm a move that nobody can find", MOVING, "1 move message=1 mailbox=1 target=2 state='held' error='where'",
	  "confirm 1", "message 1 2/- 2:1.eml to append []; operation 1 append queued >2", "" },
	{ "retry flags", NULL, "1 flags message=1 add_flags='\\Seen' state='failed' error='no'", "retry 1",
	  "operation 1 flags queued", "flags 1/1.eml" },
	{ "retry append", "UPDATE messages SET state = 4, error = 'no' WHERE id = 3",
	  "1 append message=3 target=2 state='failed' error='no'", "retry 1",
	  "message 3 2/- 2:new.eml to append []; operation 1 append queued >2", "flags 2/new.eml" },
	{ "retry copy", "UPDATE messages SET state = 4, error = 'no' WHERE id = 4",
	  "1 copy message=4 source=1 target=2 state='failed' error='no'", "retry 1",
	  "message 4 2/- 2:copy.eml to copy []; operation 1 copy queued >2", "flags 2/copy.eml" },
	{ "retry copy, source gone", "UPDATE messages SET state = 4 WHERE id = 4",
	  "1 copy message=4 source=99 target=2 state='failed'", "retry 1",
	  "message 4 2/- 2:copy.eml to append []; operation 1 append queued >2", "flags 2/copy.eml" },
	{ "retry move", NULL, "1 move message=1 mailbox=1 target=2 state='failed' error='no'", "retry 1",
	  "message 1 1/1 2:1.eml there []; operation 1 move queued >2", "removed 1/1.eml, added 2/1.eml" },
	{ "retry removal", NULL, "1 remove message=1 mailbox=1 state='failed' error='no'", "retry 1",
	  "message 1 1/1 -:1.eml there []; operation 1 remove queued", "removed 1/1.eml" },
	{ "retry move that was overtaken", NULL, "1 move message=1 target=2 state='failed'; 2 move message=1 target=3 state='done' ended=5",
	  "retry 0", "operation 1 move cancelled >2: something later was done with the message", "" },
	{ "retry move, target gone", NULL, "1 move message=1 target=5 state='failed'", "retry 0",
	  "operation 1 move cancelled >5: the folder is gone", "" },
	{ "retry create", NULL, "1 create mailbox=4 state='failed' error='no'", "retry 1", "operation 1 create queued", "" },
	{ "retry rename", NULL, "1 rename mailbox=2 arguments='Y' former='Archive' state='failed'", "retry 1",
	  "mailbox 2 0/Y there Archive; operation 1 rename cancelled: asked for again; operation 2 rename queued",
	  "removed folder 0/Archive, added folder 0/Y" },
	{ "retry rename, no way", NULL, "1 rename mailbox=2 arguments='Trash' former='Archive' state='failed'", "retry 0", "", "" },
	{ "retry delete", "UPDATE mailboxes SET state = 0 WHERE id = 5", "1 delete mailbox=5 state='failed'", "retry 1",
	  "mailbox 5 0/Old to delete Old; operation 1 delete cancelled: asked for again; operation 2 delete queued",
	  "removed folder 0/Old" },
	{ "retry delete, not empty", "UPDATE mailboxes SET state = 0 WHERE id = 5; UPDATE messages SET place = 5 WHERE id = 5",
	  "1 delete mailbox=5 state='failed'", "retry 0", "", "" },

	{ "undo removals", "UPDATE messages SET place = NULL WHERE id = 1; UPDATE messages SET place = 3 WHERE id = 2",
	  "1 remove message=1 mailbox=1; 2 move message=2 mailbox=1 target=3 removal=1; 3 flags message=2; 4 append message=3 target=2",
	  "undo 0 2", "message 1 1/1 1:1.eml there []; message 2 1/2 1:2.eml there []; operation 1 remove cancelled: taken back;"
	  " operation 2 move cancelled >3: taken back", "added 1/1.eml, removed 3/2.eml, added 1/2.eml" },
	{ "undo what was sent", NULL, "1 remove message=1 state='sent'; 2 move message=2 target=3 removal=1 target_uid=7",
	  "undo 0 0|!undo 1 0|!undo 2 0|!undo 99 0", "", "" },
	{ "undo what is held", "UPDATE messages SET place = NULL WHERE id = 1",
	  "1 remove message=1 mailbox=1 state='held'; 2 append message=3 target=2 state='held'; 3 flags message=3 add_flags='$a'",
	  "undo 0 2", "message 1 1/1 1:1.eml there []; message 3 2/- 2:new.eml local [$a]; operation 1 remove cancelled: taken back;"
	  " operation 2 append cancelled >2: taken back; operation 3 flags cancelled: taken back", "added 1/1.eml, flags 2/new.eml" },
	{ "undo a move that nobody can find", MOVING, "1 move message=1 mailbox=1 target=2 state='held'", "undo 0 1",
	  "message 1 2/- 2:1.eml local []; operation 1 move cancelled >2: taken back", "flags 2/1.eml" },
	{ "undo a removal in a folder to be deleted", NULL, "1 remove message=5 mailbox=5; 2 delete mailbox=5", "undo 0 1",
	  "message 5 5/5 5:5.eml there []; mailbox 5 0/Old there Old; operation 1 remove cancelled: taken back;"
	  " operation 2 delete cancelled: a message is shown in it again", "added folder 0/Old, added 5/5.eml" },
	{ "undo flags", NULL, "1 flags message=1 add_flags='\\Seen'", "undo 1 1", "operation 1 flags cancelled: taken back",
	  "flags 1/1.eml" },
	{ "undo a move", "UPDATE messages SET place = 2, name = 'b' WHERE id = 1",
	  "1 move message=1 mailbox=1 target=2 former='a'", "undo 1 1",
	  "message 1 1/1 1:a there []; operation 1 move cancelled >2: taken back", "removed 2/b, added 1/a" },
	{ "undo an append that failed", "UPDATE messages SET state = 4 WHERE id = 3",
	  "1 append message=3 target=2 state='failed'; 2 flags message=3", "undo 1 1",
	  "operation 1 append cancelled >2: taken back; operation 2 flags cancelled: taken back; -message 3", "removed 2/new.eml" },
	{ "undo a copy", NULL, "1 copy message=4 source=1 target=2", "undo 1 1",
	  "operation 1 copy cancelled >2: taken back; -message 4", "removed 2/copy.eml" },
	{ "undo create", NULL, "1 create mailbox=4", "undo 1 1", "operation 1 create cancelled: taken back; -mailbox 4",
	  "removed folder 0/New" },
	{ "undo rename", "UPDATE mailboxes SET name = 'Y' WHERE id = 2", "1 rename mailbox=2 arguments='Y' former='Archive'",
	  "undo 1 1", "mailbox 2 0/Archive there Archive; operation 1 rename cancelled: taken back",
	  "removed folder 0/Y, added folder 0/Archive" },
	{ "undo delete", NULL, "1 delete mailbox=5", "undo 1 1",
	  "mailbox 5 0/Old there Old; operation 1 delete cancelled: taken back", "added folder 0/Old" },
};

/* "confirm COUNT", "retry COUNT", "undo ID COUNT". */
static bool
ask(StoreTxn *txn, const char *name, int64_t first, unsigned second, GError **error)
{
	bool is_undo = g_str_equal(name, "undo");
	unsigned count = 0;

	if (is_undo ? !store_operation_undo(txn, 1, first, &count, error)
	            : g_str_equal(name, "confirm") ? !store_operation_confirm(txn, 0, &count, error)
	                                           : !store_operation_retry(txn, 1, &count, error))
		return false;
	g_assert_cmpuint(count, ==, is_undo ? second : (unsigned)first);
	return true;
}

/* The words of an action: its name, an operation's id, what else it takes; "-" is NULL. */
static bool
act(Fixture *fixture, StoreTxn *txn, char **words, GError **error)
{
	const char *first = words[1] ? words[2] : NULL, *second = first ? words[3] : NULL;
	int64_t id = words[1] ? g_ascii_strtoll(words[1], NULL, 10) : 0;
	const char *text = g_strcmp0(first, "-") == 0 ? NULL : first;
	uint32_t number = first ? (uint32_t)g_ascii_strtoull(first, NULL, 10) : 0;
	const char *name = *words;

	if (g_str_equal(name, "send"))
		return store_operation_send(txn, id, number, 0, error);
	if (g_str_equal(name, "arguments"))
		return store_operation_set_arguments(txn, id, text, error);
	if (g_str_equal(name, "copied"))
		return store_operation_copied(txn, id, number, error);
	if (g_str_equal(name, "again"))
		return store_operation_again(txn, id, number, g_strcmp0(second, "-") == 0 ? NULL : second, error);
	if (g_str_equal(name, "hold"))
		return store_operation_hold(txn, id, text, error);
	if (g_str_equal(name, "fail"))
		return store_operation_fail(txn, id, text, error);
	if (g_str_equal(name, "flags"))
		return store_operation_done_flags(txn, id, text, (uint64_t)g_ascii_strtoull(second, NULL, 10), error);
	if (g_str_equal(name, "uid"))
		return store_operation_done_uid(txn, id, number, g_strcmp0(second, "-") == 0 ? NULL : second, error);
	if (g_str_equal(name, "gone"))
		return store_operation_done_gone(txn, id, error);
	if (g_str_equal(name, "mailbox"))
		return store_operation_done_mailbox(txn, id, text, *second, error);
	if (g_str_equal(name, "deleted"))
		return store_operation_done_deleted(txn, id, error);
	if (g_str_equal(name, "instead"))
		return store_operation_append_instead(txn, id, error);
	return ask(txn, name, id, number, error);
}

static void
act_all(Fixture *fixture, const Case *row)
{
	g_auto(GStrv) actions = g_strsplit(row->action, "|", -1);
	StoreTxn *txn = begin(fixture);

	for (char **action = actions; *action; action++) {
		g_autoptr(GError) error = NULL;
		bool refused = **action == '!';
		/* The last word takes the rest, so that it can have spaces. */
		g_auto(GStrv) words = g_strsplit(*action + refused, " ", g_str_has_prefix(*action, "fail") ? 3 : 4);
		bool ok = act(fixture, txn, words, &error);
		if (!refused)
			g_assert_no_error(error);
		if (ok == refused || (refused && error->code != CORE_ERROR_NOT_FOUND))
			g_error("%s: %s: %s", row->what, *action, error ? error->message : "no error");
	}
	commit(txn);
}

static void
listen(const StoreChange *changes, size_t count, void *data)
{
	static const char *const kinds[] = { "added", "removed", "renamed", "flags", "added folder", "removed folder", "account" };
	GString *heard = data;

	for (size_t i = 0; i < count; i++) {
		bool folder = changes[i].kind >= STORE_CHANGE_MAILBOX_ADDED;
		g_string_append_printf(heard, "%s%s %" G_GINT64_FORMAT "/%s", heard->len > 0 ? ", " : "", kinds[changes[i].kind],
		                       folder ? changes[i].parent_id : changes[i].mailbox_id, changes[i].name);
	}
}

static void
run_case(const Case *row)
{
	Fixture fixture = { 0 };
	g_autoptr(GString) heard = g_string_new(NULL);

	world_set_up(&fixture, NULL);
	sql_all(&fixture, row->with);
	insert_operations(&fixture, row->operations);
	g_autofree char *before = dump(&fixture);
	store_listen(fixture.store, listen, heard);
	act_all(&fixture, row);
	g_autofree char *after = dump(&fixture), *changed = changes_between(before, after);
	if (strcmp(changed, row->expected) != 0)
		g_error("%s:\n  is        %s\n  should be %s", row->what, changed, row->expected);
	if (strcmp(heard->str, row->heard) != 0)
		g_error("%s:\n  heard       %s\n  should have %s", row->what, heard->str, row->heard);
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM pragma_foreign_key_check"), ==, 0);
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM mailboxes x WHERE messages <> (SELECT count(*) FROM messages"
	                              " WHERE mailbox = x.id AND uid IS NOT NULL)"), ==, 0);
	g_assert_cmpint(sql(&fixture, "SELECT count(*) FROM operations WHERE (ended = 0) <>"
	                              " (state NOT IN ('done', 'cancelled'))"), ==, 0);
	store_listen(fixture.store, NULL, NULL);
	fixture_tear_down(&fixture, NULL);
}

static void
test_settling(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(settling); i++)
		run_case(&settling[i]);
}

static void
test_refusals(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++)
		run_case(&refusals[i]);
}

static void
test_folders(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++)
		run_case(&folders[i]);
}

static void
test_people(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(people); i++)
		run_case(&people[i]);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store-operations/settling", test_settling);
	g_test_add_func("/store-operations/refusals", test_refusals);
	g_test_add_func("/store-operations/folders", test_folders);
	g_test_add_func("/store-operations/people", test_people);
	return g_test_run();
}
