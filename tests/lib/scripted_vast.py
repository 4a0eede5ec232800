"""A scripted server with a folder that nobody wants in memory."""
from .scripted import Session


class Vast(Session):
    """INBOX has server.count messages, all alike, none of which it gives."""

    def select_untagged(self, box):
        count = self.server.count
        self.untagged(b"%d EXISTS" % count)
        self.untagged(b"OK [UIDVALIDITY 1] it is")
        self.untagged(b"OK [UIDNEXT %d] it is" % (count + 1))
        self.untagged(b"OK [HIGHESTMODSEQ 5] it is")

    def select_changes(self, box, uidvalidity, modseq, *_):
        pass

    def do_UID_FETCH(self, uids, items, modifiers=()):
        if b"INTERNALDATE" not in items and b"FLAGS" not in items:
            self.tagged(b"NO [LIMIT] enough for today")
            return
        first, _, last = uids.partition(b":")
        last = self.server.count if last == b"*" else int(last)
        kept = b' INTERNALDATE "13-Sep-2020 12:26:40 +0000" RFC822.SIZE 3000' if b"INTERNALDATE" in items else b""
        for begin in range(int(first), last + 1, 1000):
            self.send(b"".join(b"* %d FETCH (UID %d FLAGS (\\Seen $Label%d)%s MODSEQ (3))\r\n" % (uid, uid, uid % 50, kept)
                               for uid in range(begin, min(begin + 1000, last + 1))))
        self.tagged(b"OK done")
