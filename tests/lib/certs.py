"""Certificates for private servers, made by openssl: good ones, and one of each kind that must be refused."""
import base64
import hashlib
import subprocess
from pathlib import Path

LOCAL_NAMES = "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1"

_CA_CONFIG = """\
[ca]
default_ca = it
[it]
database = {folder}/{name}.index
new_certs_dir = {folder}
rand_serial = yes
policy = any
default_md = sha256
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


class Certificate:
    """A certificate and its key as PEM files."""

    def __init__(self, cert, key):
        self.cert = Path(cert)
        self.key = Path(key)

    def public_key_sha256(self):
        """The pin: SHA-256 of the SubjectPublicKeyInfo, as bytes."""
        pem = _openssl("x509", "-in", self.cert, "-noout", "-pubkey").decode("ascii")
        der = base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))
        return hashlib.sha256(der).digest()

    @property
    def pin_hex(self):
        return self.public_key_sha256().hex()

    @property
    def pin_base64(self):
        return "sha256//" + base64.b64encode(self.public_key_sha256()).decode("ascii")


class Authority:
    """A certificate authority of our own in a folder."""

    def __init__(self, folder, name):
        self.folder = Path(folder)
        self.name = name
        self.cert = self.folder / f"{name}.pem"
        self._key = self.folder / f"{name}.key"
        self._config = self.folder / f"{name}.cnf"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(_CA_CONFIG.format(folder=self.folder, name=name))
        (self.folder / f"{name}.index").touch()
        _openssl("req", "-x509", *_NEW_KEY, "-days", "3650", "-subj", f"/CN={name}",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self._key, "-out", self.cert)

    def issue(self, name, alt_names=LOCAL_NAMES, common_name="localhost", valid=("20200101000000Z", "20400101000000Z")):
        """A certificate for @alt_names, valid between the two dates of @valid (YYYYMMDDHHMMSSZ)."""
        made = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request = self.folder / f"{name}.csr"
        _openssl("req", *_NEW_KEY, "-subj", f"/CN={common_name}", "-addext", f"subjectAltName={alt_names}",
                 "-keyout", made.key, "-out", request)
        _openssl("ca", "-batch", "-notext", "-config", self._config, "-cert", self.cert, "-keyfile", self._key,
                 "-startdate", valid[0], "-enddate", valid[1], "-in", request, "-out", made.cert)
        return made


class Certificates:
    """The usual set.  Each is made when it is first asked for."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._made = {}

    def _once(self, name, make):
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    @property
    def authority(self):
        return self._once("authority", lambda: Authority(self.folder, "test-ca"))

    @property
    def ca(self):
        """The file for tls_ca."""
        return self.authority.cert

    @property
    def server(self):
        return self._once("server", lambda: self.authority.issue("server"))

    @property
    def expired(self):
        return self._once("expired", lambda: self.authority.issue("expired", valid=("20200101000000Z", "20200201000000Z")))

    @property
    def not_yet_valid(self):
        return self._once("not-yet", lambda: self.authority.issue("not-yet", valid=("20390101000000Z", "20400101000000Z")))

    @property
    def wrong_name(self):
        return self._once("wrong-name", lambda: self.authority.issue(
            "wrong-name", alt_names="DNS:mail.example.org", common_name="mail.example.org"))

    @property
    def unknown_issuer(self):
        return self._once("unknown-issuer", lambda: Authority(self.folder, "other-ca").issue("unknown-issuer"))

    @property
    def client(self):
        return self._once("client", lambda: self.authority.issue(
            "client", alt_names="email:alice@example.org", common_name="alice"))


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
