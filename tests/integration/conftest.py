"""Fixtures: a private Dovecot for the session, a home with a configuration for each test, and what a failure shows."""
import contextlib
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lib import messages, overlay, scripted
from lib.account import Account
from lib.certs import Certificates
from lib.courier import Courier
from lib.cyrus import Cyrus
from lib.dovecot import THREE, Dovecot
from lib.program import Mailtree
from lib.writing import Writing

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("MAILTREE", str(ROOT / "build-test" / "src" / "mailtree"))


@pytest.fixture(scope="session")
def full(pytestconfig):
    return pytestconfig.option.full


@pytest.fixture(scope="session")
def picker(pytestconfig):
    """picker(nodeid, items, count): as pick() of that test."""
    def choose(nodeid, items, count):
        items = list(items)
        if pytestconfig.option.full:
            return items
        if pytestconfig.option.sample:
            count = (count + 3) // 4
        chosen = messages.Random(pytestconfig.option.seed, nodeid).sample(range(len(items)), count)
        return [items[index] for index in sorted(chosen)]
    return choose


@pytest.fixture
def pick(picker, request):
    """pick(items, count): all of them with --full, else a sample by the seed, in their order."""
    return lambda items, count: picker(request.node.nodeid, items, count)


@pytest.fixture(scope="session")
def place():
    """A folder for the session that other users may pass through: Dovecot runs as one."""
    made = Path(tempfile.mkdtemp(prefix="it."))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def certs(place):
    return Certificates(place / "certs")


@pytest.fixture(scope="session")
def dovecots(place, certs):
    """dovecots(profile, separator, special): the server, started when it is first asked for."""
    running = {}

    def get(profile="all", separator="/", special="known"):
        key = profile, separator, special
        if key not in running:
            running[key] = Dovecot(place / f"dovecot-{len(running)}", certs.server, profile, separator, special=special)
            running[key].start()
        return running[key]
    yield get
    with ThreadPoolExecutor() as pool: # a Dovecot takes its time
        list(pool.map(Dovecot.stop, running.values()))


@pytest.fixture(scope="session")
def overlays():
    """What needs a root of its own is skipped where there can be none."""
    if (problem := overlay.problem()):
        pytest.skip(problem)


@pytest.fixture(scope="session")
def cyrus(place, certs, overlays):
    with Cyrus(place / "cyrus", certs.server) as server:
        yield server


@pytest.fixture(scope="session")
def courier(place, certs, overlays):
    with Courier(place / "courier", certs.server) as server:
        yield server


class Remote:
    """An account of its own on a server."""
    _count = 0

    def __init__(self, server, certs):
        Remote._count += 1
        self.server = server
        self.user = f"user{Remote._count}@example.org"
        self.certs = certs

    def connect(self):
        return Account.at(self.server, self.user)

    def keys(self, tls="none", **more):
        keys = self.server.account(self.user, tls)
        if tls != "none":
            keys["tls_ca"] = self.certs.ca
        return {**keys, **more}

    def logins(self):
        """How often somebody logged in so far."""
        return self.server.logins(self.user)


@pytest.fixture
def remote(dovecots, certs):
    """An empty account on a server with all capabilities."""
    return Remote(dovecots(), certs)


@pytest.fixture
def remote_with(dovecots, certs):
    """remote_with(profile, separator, special)"""
    return lambda *wanted, **more: Remote(dovecots(*wanted, **more), certs)


@pytest.fixture(params=THREE)
def any_remote(request, dovecots, certs):
    """An empty account on each kind of server."""
    return Remote(dovecots(request.param), certs)


@pytest.fixture
def remote_on(certs):
    """remote_on(server): an empty account on it."""
    return lambda server: Remote(server, certs)


@pytest.fixture
def cyrus_remote(cyrus, certs):
    return Remote(cyrus, certs)


@pytest.fixture
def courier_remote(courier, certs):
    return Remote(courier, certs)


@pytest.fixture(params=["cyrus", "courier"])
def real_remote(request, certs):
    """An empty account on each server that is no Dovecot."""
    return Remote(request.getfixturevalue(request.param), certs)


@contextlib.contextmanager
def new_home(place, request):
    made = Mailtree(tempfile.mkdtemp(prefix="home.", dir=place))
    request.node.mailtree_homes = [*getattr(request.node, "mailtree_homes", []), made]
    yield made
    reports = made.close()
    made.said = "\n".join({mount.said() for mount in made._mounts}) # for a failure of what follows
    shutil.rmtree(made.folder, ignore_errors=True)
    assert not reports, reports


@pytest.fixture
def home(place, request):
    """A Mailtree; whatever it started is ended, and a sanitizer's report fails the test."""
    with new_home(place, request) as made:
        yield made


@pytest.fixture
def hasty(home):
    """home, hastened."""
    home.hasten()
    return home


@pytest.fixture
def other_home(place, request):
    """A second one, on another computer as it were."""
    with new_home(place, request) as made:
        yield made


@pytest.fixture
def fuse():
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("no /dev/fuse for this user")


@pytest.fixture
def work(home, remote, fuse):
    """A Writing: a mounted account to write in."""
    with Writing(home, remote) as made:
        yield made


@pytest.fixture
def serve(request, certs):
    """serve(SessionClass, …): a scripted server for this test; see lib.scripted.Server."""
    running = []

    def start(session=None, **more):
        if more.get("tls", "none") != "none" and "context" not in more:
            more.setdefault("certificate", certs.server)
        running.append(scripted.Server(session, **more))
        request.node.scripted_servers = running
        return running[-1]
    yield start
    for server in running:
        server.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed:
        return
    for home in getattr(item, "mailtree_homes", []):
        report.sections.append(("what was run", "\n".join(home.story[-30:])))
        said = getattr(home, "said", None) or "\n".join({mount.said() for mount in home._mounts})
        if said:
            report.sections.append(("mailtree mount -f wrote", said[-10000:]))
    for server in getattr(item, "scripted_servers", []):
        report.sections.append(("the scripted server's talk", server.transcript()))
    suite = "long" if item.get_closest_marker("long") else "integration"
    report.sections.append(("again", f"scripts/test --suite {suite} -k {getattr(item, 'originalname', item.name)} --seed {item.config.option.seed}"))
    kept = os.environ.get("MAILTREE_LOGS")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        text = "\n\n".join(f"---- {title}\n{body}" for title, body in report.sections)
        Path(kept, f"{item.name.replace('/', '_')}.{report.when}.log").write_text(f"{report.longreprtext}\n\n{text}\n")
