"""Counting: what a program or pytest reported is what scripts/test adds up."""
import threading

import pytest
from lib import runner, tap


def outcomes(text, status=0):
    return [case.outcome for case in tap.parse_tap(text, status)]


def test_cases_are_counted_by_outcome():
    text = "TAP version 13\n# random seed: R02S\n1..3\n# Start of a tests\nok 1 /a/x\nok 2 /a/y # SKIP no such thing\nnot ok 3 /a/z - why\n"
    cases = tap.parse_tap(text, 1)
    assert [(case.name, case.outcome) for case in cases] == [("/a/x", "passed"), ("/a/y", "skipped"), ("/a/z - why", "failed")]
    assert cases[1].reason == "no such thing"


def test_a_crash_after_the_last_case_is_a_failure():
    assert outcomes("1..1\nok 1 /a\n", -11) == ["passed", "failed"]


def test_a_plan_that_is_not_kept_is_a_failure():
    assert outcomes("1..2\nok 1 /a\n") == ["passed", "failed"]


def test_no_plan_is_a_failure():
    assert outcomes("") == ["failed"]


def test_a_program_skipped_as_a_whole_is_one_skip():
    assert outcomes("1..0 # SKIP no fuse\n") == ["skipped"]


def test_bail_out_is_a_failure():
    assert "failed" in outcomes("1..2\nok 1 /a\nBail out! ERROR:x.c:1\n", -6)


def test_a_case_that_fails_in_body_and_teardown_counts_once(tmp_path):
    (tmp_path / "r.xml").write_text(
        '<testsuites><testsuite><testcase classname="tests.integration.test_x" name="test_a[1]"><failure message="m"/></testcase>'
        '<testcase classname="tests.integration.test_x" name="test_a[1]"><error message="e"/></testcase>'
        '<testcase classname="tests.integration.test_x" name="test_b"/>'
        '<testcase classname="tests.integration.test_x" name="test_c"><skipped message="s"/></testcase></testsuite></testsuites>')
    cases = tap.parse_junit(tmp_path / "r.xml")
    assert [(case.name, case.outcome, case.reason) for case in cases] == [
        ("test_x.py::test_a[1]", "failed", "m"), ("test_x.py::test_b", "passed", ""), ("test_x.py::test_c", "skipped", "s")]


def test_a_skip_needs_a_line_whose_probe_is_true():
    rows = [("unit/a*", "false", "r"), ("unit/b*", "true", "r")]
    assert runner.justified("unit/b/x", rows)
    assert not runner.justified("unit/a/x", rows)
    assert not runner.justified("unit/c", rows)


def test_an_unlisted_skip_and_a_failure_are_told_apart(tmp_path):
    result = runner.Result("unit", [tap.Case("t/a", "skipped", "r"), tap.Case("t/b", "failed"), tap.Case("t/c", "passed")],
                           1, runner.LOGS / "x.log")
    said = []
    assert runner.report(result, [], said.append) == (1, 1, 1, 1)
    assert any("WITHOUT LEAVE" in line for line in said)
    assert any("again: scripts/test --suite unit -k t/b" in line for line in said)


def test_suites_run_two_at_a_time():
    """Each of a pair waits until the other has begun."""
    together = threading.Barrier(2, timeout=30)

    def run(suite):
        together.wait()
        return (int(suite), 0, 0, 0)
    assert runner.run_some_at_a_time(["1", "2", "3", "4"], run, 2) == [(number, 0, 0, 0) for number in (1, 2, 3, 4)]


def test_what_stops_one_suite_stops_the_rest(monkeypatch):
    begun, ended = [], []
    monkeypatch.setattr(runner.keeper, "end_descendants", lambda: ended.append(True))

    def run(suite):
        begun.append(suite)
        raise ValueError
    with pytest.raises(ValueError):
        runner.run_some_at_a_time(["1", "2", "3", "4", "5", "6"], run, 2)
    assert len(begun) <= 4 and ended
