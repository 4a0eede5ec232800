"""scripts/quickstart: a sample account on a private Dovecot, synchronised and mounted, and a tour of it."""
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from . import dovecot, keeper, sample
from .account import Account
from .certs import Certificate, Certificates

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-quickstart"
PROGRAM = BUILD / "src" / "mailtree"
HOME = Path.home()
STATE = Path(os.environ.get("XDG_DATA_HOME") or HOME / ".local" / "share") / "mailtree-quickstart"
# Dovecot serves no mail as root, and another user cannot reach into root's home.
SERVER = Path("/var/lib/mailtree-quickstart") if os.geteuid() == 0 else STATE / "server"
MOUNT = HOME / "mailtree-quickstart"
CONFIG = STATE / "config"
RUNNING = STATE / "running.json"
ACCOUNT = "sample"
USER = "eliska@knihvazba.example"
PASSWORD = "a-sample-needs-no-secret"


class Trouble(Exception):
    """One line for the user."""


def say(text=""):
    print(text, flush=True)


def build():
    say("building mailtree (a release, in build-quickstart; a minute or so the first time)")
    STATE.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = STATE / "build.log"
    with open(log, "wb") as out:
        commands = [["ninja", "-C", str(BUILD), "src/mailtree"]]
        if not (BUILD / "build.ninja").exists():
            commands.insert(0, ["meson", "setup", "-Dbuildtype=release", "-Db_ndebug=false", str(BUILD), str(ROOT)])
        for command in commands:
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT).returncode != 0:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise Trouble(f"{tail}\nthe build failed; all of its output is in {log}")


