"""The scripted server's SEARCH (RFC 3501 6.4.4, ESEARCH of RFC 4731, MODSEQ of RFC 7162, EMAILID of RFC 8474)."""
import re

from .imapsyntax import BadSyntax, in_set, make_set, parse_day
from .scripted_boxes import SYSTEM_FLAGS
from .scripted_read import Reading

DAY = 86400
FLAG_KEYS = {flag.lstrip("\\").upper().encode("ascii"): flag for flag in SYSTEM_FLAGS.values()}


def unfolded(raw):
    return re.sub(rb"\r\n([ \t])", rb"\1", raw.partition(b"\r\n\r\n")[0])


def has_field(mail, name, text):
    return any(text.lower() in value.lower() for field, _, value in (line.partition(b":") for line in unfolded(mail.raw).split(b"\r\n"))
               if field.strip().lower() == name.lower())


def has_keyword(mail, keyword):
    return keyword.decode("utf-8", "replace").lower() in {flag.lower() for flag in mail.flags}


# Those with one argument: what they test of a message
TESTS = {
    b"KEYWORD": has_keyword,
    b"UNKEYWORD": lambda mail, keyword: not has_keyword(mail, keyword),
    b"FROM": lambda mail, text: has_field(mail, b"From", text),
    b"TO": lambda mail, text: has_field(mail, b"To", text),
    b"CC": lambda mail, text: has_field(mail, b"Cc", text),
    b"BCC": lambda mail, text: has_field(mail, b"Bcc", text),
    b"SUBJECT": lambda mail, text: has_field(mail, b"Subject", text),
    b"BODY": lambda mail, text: text.lower() in mail.raw.partition(b"\r\n\r\n")[2].lower(),
    b"TEXT": lambda mail, text: text.lower() in mail.raw.lower(),
    b"LARGER": lambda mail, size: len(mail.raw) > int(size),
    b"SMALLER": lambda mail, size: len(mail.raw) < int(size),
    b"BEFORE": lambda mail, day: mail.when < parse_day(day),
    b"SINCE": lambda mail, day: mail.when >= parse_day(day),
    b"ON": lambda mail, day: parse_day(day) <= mail.when < parse_day(day) + DAY,
    b"MODSEQ": lambda mail, since: mail.modseq >= int(since),
    b"EMAILID": lambda mail, ident: mail.emailid == b"(" + ident + b")",
}


class Searching(Reading):
    def do_SEARCH(self, *criteria):
        self.search(criteria, False)

    def do_UID_SEARCH(self, *criteria):
        self.search(criteria, True)

    def criterion(self, left):
        """Takes one search key from the list @left.  Returns a function of number and Mail."""
        if not left:
            raise BadSyntax("a search key is missing")
        key = left.pop(0)
        if isinstance(key, list):
            return self.all_of(key)
        key = key.upper()
        if key in (b"ALL", b"OLD"):
            return lambda number, mail: True
        if key in (b"NEW", b"RECENT"):
            return lambda number, mail: False
        if key in FLAG_KEYS:
            return lambda number, mail: FLAG_KEYS[key] in mail.flags
        if key.startswith(b"UN") and key[2:] in FLAG_KEYS:
            return lambda number, mail: FLAG_KEYS[key[2:]] not in mail.flags
        if key == b"NOT":
            one = self.criterion(left)
            return lambda number, mail: not one(number, mail)
        if key == b"OR":
            one, other = self.criterion(left), self.criterion(left)
            return lambda number, mail: one(number, mail) or other(number, mail)
        if key == b"HEADER" and len(left) >= 2:
            name, text = left.pop(0), left.pop(0)
            return lambda number, mail: has_field(mail, name, text)
        if key == b"UID" and left:
            wanted = in_set(left.pop(0), self.view[-1] if self.view else 0)
            return lambda number, mail: wanted(mail.uid)
        if key in TESTS and left:
            argument = left.pop(0)
            return lambda number, mail: TESTS[key](mail, argument)
        wanted = in_set(key, len(self.view))
        return lambda number, mail: wanted(number)

    def all_of(self, keys):
        left, tests = list(keys), []
        while left:
            tests.append(self.criterion(left))
        return lambda number, mail: all(test(number, mail) for test in tests)

    def search(self, criteria, by_uid):
        criteria = list(criteria)
        returns = None
        if criteria and not isinstance(criteria[0], list) and criteria[0].upper() == b"RETURN":
            if not self.has(b"ESEARCH"):
                raise BadSyntax("no ESEARCH here")
            returns = [each.upper() for each in criteria[1]] or [b"ALL"]
            criteria = criteria[2:]
        if criteria and not isinstance(criteria[0], list) and criteria[0].upper() == b"CHARSET":
            criteria = criteria[2:]
        by_modseq = any(not isinstance(each, list) and each.upper() == b"MODSEQ" for each in criteria)
        if by_modseq:
            self.enabled.add(b"CONDSTORE")
        matches = self.all_of(criteria)
        chosen, _ = self.chosen(b"1:*", False)
        found = [(mail.uid if by_uid else number, mail) for number, mail in chosen if matches(number, mail)]
        numbers = [number for number, _ in found]
        modseq = b"%d" % max(mail.modseq for _, mail in found) if by_modseq and found else b""
        if returns is None:
            self.untagged(b"SEARCH" + b"".join(b" %d" % number for number in numbers) + (b" (MODSEQ " + modseq + b")" if modseq else b""))
        else:
            self.untagged(b'ESEARCH (TAG "' + self.tag + b'")' + (b" UID" if by_uid else b"") + self.returned(returns, numbers) +
                          (b" MODSEQ " + modseq if modseq else b""))
        self.tagged(b"OK done")

    def returned(self, returns, numbers):
        told = b""
        if b"ALL" in returns and numbers:
            told += b" ALL " + make_set(numbers)
        if b"COUNT" in returns:
            told += b" COUNT %d" % len(numbers)
        if b"MIN" in returns and numbers:
            told += b" MIN %d" % numbers[0]
        if b"MAX" in returns and numbers:
            told += b" MAX %d" % numbers[-1]
        return told
