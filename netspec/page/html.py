"""The page as one HTML file: style, script and data in it, and a policy that lets nothing else in."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal

from netspec.ops import CATALOGUE, JOINS

__all__ = ["Frame", "page", "policy", "start_data"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{policy}<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{title}</title>
<style nonce="{nonce}">{style}</style>
</head>
<body>
<div id="netspec"></div>
<noscript>This page draws a network and needs JavaScript.</noscript>
<script type="application/json" id="netspec-start">{data}</script>
<script nonce="{nonce}">{script}</script>
</body>
</html>
"""
_WORDS = (
    "net",
    "input",
    "output",
    "block",
    "use",
    "default",
    "let",
    "for",
    "if",
    "else",
    "repeat",
    "from",
    "residual",
    "train",
    "expect",
    "aux",
    "checkpoint",
    "dense",
    "fn",
    "shared",
    "as",
    "in",
    "with",
)


def start_data(
    documents: list[dict[str, Any]], *, token: str = "", runs: Sequence[dict[str, Any]] = (),
    comparisons: Mapping[str, Mapping[str, dict[str, Any]]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the page starts from; with a token it asks the server for checks. The spec of a run is the document of its name.
    `comparisons`, by the file that is shown and the other one, are for a page that nobody answers."""
    words = sorted({*CATALOGUE, *JOINS, *_WORDS})
    mode = "live" if token else "static"
    return {
        "mode": mode, "token": token, "documents": documents, "runs": list(runs), "words": words,
        "comparisons": {shown: dict(others) for shown, others in (comparisons or {}).items()},
    }  # fmt: skip


def page(start: dict[str, Any], title: str, nonce: str = "", *, site: bool = False) -> str:
    """The whole page. With a `nonce` the policy is the server's to send; without, it stands in the page, which may then ask
    nobody for anything, or as a `site` only for the files beside it."""
    folder = files("netspec.page").joinpath("bundle")
    script = folder.joinpath("viewer.js").read_text(encoding="utf-8")
    style = folder.joinpath("viewer.css").read_text(encoding="utf-8")
    data = _embedded(start)
    stated = ""
    if not nonce:
        nonce = hashlib.sha256((script + style + data).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        rules = policy(nonce, "site" if site else "file")
        stated = f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n'
    return _PAGE.format(policy=stated, title=html.escape(title), nonce=nonce, style=style, data=data, script=script)


class Frame:
    """A page in a frame of a notebook, which it keeps when it is turned into HTML."""

    def __init__(self, text: str, height: int) -> None:
        self._text, self._height = text, height

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self._text)}" sandbox="allow-scripts" width="100%" height="{self._height}" '
            'style="border: 0"></iframe>'
        )


def policy(nonce: str, kind: Literal["file", "live", "site"]) -> str:
    """The Content-Security-Policy: our script and style alone, nothing from elsewhere, no frames around the page. What is
    served may ask its own server; a site loads Python (WebAssembly) into a worker, which has the page's policy."""
    ours = f"'nonce-{nonce}'"
    scripts = f"{ours} 'self' 'wasm-unsafe-eval'" if kind == "site" else ours
    asks = {
        "file": "",
        "live": "; connect-src 'self'; frame-ancestors 'none'",
        "site": "; connect-src 'self'; worker-src blob:",
    }
    return (
        f"default-src 'none'; script-src {scripts}; style-src {ours}; img-src data:; base-uri 'none'; "
        f"form-action 'none'{asks[kind]}"
    )


def _embedded(data: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
