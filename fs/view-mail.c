/* mail/: messages byte for byte as the server has them, and files that are on their way to become some. */
#include "fs/mail.h"

#include "fs/ahead.h"

static char *
mail_name(const char *name)
{
	return g_strdup(name);
}

static bool
mail_find(Fs *fs, int64_t mailbox_id, const char *name, StoreEntry *entry_r, GError **error)
{
	return store_entry_find(fs->store, mailbox_id, name, 0, entry_r, error);
}

static bool
mail_size(const StoreEntry *entry, uint64_t *size_r)
{
	*size_r = entry->length;
	return true;
}

static bool
find_gone(Fs *fs, FsInode inode, StoreBody *body_r, GError **error)
{
	int64_t body_id, header_id;

	return fs_tree_body(fs, inode, &body_id, &header_id, error) && body_id != 0 &&
	       store_body_get(fs->store, body_id, body_r, error);
}

bool
fs_mail_read(const FsView *view, Fs *fs, FsInode inode, void *buffer, size_t size, uint64_t offset, size_t *n_r,
             GError **error)
{
	GError *failure = NULL;
	StoreBody body;

	if (fs_drafts_read(fs->drafts, fs_inode_row(inode), buffer, size, offset, n_r, &failure))
		return true;
	if (!failure && (store_body_of_message(fs->store, fs_inode_row(inode), &body, &failure) ||
	                 (!failure && find_gone(fs, inode, &body, &failure)))) {
		if (offset == 0)
			fs_ahead_note(fs->ahead, fs_inode_row(inode));
		return store_body_read(fs->store, &body, buffer, size, offset, n_r, error);
	}
	if (failure)
		g_propagate_error(error, failure);
	return false;
}

int64_t
fs_mail_absent(const FsView *view, Fs *fs, FsInode inode)
{
	g_auto(StoreMessage) message = { 0 };
	bool is_remote = fs_inode_kind(inode) == FS_TREE_MESSAGE &&
	                 store_message_get(fs->store, fs_inode_row(inode), &message, NULL) && message.body_id == 0;

	return is_remote ? message.id : 0;
}

void
fs_mail_forget(Fs *fs, FsInode inode, uint64_t count)
{
	if (fs_inode_kind(inode) == FS_TREE_MESSAGE)
		fs_drafts_forget(fs->drafts, fs_inode_row(inode));
}

static const FsChanges changes = {
	.create = fs_mail_create,
	.write = fs_mail_write,
	.resize = fs_mail_resize,
	.copy = fs_mail_copy,
	.is_saved = fs_mail_is_saved,
	.save = &fs_mail_save,
	.unlink = &fs_mail_unlink,
	.rename = &fs_mail_rename,
	.mkdir = &fs_mail_mkdir,
	.rmdir = &fs_mail_rmdir,
	.link = &fs_mail_link,
	.set_time = &fs_mail_set_time,
	.set_xattr = &fs_mail_set_xattr,
};

const FsTree fs_mail_tree = {
	.view = { .tag = FS_TAG_MAIL, .name = "mail", .read = fs_mail_read, .absent = fs_mail_absent, .forget = fs_mail_forget,
	          .changes = &changes, FS_TREE_CALLS },
	.has_drafts = true,
	.mime_type = "message/rfc822",
	.text_version = 0, /* no text is wanted */
	.name = mail_name,
	.find = mail_find,
	.size = mail_size,
};
