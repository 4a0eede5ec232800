"""Who writes, and some attachments."""
import struct
import zlib

ELISKA = ("Eliška Marková", "eliska@knihvazba.example")
TOMAS = ("Tomáš Marek", "tomas.marek@example.cz")
MAMA = ("Máma", "jarmila.markova@example.cz")
BABI = ("Babička Božena", "bozena@example.cz")
HANNAH = ("Hannah MacLeod", "hannah@macleod.example.org")
NOA = ("נועה ברק", "noa@barak.example.org")
LIN = ("林薇", "lin.wei@paper.example.com")
KNIHOVNA = ("Ing. Růžena Šťastná", "stastna@knihovna.example.cz")
VYDAVATEL = ("Nakladatelství Přístav", "redakce@pristav.example.cz")
ZAKAZNIK = ("Ondřej Veselý", "ondrej.vesely@example.cz")
UCETNI = ("Zdeňka Účetní", "zdenka@ucto.example.cz")
PAPIRNA = ("Papírna Losiny", "obchod@papirna.example.cz")


def png(width, height, pixel):
    """A picture; pixel(x, y) gives (red, green, blue)."""
    rows = b"".join(b"\0" + bytes(value for x in range(width) for value in pixel(x, y)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def pdf(text):
    """A page with one line of ASCII."""
    stream = f"BT /F1 18 Tf 72 760 Td ({text}) Tj ET".encode("ascii")
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
               b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
               b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    made, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (made + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
            % (len(objects) + 1, table, len(objects) + 1, len(made)))


def marbled(seed):
    """A marbled end-paper."""
    return png(96, 64, lambda x, y: ((x * y * seed // 7) % 200 + 40, (x * x // 9 + y * seed) % 160 + 60, (y * y // 5 + x) % 180 + 50))
