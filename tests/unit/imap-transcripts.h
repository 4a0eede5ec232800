/* What servers send, and how it is to be understood: rows for test-imap-parser.  After RFC 9051, RFC 3501 and their
 * extensions, and after what clients' trackers tell of real servers.
 *
 * In the input "\n" stands for CRLF unless the row is raw.  The expected text is imap_render()'s: a "!" is damage, ">" what
 * the sink received.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ROW(name, input, expected) { name, input, sizeof(input) - 1, expected, false }
#define RAW(name, input, expected) { name, input, sizeof(input) - 1, expected, true }

static const struct Transcript {
	const char *name;
	const char *input;
	size_t length;
	const char *expected;
	bool raw;
} transcripts[] = {
	ROW("greeting with capabilities",
	    "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN] Dovecot (Debian) "
	    "ready.\n",
	    "OK CAPABILITY [IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN] text=\"Dovecot "
	    "(Debian) ready.\"\n"),
	ROW("greetings of three kinds",
	    "* PREAUTH IMAP4rev1 server logged in as Smith\n"
	    "* BYE Autologout; idle for too long\n"
	    "* OK\n",
	    "PREAUTH text=\"IMAP4rev1 server logged in as Smith\"\n"
	    "BYE text=\"Autologout; idle for too long\"\n"
	    "OK text=\"\"\n"),
	ROW("tagged answers",
	    "a1 OK LOGIN completed\n"
	    "A2 NO [AUTHENTICATIONFAILED] Invalid credentials\n"
	    "A3 bad Unknown command\n",
	    "a1 OK text=\"LOGIN completed\"\n"
	    "A2 NO AUTHENTICATIONFAILED text=\"Invalid credentials\"\n"
	    "A3 BAD text=\"Unknown command\"\n"),
	ROW("continuations",
	    "+ Ready for additional command text\n"
	    "+ VXNlciBOYW1lAA==\n"
	    "+\n"
	    "+ \n"
	    "+idling\n",
	    "+ text=\"Ready for additional command text\"\n"
	    "+ text=\"VXNlciBOYW1lAA==\"\n"
	    "+ text=\"\"\n"
	    "+ text=\"\"\n"
	    "+ text=\"idling\"\n"),
	ROW("RFC 9051: SELECT",
	    "* 172 EXISTS\n"
	    "* OK [UIDVALIDITY 3857529045] UIDs valid\n"
	    "* OK [UIDNEXT 4392] Predicted next UID\n"
	    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\n"
	    "* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\n"
	    "* LIST () \"/\" INBOX\n"
	    "A142 OK [READ-WRITE] SELECT completed\n",
	    "EXISTS 172\n"
	    "OK UIDVALIDITY number=3857529045 text=\"UIDs valid\"\n"
	    "OK UIDNEXT number=4392 text=\"Predicted next UID\"\n"
	    "FLAGS [\\Answered \\Flagged \\Deleted \\Seen \\Draft]\n"
	    "OK PERMANENTFLAGS [\\Deleted \\Seen \\*] text=\"Limited\"\n"
	    "LIST [] \"/\" \"INBOX\"\n"
	    "A142 OK READ_WRITE text=\"SELECT completed\"\n"),
	ROW("RFC 9051: every status code without arguments",
	    "* NO [ALREADYEXISTS] a\n"
	    "* NO [CANNOT] b\n"
	    "* NO [CLIENTBUG] c\n"
	    "* OK [CLOSED] d\n"
	    "* NO [CONTACTADMIN] e\n"
	    "* NO [CORRUPTION] f\n"
	    "* NO [EXPIRED] g\n"
	    "* NO [EXPUNGEISSUED] h\n"
	    "* NO [HASCHILDREN] i\n"
	    "* NO [INUSE] j\n"
	    "* NO [LIMIT] k\n"
	    "* NO [NONEXISTENT] l\n"
	    "* NO [NOPERM] m\n"
	    "* NO [OVERQUOTA] n\n"
	    "* NO [PRIVACYREQUIRED] o\n"
	    "* NO [SERVERBUG] p\n"
	    "* NO [UNAVAILABLE] q\n"
	    "* NO [UNKNOWN-CTE] r\n"
	    "* NO [UIDNOTSTICKY] s\n"
	    "* NO [TRYCREATE] t\n"
	    "* NO [TOOBIG] u\n"
	    "* NO [PARSE] v\n"
	    "* NO [NOMODSEQ] w\n"
	    "* OK [COMPRESSIONACTIVE] x\n"
	    "* OK [NOTIFICATIONOVERFLOW] y\n"
	    "* NO [AUTHORIZATIONFAILED] z\n"
	    "* OK [ALERT] !\n",
	    "NO ALREADYEXISTS text=\"a\"\n"
	    "NO CANNOT text=\"b\"\n"
	    "NO CLIENTBUG text=\"c\"\n"
	    "OK CLOSED text=\"d\"\n"
	    "NO CONTACTADMIN text=\"e\"\n"
	    "NO CORRUPTION text=\"f\"\n"
	    "NO EXPIRED text=\"g\"\n"
	    "NO EXPUNGEISSUED text=\"h\"\n"
	    "NO HASCHILDREN text=\"i\"\n"
	    "NO INUSE text=\"j\"\n"
	    "NO LIMIT text=\"k\"\n"
	    "NO NONEXISTENT text=\"l\"\n"
	    "NO NOPERM text=\"m\"\n"
	    "NO OVERQUOTA text=\"n\"\n"
	    "NO PRIVACYREQUIRED text=\"o\"\n"
	    "NO SERVERBUG text=\"p\"\n"
	    "NO UNAVAILABLE text=\"q\"\n"
	    "NO UNKNOWN_CTE text=\"r\"\n"
	    "NO UIDNOTSTICKY text=\"s\"\n"
	    "NO TRYCREATE text=\"t\"\n"
	    "NO TOOBIG text=\"u\"\n"
	    "NO PARSE text=\"v\"\n"
	    "NO NOMODSEQ text=\"w\"\n"
	    "OK COMPRESSIONACTIVE text=\"x\"\n"
	    "OK NOTIFICATIONOVERFLOW text=\"y\"\n"
	    "NO AUTHORIZATIONFAILED text=\"z\"\n"
	    "OK ALERT text=\"!\"\n"),
	ROW("BADCHARSET with quoted names and a literal",
	    "A1 NO [BADCHARSET (\"US ASCII\" {5}\n"
	    "UTF-8)] charset\n",
	    "A1 NO BADCHARSET (\"US ASCII\" \"UTF-8\") text=\"charset\"\n"),
	ROW("unknown code",
	    "* OK [REFERRAL imap://x/ (a \"b]c\")] see there\n",
	    "OK UNKNOWN REFERRAL imap://x/ (a \"b]c\") text=\"see there\"\n"),
	ROW("APPENDUID, COPYUID, MODIFIED, MAILBOXID",
	    "A1 OK [APPENDUID 38505 3955:3957] APPEND completed\n"
	    "A2 OK [COPYUID 38505 304,319:320 3956:3958] Done\n"
	    "A3 NO [MODIFIED 7,9] Conditional STORE failed\n"
	    "A4 OK [MAILBOXID (F2212ea87-6097)] CREATE\n",
	    "A1 OK APPENDUID uidvalidity=38505 uids=\"3955:3957\" text=\"APPEND completed\"\n"
	    "A2 OK COPYUID uidvalidity=38505 source=\"304,319:320\" uids=\"3956:3958\" text=\"Done\"\n"
	    "A3 NO MODIFIED uids=\"7,9\" text=\"Conditional STORE failed\"\n"
	    "A4 OK MAILBOXID argument=\"F2212ea87-6097\" text=\"CREATE\"\n"),
	ROW("LIST with extended data",
	    "* LIST (\\Marked \\NoInferiors) \"/\" \"inbox\" (\"CHILDINFO\" (\"SUBSCRIBED\") OLDNAME (\"old "
	    "name\"))\n"
	    "* LIST (\\Subscribed \\NonExistent) \"/\" \"Fruit/Peach\"\n"
	    "* LSUB () \".\" #news.comp.mail.misc\n",
	    "LIST [NOINFERIORS MARKED] \"/\" \"inbox\" (\"CHILDINFO\" (\"SUBSCRIBED\") OLDNAME (\"old name\"))\n"
	    "LIST [NOSELECT NONEXISTENT SUBSCRIBED] \"/\" \"Fruit/Peach\"\n"
	    "LSUB [] \".\" \"#news.comp.mail.misc\"\n"),
	ROW("LIST with a literal name and NIL separator",
	    "* LIST (\\HasNoChildren) NIL {7}\n"
	    "a\"b\\c d\n",
	    "LIST [HASNOCHILDREN] \"\" \"a\\\"b\\\\c d\"\n"),
	ROW("STATUS",
	    "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 UIDVALIDITY 1 UNSEEN 0 RECENT 2 DELETED 3 SIZE "
	    "4294967296 HIGHESTMODSEQ 715194045007 MAILBOXID (F1) APPENDLIMIT NIL X 5)\n"
	    "* STATUS {4}\n"
	    "a\"bc (MESSAGES 0)\n",
	    "STATUS mailbox=\"blurdybloop\" messages=231 uidnext=44292 uidvalidity=1 unseen=0 modseq=715194045007 "
	    "id=\"F1\" size=4294967296 recent=2 deleted=3\n"
	    "STATUS mailbox=\"a\\\"bc\" messages=0\n"),
	ROW("SEARCH",
	    "* SEARCH 2 84 882\n"
	    "* SEARCH\n"
	    "* SEARCH 2 5 6 (MODSEQ 917162500)\n",
	    "SEARCH all=\"2,84,882\"\n"
	    "SEARCH all=\"\"\n"
	    "SEARCH modseq=917162500 all=\"2,5,6\"\n"),
	ROW("ESEARCH",
	    "* ESEARCH (TAG \"A282\") MIN 2 COUNT 3\n"
	    "* ESEARCH (TAG \"A285\") UID ALL 43,45:50 MAX 50 MODSEQ 7\n"
	    "* ESEARCH (TAG A1)\n"
	    "* ESEARCH UID COUNT 0\n"
	    "* ESEARCH (TAG \"p\") UID PARTIAL (-1:-100 200:250,252)\n"
	    "* ESEARCH (TAG \"p\") UID PARTIAL (23500:24000 NIL)\n"
	    "* ESEARCH (TAG \"p\") UID ADDTO (0 1:3) RELEVANCY (4 99) ALL 1\n",
	    "ESEARCH tag=\"A282\" min=2 count=3 uids=\"\"\n"
	    "ESEARCH tag=\"A285\" uid max=50 modseq=7 all=\"43,45:50\"\n"
	    "ESEARCH tag=\"A1\" uids=\"\"\n"
	    "ESEARCH uid count=0 uids=\"\"\n"
	    "ESEARCH tag=\"p\" uid partial uids=\"200:250,252\"\n"
	    "ESEARCH tag=\"p\" uid partial uids=\"\"\n"
	    "ESEARCH tag=\"p\" uid all=\"1\"\n"),
	ROW("VANISHED",
	    "* VANISHED (EARLIER) 41,43:116,118\n"
	    "* VANISHED 405\n",
	    "VANISHED earlier 41,43:116,118\n"
	    "VANISHED 405\n"),
	ROW("EXPUNGE, RECENT",
	    "* 44 EXPUNGE\n"
	    "* 0 RECENT\n"
	    "* 5 Recent\n",
	    "EXPUNGE 44\n"
	    "RECENT 0\n"
	    "RECENT 5\n"),
	ROW("ENABLED, CAPABILITY",
	    "* ENABLED CONDSTORE QRESYNC\n"
	    "* ENABLED\n"
	    "* CAPABILITY IMAP4rev2 STARTTLS AUTH=GSSAPI RIGHTS=texk\n",
	    "ENABLED [CONDSTORE QRESYNC]\n"
	    "ENABLED []\n"
	    "CAPABILITY [IMAP4rev2 STARTTLS AUTH=GSSAPI RIGHTS=texk]\n"),
	ROW("NAMESPACE",
	    "* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) ((\"~\" \"/\")) NIL\n",
	    "NAMESPACE ((\"\" \"/\") (\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) ((\"~\" \"/\")) NIL\n"),
	ROW("ID, QUOTAROOT, ACL",
	    "* ID (\"name\" \"Dovecot\" \"version\" NIL)\n"
	    "* ID NIL\n"
	    "* QUOTAROOT INBOX \"User quota\"\n"
	    "* QUOTAROOT INBOX\n"
	    "* ACL INBOX Fred rwipslda\n"
	    "* LISTRIGHTS a smith la r swicdkxte\n",
	    "ID (\"name\" \"Dovecot\" \"version\" NIL)\n"
	    "ID NIL\n"
	    "QUOTAROOT INBOX \"User quota\"\n"
	    "QUOTAROOT INBOX\n"
	    "ACL INBOX Fred rwipslda\n"
	    "LISTRIGHTS a smith la r swicdkxte\n"),
	ROW("QUOTA",
	    "* QUOTA \"\" (STORAGE 10 512)\n"
	    "* QUOTA \"User quota\" (MESSAGE 7 100 STORAGE 0 1048576 X-NEW 1 2)\n"
	    "* quota {4}\nroot (storage 600 512)\n"
	    "* QUOTA r ()\n"
	    "* QUOTA r (MESSAGE 7 100)\n"
	    "* QUOTA NIL(STORAGE 1 0)\n"
	    "* QUOTA r (STORAGE 9007199254740991 9007199254740991)\n",
	    "QUOTA root=\"\" used=10240 limit=524288\n"
	    "QUOTA root=\"User quota\" used=0 limit=1073741824\n"
	    "QUOTA root=\"root\" used=614400 limit=524288\n"
	    "QUOTA root=\"r\"\n"
	    "QUOTA root=\"r\"\n"
	    "QUOTA root=\"NIL\" used=1024 limit=0\n"
	    "QUOTA root=\"r\" used=9223372036854774784 limit=9223372036854774784\n"),
	ROW("QUOTA that cannot be",
	    "* QUOTA r (STORAGE 9007199254740992 1)\n"
	    "* QUOTA r (STORAGE 1 18446744073709551615)\n"
	    "* QUOTA r (STORAGE 1 -1)\n"
	    "* QUOTA r (STORAGE 9.37e+06 NIL)\n"
	    "* QUOTA r (STORAGE 1 2 STORAGE x 3)\n"
	    "* QUOTA r (STORAGE 1)\n"
	    "* QUOTA r (STORAGE (1 2) 3)\n"
	    "* QUOTA r ((STORAGE) 1 2)\n"
	    "* QUOTA User quota (STORAGE 1 2)\n"
	    "* QUOTA (STORAGE 1 2)\n"
	    "* QUOTA r\n"
	    "* QUOTA\n",
	    "QUOTA! root=\"r\"\n"
	    "QUOTA! root=\"r\"\n"
	    "QUOTA! root=\"r\"\n"
	    "QUOTA! root=\"r\"\n"
	    "QUOTA! root=\"r\" used=1024 limit=2048\n"
	    "QUOTA! root=\"r\"\n"
	    "QUOTA! root=\"r\"\n"
	    "QUOTA root=\"r\"\n"
	    "QUOTA! root=\"User\" used=1024 limit=2048\n"
	    "QUOTA! root=\"\" used=1024 limit=2048\n"
	    "QUOTA! root=\"r\"\n"
	    "QUOTA! root=\"\"\n"),
	ROW("MYRIGHTS",
	    "* MYRIGHTS INBOX rwiptsldaex\n"
	    "* MYRIGHTS \"a b\" \"\"\n"
	    "* MYRIGHTS {1}\nx {4}\nlrs9\n"
	    "* MYRIGHTS NIL lr\n"
	    "* MYRIGHTS x abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz01\n",
	    "MYRIGHTS mailbox=\"INBOX\" rights=\"rwiptsldaex\"\n"
	    "MYRIGHTS mailbox=\"a b\" rights=\"\"\n"
	    "MYRIGHTS mailbox=\"x\" rights=\"lrs9\"\n"
	    "MYRIGHTS mailbox=\"NIL\" rights=\"lr\"\n"
	    "MYRIGHTS mailbox=\"x\" rights=\"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz01\"\n"),
	ROW("MYRIGHTS that cannot be",
	    "* MYRIGHTS x abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz012\n"
	    "* MYRIGHTS x l-r\n"
	    "* MYRIGHTS x \"l r\"\n"
	    "* MYRIGHTS x NIL\n"
	    "* MYRIGHTS x (lr)\n"
	    "* MYRIGHTS a b lr\n"
	    "* MYRIGHTS (x) lr\n"
	    "* MYRIGHTS x {3}\nl\0r\n"
	    "* MYRIGHTS x\n"
	    "* MYRIGHTS\n",
	    "MYRIGHTS! mailbox=\"x\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"x\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"x\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"x\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"x\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"a\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"x\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"x\" rights=NULL\n"
	    "MYRIGHTS! mailbox=\"\" rights=NULL\n"),
	ROW("FETCH of metadata",
	    "* 23 FETCH (FLAGS (\\Seen $Forwarded) RFC822.SIZE 44827 UID 447 MODSEQ (65402) INTERNALDATE "
	    "\"17-Jul-1996 02:44:25 -0700\" EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9) SAVEDATE "
	    "\"17-Jul-1996 02:44:25 -0700\")\n"
	    "* 24 FETCH (UID 448 THREADID NIL SAVEDATE NIL)\n",
	    "FETCH 23 uid=447 [\\Seen $Forwarded] date=837596665-420 size=44827 modseq=65402 "
	    "emailid=\"M6d99ac3275bb4e\" threadid=\"T64b478a75b7ea9\" | (FLAGS (\\Seen $Forwarded) RFC822.SIZE 44827 "
	    "UID 447 MODSEQ (65402) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" EMAILID (M6d99ac3275bb4e) THREADID "
	    "(T64b478a75b7ea9) SAVEDATE \"17-Jul-1996 02:44:25 -0700\")\n"
	    "FETCH 24 uid=448 | (UID 448 THREADID NIL SAVEDATE NIL)\n"),
	ROW("FETCH of a body",
	    "* 12 FETCH (UID 7 BODY[HEADER] {22}\n"
	    "From: a@b\n"
	    "To: c@d\n"
	    "\n"
	    " FLAGS ())\n"
	    "* 13 FETCH (BODY[] {0}\n"
	    ")\n",
	    "> 12 uid=7 BODY[HEADER]=22 \"From: a@b\\x0d\\x0aTo: c@d\\x0d\\x0a\\x0d\\x0a\"\n"
	    "FETCH 12 uid=7 [] BODY[HEADER]=22 | (UID 7 BODY[HEADER] <22> FLAGS ())\n"
	    "> 13 uid=0 BODY[]=0 \"\"\n"
	    "FETCH 13 BODY[]=0 | (BODY[] <0>)\n"),
	ROW("FETCH of several sections",
	    "* 1 FETCH (BODY[1.MIME] {4}\n"
	    "a: b BODY[1] \"he said \\\"hi\\\" \\\\\" BODY[TEXT]<5> {3}\n"
	    "abc BODY[2] NIL BODY[3] \"\" UID 9)\n",
	    "> 1 uid=0 BODY[1.MIME]=4 \"a: b\"\n"
	    "> 1 uid=0 BODY[TEXT]<5>=3 \"abc\"\n"
	    "> 1 uid=9 BODY[1]=14 \"he said \\\"hi\\\" \\\\\"\n"
	    "> 1 uid=9 BODY[3]=0 \"\"\n"
	    "FETCH 1 uid=9 BODY[1.MIME]=4 BODY[1]=14 BODY[TEXT]<5>=3 BODY[2]=NIL BODY[3]=0 | (BODY[1.MIME] <4> "
	    "BODY[1] \"he said \\\"hi\\\" \\\\\" BODY[TEXT]<5> <3> BODY[2] NIL BODY[3] \"\" UID 9)\n"),
	ROW("FETCH of the RFC822 items",
	    "* 1 FETCH (UID 3 RFC822.HEADER {3}\n"
	    "h: RFC822.TEXT {2}\n"
	    "hi RFC822 NIL RFC822.SIZE 5)\n",
	    "> 1 uid=3 RFC822.HEADER[HEADER]=3 \"h: \"\n"
	    "> 1 uid=3 RFC822.TEXT[TEXT]=2 \"hi\"\n"
	    "FETCH 1 uid=3 size=5 RFC822.HEADER[HEADER]=3 RFC822.TEXT[TEXT]=2 RFC822[]=NIL | (UID 3 RFC822.HEADER "
	    "<3> RFC822.TEXT <2> RFC822 NIL RFC822.SIZE 5)\n"),
	ROW("FETCH of BINARY with literal8",
	    "* 3 FETCH (UID 1 BINARY[1.2]<0> ~{4}\n"
	    "\000\001\002\003 BINARY.SIZE[1.2] 4)\n",
	    "> 3 uid=1 BINARY[1.2]<0>=4 \"\\x00\\x01\\x02\\x03\"\n"
	    "FETCH 3 uid=1 BINARY[1.2]<0>=4 | (UID 1 BINARY[1.2]<0> <4> BINARY.SIZE[1.2] 4)\n"),
	ROW("literal8 with NUL as a value",
	    "* X ~{3}\n"
	    "a\000b {2+}\n"
	    "hi\n",
	    "?X \"a\\x00b\" \"hi\"\n"),
	ROW("ENVELOPE and BODYSTRUCTURE with literals",
	    "* 12 FETCH (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" {12}\n"
	    "IMAP \"minute ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) NIL NIL NIL NIL NIL NIL "
	    "\"<B27397-0100000@cac.washington.edu>\") BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") "
	    "NIL NIL \"7BIT\" 3028 92))\n",
	    "FETCH 12 | (ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP \\\"minute\" ((\"Terry Gray\" "
	    "NIL \"gray\" \"cac.washington.edu\")) NIL NIL NIL NIL NIL NIL \"<B27397-0100000@cac.washington.edu>\") "
	    "BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92))\n"),
	ROW("section names as atoms, strings and literals",
	    "* 1 FETCH (BODY[HEADER.FIELDS (Date From)] {2}\n"
	    "ab BODY[header.fields.not (\"to\" {4}\n"
	    "X y\" Z)]<7> {1}\n"
	    "c UID 4)\n",
	    "> 1 uid=0 BODY[HEADER.FIELDS (DATE FROM)]=2 \"ab\"\n"
	    "> 1 uid=0 BODY[HEADER.FIELDS.NOT (TO \"X Y\\\"\" Z)]<7>=1 \"c\"\n"
	    "FETCH 1 uid=4 BODY[HEADER.FIELDS (DATE FROM)]=2 BODY[HEADER.FIELDS.NOT (TO \"X Y\\\"\" Z)]<7>=1 | "
	    "(BODY[HEADER.FIELDS (Date From)] <2> BODY[header.fields.not (\"to\" \"X y\\\"\" Z)]<7> <1> UID 4)\n"),
	ROW("empty FETCH",
	    "* 9 FETCH ()\n",
	    "FETCH 9 | ()\n"),
	ROW("UTF-8 in quoted strings",
	    "* LIST () \"/\" \"Ko\305\241\"\n"
	    "* STATUS \"\346\227\245\346\234\254\" (UIDNEXT 5)\n",
	    "LIST [] \"/\" \"Ko\\xc5\\xa1\"\n"
	    "STATUS mailbox=\"\\xe6\\x97\\xa5\\xe6\\x9c\\xac\" uidnext=5\n"),
	ROW("Dovecot: SELECT with QRESYNC",
	    "* OK [CLOSED] Previous mailbox closed.\n"
	    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Label1)\n"
	    "* OK [PERMANENTFLAGS (\\Answered \\Flagged $Label1 \\*)] Flags permitted.\n"
	    "* 3 EXISTS\n"
	    "* 0 RECENT\n"
	    "* OK [UNSEEN 2] First unseen.\n"
	    "* OK [UIDVALIDITY 1700000000] UIDs valid\n"
	    "* OK [UIDNEXT 15] Predicted next UID\n"
	    "* OK [HIGHESTMODSEQ 31] Highest\n"
	    "* VANISHED (EARLIER) 1:4,6\n"
	    "* 1 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (30))\n"
	    "A3 OK [READ-ONLY] Examine completed (0.001 + 0.000 secs).\n",
	    "OK CLOSED text=\"Previous mailbox closed.\"\n"
	    "FLAGS [\\Answered \\Flagged \\Deleted \\Seen \\Draft $Label1]\n"
	    "OK PERMANENTFLAGS [\\Answered \\Flagged $Label1 \\*] text=\"Flags permitted.\"\n"
	    "EXISTS 3\n"
	    "RECENT 0\n"
	    "OK UNSEEN number=2 text=\"First unseen.\"\n"
	    "OK UIDVALIDITY number=1700000000 text=\"UIDs valid\"\n"
	    "OK UIDNEXT number=15 text=\"Predicted next UID\"\n"
	    "OK HIGHESTMODSEQ number=31 text=\"Highest\"\n"
	    "VANISHED earlier 1:4,6\n"
	    "FETCH 1 uid=5 [\\Seen] modseq=30 | (UID 5 FLAGS (\\Seen) MODSEQ (30))\n"
	    "A3 OK READ_ONLY text=\"Examine completed (0.001 + 0.000 secs).\"\n"),
	ROW("Cyrus: a MAILBOXID of freed memory",
	    "* STATUS INBOX (MESSAGES 1 MAILBOXID (\335)ir\303U) HIGHESTMODSEQ 1)\n"
	    "* STATUS INBOX (MESSAGES 1 MAILBOXID (\335ir\303U) UIDNEXT 2)\n"
	    "* STATUS INBOX (MESSAGES 1 MAILBOXID () UIDNEXT 2)\n",
	    "STATUS! mailbox=\"INBOX\" messages=1\n"
	    "STATUS! mailbox=\"INBOX\" messages=1 uidnext=2\n"
	    "STATUS! mailbox=\"INBOX\" messages=1 uidnext=2\n"),
	ROW("Dovecot: LIST-STATUS",
	    "* LIST (\\HasNoChildren \\UnMarked \\Trash) \"/\" Trash\n"
	    "* STATUS Trash (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 2 HIGHESTMODSEQ 1)\n",
	    "LIST [HASNOCHILDREN UNMARKED TRASH] \"/\" \"Trash\"\n"
	    "STATUS mailbox=\"Trash\" messages=0 uidnext=1 uidvalidity=2 modseq=1\n"),
	ROW("Dovecot: a status text that ends like a literal",
	    "A1 NO [CANNOT] Invalid mailbox name: Name must not have {5}\n"
	    "A2 OK fine\n",
	    "A1 NO CANNOT text=\"Invalid mailbox name: Name must not have {5}\"\n"
	    "A2 OK text=\"fine\"\n"),
	ROW("Dovecot: X codes and metadata",
	    "* OK [METADATA LONGENTRIES 5] x\n"
	    "* METADATA \"\" (/private/comment {2}\n"
	    "hi)\n",
	    "OK UNKNOWN METADATA LONGENTRIES 5 text=\"x\"\n"
	    "?METADATA \"\" (/private/comment \"hi\")\n"),
	ROW("Cyrus: greeting, ID and annotations",
	    "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE XLIST] host Cyrus IMAP 3.6.1-Debian server ready\n"
	    "* ANNOTATION INBOX \"/comment\" (\"value.shared\" NIL)\n",
	    "OK CAPABILITY [IMAP4rev1 LITERAL+ ID ENABLE XLIST] text=\"host Cyrus IMAP 3.6.1-Debian server ready\"\n"
	    "?ANNOTATION INBOX \"/comment\" (\"value.shared\" NIL)\n"),
	ROW("Cyrus: unsolicited FETCH, LIST of shared folders",
	    "* 5 FETCH (FLAGS ($has_cal \\Recent) UID 9)\n"
	    "* LIST (\\HasChildren) \".\" \"user.alice\"\n",
	    "FETCH 5 uid=9 [$has_cal \\Recent] | (FLAGS ($has_cal \\Recent) UID 9)\n"
	    "LIST [HASCHILDREN] \".\" \"user.alice\"\n"),
	ROW("Courier: quoted field names",
	    "* 1 FETCH (UID 28 BODY[HEADER.FIELDS (\"SUBJECT\" \"From\")] {3}\n"
	    "a:b FLAGS (\\Seen))\n",
	    "> 1 uid=28 BODY[HEADER.FIELDS (SUBJECT FROM)]=3 \"a:b\"\n"
	    "FETCH 1 uid=28 [\\Seen] BODY[HEADER.FIELDS (SUBJECT FROM)]=3 | (UID 28 BODY[HEADER.FIELDS (\"SUBJECT\" "
	    "\"From\")] <3> FLAGS (\\Seen))\n"),
	ROW("Courier: sequence number 0",
	    "* 0 FETCH (UID 16334 FLAGS ())\n",
	    "FETCH! 0 uid=16334 [] | (UID 16334 FLAGS ())\n"),
	ROW("Courier: namespace below INBOX, NO without text",
	    "* LIST (\\Unmarked \\HasChildren) \".\" \"INBOX.Sent Items\"\n"
	    "* NO\n"
	    "A1 NO \n",
	    "LIST [HASCHILDREN UNMARKED] \".\" \"INBOX.Sent Items\"\n"
	    "NO text=\"\"\n"
	    "A1 NO text=\"\"\n"),
	ROW("Gmail: brackets in flags",
	    "* FLAGS (\\Answered \\Seen OIB-Seen-[Gmail]/Trash [css3-page] NonJunk] $NotJunk)\n"
	    "* OK [PERMANENTFLAGS (\\Answered OIB-Seen-[Gmail]/All Mail [css3-page] NonJunk] \\*)] Flags permitted.\n",
	    "FLAGS [\\Answered \\Seen OIB-Seen-[Gmail]/Trash [css3-page] NonJunk] $NotJunk]\n"
	    "OK PERMANENTFLAGS [\\Answered OIB-Seen-[Gmail]/All Mail [css3-page] NonJunk] \\*] text=\"Flags "
	    "permitted.\"\n"),
	ROW("Gmail: HIGHESTMODSEQ without text",
	    "* OK [HIGHESTMODSEQ 9195383]\n"
	    "* OK [HIGHESTMODSEQ]\n"
	    "* OK [HIGHESTMODSEQ 0] none\n"
	    "* OK [HIGHESTMODSEQ -1] odd\n",
	    "OK HIGHESTMODSEQ number=9195383 text=\"\"\n"
	    "OK HIGHESTMODSEQ text=\"\"\n"
	    "OK HIGHESTMODSEQ text=\"none\"\n"
	    "OK! HIGHESTMODSEQ text=\"odd\"\n"),
	ROW("Gmail: labels, ids",
	    "* 1 FETCH (X-GM-THRID 1278455344230334865 X-GM-MSGID 18446744073709551615 X-GM-LABELS "
	    "(\"\\\\Important\" Foo \\Sent \"[Gmail]/x y\" {3}\n"
	    "a\"b) UID 3 BODY[] \"x\")\n",
	    "> 1 uid=3 BODY[]=1 \"x\"\n"
	    "FETCH 1 uid=3 gm=18446744073709551615 BODY[]=1 | (X-GM-THRID 1278455344230334865 X-GM-MSGID "
	    "18446744073709551615 X-GM-LABELS (\"\\\\Important\" Foo \\Sent \"[Gmail]/x y\" \"a\\\"b\") UID 3 BODY[] "
	    "\"x\")\n"),
	ROW("Gmail: throttled in the midst of text",
	    "A1 NO Account exceeded command or bandwidth limits. [THROTTLED] (Failure)\n"
	    "* BYE [ALERT] Fatal error: [UNAVAILABLE]\n"
	    "* OK see [THROTTLED]\n",
	    "A1 NO THROTTLED text=\"Account exceeded command or bandwidth limits. [THROTTLED] (Failure)\"\n"
	    "BYE UNAVAILABLE text=\"Fatal error: [UNAVAILABLE]\"\n"
	    "OK text=\"see [THROTTLED]\"\n"),
	ROW("Gmail: Session expired, XLIST",
	    "* BYE Session expired, please login again.\n"
	    "* XLIST (\\HasNoChildren \\AllMail) \"/\" \"[Gmail]/All Mail\"\n"
	    "* XLIST (\\Spam \\Starred) \"/\" x\n",
	    "BYE text=\"Session expired, please login again.\"\n"
	    "XLIST [HASNOCHILDREN ALL] \"/\" \"[Gmail]/All Mail\"\n"
	    "XLIST [FLAGGED JUNK] \"/\" \"x\"\n"),
	ROW("Exchange: response code without OK",
	    "[COPYUID 124 10 233]\n"
	    "* [ALERT] hello\n"
	    "A3 OK MOVE completed.\n",
	    "OK COPYUID uidvalidity=124 source=\"10\" uids=\"233\" text=\"\"\n"
	    "OK ALERT text=\"hello\"\n"
	    "A3 OK text=\"MOVE completed.\"\n"),
	ROW("Exchange: empty COPYUID",
	    "A4 OK [COPYUID] COPY completed.\n"
	    "A5 OK [COPYUID 1 ] done\n"
	    "A6 OK [COPYUID 5 1:2 ] done\n"
	    "A7 OK [APPENDUID 0 7] done\n",
	    "A4 OK! COPYUID text=\"COPY completed.\"\n"
	    "A5 OK! COPYUID text=\"done\"\n"
	    "A6 OK! COPYUID text=\"done\"\n"
	    "A7 OK! APPENDUID text=\"done\"\n"),
	ROW("Exchange: empty ESEARCH RETURN",
	    "* ESEARCH (TAG \"A1\") RETURN ()\n"
	    "* ESEARCH RETURN ()\n"
	    "* ESEARCH\n"
	    "* ESEARCH (TAG \"A1\") UID ALL 33866,33897 (MODSEQ 284535)\n",
	    "ESEARCH tag=\"A1\" uids=\"\"\n"
	    "ESEARCH uids=\"\"\n"
	    "ESEARCH uids=\"\"\n"
	    "ESEARCH tag=\"A1\" uid modseq=284535 all=\"33866,33897\"\n"),
	ROW("Exchange: backoff and connected twice",
	    "* BYE Connection is closed. 14\n"
	    "A1 BAD User is authenticated but not connected.\n"
	    "A2 NO Server Unavailable. 15. Suggested Backoff Time: 1500 Milliseconds\n"
	    "+\n",
	    "BYE text=\"Connection is closed. 14\"\n"
	    "A1 BAD text=\"User is authenticated but not connected.\"\n"
	    "A2 NO text=\"Server Unavailable. 15. Suggested Backoff Time: 1500 Milliseconds\"\n"
	    "+ text=\"\"\n"),
	ROW("Exchange: control characters in names",
	    "* LIST () \"/\" \"a\001\007b\"\n"
	    "* LIST () \"/\" {4}\n"
	    "a\n"
	    "b\n",
	    "LIST [] \"/\" \"a\\x01\\x07b\"\n"
	    "LIST [] \"/\" \"a\\x0d\\x0ab\"\n"),
	ROW("iCloud: text injected behind CAPABILITY",
	    "* CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR (1925B11) st43p00im\n"
	    "* OK [CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 (text \"quoted\") AUTH=PLAIN] (1925B11-13a7) "
	    "st43p00im-tygg.me.com\n",
	    "CAPABILITY! [XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR st43p00im]\n"
	    "OK! CAPABILITY [XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 AUTH=PLAIN] text=\"(1925B11-13a7) "
	    "st43p00im-tygg.me.com\"\n"),
	ROW("iCloud: unescaped quotes in ENVELOPE",
	    "* 1 FETCH (UID 11 ENVELOPE (\"Tue, 30 Jan 2018\" \"a \"quoted\" b\" ((\"x \"y\"\" NIL \"a\" \"b.c\")) "
	    "NIL NIL NIL NIL NIL \"<\"foo\"@bar>\") FLAGS (\\Seen))\n",
	    "FETCH! 1 uid=11 [\\Seen] | (UID 11 ENVELOPE (\"Tue, 30 Jan 2018\" \"a \\\"quoted\\\" b\" ((\"x "
	    "\\\"y\\\"\" NIL \"a\" \"b.c\")) NIL NIL NIL NIL NIL \"<\\\"foo\\\"@bar>\") FLAGS (\\Seen))\n"),
	ROW("iCloud: a quote before a space in a subject",
	    "* 1 FETCH (UID 12 ENVELOPE (NIL \"5\" disk and 3\" disk\" NIL NIL NIL NIL NIL NIL NIL NIL) INTERNALDATE "
	    "\"30-Jan-2018 22:39:15 +0000\" BODY[HEADER.FIELDS (References)] {0}\n"
	    ")\n"
	    "* 2 EXISTS\n",
	    "> 1 uid=12 BODY[HEADER.FIELDS (REFERENCES)]=0 \"\"\n"
	    "FETCH! 1 uid=12 date=1517351955+0 BODY[HEADER.FIELDS (REFERENCES)]=0 | (UID 12 ENVELOPE (NIL \"5\\\" "
	    "disk and 3\\\" disk\" NIL NIL NIL NIL NIL NIL NIL NIL) INTERNALDATE \"30-Jan-2018 22:39:15 +0000\" "
	    "BODY[HEADER.FIELDS (References)] <0>)\n"
	    "EXISTS 2\n"),
	ROW("iCloud: a quote that nothing closes, then a body",
	    "* 1 FETCH (UID 12 ENVELOPE (\"Re: \"x) BODY[] {3}\n"
	    "abc FLAGS (\\Seen))\n"
	    "* 2 EXISTS\n",
	    "> 1 uid=12 BODY[]=3 \"abc\"\n"
	    "FETCH! 1 uid=12 [\\Seen] BODY[]=3 | (UID 12 ENVELOPE (Re: x) BODY[] <3> FLAGS (\\Seen))\n"
	    "EXISTS 2\n"),
	ROW("iCloud: quotes around a literal",
	    "* 1 FETCH (UID 1 BODYSTRUCTURE (\"TEXT\" \"HTML\"\" NIL NIL NIL {5}\n"
	    "8bit\" 74 2) FLAGS ())\n",
	    "FETCH! 1 uid=1 [] | (UID 1 BODYSTRUCTURE (\"TEXT\" \"HTML\\\"\" NIL NIL NIL \"8bit\\\"\" 74 2) FLAGS "
	    "())\n"),
	ROW("163: description of quotes",
	    "* 1 FETCH (UID 3 BODY ((\"text\" \"html\" NIL NIL NIL \"7bit\" 4 1)(\"application\" \"pdf\" NIL NIL "
	    "\"\"\"\" \"base64\" 65322) \"MIXED\") BODY[] {2}\n"
	    "ab)\n",
	    "> 1 uid=3 BODY[]=2 \"ab\"\n"
	    "FETCH! 1 uid=3 BODY[]=2 | (UID 3 BODY ((\"text\" \"html\" NIL NIL NIL \"7bit\" 4 1) (\"application\" "
	    "\"pdf\" NIL NIL \"\\\"\\\"\" \"base64\" 65322) \"MIXED\") BODY[] <2>)\n"),
	ROW("iCloud: malformed VANISHED",
	    "* VANISHED (EARLIER)\n"
	    "* VANISHED\n"
	    "* VANISHED (EARLIER) 1,2,\n"
	    "* VANISHED 1 2 3\n"
	    "* VANISHED (LATER) 5\n"
	    "* VANISHED 3:*\n"
	    "* VANISHED 0\n",
	    "VANISHED! earlier \n"
	    "VANISHED! \n"
	    "VANISHED! earlier \n"
	    "VANISHED! \n"
	    "VANISHED! \n"
	    "VANISHED! \n"
	    "VANISHED! \n"),
	ROW("iCloud: no ENABLED, BAD with UNAVAILABLE",
	    "1 BAD [UNAVAILABLE] Service temporarily unavailable\n",
	    "1 BAD UNAVAILABLE text=\"Service temporarily unavailable\"\n"),
	ROW("Yahoo: BYE with a buried code",
	    "* BYE NO [LIMIT] Too many simultaneous connections\n"
	    "* BYE IMAP4rev1 Server logging out\n",
	    "BYE LIMIT text=\"NO [LIMIT] Too many simultaneous connections\"\n"
	    "BYE text=\"IMAP4rev1 Server logging out\"\n"),
	ROW("Yahoo: short sections as quoted strings",
	    "* 1 FETCH (BODY[HEADER.FIELDS (REFERENCES)] \"\" UID 5 BODY[TEXT] \"hi\")\n",
	    "> 1 uid=5 BODY[HEADER.FIELDS (REFERENCES)]=0 \"\"\n"
	    "> 1 uid=5 BODY[TEXT]=2 \"hi\"\n"
	    "FETCH 1 uid=5 BODY[HEADER.FIELDS (REFERENCES)]=0 BODY[TEXT]=2 | (BODY[HEADER.FIELDS (REFERENCES)] \"\" "
	    "UID 5 BODY[TEXT] \"hi\")\n"),
	ROW("Zimbra: several EXISTS in a row",
	    "* 5 EXISTS\n"
	    "* 6 EXISTS\n"
	    "* 7 EXISTS\n"
	    "* OK [NOTIFICATIONOVERFLOW ] x\n",
	    "EXISTS 5\n"
	    "EXISTS 6\n"
	    "EXISTS 7\n"
	    "OK NOTIFICATIONOVERFLOW text=\"x\"\n"),
	ROW("ProtonMail bridge: BAD, labels with slashes",
	    "A1 BAD [Error offset=10]: expected SP\n"
	    "* LIST (\\Noselect) \"/\" \"Labels\"\n"
	    "* LIST (\\Unmarked) \"/\" \"Labels/\\\"x\\\"\"\n",
	    "A1 BAD UNKNOWN Error offset=10 text=\": expected SP\"\n"
	    "LIST [NOSELECT] \"/\" \"Labels\"\n"
	    "LIST [UNMARKED] \"/\" \"Labels/\\\"x\\\"\"\n"),
	ROW("Purelymail: MODSEQ -1, HIGHESTMODSEQ 0",
	    "* 1 FETCH (UID 3 MODSEQ (-1) FLAGS ())\n"
	    "* 2 FETCH (UID 4 MODSEQ (0))\n"
	    "* STATUS INBOX (HIGHESTMODSEQ 0 MESSAGES 4)\n"
	    "* STATUS INBOX (HIGHESTMODSEQ -1 UIDNEXT 0 UIDVALIDITY 0)\n",
	    "FETCH! 1 uid=3 [] | (UID 3 MODSEQ (-1) FLAGS ())\n"
	    "FETCH! 2 uid=4 | (UID 4 MODSEQ (0))\n"
	    "STATUS mailbox=\"INBOX\" messages=4\n"
	    "STATUS! mailbox=\"INBOX\"\n"),
	ROW("numbers that are none",
	    "* STATUS INBOX (MESSAGES 9.37e+06 UNSEEN 12)\n"
	    "* 9.37e+06 EXISTS\n"
	    "* -1 EXISTS\n"
	    "* 1 FETCH (RFC822.SIZE 9.37e+06 UID 1e3)\n"
	    "* 1 FETCH (UID 0 RFC822.SIZE -5)\n"
	    "* SEARCH 1 9.37e+06 3\n",
	    "STATUS! mailbox=\"INBOX\" unseen=12\n"
	    "EXISTS! 0\n"
	    "EXISTS! 0\n"
	    "FETCH! 1 | (RFC822.SIZE 9.37e+06 UID 1e3)\n"
	    "FETCH! 1 | (UID 0 RFC822.SIZE -5)\n"
	    "SEARCH! all=\"1,3\"\n"),
	ROW("empty STATUS",
	    "* STATUS INBOX ()\n"
	    "* STATUS \"INBOX\"\n"
	    "* STATUS\n"
	    "* STATUS () ()\n",
	    "STATUS mailbox=\"INBOX\"\n"
	    "STATUS! mailbox=\"INBOX\"\n"
	    "STATUS! mailbox=\"\"\n"
	    "STATUS! mailbox=\"\"\n"),
	ROW("QQ: space before the parenthesis",
	    "* 1 FETCH (UID 19436 )\n"
	    "* 2 FETCH ( UID 7 FLAGS ( \\Seen ) ) \n",
	    "FETCH 1 uid=19436 | (UID 19436)\n"
	    "FETCH 2 uid=7 [\\Seen] | (UID 7 FLAGS (\\Seen))\n"),
	ROW("Domino: items wrapped once more, separator not escaped",
	    "* 2 FETCH (UID 14935 (FLAGS (\\Seen)) BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 0 0 NIL))\n"
	    "* LIST () \"\\\" \"INBOX\\\\a\"\n"
	    "* LIST () \"\\\\\" x\n"
	    "* NAMESPACE ((\"\" \"\\\")) NIL NIL\n",
	    "FETCH! 2 uid=14935 [\\Seen] | (UID 14935 (FLAGS (\\Seen)) BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL "
	    "\"7BIT\" 0 0 NIL))\n"
	    "LIST [] \"\\\\\" \"INBOX\\\\a\"\n"
	    "LIST [] \"\\\\\" \"x\"\n"
	    "NAMESPACE ((\"\" \"\\\\\")) NIL NIL\n"),
	ROW("InterMail: flags as strings, flags called NIL",
	    "* FLAGS (\"\\\\Deleted\" \\Answered NIL)\n"
	    "* 1 FETCH (FLAGS (NIL \\Seen \"x\"))\n",
	    "FLAGS [\\Deleted \\Answered NIL]\n"
	    "FETCH 1 [NIL \\Seen x] | (FLAGS (NIL \\Seen \"x\"))\n"),
	ROW("parentheses in flags",
	    "* FLAGS (\\Seen (odd) x)\n"
	    "* FLAGS \\Seen \\Draft\n"
	    "* 2 EXISTS\n"
	    "* FLAGS (\\Seen (odd\n"
	    "* 3 EXISTS\n",
	    "FLAGS! [\\Seen x]\n"
	    "FLAGS! [\\Seen \\Draft]\n"
	    "EXISTS 2\n"
	    "FLAGS! [\\Seen]\n"
	    "EXISTS 3\n"),
	ROW("LIST names without quotes",
	    "* LIST () \"/\" Sent Items\n"
	    "* LIST () \"/\" 2019\n"
	    "* LIST () \"/\" NIL\n"
	    "* LIST () / x\n"
	    "* LIST () \"//\" x\n"
	    "* LIST x\n"
	    "* LIST\n",
	    "LIST! [] \"/\" \"Sent Items\"\n"
	    "LIST [] \"/\" \"2019\"\n"
	    "LIST [] \"/\" \"NIL\"\n"
	    "LIST [] \"/\" \"x\"\n"
	    "LIST! [] \"\" \"x\"\n"
	    "LIST! [] \"x\" \"\"\n"
	    "LIST! [] \"\" \"\"\n"),
	ROW("dates",
	    "* 1 FETCH (INTERNALDATE \" 5-Apr-2017 14:38:25 +0200\")\n"
	    "* 1 FETCH (INTERNALDATE \"5-APR-2017 4:38:25 -0030\")\n"
	    "* 1 FETCH (INTERNALDATE \"05-apr-2017 14:38:25 GMT\")\n"
	    "* 1 FETCH (INTERNALDATE \"05-Apr-2017 14:38:25 +9999\")\n"
	    "* 1 FETCH (INTERNALDATE \"05-Apr-2017 14:38:25\")\n"
	    "* 1 FETCH (INTERNALDATE \"31-Feb-2017 14:38:25 +0000\" UID 4)\n"
	    "* 1 FETCH (INTERNALDATE NIL)\n"
	    "* 1 FETCH (INTERNALDATE \"29-Feb-1600 23:59:60 +0000\")\n",
	    "FETCH 1 date=1491395905+120 | (INTERNALDATE \" 5-Apr-2017 14:38:25 +0200\")\n"
	    "FETCH 1 date=1491368905-30 | (INTERNALDATE \"5-APR-2017 4:38:25 -0030\")\n"
	    "FETCH! 1 date=1491403105+0 | (INTERNALDATE \"05-apr-2017 14:38:25 GMT\")\n"
	    "FETCH! 1 date=1491403105+0 | (INTERNALDATE \"05-Apr-2017 14:38:25 +9999\")\n"
	    "FETCH! 1 date=1491403105+0 | (INTERNALDATE \"05-Apr-2017 14:38:25\")\n"
	    "FETCH! 1 uid=4 | (INTERNALDATE \"31-Feb-2017 14:38:25 +0000\" UID 4)\n"
	    "FETCH! 1 | (INTERNALDATE NIL)\n"
	    "FETCH 1 date=-11670912000+0 | (INTERNALDATE \"29-Feb-1600 23:59:60 +0000\")\n"),
	RAW("line feeds without carriage returns",
	    "* 1 FETCH (BODY[] {3}\n"
	    "a\n"
	    "b UID 5)\n"
	    "\n"
	    "* OK x\n",
	    "> 1 uid=0 BODY[]=3 \"a\\x0ab\"\n"
	    "FETCH 1 uid=5 BODY[]=3 | (BODY[] <3> UID 5)\n"
	    "OK text=\"x\"\n"),
	ROW("empty lines, spaces at the end, two carriage returns",
	    "\n"
	    "\n"
	    " \n"
	    "* OK x \n"
	    "* 5 EXISTS  \n"
	    "* OK y\r\n"
	    "* SEARCH 1 2 \n",
	    "OK text=\"x \"\n"
	    "EXISTS 5\n"
	    "OK text=\"y\"\n"
	    "SEARCH all=\"1,2\"\n"),
	ROW("no space between tokens",
	    "*OK x\n"
	    "* 1 FETCH(UID 5 FLAGS(\\Seen)BODY[]{2}\n"
	    "ab)\n"
	    "* OK[ALERT]x\n",
	    "OK text=\"x\"\n"
	    "> 1 uid=5 BODY[]=2 \"ab\"\n"
	    "FETCH 1 uid=5 [\\Seen] BODY[]=2 | (UID 5 FLAGS (\\Seen) BODY[] <2>)\n"
	    "OK ALERT text=\"x\"\n"),
	ROW("free text is no grammar",
	    "* XLOG free text (unbalanced \"quote\n"
	    "* 5 XYZZY a (b \"c\" NIL)\n"
	    "* \n"
	    "*\n"
	    "* 7\n"
	    "* 3 LIST x\n"
	    "* 2 EXISTS\n",
	    "?XLOG! free text (unbalanced quote)\n"
	    "?XYZZY 5 a (b \"c\" NIL)\n"
	    "?!\n"
	    "?!\n"
	    "?! 7\n"
	    "?LIST 3 x\n"
	    "EXISTS 2\n"),
	ROW("lines that are no responses",
	    "Connection closed by foreign host.\n"
	    "foo\n"
	    "A1\n"
	    "A1 [READ-ONLY] x {5}\n"
	    "A2 OK y\n",
	    "Connection ?CLOSED! by foreign host.\n"
	    "foo ?!\n"
	    "A1 ?!\n"
	    "A1 ?! [READ-ONLY] x {5}\n"
	    "A2 OK text=\"y\"\n"),
	ROW("status codes that do not end",
	    "* OK [UIDNEXT 5 x\n"
	    "* OK [PERMANENTFLAGS (\\Seen] x\n"
	    "* OK [] x\n"
	    "* OK [UNSEEN 0] x\n"
	    "* OK [UIDNEXT 4294967296] x\n"
	    "* OK [\"]\n"
	    "* NO [MODIFIED] x\n"
	    "* OK [CAPABILITY] x\n",
	    "OK! text=\"[UIDNEXT 5 x\"\n"
	    "OK! PERMANENTFLAGS [\\Seen] text=\"x\"\n"
	    "OK text=\"x\"\n"
	    "OK! UNSEEN text=\"x\"\n"
	    "OK! UIDNEXT text=\"x\"\n"
	    "OK! text=\"\"\n"
	    "NO! MODIFIED text=\"x\"\n"
	    "OK CAPABILITY text=\"x\"\n"),
	ROW("sequence numbers out of range",
	    "* 4294967295 EXISTS\n"
	    "* 4294967296 EXISTS\n"
	    "* 99999999999999999999999 EXPUNGE\n"
	    "* 0 EXPUNGE\n"
	    "* EXISTS\n"
	    "* FETCH (UID 5)\n"
	    "* 1 FETCH UID 5\n"
	    "* 1 FETCH\n",
	    "EXISTS 4294967295\n"
	    "EXISTS! 0\n"
	    "EXPUNGE! 0\n"
	    "EXPUNGE! 0\n"
	    "EXISTS! 0\n"
	    "FETCH! 0 uid=5 | (UID 5)\n"
	    "FETCH! 1 uid=5 |\n"
	    "FETCH! 1 |\n"),
	ROW("damage in one FETCH does not hurt the next",
	    "* 1 FETCH (UID 5 FLAGS (\\Seen\n"
	    "* 2 FETCH UID 6))))\n"
	    "* 3 FETCH (UID FLAGS (\\Seen) X)\n"
	    "* 4 FETCH (\"UID\" 5 RFC822.SIZE 3)\n"
	    "* 5 FETCH (UID 7 FLAGS \\Seen RFC822.SIZE 9)\n"
	    "* 6 FETCH (UID 8)\n",
	    "FETCH! 1 uid=5 [\\Seen] | (UID 5 FLAGS (\\Seen))\n"
	    "FETCH! 2 uid=6 |\n"
	    "FETCH! 3 [\\Seen] | (UID FLAGS (\\Seen) X)\n"
	    "FETCH! 4 size=3 | (\"UID\" 5 RFC822.SIZE 3)\n"
	    "FETCH! 5 uid=7 size=9 | (UID 7 FLAGS \\Seen RFC822.SIZE 9)\n"
	    "FETCH 6 uid=8 | (UID 8)\n"),
	ROW("sections that do not end",
	    "* 1 FETCH (BODY[HEADER.FIELDS (Subject UID 5)\n"
	    "* 2 FETCH (BODY[TEXT {3}\n"
	    "abc UID 6)\n"
	    "* 3 FETCH (BODY[HEADER.FIELDS (A) {3}\n"
	    "abc UID 7)\n"
	    "* 4 EXISTS\n",
	    "FETCH! 1 | (BODY[HEADER.FIELDS (Subject UID 5))\n"
	    "> 2 uid=0 BODY[TEXT]=3 \"abc\"\n"
	    "FETCH! 2 uid=6 BODY[TEXT]=3 | (BODY[TEXT <3> UID 6)\n"
	    "FETCH! 3 uid=7 | (BODY[HEADER.FIELDS (A) \"abc\" UID 7)\n"
	    "EXISTS 4\n"),
	ROW("braces that are no literals",
	    "* X {5} {a}\n"
	    "* X {}\n"
	    "* X }\n"
	    "* LIST () \"/\" \"a {5}\"\n"
	    "* LIST () \"/\" {5\n"
	    "* 1 EXISTS\n",
	    "?X {5} {a}\n"
	    "?X {}\n"
	    "?X }\n"
	    "LIST [] \"/\" \"a {5}\"\n"
	    "LIST [] \"/\" \"{5\"\n"
	    "EXISTS 1\n"),
	ROW("SEARCH with nonsense",
	    "* SEARCH 1 x 0 4294967296 3:5 (MODSEQ)\n"
	    "* SEARCH (MODSEQ 0)\n"
	    "* SEARCH 4 (X\n"
	    "* SEARCH {5}\n"
	    "* ESEARCH (TAG \"a\") MIN x ALL 1,x MODSEQ 0 COUNT\n",
	    "SEARCH! all=\"1,3:5\"\n"
	    "SEARCH! all=\"\"\n"
	    "SEARCH! all=\"4\"\n"
	    "SEARCH! all=\"\"\n"
	    "ESEARCH! tag=\"a\" uids=\"\"\n"),
	ROW("a status whose text ends like a literal",
	    "* OK [UIDNEXT 5] x {3}\n"
	    "* OK [PERMANENTFLAGS (\\Seen] x {3}\n"
	    "* BYE {3}\n"
	    "* 1 EXISTS\n",
	    "OK UIDNEXT number=5 text=\"x {3}\"\n"
	    "OK! PERMANENTFLAGS [\\Seen] text=\"x {3}\"\n"
	    "BYE text=\"{3}\"\n"
	    "EXISTS 1\n"),
	ROW("NOTIFY and CONTEXT",
	    "* STATUS misc (UIDNEXT 999 UNSEEN 3)\n"
	    "* OK [NOTIFICATIONOVERFLOW] lost\n"
	    "* LIST (\\NonExistent) \".\" \"a\" (\"OLDNAME\" (\"b\"))\n"
	    "* NO [NOUPDATE \"B02\"] Too many contexts\n",
	    "STATUS mailbox=\"misc\" uidnext=999 unseen=3\n"
	    "OK NOTIFICATIONOVERFLOW text=\"lost\"\n"
	    "LIST [NOSELECT NONEXISTENT] \".\" \"a\" (\"OLDNAME\" (\"b\"))\n"
	    "NO UNKNOWN NOUPDATE \"B02\" text=\"Too many contexts\"\n"),
	ROW("CATENATE, URLAUTH and THREAD codes are data",
	    "* THREAD (2)(3 6 (4 23)(44 7 96))\n"
	    "* SORT 2 3 6\n"
	    "* NO [BADURL \"/INBOX;UIDVALIDITY=785799047/;UID=113330\"] x\n",
	    "?THREAD (2) (3 6 (4 23) (44 7 96))\n"
	    "?SORT 2 3 6\n"
	    "NO UNKNOWN BADURL \"/INBOX;UIDVALIDITY=785799047/;UID=113330\" text=\"x\"\n"),
	ROW("literals cut by nothing else",
	    "* LIST () \"/\" {3}\n"
	    "a b\n"
	    "* LIST () {1}\n"
	    "/ {1}\n"
	    "c (X {2}\n"
	    "de)\n"
	    "* 1 EXISTS\n",
	    "LIST [] \"/\" \"a b\"\n"
	    "LIST [] \"/\" \"c\" (X \"de\")\n"
	    "EXISTS 1\n"),
	ROW("cut off in a line",
	    "* 5 EXI",
	    "busy\n"),
	ROW("cut off in a body",
	    "* 5 FETCH (UID 3 BODY[] {10}\n"
	    "abc",
	    "> 5 uid=3 BODY[]=10 \"abc\"\n"
	    "busy\n"),
	ROW("a carriage return in a line",
	    "* OK a\rb\n"
	    "* LIST () \"/\" \"a\rb\"\n",
	    "OK text=\"a\\x0db\"\n"
	    "LIST [] \"/\" \"a\\x0db\"\n"),
};
