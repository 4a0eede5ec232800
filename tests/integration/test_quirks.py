"""Each server of the table in docs/imap.md ("what real servers do") that matters for reading: it is played here, and the
messages still come, all of them and once."""
import re

import pytest
from lib import messages, private_network, scripted
from lib.scripted import CONDSTORE, QRESYNC, REV1, Session

pytestmark = pytest.mark.usefixtures("fuse")

MAILS = [messages.random_message("quirk", index) for index in range(12)]


def run(home, server, times=2):
    """Synchronises; the second run must not spoil what the first one brought.  Returns {folder: [bytes]}."""
    home.configure(**server.account())
    for _ in range(times):
        home.sync()
    with home.mount() as mount:
        return {folder: [raw for _, raw in sorted(found.items())] for folder, found in mount.messages().items()}


def changed(home, server):
    """A run after a new, a changed and an expunged message in A.  Returns A's messages."""
    box = server.box("A")
    box.expunge(3)
    box.set_flags(5, "\\Seen")
    box.add(messages.message("New.\n", subject="new"))
    home.sync()
    with home.mount() as mount:
        found = mount.messages()["A"]
    assert found == {mail.uid: mail.raw for mail in box.mails}


def replacing(pattern, by, flags=re.I):
    """A session that rewrites what matches in each response that carries no message."""
    class Replacing(Session):
        def outgoing(self, response):
            if b"{" in response:
                head, brace, rest = response.partition(b"{")
                return re.sub(pattern, by, head, flags=flags) + brace + rest
            return re.sub(pattern, by, response, flags=flags)
    return Replacing


class ICloudLogin(Session):
    """Text behind CAPABILITY at login, which is none."""
    def logged_in(self):
        self.tagged(b"OK [CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR AUTH=ATOKEN] user logged in [mail]")
        self.server.told = True


class NoUntaggedEnabled(Session):
    """iCloud: ENABLE is answered OK, without ENABLED: then nothing is enabled, and VANISHED would be malformed."""
    def do_ENABLE(self, *_):
        self.tagged(b"OK ENABLE completed")

    def vanished(self, box, modseq, wanted):
        self.untagged(b"VANISHED (EARLIER) ")


class MalformedVanished(Session):
    def vanished(self, box, modseq, wanted):
        self.untagged(b"VANISHED EARLIER 1:x")


class Rfc822Incomplete(Session):
    """iCloud: FETCH RFC822 lacks parts; BODY[] does not."""
    def fetch_item(self, mail, item):
        if item.upper().startswith(b"RFC822") and item.upper() != b"RFC822.SIZE":
            return item.upper() + b" {10}\r\nincomplete"
        return super().fetch_item(mail, item)


class UnescapedEnvelope(Session):
    def fetch_item(self, mail, item):
        if item.upper() == b"ENVELOPE":
            return b'ENVELOPE ("date" "a "quoted" subject" NIL NIL NIL NIL NIL NIL NIL "<x>")'
        return super().fetch_item(mail, item)


