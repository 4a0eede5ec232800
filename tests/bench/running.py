"""Runs programs, and tells what each took: seconds, seconds of a processor, peak memory."""
import json
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# What starts programs is small: the kernel's figure of a program's peak memory begins with that of who started it.
_STARTER = """
import json, os, sys, threading, time
for line in sys.stdin:
    command, log = json.loads(line)
    begin = time.monotonic()
    out = [(os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2),
           (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=out)
    hung = threading.Timer(900, os.kill, (child, 9))
    hung.start()
    _, status, usage = os.wait4(child, 0)
    hung.cancel()
    print(json.dumps([time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024,
                      os.waitstatus_to_exitcode(status)]), flush=True)
"""


@dataclass(frozen=True)
class Ran:
    seconds: float
    cpu_s: float
    peak_bytes: int


class Runner:
    """A context manager.  Its programs are in the network in which it was made."""

    def __init__(self):
        self._starter = subprocess.Popen(["/usr/bin/python3", "-S", "-E", "-c", _STARTER], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self._log = tempfile.NamedTemporaryFile(prefix="mtb-log-")
        self._watched = None
        self._peak_bytes = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._starter.stdin.close()
        self._starter.wait()
        self._log.close()

    def watch(self, program):
        """peak() is of the runs of @program from now on."""
        self._watched, self._peak_bytes = str(program), 0

    def peak(self):
        return self._peak_bytes

    def note_peak(self, peak_bytes):
        """Of one that somebody else ran."""
        self._peak_bytes = max(self._peak_bytes, peak_bytes)

    def __call__(self, command, status=0):
        """Any other exit status is the end of it all."""
        command = [str(word) for word in command]
        self._starter.stdin.write(json.dumps([command, self._log.name]) + "\n")
        self._starter.stdin.flush()
        seconds, cpu_s, peak_bytes, code = json.loads(self._starter.stdout.readline())
        if code != status:
            raise SystemExit(f"{' '.join(command)[:300]}: exit status {code}\n{Path(self._log.name).read_text(errors='replace')}")
        if command[0] == self._watched:
            self.note_peak(peak_bytes)
        return Ran(seconds, cpu_s, peak_bytes)


def ended(process, limit_s=600):
    """Its exit status.  (Popen.wait() with a time-out looks every 50 ms: what it times is a multiple of that.)"""
    hung = threading.Timer(limit_s, process.kill)
    hung.start()
    try:
        return process.wait()
    finally:
        hung.cancel()


def until(condition, what, seconds=10):
    """The moment at which it was seen to be true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds} seconds: {what}")
        time.sleep(0.0005)
    return time.monotonic()


class Mounted:
    """The peers' mailtree mounted at @point, and caught up; a context manager."""

    def __init__(self, peers, point):
        self.peers = peers
        self.point = Path(point)

    def __enter__(self):
        self.point.mkdir(exist_ok=True)
        self._log = open(f"{self.point}.log", "wb")
        self._process = subprocess.Popen(self.peers.mailtree_command("mount", "-f", self.point), stdin=subprocess.DEVNULL,
                                         stdout=self._log, stderr=self._log)
        try:
            until(lambda: str(self.point) in Path("/proc/self/mountinfo").read_text(), "the mount")
            self.peers.run(self.peers.mailtree_command("sync"))
        except BaseException:
            self.__exit__()
            raise
        return self.point

    def memory(self):
        """{what /proc calls it: bytes}"""
        lines = [line.split() for line in Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()]
        return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if words[-1] == "kB"}

    def __exit__(self, *_):
        if self._process.poll() is None:
            self.peers.run.note_peak(self.memory()["VmHWM"])
        subprocess.run(self.peers.mailtree_command("unmount", self.point), capture_output=True, timeout=60, check=False)
        if str(self.point) in Path("/proc/self/mountinfo").read_text():
            subprocess.run(["fusermount3", "-u", "-z", str(self.point)], check=False)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
