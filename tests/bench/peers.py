"""The programs that are compared, each with its configuration for one account of the private server."""
import shutil

from lib import messages
from lib.account import Account, Message

RTT_S = 0.05


def small(number, label="m"):
    return f"From: {label}{number}@example.org\r\nSubject: {label} {number}\r\nMessage-ID: <{label}{number}@bench>\r\n\r\ntext {number}\r\n".encode()


def fill(server, user, folders, count):
    """@count small messages in INBOX, f01, f02…"""
    with Account.at(server, user) as account:
        names = ["INBOX", *[f"f{number:02}" for number in range(1, folders)]]
        account.create(*names[1:])
        for index, name in enumerate(names):
            account.append(name, [Message(small(number, name), when=messages.BASE_TIME + number)
                                  for number in range(index, count, folders)])


class Peers:
    """mailtree, mbsync and interimap for @user, over @host and @port (the server's own, or a relay's)."""

    def __init__(self, bench, user, host=None, port=None):
        self.bench = bench
        self.run = bench.run
        self.user = user
        self.host, self.port = host or bench.server.host, port or bench.server.tls_port
        self.folder = bench.folder / user
        self.folder.mkdir(parents=True, exist_ok=True)
        secret = self.folder / "password"
        secret.write_text(bench.server.password + "\n")
        secret.chmod(0o600)
        self._configure_mailtree(secret)
        self._configure_mbsync(secret)
        self._configure_interimap()

    def _configure_mailtree(self, secret):
        self.config, self.store = self.folder / "config", self.folder / "store"
        self.config.write_text(
            f"[mailtree]\nstore = {self.store}\n[account bench]\nhost = {self.host}\nport = {self.port}\nuser = {self.user}\n"
            f"password_file = {secret}\ntls_ca = {self.bench.ca}\n")

    def _configure_mbsync(self, secret):
        self.maildir, self.mbsyncrc = self.folder / "maildir", self.folder / "mbsyncrc"
        rest = (f"IMAPAccount bench\nHost {self.host}\nPort {self.port}\nUser {self.user}\nPassCmd \"cat {secret}\"\n"
                f"SSLType IMAPS\nCertificateFile {self.bench.ca}\n\nIMAPStore far\nAccount bench\n\nMaildirStore near\n"
                f"Path {self.maildir}/\nInbox {self.maildir}/INBOX\nSubFolders Verbatim\n\n"
                f"Channel bench\nFar :far:\nNear :near:\nPatterns *\nCreate Near\nSync All\nExpunge Both\nSyncState *\n")
        self.mbsyncrc.write_text(rest)
        (self.folder / "mbsyncrc-careless").write_text("FSync no\n" + rest)

    def _configure_interimap(self):
        """A second account on the same server is its local side: it needs an IMAP server there."""
        server = self.bench.server
        self.interimaprc, self.interimap_db = self.folder / "interimap.conf", self.folder / "interimap.db"
        side = f"[%s]\ntype = imaps\nhost = %s\nport = %d\nusername = %s\npassword = {server.password}\nSSL_CAfile = {self.bench.ca}\n"
        self.interimaprc.write_text(f"database = {self.interimap_db}\n" + side % ("local", server.host, server.tls_port, self.near) +
                                    side % ("remote", self.host, self.port, self.user))
        self.interimaprc.chmod(0o600)

    @property
    def near(self):
        """interimap's user here."""
        return f"{self.user}-near"

    def mailtree_command(self, *words):
        return [self.bench.mailtree, "--config", self.config, *words]

    def commands(self):
        """{name: one synchronisation}"""
        return {"mailtree": self.mailtree_command("sync"), "mbsync": ["mbsync", "-q", "-c", self.mbsyncrc, "bench"],
                "interimap": ["interimap", "-q", "--config", self.interimaprc]}

    def sync(self, name="mailtree"):
        return self.run(self.commands()[name])

    def begin(self, *names):
        """First synchronisations that nobody measures."""
        for name in names:
            self.clear(name)
            self.run(["mbsync", "-q", "-c", self.folder / "mbsyncrc-careless", "bench"] if name == "mbsync" else self.commands()[name])

    def clear(self, name="mailtree"):
        """As if it had never run."""
        if name == "mailtree":
            shutil.rmtree(self.store, ignore_errors=True)
        elif name == "mbsync":
            shutil.rmtree(self.maildir, ignore_errors=True)
            self.maildir.mkdir()
        else:
            for each in self.folder.glob("interimap.db*"):
                each.unlink()
            self.bench.server.remove_user(self.near)
