"""Writes the gallery: every example drawn in two styles, with its paper, parameters and MACs.

python scripts/gallery.py [FOLDER]      writes FOLDER/index.html with its pictures (docs/gallery, which git ignores)
python scripts/gallery.py --index       writes docs/gallery.md, the same as a table without pictures, which a test compares
"""

from __future__ import annotations

import html
import sys
from dataclasses import dataclass
from pathlib import Path

import netspec
from netspec.analysis.units import count_text
from netspec.gallery import About, about

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
INDEX = ROOT / "docs" / "gallery.md"
STYLES = {
    **{f"vgg_{letter}": ("volumes", "table") for letter in ("a", "a_lrn", "b", "c", "d", "e")},
    "xor": ("graph", "neurons"),
    "encoder_8_3_8": ("graph", "neurons"),
}
"""Where two other styles fit better than `graph` and `volumes`."""
THUMBNAILS = (
    "lenet5", "alexnet_towers", "vgg16", "googlenet", "fcn8s", "resnet50", "unet", "siamese", "densenet121", "mobilenet_v2",
    "vit_b_16", "hrnet_w18",
)  # fmt: skip
"""Drawn by scripts/pictures.py."""
HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>netspec: gallery</title>
<style>
  body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; font: 1rem/1.45 system-ui, sans-serif; color: #1b1f24; background: #f3f5f7; }
  article { margin: 1.5rem 0; padding: 1rem 1.25rem; background: #fff; border: 1px solid #d5dbe1; border-radius: .5rem; }
  h1, h2 { line-height: 1.2; } h2 { margin: 0; font-size: 1.25rem; } p { margin: .3rem 0; color: #5b6570; }
  nav { columns: 14rem; } nav a { display: block; }
  div { display: flex; gap: 1rem; align-items: flex-start; margin-top: .75rem; }
  figure { flex: 1 1 0; margin: 0; min-width: 0; } figure.wide { flex-grow: 2; }
  img { display: block; max-width: 100%; max-height: 34rem; margin: 0 auto; }
  @media (max-width: 44rem) { div { flex-direction: column; } }
  @media (prefers-color-scheme: dark) { body { color: #e6e9ec; background: #16191d; } article { color: #1b1f24; } a { color: #6ea8fe; } article a { color: #2458a8; } }
</style>
<h1>Gallery</h1>
<p>Every example of netspec, in two styles. A click on a picture opens it in its full size.</p>
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An example: its name in the folder, its network, and where it was published."""

    stem: str
    model: netspec.Model
    said: About

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def year(self) -> str:
        return str(self.said.year or "")

    @property
    def paper(self) -> str:
        return self.said.paper

    @property
    def figures(self) -> tuple[str, str]:
        return f"{self.model.params:,}", count_text(self.model.macs)

    @property
    def styles(self) -> tuple[str, str]:
        return STYLES.get(self.stem, ("graph", "volumes"))


def entries() -> list[Entry]:
    """By year of publication, then by name; those without a year last."""
    found = []
    for path in sorted(EXAMPLES.glob("*.net")):
        checked = netspec.check(path)
        if not checked.library:
            said = about(path.read_text(encoding="utf-8"), path.stem)
            found.append(Entry(path.stem, checked.model(), said))
    return sorted(found, key=lambda e: (e.year or "9999", e.stem))


def page(found: list[Entry]) -> str:
    lines = [HEAD, "<nav>", *(f'<a href="#{e.stem}">{html.escape(e.name)}</a>' for e in found), "</nav>"]
    for e in found:
        params, macs = e.figures
        about = " · ".join(filter(None, (e.year, html.escape(e.paper))))
        lines += [
            f'<article id="{e.stem}">', f"<h2>{html.escape(e.name)}</h2>", f"<p>{about}</p>" if about else "",
            f'<p>{params} parameters · {macs} MACs · <a href="../../examples/{e.stem}.net"><code>examples/{e.stem}.net</code></a></p>',
            "<div>",
        ]  # fmt: skip
        for style in e.styles:
            name, wide = f"{e.stem}_{style}.svg", ' class="wide"' if style == "volumes" else ""
            alt = f"{html.escape(e.name)}, style {style}"
            lines.append(f'<figure{wide}><a href="{name}"><img loading="lazy" src="{name}" alt="{alt}"></a></figure>')
        lines += ["</div>", "</article>"]
    return "\n".join(filter(None, [*lines, "</html>"])) + "\n"


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = entries()
    for e in found:
        for style in e.styles:
            (folder / f"{e.stem}_{style}.svg").write_text(str(e.model.draw(style=style)), encoding="utf-8")
    (folder / "index.html").write_text(page(found), encoding="utf-8")


def index() -> str:
    rows = ["| network | year | paper | parameters | MACs |", "| --- | --- | --- | ---: | ---: |"]
    for e in entries():
        params, macs = e.figures
        rows.append(f"| [{e.name}](../examples/{e.stem}.net) | {e.year} | {e.paper} | {params} | {macs} |")
    text = "# Gallery\n\nThe networks in `examples/`: `netspec examples` lists them, and `netspec new resnet50` copies one. `python scripts/gallery.py`\ndraws each in two styles and writes the page `docs/gallery/index.html`; these are twelve of them in the style `volumes`.\n\n"
    return f"{text}{thumbnails()}\n" + "\n".join(rows) + "\n"


def thumbnails() -> str:
    """A table of pictures in three columns; each leads to its spec."""
    cells = [f"[![{stem}](pictures/{stem}_volumes.svg)](../examples/{stem}.net)" for stem in THUMBNAILS]
    rows = [cells[i : i + 3] for i in range(0, len(cells), 3)]
    return "".join(f"| {' | '.join(row)} |\n" for row in ([" "] * 3, ["---"] * 3, *rows))


def main(arguments: list[str]) -> None:
    if arguments == ["--index"]:
        INDEX.write_text(index(), encoding="utf-8")
    else:
        write(Path(arguments[0]) if arguments else ROOT / "docs" / "gallery")


if __name__ == "__main__":
    main(sys.argv[1:])
