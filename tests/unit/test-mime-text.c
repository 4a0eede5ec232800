/* src/mime: the text rendering, the author and subject, the header hash. */
#include "core/sha256.h"
#include "mime/derive.h"
#include "mime/text.h"

#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
	const char *name;
	const char *message;
	gsize length;
	const char *text;    /* the whole rendering; NULL: not looked at here */
	const char *from, *subject;
} Row;

#define MESSAGE(m) m, sizeof(m) - 1
#define PLAIN(charset, encoding) \
	"Content-Type: text/plain; charset=" charset "\r\nContent-Transfer-Encoding: " encoding "\r\n\r\n"
#define HTML(html) "Content-Type: text/html; charset=utf-8\r\n\r\n" html

static const Row header_rows[] = {
	{ "plain", MESSAGE("From: Jan <jan@example.cz>\r\nTo: a@b\r\nCC: c@d\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\n"
		"Received: by x\r\nSubject: Hello\r\n\r\nBody\r\n"),
		"From: Jan <jan@example.cz>\nTo: a@b\nCc: c@d\nDate: Mon, 1 Jan 2024 10:00:00 +0100\nSubject: Hello\n\nBody\n",
		"Jan", "Hello" },
	{ "fixed order, folded", MESSAGE("subject: a\r\n\tb\r\n  c\r\nFROM:x@y\r\n\r\n"), "From: x@y\nSubject: a b c\n\n",
		"x@y", "a b c" },
	{ "q word", MESSAGE("Subject: =?iso-8859-2?Q?P=F8=EDli=B9?= =?iso-8859-2?q?_=BElu=BBou=E8k=FD?=\n\n"),
		"Subject: Příliš žluťoučký\n\n", NULL, "Příliš žluťoučký" },
	{ "b word", MESSAGE("Subject: Re: =?UTF-8?B?xb5sdcWlb3XEjWvDvQ==?= k\n\n"), NULL, NULL, "Re: žluťoučký k" },
	{ "b word without padding", MESSAGE("Subject: =?UTF-8?B?xb4?= =?UTF-8?B?YWI?=\n\n"), NULL, NULL, "žab" },
	{ "character split over b words", MESSAGE("Subject: =?utf-8?B?xQ==?= =?UTF-8?B?mQ==?=\n\n"), NULL, NULL, "ř" },
	{ "character split over q words", MESSAGE("Subject: =?utf-8?Q?=C5?=\r\n =?utf-8?Q?=99?=\n\n"), NULL, NULL, "ř" },
	{ "character split over both", MESSAGE("Subject: =?utf-8?Q?=C5?= =?utf-8?B?mQ==?=\n\n"), NULL, NULL, "ř" },
	{ "q word with spaces", MESSAGE("Subject: =?utf-8?Q?a b c=C5=99?= d\n\n"), NULL, NULL, "a b cř d" },
	{ "q word with language", MESSAGE("Subject: =?utf-8*cs?Q?p=C5=99?=\n\n"), NULL, NULL, "př" },
	{ "words in quotes and words", MESSAGE("Subject: \"=?utf-8?Q?=C5=99?=\" x=?utf-8?Q?=C5=99?=y\n\n"), NULL, NULL,
		"\"ř\" xřy" },
	{ "words without space between", MESSAGE("Subject: =?utf-8?q?a?==?utf-8?q?b?= c\n\n"), NULL, NULL, "ab c" },
	{ "unknown charset", MESSAGE("Subject: =?x-nonsense?Q?=C5=99=E9?=\n\n"), NULL, NULL, "řé" },
	{ "charset that is a path", MESSAGE("Subject: =?../../x//IGNORE?Q?=C5=99?=\n\n"), NULL, NULL, "ř" },
	{ "words that are none", MESSAGE("Subject: =?utf-8?X?a?= =?utf-8?Q?open =?= =? ?=\n\n"), NULL, NULL,
		"=?utf-8?X?a?= open = =? ?=" },
	{ "q with bad hex", MESSAGE("Subject: =?utf-8?Q?50=ZZ=4?=\n\n"), NULL, NULL, "50=ZZ=4" },
	{ "gb2312 means gb18030", MESSAGE("Subject: =?gb2312?B?1cXI/YIwgTA=?=\n\n"), NULL, NULL, "张三㒣" },
	{ "iso-2022-jp", MESSAGE("Subject: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?=\n\n"), NULL, NULL, "日本" },
	{ "visual hebrew", MESSAGE("Subject: =?iso-8859-8-i?Q?=f9=ec=e5=ed?=\n\n"), NULL, NULL, "שלום" },
	{ "korean", MESSAGE("Subject: =?ks_c_5601-1987?B?sKG0ww==?=\n\n"), NULL, NULL, "가늘" },
	{ "windows-1250", MESSAGE("Subject: =?windows-1250?Q?=9Aed=FD?=\n\n"), NULL, NULL, "šedý" },
	{ "raw utf-8", MESSAGE("Subject: příliš\nFrom: Žofie <a@b>\n\n"), "From: Žofie <a@b>\nSubject: příliš\n\n", "Žofie",
		"příliš" },
	{ "raw latin", MESSAGE("Subject: \xe9t\xe9 \x96 fin\n\n"), NULL, NULL, "été – fin" },
	{ "raw bytes in the charset of the body",
		MESSAGE("Subject: P\xf8\xedli\xb9\nContent-Type: text/plain; charset=iso-8859-2\n\n"), NULL, NULL, "Příliš" },
	{ "raw utf-8 over a body in another charset",
		MESSAGE("From: Žofie <a@b>\nContent-Type: text/plain; charset=iso-8859-2\n\n"), NULL, "Žofie", NULL },
	{ "raw iso-2022-jp", MESSAGE("Subject: \033$BF|K\\\033(B\nContent-Type: text/plain; charset=iso-2022-jp\n\n"), NULL, NULL,
		"日本" },
	{ "controls", MESSAGE("Subject: a\033[31mb\007\x00" "c\x7f\xc2\x9b\n\n"), NULL, NULL, "a[31mbc›" },
	{ "controls in a word", MESSAGE("Subject: =?utf-8?Q?a=0D=0AFrom:_b=1B=00?=\n\n"), NULL, NULL, "a From: b" },
	{ "bidi stays in text", MESSAGE("Subject: \xe2\x80\xaex\n\n"), NULL, NULL, "\xe2\x80\xaex" },
	{ "empty subject", MESSAGE("Subject: \nTo:\n\nx"), "\nx\n", NULL, NULL },
	{ "first of two", MESSAGE("Subject: a\nSubject: b\n\n"), NULL, NULL, "a" },
	{ "mbox line", MESSAGE("From bob@example.org Mon Jan  1 00:00:00 2024\nFrom: Bob <b@c>\nSubject: x\n\ny\n"),
		"From: Bob <b@c>\nSubject: x\n\ny\n", "Bob", "x" },
	{ "broken line among fields", MESSAGE("From: a@b\nthis is no field\nSubject : x\n\ny\n"),
		"From: a@b\nSubject: x\n\ny\n", "a@b", "x" },
	{ "quoted name", MESSAGE("From: \"Novák, Jiří \\\"J\\\"\" <a@b>\n\n"), NULL, "Novák, Jiří \"J\"", NULL },
	{ "encoded name", MESSAGE("From: =?utf-8?Q?Nov=C3=A1k=2C_J=2E?= <a@b>\n\n"), NULL, "Novák, J.", NULL },
	{ "encoded name with a raw comma", MESSAGE("From: =?utf-8?Q?Nov=C3=A1k,_J.?= <a@b>\n\n"), NULL, "Novák, J.", NULL },
	{ "encoded name in quotes", MESSAGE("From: \"=?utf-8?Q?=C5=BDofie?=\" <a@b>\n\n"), NULL, "Žofie", NULL },
	{ "name in a comment", MESSAGE("From: a@b (Jan (the) Novák)\n\n"), NULL, "Jan (the) Novák", NULL },
	{ "no name", MESSAGE("From: <a@b>\n\n"), NULL, "a@b", NULL },
	{ "empty name", MESSAGE("From: \"\" <a@b>\n\n"), NULL, "a@b", NULL },
	{ "quoted twice", MESSAGE("From: \"'Jan Novák'\" <a@b>\n\n"), NULL, "Jan Novák", NULL },
	{ "dots", MESSAGE("From: Dr. J. Novák <a@b>\n\n"), NULL, "Dr. J. Novák", NULL },
	{ "several", MESSAGE("From: Eve <e@f>, Bob <b@c>\n\n"), NULL, "Eve", NULL },
	{ "group", MESSAGE("From: Team: Eve <e@f>, Bob <b@c>;\n\n"), NULL, "Eve", NULL },
	{ "empty group", MESSAGE("From: undisclosed-recipients:;\n\n"), NULL, "undisclosed-recipients", NULL },
	{ "sender", MESSAGE("Sender: Bob <b@c>\n\n"), "\n", "Bob", NULL },
	{ "sender for an empty from", MESSAGE("From: \nSender: Bob <b@c>\n\n"), NULL, "Bob", NULL },
	{ "no address at all", MESSAGE("From: MAILER DAEMON\n\n"), NULL, "MAILER DAEMON", NULL },
	{ "unterminated quote", MESSAGE("From: \"Jan <a@b>\n\n"), NULL, "Jan <a@b>", NULL },
	{ "only separators", MESSAGE("From: ,;\n\n"), NULL, ",;", NULL },
};

