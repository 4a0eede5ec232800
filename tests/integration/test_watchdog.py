"""What the tests' own watchdog tells of a mount that does not answer."""
import os
import re
import signal
import subprocess
import time

import pytest
from lib.headers import until
from lib.program import SLOW
from lib.watchdog import Watch

pytestmark = pytest.mark.usefixtures("fuse")


def test_who_hangs_in_a_mount_is_told_with_where(serve, home):
    server = serve()
    server.add("A", [b"From: a@example.org\r\n\r\n"])
    home.configure(**server.account())
    home.sync()
    mount = home.mount(hang_s=0.5)
    mount.__enter__()
    try:
        os.kill(mount.process.pid, signal.SIGSTOP)
        reader = subprocess.Popen(["stat", mount.mail / "test" / "A" / "nothing"], stderr=subprocess.PIPE)
        until(lambda: mount.hung, "it is noticed", 60)
        assert reader.wait(30 * SLOW) == 1, "and ended"
    finally:
        mount.end()
    assert re.search(rf"{reader.pid}/{reader.pid} stat: request_wait_answer", mount.hung), mount.hung
    assert f"mail/test/A/nothing\n{reader.pid}" in mount.hung, "what it was called with"
    assert "test_who_hangs_in_a_mount_is_told_with_where" in mount.hung, "what we do"
    assert mount.hung.count(f"{mount.process.pid}/") > 8, "all threads of mailtree"
    assert mount.hung in home.story[-1]


def test_who_waits_for_a_moment_or_for_requests_does_not_hang(serve, home):
    server = serve()
    server.add("A", [b"From: a@example.org\r\n\r\n"])
    home.configure(**server.account())
    home.sync()
    with home.mount() as mount:
        watch = Watch(0.5)
        for _ in range(20):
            home.sync()
            subprocess.run(["ls", "-R", mount.path], stdout=subprocess.DEVNULL, check=True, timeout=60 * SLOW)
            time.sleep(0.1)
            assert watch.look() == []
