"""Draws the pictures of the documentation, and a gallery of every example.

python scripts/pictures.py              writes docs/pictures/, which a test compares
python scripts/pictures.py FOLDER       writes a page with every example in two styles into the folder
"""

from __future__ import annotations

import html
import sys
from pathlib import Path
from typing import Any

import netspec

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
WANTED: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet_volumes": ("alexnet", {"style": "volumes"}),
    "googlenet": ("googlenet", {"expand": ["inception1"]}),
    "unet_volumes": ("unet", {"style": "volumes"}),
    "vgg16_volumes": ("vgg16", {"style": "volumes"}),
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


def drawn(name: str) -> str:
    example, options = WANTED[name]
    weights = xor_weights() if options.get("style") == "neurons" else None
    return str(netspec.load(ROOT / "examples" / f"{example}.net").draw(weights=weights, **options))


def gallery(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = ['<!doctype html><html lang="en"><meta charset="utf-8"><title>netspec: gallery</title>', "<h1>Gallery</h1>"]
    for path in sorted((ROOT / "examples").glob("*.net")):
        checked = netspec.check(path)
        if checked.library:
            continue
        model = checked.model()
        lines.append(f"<h2>{html.escape(model.name)}</h2><p><code>examples/{path.name}</code></p>")
        for style in ("graph", "volumes"):
            name = f"{path.stem}_{style}.svg"
            (folder / name).write_text(str(model.draw(style=style)), encoding="utf-8")
            lines.append(
                f'<p><img src="{name}" alt="{html.escape(model.name)}, style {style}" style="max-width: 100%"></p>'
            )
    (folder / "index.html").write_text("\n".join([*lines, "</html>\n"]), encoding="utf-8")


def main(arguments: list[str]) -> None:
    if arguments:
        gallery(Path(arguments[0]))
        return
    PICTURES.mkdir(exist_ok=True)
    for name in WANTED:
        (PICTURES / f"{name}.svg").write_text(drawn(name), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
