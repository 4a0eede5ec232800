"""Running mailtree as its user does, in a home of its own; and reading the tree that it mounts."""
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import keeper
from .dovecot import PASSWORD
from .watchdog import Watchdog

SLOW = 5 if os.environ.get("MAILTREE_SANITIZED") else 1 # time-outs are this much longer
_UID = re.compile(r" ~(\d+)(?: \(\d+\))?\.(?:eml|txt)$")


@dataclass
class Done:
    """What one command did."""
    arguments: tuple
    status: int
    out: str
    err: str
    seconds: float
    peak_kb: int = 0 # if it was asked for

    @property
    def errors(self):
        """The lines on stderr that are no warnings about one folder or message."""
        return [line for line in self.err.splitlines() if not line.startswith("mailtree: warning: ")]

    def __str__(self):
        memory = f", {self.peak_kb} kB" if self.peak_kb else ""
        return f"$ mailtree {shlex.join(self.arguments)}\n{self.out}{self.err}-> {self.status} ({self.seconds:.2f} s{memory})"


# Runs a command and writes its peak memory to a file.  A process of its own, because the kernel's figure begins with that
# of the process it was forked from, and a test may have grown large.
_MEASURE = """
import os, resource, signal, sys
child = os.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(child, number))
status = os.waitpid(child, 0)[1]
with open(sys.argv[1], "w") as out:
    out.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
code = os.waitstatus_to_exitcode(status)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


def measured(command, peak):
    """@command so that it leaves its peak memory, in kB, in the file @peak."""
    return ["/usr/bin/python3", "-S", "-E", "-c", _MEASURE, str(peak), *command]


class Mailtree:
    """A user: a home folder, a configuration, a store.  Everything it starts ends with close()."""

    def __init__(self, folder, program=None):
        self.folder = Path(folder)
        self.program = Path(program or os.environ["MAILTREE"])
        self.config = self.folder / "config" / "mailtree" / "config"
        self.store = self.folder / "data" / "mailtree"
        self.errors = self.folder / "sanitizer"
        self.story = [] # of what was run, for a person
        self.identity = {} # options of Popen that say who runs it
        self._mounts = []
        self._running = []
        for each in (self.config.parent, self.folder / "data", self.folder / "run", self.errors):
            each.mkdir(parents=True, exist_ok=True)
        (self.folder / "run").chmod(0o700)
        self.environment = dict(os.environ)
        self.environment.update({
            "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_DATA_HOME": str(self.folder / "data"), "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "XDG_CACHE_HOME": str(self.folder / "cache"), "XDG_STATE_HOME": str(self.folder / "state"),
            "LC_ALL": "C.UTF-8", "TZ": "UTC",
        })
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            # Reports go to files, so that stderr is what a user would see.
            self.environment[name] = f"{os.environ.get(name, '')}:log_path={self.errors / 'report'}".lstrip(":")

    def hasten(self, quiet_ms=100):
        """Waits less for what a server may still do that has lost the connection: for tests in which it does nothing more."""
        self.program = self.program.parents[1] / "tests" / "stops" / "mailtree-stops"
        assert self.program.exists(), f"{self.program} was not built"
        self.environment["MAILTREE_QUIET_MS"] = str(quiet_ms)

    # Configuration

    def configure(self, name="test", password=PASSWORD, **keys):
        """Adds [account NAME].  The password goes into a file, unless @keys name another source or @password is None."""
        lines = [f"[account {name}]"]
        if password is not None:
            secret = self.config.parent / f"{name}.password"
            secret.touch(0o600)
            secret.write_text(password + "\n", encoding="utf-8")
            keys["password_file"] = str(secret)
        lines += [f"{key} = {value}" for key, value in keys.items()]
        before = self.config.read_text(encoding="utf-8") if self.config.exists() else ""
        self.write_config(before + "\n".join(lines) + "\n\n")

    def write_config(self, text):
        self.config.touch(0o600)
        self.config.write_text(text, encoding="utf-8")

    # Commands

    def start(self, *arguments, wrap=(), **options):
        """The process, with pipes for its output."""
        process = subprocess.Popen([*wrap, str(self.program), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, env=self.environment, cwd=self.folder, start_new_session=True, **self.identity, **options)
        self._running.append(process)
        return process

    def run(self, *arguments, timeout=60, wrap=(), limit_file_bytes=None, environment=None, measure=False):
        """Runs one command to its end.  @measure: with its peak memory."""
        options = {}
        peak = self.folder / "peak"
        if measure:
            wrap = measured(wrap, peak)
        if limit_file_bytes is not None:
            options["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_file_bytes, limit_file_bytes))
        kept = self.environment
        if environment:
            self.environment = {**kept, **environment}
        begin = time.monotonic()
        try:
            process = self.start(*arguments, wrap=wrap, **options)
        finally:
            self.environment = kept
        done = self.finish(process, arguments, timeout, begin)
        if measure:
            done.peak_kb = int(peak.read_text())
        return done

    def finish(self, process, arguments, timeout=60, begin=None):
        begin = begin or time.monotonic()
        try:
            out, err = process.communicate(timeout=timeout * SLOW)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGABRT)
            out, err = process.communicate(timeout=30)
            self.story.append(f"$ mailtree {shlex.join(arguments)}\n{out.decode(errors='replace')}{err.decode(errors='replace')}")
            raise AssertionError(f"mailtree {shlex.join(arguments)} had not ended after {timeout * SLOW} s") from None
        done = Done(tuple(arguments), process.returncode, out.decode(errors="replace"), err.decode(errors="replace"),
                    time.monotonic() - begin)
        self.story.append(str(done))
        return done

    def sync(self, *arguments, timeout=120, **options):
        """A synchronisation that must go well and quietly."""
        done = self.run("sync", *arguments, timeout=timeout, **options)
        assert done.status == 0, str(done)
        assert done.err == "", str(done)
        return done

    def fails(self, status, *arguments, mentions=(), timeout=60, **options):
        """A command that must end with @status and one line on stderr, which mentions all of @mentions."""
        done = self.run(*arguments, timeout=timeout, **options)
        assert done.status == status, str(done)
        lines = done.err.splitlines()
        assert len(lines) == 1 and lines[0].strip(), f"not one line on stderr: {done}"
        assert lines[0].startswith("mailtree: "), str(done)
        for words in [mentions] if isinstance(mentions, str) else mentions:
            assert words.lower() in lines[0].lower(), f"{words!r} is not mentioned: {done}"
        return done

    # The mount

    def mount(self, folder=None, **limits):
        return Mount(self, folder or self.folder / "mount", **limits)

    def close(self):
        """Ends and unmounts everything.  Returns the sanitizers' reports."""
        for mount in self._mounts:
            mount.end()
        keeper.unmount_below(self.folder)
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.errors.iterdir()))


