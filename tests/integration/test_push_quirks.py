"""What users did reaches servers of all habits (test_quirks.py), also when the connection ends in it: once, where it belongs."""
import pytest
from lib import messages
from lib.pushing import do, operations, paths, sha, there
from lib.scripted import QRESYNC
from test_quirks import ROWS, MalformedFetch, ReadOnlySelect, SplitFetch

pytestmark = pytest.mark.usefixtures("hasty")

MAILS = [messages.random_message("habit", index) for index in range(12)]
NEW = messages.message("New.\n", subject="new", message_id="new@example.org")
CASES = [pytest.param(session, capabilities[-1], id=session.__name__) for session, capabilities in ROWS if session is not ReadOnlySelect]
UNTOLD = (MalformedFetch, SplitFetch) # the date of what is copied is not known here
EXPECTED = {
    "A": [sha(MAILS[index]) for index in (0, 3, 4, 7, 8, 9, 10, 11)],
    "B": [sha(MAILS[1]), sha(MAILS[2]), sha(MAILS[3]), sha(NEW)],
    "Trash": [sha(MAILS[5])],
}


@pytest.mark.parametrize("cuts", [[], ["APPEND", "COPY", "MOVE", "EXPUNGE"]], ids=["whole", "cut"])
@pytest.mark.parametrize("session, capability", CASES)
def test_what_is_done_here_arrives_once(session, capability, cuts, serve, home, tmp_path):
    capability += "" if "UIDPLUS" in capability else " UIDPLUS"
    capability += " MOVE" if capability.startswith(QRESYNC) else ""
    cuts = [each for each in cuts if each in (*capability.split(), "APPEND", "COPY", "EXPUNGE")]
    server = serve(session, capability=capability)
    server.add("A", MAILS)
    server.add("B")
    server.add("Trash")
    home.configure(**server.account())
    home.run("sync")
    new = tmp_path / "new"
    new.write_bytes(NEW)
    do(home, "flag", "\\Flagged", "", *paths(1))
    do(home, "move", "test/B", *paths(2, 3))
    do(home, "copy", "test/B", *paths(4))
    do(home, "delete", *paths(6))
    do(home, "expunge", "0", *paths(7))
    do(home, "append", "test/B", "", "1700000000", str(new))
    for cut in cuts:
        server.cut_before_reply = cut
        home.run("sync")
        assert server.cut_before_reply is None, f"it was not cut at {cut}"
    for _ in range(3):
        home.run("sync")
    assert [each[:2] for each in operations(home)] == ([("copy", "held")] if cuts and session in UNTOLD else [])
    found = {name: sorted(body for _, body in mails.values()) for name, mails in there(server).items() if name != "INBOX"}
    assert found == {name: sorted(wanted) for name, wanted in EXPECTED.items()}
    assert "\\Flagged" in there(server)["A"][1][0]
