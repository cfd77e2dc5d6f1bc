"""From a syntax tree to a checked graph."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis.analysis import Analysis
from netspec.diagnostics import Diagnostics, nearest
from netspec.elaborate.blocks import declare_file
from netspec.elaborate.contracts import Expectation, Judgement, check_expectations, judge
from netspec.elaborate.elaborator import Elaborator
from netspec.elaborate.limits import LimitReached, Limits
from netspec.elaborate.open_inputs import open_names
from netspec.elaborate.project import Project
from netspec.elaborate.state import FileScope, Frame, Namer, labels_in
from netspec.graph import Graph, Region
from netspec.ops.open_size import undecided
from netspec.source import Span
from netspec.symbolic import Name
from netspec.syntax import tree as t

if TYPE_CHECKING:
    from netspec.syntax.error_site import Explain

__all__ = ["Elaborated", "UnknownParameter", "elaborate", "is_library"]


class UnknownParameter(TypeError):
    """A value is given for a parameter that the net does not have: wrong usage, not an error of the spec."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name, self.known = name, known
        near = nearest(name, known)
        have = f"its parameters are {', '.join(known)}" if known else "it has none"
        self.help = f"did you mean `{near}`?" if near else have
        super().__init__(f"the net has no parameter `{name}`; {self.help}")

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return [f"UnknownParameter: {self}"]


@dataclass(frozen=True, slots=True)
class Elaborated:
    """What became of a tree: the graph, whether every layer of it is known, and the steps that it took."""

    graph: Graph
    whole: bool
    steps: int
    run: Elaborator
    frame: Frame

    def judge(self, condition: t.Expr, analysis: Analysis) -> Judgement:
        """A condition held against the network and its figures, with the names at its end. Raises EvaluationError."""
        return judge(self.run, self.frame, condition, analysis)


def elaborate(
    file: t.File,
    parameters: Mapping[str, Any],
    diagnostics: Diagnostics,
    limits: Limits,
    *,
    name: str = "Net",
    trees: dict[Path, t.File | None] | None = None,
    explain: Explain | None = None,
    contracts: Sequence[t.Expect] | None = (),
    builder: Callable[..., Elaborator] = Elaborator,
) -> Elaborated:
    """The graph of a tree; with errors in `diagnostics`, what is known of it. Raises UnknownParameter.

    `contracts` are expectations beside those of the file; None: also those of the file are not checked. `trees` keeps
    the used files that are parsed, for several elaborations; `explain` is for their syntax errors. `parameters` hold values
    for open sizes, too. `builder` makes the elaborator.
    """
    net = next((item for item in file.items if isinstance(item, t.Net)), None)
    _check_parameter_names(net, parameters, open_names(file))
    whole = Span(file.source, 0, 0)
    root = Region("net", "", "", None, whole, block=net.name if net else name)
    graph = Graph(net.name if net else name, root)
    project = Project(file.source, diagnostics, limits, trees, explain)
    run = builder(graph, diagnostics, limits, project)
    frame = Frame(FileScope(), root, Namer(labels_in(file.items) | _input_names(file)))
    top = net.span if net else Span(file.source, 0, min(1, len(file.source.text)))
    with _deep_and_large(), _limited(run, top):
        declare_file(run, file, frame)
        items = _of_one_net(run, file)
        frame.names.update((name, parameters[name]) for name in open_names(file) if name in parameters)
        _bind_parameters(run, net, parameters, frame)
        run.inputs_ahead = [item.span for item in items if isinstance(item, t.Input)]
        run.run(items, frame)
        _finish(run, file, frame)
    if contracts is None:
        run.expectations = []
    run.expectations += [Expectation(contract, frame, frame.here, (), asked=True) for contract in contracts or ()]
    failed = run.failed_layers
    known, steps = not (failed or graph.failed or diagnostics.skipped), run.evaluator.steps
    if run.train is not None:
        from netspec.elaborate.train_section import read_recipe

        run.place, run.evaluator.steps = run.train.span, 0  # read even where the network is too large
        with _limited(run, top):
            graph.recipe = read_recipe(run, run.train, frame)
    if run.expectations:
        with _limited(run, top):
            check_expectations(run, failed)  # last: they may ask what the recipe trains
    return Elaborated(graph, known, steps, run, frame)


