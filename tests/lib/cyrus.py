"""Cyrus (Debian's 3.6) in a root of its own: QRESYNC, OBJECTID, ACL, METADATA, CREATE-SPECIAL-USE, no NOTIFY.

Any password is right.  The user "admin" may set quotas.
"""
from .overlay import Server

_IMAPD = """\
configdirectory: /var/lib/cyrus
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
idlesocket: /run/cyrus/socket/idle
defaultpartition: default
partition-default: /var/spool/cyrus/mail
umask: 077
syslog_prefix: cyrus
altnamespace: yes
unixhierarchysep: yes
virtdomains: userid
admins: admin
defaultdomain: localhost
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
autocreate_quota: 0
autocreate_post: yes
imapidlepoll: 1
delete_mode: immediate
tls_server_cert: /etc/cyrus-server.cert
tls_server_key: /etc/cyrus-server.key
tls_session_timeout: 0
"""

# One entry a line; others are ignored without a word.
_MASTER = """\
START {{
	recover cmd="/usr/sbin/cyrus ctl_cyrusdb -r"
}}
SERVICES {{
	imap cmd="imapd" listen="127.0.0.1:{plain_port}" prefork=1 maxchild=1000
	imaps cmd="imapd -s" listen="127.0.0.1:{tls_port}" prefork=1 maxchild=1000
}}
DAEMON {{
	idled cmd="idled"
}}
"""


class Cyrus(Server):
    NAME = "cyrus"
    PACKAGES = ("cyrus-imapd",)
    LOGIN = "login: localhost [127.0.0.1] {user} "

    def _launch(self):
        inside = self.overlay
        inside.run("install", "-d", "-o", "cyrus", "-g", "mail", "/run/cyrus",
                   *(f"/run/cyrus/{name}" for name in ("socket", "proc", "lock")))
        inside.write("/etc/imapd.conf", _IMAPD)
        inside.write("/etc/cyrus.conf", _MASTER.format(plain_port=self.plain_port, tls_port=self.tls_port))
        for name, path in (("cert", self.certificate.cert), ("key", self.certificate.key)):
            inside.write(f"/etc/cyrus-server.{name}", path.read_text(), 0o640)
            inside.run("chown", "cyrus", f"/etc/cyrus-server.{name}")
        inside.run("setpriv", "--reuid=cyrus", "--regid=mail", "--init-groups", "/usr/lib/cyrus/bin/makedirs")
        inside.run("/usr/sbin/cyrmaster", "-d", "-C", "/etc/imapd.conf", "-M", "/etc/cyrus.conf", timeout=30)