class Mount:
    """A mounted tree; a context manager.  Should it not answer for @hang_s, or should all take longer than @watchdog_s, a
    watchdog tells who hangs where (watchdog.py) and ends it, so that nobody who reads hangs."""

    def __init__(self, owner, folder, watchdog_s=300, hang_s=60):
        self.owner = owner
        self.path = Path(folder)
        self.process = None
        self.hung = None # what the watchdog said
        self._limits = hang_s * SLOW, watchdog_s * SLOW
        self._watchdog = None

    def __enter__(self):
        self.path.mkdir(exist_ok=True)
        self.owner._mounts.append(self)
        self._output = open(self.owner.folder / "mount.log", "ab")
        begin = self._output.tell()
        self.process = subprocess.Popen(
            [str(self.owner.program), "mount", "-f", str(self.path)], stdin=subprocess.DEVNULL, stdout=self._output,
            stderr=self._output, env=self.owner.environment, cwd=self.owner.folder, start_new_session=True, **self.owner.identity)
        if self._watchdog:
            self._watchdog.cancel()
        self._watchdog = Watchdog(self.process.pid, *self._limits, self._bark)
        self._watchdog.start()
        deadline = time.monotonic() + 30 * SLOW
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (self.owner.folder / "mount.log").read_bytes()[begin:].decode(errors="replace")
                self.end()
                raise AssertionError(f"mailtree mount -f did not mount (status {self.process.poll()}): {said}")
            time.sleep(0.01)
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.end()
            return
        assert self.hung is None, self.hung
        done = self.owner.run("unmount", str(self.path))
        assert done.status == 0, str(done)
        status = self.process.wait(30 * SLOW)
        self.end()
        assert status == 0, f"mailtree mount -f ended with {status}: {self.said()}"

    def _answers(self):
        try:
            return all(keeper.is_mounted(self.path / view) for view in ("", "text", "parts")) and "mail" in os.listdir(self.path)
        except OSError:
            return False

    def said(self):
        """What the process wrote, to which nobody listens."""
        path = self.owner.folder / "mount.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _bark(self, report):
        self.hung = report
        self.owner.story.append(f"(the watchdog ended the mount)\n{report}")
        print(f"the watchdog ended the mount on {self.path}\n{report}", file=sys.stderr, flush=True)
        if self.process.poll() is None:
            self.process.kill()
        keeper.abort_below(self.path) # also where the process cannot end before that

    def end(self):
        """However it stands."""
        if self._watchdog:
            self._watchdog.cancel()
        if self.process and self.process.poll() is None:
            keeper.unmount_below(self.path)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        keeper.unmount_below(self.path)
        self._output.close()

    # Reading

    @property
    def mail(self):
        return self.path / "mail"

    @property
    def text(self):
        return self.path / "text"

    def folders(self, account="test", view="mail"):
        """Paths of all directories below the account's."""
        top = self.path / view / account
        return {os.path.relpath(place, top) for place, _, _ in os.walk(top, onerror=_raise_unless_gone)} - {"."}

    def files(self, account="test", view="mail"):
        """{folder: {UID: path}} of every folder that holds messages."""
        top = self.path / view / account
        found = {}
        for place, _, names in os.walk(top, onerror=_raise):
            uids = {}
            for name in names:
                match = _UID.search(name)
                assert match, f"{place}/{name}: not the name of a message"
                assert int(match.group(1)) not in uids, f"{place}: two files of UID {match.group(1)}"
                uids[int(match.group(1))] = Path(place, name)
            if uids:
                found[os.path.relpath(place, top)] = uids
        return found

    def messages(self, account="test"):
        """{folder: {UID: bytes}} of every folder that holds messages; each file's size is checked on the way."""
        found = {}
        for folder, files in self.files(account).items():
            found[folder] = {}
            for uid, path in files.items():
                raw = path.read_bytes()
                assert path.stat().st_size == len(raw), f"{path}: st_size is wrong"
                found[folder][uid] = raw
        return found

    def texts(self, account="test"):
        """{folder: {UID: str}}"""
        return {folder: {uid: path.read_text(encoding="utf-8") for uid, path in files.items()}
                for folder, files in self.files(account, "text").items()}

    def inodes(self, account="test"):
        """{folder: {UID: inode number}}"""
        return {folder: {uid: path.stat().st_ino for uid, path in files.items()}
                for folder, files in self.files(account).items()}

    def status(self):
        return json.loads((self.path / "status.json").read_text(encoding="utf-8"))


def _raise(error):
    raise error


def _raise_unless_gone(error):
    """A folder may go while it is listed."""
    if not isinstance(error, FileNotFoundError):
        raise error


def served(account):
    """What Mount.messages() must be: {folder: {UID: bytes}} of every folder of @account (an Account) that holds messages."""
    return {path: {uid: mail.raw for uid, mail in mails.items()} for path, mails in account.read_all().items() if mails}
