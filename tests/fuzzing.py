"""Mutated and random specs: never a traceback, every span inside its file, and none takes more than 2 seconds of the
processor and 256 MB on the default limits, except those that unroll to the layers that the limit allows.

    python tests/fuzzing.py 100000 [seed]            whole example networks are mutated
    python tests/fuzzing.py 1000000 [seed] --small   pieces of them, of the documentation, and known mistakes

Without a seed one is drawn. Prints what breaks the promise as it is found, as a line for `data/fuzzed.jsonl`, the texts
that are tried first; a line of progress with the seed now and then; and exits with 1 where anything did.
"""

from __future__ import annotations

import json
import random
import re
import resource
import runpy
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any

from measuring import ROOT, SECONDS, cost_of_check, forget_peak, peak

CORPUS = ROOT / "tests" / "data" / "fuzzed.jsonl"
HANG = 30.0
"""Seconds of the processor after which an input is given up."""
SUSPICIOUS = 128 * 10**6
"""Memory that one input takes beside what is loaded; more is measured in a process of its own."""
UNROLLED = 25_000
"""Layers, of the 100,000 of the default limit, from which on a spec may take longer."""
PROGRESS = 5_000
TABLE = 16
"""One accepted input in so many is printed as a table, and one finding in so many as data: they cost most of the time."""
_WORDS = """
    input 3x32x32 1x7x7 784 77x64 sequence ids int rgb conv3-8 conv3-8/2 conv1-4 convT2-4/2 dwconv3 sepconv3-8
    localconv3-2 maxpool maxpool3/2 avgpool gap flatten FC-10 linear-4 relu softmax dropout 0.5 bn ln gn 4 LRN
    residual { } else none add [ ] concat mul identity ; -> from a a: b: repeat for in if let n = + - * / // %
    ** ( ) , x2 x3 x(n) pad=1 pad=same stride=2 groups=3 bias=no act=relu norm=bn block net use "x.net" as fn
    default fit exact floor expect params == ~ 60M output aux train loss cross_entropy optimizer sgd lr=0.1
    shared dense tie=a here.channels in.width 1e400 999999999 10000000000000000 0 "text # comment netspec:
    allow NS305 × é 漢 \u0301 chunk(0, 2) take -1 slice(0,4) attention heads=3 embed-8 vocab=9 tokens image
    pos_embed upsample 2 resize 7x7 reshape crop pad lstm-8 gru-4 rnn-4 convT3-4 groups=8 norm=gn(3) checkpoint
    weight=0.3 axis=height droppath=0.1 => 'x' // == ! @ weights epochs 10 augment freeze schedule
    xs[0] xs[-1] xs[1:3] xs[::-1] xs[99] [i for i in range(3)] range(3) range(10**15) linspace(0,1,4) zip(xs,xs)
    enumerate(xs) reversed(xs) exp(1) log(2) input a, b output y from f.x f: pair(4) [ from a; from b ] unit with defaults
"""
_TOKENS = [*_WORDS.split(), "\n", "\n", "\t", "\ninput", "maxpool3/2\navgpool", "act=relu\nnorm=bn", "\n}\n", " {\n"]
_TOKEN = re.compile(r"\w+|[ \t]+|->|[^\w \t]")
_HEADERS = ("net", "default", "input", "let", "fn", "fit")


def seeds() -> list[str]:
    """The texts that are mutated: the examples."""
    found = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.net"))]
    return [text for text in found if len(text) < 4000]


def small_seeds() -> list[str]:
    """Short specs: pieces of the examples with their headers, those of the documentation, the known mistakes."""
    found = [piece for text in seeds() for piece in _pieces(text)]
    written = [*(ROOT / "docs").glob("*.md"), *(ROOT / "netspec" / "diagnostics" / "pages").glob("*.md")]
    for path in sorted(written):
        found += re.findall(r"^```net(?:-part)?\n(.*?)^```", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    sys.path.insert(0, str(ROOT / "tests" / "diagnostics"))
    found += [case.text for case in runpy.run_path(str(ROOT / "tests" / "diagnostics" / "cases.py"))["CASES"]]
    sys.path.pop(0)
    return sorted({text for text in found if 0 < len(text) < 900})


def _statements(text: str) -> list[str]:
    """The statements of the top level, each with its braces."""
    found, depth = [""], 0
    for line in text.splitlines(keepends=True):
        found[-1] += line
        depth += sum(line.count(c) for c in "{[(") - sum(line.count(c) for c in "}])")
        if depth <= 0:
            found.append("")
    return [statement for statement in found if statement.split("#")[0].strip()]


def _pieces(text: str) -> list[str]:
    """A few statements in a row at a time, with the headers before them and the blocks that they call."""
    statements = _statements(text)
    heads = [s for s in statements if s.split()[0] in _HEADERS]
    blocks = {s.split()[1].split("(")[0]: s for s in statements if s.split()[0] == "block"}
    flow = [s for s in statements if s not in heads and s not in blocks.values()]
    found = []
    for i in range(0, max(1, len(flow)), 4):
        rows = "".join(flow[i : i + 5])
        used = [block for name, block in blocks.items() if name in rows]
        found.append("".join([*heads, *used]) + rows)
    return found


def mutated(rng: random.Random, texts: list[str]) -> str:
    """A spec with a few random edits, or a heap of tokens or characters."""
    kind = rng.random()
    if kind < 0.15:
        return " ".join(rng.choice(_TOKENS) for _ in range(rng.randrange(60)))
    if kind < 0.2:
        return "".join(chr(rng.choice((rng.randrange(128), rng.randrange(0x3000)))) for _ in range(rng.randrange(200)))
    text = rng.choice(texts)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 10))):
        text = rng.choice((_edit, _token_edit, _token_edit, _statement_edit))(rng, text, texts)
    return text


