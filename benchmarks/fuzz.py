"""Mutated and random specs: never a traceback, never a hang, never more than 1 GB, every span inside its file.

    python benchmarks/fuzz.py 100000 [seed]

Prints what breaks the promise, smallest first, and exits with 1 where anything does.
"""

from __future__ import annotations

import contextlib
import faulthandler
import random
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 5.0
BYTES = 10**9
_TOKENS = [
    "\ninput",
    "3x32x32",
    "1x7x7",
    "784",
    "77x64",
    "sequence",
    "ids",
    "int",
    "rgb",
    "conv3-8",
    "conv3-8/2",
    "conv1-4",
    "convT2-4/2",
    "dwconv3",
    "sepconv3-8",
    "localconv3-2",
    "maxpool",
    "maxpool3/2\navgpool",
    "gap",
    "flatten",
    "FC-10",
    "linear-4",
    "relu",
    "softmax",
    "dropout",
    "0.5",
    "bn",
    "ln",
    "gn",
    "4",
    "LRN",
    "residual",
    "{",
    "}",
    "else",
    "none",
    "add",
    "[",
    "]",
    "concat",
    "mul",
    "identity\n;",
    "->",
    "\n",
    "from",
    "a",
    "a:",
    "b:",
    "repeat",
    "for",
    "in",
    "if",
    "let",
    "n",
    "=",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
    "(",
    ")",
    ",",
    "x2",
    "x3",
    "x(n)",
    "pad=1",
    "pad=same",
    "stride=2",
    "groups=3",
    "bias=no",
    "act=relu\nnorm=bn",
    "block",
    "net",
    "use",
    '"x.net"',
    "as",
    "fn",
    "default",
    "fit",
    "exact",
    "floor",
    "expect",
    "params",
    "==",
    "~",
    "60M",
    "output",
    "aux",
    "train",
    "loss",
    "cross_entropy",
    "optimizer",
    "sgd\nlr=0.1",
    "shared",
    "dense",
    "tie=a",
    "here.channels",
    "in.width",
    "1e400",
    "999999999",
    "10000000000000000",
    "0",
    '"text',
    "#",
    "comment",
    "netspec:",
    "allow",
    "NS305",
    "\t",
    "×",
    "é",
    "漢",
    "́\nchunk(0,",
    "2)",
    "take",
    "-1",
    "slice(0,4)",
    "attention",
    "heads=3",
    "embed-8",
    "vocab=9",
    "tokens",
    "image",
    "pos_embed",
    "upsample",
    "2",
    "resize",
    "7x7",
    "reshape",
    "crop",
    "pad",
    "reshape\n",
]


def seeds() -> list[str]:
    """The texts that are mutated: the examples."""
    found = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.net"))]
    return [text for text in found if len(text) < 4000]


def mutated(rng: random.Random, texts: list[str]) -> str:
    """A spec with a few random edits, or a heap of tokens or characters."""
    kind = rng.random()
    if kind < 0.15:
        return " ".join(rng.choice(_TOKENS) for _ in range(rng.randrange(60)))
    if kind < 0.2:
        return "".join(chr(rng.choice((rng.randrange(128), rng.randrange(0x3000)))) for _ in range(rng.randrange(200)))
    text = rng.choice(texts)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 10))):
        text = _edit(rng, text, texts)
    return text


def _edit(rng: random.Random, text: str, texts: list[str]) -> str:
    at = rng.randrange(len(text) + 1)
    length = rng.choice((1, 1, 2, 5, 20))
    lines = text.split("\n")
    line = rng.randrange(len(lines))
    choice = rng.randrange(8)
    if choice == 0:
        return text[:at] + text[at + length :]
    if choice == 1:
        return text[:at] + rng.choice(_TOKENS) + text[at:]
    if choice == 2:
        return text[:at] + rng.choice("{}[]()=-/>:;,.#\"'x0123456789\n \t_~*%") + text[at + rng.randrange(2) :]
    if choice == 3:
        return "\n".join(lines[:line] + lines[line + 1 :])
    if choice == 4:
        return "\n".join([*lines[:line], lines[rng.randrange(len(lines))], *lines[line:]])
    if choice == 5:
        other = rng.choice(texts).split("\n")
        return "\n".join([*lines[:line], rng.choice(other), *lines[line:]])
    if choice == 6:
        digits = [i for i, c in enumerate(text) if c.isdigit()]
        if digits:
            i = rng.choice(digits)
            return text[:i] + rng.choice(("0", "1", "2", "3", "7", "99", "1000000", "-1", "n")) + text[i + 1 :]
    return text[:at] + text[at : at + length][::-1] + text[at + length :]


def trial(text: str) -> str | None:
    """What is wrong with how netspec takes a text; None where all is well."""
    from netspec.diagnostics.mending import apply_fixes
    from netspec.diagnostics.terminal import render
    from netspec.elaborate.limits import Limits
    from netspec.model import Model, check
    from netspec.report.formats import diagnostic_data
    from netspec.source import SourceFile

    source = SourceFile(text, "fuzz.net")
    try:
        checked = check(source, None, Limits(layers=20_000, steps=100_000))
        for diagnostic in checked.diagnostics:
            render(diagnostic, colour=False, columns=80)
            diagnostic_data(diagnostic)
            spans = [diagnostic.span, *(label.span for label in diagnostic.secondary)]
            spans += [edit.span for fix in diagnostic.fixes for edit in fix.edits]
            for span in spans:
                if span is not None and not 0 <= span.start <= span.end <= len(span.source.text):
                    return f"{diagnostic.code}: a span outside of its file: {span.start} to {span.end}"
                if span is not None and span.source is not source:
                    return f"{diagnostic.code}: a span of another text"
            for fix in diagnostic.fixes:
                apply_fixes(source.text, [fix])
        if checked.graph is not None and len(checked.graph.nodes) < 200:
            Model(source, checked.graph).report(columns=80)
    except Exception:
        return traceback.format_exc(limit=-4)
    return None


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """A hang ends the process with the place where it hangs, and memory past the bound is a MemoryError."""
    resource.setrlimit(resource.RLIMIT_AS, (3 * BYTES, 3 * BYTES))
    faulthandler.enable()
    yield
    faulthandler.cancel_dump_traceback_later()


def main(number: int, seed: int) -> int:
    rng, texts, broken = random.Random(seed), seeds(), {}
    slowest = (0.0, "")
    started = time.monotonic()
    with _bounded():
        for _ in range(number):
            text = mutated(rng, texts)
            faulthandler.dump_traceback_later(60, exit=True)
            begun = time.monotonic()
            wrong = trial(text)
            took = time.monotonic() - begun
            slowest = max(slowest, (took, text))
            if took > SECONDS:
                wrong = wrong or f"took {took:.1f} s"
            if wrong is not None:
                key = wrong.strip().splitlines()[-1][:100]
                if key not in broken or len(text) < len(broken[key][0]):
                    broken[key] = (text, wrong)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for text, wrong in sorted(broken.values(), key=lambda pair: len(pair[0])):
        print(f"{text!r}\n{wrong}\n")
    rate = number / (time.monotonic() - started)
    print(
        f"{number:,} inputs, seed {seed}: {len(broken)} kinds of failure; {rate:.0f} a second, "
        f"slowest {slowest[0]:.2f} s, peak {peak / 1e6:.0f} MB"
    )
    return 1 if broken or peak > BYTES else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
