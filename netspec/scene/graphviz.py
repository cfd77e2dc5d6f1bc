"""The layout of Graphviz: each level goes to `dot` as numbers and sizes, without a word of the spec, and comes back with places
and curves. Levels are drawn from the inside out, as by netspec's own layout, so that no line leaves the frame of its block.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from netspec.scene.graphviz_answer import Answer
from netspec.scene.graphviz_request import Request
from netspec.scene.level_geometry import Geometry, Outline, Spacing
from netspec.scene.order import Ordered
from netspec.scene.parts import Part, Parts

__all__ = ["MOST", "DotFailed", "box_count", "geometry_by_dot", "reason_against_dot"]

_DOT = "dot"
_PATIENCE = 300.0
"""Seconds after which dot is given up."""
MOST = 300
"""Boxes for which dot needs a second; its time grows faster than their number."""


class DotFailed(Exception):
    """dot gave no layout; the argument says why, for a note."""


def reason_against_dot(boxes: int) -> str:
    """Why dot cannot draw so many boxes, in words; empty where it can."""
    if shutil.which(_DOT) is None:
        return "Graphviz is not installed (there is no program dot)"
    return f"{boxes:,} boxes are too many for dot (at most {MOST})" if boxes > MOST else ""


def box_count(parts: Parts, is_open: Callable[[Part], bool]) -> int:
    """How many boxes are drawn closed."""
    boxes, within = 0, [parts.root]
    while within:
        for member in parts.level(within.pop()).members:
            if member.members and is_open(member):
                within.append(member)
            else:
                boxes += 1
    return boxes


def geometry_by_dot(outline: Outline, order: Ordered, spacing: Spacing, *, across: bool) -> Geometry:
    """Where everything stands in one level; several tensors meet a closed part in an order of the level. `across`: the flow is
    from left to right. Raises DotFailed."""
    request = Request(outline, order, spacing, across)
    answer = _answer_to("\n".join(request.lines()))
    try:
        return Answer(request, answer).geometry()
    except (KeyError, ValueError):
        raise DotFailed("dot left something without a place") from None


def _answer_to(text: str) -> Mapping[str, Any]:
    """What dot prints."""
    try:
        done = subprocess.run([_DOT, "-Tjson0"], input=text.encode(), capture_output=True, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise DotFailed(f"dot did not finish within {_PATIENCE:.0f} seconds") from None
    except OSError as error:
        raise DotFailed(f"dot cannot be started: {error.strerror}") from None
    try:
        found: dict[str, Any] = json.loads(done.stdout)
        if done.returncode == 0 and "bb" in found:
            return found
    except ValueError:
        pass
    said = done.stderr.decode(errors="replace").strip().splitlines()[:1]
    raise DotFailed(": ".join(["dot failed", *said]))
