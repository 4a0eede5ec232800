"""A private Dovecot (Debian's 2.3) in a folder of its own, on ports of its own, as an unprivileged user.

Started by root, it runs as `nobody`, in a folder handed over to that user; started by anybody else, as that user.
So there is one configuration.  It is stopped by its process id, and nothing of it outlives stop().
"""
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PASSWORD = 'Kůň"3\\4' # needs quoting, and a literal in LOGIN; no spaces: they end a word of "args"

_BASE = "IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE"
_COMMON = ("SORT MULTIAPPEND UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED I18NLEVEL=1 ESEARCH ESORT SEARCHRES WITHIN "
           "CONTEXT=SEARCH LIST-STATUS BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY NOTIFY SPECIAL-USE "
           "COMPRESS=DEFLATE")
_EVERYTHING = f"{_BASE} {_COMMON} CONDSTORE QRESYNC STATUS=SIZE SAVEDATE"


def _without(*words):
    return " ".join(word for word in _EVERYTHING.split() if word not in words)


# What is advertised; None: all there is.  Dovecot still does the rest, but a client that keeps to its word cannot tell.
PROFILES = {
    "all": None,
    "no-notify": _without("NOTIFY"),
    "no-idle": _without("NOTIFY", "IDLE"),
    "no-list-status": _without("LIST-STATUS"),
    "no-qresync": f"{_BASE} {_COMMON} CONDSTORE",
    "no-condstore": f"{_BASE} {_COMMON}",
    "condstore": _without("QRESYNC", "MOVE"),
    "no-uidplus": _without("UIDPLUS", "MOVE"),
    "no-move": _without("MOVE"),
    "no-literal-plus": _without("MULTIAPPEND", "LITERAL+"),
    "literal-minus": _without("MULTIAPPEND", "LITERAL+") + " LITERAL-",
    "uidplus": "IMAP4rev1 UIDPLUS",
    "rev1": "IMAP4rev1",
    "quota-acl": None,
}
# The plugins that a profile has beside the others: for all of Dovecot, for its IMAP, and their settings.
PLUGINS = {
    "quota-acl": ("quota acl", "imap_quota imap_acl", """\
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=10M
  acl = vfile
}
"""),
}
THREE = ("all", "no-qresync", "rev1") # the most different ones

SPECIAL = {"Drafts": "\\Drafts", "Sent": "\\Sent", "Trash": "\\Trash", "Junk": "\\Junk"}

_CONFIG = """\
base_dir = {run}
state_dir = {folder}/state
instance_name = mailtree-{name}
log_path = {log}
log_timestamp = "%Y-%m-%d %H:%M:%S "
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_client_limit = 2000
default_process_limit = 200
shutdown_clients = yes

ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_verbose = yes
auth_failure_delay = 0
auth_cache_size = 0

passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={mail}/%u
}}
mail_location = sdbox:~/sdbox
mail_fsync = never
mail_max_userip_connections = 1000
mail_max_keyword_length = 100
mail_attachment_detection_options =
mail_plugins = $mail_plugins {plugins}
first_valid_uid = 1
namespace inbox {{
  inbox = yes
  separator = {separator}
{special}
}}
protocol imap {{
  imap_max_line_length = 1M
  imap_metadata = no
  mail_plugins = $mail_plugins imap_zlib {imap_plugins}
}}
{settings}
{capability}
service anvil {{
  chroot =
  # Else a wrong password in one test delays the logins of the others.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {plain_port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 200
  vsz_limit = 0
}}
"""


def find_program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin")
    if not found:
        raise FileNotFoundError(f"{name} is not installed")
    return found


