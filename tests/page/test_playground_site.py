"""The playground as files: what is written where, and what is refused."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT

from netspec.cli import main
from netspec.playground import pyodide
from netspec.playground.gallery import entry, named
from netspec.playground.session import BOUNDS, UNTITLED, Session
from netspec.playground.site import build
from netspec.server.spec_files import SpecFiles


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A folder as that of the npm package, with other contents."""
    folder = tmp_path / "node_modules" / "pyodide"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": "pyodide", "version": pyodide.VERSION}))
    for name in pyodide.FILES:
        (folder / name).write_text(name)
    return folder


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(main, list(map(str, arguments)), env={"COLUMNS": "100"})
    return done.exit_code, done.output


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_site_has_a_page_a_gallery_and_python(tmp_path: Path, python: Path) -> None:
    site = tmp_path / "site"
    assert run(
        "view", ROOT / "examples/resnet18.net", ROOT / "examples/xor.net", "--playground", site, "--pyodide", python
    ) == (
        0,
        f"{site}: 3 specs, {sum(p.stat().st_size for p in site.rglob('*') if p.is_file() and p.name != 'netspec-playground.json') / 1e6:.1f} MB\n"
        f"to see it here: python -m http.server --bind 127.0.0.1 --directory {site}\n",
    )
    names = files_of(site)
    (archive,) = (name for name in names if name.startswith("netspec-0"))
    assert names == {
        "index.html", "netspec-playground.json", archive, "gallery/resnet18.net.json", "gallery/resnet_blocks.net.json",
        "gallery/xor.net.json", f"gallery/{UNTITLED}.json", *(f"pyodide-{pyodide.VERSION}/{f}" for f in pyodide.FILES),
    }  # fmt: skip
    with zipfile.ZipFile(site / archive) as packed:
        inside = packed.namelist()
    assert "netspec/syntax/tables.json" in inside
    assert "netspec/library/resnet.net" in inside
    assert "lark/__init__.py" in inside
    assert not [name for name in inside if "bundle" in name or "__pycache__" in name]
    page = (site / "index.html").read_text("utf-8")
    (rules,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert re.sub(r"nonce-\w+", "nonce", rules).split("; ") == [
        "default-src 'none'", "script-src 'nonce' 'self' 'wasm-unsafe-eval'", "style-src 'nonce'", "img-src data:",
        "base-uri 'none'", "form-action 'none'", "connect-src 'self'", "worker-src blob:",
    ]  # fmt: skip
    start = json.loads(re.search(r'id="netspec-start">(.*?)</script>', page)[1])  # type: ignore[index]
    assert [d["network"] is None for d in start["documents"]] == [False, True, True, True]
    assert start["site"]["bytes"] == sum(
        (site / n).stat().st_size for n in names if n.startswith(("py", "netspec-0")) and n[-4:] != ".mjs"
    )


def test_the_same_specs_make_the_same_site_and_what_is_gone_is_removed(tmp_path: Path, python: Path) -> None:
    site, specs = tmp_path / "site", [ROOT / "examples" / f"{name}.net" for name in ("xor", "lenet5")]
    build(site, specs, python)
    before = {name: (site / name).read_bytes() for name in files_of(site)}
    build(site, specs, python)
    assert {name: (site / name).read_bytes() for name in files_of(site)} == before
    build(site, specs[:1], python)
    assert set(before) - files_of(site) == {"gallery/lenet5.net.json"}


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path, python: Path) -> None:
    site = tmp_path / "home"
    site.mkdir()
    (site / "index.html").write_text("mine")
    for listed in (None, "[", '["../../secret"]', '["/etc/passwd"]', "{}"):
        if listed is not None:
            (site / "netspec-playground.json").write_text(listed)
        status, said = run("view", ROOT / "examples/xor.net", "--playground", site, "--pyodide", python)
        assert status == 1
        assert "is not a playground" in " ".join(said.split())
        assert (site / "index.html").read_text() == "mine"


