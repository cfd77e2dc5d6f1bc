"""Files of other formats: what they are, and that netspec reads `.net` specs."""

from __future__ import annotations

import re

from netspec.fixes.rule import SyntaxRule, syntax_rule
from netspec.source import Span
from netspec.syntax.error_site import ErrorSite, SyntaxFix

__all__ = ["RULES"]


def _format(id: str, title: str, pattern: str, wrong: str) -> SyntaxRule:
    """A rule for a format whose text, from the line in error on, begins with a pattern. The rest of the file is left out."""
    begins = re.compile(pattern)

    @syntax_rule(id, title, priority=8, applicability="unsure", wrong=wrong, right="input 3x8x8\nconv3-8 pad=1\n")
    def rule(site: ErrorSite) -> SyntaxFix | None:
        """netspec reads `.net` specs: a layer and its options are one line, and images come in as `input 3x224x224`."""
        found = begins.match(site.text, site.row.start)
        if found is None:
            return None
        source = site.tokens.source
        marked, rest = Span(source, *found.span()), Span(source, site.row.start, len(site.text))
        return SyntaxFix("", "netspec reads `.net` specs: write a layer and its options on one line, `conv3-64 pad=1`",
                         marked=marked, left_out=rest)  # fmt: skip

    return rule


RULES = (
    _format(
        "NS101-darknet", "this is a Darknet configuration file", r"\[[a-z]+\](?=[ \t]*(?:\n\s*(?:#.*\n\s*)*\w+[ \t]*=|\n\s*\[|\s*\Z))",
        "[net]\nchannels=3\nheight=8\nwidth=8\n\n[convolutional]\nfilters=8\nsize=3\n",
    ),
    _format(
        "NS101-caffe", "this is a Caffe prototxt file", r"layers?[ \t]*\{(?=\s*(?:name|type|bottom|top)[ \t]*:)",
        'layer {\n  name: "conv1"\n  type: "Convolution"\n}\n',
    ),
    _format(
        "NS101-yaml", "this is a YAML model file", r"-[ \t]*\[(?=[ \t]*\[?-?\d)|\w+:[ \t]*\n[ \t]*(?:#.*\n[ \t]*)*-[ \t]*\[",
        "backbone:\n  - [-1, 1, Conv, [64, 6, 2, 2]]\n  - [-1, 1, Conv, [128, 3, 2]]\n",
    ),
    _format(
        "NS101-json", "this is JSON", r"[\[{]*\s*\"\w+\"(?=[ \t]*:)|\{(?=\s*\"\w+\"[ \t]*:)",
        '{"layers": [\n  {"type": "conv", "filters": 8}\n]}\n',
    ),
)  # fmt: skip
