"""scripts/test: builds, runs every suite, counts cases, leaves nothing behind.

Builds are made one after the other in the background while the suites of the builds that are ready run, some at a time,
since an integration test mostly waits.
"""
import argparse
import contextlib
import fnmatch
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import keeper, overlay, tap
from .courier import Courier
from .cyrus import Cyrus

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build-test" / "logs"
SKIPS = ROOT / "tests" / "skips"
SANITIZER_STATUS = "99"

BUILDS = {
    # folder: (environment, meson options)
    "build-test": ({"CC": "gcc"}, ["-Dbuildtype=debugoptimized", "-Dwerror=true"]),
    "build-asan": ({"CC": "gcc"}, ["-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined"]),
    "build-tsan": ({"CC": "gcc"}, ["-Dbuildtype=debugoptimized", "-Db_sanitize=thread"]),
    "build-fuzz": ({"CC": "clang"}, ["-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                                     "-Dfuzz=true"]),
}
SUITES = { # in the order in which they begin: long ones early
    # name: (build it needs, what it is)
    "harness": (None, "the tests' own tools, and the rules about the source tree"),
    "integration": ("build-test", "mailtree against private servers: Dovecot, Cyrus, Courier, and a scripted one"),
    "unit": ("build-test", "unit tests, gcc, no warnings allowed"),
    "long": ("build-test", "integration tests that are marked as long: the table, the model, several clients at once"),
    "asan-integration": ("build-asan", "integration tests with address and undefined sanitizers"),
    "asan-unit": ("build-asan", "unit tests with address and undefined sanitizers"),
    "threads": ("build-tsan", "unit tests of the suite 'threads' with the thread sanitizer"),
    "fuzz": ("build-fuzz", "fuzz targets on their corpus, clang"),
}
GROUPS = {"sanitizers": ["asan-unit", "asan-integration", "threads"]}


@dataclass
class Result:
    suite: str
    cases: list
    seconds: float
    log: Path
    failures: dict = field(default_factory=dict) # case name: the end of its output


class Run:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.builds = {}  # folder: an Event with .error when it is set
        personality = ["setarch", "-R"]
        usable = subprocess.run([*personality, "true"], capture_output=True).returncode == 0
        # Sanitizers cannot place their shadow memory under some kernels' randomisation.
        self.fixed_layout = personality if usable else []

    # Builds

    def start_builds(self, wanted):
        for folder in wanted:
            self.builds[folder] = threading.Event()
        threading.Thread(target=self._build_all, args=(list(wanted),), daemon=True).start()

    def _build_all(self, wanted):
        for folder in wanted:
            event = self.builds[folder]
            try:
                event.error = self._build(folder)
            except Exception as error: # the suite that waits for it reports it
                event.error = f"{type(error).__name__}: {error}"
            event.set()

    def _build(self, folder):
        """None, or what went wrong."""
        environment, options = BUILDS[folder]
        log = LOGS / f"{folder}.log"
        build = ROOT / folder
        # Options given at setup are remembered, so that a folder of other options is made anew.
        mark = build / "setup-options"
        wanted = json.dumps([environment, options])
        commands = []
        if not (build / "build.ninja").exists() or not mark.exists() or mark.read_text() != wanted:
            shutil.rmtree(build / "meson-private", ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                (build / "build.ninja").unlink()
            commands.append(["meson", "setup", *options, str(build), str(ROOT)])
        # Suites wait for the first; the others are not to keep tests from their turn.
        politely = [] if folder == next(iter(self.builds)) else ["nice", "-n", "15"]
        commands.append([*politely, "ninja", "-C", str(build), "-k", "0"])
        with open(log, "wb") as out:
            for command in commands:
                status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=1800,
                                        env={**os.environ, **environment}).returncode
                if status != 0:
                    return f"{'meson setup' if command[0] == 'meson' else 'ninja'} failed; see {log.relative_to(ROOT)}"
                if command[0] == "meson":
                    mark.write_text(wanted)
        return None

    def install_servers(self):
        """In the background.  A test that comes earlier waits, and one that needs what could not be installed tells why."""
        def install():
            with open(LOGS / "servers.log", "w", encoding="utf-8") as log:
                problem = overlay.problem()
                for server in (Cyrus, Courier) if not problem else ():
                    begin = time.monotonic()
                    try:
                        said = f"{server.prepare()}, {time.monotonic() - begin:.1f} s"
                    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                        said = error
                    print(f"{server.NAME}: {said}", file=log, flush=True)
                if problem:
                    print(problem, file=log)
        threading.Thread(target=install, daemon=True).start()

    # Suites

    def run(self, suite):
        begin = time.monotonic()
        log = LOGS / f"{suite}.log"
        build, _ = SUITES[suite]
        result = Result(suite, [], 0, log)
        if build:
            self.builds[build].wait()
            if self.builds[build].error:
                with contextlib.suppress(OSError):
                    text = (LOGS / f"{build}.log").read_text(errors="replace")
                    result.failures["(build)"] = _essence(text)
                result.cases = [tap.Case("(build)", "failed", self.builds[build].error)]
                return result
        log.write_bytes(b"")
        with tempfile.TemporaryDirectory(prefix=f"{suite}.", dir=self.scratch) as place:
            os.chmod(place, 0o711)
            try:
                if suite == "harness":
                    self._pytest(result, "tests/harness", None, place)
                elif suite.endswith("integration") or suite == "long":
                    self._pytest(result, "tests/integration", ROOT / build / "src" / "mailtree", place)
                elif suite == "fuzz":
                    self._fuzz(result, place)
                else:
                    self._unit(result, build, place)
            finally:
                keeper.unmount_below(place)
        if not result.cases and not self.options.k:
            result.cases.append(tap.Case("(cases)", "failed", "no case was run"))
        result.seconds = time.monotonic() - begin
        return result

    def _environment(self, suite, place):
        env = dict(os.environ)
        env.update({
            "TMPDIR": place, "LC_ALL": "C.UTF-8", "TZ": "UTC", "G_SLICE": "always-malloc",
            "G_DEBUG": "fatal-criticals", "MALLOC_PERTURB_": "165",
            "ASAN_OPTIONS": f"halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:exitcode={SANITIZER_STATUS}",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:exitcode={SANITIZER_STATUS}",
        })
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
            env.pop(name, None)
        return env

    def _unit(self, result, build, place):
        listing = subprocess.run(["meson", "introspect", "--tests", str(ROOT / build)], capture_output=True, check=True)
        jobs = []
        for test in json.loads(listing.stdout):
            suites = [name.partition(":")[2] or name for name in test["suite"]]
            if result.suite != "threads" or "threads" in suites:
                jobs.append(test)
        sanitized = build != "build-test"
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for test, output, cases in pool.map(lambda job: self._unit_one(job, result, sanitized, place), jobs):
                with open(result.log, "a", encoding="utf-8") as out:
                    out.write(f"==== {test['name']}: {' '.join(test['cmd'])}\n{output}\n")
                for case in cases:
                    case.name = f"{test['name']}{case.name if case.name.startswith('/') else ' ' + case.name}"
                    result.cases.append(case)
                    if case.outcome == "failed":
                        result.failures[case.name] = _tail(output, 40)

    def _unit_one(self, test, result, sanitized, place):
        env = {**self._environment(result.suite, place), **test["env"]}
        prefix = self.fixed_layout if sanitized else []
        command = [*prefix, *test["cmd"]]
        pattern = self.options.k
        if pattern and pattern not in test["name"]:
            if test["protocol"] != "tap":
                return test, "", []
            listed = subprocess.run([*command, "-l"], capture_output=True, text=True, timeout=60, env=env).stdout.split()
            paths = [path for path in listed if path.startswith("/") and pattern in test["name"] + path]
            if not paths:
                return test, "", []
            for path in paths:
                command += ["-p", path]
        timeout = (test["timeout"] or 300) * (4 if sanitized else 1)
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=timeout, env=env, cwd=test["workdir"] or place)
            output, status = done.stdout.decode(errors="replace"), done.returncode
        except subprocess.TimeoutExpired as error:
            output = (error.stdout or b"").decode(errors="replace") + f"\nended after {timeout} s\n"
            status = "time-out"
        if test["protocol"] == "tap":
            return test, output, tap.parse_tap(output, status)
        return test, output, [tap.Case("(program)", "passed" if status == 0 else "failed", f"status {status}")]

    def _pytest(self, result, folder, program, place):
        report = Path(place) / "report.xml"
        env = self._environment(result.suite, place)
        env["PYTHONPATH"] = str(ROOT / "tests")
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        command = ["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rs", f"--timeout={3600 if self.options.full else 600}",
                   f"--junitxml={report}", f"--rootdir={ROOT}", f"--basetemp={place}/pytest", folder]
        sanitized = result.suite.startswith("asan")
        if program:
            env["MAILTREE"] = str(program)
            env["MAILTREE_SANITIZED"] = "1" if sanitized else ""
            env["MAILTREE_LOGS"] = str(LOGS / result.suite)
            shutil.rmtree(LOGS / result.suite, ignore_errors=True)
        if self.options.k:
            command += ["-k", self.options.k]
        if suite_mark := {"integration": "not long", "long": "long"}.get(result.suite):
            command += ["-m", suite_mark]
        if self.options.full and not sanitized:
            command.append("--full")
        elif sanitized and program and not self.options.full and not self.options.k:
            command.append("--sample")
        command.append(f"--seed={self.options.seed}")
        with open(result.log, "ab") as out:
            try:
                status = subprocess.run([*self.fixed_layout, *command] if sanitized else command, cwd=ROOT, env=env,
                                        stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                        timeout=4 * 3600 if self.options.full else 2400).returncode
            except subprocess.TimeoutExpired:
                status = "time-out"
        if report.exists():
            result.cases = tap.parse_junit(report)
        if status not in (0, 1, 5) or status == 5 and not self.options.k:
            result.cases.append(tap.Case("(pytest)", "failed", f"it ended with status {status}"))
        text = result.log.read_text(errors="replace")
        for case in result.cases:
            if case.outcome == "failed":
                result.failures[case.name] = _pytest_section(text, case.name)

    def _fuzz(self, result, place):
        listing = subprocess.run(["meson", "introspect", "--targets", str(ROOT / "build-fuzz")], capture_output=True, check=True)
        targets = [each for each in json.loads(listing.stdout)
                   if each["type"] == "executable" and "tests/fuzz" in each["defined_in"]]
        if self.options.k:
            targets = [each for each in targets if self.options.k in each["name"]]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for target, output, case in pool.map(lambda each: self._fuzz_one(each, place), targets):
                with open(result.log, "a", encoding="utf-8") as out:
                    out.write(f"==== {target['name']}\n{output}\n")
                result.cases.append(case)
                if case.outcome == "failed":
                    result.failures[case.name] = _tail(output, 60)

    def _fuzz_one(self, target, place):
        name = target["name"]
        short = name.removeprefix("fuzz-")
        found = LOGS / "fuzz" / name
        found.mkdir(parents=True, exist_ok=True)
        grown = Path(place) / name
        grown.mkdir()
        seconds = 120 if self.options.full else 8
        command = [*self.fixed_layout, target["filename"][0], f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024",
                   "-print_final_stats=1", f"-artifact_prefix={found}/", str(grown)]
        seeds = [each for each in (ROOT / "tests/fuzz/corpus" / short, ROOT / "tests/fuzz/corpus" / name) if each.is_dir()]
        if not seeds:
            return target, "", tap.Case(name, "failed", f"it has no seeds in tests/fuzz/corpus/{short}")
        command += map(str, seeds)
        for dictionary in (ROOT / "tests/fuzz" / f"{short}.dict", ROOT / "tests/fuzz/corpus" / f"{short}.dict"):
            if dictionary.exists():
                command.append(f"-dict={dictionary}")
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=seconds + 180, env=self._environment("fuzz", place), cwd=place)
            output, status = done.stdout.decode(errors="replace"), done.returncode
        except subprocess.TimeoutExpired as error:
            output, status = (error.stdout or b"").decode(errors="replace"), "time-out"
        return target, output, tap.Case(name, "passed" if status == 0 else "failed", "" if status == 0 else
                                        f"status {status}; the input is in {found.relative_to(ROOT)}")