class WrongSize(Session):
    """Gmail, Exchange: too large, too small, 0."""
    def fetch_item(self, mail, item):
        if item.upper() == b"RFC822.SIZE":
            return b"RFC822.SIZE %d" % [len(mail.raw) + 17, len(mail.raw) // 2, 0][mail.uid % 3]
        return super().fetch_item(mail, item)


class StatusCountsMore(Session):
    """Gmail: STATUS and EXISTS count what FETCH does not show."""
    def status_line(self, box, items):
        return re.sub(rb"MESSAGES (\d+)", lambda m: b"MESSAGES %d" % (int(m.group(1)) + 3), super().status_line(box, items))

    def outgoing(self, response):
        return re.sub(rb"^\* (\d+) EXISTS", lambda m: b"* %d EXISTS" % (int(m.group(1)) + 3), response)


class EmptyEsearch(Session):
    """Exchange."""
    def search(self, criteria, by_uid):
        if criteria and criteria[0].upper() == b"RETURN":
            self.untagged(b"ESEARCH RETURN ()")
            self.tagged(b"OK done")
        else:
            super().search(criteria, by_uid)


class CodesWithoutOk(Session):
    """Exchange: "* [UIDNEXT 5]"."""
    def outgoing(self, response):
        return re.sub(rb"^\* OK (\[(?:UIDNEXT|PERMANENTFLAGS)[^]]*\]).*", rb"* \1", response, flags=re.S) + \
            (b"\r\n" if re.match(rb"^\* OK \[(?:UIDNEXT|PERMANENTFLAGS)", response) else b"")


class BarePlus(Session):
    """Exchange: a continuation without text or space."""
    def respond(self, response):
        super().respond(b"+\r\n" if response.startswith(b"+ ") else response)


class PipelinedStatusLimit(Session):
    """Exchange: more than 25 STATUS at once are BAD."""
    waiting = 0

    def read_command(self):
        if b"\n" not in self._buffer:
            self.waiting = 0
        found = super().read_command()
        self.waiting = max(self.waiting, self._buffer.count(b" STATUS "))
        return found

    def do_STATUS(self, name, items):
        if self.waiting > 25:
            self.tagged(b"BAD too many commands in flight")
        else:
            super().do_STATUS(name, items)


class MissingMessage(Session):
    """Exchange: one message cannot be given, the command says NO, the others come."""
    def fetch(self, chosen, items, modifiers, wanted):
        if any(item.upper().startswith(b"BODY") for item in (items if isinstance(items, list) else [items])):
            bad = [pair for pair in chosen if pair[1].uid == 4]
            good = [pair for pair in chosen if pair[1].uid != 4]
            if bad:
                for number, mail in good:
                    self.fetch_one(number, mail, items)
                self.tagged(b"NO The specified message set is invalid: does not have a message with UID 4")
                return
        super().fetch(chosen, items, modifiers, wanted)


class MissingSilently(Session):
    """Any: a message that was expunged meanwhile is left out of FETCH, which is OK."""
    def fetch(self, chosen, items, modifiers, wanted):
        items = items if isinstance(items, list) else [items]
        if any(item.upper().startswith(b"BODY") for item in items):
            chosen = [pair for pair in chosen if pair[1].uid != 4]
        super().fetch(chosen, items, modifiers, wanted)


class NilBody(Session):
    """Any: BODY[] NIL for a message that cannot be read now."""
    def fetch_item(self, mail, item):
        if item.upper().startswith(b"BODY.PEEK[]") and mail.uid == 4:
            return b"BODY[] NIL"
        return super().fetch_item(mail, item)


class LastForStar(Session):
    """Any server, by the standard: n:* names the last message though its UID is smaller than n."""


class LongCommandsRefused(Session):
    """Yahoo: no command over 1,000 bytes."""
    def command(self, name, arguments, literals):
        if len(name) + len(arguments) > 980:
            self.tagged(b"BAD command line too long")
        else:
            super().command(name, arguments, literals)


class CourierSelect(Session):
    """No UIDNEXT on SELECT, no UIDVALIDITY on EXAMINE; STATUS tells both."""
    def select(self, name, options, access):
        self.access = access
        super().select(name, options, access)

    def outgoing(self, response):
        if response.startswith(b"* OK [UIDNEXT") or response.startswith(b"* OK [UIDVALIDITY") and self.access == b"READ-ONLY":
            return b""
        return response


class ManyExists(Session):
    """Zimbra: several EXISTS in a row; the last one counts."""
    def select_untagged(self, box):
        for count in (0, 99999, 1):
            self.untagged(b"%d EXISTS" % count)
        super().select_untagged(box)


class NoClosed(Session):
    """Some QRESYNC servers send no [CLOSED] when another mailbox is selected."""
    def closed(self):
        pass


class UntaggedNoise(Session):
    """What nobody asked for, at any time."""
    def tagged(self, text):
        for line in (b"* XNEW (thing [x] \"y\")", b"* FLAGS (\\Seen $x ]odd)", b"* OK still here",
                     b"* NO [X-ODD (a b)] strange", b"* OK [BADCHARSET (UTF-8)] no", b"* 0 RECENT"):
            self.send(line + b"\r\n")
        super().tagged(text)


class FetchUnasked(Session):
    """FETCH of flags, without UID, between the answers."""
    def fetch_one(self, number, mail, items):
        self.untagged(b"%d FETCH (FLAGS (\\Seen \\Recent))" % number)
        super().fetch_one(number, mail, items)


class OddModseq(Session):
    """Yandex and others: MODSEQ -1, HIGHESTMODSEQ 0."""
    def fetch_item(self, mail, item):
        return b"MODSEQ (-1)" if item.upper() == b"MODSEQ" else super().fetch_item(mail, item)

    def outgoing(self, response):
        return re.sub(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 0", response) if b"BODY[" not in response else response


class UidNextZero(Session):
    def outgoing(self, response):
        return re.sub(rb"UIDNEXT \d+", b"UIDNEXT 0", response) if b"BODY[" not in response else response


class EmptyStatus(Session):
    def status_line(self, box, items):
        return b"STATUS " + scripted.quote(box.name) + b" ()"


class ScientificNumbers(Session):
    """A number such as 9.37e+06 in STATUS."""
    def status_line(self, box, items):
        return re.sub(rb"(SIZE|HIGHESTMODSEQ) \d+", rb"\1 9.37e+06", super().status_line(box, items))


class SpecialUseBad(Session):
    """ProtonMail bridge: LIST with anything extended is BAD."""
    def do_LIST(self, *arguments):
        if len(arguments) != 2 or isinstance(arguments[0], list):
            self.tagged(b"BAD parse error")
        else:
            super().do_LIST(*arguments)


class StatusInListRefused(Session):
    """LIST RETURN (STATUS …) is answered NO."""
    def do_LIST(self, *arguments):
        if any(isinstance(each, list) and b"STATUS" in [item.upper() for item in each if isinstance(item, bytes)] for each in arguments[2:]):
            self.tagged(b"NO not now")
        else:
            super().do_LIST(*arguments)


class StatusRefusedForOne(Session):
    """STATUS NO for one folder, which can be selected all the same."""
    def do_STATUS(self, name, items):
        if name == b"A":
            self.tagged(b"NO internal error")
        else:
            super().do_STATUS(name, items)


class MalformedFetch(Session):
    """One message's FETCH is nonsense on its line; the next responses are well-formed."""
    def fetch_one(self, number, mail, items):
        if mail.uid == 4 and any(item.upper() == b"INTERNALDATE" for item in items):
            items = [item for item in items if not item.upper().startswith(b"BODY")]
        super().fetch_one(number, mail, items)

    def fetch_item(self, mail, item):
        if mail.uid == 4 and item.upper() == b"INTERNALDATE":
            return b'INTERNALDATE "not a date at all"'
        return super().fetch_item(mail, item)


class OddFlags(Session):
    """Gmail and others: brackets and 8-bit in keywords, an empty flag list with spaces."""
    def fetch_item(self, mail, item):
        if item.upper() == b"FLAGS":
            return b"FLAGS (\\Seen $Odd]Flag [x] )" if mail.uid % 2 else b"FLAGS ( )"
        return super().fetch_item(mail, item)


class LiteralNames(Session):
    """Folder names as literals."""
    def list_line(self, kind, box):
        return kind + b" (\\HasNoChildren) \"/\" " + scripted.literal(box.name)


class AtomNames(Session):
    def list_line(self, kind, box):
        return kind + b" () \"/\" " + box.name

    def do_LIST(self, *arguments):
        super().do_LIST(*arguments)


class QuotedBodies(Session):
    """A body as a quoted string where it fits in one."""
    def fetch_item(self, mail, item):
        made = super().fetch_item(mail, item)
        if made and made.startswith(b"BODY["):
            name, _, rest = made.partition(b" ")
            content = rest.partition(b"\r\n")[2]
            if re.fullmatch(rb"[ -~]*", content):
                return name + b" " + scripted.quote(content)
        return made


class Literal8(Session):
    """A literal8 (RFC 3516) where a literal was due."""
    def fetch_item(self, mail, item):
        made = super().fetch_item(mail, item)
        return re.sub(rb"^(BODY\[[^ ]*) \{", rb"\1 ~{", made) if made else made


class OtherOrder(Session):
    """Items in another order than asked for, UID behind the body."""
    def fetch_one(self, number, mail, items):
        super().fetch_one(number, mail, sorted(items, key=lambda item: not item.upper().startswith(b"BODY")))


class SplitFetch(Session):
    """Each item in a FETCH response of its own, UID in each."""
    def fetch_one(self, number, mail, items):
        for item in items:
            if item.upper() != b"UID":
                super().fetch_one(number, mail, [b"UID", item])


class Backwards(Session):
    """Messages in another order than by number, bodies of different messages interleaved with flags of others."""
    def fetch(self, chosen, items, modifiers, wanted):
        super().fetch(chosen[::-1], items, modifiers, wanted)


class MoreThanAskedFor(Session):
    """FETCH answers for messages that were not asked for."""
    def fetch(self, chosen, items, modifiers, wanted):
        for number, mail in enumerate(self.box.mails, 1):
            self.untagged(b"%d FETCH (UID %d FLAGS ())" % (number, mail.uid))
        super().fetch(chosen, items, modifiers, wanted)


class BodyTwice(Session):
    """The same message sent twice."""
    def fetch_one(self, number, mail, items):
        super().fetch_one(number, mail, items)
        super().fetch_one(number, mail, items)


class LowerCase(Session):
    def outgoing(self, response):
        head, brace, rest = response.partition(b"{")
        if head.upper().startswith((b"* LIST", b"* STATUS")):
            return response
        return re.sub(rb"\b(FETCH|FLAGS|UID|INTERNALDATE|RFC822\.SIZE|BODY|EXISTS|OK|CAPABILITY|UIDVALIDITY|UIDNEXT)\b",
                      lambda m: m.group().lower(), head) + brace + rest


class TrailingSpaces(Session):
    def outgoing(self, response):
        return response if b"{" in response or response.startswith(b"+") else response[:-2] + b" \r\n"


class NoCapabilityInGreeting(Session):
    def greeting(self):
        return b"* OK ready\r\n"

    def logged_in(self):
        self.tagged(b"OK logged in")


class IdRefused(Session):
    def do_ID(self, *_):
        self.tagged(b"BAD what?")


class NamespaceRefused(Session):
    def do_NAMESPACE(self, *_):
        self.tagged(b"NO not here")


class NoUnselect(Session):
    """Servers without UNSELECT answer BAD to it."""
    def do_UNSELECT(self):
        self.tagged(b"BAD unknown command")


class ByeInLogout(Session):
    """Hangs up at LOGOUT without a word."""
    def do_LOGOUT(self):
        raise scripted.Cut


class ReadOnlySelect(Session):
    def select(self, name, options, access):
        super().select(name, options, b"READ-ONLY")


class VanishedOfUnknown(Session):
    """VANISHED names UIDs that never were here, up to the last possible one."""
    def vanished(self, box, modseq, wanted):
        super().vanished(box, modseq, wanted)
        self.untagged(b"VANISHED (EARLIER) 4000000000:4294967295,7000")


ALL = [REV1, CONDSTORE, QRESYNC]
ROWS = [
    # (session, capabilities it is played with)
    (ICloudLogin, [QRESYNC]), (NoUntaggedEnabled, [QRESYNC]), (Rfc822Incomplete, [REV1]), (UnescapedEnvelope, [REV1]),
    (WrongSize, ALL), (StatusCountsMore, ALL), (EmptyEsearch, [CONDSTORE]), (CodesWithoutOk, ALL), (BarePlus, [REV1]),
    (PipelinedStatusLimit, [REV1]), (LastForStar, ALL), (LongCommandsRefused, ALL), (CourierSelect, [REV1]), (ManyExists, ALL),
    (NoClosed, [QRESYNC]), (UntaggedNoise, ALL), (FetchUnasked, ALL), (OddModseq, [CONDSTORE, QRESYNC]), (UidNextZero, [REV1, CONDSTORE]),
    (EmptyStatus, ALL), (ScientificNumbers, ALL), (SpecialUseBad, ALL), (StatusInListRefused, [CONDSTORE, QRESYNC]),
    (StatusRefusedForOne, [REV1]), (MalformedFetch, [REV1]), (OddFlags, ALL), (LiteralNames, ALL), (AtomNames, [REV1]),
    (QuotedBodies, [REV1]), (Literal8, [REV1]), (OtherOrder, ALL), (SplitFetch, [REV1, QRESYNC]), (Backwards, ALL),
    (MoreThanAskedFor, ALL), (BodyTwice, ALL), (LowerCase, ALL), (TrailingSpaces, [REV1]), (NoCapabilityInGreeting, ALL),
    (IdRefused, [REV1]), (NamespaceRefused, [REV1]), (NoUnselect, [REV1]), (ByeInLogout, [REV1]), (ReadOnlySelect, ALL),
    (VanishedOfUnknown, [QRESYNC]),
]


@pytest.mark.parametrize("session, capability", [pytest.param(session, capability, id=f"{session.__name__}-{capability.split()[-1]}")
                                                 for session, capabilities in ROWS for capability in capabilities])
def test_a_servers_habit_costs_no_message(session, capability, serve, home):
    server = serve(session, capability=capability)
    server.add("A", MAILS)
    server.add("Empty")
    server.add("B", MAILS[:3] + [b"short"])
    assert run(home, server) == {"A": MAILS, "B": MAILS[:3] + [b"short"]}
    changed(home, server)


@pytest.mark.parametrize("session", [MissingMessage, MissingSilently, NilBody])
def test_one_message_that_cannot_be_had_stops_no_other(session, serve, home):
    server = serve(session)
    server.add("A", MAILS)
    server.add("B", MAILS[:3])
    home.configure(**server.account())
    done = home.run("sync")
    assert done.status in (0, 69, 75), str(done)
    with home.mount() as mount:
        found = mount.messages()
    assert found["B"] == dict(enumerate(MAILS[:3], 1))
    assert {uid: raw for uid, raw in found["A"].items() if uid != 4} == {uid: raw for uid, raw in enumerate(MAILS, 1) if uid != 4}
    assert 4 not in found["A"], "it shows a message that it does not have"
    server.session_class = Session
    home.sync()
    with home.mount() as mount:
        assert mount.messages()["A"] == dict(enumerate(MAILS, 1))


def test_malformed_vanished_loses_no_message(serve, home):
    server = serve(capability=QRESYNC)
    server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    server.session_class = MalformedVanished
    server.box("A").expunge(3)
    home.run("sync")
    server.session_class = Session
    home.sync()
    with home.mount() as mount:
        assert mount.messages()["A"] == {mail.uid: mail.raw for mail in server.box("A").mails}


def test_a_folder_that_cannot_be_selected_stops_no_other(serve, home):
    class Refusing(Session):
        def select(self, name, options, access):
            if name == b"A":
                self.tagged(b"NO [SERVERBUG] mailbox is broken")
            else:
                super().select(name, options, access)

    server = serve(Refusing)
    server.add("A", MAILS)
    server.add("B", MAILS[:3])
    home.configure(**server.account())
    done = home.run("sync")
    assert done.status == 75 and "A" in done.err, str(done)
    with home.mount() as mount:
        assert mount.messages() == {"B": dict(enumerate(MAILS[:3], 1))}
    server.session_class = Session
    home.sync()
    with home.mount() as mount:
        assert set(mount.messages()) == {"A", "B"}


@pytest.mark.parametrize("answer, status", [
    (b"NO [UNAVAILABLE] temporary", 75), (b"NO [LIMIT] too many", 75), (b"NO [AUTHENTICATIONFAILED] no", 77), (b"NO", 77),
])
def test_login_refused(answer, status, serve, home):
    class Refusing(Session):
        def login(self, user, password):
            self.tagged(answer)

    home.configure(**serve(Refusing).account())
    home.fails(status, "sync")


def test_an_alert_is_shown_once(serve, home):
    class Alerting(Session):
        def tagged(self, text):
            self.untagged(b"OK [ALERT] maintenance tonight")
            super().tagged(text)

    server = serve(Alerting)
    server.add("A", MAILS)
    home.configure(**server.account())
    done = home.run("sync")
    assert done.status == 0 and done.err.count("maintenance tonight") == 1, str(done)


def test_authenticated_but_not_connected(serve, home):
    """Exchange: LOGIN is OK, then everything is BAD."""
    class NotConnected(Session):
        def command(self, name, arguments, literals):
            if self.user and name not in (b"LOGOUT", b"CAPABILITY"):
                self.tagged(b"BAD User is authenticated but not connected.")
            else:
                super().command(name, arguments, literals)

    home.configure(**serve(NotConnected).account())
    done = home.run("sync")
    assert done.status in (69, 75) and len(done.err.splitlines()) == 1, str(done)
    assert "not connected" in done.err


@pytest.mark.parametrize("words", [b"BYE [UNAVAILABLE] try later", b"BYE NO [LIMIT] too much", b"BYE [THROTTLED]"])
def test_bye_in_the_middle_keeps_what_came(words, serve, home):
    class Leaving(Session):
        def fetch_one(self, number, mail, items):
            if mail.uid == 6 and any(item.upper().startswith(b"BODY.PEEK[]") for item in items):
                self.untagged(words)
                raise scripted.Cut
            super().fetch_one(number, mail, items)

    server = serve(Leaving)
    server.add("A", MAILS)
    home.configure(**server.account())
    done = home.run("sync")
    assert done.status == 75 and len(done.errors) == 1, str(done)
    server.session_class = Session
    server.log.clear()
    home.sync()
    assert 0 < sum(b"BODY[] {" in line for _, who, line in server.log if who == "S") < len(MAILS)
    with home.mount() as mount:
        assert mount.messages()["A"] == dict(enumerate(MAILS, 1))


def test_too_many_connections_shrinks_the_pool(serve, home):
    """The second connection is refused: the first one does all."""
    class OneOnly(Session):
        def login(self, user, password):
            others = [each for each in self.server._sessions if each is not self and each.user and not each.ended]
            if others:
                self.tagged(b"NO [LIMIT] Too many simultaneous connections. (Failure)")
            else:
                super().login(user, password)

        ended = False

        def hang_up(self, reset=False):
            self.ended = True
            super().hang_up(reset)

    server = serve(OneOnly)
    for name in "ABCDEF":
        server.add(name, [messages.random_message(name, index, size=20_000) for index in range(10)])
    home.configure(**server.account(connections=4))
    home.sync()
    with home.mount() as mount:
        assert {name: len(found) for name, found in mount.messages().items()} == {name: 10 for name in "ABCDEF"}


def test_a_uidvalidity_that_changes_keeps_inodes_and_fetches_no_body(serve, home):
    server = serve(capability=QRESYNC)
    box = server.add("A", MAILS)
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        before = mount.inodes()["A"]
    box.expunge(1)
    box.renumber(5000)
    server.log.clear()
    home.sync()
    assert not any(b"BODY[] {" in line for _, who, line in server.log if who == "S")
    with home.mount() as mount:
        assert mount.messages()["A"] == dict(enumerate(MAILS[1:], 1))
        assert mount.inodes()["A"] == {uid: before[uid + 1] for uid in range(1, 12)}


def test_gmail_labels_are_fetched_once(serve, home):
    """A message in several folders has one X-GM-MSGID, and its body comes once."""
    server = serve(capability=REV1 + " X-GM-EXT-1")
    for name in ("[Gmail]/All Mail", "Label", "INBOX"):
        box = server.add(name)
        for index, raw in enumerate(MAILS):
            box.add(raw, extra={b"X-GM-MSGID": b"%d" % (1234567890123456789 + index), b"X-GM-LABELS": b"()"})
    home.configure(**server.account())
    home.sync()
    assert sum(b"BODY[] {" in line for _, who, line in server.log if who == "S") == len(MAILS)
    with home.mount() as mount:
        assert all(found == dict(enumerate(MAILS, 1)) for found in mount.messages().values())
        assert set(mount.messages()) == {"[Gmail]/All Mail", "Label", "INBOX"}


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_bulk_is_compressed_when_the_server_is_elsewhere(where, serve, home):
    def scene(address):
        server = serve(host=address, capability=REV1 + " COMPRESS=DEFLATE")
        server.add("A", [messages.random_message("deflate", index) for index in range(200)])
        home.configure(**server.account(host=address, insecure="yes"))
        home.sync()
        assert bool(server.commands(b"COMPRESS")) == (where == "elsewhere")
        with home.mount() as mount:
            assert list(mount.messages()["A"].values()) == [mail.raw for mail in server.box("A").mails]

    if where == "here":
        scene("127.0.0.1")
    elif not private_network.available():
        pytest.skip("only root can make a private network")
    else:
        private_network.run(scene)


def test_the_inbox_prefixed_namespace_of_courier(serve, home):
    class Courier(Session):
        def namespace(self):
            return b'(("INBOX." ".")) NIL NIL'

    server = serve(Courier, separator=b".")
    for name in ("INBOX.Sent", "INBOX.Práce.Deep"):
        server.add(name, MAILS[:2])
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        found = mount.messages()
        assert all(list(each.values()) == MAILS[:2] for each in found.values())
        assert set(found) == {"INBOX/Sent", "INBOX/Práce/Deep"}
