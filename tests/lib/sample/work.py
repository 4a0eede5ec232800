"""The workshop: orders, suppliers, the accountant, and what she sent."""
from . import Mail
from .people import (ELISKA, HANNAH, KNIHOVNA, PAPIRNA, UCETNI, VYDAVATEL, ZAKAZNIK, marbled, pdf)

ORDERS = "Dílna/Zakázky"
LIBRARY = "Dílna/Zakázky/2024/Univerzitní knihovna"
SUPPLIERS = "Dílna/Dodavatelé"
SENT = "Odeslané"

MAILS = [
    Mail("INBOX", "2024-01-08 07:45", ZAKAZNIK, ELISKA, "Vazba dědečkova deníku", """\
Dobrý den, paní Marková,

po dědečkovi nám zůstal deník z let 1941 až 1946. Hřbet je utržený, listy jsou
křehké a na několika místech je prožraný červotočem. Šlo by ho zachránit tak,
aby se dal otevřít a číst?

Nespěchá to. Přivezl bych ho osobně, poště ho svěřit nechci.

Ondřej Veselý
""", charset="iso-8859-2"),
    Mail(SENT, "2024-01-08 12:10", ELISKA, ZAKAZNIK, "Re: Vazba dědečkova deníku", """\
Dobrý den, pane Veselý,

zachránit jde skoro všechno, jen to chce čas. Přijďte v úterý po desáté, dílna
je ve dvoře, zvonek nefunguje, klepejte.

Do té doby deník neotvírejte víc než na devadesát stupňů a neskládejte na něj nic těžkého.

Eliška Marková
Knihařství U Sovy, Brno
"""),
    Mail(ORDERS, "2024-01-16 16:31", ZAKAZNIK, ELISKA, "Re: Vazba dědečkova deníku", """\
Děkuji za včerejšek i za čaj. S cenou souhlasím, papír na předsádky nechám na
vás. Posílám slíbenou fotku, jak deník vypadal, když byl ještě celý.

O. V.
""", attachments=(("děda s deníkem 1946.png", "image/png", marbled(3)),)),
    Mail(ORDERS, "2024-02-27 09:02", ZAKAZNIK, ELISKA, "Deník je doma", """\
Paní Marková,

máma si deník včera odnesla do ložnice a dnes ráno měla červené oči. Přečetla ho
celý. Něco takového se do faktury napsat nedá, tak vám to píšu aspoň takhle.

Děkujeme.
""", encoding="base64", flags=("\\Seen", "\\Flagged")),
    Mail(ORDERS, "2024-03-04 10:20", VYDAVATEL, ELISKA, "Poptávka: 120 kusů bibliofilie", """\
Vážená paní Marková,

chystáme výbor z veršů Ivana Blatného, 120 číslovaných výtisků, sešitá vazba
s odkrytým hřbetem, formát 148 × 210, 96 stran. Papír dodáme (Biber 150 g).

Prosíme o cenu a nejbližší termín.

S pozdravem
redakce
""", charset="windows-1250", encoding="quoted-printable"),
    Mail(SENT, "2024-03-05 08:15", ELISKA, VYDAVATEL, "Re: Poptávka: 120 kusů bibliofilie", """\
Dobrý den,

za kus vychází 410 Kč bez desek, s ražbou na přední straně 455 Kč. Začít mohu
osmého dubna, hotovo by bylo do konce května. Ukázku vazby přikládám.

Žluťoučký papír na předsádky mám skladem, víc než dost.

E. M.
""", attachments=(("ukázka vazby – odkrytý hřbet.png", "image/png", marbled(5)),
                  ("cenová nabídka č. 7.pdf", "application/pdf", pdf("Nabidka c. 7: 120 x 455 Kc")))),
    Mail(ORDERS, "2024-03-06 13:40", VYDAVATEL, ELISKA, "Re: Poptávka: 120 kusů bibliofilie", """\
Souhlasíme, objednávka je v příloze. Žluťoučký papír se nám líbí, autor by měl radost.

Redakce
""", charset="iso-8859-2", attachments=(("objednávka 2024-18.pdf", "application/pdf", pdf("Objednavka 2024-18")),)),
    Mail(ORDERS, "2024-05-29 18:05", VYDAVATEL, ELISKA, "Blatný dorazil", """\
Krabice jsou tady a celá redakce místo práce listuje. Číslo 1 je vaše, nechte si
ho. Křest bude 13. června v šest ve Skleněné louce, přijďte!
""", encoding="8bit"),
    Mail(LIBRARY, "2024-02-12 09:00", KNIHOVNA, ELISKA, "Smlouva na převazbu periodik", """\
Dobrý den,

v příloze posílám smlouvu na převazbu 46 svazků Lidových novin (ročníky 1921 až 1932).
Prosím o podpis a o termín prvního svozu.

Ing. Růžena Šťastná
oddělení ochrany fondů
""", charset="iso-8859-2", attachments=(("Smlouva o dílo – převazba.pdf", "application/pdf", pdf("Smlouva o dilo")),)),
    Mail(LIBRARY, "2024-02-19 10:30", KNIHOVNA, ELISKA, "Svoz v pátek", """\
Auto přijede v pátek v osm. Svazky 1 až 12 jsou zabalené v lepence, svazek 7
prosím neukládejte na výšku, drží jen silou vůle.
""", charset="iso-8859-2"),
    Mail(LIBRARY, "2024-04-03 08:50", KNIHOVNA, ELISKA, "Plíseň ve svazku 9", """\
Máte pravdu, je to plíseň. Svazek 9 prosím uzavřete do sáčku a vraťte zvlášť,
pošleme ho na sterilizaci. Ostatní pokračují podle plánu.

Tabulka stavu je v příloze.
""", encoding="base64", attachments=(("stav svazků.csv", "text/csv; charset=utf-8",
                                      "svazek;rok;stav\n7;1924;slepený hřbet\n8;1925;v pořádku\n9;1926;plíseň\n".encode()),)),
    Mail(LIBRARY, "2024-06-20 14:12", KNIHOVNA, ELISKA, "Předání a poděkování", """\
Všech 46 svazků je zpátky v regálech a badatelé si všimli dřív než ředitel.
Fakturu jsem předala ekonomickému oddělení, splatnost 14 dní.

Na podzim budeme řešit mapy. Ozvu se.
R. Šťastná
""", charset="iso-8859-2", flags=("\\Seen", "\\Answered")),
    Mail(SENT, "2024-06-20 15:00", ELISKA, KNIHOVNA, "Re: Předání a poděkování", """\
Na mapy se těším, jen si na ně pořídím větší stůl.
E. M.
"""),
    Mail(SUPPLIERS, "2024-01-11 06:58", PAPIRNA, ELISKA, "Ceník ručního papíru 2024", """\
<html><body style="font-family:serif"><h1>Papírna Losiny</h1>
<p>Vážení zákazníci,</p><p>od února platí nový ceník ručního papíru:</p>
<table border="1"><tr><th>Papír</th><th>Gramáž</th><th>Cena za arch</th></tr>
<tr><td>Žluťoučký předsádkový</td><td>120&nbsp;g</td><td>38&nbsp;Kč</td></tr>
<tr><td>Bílý kreslicí</td><td>250&nbsp;g</td><td>54&nbsp;Kč</td></tr>
<tr><td>S květy</td><td>90&nbsp;g</td><td>72&nbsp;Kč</td></tr></table>
<p>Objednávky přijímáme <b>do konce měsíce</b>.<br>Vaše papírna</p></body></html>
""", html=True, charset="iso-8859-2"),
    Mail(SUPPLIERS, "2024-03-11 11:11", PAPIRNA, ELISKA, "Potvrzení objednávky 2231", """\
Děkujeme za objednávku 2231: 60 archů, papír žluťoučký předsádkový.
Odešleme ve čtvrtek, dobírka 2 280 Kč.
""", charset="iso-8859-2", encoding="8bit"),
    Mail(SUPPLIERS, "2024-09-02 07:20", PAPIRNA, ELISKA, "Dovolená a odstávka", """\
Ve dnech 9. až 20. září čistíme holandry a papír se nevyrábí. Sklad vydává dál.
""", charset="iso-8859-2", flags=()),
    Mail("Dílna", "2024-01-31 19:44", UCETNI, ELISKA, "Podklady za leden", """\
Ahoj Eli,

chybí mi účtenka za kliníček (to je lepidlo?) z 12. 1. a faktura od papírny.
Do desátého prosím, ať nehoříme jako loni.

Zdeňka
"""),
    Mail("Dílna", "2024-02-01 06:30", UCETNI, ELISKA, "Re: Podklady za leden", """\
Aha, klihovina. Dobře, dám to do materiálu.
""", charset="iso-8859-2", encoding="8bit"),
    Mail(SENT, "2024-02-05 21:15", ELISKA, UCETNI, "Podklady za leden", """\
Zdeni, všechno je v příloze. Klih je klih, klíč je klíč, kliníček neexistuje.

E.
""", attachments=(("účtenka č. 12 (klih).pdf", "application/pdf", pdf("Uctenka 12: klih 480 Kc")),
                  ("faktura papírna.pdf", "application/pdf", pdf("Faktura 2231")))),
    Mail("Dílna", "2024-04-02 20:01", UCETNI, ELISKA, "Přiznání je odeslané", """\
Vyšel ti malý přeplatek, 1 314 Kč. Kup si za to něco hezkého a nech si účtenku.
Z.
""", encoding="base64"),
    Mail("Dílna", "2024-07-15 13:13", ("Jonáš Říha", "jonas.riha@example.cz"), ELISKA, "Učeň na léto?", """\
Dobrý den, jsem ve třetím ročníku na grafické škole a chtěl bych se o prázdninách
naučit šít knižní blok pořádně, ne podle videa. Umím zametat a mlčet.

Jonáš Říha
""", flags=("\\Seen", "\\Flagged")),
    Mail(SENT, "2024-07-16 07:05", ELISKA, ("Jonáš Říha", "jonas.riha@example.cz"), "Re: Učeň na léto?", """\
Mlčet nemusíte. Přijďte v pondělí v sedm, zástěru mám, chuť si vezměte svoji.
"""),
    Mail("INBOX", "2024-10-07 08:08", HANNAH, ELISKA, "Two guest books for the inn", """\
Dear Eliska,

the inn survived another summer and the old guest book is full to the last line
(someone drew a sheep across the endpapers; I am keeping it). Could you make two
more like the last one? Quarter leather, dark green, the marbled paper with the
yellow in it.

No hurry, as long as it is before the first snow, which here means Tuesday.

Love to Tomas and the owl,
Hannah
""", charset="us-ascii", encoding="7bit", flags=()),
    Mail(SENT, "2024-10-08 06:40", ELISKA, HANNAH, "Re: Two guest books for the inn", """\
Dear Hannah,

two green guest books, sheep not included. The žluťoučký paper is the one you mean:
"yellowish" would be the dictionary, but it is a word one says with affection.

They will be with you before the snow, if the snow is a gentleman.

Eliška
"""),
]