def _edit(rng: random.Random, text: str, texts: list[str]) -> str:
    """Characters or lines left out, put in, turned around."""
    at = rng.randrange(len(text) + 1)
    length = rng.choice((1, 1, 2, 5, 20))
    lines = text.split("\n")
    line = rng.randrange(len(lines))
    choice = rng.randrange(7)
    if choice == 0:
        return text[:at] + text[at + length :]
    if choice == 1:
        return text[:at] + rng.choice(_TOKENS) + text[at:]
    if choice == 2:
        return text[:at] + rng.choice("{}[]()=-/>:;,.#\"'x0123456789\n \t_~*%") + text[at + rng.randrange(2) :]
    if choice == 3:
        return "\n".join(lines[:line] + lines[line + 1 :])
    if choice == 4:
        return "\n".join(
            [*lines[:line], rng.choice((rng.choice(texts).split("\n"), lines)[rng.randrange(2)]), *lines[line:]]
        )
    if choice == 5:
        digits = [i for i, c in enumerate(text) if c.isdigit()]
        if digits:
            i = rng.choice(digits)
            return text[:i] + rng.choice(("0", "1", "2", "3", "7", "99", "1000000", "-1", "n")) + text[i + 1 :]
    return text[:at] + text[at : at + length][::-1] + text[at + length :]


def _token_edit(rng: random.Random, text: str, texts: list[str]) -> str:
    """A token left out, doubled, changed for another, or swapped with its neighbour."""
    tokens = _TOKEN.findall(text)
    if not tokens:
        return rng.choice(_TOKENS)
    i = rng.randrange(len(tokens))
    choice = rng.randrange(5)
    if choice == 0:
        del tokens[i]
    elif choice == 1:
        tokens.insert(i, tokens[i])
    elif choice == 2:
        tokens[i] = rng.choice(_TOKENS)
    elif choice == 3:
        tokens[i] = rng.choice(_TOKEN.findall(rng.choice(texts)) or _TOKENS)
    else:
        j = min(len(tokens) - 1, i + rng.randrange(1, 4))
        tokens[i], tokens[j] = tokens[j], tokens[i]
    return "".join(tokens)


def _statement_edit(rng: random.Random, text: str, texts: list[str]) -> str:
    """A statement changed for another's, moved, wrapped in braces, copied or labelled: what the grammar mostly accepts."""
    statements = _statements(text)
    if not statements:
        return rng.choice(texts)
    i = rng.randrange(len(statements))
    row = statements[i].rstrip("\n")
    choice = rng.randrange(6)
    if choice == 0:
        row = rng.choice(_statements(rng.choice(texts)) or [row]).rstrip("\n")
    elif choice == 1:
        other = rng.randrange(len(statements))
        statements[i], statements[other] = statements[other], statements[i]
        row = statements[i].rstrip("\n")
    elif choice == 2:
        wrap = ("residual {{ {} }}", "residual {{ {} }} else {{ conv1-8 }}", "concat [ {}; identity ]", "add [ {}; {} ]",
                "repeat 2 {{ {} }}", "dense {{ {} }}", "if in.channels > 3 {{ {} }}", "{{ {} }} x2", "aux {{ {} }}",
                "block b(n) {{ {} }}\nb(4)", "for n in [1, 2] {{ {} }}", "shared s {{ {} }}\ns()")  # fmt: skip
        row = rng.choice(wrap).format(row, row)
    elif choice == 3:
        row += rng.choice((" x2", " x3", " -> relu", " -> FC-10", " norm=bn", " pad=same", " act=gelu", "/2"))
    elif choice == 4:
        row = rng.choice(("a: ", "b: ", "from a -> ", "from b\n", "relu -> ")) + row
    else:
        row = rng.choice(_statements(rng.choice(texts)) or [row]) + row
    statements[i] = row + "\n"
    return "".join(statements)


@dataclass
class Outcome:
    """How many layers a text unrolled to, at most."""

    layers: int = 0


