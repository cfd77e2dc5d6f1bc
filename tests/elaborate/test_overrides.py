"""`expect` under other values of the parameters than those of the file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

import netspec
from netspec import Diagnostic, SpecError

HEAD = "net N(classes = 5, width = 4)\ninput 3x8x8\nstem: conv3-width\ngap\nhead: FC-classes\n"
"""112 parameters in the stem, 25 in the head."""


def found(text: str, **parameters: object) -> list[tuple[str, str]]:
    """Errors and notes."""
    diagnostics = netspec.check(text, **parameters).diagnostics
    return [(d.severity, d.code) for d in diagnostics if d.severity != "warning"]


NOTES = [
    "params == 137", "params ~ 137", "params <= 137", "output == 5", "output != 7", "shape(head) == 5", "params < 0.5K",
    "params(stem) > 3 * params(head)", "137 == params", "output == 5 and params == 137", "output == n",
    "params == 28 * width + 25", "not params > 137", "output == 5 or params == 137",
]  # fmt: skip
KEPT = [
    "output == classes", "params == 28 * width + 5 * classes", "output == twice // 2", "output == half(2 * classes)", "output == (classes if classes > 3 else 5)", "params == 137 or classes == 5",
]  # fmt: skip
NAMES = "let n = 5\nlet twice = 2 * classes\nfn half(v) = v // 2\n"


@pytest.mark.parametrize("condition", NOTES)
def test_an_expectation_about_the_numbers_of_the_file_is_a_note_under_others(condition: str) -> None:
    text = f"{HEAD}{NAMES}expect {condition}\n"
    assert found(text) == found(text, classes=5) == []
    changed = found(text, classes=7 if "not" in condition or "!=" in condition else 700)
    assert changed
    assert set(changed) == {("note", "NS401")}
    assert netspec.load(text, classes=700).params > 137


@pytest.mark.parametrize("condition", KEPT)
def test_an_expectation_written_with_the_parameter_still_counts(condition: str) -> None:
    text = f"{HEAD}{NAMES}expect {condition}\n"
    assert found(text, classes=5) == []
    wrong = text.replace("head: FC-classes", "head: FC-(classes + 1)" if "or " not in condition else "head: FC-6")
    assert found(wrong, classes=700) == [("error", "NS401")]
    if " or " not in condition:
        assert found(text, classes=700) == []
    with pytest.raises(SpecError):
        netspec.load(wrong, classes=700)


def test_relations_without_numbers_still_count() -> None:
    text = HEAD.replace("head: FC-classes", "head: FC-classes\nlast: FC-5") + "expect params(head) < params(stem)\n"
    assert found(text) == []
    assert found(text, classes=700) == [("error", "NS401")]


def test_a_parameter_computed_from_a_changed_one_is_changed() -> None:
    text = "net N(width = 4, hidden = 2 * width)\ninput 3\nFC-hidden\nexpect output == hidden + 1\nexpect output == 9\n"
    assert found(text, width=8) == [("error", "NS401"), ("note", "NS401")]
    assert found(text, hidden=100) == [("error", "NS401"), ("note", "NS401")]


def test_another_parameter_does_not_make_a_number_general() -> None:
    text = f"{HEAD}expect params == 28 * width + 25\n"
    assert found(text, classes=7) == [("note", "NS401")]
    assert found(text, width=8) == [("error", "NS401")]


def test_without_a_default_a_value_is_always_from_outside() -> None:
    text = "net N(classes)\ninput 3\nFC-classes\nexpect output == 5\nexpect output == classes\n"
    assert found(text, classes=5) == []
    assert found(text, classes=6) == [("note", "NS401")]
    assert "`classes` is 6 here; the expectation does not mention it" in str(netspec.check(text, classes=6))


def test_expectations_of_blocks() -> None:
    text = """net N(width = 4)
