"""Bad input: one clear diagnostic each, no traceback, the right exit code, no lost data."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec

import netspec

GOOD = "input 3x8x8; conv3-4; FC-2"


def one_error(*arguments: str, code: str, says: str, stdin: str | None = None) -> str:
    result = run_netspec(*arguments, stdin=stdin)
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error[") == 1, result.stderr
    assert f"error[{code}]" in result.stderr
    flowing = " ".join(result.stderr.split())  # long paths wrap lines
    assert says in flowing
    return flowing


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "NS103", "the file is empty"),
        ("# only a comment\n", "NS103", "the file is empty"),
        ("net Empty\n", "NS103", "no layers"),
        ("input 3x8x8\n", "NS103", "no layers"),
        ("input 3x8x8\nconw3-4\n", "NS201", "did you mean `conv`"),
        ("input 3x8x8\nconv3-4 pda=1\n", "NS202", "did you mean `pad`"),
        ("input 3x8x8\nconv9-4\n", "NS301", "the 9x9 window is larger than its 8x8 input"),
        ("input 3x8x8\nFC-0\n", "NS205", "at least 1"),
        ("input 3x8x8\nconv0-3\n", "NS205", "at least 1"),
        ("input 3x8x8\nconv3-4/0\n", "NS205", "at least 1"),
        ("input 3x8x8\nconv3\n", "NS206", "is missing its width"),
        ("input 3x8x8\nconv-4\n", "NS206", "is missing its kernel"),
        ("input 3x8x8\nFC-4\nexpect params == 5\n", "NS401", "params is 772"),
        ("input 3x8x8\nFC-4\nexpect parms == 5\n", "NS208", "did you mean `params`"),
        ("conv3-4\n", "NS308", "no input before the first layer"),
        ("input 3x8x8\ninput 3x8x8\nconv3-4\n", "NS209", "an input already"),
        ("input 3x8x8\nFC-4\nconv3-4\n", "NS303", "conv needs an image"),
        ("input 3x8x8\nconv3-4 groups=2\n", "NS304", "cannot be divided into 2 groups"),
        ("input 3x8x8\nconv3-4 pad=-1\n", "NS205", "crop 1"),
        ("input 3x8x8\nconv4-4 pad=same\n", "NS307", "odd kernel"),
        ("input 3x8x8\nconv3-4 stride=2 stride=2\n", "NS203", "given twice"),
        ("input 3x8x8\nmaxpool(2, 2)\n", "NS207", "maxpool2/2"),
        ("input 3x8x8\nFC-10 softmax\n", "NS207", "-> softmax"),
        ("input 3x8x8\nconv3-4 pad=1 relu\n", "NS207", "-> relu"),
        ("input 3x8x8\nLRN alpha=1 5\n", "NS207", "put it first"),
        ("block b(w, s) { conv3-w/s }\ninput 3x8x8\nb(w=4, 1)\n", "NS207", "put it first"),
        ("input 3x8x8\nFC10\n", "NS201", "FC-10"),
        ("input 3x8x8\nconv3-n\n", "NS208", "`n` is not defined"),
        ("input 3x8x8\nconv3-(64*0.3)\n", "NS204", "round"),
        ("input 3x8x8\nconv3-(1/0)\n", "NS210", "division by zero"),
        ("input 3x8x8\nconv3-4 x(0-1)\n", "NS205", "cannot be negative"),
        ("input 3x8x8\na: conv3-4\na: conv3-4\n", "NS209", "defined twice"),
        ("input 3x8x8\nforward: conv3-4\n", "NS213", "cannot be a label"),
        ("input 3x8x8\nconv3-4\n)\n", "NS101", "this `)` closes nothing"),
        ("input 3x8x8\nrepeat 3 {\nconv3-4\n", "NS102", "never closed"),
        ("input 3x8x8\nconv3-4 act=rleu\n", "NS205", "did you mean `relu`"),
        ("input 3x8x8\ndropout 1.5\n", "NS205", "less than 1"),
        ("input 3x8x8\nfit exat\nconv3-4\n", "NS205", "did you mean `exact`"),
        ("input 3x8x8\nconv3-4 pad=1 x2000000\n", "NS005", "--limit layers=N"),
        ("input 3x8x8\nconv3-(9**9**9)\n", "NS005", "too large"),
        ("input 3x8x8\nfrom stem\nconv3-4\n", "NS208", "no label `stem`"),
        ("block b() { b() }\ninput 3x8x8\nconv3-4\n", "NS211", "calls itself"),
        ("net A(n)\ninput 3x8x8\nconv3-n\n", "NS206", "-D n="),
        ("input 3x0x8\nconv3-4\n", "NS205", "at least 1"),
    ],
)
def test_a_mistake_gives_one_diagnostic(tmp_path: Path, text: str, code: str, says: str) -> None:
    path = tmp_path / "spec.net"
    path.write_text(text)
    one_error("check", str(path), code=code, says=says)


def test_ten_mistakes_give_ten_reports(tmp_path: Path) -> None:
    path = tmp_path / "spec.net"
    path.write_text("input 3x8x8\n" + "".join(f"conw{i} \n" for i in range(10)))
    assert run_netspec("check", str(path)).stderr.count("error[") == 10


def test_a_binary_file(tmp_path: Path) -> None:
    path = tmp_path / "spec.net"
    path.write_bytes(bytes(range(256)))
    one_error("check", str(path), code="NS002", says="not UTF-8")


def test_a_zero_byte(tmp_path: Path) -> None:
    path = tmp_path / "spec.net"
    path.write_bytes(b"input 3x8x8\0")
    one_error("check", str(path), code="NS002", says="zero byte")


def test_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "lenet.net").write_text(GOOD)
    one_error("check", str(tmp_path / "lenett.net"), code="NS001", says="lenet.net")


def test_a_directory(tmp_path: Path) -> None:
    one_error("check", str(tmp_path), code="NS001", says="is a folder")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "spec.net"
    path.write_text("#" * 2_000_000)
    one_error("check", str(path), code="NS003", says="--limit bytes=N")


@pytest.mark.parametrize("command", [("compile", "x.py"), ("compile", "x.onnx"), ("draw", "x.svg")])
def test_an_output_folder_that_is_missing(tmp_path: Path, command: tuple[str, str]) -> None:
    path = tmp_path / "spec.net"
    path.write_text(GOOD)
    one_error(
        command[0], str(path), "-o", str(tmp_path / "nowhere" / command[1]), code="NS501", says="cannot be written"
    )


@pytest.mark.parametrize("command", [("compile", "x.py"), ("compile", "x.onnx"), ("draw", "x.svg")])
def test_a_read_only_output_folder_keeps_the_old_file(
    tmp_path: Path, command: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For root, who may write anywhere, the folder is one where nobody can: below /proc."""
    spec = tmp_path / "spec.net"
    spec.write_text(GOOD)
    if os.geteuid() == 0:
        one_error(command[0], str(spec), "-o", f"/proc/self/{command[1]}", code="NS501", says="cannot be written")
        return
    folder = tmp_path / "closed"
    folder.mkdir()
    old = folder / command[1]
    old.write_text("old")
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        one_error(command[0], str(spec), "-o", str(old), code="NS501", says="cannot be written")
        assert old.read_text() == "old"
    finally:
        folder.chmod(stat.S_IRWXU)


