"""Options with values that nothing else tries: the module that runs has what the spec says, and with another value for a
parameter of the net it is the module of the spec with that value."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
from agreement import largest_difference, random_state
from option_values import VALUES

import netspec
from netspec import Model
from netspec.analysis.samples import sample_inputs
from netspec.backends.torch.live import to_torch
from netspec.ops import CATALOGUE, JOINS
from netspec.ops.op import Op

pytestmark = pytest.mark.slow

TEXTS = [(declared, text) for declared, texts in VALUES.items() for text in texts]


def filled(text: str, values: str) -> Iterator[str]:
    for value in values.split(" | "):
        yield text.format(v=value)


@cache
def tried(declared: str, text: str) -> list[Model]:
    return [netspec.loads(f"{declared}\n{line}") for line in filled(text, VALUES[declared][text])]


def configuration(module: torch.nn.Module, *, started: bool = False) -> dict[str, Any]:
    """What a module was made with: its numbers and words, its buffers, the shapes of its parameters. `started`: also the
    value of a parameter all of whose numbers start as one."""
    kept = {k: v for k, v in vars(module).items() if isinstance(v, (int, float, str, tuple, list, type(None)))}
    found = {k: v for k, v in kept.items() if not k.startswith("_") and k not in ("training", "inplace")}
    found |= {f"buffer {k}": None if b is None else (b.dtype, b.tolist()) for k, b in module._buffers.items()}
    for name, parameter in module._parameters.items():
        constant = parameter is not None and started and parameter.numel() > 1 == len(set(parameter.flatten().tolist()))
        value = parameter.flatten()[0].item() if constant else None
        found[f"parameter {name}"] = None if parameter is None else (*parameter.shape, value)
    for name, part in module.named_children():
        found |= {f"{name}.{k}": v for k, v in configuration(part, started=started).items()}
    return found


def rounded(value: Any) -> Any:
    """A value in single precision: the digits of the source mean the same there."""
    if isinstance(value, (tuple, list)):
        return [rounded(v) for v in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return torch.tensor(float(value)).item()
    return value


def as_given(module: torch.nn.Module, **how: bool) -> dict[str, Any]:
    return {k: rounded(v) for k, v in configuration(module, **how).items()}


@pytest.mark.parametrize(("declared", "text"), TEXTS)
def test_a_module_has_the_options_of_the_spec(declared: str, text: str) -> None:
    """The module that runs, written on traced numbers, against what each op becomes on plain ones."""
    for model in tried(declared, text):
        module = model.to_torch()
        parts = dict(module.named_modules())
        for node in model.graph.layers:
            code = node.op.torch(*model.graph.input_types(node))
            for suffix, constructor in code.modules:
                names = dict(type(module).__init__.__globals__) | {"torch": torch, "nn": torch.nn}  # type: ignore[misc]
                plain = eval(constructor, names)
                mine = parts[f"{node.name}_{suffix}" if suffix else node.name]
                assert type(plain) is type(mine)
                assert as_given(plain, started=True) == as_given(mine, started=True), model.source.text


def test_every_option_has_several_values() -> None:
    found: dict[tuple[str, str], set[Any]] = {}
    for declared, text in TEXTS:
        for model in tried(declared, text):
            for node in model.graph.layers:
                for name in node.op.options:
                    found.setdefault((node.op.name, name), set()).add(repr(getattr(node.op, name)))
    ops = {op.name: op for op in (*CATALOGUE.values(), *JOINS.values())}
    after = ("norm", "act", "tie")  # layers of their own, and labels
    wanted = {(op.name, name) for op in ops.values() if op.expand is Op.expand for name in op.options}
    few = {key for key in wanted if key[1] not in after and len(found.get(key, ())) < 2}
    assert not few


@pytest.mark.slow
@pytest.mark.parametrize(("declared", "text"), TEXTS)
@pytest.mark.parametrize("opset", [13, 22])
def test_every_value_gives_the_same_numbers_in_onnx(declared: str, text: str, opset: int) -> None:
    for model in tried(declared, text):
        for batch in (1, 3):
            least = max(opset, *(node.op.lowest_opset for node in model.graph.nodes))
            assert largest_difference(model, batch=batch, opset=least) <= 1e-4, model.source.text


IMAGE = "input 3x16x16\n"
ARGUMENTS: dict[str, tuple[float, ...]] = {
    # quotients: whole for one value of the parameter, not for another
    f"net N(p = 6)\n{IMAGE}celu (p / 2)": (4, 3, 5),
    f"net N(p = 4)\n{IMAGE}conv1-(p / 2)\nconv1-(p / 2 * 3)": (2, 6),
    f"net N(p = 4)\n{IMAGE}scale (floor(p / 2 + 0.5))\nelu (round(p / 2))": (2, 3, 5, 7),
    f"net N(p = 4)\nfn half(v) = v / 2\n{IMAGE}conv1-(half(p))\nscale (half(p))": (2, 6),
    f"net N(p = 4)\nblock b(q) {{ scale q }}\n{IMAGE}b(p / 2)\nelu p": (2, 3),
    f"net N(p = 4)\nblock b(q, r = q / 2) {{ scale r }}\n{IMAGE}b(p)\nelu p": (2, 3),
    f"net N(p = 7.5, w = 4)\n{IMAGE}conv3-(w * (p // 2)) pad=1\nleaky_relu (p / 10)": (9.5, 5.0),
    f"net N(p = 1.5)\n{IMAGE}scale (7 // p)\nelu (p % 1)": (2.75,),
    f"net N(p = -4)\n{IMAGE}minimum [ (p / 2); identity ]\nmul [ identity; (1 / p) ]\nadd [ identity; (p) ]": (3, -7),
    # powers
    f"net N(p = 1.5)\n{IMAGE}scale (p**2)\nelu p": (2.5, 3.0),
    f"net N(p = 3)\n{IMAGE}scale (p**2)\nelu p": (2, 4),
    f"net N(p = 3)\n{IMAGE}scale (2**p)\nelu p": (2, 4),
    f"net N(p = 1)\n{IMAGE}scale (p**-1)\nelu p": (2, 4),
    # a layer that is short for two: each has its own options
    f"net N(p = 0)\n{IMAGE}sepconv3-6 pad=p": (1, 2),
    f"net N(p = 1)\n{IMAGE}sepconv3-6/(p) dilation=p": (2,),
    f"net N(p = 1)\n{IMAGE}sepconv(p)-6": (2, 3),
    # one number in several places
    f"net N(p = 0.25)\n{IMAGE}normalize mean=p std=(p, 1, 2)\nprelu p\nelu (p * 4)\ncelu (4 * p)": (0.5, 3),
    f"net N(p = 0.25)\n{IMAGE}normalize mean=p\nscale p\ntensor 2x3 init=p trained=no": (2, 0.5),
    f"net N(p = -0.5)\n{IMAGE}sub [ identity; (p) ]\nadd [ (p); identity ]\nhardtanh low=p high=(1 - p)\npad 1 value=p": (-2.5,),
    f"net N(p = 0.5)\n{IMAGE}sub [ identity; (p + 1) ]\nmul [ identity; (p - 1) ]\ndiv [ (p - 1); {{ abs; add [ identity; (p) ] }} ]": (2.5,),
    f"net N(e = 0.001)\ndefault conv norm=bn(eps=e) act=leaky_relu(e) pad=same\n{IMAGE}conv3-8 x2\nln eps=(e * 2)\nl2norm eps=e": (0.5,),
    f"net N(p = 0.1)\nblock b(q, r = 2*q) {{ dropout q\nbn momentum=r\nleaky_relu (q) }}\n{IMAGE}b(p)\nb(0.5)\nb(p, r=p)": (0.25,),
    f"net N(w = 8)\nblock b(q) {{ conv1-(q * 0.5)\nbn }}\n{IMAGE}b(8)\nb(w)\nb(6)\ndense {{ conv1-w }} x2": (4, 6),
    f"net N(p = 4)\n{IMAGE}repeat p as i {{ conv1-3 -> dropout (0.1 * (i + 1) / 8) }}\nelu p": (2, 5),
    "net N(c = 16)\ninput (c)x8x8\ngn (in.channels // 8)\nconv3-(in.channels * 2) pad=1\nbn momentum=(1 / in.channels)": (8, 32),
}  # fmt: skip


@pytest.mark.parametrize("text", ARGUMENTS)
def test_an_argument_of_the_class_is_a_parameter_of_the_spec(text: str) -> None:
    """A parameter that the class takes gives what `-D` gives; one that it does not take cannot go wrong."""
    parameter = re.search(r"net N\((\w+)", text)[1]  # type: ignore[index]
    model = netspec.loads(text)
    made = type(to_torch(model.graph))
    for value in ARGUMENTS[text]:
        other = netspec.loads(text, {parameter: value})
        theirs = to_torch(other.graph)
        if parameter not in inspect.signature(made).parameters:
            continue
        mine = made(**{parameter: value})
        assert as_given(mine, started=True) == as_given(theirs, started=True)
        state = random_state(other)
        inputs = [torch.from_numpy(v) for v in sample_inputs(other.graph, 2, 0).values()]
        for module in (mine, theirs):
            module.load_state_dict(state)
        with torch.no_grad():
            assert torch.allclose(mine.eval()(*inputs), theirs.eval()(*inputs), rtol=1e-5, atol=1e-6)


def test_most_parameters_are_arguments() -> None:
    """The test above compares something."""
    classes = [type(to_torch(netspec.loads(text).graph)) for text in ARGUMENTS]
    taken = [len(inspect.signature(made).parameters) > 0 for made in classes]
    assert sum(taken) > len(taken) / 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("input ids 7 int\nadd [ identity; 2 ]", "NS303"),
        ("input ids 7 int\ndiv [ identity; identity ]", "NS303"),
        ("input 24\npad 0 mode=reflect", "NS303"),
        ("input 24\npad mode=replicate channels=(1, 2)", "NS303"),
    ],
)
def test_what_pytorch_would_refuse_is_refused(text: str, code: str) -> None:
    assert [d.code for d in netspec.check(text).diagnostics if d.is_error] == [code]


def test_gelu_takes_the_word_none() -> None:
    assert netspec.loads("input 24\ngelu approximate=none").graph.layers[0].op.approximate == "none"


def test_a_module_for_all_sizes_is_none_for_one_size() -> None:
    """The code of `crop` holds the size: with open sizes there is neither a source nor a module."""
    model = netspec.loads("input 3xHxW\ncrop 2")
    for make in (model.torch_source, model.to_torch):
        with pytest.raises(netspec.SpecError, match="NS506"):
            make()