static const Row body_rows[] = {
	{ "czech qp", MESSAGE(PLAIN("iso-8859-2", "quoted-printable") "P=F8=EDli=B9 =BElu=BB=\r\nou=E8k=FD k=F9=F2\r\n"),
		"\nPříliš žluťoučký kůň\n" },
	{ "base64 utf-8", MESSAGE(PLAIN("utf-8", "base64") "xb5sdcWl\r\nb3XEjWvDvQ==\r\n"), "\nžluťoučký\n" },
	{ "base64 without padding", MESSAGE(PLAIN("utf-8", "base64") "YWJjZA"), "\nabcd\n" },
	{ "base64 cut", MESSAGE(PLAIN("utf-8", "base64") "YWJjZGV"), "\nabcde\n" },
	{ "base64 with junk", MESSAGE(PLAIN("utf-8", "base64") "YW!Jj\r\n ZGVm\r\n"), "\nabcdef\n" },
	{ "gb18030", MESSAGE(PLAIN("gb18030", "8bit") "\xc4\xe3\xba\xc3"), "\n你好\n" },
	{ "gb2312", MESSAGE(PLAIN("GB2312", "base64") "xOO6ww=="), "\n你好\n" },
	{ "big5", MESSAGE(PLAIN("big5", "8bit") "\xa7\x41\xa6\x6e"), "\n你好\n" },
	{ "iso-2022-jp", MESSAGE(PLAIN("ISO-2022-JP", "7bit") "\033$BF|K\\\033(B"), "\n日本\n" },
	{ "shift_jis", MESSAGE(PLAIN("Shift_JIS", "8bit") "\x93\xfa\x96\x7b\x87\x40"), "\n日本①\n" },
	{ "koi8-r", MESSAGE(PLAIN("koi8-r", "8bit") "\xf0\xd2\xc9\xd7\xc5\xd4"), "\nПривет\n" },
	{ "windows-1250", MESSAGE(PLAIN("windows-1250", "8bit") "\x8a\x9d\x96"), "\nŠť–\n" },
	{ "windows1250", MESSAGE(PLAIN("windows1250", "8bit") "\x8a\x9d\x96"), "\nŠť–\n" },
	{ "utf-7", MESSAGE(PLAIN("utf-7", "7bit") "P+AVk-"), "\nPř\n" },
	{ "utf-16", MESSAGE(PLAIN("utf-16", "base64") "/v8AUAFZ"), "\nPř\n" },
	{ "utf-16le with controls", MESSAGE(PLAIN("utf-16le", "8bit") "a\0\033\0b\0\r\0\n\0c\0"), "\na\xef\xbf\xbd" "b\nc\n" },
	{ "right to left", MESSAGE(PLAIN("utf-8", "8bit") "שלום \xe2\x80\x8f עולם"), "\nשלום \xe2\x80\x8f עולם\n" },
	{ "utf-8 without a charset", MESSAGE("Content-Type: text/plain\n\npříliš"), "\npříliš\n" },
	{ "latin without a charset", MESSAGE("\n\xe9t\xe9 \x80 1"), "\nété € 1\n" },
	{ "utf-8 said to be latin", MESSAGE(PLAIN("iso-8859-1", "8bit") "příliš"), "\npříliš\n" },
	{ "utf-8 said to be latin 2", MESSAGE(PLAIN("iso-8859-2", "8bit") "příliš žluťoučký"), "\npříliš žluťoučký\n" },
	{ "latin 2 that could be utf-8", MESSAGE(PLAIN("iso-8859-2", "8bit") "BL\xc1\xae" "A"), "\nBLÁŽA\n" },
	{ "latin said to be utf-8", MESSAGE(PLAIN("utf8", "8bit") "\xe9t\xe9 a\xcc"), "\nété aÌ\n" },
	{ "8 bit said to be ascii", MESSAGE(PLAIN("us-ascii", "8bit") "ř \xe9"), "\nř é\n" },
	{ "8 bit said to be iso-2022-jp", MESSAGE(PLAIN("iso-2022-jp", "8bit") "caf\xe9 ř"), "\ncafé ř\n" },
	{ "unknown charset", MESSAGE(PLAIN("klingon", "8bit") "ř"), "\nř\n" },
	{ "unknown encoding", MESSAGE(PLAIN("utf-8", "x-klingon") "a=C5=99"), "\na=C5=99\n" },
	{ "surrogates and overlong", MESSAGE("\na\xed\xa0\x80z \xc0\xaf"), "\na\xef\xbf\xbdz À¯\n" },
	{ "byte order mark", MESSAGE("\n\xef\xbb\xbf" "a"), "\na\n" },
	{ "controls", MESSAGE("\na\033[2Jb\007c\x00" "d\x7f\fe\tf"), "\na\xef\xbf\xbd[2Jb\xef\xbf\xbd" "c\xef\xbf\xbd"
		"d\xef\xbf\xbd" "e\tf\n" },
	{ "c1 controls", MESSAGE("\na\xc2\x9b" "31m"), "\na›31m\n" },
	{ "line ends", MESSAGE("\na\r\nb\rc\nd\r\r\n"), "\na\nb\nc\nd\n" },
	{ "only cr", MESSAGE("From: a@b\rSubject: x\r\rone\rtwo\r"), "From: a@b\nSubject: x\n\none\ntwo\n", "a@b", "x" },
	{ "empty lines around", MESSAGE("\n\n \n  a\n\nb\n\n\n"), "\n  a\n\nb\n" },
	{ "flowed", MESSAGE("Content-Type: text/plain; format=flowed\n\nA long \nline.\n> quoted \n> too\nplain\n\n-- \nsig \nend\n"),
		"\nA long line.\n> quoted too\nplain\n\n-- \nsig end\n" },
	{ "flowed with delsp", MESSAGE("Content-Type: text/plain; format=Flowed; delsp=yes\n\nžlu \nťoučký\n From here\n"),
		"\nžluťoučký\nFrom here\n" },
	{ "header without body", MESSAGE("Subject: x\r\n"), "Subject: x\n\n", NULL, "x" },
	{ "cut header", MESSAGE("Subject: x"), "Subject: x\n\n", NULL, "x" },
	{ "empty", MESSAGE(""), "\n" },
	{ "one empty line", MESSAGE("\r\n"), "\n" },
	{ "no header", MESSAGE("Just words\nand more\n\nof them\n"), "\nJust words\nand more\n\nof them\n" },
	{ "binary", MESSAGE("\x00\x01\xff\xfe\x80\n\x7f" "ELF\x02\n"), "\n\xef\xbf\xbd\xef\xbf\xbdÿþ€\n\xef\xbf\xbd" "ELF\xef\xbf\xbd\n" },
	{ "bad content type", MESSAGE("Content-Type: text\n\nx"), "\nx\n" },
	{ "uuencode stays", MESSAGE("\nbegin 644 x\n#86)C\n`\nend\n"), "\nbegin 644 x\n#86)C\n`\nend\n" },
};

