"""Whole sections as other formats write them, in netspec's words: Darknet's, Python's `def`. Rules as those of `wording`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from netspec.syntax.place import Place, Words
from netspec.syntax.recovery import masked
from netspec.syntax.strokes import closing

__all__ = ["braced_net", "caffe", "darknet", "definitions", "docstrings", "sequential", "ultralytics"]

_ACTS = {
    "leaky": "leaky_relu(0.1)",
    "relu": "relu",
    "mish": "mish",
    "logistic": "sigmoid",
    "swish": "silu",
    "tanh": "tanh",
}


def darknet(p: Place) -> Words | None:
    """`[convolutional]` and the lines `name=value` below it, as one line of this language."""
    if p.char != "[" or p.before.strip():
        return None
    section = re.match(r"\[([a-z]+)\][ \t]*((?:\n[ \t]*(?:\w+[ \t]*=[^\n]*|#[^\n]*|(?=\n|$)))*)", p.rest)
    if section is None:
        return None
    values = dict(re.findall(r"^[ \t]*(\w+)[ \t]*=[ \t]*([^\s#]+)", section[2], re.MULTILINE))
    text = _layer(section[1], values)
    help_ = f"write `{text}`" if text else "a layer and its options are one line: `conv3-32/1 pad=1 act=leaky_relu`"
    end = p.at + len(section.group().rstrip())
    marked = (p.at, p.at + len(section[1]) + 2)
    message = f"`[{section[1]}]` is a section of Darknet's format"
    if text is None:
        return Words(message, help_, marked=marked, left_out=(p.at, end))
    return Words(message, help_, ((p.at, end, text),), safe=False, repairs=True, marked=marked, expected=False)


def _layer(kind: str, values: Mapping[str, str]) -> str | None:
    """The layer of a section; None where it is no single layer, or says too little."""
    size, stride = values.get("size", "1"), values.get("stride", "1")
    act = _ACTS.get(values.get("activation", "linear"), "")
    behind = (" norm=bn" if values.get("batch_normalize") == "1" else "") + (f" act={act}" if act else "")
    if kind in ("convolutional", "conv") and "filters" in values:
        pad = " pad=same" if values.get("pad") == "1" and size != "1" else ""
        return f"conv{size}-{values['filters']}{f'/{stride}' if stride != '1' else ''}{pad}{behind}"
    if kind == "maxpool":
        return f"maxpool{values.get('size', stride)}/{stride}"
    if kind == "avgpool":
        return "gap"
    if kind == "connected" and "output" in values:
        return f"FC-{values['output']}{f' act={act}' if act else ''}"
    if kind == "dropout":
        return f"dropout {values.get('probability', '0.5')}"
    if kind == "upsample":
        return f"upsample {values.get('stride', '2')}"
    if kind in ("net", "network") and {"channels", "height", "width"} <= set(values):
        return f"input {values['channels']}x{values['height']}x{values['width']}"
    return "softmax" if kind == "softmax" else None


def definitions(p: Place) -> Words | None:
    """`def basic(w):` of Python, or `def basic(w) {`: a block."""
    head = re.match(
        r"([ \t]*)(def|function|func|define|macro|module|fn)[ \t]+([A-Za-z_]\w*)[ \t]*(\([^()\n]*\))?[ \t]*([:{])[ \t]*(?=\n|#|$)",
        p.line,
    )
    if head is None or not p.start <= p.at <= p.start + head.end() or head[1] or "self" in (head[4] or ""):
        return None
    from netspec.syntax.braces import body_below

    start, end = p.start + head.start(2), p.start + head.end(5)
    if head[2] == "fn" and head[5] != "{":
        return None
    text = f"block {head[3]}{head[4] or ''} {{"
    changes = [(start, end, text)]
    if head[5] == ":":
        below = body_below(p.text, p.start)
        if below <= p.stop:
            return None
        plain = masked(p.text)
        if plain.count("}") > plain.count("{"):
            below = -1  # it stands there already
        changes += [(below, below, "\n}")] if below >= 0 else []
    message = "a function is one expression" if head[2] == "fn" else f"there is no `{head[2]}` here"
    return Words(message, f"layers under a name of their own are a block: `{text} … }}`",
                 tuple(changes), safe=False, repairs=True, marked=(start, start + len(head[2])), expected=False)  # fmt: skip


def docstrings(p: Place) -> Words | None:
    """Text between triple quotes: a comment."""
    sign = p.rest[:3]
    if sign not in ("'''", '"""') or p.before.strip():
        return None
    close = p.text.find(sign, p.at + 3)
    stop = close + 3 if close >= 0 else p.stop
    rows = p.text[p.at + 3 : stop].removesuffix(sign).strip().split("\n")
    text = "\n".join(f"# {row.strip()}".rstrip() for row in rows)
    if p.text[stop : (p.text + "\n").index("\n", stop)].strip():
        text += "\n"
    return Words("a spec has no texts of its own", "comments start with `#`", ((p.at, stop, text),), expected=False,
                 marked=(p.at, p.at + 3))  # fmt: skip


