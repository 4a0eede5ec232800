/* Roles of folders. */
#include "sync/special.h"

#include "store/mailboxes.h"

#include <string.h>

#define ROLES (STORE_MAILBOX_ALL | STORE_MAILBOX_ARCHIVE | STORE_MAILBOX_DRAFTS | STORE_MAILBOX_FLAGGED | \
               STORE_MAILBOX_JUNK | STORE_MAILBOX_SENT | STORE_MAILBOX_TRASH | STORE_MAILBOX_IMPORTANT)

/* As mail programs and servers of many languages call them, the likelier first. */
static const struct {
	uint32_t role;
	const char *names; /* separated by '|' */
} known[] = {
	{ STORE_MAILBOX_TRASH,
	  "Trash|Deleted Items|Deleted Messages|Deleted|Bin|Koš|Odstraněná pošta|Kôš|Odstránená pošta|Papierkorb|"
	  "Gelöschte Elemente|Gelöschte Objekte|Gelöscht|Corbeille|Éléments supprimés|Messages supprimés|Papelera|"
	  "Elementos eliminados|Cestino|Posta eliminata|Elementi eliminati|Prullenbak|Verwijderde items|Lixeira|"
	  "Itens excluídos|Itens eliminados|Kosz|Elementy usunięte|Lomtár|Kuka|Törölt elemek|Papperskorgen|Papperskorg|"
	  "Borttaget|Papirkurv|Papirkurven|Slettede elementer|Slettet post|Roskakori|Poistetut|Корзина|Удаленные|Удалённые|"
	  "Кошик|Видалені|Кошче|Çöp Kutusu|Silinmiş Öğeler|Coș de gunoi|ごみ箱|ゴミ箱|削除済みアイテム|已删除|已删除邮件|垃圾桶|휴지통" },
	{ STORE_MAILBOX_SENT,
	  "Sent|Sent Items|Sent Messages|Sent Mail|Odeslaná pošta|Odeslané|Odoslaná pošta|Odoslané|Gesendet|Gesendete Elemente|"
	  "Gesendete Objekte|Envoyés|Éléments envoyés|Messages envoyés|Enviados|Elementos enviados|Posta inviata|Inviata|"
	  "Inviati|Verzonden|Verzonden items|Itens enviados|Wysłane|Elementy wysłane|Elküldött|Elküldött elemek|Skickat|"
	  "Skickade objekt|Sendt|Sendte elementer|Sendt post|Lähetetyt|Отправленные|Надіслані|Изпратени|Gönderilmiş Öğeler|"
	  "Gönderilenler|Trimise|送信済み|送信済みアイテム|已发送|已发送邮件|寄件備份|보낸편지함" },
	{ STORE_MAILBOX_DRAFTS,
	  "Drafts|Draft|Koncepty|Rozepsané|Entwürfe|Brouillons|Borradores|Bozze|Concepten|Rascunhos|Wersje robocze|Szkice|"
	  "Piszkozatok|Utkast|Kladder|Luonnokset|Черновики|Чернетки|Чернови|Taslaklar|Ciorne|下書き|草稿箱|草稿|임시보관함" },
	{ STORE_MAILBOX_JUNK,
	  "Junk|Spam|Junk E-mail|Junk Email|Junk Mail|Bulk Mail|Nevyžádaná pošta|Nevyžiadaná pošta|Unerwünscht|Spamverdacht|"
	  "Junk-E-Mail|Courrier indésirable|Indésirables|Pourriel|Correo no deseado|Posta indesiderata|Ongewenste e-mail|"
	  "Lixo eletrônico|Lixo eletrónico|Niechciane|Wiadomości-śmieci|Levélszemét|Skräppost|Søppelpost|Uønsket e-post|"
	  "Uønsket mail|Roskaposti|Спам|Нежелательная почта|Önemsiz|迷惑メール|垃圾邮件|垃圾郵件|스팸메일함|스팸" },
	{ STORE_MAILBOX_ARCHIVE,
	  "Archive|Archives|Archiv|Archív|Archivo|Archivio|Archief|Arquivo|Archiwum|Archívum|Arkiv|Arkisto|Архив|Архів|Arşiv|"
	  "Arhivă|アーカイブ|归档|封存" },
};

static bool
holds_messages(const SyncListed *listed)
{
	return listed->attributes & STORE_MAILBOX_SELECTABLE;
}

static void
give_configured(GPtrArray *folders, const SyncSpecial *special)
{
	for (guint i = 0; i < folders->len; i++) {
		SyncListed *listed = g_ptr_array_index(folders, i);
		if (holds_messages(listed) && strcmp(listed->path, special->path) == 0) {
			listed->attributes |= special->attribute;
			return;
		}
	}
}

/* The name as names are compared, if it stands where such a folder would; else NULL. */
static char *
plain_name(const char *path)
{
	const char *name = g_str_has_prefix(path, "INBOX/") ? path + strlen("INBOX/") : path;

	if (strchr(name, '/') || strcmp(path, "INBOX") == 0)
		return NULL;
	g_autofree char *composed = g_utf8_normalize(name, -1, G_NORMALIZE_DEFAULT_COMPOSE);
	return composed ? g_utf8_casefold(composed, -1) : NULL;
}

/* Folders that may get a role by their name; of two with one name that at the top, or listed first. */
static GHashTable *
candidates(const GPtrArray *folders)
{
	GHashTable *by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < folders->len; i++) {
		SyncListed *listed = g_ptr_array_index(folders, i);
		g_autofree char *name = holds_messages(listed) && !(listed->attributes & ROLES) ? plain_name(listed->path) : NULL;
		const SyncListed *other = name ? g_hash_table_lookup(by_name, name) : NULL;
		if (name && (!other || (strchr(other->path, '/') && !strchr(listed->path, '/'))))
			g_hash_table_replace(by_name, g_steal_pointer(&name), listed);
	}
	return by_name;
}

static void
give_by_name(GHashTable *by_name, uint32_t role, const char *names)
{
	g_auto(GStrv) all = g_strsplit(names, "|", -1);

	for (size_t i = 0; all[i]; i++) {
		g_autofree char *name = g_utf8_casefold(all[i], -1);
		SyncListed *listed = g_hash_table_lookup(by_name, name);
		if (listed) {
			listed->attributes |= role;
			return;
		}
	}
}

void
sync_special_assign(GPtrArray *folders, const SyncAccount *account)
{
	uint32_t told = 0, settled;

	for (guint i = 0; i < folders->len; i++)
		told |= ((const SyncListed *)g_ptr_array_index(folders, i))->attributes & ROLES;
	settled = told;
	for (size_t i = 0; i < account->n_special; i++) {
		const SyncSpecial *special = &account->special[i];
		settled |= special->attribute; /* also if there is no such folder yet: no other is to be taken for it */
		if (!(told & special->attribute))
			give_configured(folders, special);
	}

	g_autoptr(GHashTable) by_name = candidates(folders);
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (!(settled & known[i].role))
			give_by_name(by_name, known[i].role, known[i].names);
}
