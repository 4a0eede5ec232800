"""Family: mostly Czech, mostly about food."""
from . import Mail
from .people import BABI, ELISKA, MAMA, TOMAS, marbled

FAMILY = "Rodina"
RECIPES = "Rodina/Babiččiny recepty"
SENT = "Odeslané"

MAILS = [
    Mail(FAMILY, "2023-12-18 17:20", MAMA, ELISKA, "Štědrý den", """\
Eliško,

přijedete s Tomášem už v sobotu, nebo až v neděli? Kapr je objednaný, cukroví je
zamčené, klíč má táta a nepamatuje si kde.

Máma
"""),
    Mail(SENT, "2023-12-18 18:02", ELISKA, MAMA, "Re: Štědrý den", """\
V sobotu odpoledne. Vezmu salát a nářadí na tu skříň.
E.
"""),
    Mail(FAMILY, "2024-01-02 09:30", TOMAS, ELISKA, "Ten salát", """\
Zbytek salátu jsem snědl u nádraží plastovou vidličkou, v minus osmi, vestoje.
Nelituju ničeho.

T.
""", charset="iso-8859-2"),
    Mail(FAMILY, "2024-02-14 12:00", TOMAS, ELISKA, "Příliš žluťoučký kůň", """\
Ségra, potřebuju větu, ve které jsou všechna česká písmenka s háčky a čárkami.
Znáš nějakou lepší než „Příliš žluťoučký kůň úpěl ďábelské ódy“? Zkouším nová písma
a toho koně už nemůžu vidět.

Tomáš
""", encoding="base64"),
    Mail(SENT, "2024-02-14 12:44", ELISKA, TOMAS, "Re: Příliš žluťoučký kůň", """\
Nechť již hříšné saxofony ďáblů rozezvučí síň úděsnými tóny waltzu, tanga a quickstepu.

Koně mi pošli, mám pro něj papír.
"""),
    Mail(FAMILY, "2024-03-29 15:45", MAMA, ELISKA, "Velikonoce a zahrada", """\
<p>Ahoj děti,</p><p>na zahradě kvete <i>všechno najednou</i>, i ta meruňka, o které táta tvrdil, že je mrtvá.
Přijeďte v <b>pondělí</b>, mrskačka se nekoná, ale beránek bude.</p><p>Máma<br>P.&nbsp;S. Fotka v příloze.</p>
""", html=True, attachments=(("kvetoucí meruňka.png", "image/png", marbled(11)),)),
    Mail(FAMILY, "2024-05-06 20:20", TOMAS, ELISKA, "Stěhování", """\
Byt je podepsaný! Třetí patro, bez výtahu, takže knihy až nakonec a piano vůbec.
Kdo pomůže, dostane guláš. Sobota osmnáctého, v osm.
""", charset="iso-8859-2"),
    Mail(FAMILY, "2024-05-19 08:10", TOMAS, ELISKA, "Re: Stěhování", """\
Děkuju. Za regál, za záda i za to, že ses nezeptala, proč mám tři mandolíny.
""", charset="iso-8859-2", encoding="8bit"),
    Mail(FAMILY, "2024-08-11 11:00", MAMA, ELISKA, "Babiččina osmdesátka", """\
Sejdeme se v neděli 25. srpna ve dvanáct na Vranově. Babička výslovně nechce dárky,
což znamená, že chce album. Fotky mám v krabici od bot, přivezu.

Kdo co peče:
 - Eliška: štrúdl
 - Tomáš: nic, prosím
 - já: dort
""", flags=("\\Seen", "\\Flagged")),
    Mail(SENT, "2024-08-12 06:55", ELISKA, MAMA, "Re: Babiččina osmdesátka", """\
Album bude. Plátno vínové, rohy kožené, předsádky ze žluťoučkého papíru, ať se to hodí
k jejím záclonám.
"""),
    Mail(FAMILY, "2024-08-26 19:00", BABI, ELISKA, "děkuji", """\
Milá Eliško tomáš mi ukázal jak se píše mejl tak píšu. to album je krásné prohlížela
jsem ho do noci. ten na straně dvanáct neni děda ale jeho bratr. babička
""", encoding="base64", flags=("\\Seen", "\\Flagged")),
    Mail(RECIPES, "2024-09-03 16:16", BABI, ELISKA, "štrúdl", """\
hladká mouka 300 g, olej 3 lžíce, vlažná voda, špetka soli, lžíce octa. těsto bít
o vál dokud ti nedojde vztek. odpočívat pod teplým hrncem půl hodiny. jablka,
skořice, strouhanka na másle, ořechy. rozinky ne, to je na vídeňáky. babička
""", charset="iso-8859-2"),
    Mail(RECIPES, "2024-09-10 15:05", BABI, ELISKA, "svíčková", """\
zeleniny stejně jako masa. péct den předem. smetana nakonec a nešetřit. ocet cukr
hořčice až chutná. knedlík podle mámy ta ho umí líp než já ale neříkej jí to
""", charset="iso-8859-2", encoding="8bit"),
    Mail(RECIPES, "2024-10-21 10:40", BABI, ELISKA, "bramboračka s houbami", """\
hřiby sušené namočit přes noc. majoránku až na konec a mnout v dlaních. kmín.
jíšku tmavší než si myslíš.
""", encoding="base64"),
    Mail(RECIPES, "2024-11-30 09:15", BABI, ELISKA, "vanilkové rohlíčky", """\
28 dkg mouky 21 dkg másla 10 dkg ořechů 7 dkg cukru. obalovat ještě teplé jinak to
nedrží. první plech vždycky sní tomáš s tím nic neuděláš
"""),
    Mail("INBOX", "2024-11-03 21:30", TOMAS, ELISKA, "Koncert 16. 11.", """\
Hrajeme v sobotu ve Skleněné louce, začátek v osm. Tři mandolíny, jeden kontrabas,
žádné vysvětlení. Přijď!

T.
""", charset="iso-8859-2", flags=()),
]
