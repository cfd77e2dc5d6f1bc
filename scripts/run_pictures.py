"""Draws the pictures of docs/inside.md that show a trained network into docs/pictures/, and prints what the page quotes.

It trains the network of the page first, and takes a minute of the processor. Numbers differ a little between versions of PyTorch.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
VIEWS = {
    "filters": ["filters"],
    "activations": ["activations", "test:3", "--layer", "conv2"],
    "saliency": ["saliency", "test:3"],
    "gradcam": ["gradcam", "test:3"],
    "occlusion": ["occlusion", "test:3"],
    "receptive": ["receptive", "conv2[0,3,3]", "--image", "test:3"],
    "maximize": ["maximize", "3"],
    "dream": ["dream", "test:3", "conv2"],
    "panel": ["panel", "--count", "8"],
    "worst": ["worst", "--count", "8"],
    "neighbors": ["neighbors", "test:3"],
    "tsne": ["embedding", "--method", "tsne"],
    "top": ["top", "conv2[5]"],
}
"""What `show_NAME.png` shows of the run `digits`."""


def netspec(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "netspec", *arguments], cwd=folder, check=True)


def small(picture: Path) -> None:
    """At the size of the page (half of what is written, which is for screens of twice the resolution), in few colors."""
    from PIL import Image

    image = Image.open(picture).convert("RGB")
    image = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    image.quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        netspec(folder, "train", str(ROOT / "examples" / "lenet_digits.net"), "--epochs", "12", "--folder", "digits")
        for name, view in VIEWS.items():
            picture = PICTURES / f"show_{name}.png"
            picture.unlink(missing_ok=True)
            netspec(folder, "show", "digits", *view, "-o", str(picture))
            small(picture)


if __name__ == "__main__":
    main()