def running_server():
    """The process id of the Dovecot of an earlier run, if it or anything that it started still runs."""
    try:
        pid = int(json.loads(RUNNING.read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return None
    return pid if dovecot.still_runs(pid) else None


def mailtree(*arguments, timeout=300, check=True):
    done = subprocess.run([str(PROGRAM), "--config", str(CONFIG), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise Trouble(f"mailtree {shlex.join(map(str, arguments))} ended with status {done.returncode}: {done.stderr.strip()}")
    return done


def serve():
    """Dovecot with the sample account in it."""
    say("starting a private Dovecot on loopback")
    certificates = Certificates(STATE / "certificates")
    if not (STATE / "certificates" / "server.pem").exists():
        shutil.rmtree(STATE / "certificates", ignore_errors=True)
        certificate = certificates.server
    else:
        certificate = Certificate(STATE / "certificates" / "server.pem", STATE / "certificates" / "server.key")
    SERVER.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        SERVER.chmod(0o711)
    server = dovecot.Dovecot(SERVER, certificate, password=PASSWORD)
    server.start()
    RUNNING.write_text(json.dumps({"pid": server.pid, "port": server.tls_port}))
    CONFIG.touch(0o600)
    CONFIG.write_text(f"""\
# Made by scripts/quickstart.  One's own account looks the same, in ~/.config/mailtree/config.
[mailtree]
store = {STATE}/store

[account {ACCOUNT}]
host = localhost
port = {server.tls_port}
user = {USER}
password_command = cat {shlex.quote(str(STATE / "password"))}
tls_ca = {STATE}/certificates/test-ca.pem
""")
    (STATE / "password").touch(0o600)
    (STATE / "password").write_text(PASSWORD + "\n")
    with Account.at(server, USER) as account:
        have = {each.name for each in account.folders()}
        if not set(sample.EMPTY_FOLDERS) <= have: # they are made last
            for folder, mails in sample.accounts().items():
                if folder not in have:
                    account.create(folder)
                account.append(folder, mails[account.status(folder, "MESSAGES"):])
            account.create(*sample.EMPTY_FOLDERS)


def synchronise_and_mount():
    say("synchronising")
    mailtree("sync")
    MOUNT.mkdir(exist_ok=True)
    mailtree("mount", MOUNT)


def show(command, note=""):
    """Runs @command below the mount and prints both."""
    say(f"  $ {command}{'    # ' + note if note else ''}")
    done = subprocess.run(["sh", "-c", command], cwd=MOUNT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8", "COLUMNS": "100"})
    for line in (done.stdout + done.stderr).splitlines():
        say("    " + line)
    say()


def tour():
    say()
    say(f"The mail of Eliška Marková, who binds books in Brno, is now in {MOUNT}")
    say()
    here = f"text/{ACCOUNT}"
    show("ls")
    show(f"ls mail/{ACCOUNT} mail/{ACCOUNT}/Rodina", "folders hold messages and folders")
    show(f"grep -ril žluťoučký {here}", "in base64, quoted-printable ISO-8859-2, HTML: text/ is decoded")
    show(f"grep -ril žluťoučký mail/{ACCOUNT} | wc -l", "mail/ has the bytes that the server sent, mostly encoded")
    show(f"cat {here}/Rodina/Babi*/*trúdl*.txt")
    show(f"grep -r 'הינשוף הגיע\\|宣纸样品' {here} --include='*.txt' -h", "right to left, and Chinese")
    show(f"find mail/{ACCOUNT} -path '*Univerzitní*' -name '*.eml' | tail -n 2")
    show("cat status")


def goodbye():
    program = os.path.relpath(PROGRAM, os.getcwd()) if str(PROGRAM).startswith(os.getcwd()) else str(PROGRAM)
    say(f"""\
It stays mounted.  Look around with whatever you like:
  cd {shlex.quote(str(MOUNT))}
  ls -R text; grep -ri sovy text; find mail -newermt 2024-10-01 -type f; cat README
Change something; the tree shows it, and the server gets it, at once:
  {program} --config {shlex.quote(str(CONFIG))} flag add '\\Flagged' {ACCOUNT}/Rodina/~3
  {program} --config {shlex.quote(str(CONFIG))} move {ACCOUNT}/Rodina/~4 {ACCOUNT}/Novinky
Stop it (and start it again with scripts/quickstart); remove all of it:
  scripts/quickstart stop
  scripts/quickstart remove
Your own account, in ~/.config/mailtree/config (mode 0600):
  [account home]
  host = imap.example.org
  user = you@example.org
  password_command = secret-tool lookup mail home
and then:
  {program} check
  {program} sync
  mkdir -p ~/Mail && {program} mount ~/Mail""")


def stop(quiet=False):
    """Unmounts, ends Dovecot; True if there was anything to stop."""
    found = False
    if keeper.is_mounted(MOUNT):
        found = True
        if not PROGRAM.exists() or mailtree("unmount", MOUNT, check=False).returncode != 0:
            keeper.unmount_below(MOUNT)
    pid = running_server()
    if pid:
        found = True
        dovecot.end_process(pid)
    RUNNING.unlink(missing_ok=True)
    if MOUNT.is_dir() and not any(MOUNT.iterdir()):
        MOUNT.rmdir()
    if not quiet:
        say("stopped; the data stays for the next start" if found else "nothing was running")
    return found


def status():
    pid = running_server()
    say(f"server: {'runs, process ' + str(pid) if pid else 'does not run'}")
    say(f"mount:  {MOUNT if keeper.is_mounted(MOUNT) else 'none'}")
    if pid or keeper.is_mounted(MOUNT):
        say(mailtree("status", check=False).stdout.rstrip())
        return 0
    return 1


def remove():
    stop(quiet=True)
    for folder in {STATE, SERVER, BUILD}:
        shutil.rmtree(folder, ignore_errors=True)
    say("removed")


def start():
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise Trouble("/dev/fuse cannot be opened: mounting needs it (in a container: --device /dev/fuse --cap-add SYS_ADMIN)")
    if not keeper.is_mounted(MOUNT) and MOUNT.exists() and (not MOUNT.is_dir() or any(MOUNT.iterdir())):
        raise Trouble(f"{MOUNT} is in use by something else: move it away")
    build()
    stop(quiet=True) # what an earlier run left, perhaps with an older program
    try:
        serve()
        synchronise_and_mount()
    except BaseException:
        stop(quiet=True)
        raise
    tour()
    goodbye()


def main():
    command = sys.argv[1] if len(sys.argv) > 1 else "start"
    commands = {"start": start, "stop": stop, "status": status, "remove": remove}
    if command not in commands or len(sys.argv) > 2:
        print("usage: scripts/quickstart [start|stop|status|remove]", file=sys.stderr)
        return 64
    try:
        return 1 if commands[command]() == 1 and command == "status" else 0
    except (Trouble, RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
