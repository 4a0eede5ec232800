"""A user who is not root, in a mount namespace with a /dev/fuse that everybody may open and a fuse.conf of its own.

Only the calling thread enters it, with the processes that it makes.  Only for root.
"""
import ctypes
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from pathlib import Path

USER, STRANGER = 65534, 65533 # ids of two users; nothing is known of either but what is made here

_CLONE_NEWNS = 0x20000
_MS_NOSUID, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 0x1000, 0x4000, 0x40000
_FUSE = os.makedev(10, 229)


def problem():
    """Why there can be none; None: there can."""
    if os.geteuid() != 0:
        return "only root can become somebody else"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        return "no mount namespaces"
    return None if os.path.exists("/dev/fuse") else "no /dev/fuse"


def run(scene, configuration=""):
    """Calls scene() inside; what it raises is raised here.  @configuration: of fuse.conf."""
    raised = []

    def inside():
        try:
            with tempfile.TemporaryDirectory(prefix="fuse.", ignore_cleanup_errors=True) as folder:
                _enter(Path(folder), configuration)
                scene()
        except BaseException as error: # for the thread that waits
            raised.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def _enter(folder, configuration):
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("none", "/", _MS_REC | _MS_PRIVATE)
    os.mknod(folder / "fuse", stat.S_IFCHR | 0o666, _FUSE)
    os.chmod(folder / "fuse", 0o666)
    (folder / "fuse.conf").write_text(configuration, encoding="utf-8")
    (folder / "fuse.conf").chmod(0o644)
    _mount(folder / "fuse", "/dev/fuse", _MS_BIND)
    _mount(folder / "fuse.conf", "/etc/fuse.conf", _MS_BIND)


def _mount(what, where, flags):
    if ctypes.CDLL(None, use_errno=True).mount(os.fsencode(what), os.fsencode(where), None, flags, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount on {where}")


def identity(user=USER):
    """Options of Popen."""
    return {"user": user, "group": user, "extra_groups": []}


def ran(command, user=USER, **options):
    """A command of @user's, and what came of it."""
    options.setdefault("timeout", 60)
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          **identity(user), **options)


def give(folder, user=USER):
    """All that is below becomes the user's."""
    for place, _, names in os.walk(folder):
        for name in [place, *(os.path.join(place, each) for each in names)]:
            os.chown(name, user, user, follow_symlinks=False)


def program(built, folder):
    """A copy in @folder, as others may not be able to pass to where it was built."""
    for beside in (built, built.with_name(built.name + "-whole")):
        shutil.copy(beside, folder)
    return folder / built.name
