"""Programs that read everything: where only headers are kept they do not have the account downloaded."""
import errno
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lib.headers import MAILS, asked, fails, fill, here, until

pytestmark = pytest.mark.usefixtures("fuse")
PRUNE = "fuse.mailtree"


@pytest.fixture
def start(serve, home):
    """start(**keys of [mailtree]): a server with MAILS, of which only the headers are here."""
    def begin(**keys):
        server = serve()
        fill(server)
        lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
        home.write_config(f"[mailtree]\n{lines}\n" if lines else "")
        home.configure(**server.account(), bodies="headers")
        home.sync()
        return server
    return begin


@pytest.fixture
def called(tmp_path):
    """called(name): cat(1) under that name."""
    def make(name):
        path = tmp_path / name
        shutil.copy("/bin/cat", path)
        return path
    return make


def refused(mount):
    told = mount.status()
    return told["refused_crawlers"], told["refused_rate"]


def read(program, path):
    """(its output, what it says of an error)"""
    done = subprocess.run([program, path], capture_output=True, env={**os.environ, "LC_ALL": "C"})
    return done.stdout, done.stderr.decode()


@pytest.mark.parametrize("name", ["updatedb.plocate", "tracker-extract-3", "localsearch-extractor-3", "baloo_file_extractor", "recollindex"])
def test_a_crawler_fetches_nothing(name, start, called, home):
    server, crawler = start(), called(name)
    with home.mount() as mount:
        home.sync()
        for path in mount.files()["INBOX"].values():
            out, err = read(crawler, path)
            assert out == b"" and "Permission denied" in err
        assert asked(server) == [] and here(home)[0] == set()
        until(lambda: refused(mount)[0] >= len(MAILS), "status counts them")
        assert f"refused {refused(mount)[0]} reads of crawlers, the last by {name[:15]}\n" in home.run("status").out
        assert mount.said().count("reads messages that are not here") == 1
        assert mount.files()["INBOX"][1].read_bytes() == MAILS[0], "others are given what they ask for"
        assert read(crawler, mount.files()["INBOX"][1])[0] == MAILS[0], "what is here a crawler may read"


def test_a_crawler_sees_names_headers_and_text(start, called, home):
    server, crawler = start(), called("baloo_file")
    with home.mount() as mount:
        for path in mount.files(view="text")["INBOX"].values():
            out, err = read(crawler, path)
            assert b"visible" in out and err == ""
        assert asked(server) == [] and refused(mount) == (0, 0)


def test_which_are_crawlers_is_configured(start, called, home):
    server = start(crawlers="my-indexer default")
    with home.mount() as mount:
        home.sync()
        paths = mount.files()["INBOX"]
        assert "Permission denied" in read(called("my-indexer"), paths[1])[1]
        assert "Permission denied" in read(called("recollindex"), paths[1])[1]
        assert asked(server) == []
        assert read(called("recollq"), paths[1])[0] == MAILS[0]


def test_without_crawlers_all_are_equal(start, called, home):
    start(crawlers="none")
    with home.mount() as mount:
        home.sync()
        assert read(called("updatedb"), mount.files()["INBOX"][1])[0] == MAILS[0]


def test_beyond_the_rate_readers_are_refused_at_once(start, home):
    server = start(fetch_rate=2)
    with home.mount() as mount:
        home.sync()
        paths = mount.files()["INBOX"]
        found = [fails(paths[uid]) if uid > 2 else paths[uid].read_bytes() for uid in (1, 2, 3, 4, 5)]
        assert found[:2] == MAILS[:2] and set(found[2:]) == {errno.EBUSY}
        assert len(asked(server)) == 2
        assert paths[1].read_bytes() == MAILS[0], "what is here is read as ever"
        until(lambda: refused(mount)[1] >= 3, "status counts them")
        assert re.search(r"^refused \d+ reads beyond fetch_rate$", home.run("status").out, re.M)
        assert mount.said().count("than fetch_rate in mailtree-config(5) allows") == 1


def test_what_cannot_be_fetched_does_not_count(start, home):
    """Without a connection each is told so, however many."""
    server = start(fetch_rate=2)
    with home.mount() as mount:
        home.sync()
        paths = mount.files()["INBOX"]
        server.dead = True
        server.drop()
        until(lambda: fails(paths[1]) == errno.EHOSTUNREACH, "it is noticed")
        assert {fails(path) for path in paths.values()} == {errno.EHOSTUNREACH}


def test_the_rate_may_be_unlimited(start, home):
    start(fetch_rate="unlimited")
    with home.mount() as mount:
        home.sync()
        assert [mount.files()["INBOX"][uid + 1].read_bytes() for uid in range(len(MAILS))] == MAILS
        assert refused(mount) == (0, 0)


def test_without_a_mount_nobody_is_refused(start, home):
    start()
    told = json.loads(home.run("status", "--json").out)
    assert told["refused_crawlers"] == told["refused_rate"] == 0
    assert "refused" not in home.run("status").out


# updatedb

def located(root, database, *more):
    """The names below @root that updatedb, as Debian sets it up, finds."""
    subprocess.run(["updatedb", "-U", root, "-o", database, "-l", "no", "--prunepaths", "", *more], check=True)
    done = subprocess.run(["plocate", "-d", database, "visible"], capture_output=True, text=True)
    return done.stdout.splitlines()


def test_updatedb_lists_the_tree_and_fetches_nothing(start, tmp_path, home):
    server = start()
    with home.mount() as mount:
        home.sync()
        names = located(mount.path, tmp_path / "db")
        for view in (mount.mail, mount.text):
            assert len([name for name in names if name.startswith(f"{view}/")]) == len(MAILS)
        assert asked(server) == [] and refused(mount) == (0, 0)


def test_updatedb_can_be_told_to_leave_it_out(start, tmp_path, home):
    """By the line that mailtree-tree(7) shows."""
    manual = (Path(__file__).resolve().parents[2] / "docs" / "man" / "mailtree-tree.7.scd").read_text()
    assert f'PRUNEFS="... {PRUNE}"' in manual
    assert PRUNE not in Path("/etc/updatedb.conf").read_text()
    start()
    with home.mount() as mount:
        kind, = [line.split()[2] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == str(mount.path)]
        assert kind == PRUNE
        outside = mount.path.parent / "outside-visible"
        outside.touch()
        assert located(mount.path.parent, tmp_path / "db", "--prunefs", PRUNE) == [str(outside)]
