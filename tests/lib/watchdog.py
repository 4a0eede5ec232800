"""Finds who hangs in a mounted tree, and tells where: in the kernel, in Python, in mailtree.

Whoever waits for FUSE's answer or sleeps without being interruptible, and was not scheduled for as long as no request may
take, hangs: the longest that one waits for is a body, for half a minute.
"""
import faulthandler
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from . import keeper


def _read(*parts):
    try:
        return Path("/proc", *map(str, parts)).read_bytes().decode(errors="replace")
    except OSError:
        return ""


def tasks(pid):
    """The ids of the threads of a process."""
    try:
        return [int(each) for each in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _pause(pid, tid):
    """(where it waits in the kernel, how often it was scheduled), if it waits for a file system; else None."""
    state = _read(pid, "task", tid, "stat").rpartition(")")[2].split()[:1]
    where = _read(pid, "task", tid, "wchan")
    if state == ["D"] or where == "request_wait_answer":
        status = _read(pid, "task", tid, "status")
        return where, [line for line in status.splitlines() if "ctxt_switches" in line]
    return None


class Watch:
    """look() again and again; it tells who has waited at one place for @limit_s."""

    def __init__(self, limit_s):
        self.limit_s = limit_s
        self._since = {} # (process, thread): (what _pause() said, when it was first said)

    def look(self):
        """[(process, thread)] of us and all that descend from us."""
        now, seen = time.monotonic(), {}
        for pid in [os.getpid(), *keeper.descendants()]:
            for tid in tasks(pid):
                if (pause := _pause(pid, tid)):
                    before = self._since.get((pid, tid))
                    seen[pid, tid] = before if before and before[0] == pause else (pause, now)
        self._since = seen
        return sorted(who for who, (_, since) in seen.items() if now - since >= self.limit_s)


def kernel_stack(pid, tid):
    """Where the thread is in the kernel; its stack only for root."""
    stack = _read(pid, "task", tid, "stack").rstrip()
    return (f"{pid}/{tid} {_read(pid, 'task', tid, 'comm').strip()}: {_read(pid, 'task', tid, 'wchan')}, "
            f"system call {_read(pid, 'task', tid, 'syscall').strip()}" + (f"\n{stack}" if stack else ""))


def program_stacks(pid):
    """Of all threads of a process, by gdb where it is installed."""
    if not shutil.which("gdb"):
        return "(no gdb)"
    command = ["gdb", "-batch", "-nx", "-p", str(pid), "-ex", "set pagination off", "-ex", "thread apply all backtrace 30"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "(gdb did not end)"
    return done.stdout.decode(errors="replace")


def python_stacks():
    """Of our own threads."""
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        return file.read()


def report(hanging, program):
    """For a person: where each of @hanging is, and all that the process @program does."""
    lines = ["who hangs, and where in the kernel:"]
    for pid, tid in hanging:
        lines += [" ".join(_read(pid, "cmdline").split("\0")).strip(), kernel_stack(pid, tid)]
    lines += ["our own threads:", python_stacks(), f"the threads of mailtree ({program}) in the kernel:"]
    lines += [kernel_stack(program, tid) for tid in tasks(program)]
    lines += ["and in the program:", program_stacks(program)]
    return "\n".join(lines)


class Watchdog(threading.Thread):
    """Calls @bark(report) once: when somebody hangs for @hang_s, or after @limit_s in any case."""

    def __init__(self, program, hang_s, limit_s, bark):
        super().__init__(daemon=True)
        self._program, self._bark = program, bark
        self._watch = Watch(hang_s)
        self._end = time.monotonic() + limit_s
        self._pause_s = min(5, hang_s / 3)
        self._stop = threading.Event()

    def cancel(self):
        self._stop.set()

    def run(self):
        while not self._stop.wait(self._pause_s):
            hanging = self._watch.look()
            if hanging or time.monotonic() >= self._end:
                said = report(hanging, self._program)
                if not self._stop.is_set():
                    self._bark(said)
                return
