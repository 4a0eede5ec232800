"""A root of its own for a server whose Debian packages cannot be installed beside those of another.

It is this machine's root with an overlay whose changes are in memory, in a mount and a process namespace of their own.
So nothing that is installed, started or mounted there is seen here, and all of it is gone once its first process has
ended; which ends when its standard input does, thus also when whoever made it is killed.  Loopback is shared.

What is installed is kept as an archive ("layer"), made once for the packages that this machine has.
"""
import contextlib
import fcntl
import hashlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import keeper
from .dovecot import PASSWORD, free_ports

ROOT = Path(__file__).resolve().parents[2]
_TESTS = ROOT / "tests"
_RECIPE = 1 # another one makes kept layers void
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_XATTRS = ["--xattrs", "--xattrs-include=trusted.overlay.opaque", "--xattrs-include=security.capability"]
_PLACES = ("dev", "proc", "run", "tmp") # have mounts of their own
_NOT_KEPT = (*_PLACES, "var/cache", "var/lib/apt/lists", "usr/share/doc", "usr/share/man",
             "etc/resolv.conf", "etc/hosts")


class Overlay:
    """One root.  @folder: its mount point and its log (what was written to syslog) are here."""

    def __init__(self, folder, layer=None):
        self.folder = Path(folder)
        self.layer = layer
        self._holder = self._pid = None

    @property
    def log(self):
        return self.folder / "log"

    @property
    def pid(self):
        """Its first process."""
        return self._pid

    @property
    def root(self):
        """It seen from outside.  Absolute symbolic links in it lead astray."""
        return Path(f"/proc/{self._pid}/root")

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "unchanged",
                   sys.executable, "-m", "lib.overlay", str(self.folder), str(self.layer or "")]
        self._holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
            start_new_session=True, env={**_environment(), "PYTHONPATH": str(_TESTS)})
        said = self._holder.stdout.readline()
        if said != b"ready\n":
            with contextlib.suppress(OSError):
                self._holder.stdin.close()
            said += self._holder.stdout.read()
            self.stop()
            raise RuntimeError(f"no overlay: {said.decode(errors='replace').strip()}")
        self._pid = keeper.descendants(self._holder.pid)[0]
        return self

    def popen(self, command, **options):
        """A process inside."""
        return subprocess.Popen(["nsenter", f"--target={self._pid}", "--mount", "--pid", "--root", "--wd", *command],
                                **{"stdin": subprocess.DEVNULL, "env": _environment(), **options})

    def run(self, *command, timeout=600, check=True):
        """Runs a command inside to its end; its output."""
        process = self.popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            out = process.communicate(timeout=timeout)[0].decode(errors="replace")
        finally:
            process.kill()
            process.wait()
        if check and process.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: status {process.returncode}\n{out}")
        return out

    def write(self, path, text, mode=0o644):
        place = self.root / path.lstrip("/")
        place.unlink(missing_ok=True)
        place.touch(mode)
        place.chmod(mode)
        place.write_text(text, encoding="utf-8")

    def stop(self):
        """Ends all that runs inside, first politely, and undoes what was mounted."""
        holder, self._holder, self._pid = self._holder, None, None
        if holder is not None:
            with contextlib.suppress(OSError):
                holder.stdin.close()
            try:
                holder.wait(15)
            except subprocess.TimeoutExpired:
                holder.kill()
                holder.wait()
            holder.stdout.close()
        keeper.unmount_below(self.folder) # only what a shared mount may have handed on to us

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Server:
    """A server in such a root.  Any user name logs in with PASSWORD (or @password) and has an account of its own.

    A kind of server tells NAME, PACKAGES, LOGIN (what it logs then), and how to _launch() with the ports chosen.
    """

    def __init__(self, folder, certificate, password=PASSWORD):
        self.certificate = certificate
        self.password = password
        self.host = "localhost"
        self.plain_port = self.tls_port = None
        self.overlay = Overlay(folder)

    @classmethod
    def prepare(cls):
        """Installs it unless that is done."""
        return layer(cls.NAME, cls.PACKAGES)

    @property
    def log(self):
        return self.overlay.log

    @property
    def pid(self):
        return self.overlay.pid

    def start(self, attempts=3):
        """Returns once both ports answer.  Should another program take one of them before us, others are tried."""
        self.overlay.layer = self.prepare()
        for attempt in range(attempts):
            begin = self.log.stat().st_size if self.log.exists() else 0
            self.plain_port, self.tls_port = free_ports(2)
            try:
                self.overlay.start()
                self._launch()
                self._wait(begin)
                return self
            except BaseException as error:
                self.stop()
                if "ddress already in use" not in str(error) or attempt == attempts - 1:
                    raise
        raise AssertionError("not reached")

    def _wait(self, begin):
        waiting = [self.plain_port, self.tls_port]
        deadline = time.monotonic() + 60
        while waiting:
            said = self.log.read_bytes()[begin:].decode(errors="replace")
            if "ddress already in use" in said or time.monotonic() > deadline:
                raise RuntimeError(f"{self.NAME} does not answer: {said}")
            try:
                with socket.create_connection(("127.0.0.1", waiting[0]), timeout=5) as client:
                    if waiting[0] == self.tls_port or client.recv(1):
                        waiting.pop(0)
            except OSError:
                pass
            time.sleep(0.02)

    def stop(self):
        self.overlay.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def account(self, user, tls="implicit"):
        """The keys of an [account] section that reaches @user (without tls_ca, and without the password)."""
        port = self.tls_port if tls == "implicit" else self.plain_port
        return {"host": self.host, "port": port, "tls": tls, "user": user}

    def logins(self, user):
        """How often @user logged in so far."""
        return self.log.read_text(errors="replace").count(self.LOGIN.format(user=user))


