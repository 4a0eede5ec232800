"""Newsletters, receipts, machines."""
from . import Mail
from .people import ELISKA

NEWS = "Novinky"


def newsletter(title, items, foot):
    return (f"<!DOCTYPE html><html><head><title>{title}</title><style>body{{font-family:sans-serif}}.x{{color:#888}}</style></head><body>"
            f"<h1>{title}</h1><ul>" + "".join(f"<li><a href=\"https://example.com/{number}\">{head}</a><br>{text}</li>"
                                              for number, (head, text) in enumerate(items)) +
            f"</ul><p class=x>{foot}</p><img src=\"https://example.com/pixel.gif\" width=1 height=1></body></html>\n")


SEWN = ("The Sewn Board", "letter@sewnboard.example.com")
DIVADLO = ("Divadlo Na Provázku", "newsletter@provazek.example.cz")
POSTA = ("Balíkovna", "neodpovidejte@balik.example.cz")
DRAHY = ("Dráhy", "jizdenky@drahy.example.cz")

MAILS = [
    Mail(NEWS, "2024-01-15 05:00", SEWN, ELISKA, "The Sewn Board no. 41: paste, and why yours smells", newsletter(
        "The Sewn Board no. 41", [
            ("Wheat or rice?", "We boiled both for a week &mdash; the neighbours have opinions."),
            ("A needle case from 1780", "Found in a wall in Leiden, <em>still threaded</em>."),
            ("Reader&rsquo;s question", "&ldquo;My boards warp.&rdquo; So does time, but there are remedies.")],
        "You get this because you once asked how to round a spine."), html=True),
    Mail(NEWS, "2024-04-15 05:00", SEWN, ELISKA, "The Sewn Board no. 42: thread by thread", newsletter(
        "The Sewn Board no. 42", [
            ("Linen is back", "25/3, 18/3, and the great shortage of 30/3."),
            ("Visiting Brno", "A courtyard, an owl, a woman who repairs diaries &ndash; Eliška Markov&aacute; at her bench.")],
        "Forward this to somebody with ink on their fingers."), html=True, flags=("\\Seen", "\\Flagged")),
    Mail(NEWS, "2024-09-15 05:00", SEWN, ELISKA, "The Sewn Board no. 43", newsletter(
        "The Sewn Board no. 43", [("Autumn courses", "Three places left in Brno, none in Leiden."),
                                  ("Mould", "How to tell it from dust before it tells you.")],
        "Unsubscribing is easy; coming back is easier."), html=True, encoding="base64", flags=()),
    Mail(NEWS, "2024-02-28 08:00", DIVADLO, ELISKA, "Březen na Provázku", newsletter(
        "Březen na Provázku", [
            ("Žluťoučký večer", "Kabaret o všem, co jste chtěli říct s&nbsp;háčky a čárkami. Premiéra 8.&nbsp;března."),
            ("Babička", "Vrací se na repertoár, tentokrát i&nbsp;s&nbsp;kapelou.")],
        "Odhlásit se můžete kdykoli, my to přežijeme."), html=True, charset="windows-1250", encoding="quoted-printable"),
    Mail(NEWS, "2024-10-30 08:00", DIVADLO, ELISKA, "Listopad na Provázku", newsletter(
        "Listopad na Provázku", [("Noc divadel", "Šestnáctého listopadu do dvou do rána."),
                                 ("Loutky", "Dílna pro děti od pěti do devadesáti let.")],
        "Těšíme se na vás."), html=True, charset="windows-1250", flags=()),
    Mail("INBOX", "2024-03-12 14:22", POSTA, ELISKA, "Vaše zásilka je připravena k vyzvednutí", """\
Zásilka DR4410 od odesílatele Papírna Losiny je uložena do 19. 3.
Výdejní místo: Potraviny U Lípy, Údolní 12, Brno.

Na tuto zprávu neodpovídejte.
""", encoding="base64"),
    Mail("INBOX", "2024-05-02 06:15", DRAHY, ELISKA, "Jízdenka Brno – Edinburgh (přes Brusel)", """\
Cestující: Eliška Marková
Brno hl. n. 5:38 → Praha 8:21 → Berlín → Brusel → Londýn → Edinburgh 20:57 (+1)

Místo u okna, oddíl ticha. Šťastnou cestu!
""", attachments=(("jízdenka č. 88-1204.ics", "text/calendar; charset=utf-8",
                                         "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//CS\r\nBEGIN:VEVENT\r\nUID:88-1204@example.cz\r\n"
                                         "DTSTAMP:20240502T061500Z\r\nDTSTART:20240510T033800Z\r\nSUMMARY:Vlak do Edinburghu\r\n"
                                         "END:VEVENT\r\nEND:VCALENDAR\r\n".encode()),)),
    Mail("INBOX", "2024-09-18 23:59", ("Loterie", "vyhra@example.com"), ELISKA, "VYHRÁLI JSTE!!!   1.000.000   $$$", """\
Drahý zákazníku, váše emailova adresa vyhrala. Zaslat prosím cislo karty.
""", charset="iso-8859-2", flags=("$Junk",), word="Q"),
    Mail("INBOX", "2024-11-05 07:00", ("", "cron@dilna.example"), ELISKA, "backup: 3 files copied, 0 errors", """\
/mnt/usb/faktury   3 files
/mnt/usb/fotky     0 files (nothing new)

done in 4 s
""", charset="us-ascii", encoding="7bit", flags=()),
]