def _tail(text, count):
    return "\n".join(text.rstrip().splitlines()[-count:])


def _essence(text):
    """Of a build's log: the first errors."""
    lines = [line for line in text.splitlines() if not line.startswith(("gcc ", "clang ", "cc "))]
    for index, line in enumerate(lines):
        if "error:" in line or "ERROR" in line or "undefined reference" in line:
            return "\n".join(lines[max(0, index - 2):index + 25])
    return _tail(text, 25)


def _pytest_section(text, name):
    """What pytest printed about one failed case, at most its last 60 lines."""
    test = name.partition("::")[2]
    for title in (f" {test} ", f" of {test} "):
        for line in text.splitlines():
            if line.startswith("____") and title in line:
                rest = text[text.index(line):].splitlines()
                for index in range(1, len(rest)):
                    if rest[index].startswith(("____", "====")):
                        return _tail("\n".join(rest[:index]), 60)
                return _tail("\n".join(rest), 60)
    return _tail(text, 30)


def justified(case_id, rows):
    """True if the list allows this skip and its probe says that it is due here."""
    for pattern, probe, _ in rows:
        if fnmatch.fnmatchcase(case_id, pattern):
            done = subprocess.run(["sh", "-c", probe], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            if done.returncode == 0:
                return True
    return False


def report(result, rows, out=print):
    """Prints one suite's result.  Returns how many passed, failed, were skipped, and skipped without leave."""
    count = {kind: sum(1 for case in result.cases if case.outcome == kind) for kind in ("passed", "failed", "skipped")}
    out(f"   {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped"
        f"   ({result.seconds:.0f} s, {result.log.relative_to(ROOT)})")
    unlisted = 0
    for case in result.cases:
        case_id = f"{result.suite}/{case.name}"
        if case.outcome == "skipped":
            fine = justified(case_id, rows)
            unlisted += not fine
            out(f"   skipped{'' if fine else ' WITHOUT LEAVE (no line of tests/skips with a true probe)'}: {case_id}: {case.reason}")
        elif case.outcome == "failed":
            out(f"   FAILED: {case_id}: {case.reason.splitlines()[0] if case.reason else ''}")
            for line in result.failures.get(case.name, "").splitlines():
                out(f"      | {line}")
            again = case.name.partition("::")[2] or case.name.partition(" ")[0]
            again = "" if case.name.startswith("(") or again.startswith("(") else f" -k {shlex.quote(again.partition('[')[0])}"
            out(f"      again: scripts/test --suite {result.suite}{again}")
    return count["passed"], count["failed"], count["skipped"], unlisted


_ENDING = (signal.SIGTERM, signal.SIGHUP)


def _end(*_):
    for number in _ENDING: # a second one must not keep us from tidying up
        signal.signal(number, signal.SIG_IGN)
    sys.exit(1)


_shown = threading.Lock()


def show(result, rows):
    """Prints one suite's result, whole.  Returns what report() does."""
    lines = [f"== {result.suite}: {SUITES[result.suite][1]}"]
    counts = report(result, rows, lines.append)
    with _shown:
        print("\n".join(lines), flush=True)
    return counts


def run_some_at_a_time(suites, run, count):
    """run(suite) of each, @count at a time; what they return."""
    stopped = threading.Event()

    def run_one(suite):
        return (0, 0, 0, 0) if stopped.is_set() else run(suite)
    with ThreadPoolExecutor(count) as pool:
        try:
            return list(pool.map(run_one, suites))
        except BaseException:
            stopped.set()
            keeper.end_descendants()
            raise


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/test", description="Builds mailtree and runs its tests.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="suites:\n" + "\n".join(f"  {name:18}{what}" for name, (_, what) in SUITES.items()) +
               "\n  sanitizers        " + ", ".join(GROUPS["sanitizers"]))
    parser.add_argument("--full", action="store_true", help="every case instead of seeded samples, longer fuzzing")
    parser.add_argument("--suite", action="append", metavar="NAME", help="only this suite (may be repeated)")
    parser.add_argument("-k", metavar="PATTERN", help="only cases whose name contains PATTERN (pytest: an expression)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="suites at a time, %(default)s by default")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000,
                        help="of the samples; by default another one each time, which is printed")
    options = parser.parse_args()

    suites = []
    for name in options.suite or SUITES:
        if name not in SUITES and name not in GROUPS:
            parser.error(f"there is no suite {name}: {', '.join([*SUITES, *GROUPS])}")
        suites += [each for each in GROUPS.get(name, [name]) if each not in suites]

    rows = tap.read_skips(SKIPS)
    LOGS.mkdir(parents=True, exist_ok=True)
    keeper.adopt_orphans()
    for number in _ENDING:
        signal.signal(number, _end)
    scratch = tempfile.mkdtemp(prefix="mailtree-test.", dir=os.environ.get("TMPDIR"))
    os.chmod(scratch, 0o711) # a server that runs as another user must reach its folder
    totals = [0, 0, 0, 0]
    begin = time.monotonic()
    try:
        print(f"seed {options.seed}", flush=True)
        run = Run(options, scratch)
        if not options.k and any(name.endswith("integration") for name in suites):
            run.install_servers()
        run.start_builds(dict.fromkeys(SUITES[name][0] for name in suites if SUITES[name][0]))
        for counts in run_some_at_a_time(suites, lambda name: show(run.run(name), rows), options.jobs):
            totals = [a + b for a, b in zip(totals, counts)]
    finally:
        left = keeper.end_descendants()
        mounted = keeper.unmount_below(scratch)
        shutil.rmtree(scratch, ignore_errors=True)
        if left or mounted:
            print(f"   ended {left} processes that were left, undid {len(mounted)} mounts", flush=True)
    passed, failed, skipped, unlisted = totals
    print(f"   {time.monotonic() - begin:.0f} s; {unlisted} skips without leave" if unlisted else
          f"   {time.monotonic() - begin:.0f} s")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or unlisted or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