def braced_net(p: Place) -> Words | None:
    """`net A { … }`, and `net "A"`."""
    quoted = re.match(r"[ \t]*net[ \t]+([\"'])([A-Za-z_]\w*)\1", p.line)
    if quoted and p.start + quoted.start(1) <= p.at <= p.start + quoted.end():
        change = (p.start + quoted.start(1), p.start + quoted.end(), quoted[2])
        return Words("the name of a net stands without quotes", f"write `net {quoted[2]}`", (change,), expected=False)
    if p.char != "{" or not re.match(r"[ \t]*net[ \t]+\w+[ \t]*(\([^()]*\))?[ \t]*$", p.before):
        return None
    close = closing(p.text, p.at)
    if close is None:
        return None
    line = p.text.rfind("\n", 0, close) + 1
    alone = p.text[line : (p.text + "\n").index("\n", close)].strip() == "}"
    ends = (line, min((p.text + "\n").index("\n", close) + 1, len(p.text)), "") if alone else (close, close + 1, "")
    return Words("a net has no braces: its layers follow the line", "take the braces out", ((p.at, p.at + 1, ""), ends),
                 safe=False, repairs=True, expected=False)  # fmt: skip


def caffe(p: Place) -> Words | None:
    """`layer { name: "conv1" type: "Convolution" … }` of Caffe, as one line of this language."""
    word = re.fullmatch(r"[ \t]*(layers?)[ \t]*", p.before)
    close = closing(p.text, p.at) if p.char == "{" and word else None
    if word is None or close is None:
        return None
    start = p.start + word.start(1)
    inside = p.text[p.at : close + 1]
    values = dict(reversed(re.findall(r"(\w+)[ \t]*:[ \t]*\"?([\w.-]+)", inside)))
    kind = values.get("type") or next(iter(re.findall(r"(\w+)_param\b", inside)), "")
    text = _prototxt(kind.lower(), values)
    message = f"`{word[1]} {{ … }}` is how Caffe writes a layer"
    if text is None:
        help_ = "a layer and its options are one line: `conv3-64 pad=1`"
        return Words(message, help_, marked=(start, p.at + 1), left_out=(start, close + 1))
    return Words(message, f"write `{text}`", ((start, close + 1, text),), safe=False, repairs=True,
                 marked=(start, p.at + 1), expected=False)  # fmt: skip