static const Row part_rows[] = {
	{ "alternative", MESSAGE("Content-Type: multipart/alternative; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\nplain\r\n--b\r\n"
		"Content-Type: text/html\r\n\r\n<p>html\r\n--b--\r\nepilogue\r\n"), "\nplain\n" },
	{ "alternative, empty plain", MESSAGE("Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \t\n\n--b\n"
		"Content-Type: text/html\n\n<p>html</p>\n--b--\n"), "\nhtml\n" },
	{ "alternative, html first", MESSAGE("Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n"
		"<p>html</p>\n--b\n\nplain\n--b--\n"), "\nplain\n" },
	{ "alternative, html first, behind text", MESSAGE("Content-Type: multipart/mixed; boundary=a\n\n--a\n\nbefore\n--a\n"
		"Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n"
		"<p>html</p>\n--b\n\nplain\n--b--\n--a\nContent-Type: a/b\n\n--a--\n"), "\nbefore\n\nplain\n\n[attachment: a/b, 0 B]\n" },
	{ "alternative, two html", MESSAGE("Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n"
		"one\n--b\nContent-Type: text/html\n\ntwo\n--b--\n"), "\none\n" },
	{ "alternative with a calendar", MESSAGE("Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\n"
		"Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n--b--\n"), "\nplain\n" },
	{ "attachment inside an alternative", MESSAGE("Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\n"
		"Content-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: text/html\n\nhtml\n--c\n"
		"Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nQUJD\n--c--\n--b--\n"),
		"\nplain\n\n[attachment: a.pdf, application/pdf, 3 B]\n" },
	{ "alternative with related", MESSAGE("Content-Type: multipart/alternative; boundary=b\n\n--b\n\n--b\n"
		"Content-Type: multipart/related; boundary=c\n\n--c\nContent-Type: text/html\n\n<b>html</b>\n--c\n"
		"Content-Type: image/png\nContent-ID: <x>\n\nPNG\n--c--\n--b--\n"), "\nhtml\n\n[attachment: image/png, 3 B]\n" },
	{ "mixed", MESSAGE("Content-Type: multipart/mixed; boundary=\"b b\"\n\n--b b\n\none\n\n--b b\n\ntwo\n--b b\n"
		"Content-Type: image/png; name=\"a\"\n\nx\n--b b\nContent-Type: image/gif\n\n\n--b b\n\nthree\n--b b--"),
		"\none\n\ntwo\n\n[attachment: a, image/png, 1 B]\n[attachment: image/gif, 0 B]\n\nthree\n" },
	{ "names of attachments", MESSAGE("Content-Type: multipart/mixed; boundary=b\n\n"
		"--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''p%C5%99.pdf\n\n"
		"--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=\"=?iso-8859-2?Q?p=F8.pdf?=\"\n\n"
		"--b\nContent-Type: application/pdf; name=\"př.pdf\"\n\n"
		"--b\nContent-Type: application/pdf\nContent-Disposition: attachment;\n filename*0*=utf-8''p%C5;\n"
		" filename*1*=%99.pdf\n\n"
		"--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=\"p\xe9.pdf\"\n\n"
		"--b\nContent-Type: application/pdf; name*=iso-8859-2''p%F8%1B.pdf\n\n--b--\n"),
		"\n[attachment: př.pdf, application/pdf, 0 B]\n[attachment: př.pdf, application/pdf, 0 B]\n"
		"[attachment: př.pdf, application/pdf, 0 B]\n[attachment: př.pdf, application/pdf, 0 B]\n"
		"[attachment: pé.pdf, application/pdf, 0 B]\n[attachment: př.pdf, application/pdf, 0 B]\n" },
	{ "attached text", MESSAGE("Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment; filename=b.txt\n\nxyz"),
		"\n[attachment: b.txt, text/plain, 3 B]\n" },
	{ "inline text with a name", MESSAGE("Content-Type: text/x-patch; name=a.patch\nContent-Disposition: inline\n\n+x\n"),
		"\n+x\n" },
	{ "tnef", MESSAGE("Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
		"QUJDQUJD\r\nQUI=\r\n"), "\n[attachment: winmail.dat, application/ms-tnef, 8 B]\n" },
	{ "signed", MESSAGE("Content-Type: multipart/signed; boundary=b\n\n--b\n\ntext\n--b\n"
		"Content-Type: application/pgp-signature; name=signature.asc\n\nsig\n--b--\n"),
		"\ntext\n\n[attachment: signature.asc, application/pgp-signature, 3 B]\n" },
	{ "encrypted", MESSAGE("Content-Type: multipart/encrypted; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\n"
		"Version: 1\n--b\nContent-Type: application/octet-stream\n\nsecret\n--b--\n"), "\n[encrypted: multipart/encrypted]\n" },
	{ "s/mime", MESSAGE("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nx"),
		"\n[encrypted: smime.p7m, application/pkcs7-mime, 1 B]\n" },
	{ "message", MESSAGE("Subject: outer\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee\n--b\n"
		"Content-Type: message/rfc822\nContent-Disposition: attachment\n\nFrom: a@b\nSubject: =?utf-8?q?=C5=99?=\n\ninner\n"
		"--b\n\nafter\n--b--\n"),
		"Subject: outer\n\nsee\n\n[attached message]\nFrom: a@b\nSubject: ř\n\ninner\n\n[end of attached message]\n\nafter\n" },
	{ "digest", MESSAGE("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\n1\n--b\n\nSubject: two\n\n2\n--b--\n"),
		"\n[attached message]\nSubject: one\n\n1\n\n[end of attached message]\n\n[attached message]\nSubject: two\n\n2\n\n"
		"[end of attached message]\n" },
	{ "delivery status", MESSAGE("Content-Type: multipart/report; boundary=b\n\n--b\n\nfailed\n--b\n"
		"Content-Type: message/delivery-status\n\nAction: failed\n--b--\n"), "\nfailed\n\nAction: failed\n" },
	{ "no boundary", MESSAGE("Content-Type: multipart/mixed\n\n--b\n\ntext\n"), "\n--b\n\ntext\n" },
	{ "boundary that never comes", MESSAGE("Content-Type: multipart/mixed; boundary=b\n\n--c\n\ntext\n"), "\n--c\n\ntext\n" },
	{ "no closing boundary", MESSAGE("Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext"), "\ntext\n" },
	{ "inner multipart not closed", MESSAGE("Content-Type: multipart/mixed; boundary=b\n\n--b\n"
		"Content-Type: multipart/mixed; boundary=bb\n\n--bb\n\none\n--b\n\ntwo\n--b--\n"), "\none\n\ntwo\n" },
	{ "boundary with white space behind", MESSAGE("Content-Type: multipart/mixed; boundary=b\n\n--b  \r\n\none\n--bc\n--b-- \n"),
		"\none\n--bc\n" },
	{ "boundary in the header of a part", MESSAGE("Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n--b\n\ntwo\n"),
		"\ntwo\n" },
	{ "part without a header", MESSAGE("Content-Type: multipart/mixed; boundary=b\n\n--b\nwords, no field\n--b--\n"),
		"\nwords, no field\n" },
	{ "line end before a boundary", MESSAGE("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b\n\nx\r\n\r\n--b--\n"),
		"\n[attachment: a/b, 3 B]\n" },
};