block Stem(w) {{ conv3-w; expect {} }}
input 3x8x8
Stem(width)
"""
    assert found(text.format("params == 112"), width=8) == [("note", "NS401")]
    assert found(text.format("params == 28 * w"), width=8) == []
    assert found(text.format("params == 27 * w"), width=8) == [("error", "NS401")]
    assert found(text.format("output == (8, in.height, in.width)"), width=8) == [("error", "NS401")]


def test_an_expectation_that_has_no_value_under_others_is_a_note() -> None:
    text = "net N(pooled = no)\ninput 3x32x32\nconv3-4/2\nif pooled { gap }\nexpect rf_stride == 2\n"
    assert found(text) == []
    assert found(text, pooled=True) == [("note", "NS402")]
    assert found(text.replace("rf_stride", "rf_strid"), pooled=True) == [("error", "NS208")]


def test_conditions_from_outside_are_about_what_is_asked_for() -> None:
    checked = netspec.check(HEAD, classes=700, expect="params <= 137")
    assert [(d.severity, d.code) for d in checked.diagnostics] == [("error", "NS401")]


def test_what_a_note_says() -> None:
    (note,) = netspec.check(f"{HEAD}expect params == 137\n", classes=7, width=8).diagnostics
    assert note.message == "expected `params == 137`, but params is 287"
    assert note.notes == (
        "`classes` is 7 here instead of 5, `width` is 8 here instead of 4; the expectation does not mention them",
    )
    assert note.fixes == note.helps == ()


def test_a_note_can_be_accepted() -> None:
    assert found(f"{HEAD}expect params == 137  # netspec: allow NS401\n", classes=7) == []


def test_random_conditions_are_notes_where_they_hold_for_the_file_and_do_not_mention_what_changes() -> None:
    """Against a direct count: the condition is computed in Python for both values."""
    counts: Callable[[int, int], int] = lambda classes, width: 28 * width + (width + 1) * classes  # noqa: E731
    for left, right in itertools.product(("params", "params(stem) + params(head)"), ("137", "28*width + 25", "28*width + (width + 1)*classes")):  # fmt: skip
        for classes, width in itertools.product((5, 7), (4, 6)):
            wanted = eval(right, {"classes": classes, "width": width})
            mentioned = {"classes": classes != 5 and "classes" in right, "width": width != 4 and "width" in right}
            expected = [] if wanted == counts(classes, width) else ["error" if any(mentioned.values()) else "note"]
            got = [severity for severity, _ in found(f"{HEAD}expect {left} == {right}\n", classes=classes, width=width)]
            assert got == expected, (left, right, classes, width)


# The commands


def test_check_exits_with_0_and_strict_with_1(tmp_path: Path) -> None:
    file = str(ROOT / "examples" / "resnet18.net")
    plain = run_netspec("check", file, "-D", "classes=10")
    assert plain.returncode == 0
    assert "3 notes" in plain.stderr
    assert plain.stderr.count("note[NS401]") == 3
    strict = run_netspec("check", file, "-D", "classes=10", "--strict")
    assert strict.returncode == 1
    assert "3 errors" in strict.stderr
    report = json.loads(run_netspec("check", file, "-D", "classes=10", "--format", "json").stdout)
    assert report["ok"] is True
    assert [d["severity"] for d in report["diagnostics"]] == ["note"] * 3
    assert report["totals"]["params"] == 11_181_642
    log = json.loads(run_netspec("check", file, "-D", "classes=10", "--format", "sarif").stdout)
    assert {result["level"] for result in log["runs"][0]["results"]} == {"note"}
    assert run_netspec("check", file, "-D", "classes=10", "--format", "github").stdout.count("::notice ") == 3


@pytest.mark.parametrize(("command", "out"), [("compile", "m.py"), ("draw", "m.dot")])
def test_compile_and_draw_warn_and_go_on_and_strict_refuses(tmp_path: Path, command: str, out: str) -> None:
    spec = tmp_path / "m.net"
    spec.write_text(f"{HEAD}expect params == 1\n", encoding="utf-8")
    refused = run_netspec(command, str(spec), "-o", str(tmp_path / out), "--strict")
    assert refused.returncode == 1
    assert "error[NS401]" in refused.stderr
    assert not (tmp_path / out).exists()
    done = run_netspec(command, str(spec), "-o", str(tmp_path / out))
    assert done.returncode == 0
    assert "warning[NS401]: expected `params == 1`, but params is 137" in done.stderr
    assert (tmp_path / out).exists()
    assert run_netspec("check", str(spec)).returncode == 1


def test_other_errors_still_stop_compile(tmp_path: Path) -> None:
    spec = tmp_path / "m.net"
    spec.write_text(f"{HEAD}expect parms == 137\n", encoding="utf-8")
    assert run_netspec("compile", str(spec), "-o", str(tmp_path / "m.py")).returncode == 1


def test_strict_and_lenient_checks() -> None:
    checked = netspec.check(f"{HEAD}expect params == 1\n", classes=7)
    assert checked.ok
    assert not checked.strict().ok
    wrong = netspec.check(f"{HEAD}expect params == 1\n")
    assert not wrong.ok
    assert wrong.lenient().ok
    assert all(isinstance(d, Diagnostic) for d in wrong.lenient().model().diagnostics)
    assert not netspec.check(f"{HEAD}conv3-4 bananas=3\n").lenient().ok
