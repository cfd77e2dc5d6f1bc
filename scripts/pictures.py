"""Draws the pictures of the documentation into docs/pictures/, which a test compares. gallery.py draws every example."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import netspec

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
THUMBNAILS = runpy.run_path(str(ROOT / "scripts" / "gallery.py"))["THUMBNAILS"]
WANTED: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet_volumes": ("alexnet", {"style": "volumes"}),
    "circuit": ("", {}),
    "googlenet": ("googlenet", {"expand": ["inception1"]}),
    **{f"{stem}_volumes": (stem, {"style": "volumes"}) for stem in THUMBNAILS},
    "vgg16_volumes_dark": ("vgg16", {"style": "volumes", "theme": "dark"}),
    "xor_neurons": ("xor", {"style": "neurons"}),
}


def xor_weights() -> dict[str, Any]:
    """Two hidden units that compute `or` and `and`."""
    import numpy as np

    return {
        "fc1.weight": np.array([[20, 20], [20, 20]], np.float32),
        "fc1.bias": np.array([-10, -30], np.float32),
        "fc2.weight": np.array([[20, -20]], np.float32),
        "fc2.bias": np.array([-10], np.float32),
    }


CIRCUIT = "net Circuit\ninput x 1\ninput y 1\ninput z 1\nq: add [ from x; from y ]\nf: mul [ from q; from z ]\n"


def circuit() -> str:
    """The picture of `netspec trace` in docs/inside.md."""
    from netspec.inside.trace_picture import picture_of
    from netspec.scene.svg import as_svg

    return as_svg(picture_of(netspec.loads(CIRCUIT).trace({"x": -2, "y": 5, "z": -4}, backward=True)))


def drawn(name: str) -> str:
    if name == "circuit":
        return circuit()
    example, options = WANTED[name]
    weights = xor_weights() if options.get("style") == "neurons" else None
    return str(netspec.load(ROOT / "examples" / f"{example}.net").draw(weights=weights, **options))


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for name in WANTED:
        (PICTURES / f"{name}.svg").write_text(drawn(name), encoding="utf-8")


if __name__ == "__main__":
    main()