def problem():
    """None, or why there can be no such root here."""
    with tempfile.TemporaryDirectory(prefix="mailtree-overlay.") as folder:
        try:
            with Overlay(folder):
                return None
        except RuntimeError as error:
            return "; ".join(str(error).splitlines())


def layer(name, packages):
    """The archive of what is added to this machine's root by @packages; they are installed if it is missing."""
    keep = Path(os.environ.get("MAILTREE_SERVERS", ROOT / "build-test" / "servers"))
    keep.mkdir(parents=True, exist_ok=True)
    base = Path("/var/lib/dpkg/status").read_bytes()
    digest = hashlib.sha256(f"{_RECIPE} {' '.join(packages)}\n".encode() + base).hexdigest()[:16]
    made = keep / f"{name}-{digest}.tar"
    with open(keep / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in keep.glob(f"{name}-*"):
                old.unlink()
            _install(made, packages)
    return made


def _install(made, packages):
    with tempfile.TemporaryDirectory(prefix="mailtree-install.") as folder, Overlay(folder) as overlay:
        # No server is to be started; what is removed there must not even try to stop the one of this machine.
        overlay.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        apt = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Dir::Cache::archives=/tmp"]
        install = [*apt, "install", "-y", "--no-install-recommends", *packages]
        try:
            overlay.run(*install)
        except RuntimeError:
            overlay.run(*apt, "update", check=False) # what then cannot be installed tells why
            overlay.run(*install)
        part = made.with_suffix(".part")
        with open(part, "wb") as out:
            exclude = [f"--exclude=./{place}" for place in _NOT_KEPT]
            tar = overlay.popen(["tar", *_XATTRS, *exclude, "-C", "/run/changes", "-c", "."], stdout=out)
            if tar.wait(300) != 0:
                raise RuntimeError("tar cannot keep what was installed")
        part.rename(made)


def _environment():
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {**kept, "PATH": _PATH, "LC_ALL": "C.UTF-8", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}


# What follows runs inside, as process 1.

def _mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def _make_root(folder, archive):
    """Mounts all of it below @folder; the new root."""
    # Not possible in a chroot whose root is no mount point; then stop() has to unmount.
    subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL)
    space = folder / "space"
    space.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(space))
    upper, work, root = (space / name for name in ("upper", "work", "root"))
    for each in (upper, work, root):
        each.mkdir()
    if archive:
        subprocess.run(["tar", *_XATTRS, "-C", str(upper), "-xpf", archive], check=True)
    _mount("-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work},redirect_dir=off,metacopy=off,index=off",
           "overlay", str(root))
    for name, mode in (("dev", "755"), ("run", "755"), ("tmp", "1777")):
        _mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", str(root / name))
    _mount("-t", "proc", "proc", str(root / "proc"))
    for name in _DEVICES:
        (root / "dev" / name).touch()
        _mount("--bind", f"/dev/{name}", str(root / "dev" / name))
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (root / "dev" / name).symlink_to(f"/proc/self/{target}")
    (root / "dev" / "shm").mkdir()
    (root / "dev" / "shm").chmod(0o1777)
    (root / "run" / "changes").mkdir()
    _mount("--bind", str(upper), str(root / "run" / "changes"))
    for name in ("resolv.conf", "hosts"): # a container's are mounts, which an overlay does not show
        with contextlib.suppress(OSError):
            text = Path("/etc", name).read_bytes()
            (root / "etc" / name).unlink(missing_ok=True)
            (root / "etc" / name).write_bytes(text)
    return root


def _inside(folder, archive):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with open(folder / "log", "ab", buffering=0) as log:
        root = _make_root(folder, archive)
        os.chroot(root)
        os.chdir("/")
        syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        syslog.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        print("ready", flush=True)
        try:
            while True:
                ready, _, _ = select.select([sys.stdin, syslog], [], [], 0.5)
                if syslog in ready:
                    _write_down(syslog, log)
                elif sys.stdin in ready and not os.read(0, 4096):
                    break
                _reap()
        finally:
            _end_all(syslog, log)


def _write_down(syslog, log):
    text = syslog.recv(65536)
    log.write(text[text.find(b">") + 1 if text.startswith(b"<") else 0:].rstrip(b"\n\0") + b"\n")


def _end_all(syslog, log):
    deadline = time.monotonic() + 5
    told = False
    while time.monotonic() < deadline and [each for each in os.listdir("/proc") if each.isdigit() and each != "1"]:
        if not told:
            told = True
            os.kill(-1, signal.SIGTERM)
        if select.select([syslog], [], [], 0.02)[0]:
            _write_down(syslog, log)
        _reap()


def _reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    try:
        _inside(Path(sys.argv[1]), sys.argv[2])
    except (OSError, subprocess.CalledProcessError) as failure:
        sys.exit(str(failure))
