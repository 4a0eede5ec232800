"""Leaves nothing behind: every process that descends from this one is ended, every mount below a folder undone."""
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_MNT_FORCE = 1


def adopt_orphans():
    """From now on a descendant whose parent ends becomes our child, however it detached itself."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root=None):
    """Process ids below @root (us), zombies not counted."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry)] = (int(fields[1]), fields[0])
    found, frontier = [], [root or os.getpid()]
    while frontier:
        above = frontier.pop()
        for pid, (parent, state) in parents.items():
            if parent == above:
                frontier.append(pid)
                if state != "Z":
                    found.append(pid)
    return found


def end_descendants(root=None, patience_s=5, spare=()):
    """SIGTERM, then SIGKILL after @patience_s.  Returns how many had to be told."""
    told = set()
    deadline = time.monotonic() + patience_s
    while (left := [pid for pid in descendants(root) if pid not in spare]):
        late = time.monotonic() > deadline
        for pid in left:
            if late or pid not in told:
                told.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
                except ProcessLookupError:
                    pass
        time.sleep(0.02)
        _reap()
    _reap()
    return len(told)


def _reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def mounts_below(folder):
    """Mount points at or below @folder, innermost first."""
    folder = _place(folder)
    found = []
    for line in Path("/proc/thread-self/mounts").read_text(errors="surrogateescape").splitlines():
        where = line.split()[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if where == folder or where.startswith(folder + "/"):
            found.append(where)
    return found[::-1]


def is_mounted(folder):
    return _place(folder) in mounts_below(folder)


def _place(folder):
    """Its real path, without asking what may be mounted there (a dead mount would never answer)."""
    folder = os.path.abspath(folder)
    return os.path.join(os.path.realpath(os.path.dirname(folder)), os.path.basename(folder))


def unmount_below(folder):
    """Undoes every mount at or below @folder, even a busy one.  Returns what was mounted."""
    found = mounts_below(folder)
    for where in found:
        for command in (["fusermount3", "-u", "-z", where], ["umount", "-l", where]):
            if subprocess.run(command, capture_output=True, timeout=30).returncode == 0:
                break
    return found


def abort_below(folder):
    """Ends the connections of the FUSE mounts at or below @folder: whoever waits for an answer gets an error.  Only for root."""
    for where in mounts_below(folder)[::-1]: # the outermost first, as a way through one that does not answer has no end
        ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(where), _MNT_FORCE)
