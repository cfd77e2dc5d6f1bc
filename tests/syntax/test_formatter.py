"""`netspec fmt`: one canonical form, comments kept, idempotent, meaning unchanged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import EXAMPLES, run_netspec
from hypothesis import given, settings
from hypothesis import strategies as st

from netspec.cli.fmt import formatted
from netspec.diagnostics import Diagnostics
from netspec.source import SourceFile
from netspec.syntax import parse
from netspec.syntax.formatter import same_meaning


def canonical(text: str) -> str:
    diagnostics = Diagnostics()
    result = formatted(SourceFile(text), diagnostics)
    assert result is not None, [str(d) for d in diagnostics]
    return result


def comments(text: str) -> list[str]:
    return sorted(m.group().rstrip() for m in re.finditer(r"#[^\n]*", re.sub(r'"[^"\n]*"', "", text)))


def assert_well_formatted(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once, "idempotent"
    before, after = (parse(SourceFile(t), Diagnostics()) for t in (text, once))
    assert before is not None
    assert same_meaning(before, after)
    assert comments(text) == comments(once)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_examples_are_formatted(path: Path) -> None:
    assert canonical(path.read_text()) == path.read_text()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_crammed_together_comes_back(path: Path) -> None:
    text = path.read_text()
    crammed = re.sub(r"[ \t]+", " ", text)
    crammed = "\n".join(line.strip() for line in crammed.splitlines())
    assert_well_formatted(crammed)
    assert_well_formatted(text.replace("\n", "\r\n"))


CASES = {
    "input   3x8x8;conv3-4   pad = 1;FC-2": "input 3x8x8\nconv3-4 pad=1\nFC-2\n",
    "fc-10 -> RELU -> Dropout 0.5": "FC-10 -> relu -> dropout 0.5\n",
    "conv3×3-(4 * w)/(s)  ×2": "conv3x3-(4*w)/s x2\n",
    "let h=(a+b)*c-d//2": "let h = (a + b) * c - d // 2\n",
    "let h = -(a ** b) ** -c": "let h = -(a ** b) ** -c\n",
    "let h = (a if b else c) + 1": "let h = (a if b else c) + 1\n",
    "residual { conv3-4; relu } else { conv1-4 }": "residual { conv3-4; relu } else { conv1-4 }\n",
    "residual {\nconv3-4 }\n\n else  none": "residual {\n  conv3-4\n} else none\n",
    "a: { relu } x3": "a: { relu } x3\n",
    "concat axis = height [ relu;\n tanh ]": "concat axis=height [\n  relu\n  tanh\n]\n",
    "if a>1 {relu} else if b { tanh\n} else {gelu}": "if a > 1 {\n  relu\n} else if b {\n  tanh\n} else {\n  gelu\n}\n",
    "#a\nrelu#b\n\n\n\n#c\ntanh   # d\n# e": "#a\nrelu  #b\n\n#c\ntanh  # d\n# e\n",
    "block b( w,s=1 ){ # open\n# inside\nconv3-w/s # tail\n} # close": "block b(w, s = 1) {  # open\n  # inside\n  conv3-w/s  # tail\n}  # close\n",
    "FC-4 -> # why\n dropout 0.5": "FC-4  # why\n  -> dropout 0.5\n",
    "conv3-4  # one\n -> relu # two\n  -> tanh": "conv3-4  # one\n  -> relu  # two\n  -> tanh\n",
    "for w,n in [ # a table\n (64, 1),\n (128, 10) # last\n ] { relu }": "for w, n in [  # a table\n  ( 64,  1),\n  (128, 10),  # last\n] {\n  relu\n}\n",
    "train { loss cross_entropy label_smoothing=0.1; augment { flip yes } }": None,
    "input 3x8x8 # \"quoted\" # twice\nuse \"a # b.net\" as x # c": 'input 3x8x8           # "quoted" # twice\nuse "a # b.net" as x  # c\n',
    "let a=[ i*2   for i,(w,n) in enumerate( zip(xs , ys) ) if i>1 and  (w if n else 2)>1 ]": "let a = [i * 2 for i, (w, n) in enumerate(zip(xs, ys)) if i > 1 and (w if n else 2) > 1]\n",
    "let b = xs[::2][-1]+(a+b)[0] + f(x)[ i : ]": "let b = xs[::2][-1] + (a + b)[0] + f(x)[i:]\n",
    'use   "lib.net"   as  x   with   defaults': 'use "lib.net" as x with defaults\n',
    "block p(w){ input   a ,b\nfrom a;output  y }": "block p(w) {\n  input a, b\n  from a\n  output y\n}\n",
    "f :p(3)[from a;from  f . y -> conv1-4] x2": "f: p(3) [ from a; from f.y -> conv1-4 ] x2\n",
    "conv3-xs[ i ]/st[0] pad=ps[1]": "conv3-xs[i]/st[0] pad=ps[1]\n",
    "": "",
    "# only": "# only\n",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_canonical_form(text: str, expected: str | None) -> None:
    assert_well_formatted(text)
    if expected is not None:
        assert canonical(text) == expected


# Random specs, comments and odd spacing included

NAMES = st.sampled_from(["a", "w", "stem", "n1"])
ATOMS = st.one_of(
    st.integers(0, 999).map(str), NAMES, st.sampled_from(["0.5", "1e-4", "3x5", "in.channels", "none", '"word"'])
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**", " and ", " or "]), inner).map(
            lambda p: f"({p[0]}){p[1]}{p[2]}"
        ),
        inner.map(lambda e: f"-({e})"),
        inner.map(lambda e: f"not ({e})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]}) if ({p[1]}) else {p[2]}"),
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: f"( {' , '.join(items)} )"),
        st.lists(inner, max_size=2).map(lambda items: f"max({', '.join(items)})"),
    ),
    max_leaves=6,
)
SPACE = st.sampled_from(["", " ", "   ", "\t"])
BREAK = st.sampled_from(["\n", ";", "\n\n\n", " # note\n", "\n# alone\n", "\r\n"])
LAYERS = st.one_of(
    st.sampled_from(
        ["relu", "conv3-64", "CONV3x5-64/2", "maxpool", "fc-10", "dropout 0.5", "block1(64,b=2)", "identity"]
    ),
    st.tuples(st.sampled_from(["conv(3)-", "FC-"]), EXPRESSIONS).map(lambda p: f"{p[0]}({p[1]})"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda p: f"conv3-8 {p[0]}={p[1]}"),
    NAMES.map(lambda n: f"from {n}"),
)


def braces(statements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    bodies = st.tuples(SPACE, st.lists(st.tuples(statements, BREAK).map("".join), min_size=1, max_size=3).map("".join))
    body = bodies.map(lambda p: "{" + "".join(p) + "}")
    labelled = st.tuples(st.sampled_from(["", "g: "]), body, st.sampled_from(["", " x3", " x(n-1)"])).map("".join)
    return st.one_of(
        labelled,
        body.map(lambda b: f"dense{b}"),
        st.tuples(body, st.sampled_from(["", " else none", "\nelse {relu}"])).map(lambda p: f"residual {p[0]}{p[1]}"),
        st.tuples(EXPRESSIONS, body, body).map(lambda p: f"if ({p[0]}) {p[1]} else {p[2]}"),
        st.tuples(EXPRESSIONS, body).map(lambda p: f"for w, s in [{p[0]}] {p[1]}"),
        st.tuples(EXPRESSIONS, body).map(lambda p: f"repeat ({p[0]}) as i {p[1]}"),
        st.lists(st.tuples(LAYERS, BREAK).map("".join), min_size=1, max_size=3).map(lambda parts: "concat [" + "".join(parts) + "]"),
        st.tuples(statements, st.sampled_from([" -> ", "\n->", "->\n", " # why\n -> "]), LAYERS).map(lambda p: "".join(p) if p[0].strip()[-1:] != "}" else p[0]),
    )  # fmt: skip


STATEMENTS = st.recursive(LAYERS, braces, max_leaves=5)
SPECS = st.lists(
    st.tuples(
        SPACE,
        st.one_of(STATEMENTS, EXPRESSIONS.map(lambda e: f"let v={e}"), EXPRESSIONS.map(lambda e: f"expect params<=({e})"), st.just("default conv, FC act = relu")),
        BREAK,
    ).map("".join),
    max_size=6,
).map("".join)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=700, deadline=None, derandomize=True)
@given(SPECS)
def test_random_specs(text: str) -> None:
    tree = parse(SourceFile(text), Diagnostics())
    if tree is not None:  # a statement may need braces or values that the strategy did not give it
        assert_well_formatted(text)


@pytest.mark.slow
def test_most_random_specs_parse() -> None:
    found = []

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(SPECS)
    def count(text: str) -> None:
        found.append(parse(SourceFile(text), Diagnostics()) is not None)

    count()
    assert sum(found) > 0.9 * len(found)


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "spec.net"
    path.write_text("input 3x8x8;FC-2")
    checked = run_netspec("fmt", "--check", str(path))
    assert checked.returncode == 1
    assert "+FC-2" in checked.stdout
    assert path.read_text() == "input 3x8x8;FC-2"
    assert run_netspec("fmt", str(path)).returncode == 0
    assert path.read_text() == "input 3x8x8\nFC-2\n"
    assert run_netspec("fmt", "--check", str(path)).returncode == 0
    assert run_netspec("fmt", "-", stdin="fc-2").stdout == "FC-2\n"
    broken = run_netspec("fmt", "-", stdin="conv3-")
    assert broken.returncode == 1
    assert "error[NS101]" in broken.stderr
