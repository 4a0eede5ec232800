"""What inotify(7) tells of a directory."""
import ctypes
import os
import select
import struct

EVENTS = {0x1: "ACCESS", 0x2: "MODIFY", 0x4: "ATTRIB", 0x8: "CLOSE_WRITE", 0x10: "CLOSE_NOWRITE", 0x20: "OPEN", 0x40: "MOVED_FROM",
          0x80: "MOVED_TO", 0x100: "CREATE", 0x200: "DELETE", 0x400: "DELETE_SELF", 0x800: "MOVE_SELF", 0x2000: "UNMOUNT",
          0x4000: "Q_OVERFLOW", 0x8000: "IGNORED"}
CHANGES = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """A context manager; all changes of the directory @path."""

    def __init__(self, path):
        self._file = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0 or _libc.inotify_add_watch(self._file, os.fsencode(path), CHANGES) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._file)

    def seen(self, wait_s=0):
        """[(event, name)] since it was last asked."""
        found = []
        while select.select([self._file], [], [], wait_s)[0]:
            data = os.read(self._file, 65536)
            while data:
                _, mask, _, length = struct.unpack_from("iIII", data)
                name = data[16:16 + length].rstrip(b"\0").decode()
                found += [(event, name) for bit, event in EVENTS.items() if mask & bit]
                data = data[16 + length:]
            wait_s = 0
        return found