static const Row html_rows[] = {
	{ "blocks", MESSAGE(HTML("<html><head><title>t</title><style>p{}</style></head><body><p>one\r\n two</p><p>three</p>"
		"<div>four</div><div>five<br>six</div><!-- no --><script>if (a<b) x('</p>');</script>seven</body>")),
		"\none two\n\nthree\n\nfour\nfive\nsix\nseven\n" },
	{ "lists", MESSAGE(HTML("a<ul><li>one<li> <b>two</b></ul><ol><li><p>three</p></li></ol>z")), "\na\n- one\n- two\n\n- three\n\nz\n" },
	{ "tables", MESSAGE(HTML("<table><tr><td>a</td><td> b </td></tr><tr><th>c<th>d</tr></table>")), "\na\tb\nc\td\n" },
	{ "links", MESSAGE(HTML("<a href='https://example.org/x?a=1&amp;b=2'>here</a>, <a href=\"http://example.org/\">example.org</a> "
		"<a href='mailto:a@b'>a@b</a> <a href='#top'>top</a> <a href='javascript:x'>js</a> <a href=HTTP://x.org><b>x</b></a>")),
		"\nhere <https://example.org/x?a=1&b=2>, example.org a@b top js x <HTTP://x.org>\n" },
	{ "links in a list", MESSAGE(HTML("<ul><li><a href='https://example.org'>https://example.org/</a></ul><a href='http://x'></a>")),
		"\n- https://example.org/\n" },
	{ "images", MESSAGE(HTML("<img src=x alt=\"a &quot;picture&quot;\"><img src=y><img alt=''>")), "\n[a \"picture\"]\n" },
	{ "entities", MESSAGE(HTML("&lt;&amp;&gt; &eacute;&#233;&#xE9; &euro; &copy 5 &nosuch; AT&T a&lang=b &#0;&#27;&#150;&#x110000;")),
		"\n<&> ééé € © 5 &nosuch; AT&T a&lang=b \xef\xbf\xbd\xef\xbf\xbd–\xef\xbf\xbd\n" },
	{ "pre", MESSAGE(HTML("x<pre>a  b\n  c &lt;\n\nd</pre>y  z")), "\nx\na  b\n  c <\n\nd\ny z\n" },
	{ "accented letters", MESSAGE(HTML("&ccaron;&Rcaron;&uring;&lstrok;&Odblac;&eogon;&zdot; &ccaron &qcaron; &xstrok; &caron;")),
	  "\nčŘůłŐęż &ccaron &qcaron; &xstrok; &caron;\n" },
	{ "white space", MESSAGE(HTML("a&nbsp;&nbsp; b \xc2\xa0\r\n\tc<b> d</b>e so\xc2\xadlong <span> </span> f")), "\na b c de solong f\n" },
	{ "quotations", MESSAGE(HTML("a<blockquote>b<blockquote><p>c</p></blockquote>d</blockquote>e")),
		"\na\n> b\n\n> > c\n\n> d\ne\n" },
	{ "breaks", MESSAGE(HTML("a<br><br><br><br>b<div><br></div>c")), "\na\n\nb\n\nc\n" },
	{ "comments", MESSAGE(HTML("a<!---->b<!-->c<!-- > -- -->d<!DOCTYPE x>e<?xml y?>f<![if !mso]>g<![endif]>h<!-- open")), "\nabcdefgh\n" },
	{ "no tags", MESSAGE(HTML("a < b <3 <> c & d &")), "\na < b <3 <> c & d &\n" },
	{ "attributes", MESSAGE(HTML("<p title='>' data-x=\"a>b\">x</p><p a=b'c>y</p><A HREF = 'http://z/'>z1</A>")), "\nx\n\ny\n\nz1 <http://z/>\n" },
	{ "cut in a tag", MESSAGE(HTML("text<a href='x")), "\ntext\n" },
	{ "meta charset", MESSAGE("Content-Type: text/html\n\n<meta http-equiv=Content-Type content='text/html; charset=windows-1250'>\x8a"),
		"\nŠ\n" },
	{ "meta charset does not count", MESSAGE(HTML("<meta charset=koi8-r>ř")), "\nř\n" },
	{ "encoded", MESSAGE("Content-Type: text/html; charset=iso-8859-2\nContent-Transfer-Encoding: quoted-printable\n\n"
		"<p class=3D\"x\">P=F8=\n=EDli=B9</p>"), "\nPříliš\n" },
	{ "nothing to see", MESSAGE(HTML("<html><body> <br> &nbsp; <img src=x></body></html>")), "\n" },
	{ "styles of word", MESSAGE(HTML("<!--[if gte mso 9]><xml><o:x>no</o:x></xml><![endif]--><p class=MsoNormal>a<o:p></o:p></p>")),
		"\na\n" },
};