def trial(text: str, *, full: bool = True, outcome: Outcome | None = None) -> str | None:
    """What is wrong with how netspec takes a text; None where all is well. `full`: in every format, fixed, as a table."""
    from netspec.diagnostics.mending import apply_fixes, mended
    from netspec.diagnostics.terminal import render
    from netspec.lints import OFF, asked_for
    from netspec.model import Checked, Model, check
    from netspec.report.output_formats import diagnostic_data
    from netspec.source import SourceFile

    source = SourceFile(text, "fuzz.net")
    outcome = outcome or Outcome()

    def found(source: SourceFile) -> Checked:
        checked = check(source)
        if checked.graph is not None:
            outcome.layers = max(outcome.layers, len(checked.graph.nodes))
        return checked

    try:
        checked = found(source)
        lints = asked_for(checked.graph, frozenset(OFF)) if checked.graph is not None and checked.ok else []
        for diagnostic in (*checked.diagnostics, *lints):
            render(diagnostic, color=full, columns=80)
            edited = [edit.span for fix in diagnostic.fixes for edit in fix.edits]
            for span in (diagnostic.span, *(label.span for label in diagnostic.secondary), *edited):
                if span is not None and not 0 <= span.start <= span.end <= len(span.source.text):
                    return f"{diagnostic.code}: a span outside of its file: {span.start} to {span.end}"
                read = span is not None and span.source.read_only and span not in edited
                if span is not None and span.source is not source and not read:
                    return f"{diagnostic.code}: a span of another text"
            for fix in diagnostic.fixes:
                apply_fixes(source.text, [fix])
            if full:
                diagnostic_data(diagnostic)
        if full:
            mended(source, lambda text: (checked if text is source else found(text)).diagnostics)
        if full and checked.graph is not None and len(checked.graph.nodes) < 200:
            Model(source, checked.graph).report(columns=80)
    except Exception:
        return traceback.format_exc(limit=-6)
    return None


class Hang(Exception):
    """An input takes too long."""


def _hang(*_: Any) -> None:
    raise Hang(f"longer than {HANG:.0f} s")


@dataclass
class Examiner:
    """Tries texts one after another in this process, and measures each. What is costly here is measured again in a
    process of its own, as `netspec check` and `netspec check --diff`, before it counts: a process that has tried many
    texts has garbage to collect."""

    full_every: int = 1
    tried: int = 0
    slowest: float = 0.0
    largest: int = 0
    unrolled: int = 0
    """Costly texts that unroll to the layers of the limit."""

    def wrong(self, text: str) -> str | None:
        """What is wrong with how netspec takes a text; None where all is well."""
        self.tried += 1
        forget_peak()
        before, begun = peak(), time.process_time()
        outcome = Outcome()
        signal.signal(signal.SIGPROF, _hang)
        signal.setitimer(signal.ITIMER_PROF, HANG)
        wrong = trial(text, full=self.tried % self.full_every == 0, outcome=outcome)
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds, memory = time.process_time() - begun, peak() - before
        if wrong is not None:
            return wrong
        if seconds > SECONDS or memory > SUSPICIOUS:
            if outcome.layers >= UNROLLED:
                self.unrolled += 1
                return None
            for checks, options in ((1, ()), (2, ("--diff",))):  # what is fixed is checked again
                cost = cost_of_check(text, *options)
                if cost.too_much(checks):
                    return f"netspec check {' '.join(options)}: {cost}, for {outcome.layers:,} layers"
        self.slowest, self.largest = max(self.slowest, seconds), max(self.largest, memory)
        return None

    def __str__(self) -> str:
        return (
            f"slowest {self.slowest:.2f} s, largest {self.largest / 1e6:.0f} MB, "
            f"{self.unrolled} beyond that of as many layers as the limit allows"
        )


def corpus() -> list[str]:
    """Texts that once broke a promise."""
    return [json.loads(row)["text"] for row in CORPUS.read_text(encoding="utf-8").splitlines()]


def main(number: int, seed: int, small: bool) -> int:
    rng, texts = random.Random(seed), small_seeds() if small else seeds()
    broken: set[str] = set()
    examiner = Examiner(TABLE if small else 1)
    resource.setrlimit(resource.RLIMIT_AS, (3 * 10**9, 3 * 10**9))
    started = time.monotonic()
    known = corpus()
    for done in range(1, number + 1):
        text = known.pop() if known else mutated(rng, texts)
        wrong = examiner.wrong(text)
        if wrong is not None:
            where = [row.strip() for row in wrong.splitlines() if row.startswith("  File")]
            key = f"{where[-1:]} {wrong.strip().splitlines()[-1][:60]}"
            if key not in broken:
                broken.add(key)
                print(f"{json.dumps({'text': text})}\n{wrong}\n", flush=True)
        if done % PROGRESS == 0 or done == number:
            rate = done / max(time.monotonic() - started, 1e-9)
            print(
                f"{done:,} inputs, seed {seed}: {len(broken)} kinds of failure; {rate:.0f} a second, {examiner}",
                flush=True,
            )
    return 1 if broken else 0


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:] if word.isdigit()]
    drawn = random.SystemRandom().randrange(2**32)
    sys.exit(main(given[0] if given else 3000, given[1] if given[1:] else drawn, "--small" in sys.argv))
