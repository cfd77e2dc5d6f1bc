"""Writes the font of the pictures: Arimo, which has the widths of Arial and Helvetica, cut to the characters that specs use.

    python scripts/scene_font.py FOLDER     a folder with Arimo-Regular.ttf and Arimo-Bold.ttf

It writes `netspec/scene/fonts/`: both fonts, and `widths.json`, the advance of each character in thousandths of the size.
Needs fonttools.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

TARGET = Path(__file__).parent.parent / "netspec" / "scene" / "fonts"
RANGES = ((0x20, 0x7E), (0xA0, 0x17F), (0x391, 0x3C9), (0x400, 0x45F), (0x2010, 0x2026), (0x2190, 0x2193))
SIGNS = "−√∞≈≠≤≥∑∏∂∆•…‰€™"


def main(folder: str) -> None:
    wanted = {code for first, last in RANGES for code in range(first, last + 1)} | set(map(ord, SIGNS))
    widths = {}
    for style in ("Regular", "Bold"):
        font = TTFont(Path(folder) / f"Arimo-{style}.ttf", recalcTimestamp=False)
        options = Options()
        options.layout_features = []
        options.hinting = False
        options.name_IDs = [0, 1, 2, 4, 5, 6, 13, 14]
        cutter = Subsetter(options)
        cutter.populate(unicodes=wanted)
        cutter.subset(font)
        font.save(TARGET / f"Arimo-{style}.ttf")
        scale = 1000 / font["head"].unitsPerEm
        widths[style.lower()] = {
            chr(c): round(font["hmtx"][name][0] * scale) for c, name in sorted(font.getBestCmap().items())
        }
    (TARGET / "widths.json").write_text(json.dumps(widths, ensure_ascii=True, indent=None) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