def test_pyodide_is_looked_for_above_and_its_absence_is_reported(
    tmp_path: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert pyodide.found(None, inner) == (python, pyodide.VERSION)
    monkeypatch.chdir(inner)
    spec = ROOT / "examples/xor.net"
    for change, said in (
        (lambda: (python / "pyodide.mjs").unlink(), "lacks pyodide.mjs"),
        (lambda: (python / "package.json").write_text('{"name": "pyodide", "version": "0.27.7"}'), "is Pyodide 0.27.7"),
        (lambda: (python / "package.json").write_text('{"name": "other", "version": "314.0.1"}'), "is another package"),
        (lambda: (python / "package.json").write_text("["), "is another package"),
        (lambda: (python / "package.json").unlink(), "Pyodide, which is Python for browsers, is not here"),
    ):
        change()
        status, output = run("view", spec, "--playground", "site")
        text = " ".join(output.replace("\n", " ").split())
        assert status == 1
        assert said in text
        assert f"npm install pyodide@{pyodide.VERSION}" in text
        assert not (inner / "site").exists()
    status, output = run("view", spec, "--playground", "site", "--pyodide", inner)
    assert (status, "is not the folder of Pyodide's npm package" in " ".join(output.split())) == (1, True)


def test_the_version_is_the_one_that_the_tests_install() -> None:
    package = json.loads((ROOT / "viewer" / "package.json").read_text())
    assert package["devDependencies"]["pyodide"] == pyodide.VERSION


@pytest.mark.parametrize(
    "options", [("--export", "x.html"), ("-D", "classes=3"), ("--limit", "layers=9")], ids=lambda o: o[0]
)
def test_options_that_a_site_does_not_have_are_refused(tmp_path: Path, options: tuple[str, str]) -> None:
    assert run("view", ROOT / "examples/lenet5.net", "--playground", tmp_path / "site", *options)[0] == 2
    assert run("view", ROOT / "examples/lenet5.net", "--pyodide", tmp_path)[0] == 2


def test_the_gallery_names_specs_below_the_folder_that_holds_all(tmp_path: Path) -> None:
    (tmp_path / "a" / "parts").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "parts" / "body.net").write_text("block body { conv3-4 }\n")
    (tmp_path / "a" / "x.net").write_text('use "parts/body.net"\nuse "../b/y.net"\ninput 3x8x8\nbody\n')
    (tmp_path / "b" / "y.net").write_text("input 3x8x8\nconv3-4\n")
    names = list(named([tmp_path / "a" / "x.net", tmp_path / "b" / ".." / "b" / "y.net"], BOUNDS))
    assert names == ["a/x.net", "a/parts/body.net", "b/y.net"]


TITLES = {
    "resnet18": ("ResNet-18", 2015, 11_689_512), "squeezenet1_0": ("SqueezeNet 1.0", 2016, 1_248_424),
    "conv_relu_pool": ("The small network of the Stanford lectures", None, 6_440), "xor": ("XOR with two hidden units", 1986, 9),
    "unet_padded": ("U-Net with padded convolutions", 2015, 31_037_698), "resnet_blocks": ("Residual blocks of ResNet", 2015, None),
}  # fmt: skip


@pytest.mark.parametrize("name", TITLES)
def test_the_gallery_reads_title_and_year_from_the_first_comment(name: str) -> None:
    files = SpecFiles({f"{name}.net": ROOT / "examples" / f"{name}.net"}, BOUNDS)
    row = entry(files.checked(f"{name}.net"))
    assert (row["title"], row["year"], row["params"]) == TITLES[name]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    (tmp_path / "specs").mkdir()
    for name in ("resnet18.net", "resnet_blocks.net"):
        (tmp_path / "specs" / name).write_text((ROOT / "examples" / name).read_text("utf-8"))
    return Session(str(tmp_path / "specs"))


def test_a_session_checks_and_writes(session: Session) -> None:
    text = (ROOT / "examples" / "resnet18.net").read_text("utf-8")
    asked = {"file": UNTITLED, "text": text, "parameters": {"classes": 10}}
    network = json.loads(session.answer(json.dumps(asked)))["document"]["network"]
    assert network["parameters"] == {"classes": 10}
    code = json.loads(session.answer(json.dumps({**asked, "form": "py", "theme": "light"})))["text"]
    assert "classes: int = 10" in code
    compile(code, "net.py", "exec")
    assert json.loads(session.answer(json.dumps({**asked, "form": "svg", "theme": "dark"})))["text"].startswith("<svg")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"file": "/etc/passwd", "text": "input 3"}, "the request cannot be read"),
        ({"file": UNTITLED, "text": "input 3", "parameters": [1]}, "parameters are numbers"),
        ({"file": UNTITLED, "text": "input 3", "form": "onnx", "theme": "light"}, "form is py or svg"),
        ({"file": UNTITLED, "text": "inputt 3", "form": "py", "theme": "light"}, "there is no layer"),
        ({"file": UNTITLED, "text": "input 3\n# " + "x" * 70_000}, "larger than 65,536 bytes"),
    ],
)
def test_what_a_session_refuses(session: Session, asked: dict[str, object], why: str) -> None:
    assert why in json.loads(session.answer(json.dumps(asked)))["error"]


def test_an_expensive_spec_ends_in_a_diagnostic(session: Session) -> None:
    text = "input 3x8x8\nrepeat 100000 { conv3-4 pad=1 }\n"
    found = json.loads(session.answer(json.dumps({"file": UNTITLED, "text": text})))["document"]
    assert [f["code"] for f in found["findings"]] == ["NS005"]