@contextmanager
def _limited(run: Elaborator, top: Span) -> Iterator[None]:
    """A limit that is reached ends what runs, and is reported."""
    try:
        yield
    except LimitReached as limit:
        run.error("NS005", limit.what, run.place or top, helps=[limit.help])
    except RecursionError:
        run.error("NS005", "this spec nests too deep", run.place or top)


@contextmanager
def _deep_and_large() -> Iterator[None]:
    """Room for blocks nested as deep as the limit (pure Python frames cost heap, not stack), and no garbage
    collection meanwhile: what a large graph allocates all stays alive."""
    before, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(before, 20_000))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
        if collecting:
            gc.enable()


def _input_names(file: t.File) -> set[str]:
    return {item.name for item in file.items if isinstance(item, t.Input) and item.name}


def _check_parameter_names(net: t.Net | None, parameters: Mapping[str, Any], sizes: tuple[str, ...]) -> None:
    known = (*(p.name for p in net.parameters), *sizes) if net else sizes
    for name in parameters:
        if name not in known:
            raise UnknownParameter(name, known)


def _of_one_net(run: Elaborator, file: t.File) -> tuple[t.Item, ...]:
    """The items of the first net; those of another are reported, and left out."""
    nets = [i for i, item in enumerate(file.items) if isinstance(item, t.Net)]
    for i in nets[1:]:
        first, extra = file.items[nets[0]], file.items[i]
        assert isinstance(first, t.Net)
        run.error(
            "NS209", "a file holds one net", extra.span,
            notes=[f"`{first.name}` is declared at line {first.span.line}"],
            helps=["put each in a file of its own, and bring it in with `use`"],
        )  # fmt: skip
    chains = [i for i, item in enumerate(file.items) if isinstance(item, t.Chain)]
    ends = next((i for i in nets[1:] if chains and chains[0] < i), len(file.items))
    return file.items[:ends]


def _bind_parameters(run: Elaborator, net: t.Net | None, parameters: Mapping[str, Any], frame: Frame) -> None:
    for parameter in net.parameters if net else ():
        if parameter.name in parameters:
            frame.names[parameter.name] = parameters[parameter.name]
            run.overrides.give(parameter, parameters[parameter.name], frame, run.evaluator)
        elif parameter.default is not None:
            frame.names[parameter.name] = run.evaluate(parameter.default, frame)
            run.overrides.compute(parameter, frame)
        else:
            run.error(
                "NS206",
                f"the net needs a value for `{parameter.name}`",
                parameter.span,
                helps=[f"give it with `-D {parameter.name}=…`, or a default: `{parameter.name} = 10`"],
            )
            frame.names[parameter.name] = run.FAILED
        frame.symbols[parameter.name] = Name(parameter.name, "net")
        run.graph.parameters[parameter.name] = frame.names[parameter.name]


def is_library(file: t.File) -> bool:
    """Whether a file only declares: blocks and functions for others to `use`."""
    declarations = (t.Use, t.Block, t.Function, t.Default, t.Let, t.Fit, t.Shared)
    offered = any(isinstance(item, (t.Block, t.Function, t.Shared)) for item in file.items)
    return offered and all(isinstance(item, declarations) for item in file.items)


def _finish(run: Elaborator, file: t.File, frame: Frame) -> None:
    graph = run.graph
    if is_library(file):
        return
    if not any(node.inputs for node in graph.nodes) and not run.diagnostics.has_errors and not graph.failed:
        end = len(file.source.text.rstrip())
        what = "the file is empty" if not file.items else "the spec has no layers"
        run.error(
            "NS103",
            what,
            Span(file.source, max(0, end - 1), end),
            helps=["a spec is an `input 3x224x224` and layers, one a line: `conv3-64 pad=1`"],
        )
        return
    if not graph.outputs and frame.here is not None and frame.here.node is not None:
        inputs = {name for name, _ in graph.inputs}
        graph.outputs.append(("output" if "output" not in inputs else "result", frame.here.node))
    run.lost_outputs = {name for name, index in graph.outputs if index < 0}
    graph.outputs = [(name, index) for name, index in graph.outputs if index >= 0]
    if not run.diagnostics.has_errors:
        with undecided():
            graph.verify()