def test_a_failed_write_leaves_no_half_file(tmp_path: Path) -> None:
    from netspec.diagnostics import SpecError
    from netspec.files import atomic_write

    target = tmp_path / "model.onnx"
    target.write_text("old")

    def fail(error: BaseException) -> None:
        with atomic_write(target) as file:
            file.write(b"half")
            raise error

    with pytest.raises(SpecError):
        fail(OSError(28, "No space left on device"))
    with pytest.raises(KeyboardInterrupt):
        fail(KeyboardInterrupt())
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    spec, weights = tmp_path / "spec.net", tmp_path / "w.safetensors"
    spec.write_text(GOOD)
    save_file({"conv1.weight": torch.zeros(5, 3, 3, 3), "other": torch.zeros(2)}, weights)
    shown = one_error(
        "compile",
        str(spec),
        "-o",
        str(tmp_path / "x.onnx"),
        "--weights",
        str(weights),
        code="NS503",
        says="does not match the spec",
    )
    assert "5x3x3x3 in the file and 4x3x3x3 in the spec" in shown
    assert "left over: other" in shown
    weights.write_bytes(b"\x10" + weights.read_bytes()[1:40])
    one_error(
        "compile",
        str(spec),
        "-o",
        str(tmp_path / "x.onnx"),
        "--weights",
        str(weights),
        code="NS503",
        says="safetensors",
    )
    broken = tmp_path / "w.pt"
    broken.write_bytes(b"no state dict")
    one_error(
        "compile",
        str(spec),
        "-o",
        str(tmp_path / "x.onnx"),
        "--weights",
        str(broken),
        code="NS503",
        says="is not a torch",
    )
    assert not (tmp_path / "x.onnx").exists()


@pytest.mark.parametrize(("name", "package"), [("x.pdf", "fpdf"), ("x.png", "resvg_py")])
def test_a_missing_package_of_draw_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(netspec.SpecError, match="NS502") as raised:
        netspec.loads(GOOD).draw(tmp_path / name)
    assert "pip install 'netspec-nn[draw]'" in str(raised.value)
    assert not (tmp_path / name).exists()
    netspec.loads(GOOD).draw(tmp_path / "x.svg")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("chekc", "x.net"),
        ("check", "-D", "classes", "examples/vgg16.net"),
        ("check", "-D", "clases=10", "examples/vgg16.net"),
        ("check", "-D", "classes=10)", "examples/vgg16.net"),
        ("check", "--format", "xml", "examples/vgg16.net"),
        ("check", "--limit", "layer=3", "examples/vgg16.net"),
        ("compile", "examples/vgg16.net", "-o", "x.txt"),
        ("check", "-e", GOOD, "examples/vgg16.net"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    result = run_netspec(*arguments)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr


def test_nearest_parameter_is_shown() -> None:
    assert "did you mean `classes`" in run_netspec("check", "-D", "clases=10", "examples/vgg16.net").stderr


def test_errors_stand_in_the_json_report() -> None:
    result = run_netspec("check", "--format", "json", "-e", "input 3x8x8; conv9-4")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    (finding,) = report["diagnostics"]
    assert finding["code"] == "NS301"
    assert finding["spans"][0]["start"] == [1, 14]
    assert report["totals"] is None
    assert not report["ok"]


def test_python_raises_spec_error() -> None:
    import netspec

    with pytest.raises(netspec.SpecError) as caught:
        netspec.loads("input 3x8x8; conv9-4")
    assert [d.code for d in caught.value.diagnostics] == ["NS301"]
    assert "the 9x9 window is larger" in str(caught.value)
    with pytest.raises(netspec.SpecError):
        netspec.load(ROOT / "examples" / "missing.net")