static void
check_text(const GString *text)
{
	g_assert_cmpuint(text->len, <=, MIME_TEXT_MAX_BYTES);
	g_assert_true(g_utf8_validate_len(text->str, text->len, NULL));
	g_assert_cmpuint(text->len, >, 0);
	g_assert_cmpint(text->str[text->len - 1], ==, '\n');
	for (const char *p = text->str, *end = p + text->len; p < end; p += g_utf8_skip[(uint8_t)*p]) {
		gunichar c = g_utf8_get_char(p);
		g_assert_true(c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f) || c >= 0xa0);
	}
}

/* A descriptor of a file that holds the message in its middle. */
static int
file_of(const void *bytes, gsize length)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, "before", 6), ==, 6);
	for (gsize done = 0; done < length; ) {
		ssize_t n = write(fd, (const char *)bytes + done, length - done);
		g_assert_cmpint(n, >, 0);
		done += (gsize)n;
	}
	g_assert_cmpint(write(fd, "after\n", 6), ==, 6);
	return fd;
}

/* Derives from memory, and checks all that holds for any message. */
static void
derive(const void *bytes, gsize length, MimeDerived *derived_r)
{
	MimeSource memory = { .bytes = bytes, .fd = -1, .length = length };
	MimeSource file = { .fd = file_of(bytes, length), .offset = 6, .length = length };
	g_auto(MimeDerived) other = { 0 }, short_one = { 0 };
	uint8_t sha256[32];

	mime_derive(&memory, true, derived_r);
	check_text(derived_r->text);
	if (derived_r->from)
		g_assert_true(*derived_r->from && g_utf8_validate(derived_r->from, -1, NULL));
	if (derived_r->subject)
		g_assert_true(*derived_r->subject && g_utf8_validate(derived_r->subject, -1, NULL));

	mime_derive(&file, true, &other);
	g_assert_cmpmem(derived_r->text->str, derived_r->text->len, other.text->str, other.text->len);
	g_assert_cmpstr(derived_r->from, ==, other.from);
	g_assert_cmpstr(derived_r->subject, ==, other.subject);
	g_assert_cmpmem(derived_r->header_sha256, 32, other.header_sha256, 32);

	/* In a small window every decoder is cut somewhere else. */
	MimeReader reader;
	g_autoptr(GString) small = g_string_new(NULL);
	if (memchr(bytes, '\n', length) || !memchr(bytes, '\r', length)) {
		mime_reader_init(&reader, &file, MIME_WINDOW_MIN_BYTES);
		mime_text_render(&reader, small, MIME_TEXT_MAX_BYTES);
		mime_reader_clear(&reader);
		g_assert_cmpmem(derived_r->text->str, derived_r->text->len, small->str, small->len);
	}

	/* The header alone: the same hash, names and header lines. */
	gsize header = length;
	for (gsize i = 0, start = 0; i < length; i++) {
		if (((const char *)bytes)[i] != '\n')
			continue;
		if (i == start || (i == start + 1 && ((const char *)bytes)[start] == '\r')) {
			header = i + 1;
			break;
		}
		start = i + 1;
	}
	mime_header_hash(bytes, header, sha256);
	g_assert_cmpmem(derived_r->header_sha256, 32, sha256, 32);
	if (header <= MIME_HEADER_MAX_BYTES) {
		core_sha256(bytes, header, sha256);
		g_assert_cmpmem(derived_r->header_sha256, 32, sha256, 32);
	}
	file.length = header;
	mime_derive(&file, false, &short_one);
	g_assert_null(short_one.text);
	g_assert_cmpstr(derived_r->subject, ==, short_one.subject);
	g_assert_cmpstr(derived_r->from, ==, short_one.from);
	close(file.fd);
}

