"""Courier (Debian's courier-imap 5.0) in a root of its own: no CONDSTORE, and all folders below "INBOX."."""
from .overlay import Server

_MAILS = "/srv/mail"
_OWNER = 65534 # of all mail: nobody

# Courier asks a program who somebody is; this one knows everybody.
_EVERYBODY = """\
#!/usr/bin/python3 -ISE
import os, subprocess, sys

def answer(user):
    home = f"{mails}/{{user}}"
    if not os.path.isdir(home):
        os.mkdir(home + ".new", 0o700)
        os.chown(home + ".new", {owner}, {owner})
        subprocess.run(["maildirmake.courier", home + ".new/Maildir"], check=True, user={owner}, group={owner})
        os.rename(home + ".new", home)
    print(f"ADDRESS={{user}}\\nUID={owner}\\nGID={owner}\\nHOME={{home}}\\n.", flush=True)

while (line := sys.stdin.buffer.readline().decode().split()):
    if line[0] == "PRE":
        answer(line[3])
        continue
    length = int(line[1]) if line[0] == "AUTH" else 0
    service, kind, user, password = (sys.stdin.buffer.read(length).decode().split("\\n") + [""] * 4)[:4]
    if kind == "login" and password == {password!r} and "/" not in user and not user.startswith("."):
        answer(user)
    else:
        print("FAIL", flush=True)
"""

_AUTHDAEMON = """\
authmodulelist="authpipe"
authmodulelistorig="authpipe"
daemons=5
authdaemonvar=/run/courier/authdaemon
"""

# Put behind the values that Debian gives.
_IMAPD = """
ADDRESS=127.0.0.1
PORT={plain_port}
MAXDAEMONS=1000
MAXPERIP=1000
IMAP_IDLE_TIMEOUT=1
"""
_IMAPD_SSL = """
SSLADDRESS=127.0.0.1
SSLPORT={tls_port}
TLS_CERTFILE=/etc/courier/server.pem
"""


class Courier(Server):
    NAME = "courier"
    PACKAGES = ("courier-imap", "courier-authlib-pipe")
    LOGIN = "LOGIN, user={user}, "

    def _launch(self):
        inside = self.overlay
        inside.run("install", "-d", "-o", str(_OWNER), "-g", str(_OWNER), _MAILS)
        inside.run("install", "-d", "/run/courier", "/run/courier/authdaemon")
        inside.write("/etc/courier/authdaemonrc", _AUTHDAEMON)
        everybody = _EVERYBODY.format(mails=_MAILS, owner=_OWNER, password=self.password)
        inside.write("/etc/courier/authProg", everybody, 0o755)
        pem = "".join(path.read_text() for path in (self.certificate.key, self.certificate.cert))
        inside.write("/etc/courier/server.pem", pem, 0o640)
        inside.run("chgrp", "courier", "/etc/courier/server.pem") # who speaks TLS after STARTTLS
        ports = {"plain_port": self.plain_port, "tls_port": self.tls_port}
        for name, more in (("imapd", _IMAPD), ("imapd-ssl", _IMAPD_SSL)):
            debian = (inside.root / "etc/courier" / name).read_text()
            inside.write(f"/etc/courier/{name}", debian + more.format(**ports))
        for daemon in ("authdaemond", "imapd", "imapd-ssl"):
            inside.run(f"/usr/sbin/{daemon}", "start", timeout=30)
