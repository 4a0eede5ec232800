"""Friends and suppliers far away: English, Hebrew, Arabic, Chinese."""
from . import Mail
from .people import ELISKA, HANNAH, LIN, NOA, marbled

FRIENDS = "Přátelé"
SUPPLIERS = "Dílna/Dodavatelé"
SENT = "Odeslané"

MAILS = [
    Mail(FRIENDS, "2024-01-21 22:14", HANNAH, ELISKA, "The owl has arrived", """\
The little owl you stamped on the spine has been admired by every guest this week,
including a retired judge who asked twice what it cost. I told him it was priceless
and then poured him a dram so he would stop asking.

Come in May. The midges are not up yet and the room over the kitchen is yours.

H.
""", encoding="7bit", charset="us-ascii"),
    Mail(SENT, "2024-01-22 08:00", ELISKA, HANNAH, "Re: The owl has arrived", """\
May, then. I shall bring gingerbread and a spare owl.
"""),
    Mail(FRIENDS, "2024-05-25 09:41", HANNAH, ELISKA, "What you left behind", """\
One umbrella (yours), one bone folder (surely yours), one recipe for strudel pinned
to the larder door with the note "no raisins, ask Grandmother".

The bone folder is in the post. The recipe stays.
""", attachments=(("customs form CN22 – “bone folder”.png", "image/png", marbled(7)),)),
    Mail(FRIENDS, "2024-03-17 18:25", NOA, ELISKA, "ספר קטן ליואב", """\
אלישקה היקרה,

יואב בן שלוש ומבקש כל ערב את אותו סיפור על הינשוף. כתבתי לו אותו סוף סוף, שש־עשרה
עמודים עם ציורים. תוכלי לכרוך לנו עותק אחד? שיהיה חזק, הוא אוהב גם לאכול ספרים.

נשיקות מתל אביב,
נועה
""", encoding="base64"),
    Mail(SENT, "2024-03-18 07:12", ELISKA, NOA, "Re: ספר קטן ליואב", """\
Noa, of course. Board covers, rounded corners, sewn through the fold: it will
survive Yoav, and Yoav will survive it (wheat paste only).

שלום, Eliška
"""),
    Mail(FRIENDS, "2024-04-22 16:03", NOA, ELISKA, "הינשוף הגיע!", """\
החבילה הגיעה היום. יואב הריח את הספר, הקשיב לו, ואז ישן איתו.
מצורפת תמונה של הכריכה על המדף.

תודה תודה תודה
""", charset="iso-8859-8", attachments=(("הינשוף על המדף.png", "image/png", marbled(13)),)),
    Mail(FRIENDS, "2024-06-05 11:30", ("سلمى حداد", "salma@haddad.example.org"), ELISKA, "ورشة التجليد في براغ", """\
عزيزتي إليشكا،

سمعت عن ورشة التجليد التي تقيمينها في الخريف. هل ما زال هناك مكان؟ أعمل في ترميم
المخطوطات في بيروت وأحب أن أتعلم الخياطة القبطية منك.

مع التحية،
سلمى
"""),
    Mail(SENT, "2024-06-06 06:20", ELISKA, ("سلمى حداد", "salma@haddad.example.org"), "Re: ورشة التجليد في براغ", """\
Dear Salma,

one place was kept for you before you asked. The workshop is in Brno, not Prague;
we forgive everybody once.

Eliška
"""),
    Mail(SUPPLIERS, "2024-02-06 03:05", LIN, ELISKA, "宣纸样品已寄出", """\
尊敬的马尔科娃女士：

您要的宣纸样品今天已经寄出，共六种，其中“净皮”最适合修补旧书。
请注意：纸张怕潮，收到后请平放两天再使用。

此致
敬礼
林薇
""", charset="gb18030", encoding="base64"),
    Mail(SUPPLIERS, "2024-02-20 02:48", LIN, ELISKA, "发票和报价单", """\
您好，

附件是发票和新的报价单。一百张起订，运费由我们承担。
日记本的故事我讲给父亲听了，他说：好纸就该用来做这样的事。

林薇
""", attachments=(("报价单 2024.csv", "text/csv; charset=utf-8", "品名,克重,单价\n净皮,32,¥18\n特净,28,¥24\n".encode()),
                  ("发票-0217.pdf", "application/pdf", b"%PDF-1.4\n%sample\n"))),
    Mail(SENT, "2024-02-20 08:33", ELISKA, LIN, "Re: 发票和报价单", """\
Dear Ms Lin,

a hundred sheets of 净皮, please. Your father is right, and you may tell him
the diary is breathing again.

Eliška Marková
"""),
    Mail(SUPPLIERS, "2024-10-09 04:15", LIN, ELISKA, "中秋快乐", """\
马尔科娃女士，

祝您中秋快乐！新的一批纸晒好了，颜色比去年的白。

林薇
""", encoding="base64", flags=()),
]