static void
check_row(const void *data)
{
	const Row *row = data;
	g_auto(MimeDerived) derived = { 0 };

	derive(row->message, row->length, &derived);
	if (row->text)
		g_assert_cmpstr(derived.text->str, ==, row->text);
	if (!row->text || row->from || row->subject) {
		g_assert_cmpstr(derived.from, ==, row->from);
		g_assert_cmpstr(derived.subject, ==, row->subject);
	}
}

static void
add_rows(const char *group, const Row *rows, gsize count)
{
	for (gsize i = 0; i < count; i++) {
		g_autofree char *name = g_strdup_printf("/mime/text/%s/%s", group, rows[i].name);
		g_strdelimit(name + strlen("/mime/text/") + strlen(group) + 1, " ,/", '-');
		g_test_add_data_func(name, &rows[i], check_row);
	}
}

static GString *
repeated(const char *begin, const char *again, gsize count, const char *end)
{
	GString *text = g_string_new(begin);

	for (gsize i = 0; i < count; i++)
		g_string_append(text, again);
	return g_string_append(text, end);
}

static void
test_big_header(void)
{
	g_autoptr(GString) message = repeated("Subject: x\nX: ", "aaaaaaaaa\n ", 100000, "\nTo: a@b\n\nbody\n");
	g_auto(MimeDerived) derived = { 0 };

	derive(message->str, message->len, &derived);
	g_assert_cmpstr(derived.text->str, ==, "Subject: x\n\nbody\n"); /* To comes too late */

	g_autoptr(GString) line = repeated("Subject: x", "y", 3000000, "");
	g_auto(MimeDerived) cut = { 0 };
	derive(line->str, line->len, &cut);
	g_assert_cmpuint(strlen(cut.subject), <, 100000);
}

