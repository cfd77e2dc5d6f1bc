"""The Python API: what counts as a spec, values of parameters, errors, and what a notebook shows."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from conftest import ROOT

import netspec
from netspec import SpecError
from netspec.spec_source import is_text

NET = "net Small(classes = 5)\ninput 3x8x8\nconv3-4\ngap\nFC-classes\n"
LENET = ROOT / "examples" / "lenet5.net"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "small.net"
    path.write_text(NET, encoding="utf-8")
    return path


# What counts as a spec


@pytest.mark.parametrize("read", [netspec.load, netspec.loads, lambda spec: netspec.check(spec).model()])
def test_text_paths_and_open_files_are_read_alike(read: Callable[[Any], netspec.Model], path: Path) -> None:
    expected = netspec.load(path).params
    for spec in (NET, NET.replace("\n", "\r\n"), str(path), path, io.StringIO(NET), io.BytesIO(NET.encode())):
        assert read(spec).params == expected, spec
    with path.open() as text, path.open("rb") as data:
        assert read(text).params == read(data).params == expected


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("input 3x8x8; conv3-4", True), ("input 3x8x8\nconv3-4", True), ("input 3x8x8", True), ("", True), ("  ", True),
        ("conv3-4\n", True), ("input 3x8x8\n# see small.net", True), ("a;b", True),
        ("small.net", False), ("vgg16", False), ("models/vgg16", False), ("my models/small.net", False), ("conv3-4", False),
    ],
)  # fmt: skip
def test_what_counts_as_text(spec: str, text: bool) -> None:
    assert is_text(spec) == text


def test_what_counts_as_text_does_not_depend_on_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "input 10").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert netspec.check("input 10").diagnostics[0].code == "NS103"
    assert netspec.load(Path("input 10")).params == netspec.load(NET).params


def test_a_mistyped_path_is_a_missing_file(path: Path) -> None:
    for read in (netspec.load, netspec.loads, netspec.check):
        with pytest.raises(SpecError) as caught:
            read(str(path.with_name("smal.net")))
        (error,) = caught.value.diagnostics
        assert error.code == "NS001"
        assert "there is no file" in error.message
        assert error.helps == ("did you mean small.net?",)


def test_a_file_whose_name_goes_on_is_suggested(tmp_path: Path, path: Path) -> None:
    for mistyped in ("smal", "sma.net", "small"):
        with pytest.raises(SpecError) as caught:
            netspec.load(str(tmp_path / mistyped))
        assert caught.value.diagnostics[0].helps == ("did you mean small.net?",), mistyped
    with pytest.raises(SpecError) as caught:
        netspec.load("runs/none")
    assert caught.value.diagnostics[0].helps == ()


def test_a_single_word_may_have_been_meant_as_text() -> None:
    with pytest.raises(SpecError) as caught:
        netspec.check("conv3-64")
    assert "there is no file conv3-64" in str(caught.value)
    assert "`;` between its statements" in str(caught.value)


@pytest.mark.parametrize("spec", [None, 5, ["input 3x8x8"], {"input": 3}, b"input 3x8x8\nconv3-4", netspec.load(NET)])
def test_other_objects_are_a_type_error(spec: Any) -> None:
    with pytest.raises(TypeError, match="a spec is text, a path or an open file, found"):
        netspec.check(spec)


def test_files_that_cannot_be_read(path: Path, tmp_path: Path) -> None:
    with path.open() as closed:
        pass
    latin = tmp_path / "latin.net"
    latin.write_bytes(b"# caf\xe9\ninput 3")
    with latin.open(encoding="utf-8") as not_text, path.open("a") as for_writing:
        for spec, code in [
            (closed, "NS001"), (for_writing, "NS001"), (not_text, "NS002"), (latin, "NS002"), (tmp_path, "NS001"),
            ("input 3\0\n", "NS002"), ("\ud800\n", "NS002"), ("x" * 5000, "NS001"), ("a\0b", "NS001"),
        ]:  # fmt: skip
            with pytest.raises(SpecError) as caught:
                netspec.load(spec)
            assert [d.code for d in caught.value.diagnostics] == [code], spec


def test_text_is_bounded_as_files_are() -> None:
    limits = netspec.Limits().raised(bytes=20)
    for spec in (NET, io.StringIO(NET), io.BytesIO(NET.encode())):
        with pytest.raises(SpecError) as caught:
            netspec.check(spec, limits=limits)
        assert caught.value.diagnostics[0].code == "NS003"


def test_an_open_file_finds_what_it_uses(tmp_path: Path) -> None:
    (tmp_path / "parts.net").write_text("block Stem { conv3-4 }\n", encoding="utf-8")
    user = tmp_path / "user.net"
    user.write_text('use "parts.net"\ninput 3x8x8\nStem\n', encoding="utf-8")
    with user.open() as file:
        assert netspec.load(file).params == netspec.load(user).params > 0


def test_the_folder_of_a_run_stands_for_its_spec(path: Path, tmp_path: Path) -> None:
    run = tmp_path / "run-1"
    run.mkdir()
    (run / "run.json").write_text("{}", encoding="utf-8")
    (run / "spec.net").write_text(NET, encoding="utf-8")
    assert netspec.load(run).params == netspec.load(path).params


# Parameters


@pytest.mark.parametrize("ten", [10, 10.0, np.int64(10), np.array(10), np.float32(10), torch.tensor(10)])
def test_numbers_of_other_libraries_are_numbers(ten: Any) -> None:
    assert netspec.load(NET, classes=ten).outputs["output"].shape == (10,)
    assert netspec.check(NET, classes=ten).graph.parameters["classes"] == 10  # type: ignore[union-attr]
    assert netspec.check(NET, {"classes": ten}).model().params == netspec.load(NET, classes=10).params


@pytest.mark.parametrize("value", [{"a": 1}, object(), b"10", 1j, float("nan"), np.array([1, 2]), [object()]])
def test_values_that_the_language_lacks_are_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="the parameter `classes` takes a number"):
        netspec.load(NET, classes=value)


def test_an_unknown_parameter_is_a_type_error_with_the_nearest_name() -> None:
    with pytest.raises(TypeError, match="no parameter `clases`; did you mean `classes`"):
        netspec.load(NET, clases=10)


def test_parameters_are_given_by_name() -> None:
    assert netspec.load(NET, {"classes": 7}).params == netspec.load(NET, classes=7).params
    for read in (netspec.load, netspec.check):
        with pytest.raises(TypeError, match="given by name, such as `classes=10`"):
            read(NET, 7)  # type: ignore[arg-type]


def test_a_check_says_where_the_figures_are() -> None:
    checked = netspec.check(NET)
    with pytest.raises(AttributeError, match=r"a check has no `params`; a model has it: `.model\(\).params`"):
        _ = checked.params  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"a check has no `parms`$"):
        _ = checked.parms  # type: ignore[attr-defined]


def test_an_unknown_figure_names_the_nearest() -> None:
    model = netspec.load(NET)
    for owner in (model, model.layers[0]):
        with pytest.raises(KeyError, match="no figure flopps; did you mean flops"):
            owner.figure("flopps")


# Weights


def test_a_seed_is_no_weights() -> None:
    with pytest.raises(TypeError, match="not 3; a seed is `seed=0`"):
        netspec.load(NET).to_torch(3)  # type: ignore[arg-type]


def test_a_module_takes_the_weights_that_a_state_dict_holds(path: Path) -> None:
    model = netspec.load(path)
    trained = model.to_torch(seed=3)
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(model.to_torch(trained.state_dict())(images), trained(images))
    assert not torch.equal(model.to_torch(seed=4)(images), trained(images))
    with pytest.raises(SpecError):
        netspec.load(path, classes=6).to_torch(trained.state_dict())


# Drawing


def test_draw_without_a_path_gives_an_image() -> None:
    image = netspec.load(LENET).draw()
    assert image is not None
    root = ElementTree.fromstring(image)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert any("LeNet" in (text.text or "") for text in root.iter("{http://www.w3.org/2000/svg}text"))
    wide = netspec.load(LENET).draw(direction="lr")
    assert wide is not None
    across = ElementTree.fromstring(wide)
    assert float(across.attrib["width"]) > float(root.attrib["width"])


def test_draw_writes_what_it_returns(tmp_path: Path) -> None:
    model = netspec.load(LENET)
    assert model.draw(tmp_path / "lenet.svg") is None  # type: ignore[func-returns-value]
    assert (tmp_path / "lenet.svg").read_text(encoding="utf-8") == model.draw()


def test_another_direction_is_an_error() -> None:
    with pytest.raises(ValueError, match="TB or LR"):
        netspec.load(LENET).draw(direction="left")


# Printing and notebooks


def test_a_check_prints_what_the_command_prints() -> None:
    checked = netspec.check(NET.replace("FC-classes", "FC-clases"))
    assert repr(checked) == "<Checked <text>: 1 error>"
    assert "conv1" in str(checked)
    assert "did you mean `classes`?" in str(checked)
    assert repr(netspec.check(NET)) == "<Checked <text>: no errors>"
    assert str(netspec.check("block A { conv3-4 }\n")) == "<text>: a library that declares A"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(ROOT)
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.run_cell("import netspec")
    yield shell
    shell.restore_sys_module_state()


def test_a_notebook_shows_the_message_and_no_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run_cell("netspec.load('''input 3x8x8\nconv3-64 pad=banana\n''')")
    assert isinstance(result.error_in_exec, SpecError)
    shown = "".join(capsys.readouterr())
    assert "error[" in shown
    assert "2 | conv3-64 pad=banana" in shown
    for traced in ("Traceback", "File ", "model.py", "SpecError"):
        assert traced not in shown
    shell.run_cell("netspec.load('examples/lenet5.net', clases=3)")
    shown = "".join(capsys.readouterr())
    assert shown.strip() == "UnknownParameter: the net has no parameter `clases`; did you mean `classes`?"


def test_control_characters_of_a_spec_are_escaped_in_a_notebook(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell(r"netspec.load('input 3x8x8\nconv3-64 pad=\x1b[2J\n')")
    shown = "".join(capsys.readouterr())
    assert "\x1b" not in shown
    assert "error[" in shown


def test_a_notebook_displays_drawings_and_checks(shell: Any) -> None:
    drawn = shell.run_cell("netspec.load('examples/lenet5.net').draw()").result
    data, _ = shell.display_formatter.format(drawn)
    assert data["image/svg+xml"] == str(drawn)
    checked = shell.run_cell("netspec.check('examples/lenet5.net')").result
    data, _ = shell.display_formatter.format(checked)
    assert data["text/plain"] == checked.report()
    assert "61,706" in data["text/plain"]


def test_the_paths_of_the_system_are_taken() -> None:
    class Entry:
        def __fspath__(self) -> str:
            return os.fspath(LENET)

    assert netspec.load(Entry()).params == 61_706
