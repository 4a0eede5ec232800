"""A network namespace with an address that is not loopback, for what must differ there.

Only the calling thread enters it, with the sockets, threads and processes that it makes.
"""
import ctypes
import fcntl
import socket
import struct
import subprocess
import threading

ADDRESS = "192.0.2.10" # of the documentation's network: routed nowhere

_CLONE_NEWNET = 0x40000000
_SIOCSIFADDR, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8916, 0x8913, 0x8914
_IFF_UP = 1


def available():
    return subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0


def run(scene):
    """Calls scene(ADDRESS) inside; what it raises is raised here."""
    raised = []

    def inside():
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            _bring_up("lo", "127.0.0.1")
            _bring_up("lo:1", ADDRESS)
            scene(ADDRESS)
        except BaseException as error: # for the thread that waits
            raised.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def _bring_up(interface, address):
    name = interface.encode().ljust(16, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, _SIOCSIFADDR, name + struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address)))
        flags = struct.unpack("H", fcntl.ioctl(probe, _SIOCGIFFLAGS, name + bytes(16))[16:18])[0]
        fcntl.ioctl(probe, _SIOCSIFFLAGS, name + struct.pack("H14x", flags | _IFF_UP))