static void
test_deep(void)
{
	g_autoptr(GString) message = g_string_new(NULL);
	g_auto(MimeDerived) derived = { 0 }, messages = { 0 };

	for (int i = 0; i < 1000; i++)
		g_string_append_printf(message, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	g_string_append(message, "\ndeep\n");
	derive(message->str, message->len, &derived);
	g_assert_true(g_str_has_prefix(derived.text->str, "\n[attachment: multipart/mixed, "));

	g_autoptr(GString) nested = repeated("", "Content-Type: message/rfc822\n\n", 1000, "\ndeep\n");
	derive(nested->str, nested->len, &messages);
	g_assert_nonnull(strstr(messages.text->str, "[attachment: message/rfc822, "));
}

static void
test_many_parts(void)
{
	g_autoptr(GString) message = repeated("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", 10000, "--b\n\nlast\n");
	g_auto(MimeDerived) derived = { 0 }, too_many = { 0 };

	derive(message->str, message->len, &derived);
	g_assert_true(g_str_has_suffix(derived.text->str, "x\n\nx\n\nlast\n"));
	g_assert_cmpuint(derived.text->len, ==, 1 + 10000 * 3 + 5);

	g_autoptr(GString) more = repeated("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", 100000, "");
	derive(more->str, more->len, &too_many);
	g_assert_true(g_str_has_suffix(too_many.text->str, "x\n[the rest is not shown]\n"));
}

static void
test_long_text(void)
{
	static const char *const types[] = { "text/plain", "text/html" };

	for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autofree char *begin = g_strdup_printf("Content-Type: %s\n\n", types[i]);
		g_autoptr(GString) message = repeated(begin, "žluťoučký kůň ", 600000, "");
		g_auto(MimeDerived) derived = { 0 };

		derive(message->str, message->len, &derived);
		g_assert_cmpuint(derived.text->len, >, MIME_TEXT_MAX_BYTES - 100);
		g_assert_true(g_str_has_suffix(derived.text->str, "\n[the rest is not shown]\n"));
	}
}

/* Larger than any window: boundaries, characters and lines fall on its edges. */
static void
test_window_edges(void)
{
	for (gsize shift = 0; shift < 40; shift++) {
		g_autoptr(GString) message = g_string_new("Content-Type: multipart/mixed; boundary=boundary\r\n\r\n");
		g_auto(MimeDerived) derived = { 0 };
		gsize pad = 65536 - 20 + shift;

		g_string_append(message, "--boundary\r\nContent-Type: a/b\r\n\r\n");
		while (message->len < pad)
			g_string_append_c(message, 'x');
		gsize size = message->len - strlen("Content-Type: multipart/mixed; boundary=boundary\r\n\r\n"
			"--boundary\r\nContent-Type: a/b\r\n\r\n");
		g_string_append(message, "\r\n--boundary\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nžluťoučký\r\n--boundary--\r\n");
		derive(message->str, message->len, &derived);
		g_autofree char *expected = g_strdup_printf("\n[attachment: a/b, %.1f kB]\n\nžluťoučký\n", (double)size / 1000);
		g_assert_cmpstr(derived.text->str, ==, expected);
	}
}

static void
test_sizes(void)
{
	static const struct {
		gsize lines; /* of 57 bytes */
		const char *shown;
	} rows[] = { { 1, "57 B]" }, { 20, "1.1 kB]" }, { 17544, "1.0 MB]" }, { 40000, "2.3 MB]" } };

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GString) message = repeated("Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n",
			"QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\r\n", rows[i].lines, "");
		g_auto(MimeDerived) derived = { 0 };
		derive(message->str, message->len, &derived);
		g_assert_nonnull(strstr(derived.text->str, rows[i].shown));
	}
}

/* Work is in proportion to the message, whatever is in it; quadratic work would take hours here. */
static void
test_hostile(void)
{
	static const struct {
		const char *begin, *again;
		gsize count;
		const char *end;
	} rows[] = {
		{ "Content-Type: text/html\n\n", "<b>", 1000000, "</i>" },
		{ "Content-Type: text/html\n\n<b><b>", "</i>", 1000000, "" },
		{ "Content-Type: text/html\n\n<p", " a", 1000000, ">x" },
		{ "Content-Type: text/html\n\n<p", " =\"", 1000000, ">x" },
		{ "Content-Type: text/html\n\n", "<!-", 1000000, "" },
		{ "Content-Type: text/html\n\n<script>", "</scrip", 500000, "" },
		{ "Content-Type: text/html\n\n", "<a href=http://x>", 200000, "" },
		{ "Content-Type: text/html\n\n", "<blockquote>x", 200000, "" },
		{ "Content-Type: text/html\n\n", "&#", 1000000, "" },
		{ "Subject: ", "=?", 1000000, "\n\n" },
		{ "Subject: ", "=?a?Q?", 100000, "\n\n" },
		{ "From: ", "=?utf-8?B?xQ==?= ", 50000, "<a@b>\n\n" },
		{ "From: ", "(\"<", 50000, "\n\n" },
		{ "Content-Type: multipart/mixed; boundary=b", "; x*0=y", 20000, "\n\n--b\n\n" },
		{ "Content-Type: multipart/mixed; boundary=b\n\n", "--", 1000000, "" },
		{ "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n--b--\n", 200000, "" },
		{ "Content-Type: text/plain; charset=iso-2022-jp\n\n", "\033$B", 1000000, "" },
		{ "Content-Type: text/plain; charset=utf-7\n\n", "+", 1000000, "" },
		{ "Content-Type: text/plain; format=flowed\n\n", "> ", 1000000, " \n" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GString) message = repeated(rows[i].begin, rows[i].again, rows[i].count, rows[i].end);
		g_auto(MimeDerived) derived = { 0 };
		derive(message->str, message->len, &derived);
	}
}