def free_ports(count):
    """Ports of the loopback address that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Dovecot:
    """One server.  Any user name logs in with PASSWORD (or @password) and has an account of its own.

    @special: the folders of SPECIAL are there from the beginning ("made"), get their attribute when somebody makes
    them ("known"), or are folders like any other ("none").
    """

    def __init__(self, folder, certificate, profile="all", separator="/", password=PASSWORD, ports=None,
                 special="known"):
        self.folder = Path(folder)
        self.certificate = certificate
        self.profile = profile
        self.separator = separator
        self.special = special
        self.password = password
        self.host = "localhost"
        self._wanted_ports = ports
        self.plain_port = self.tls_port = None
        self._process = None
        self._run_elsewhere = None

    @property
    def log(self):
        return self.folder / "dovecot.log"

    @property
    def pid(self):
        return self._process.pid if self._process else None

    def start(self, attempts=5):
        """Returns once both ports answer.  Another program may take a free port before us: then other ports are tried."""
        for attempt in range(attempts):
            self.plain_port, self.tls_port = self._wanted_ports or free_ports(2)
            try:
                self._start_once()
                return self
            except RuntimeError as error:
                self.stop()
                if "Address already in use" not in str(error) or self._wanted_ports or attempt == attempts - 1:
                    raise
        raise AssertionError("not reached")

    def _start_once(self):
        user, group, run_as = _identity()
        for folder in (self.folder, self.folder / "mail", self.folder / "state"):
            folder.mkdir(parents=True, exist_ok=True)
        run = self.folder / "run"
        if len(str(run)) > 70: # its sockets would have no place
            run = Path(tempfile.gettempdir(), f"mailtree-{os.getpid()}-{self.plain_port}")
            self._run_elsewhere = run
            run.mkdir(mode=0o711)
            if run_as:
                os.chown(run, run_as["user"], run_as["group"])
        keys = {}
        for what, source in (("cert", self.certificate.cert), ("key", self.certificate.key)):
            keys[what] = self.folder / f"server.{what}"
            keys[what].write_bytes(Path(source).read_bytes())
            keys[what].chmod(0o600)
        hidden = PROFILES[self.profile]
        plugins, imap_plugins, settings = PLUGINS.get(self.profile, ("", "", ""))
        self.log.touch()
        config = self.folder / "dovecot.conf"
        config.write_text(_CONFIG.format(
            folder=self.folder, run=run, name=f"{os.getpid()}-{self.plain_port}", log=self.log, user=user, group=group,
            mail=self.folder / "mail", password=self.password, separator=self.separator,
            plain_port=self.plain_port, tls_port=self.tls_port, special=self._special_folders(), **keys,
            plugins=plugins, imap_plugins=imap_plugins, settings=settings,
            capability=f"imap_capability = {hidden}" if hidden else ""))
        if run_as:
            _hand_over(self.folder, run_as)
        (run / "master.pid").unlink(missing_ok=True) # of one that was killed
        begin = self.log.stat().st_size
        self._process = subprocess.Popen(
            [find_program("dovecot"), "-F", "-c", str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "dovecot.stderr", "wb"), cwd="/", start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, **run_as)
        deadline = time.monotonic() + 30
        waiting = [self.plain_port, self.tls_port]
        while waiting:
            said = self.log.read_bytes()[begin:].decode(errors="replace")
            if self._process.poll() is not None or "Fatal:" in said or "Address already in use" in said:
                raise RuntimeError("dovecot did not start: " + said +
                                   (self.folder / "dovecot.stderr").read_text(errors="replace"))
            try:
                socket.create_connection(("127.0.0.1", waiting[0]), timeout=5).close()
                waiting.pop(0)
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"dovecot does not answer: {said}") from None
                time.sleep(0.02)

    def _special_folders(self):
        if self.special == "none":
            return ""
        made = "auto = subscribe" if self.special == "made" else ""
        return "\n".join(f"  mailbox {name} {{\n    special_use = {use}\n    {made}\n  }}"
                         for name, use in SPECIAL.items())

    def stop(self):
        """Ends it and everything it started."""
        process, self._process = self._process, None
        if process is not None:
            end_process(process.pid, process.poll)
            process.wait()
        if self._run_elsewhere:
            shutil.rmtree(self._run_elsewhere, ignore_errors=True)
            self._run_elsewhere = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def account(self, user, tls="implicit"):
        """The keys of an [account] section that reaches @user (without tls_ca, and without the password)."""
        return {"host": self.host, "port": self.tls_port if tls == "implicit" else self.plain_port, "tls": tls, "user": user}

    def logins(self, user):
        """How often @user logged in so far."""
        return self.log.read_text(errors="replace").count(f"Login: user=<{user}>")

    def remove_user(self, user):
        shutil.rmtree(self.folder / "mail" / user, ignore_errors=True)


def still_runs(pid):
    """True if the Dovecot whose master was @pid, or any process that it started, lives (and no other that got its number)."""
    for each in _session_members(pid):
        try:
            if b"dovecot" in Path(f"/proc/{each}/cmdline").read_bytes():
                return True
        except OSError:
            pass
    return False


def end_process(pid, gone=lambda: None):
    """Ends the Dovecot whose master is @pid: first it, then what is left in its session.  @gone: reaps a child of ours."""
    def wait_while(condition, seconds):
        deadline = time.monotonic() + seconds
        while condition() and time.monotonic() < deadline:
            gone()
            time.sleep(0.02)

    def tell(pids, number):
        for each in pids:
            try:
                os.kill(each, number)
            except ProcessLookupError:
                pass

    if pid in _session_members(pid):
        tell([pid], signal.SIGTERM)
        wait_while(lambda: pid in _session_members(pid), 10)
    wait_while(lambda: _session_members(pid), 0.2)
    for _ in range(5):
        tell(_session_members(pid), signal.SIGKILL)
        wait_while(lambda: _session_members(pid), 2)
    if (left := _session_members(pid)):
        raise RuntimeError(f"processes {left} of dovecot do not end")


def _identity():
    """The names to run as, and what subprocess needs to become them."""
    if os.geteuid() == 0:
        who = pwd.getpwnam("nobody")
        return who.pw_name, grp.getgrgid(who.pw_gid).gr_name, {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    who = pwd.getpwuid(os.geteuid())
    return who.pw_name, grp.getgrgid(os.getegid()).gr_name, {}


def _hand_over(folder, run_as):
    for place, folders, files in os.walk(folder):
        for name in [place, *(os.path.join(place, each) for each in folders + files)]:
            os.chown(name, run_as["user"], run_as["group"], follow_symlinks=False)


def _session_members(session):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry))
    return found
