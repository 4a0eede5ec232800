/* What folders and messages are called in maildir/: Maildir++ (maildir(5), and Courier's README.maildirquota).
 *
 *   .Archiv.2024       the folder Archiv/2024; a '.' in a component is %2E, a '%' that two hexadecimal digits follow %25
 *   BASE               a message in new/
 *   BASE:2,FS          a message in cur/, with the letters of its flags in the order of ASCII
 *
 * BASE is what a mail program has called the message, else INTERNALDATE.ID.mailtree with the id of its row.  Pure functions. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Flags that have a letter; all others (keywords) are not seen in names. */
enum {
	FS_MAILDIR_DRAFT = 1 << 0,    /* D */
	FS_MAILDIR_FLAGGED = 1 << 1,  /* F */
	FS_MAILDIR_PASSED = 1 << 2,   /* P: $Forwarded */
	FS_MAILDIR_REPLIED = 1 << 3,  /* R: \Answered */
	FS_MAILDIR_SEEN = 1 << 4,     /* S */
	FS_MAILDIR_TRASHED = 1 << 5,  /* T: \Deleted */
};

#define FS_MAILDIR_BASE_MAX_BYTES 246 /* so that ":2," and all letters find room in NAME_MAX */

/* Of the flags of a message, and back, both in the form of store_flags_normalise(); g_free(). */
unsigned fs_maildir_letters(const char *flags);
char *fs_maildir_flags(unsigned letters);

/* "BASE:2,LETTERS"; g_free(). */
char *fs_maildir_name(const char *base, unsigned letters);

typedef struct {
	char *base;
	unsigned letters; /* those that are known; others are passed over, as in any order */
	bool has_info;    /* ":2," */
} FsMaildirName;
/* False: no message is called so (it begins with a dot, or has no base). */
bool fs_maildir_name_parse(const char *name, FsMaildirName *name_r);
void fs_maildir_name_clear(FsMaildirName *name); /* harmless on zero */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FsMaildirName, fs_maildir_name_clear)

/* The base of a message to which no program has given one; g_free(). */
char *fs_maildir_own_base(int64_t internaldate_s, int64_t id);
/* The id in such a base, and its time; 0: it is of another form. */
int64_t fs_maildir_own_id(const char *base, int64_t *internaldate_s_r);

/* The directory of the folder at @path ("Archiv/2024"); g_free().  It can be longer than NAME_MAX. */
char *fs_maildir_folder_name(const char *path);
/* And back; NULL: no folder is called so, nor can be. */
char *fs_maildir_folder_path(const char *name);

/* What programs put beside folders for themselves, and no folder is to be made of. */
bool fs_maildir_name_is_private(const char *name);
