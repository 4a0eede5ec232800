"""Several processes that close the same file at the same moment: each gets its answer, and one message comes of it."""
import os
import resource
import threading

from lib.program import SLOW
from lib.writing import NEW, NEW_CRLF

TURNS = 20


def together(*calls):
    """All at once; the errors that they got."""
    barrier, errors = threading.Barrier(len(calls)), []

    def run(call):
        barrier.wait(60 * SLOW)
        try:
            call()
        except OSError as error:
            errors.append(error)
    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return errors


def close_all(file):
    """As when several processes that have inherited a descriptor end: each says that it has closed it."""
    copies = [os.dup(file) for _ in range(7)]
    return together(*(lambda each=each: os.close(each) for each in [file, *copies]))


def test_a_new_file_that_many_close_is_saved_once(work):
    for turn in range(TURNS):
        file = os.open(work.folder("Empty") / f"{turn}.eml", os.O_WRONLY | os.O_CREAT)
        os.write(file, NEW)
        assert close_all(file) == []
    for turn in range(TURNS):
        assert (work.folder("Empty") / f"{turn}.eml").read_bytes() == NEW_CRLF
    work.home.sync()
    with work.remote.connect() as account:
        assert [each.raw for each in account.read("Empty").values()] == [NEW_CRLF] * TURNS


def test_a_copy_that_many_close_is_made_once(work):
    for turn in range(TURNS):
        with open(work.file(1), "rb") as source:
            file = os.open(work.folder("Empty") / f"{turn}.eml", os.O_WRONLY | os.O_CREAT)
            assert os.copy_file_range(source.fileno(), file, 1 << 20) == len(work.work[1].raw)
            assert close_all(file) == []
    work.home.sync()
    with work.remote.connect() as account:
        assert [each.raw for each in account.read("Empty").values()] == [work.work[1].raw] * TURNS


def test_more_files_are_open_than_a_process_may_have_at_first(work):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        work.remount()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    content = b"x" * 300000 # not kept in memory
    files = [os.open(work.folder() / f"{number}.part", os.O_WRONLY | os.O_CREAT) for number in range(300)]
    for file in files:
        assert os.write(file, content) == len(content)
    for file in files:
        os.close(file)
    assert all((work.folder() / f"{number}.part").read_bytes() == content for number in (0, 299))
