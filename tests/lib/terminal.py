"""A program that wants a terminal, on one that nobody sees."""
import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from .program import SLOW

_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78])")


class Terminal:
    """A context manager: the program is ended with it, however it stands."""

    def __init__(self, *command, environment, cwd):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, start_new_session=True,
                                        env={**environment, "TERM": "xterm"}, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self._raw = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    @property
    def seen(self):
        """All that was written, without escapes."""
        return _ESCAPES.sub(b"", self._raw).decode(errors="replace")

    def shows(self, text):
        """Blanks do not count: they may have been there before."""
        return text.replace(" ", "") in self.seen.replace(" ", "")

    def _read(self, seconds):
        """False: the program has closed its terminal."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            got = os.read(self.master, 65536)
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
        self._raw += got
        return bool(got)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def until(self, condition, what, seconds=30):
        """Until @condition() is true, while the program goes on."""
        deadline = time.monotonic() + seconds * SLOW
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {self.seen[-3000:]}"
            self._read(0.05)

    def ends(self, status=0, seconds=30):
        """The program ends by itself, with that status."""
        deadline = time.monotonic() + seconds * SLOW
        while self._read(0.1) and self.process.poll() is None:
            assert time.monotonic() < deadline, f"{self.command} goes on: {self.seen[-3000:]}"
        assert self.process.wait(30 * SLOW) == status, self.seen[-3000:]
