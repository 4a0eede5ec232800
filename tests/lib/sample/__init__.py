"""The sample account of scripts/quickstart: some sixty messages from the life of Eliška Marková, who binds books in Brno.

Every encoding that mail uses is in it somewhere.  accounts() gives the messages by folder; the same bytes every time.
"""
import calendar
import time
from dataclasses import dataclass

from .. import messages
from ..account import Message

EMPTY_FOLDERS = ["Koncepty", "Koš"] # beside those that hold messages


@dataclass
class Mail:
    folder: str
    when: str    # UTC, "2024-03-05 08:12"
    sender: tuple
    to: tuple
    subject: str
    body: str
    charset: str = "utf-8"
    encoding: str = "quoted-printable"
    html: bool = False
    attachments: tuple = () # of (file name, type, bytes)
    flags: tuple = ("\\Seen",)
    word: str = "B" # how encoded words are: B or Q


def mails():
    from . import family, news, work, world
    return [*work.MAILS, *family.MAILS, *world.MAILS, *news.MAILS]


def accounts():
    """{folder: [Message]} in the order of their arrival."""
    folders = {}
    for mail in sorted(mails(), key=lambda each: each.when):
        folders.setdefault(mail.folder, []).append(render(mail))
    return folders


def render(mail):
    when = calendar.timegm(time.strptime(mail.when, "%Y-%m-%d %H:%M"))
    try:
        subject = messages.encoded_words(mail.subject, mail.charset, mail.word)
    except UnicodeEncodeError:
        subject = messages.encoded_words(mail.subject, "utf-8", mail.word)
    keywords = dict(
        subject=subject, sender=mail.sender,
        to=messages.address(*mail.to), when=when, charset=mail.charset, encoding=mail.encoding,
        subtype="html" if mail.html else "plain")
    if mail.attachments:
        raw = messages.mixed(mail.body, mail.attachments, **keywords)
    else:
        raw = messages.message(mail.body, **keywords)
    return Message(raw, frozenset(mail.flags), when)
