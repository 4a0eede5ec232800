"""The client's side of the IMAP grammar, enough for the scripted server: commands into nested lists, sets, quoting."""
import calendar
import re
import time

_ATOM_END = re.compile(rb'[ ()\r\n]')


class BadSyntax(Exception):
    pass


class Quoted(bytes):
    """A quoted string or literal: never a keyword, never NIL."""


class Literal(Quoted):
    pass


class Literal8(Literal):
    """RFC 3516: it may hold NUL."""


def parse_arguments(text, literals):
    """@text: what follows the command's name, its literals replaced by their announcement {n}; their bytes are in
    @literals, in order.  Atoms and strings as bytes, lists as lists.  BODY[…]<…> is one atom."""
    literals = list(literals)
    at = 0

    def value():
        nonlocal at
        if text[at:at + 1] == b"(":
            at += 1
            items = []
            while text[at:at + 1] != b")":
                if at >= len(text):
                    raise BadSyntax("a list without an end")
                if text[at:at + 1] == b" ":
                    at += 1
                    continue
                items.append(value())
            at += 1
            return items
        if text[at:at + 1] == b'"':
            match = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"').match(text, at)
            if not match:
                raise BadSyntax("a quoted string without an end")
            at = match.end()
            return Quoted(re.sub(rb"\\(.)", rb"\1", match.group(1)))
        match = re.compile(rb"(~?)\{\d+\+?\}\r?\n").match(text, at)
        if match:
            at = match.end()
            return (Literal8 if match.group(1) else Literal)(literals.pop(0))
        begin = at
        depth = 0
        while at < len(text):
            here = text[at:at + 1]
            if here == b"[":
                depth += 1
            elif here == b"]":
                depth -= 1
            elif depth <= 0 and _ATOM_END.match(here):
                break
            at += 1
        if at == begin:
            raise BadSyntax(f"unexpected {text[at:at + 10]!r}")
        return text[begin:at]

    items = []
    while at < len(text):
        if text[at:at + 1] == b" ":
            at += 1
            continue
        items.append(value())
    return items


def parse_date(text):
    """The seconds since 1970 of an APPEND's date, "26-Nov-2026 07:05:09 +0100"."""
    try:
        zone = re.fullmatch(rb"[ \d]\d-\w{3}-\d{4} \d\d:\d\d:\d\d ([+-])(\d\d)(\d\d)", text)
        local = calendar.timegm(time.strptime(text[:-6].strip().decode("ascii"), "%d-%b-%Y %H:%M:%S"))
        east = (int(zone.group(2)) * 60 + int(zone.group(3))) * 60
    except (AttributeError, ValueError):
        raise BadSyntax(f"{text!r} is no date") from None
    return local + east if zone.group(1) == b"-" else local - east


def parse_day(text):
    """The seconds since 1970 at which a SEARCH's date begins, 26-Nov-2026."""
    try:
        return calendar.timegm(time.strptime(text.decode("ascii"), "%d-%b-%Y"))
    except ValueError:
        raise BadSyntax(f"{text!r} is no date") from None


def quote(name):
    if re.fullmatch(rb"[^\x00-\x1f\x7f-\xff]*", name):
        return b'"' + re.sub(rb'(["\\])', rb"\\\1", name) + b'"'
    return literal(name)


def literal(content):
    return b"{%d}\r\n%s" % (len(content), content)


def in_set(text, highest):
    """A function that tells whether a number is in the set @text, where "*" is @highest."""
    if isinstance(text, list) or not re.fullmatch(rb"(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*", text):
        raise BadSyntax(f"{text!r} is no set")
    ranges = []
    for piece in text.split(b","):
        low, _, high = piece.partition(b":")
        ends = [highest if end == b"*" else int(end) for end in (low, high or low)]
        ranges.append((min(ends), max(ends)))
    return lambda number: any(low <= number <= high for low, high in ranges)


def make_set(numbers):
    pieces, numbers = [], sorted(numbers)
    while numbers:
        low = high = numbers.pop(0)
        while numbers and numbers[0] == high + 1:
            high = numbers.pop(0)
        pieces.append(b"%d" % low if low == high else b"%d:%d" % (low, high))
    return b",".join(pieces)


def pattern(text, separator):
    """LIST's wildcards as a regular expression."""
    made = b""
    for index in range(len(text)):
        here = text[index:index + 1]
        made += b".*" if here == b"*" else b"[^" + re.escape(separator) + b"]*" if here == b"%" and separator else \
            b".*" if here == b"%" else re.escape(here)
    return re.compile(made + rb"\Z", re.S)