/* Any bytes, and good messages with some bytes changed. */
static void
test_random(void)
{
	const Row *tables[] = { header_rows, body_rows, part_rows, html_rows };
	const gsize counts[] = { G_N_ELEMENTS(header_rows), G_N_ELEMENTS(body_rows), G_N_ELEMENTS(part_rows),
		G_N_ELEMENTS(html_rows) };

	for (int round = 0; round < 3000; round++) {
		gsize table = (gsize)g_test_rand_int_range(0, G_N_ELEMENTS(tables));
		const Row *row = &tables[table][g_test_rand_int_range(0, (gint32)counts[table])];
		g_autoptr(GString) message = g_string_new_len(row->message, (gssize)row->length);
		g_auto(MimeDerived) derived = { 0 };

		for (int change = 0; change < 6 && message->len > 0; change++) {
			gsize at = (gsize)g_test_rand_int_range(0, (gint32)message->len);
			if (g_test_rand_bit())
				message->str[at] = (char)g_test_rand_int_range(0, 256);
			else
				g_string_erase(message, (gssize)at, 1);
		}
		derive(message->str, message->len, &derived);
	}
}

static void
test_unreadable(void)
{
	MimeSource closed = { .fd = -1, .length = 1000 };
	MimeSource longer = { .fd = file_of("Subject: x\n\nbody", 16), .offset = 6, .length = 100000 };
	g_auto(MimeDerived) nothing = { 0 }, part = { 0 };

	mime_derive(&closed, true, &nothing);
	g_assert_cmpstr(nothing.text->str, ==, "\n");
	mime_derive(&longer, true, &part);
	g_assert_cmpstr(part.text->str, ==, "Subject: x\n\nbodyafter\n");
	close(longer.fd);
}

/* Every thread derives the same rows.  Not in the suite that ThreadSanitizer runs: it does not see the locks inside
 * Debian's GLib (slices), GMime (its table of charsets) and glibc (loading converters), and reports all three. */
static void *
derive_rows(void *data)
{
	for (int round = 0; round < 20; round++) {
		for (gsize i = 0; i < G_N_ELEMENTS(header_rows); i++)
			check_row(&header_rows[i]);
		for (gsize i = 0; i < G_N_ELEMENTS(body_rows); i++)
			check_row(&body_rows[i]);
		for (gsize i = 0; i < G_N_ELEMENTS(part_rows); i++)
			check_row(&part_rows[i]);
	}
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[4];

	for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
		g_assert_cmpint(pthread_create(&threads[i], NULL, derive_rows, NULL), ==, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
		g_assert_cmpint(pthread_join(threads[i], NULL), ==, 0);
}

static void
test_message_id(void)
{
	static const struct {
		const char *header;
		bool has;
	} rows[] = {
		{ "From: a@b\r\nMessage-ID: <1@b>\r\n\r\n", true },
		{ "message-id:\r\n <1@b>\r\n\r\n", true },
		{ "Message-Id: without brackets", true },
		{ "From: a@b\r\n\r\n", false },
		{ "Message-ID: \r\n\r\n", false },
		{ "X-Message-ID: <1@b>\r\n\r\n", false },
		{ "Subject: x\r\n Message-ID: <1@b>\r\n\r\n", false },
		{ "", false },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpint(mime_header_has_message_id((const uint8_t *)rows[i].header, strlen(rows[i].header)), ==,
		                rows[i].has);
}

/* Many of them wait for a commit at once, so a hostile message is not to make them large. */
static void
test_words_are_bounded(void)
{
	GString *message = g_string_new("From: \"");
	MimeDerived derived;

	for (int i = 0; i < 2000; i++)
		g_string_append(message, "\xc5\x99");
	g_string_append(message, "\" <a@b>\nSubject: x");
	for (int i = 0; i < 2000; i++)
		g_string_append(message, "\xc5\x99");
	g_string_append(message, "\n\n");
	MimeSource source = { .bytes = (const uint8_t *)message->str, .fd = -1, .length = message->len };
	mime_derive(&source, false, &derived);
	g_assert_cmpuint(strlen(derived.from), ==, MIME_WORDS_MAX_BYTES);
	g_assert_cmpuint(strlen(derived.subject), ==, MIME_WORDS_MAX_BYTES - 1); /* not in the midst of a character */
	g_assert_true(g_utf8_validate(derived.from, -1, NULL));
	g_assert_true(g_utf8_validate(derived.subject, -1, NULL));
	mime_derived_clear(&derived);
	g_string_free(message, TRUE);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	mime_init();
	add_rows("header", header_rows, G_N_ELEMENTS(header_rows));
	add_rows("body", body_rows, G_N_ELEMENTS(body_rows));
	add_rows("parts", part_rows, G_N_ELEMENTS(part_rows));
	add_rows("html", html_rows, G_N_ELEMENTS(html_rows));
	g_test_add_func("/mime/text/big-header", test_big_header);
	g_test_add_func("/mime/text/deep", test_deep);
	g_test_add_func("/mime/text/many-parts", test_many_parts);
	g_test_add_func("/mime/text/long-text", test_long_text);
	g_test_add_func("/mime/text/window-edges", test_window_edges);
	g_test_add_func("/mime/text/sizes", test_sizes);
	g_test_add_func("/mime/text/hostile", test_hostile);
	g_test_add_func("/mime/text/random", test_random);
	g_test_add_func("/mime/text/unreadable", test_unreadable);
	g_test_add_func("/mime/text/message-id", test_message_id);
	g_test_add_func("/mime/text/threads", test_threads);
	g_test_add_func("/mime/text/words-are-bounded", test_words_are_bounded);
	return g_test_run();
}
