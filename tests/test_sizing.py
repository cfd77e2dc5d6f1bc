"""`netspec.sizes` against checks of single sizes."""

from __future__ import annotations

import pytest

import netspec

TEXT = "input 3xHxW\nconv3-8 stride=2 pad=1\nmaxpool2 x2\nconv3-4\ngap\nFC-10"


@pytest.mark.slow
def test_what_it_takes_is_what_check_takes() -> None:
    found = netspec.sizes(TEXT)
    assert found.names == ("H", "W")
    for height in range(1, 40):
        for width in (1, 20, 33):
            wanted = netspec.check(TEXT.replace("HxW", f"{height}x{width}"))
            assert found.takes(H=height, W=width) == wanted.ok, (height, width)
            tiled = wanted.ok and not any(d.code == "NS305" for d in wanted.diagnostics)
            assert found.tiles(H=height, W=width) == tiled, (height, width)
    least = found.smallest
    assert least is not None
    assert found.takes(**least)
    assert not any(found.takes(**{**least, name: size - 1}) for name, size in least.items())


def test_sizes_that_a_spec_states_are_left_open() -> None:
    found = netspec.sizes("net N(w = 4)\ninput 3x32x32\nconv3-w\ngap", w=5)
    assert found.takes(H=3, W=300)
    assert found.to_dict()["layers"][0]["output"] == [5, "H - 2", "W - 2"]


def test_what_it_shows() -> None:
    found = netspec.sizes(TEXT)
    assert "takes      H and W: 23 or more" in str(found)
    html = found._repr_html_()
    assert "takes: H and W: 23 or more" in html
    assert "<td>conv1</td>" in html


def test_what_it_refuses() -> None:
    found = netspec.sizes(TEXT)
    with pytest.raises(TypeError, match="the sizes are H, W, not H"):
        found.takes(H=4)
    for text in ("block b { relu }", "input 3xHxW\nconvv3-4", "input 3x"):
        with pytest.raises(netspec.SpecError):
            netspec.sizes(text)


@pytest.mark.parametrize("branches", ["identity; tensor 8x14", "tensor 8x14; identity"])
def test_what_is_repeated_along_an_open_axis_is_one_network(branches: str) -> None:
    found = netspec.sizes(f"input 8xL\nadd [ {branches} ]\n")
    assert found.takes(L=1)
    assert found.takes(L=14)
    assert not found.takes(L=7)
    assert found.to_dict()["layers"][-1]["output"] == [8, 14]
