"""How good the fixes are, over the specs of tests/diagnostics/edits.txt: is the right edit offered, and offered first?

python scripts/measure_fixes.py             the figures, and the cases whose outcome is not the recorded one
python scripts/measure_fixes.py --syntax    of the cases with a syntax error only
python scripts/measure_fixes.py --ablate    what is lost without each rule of the syntax phase
python scripts/measure_fixes.py --record    writes the outcomes into edits.txt; read the difference
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "diagnostics")]

from edit_cases import EDIT_CASES, EditCase, outcome_of, record  # noqa: E402


def figures(outcomes: list[str]) -> tuple[int, int]:
    """How often the right edit is offered, and how often it is the first one."""
    return outcomes.count("first") + outcomes.count("right"), outcomes.count("first")


def ablate(cases: list[EditCase]) -> None:
    from netspec.fixes import rules

    everything = rules.syntax_rules()
    offered, first = figures([outcome_of(case) for case in cases])
    for left_out in everything:
        kept = {name: rule for name, rule in everything.items() if name != left_out}
        rules.syntax_rules = lambda kept=kept: kept  # type: ignore[assignment,misc]
        without = figures([outcome_of(case) for case in cases])
        print(f"{left_out:28} offered {without[0] - offered:+d}, first {without[1] - first:+d}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in ("--syntax", "--ablate", "--record"):
        parser.add_argument(flag, action="store_true")
    given = parser.parse_args()
    if given.record:
        record()
        return
    syntax = [case for case in EDIT_CASES if any(code.startswith("NS10") for code in case.codes)]
    if given.ablate:
        ablate(syntax)
        return
    cases = syntax if given.syntax else EDIT_CASES
    outcomes = [outcome_of(case) for case in cases]
    print("{} cases: right edit offered {}, ranked first {}".format(len(cases), *figures(outcomes)))
    for case, outcome in zip(cases, outcomes, strict=True):
        if outcome != case.outcome:
            print(f"{case.name}: {case.outcome} -> {outcome}")


if __name__ == "__main__":
    main()