def _prototxt(kind: str, values: Mapping[str, str]) -> str | None:
    size, stride = values.get("kernel_size", ""), values.get("stride", "1")
    pad = f" pad={values['pad']}" if values.get("pad", "0") != "0" else ""
    step = f"/{stride}" if stride != "1" else ""
    if kind == "convolution" and size and "num_output" in values:
        groups = f" groups={values['group']}" if values.get("group", "1") != "1" else ""
        return f"conv{size}-{values['num_output']}{step}{pad}{groups}"
    if kind == "pooling" and size:
        return f"{'avgpool' if values.get('pool') == 'AVE' else 'maxpool'}{size}/{stride}{pad} round=ceil"
    if kind == "pooling" and values.get("global_pooling") == "true":
        return "gap" if values.get("pool") == "AVE" else "gmp"
    if kind in ("innerproduct", "inner_product") and "num_output" in values:
        return f"FC-{values['num_output']}"
    if kind == "dropout":
        return f"dropout {values.get('dropout_ratio', '0.5')}"
    if kind == "lrn":
        options = [("size", "local_size"), ("alpha", "alpha"), ("beta", "beta")]
        return " ".join(["LRN", *(f"{name}={values[key]}" for name, key in options if key in values)])
    plain = {
        "relu": "relu",
        "sigmoid": "sigmoid",
        "tanh": "tanh",
        "softmax": "softmax",
        "batchnorm": "bn",
        "flatten": "flatten",
    }
    return plain.get(kind)


_ROW = re.compile(r"-[ \t]*\[[ \t]*-1[ \t]*,[ \t]*(\d+)[ \t]*,[ \t]*([\w.]+)[ \t]*,[ \t]*\[([^\[\]]*)\][ \t]*\]")


def ultralytics(p: Place) -> Words | None:
    """`- [-1, 1, Conv, [64, 3, 2]]`, a row of Ultralytics' YAML."""
    row = _ROW.match(p.text, p.start + len(p.line) - len(p.line.lstrip()))
    if row is None or not row.start() <= p.at <= row.end():
        return None
    values = [value.strip() for value in row[3].split(",") if value.strip()]
    text = None
    if row[2] in ("Conv", "nn.Conv2d") and values:
        width, kernel, stride = [*values, *("64", "1", "1")[len(values) :]][:3]
        text = f"conv{kernel}-{width}{f'/{stride}' if stride != '1' else ''}"
    elif row[2].endswith("Upsample") and len(values) > 1:
        text = f"upsample {values[1]}"
    elif row[2].endswith("MaxPool2d") and values:
        text = "maxpool" + "/".join(values[:2])
    text = f"{text} x{row[1]}" if text and row[1] != "1" else text
    message = "this is a row of Ultralytics' YAML"
    if text is None:
        help_ = "a layer and its options are one line: `conv3-64/2`"
        return Words(message, help_, marked=row.span(), left_out=row.span(), expected=False)
    return Words(message, f"write `{text}`", ((*row.span(), text),), safe=False, repairs=True, marked=row.span(),
                 expected=False)  # fmt: skip


def sequential(p: Place) -> Words | None:
    """`nn.Sequential( … )` and `Sequential([ … ])`: a list of layers as PyTorch and Keras write it."""
    head = re.match(r"[ \t]*(?:\w+[ \t]*=[ \t]*)?((?:\w+\.)*Sequential)[ \t]*\(", p.line)
    if head is None:
        return None
    start = p.start + len(p.line) - len(p.line.lstrip())
    close = closing(p.text, p.start + head.end() - 1)
    if close is None or not start <= p.at <= close:
        return None
    from netspec.diagnostics.foreign import translated_call

    inside = re.sub(r"#[^\n]*", "", p.text[p.start + head.end() : close]).strip().strip("[]")
    calls = re.findall(r"(?<![\w.])(?:\w+\.)*(\w+)\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)", inside)
    rows = [translated_call(name, arguments) for name, arguments in calls]
    marked = (start, p.start + head.end(1))
    message = f"there is no `{head[1]}` here"
    if not rows or None in rows:
        help_ = "a chain is its layers, one a line or joined by `->`"
        return Words(message, help_, marked=marked, left_out=(start, close + 1), expected=False)
    indent = p.line[: len(p.line) - len(p.line.lstrip())]
    text = f"\n{indent}".join(row for row in rows if row)
    return Words(message, "a chain is its layers, one a line", ((start, close + 1, text),), safe=False, repairs=True,
                 marked=marked, expected=False)  # fmt: skip
