"""The public face of a checked network."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.analysis.analysis import Analysis
from netspec.analysis.conditions import Conditions
from netspec.analysis.figures import FIGURES, Value
from netspec.analysis.totals import Totals, totals
from netspec.compiler import compile_source, read_condition
from netspec.diagnostics import Diagnostic, SpecError, nearest
from netspec.diagnostics.terminal import render, summary
from netspec.elaborate import is_library
from netspec.elaborate.limits import Limits
from netspec.graph import Graph, Node, TensorType
from netspec.inside.inspected import Inspected
from netspec.ops.open_size import is_open
from netspec.ops.windows import AXES
from netspec.report.tabular import Tabular, checked_html
from netspec.source import CONDITION, SourceFile
from netspec.spec_source import Spec, parameter_values, source_of
from netspec.syntax.tree import Block, Function

if TYPE_CHECKING:
    import onnx
    import torch

    from netspec.page.html import Frame
    from netspec.scene.svg import SVG

__all__ = ["Checked", "Layer", "Model", "check", "load", "loads"]

_EXPECTATIONS = ("NS401", "NS402")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a checked network. Shapes are without the batch; `macs` is for one input."""

    name: str
    op: str
    line: int
    inputs: tuple[str, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    params: int
    buffers: int
    macs: int
    aux: bool
    description: str
    _node: Node = field(repr=False, compare=False)
    _analysis: Analysis = field(repr=False, compare=False)

    @property
    def input(self) -> tuple[int, ...]:
        """The shape of its (first) input."""
        return self.input_shapes[0]

    def figure(self, name: str) -> Value | None:
        """A figure by name (`receptive_field`, `neurons`; see docs/figures.md). Raises KeyError for an unknown name.

        None where the layer has no such figure.
        """
        _require_figure(name)
        return self._analysis.layer(name, self._node)


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """What `check` found: the graph (None where the text could not be parsed) and every diagnostic.

    Printed, it is what `netspec check` prints: the table and the diagnostics, as plain text.
    """

    source: SourceFile
    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]
    library: tuple[str, ...] = ()
    """The blocks of a file that only declares; it has no network of its own."""

    @property
    def ok(self) -> bool:
        return (self.graph is not None or bool(self.library)) and not any(d.is_error for d in self.diagnostics)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What a model has and a check has not. Raises AttributeError."""
            help_ = f"; a model has it: `.model().{name}`" if hasattr(Model, name) else ""
            raise AttributeError(f"a check has no `{name}`{help_}")

    def __repr__(self) -> str:
        return f"<Checked {self.source.name}: {summary(self.diagnostics) or 'no errors'}>"

    def __str__(self) -> str:
        return self.report()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What IPython shows."""
        printer.text(self.report())

    def _repr_html_(self) -> str:
        """What notebooks show: the table, and the diagnostics below it."""
        return checked_html(self.source.name, self.graph, self.diagnostics, self.library)

    def report(self, *, columns: int = 80) -> str:
        """The table and the diagnostics that `netspec check` prints, as plain text."""
        from netspec.report.table import as_text

        parts = [f"{self.source.name}: a library that declares {', '.join(self.library)}"] if self.library else []
        if self.graph is not None and self.graph.layers:
            parts.append(as_text(self.graph, columns=columns).rstrip("\n"))
        parts += [render(d, color=False, columns=columns).rstrip("\n") for d in self.diagnostics]
        return "\n\n".join(parts)

    def strict(self) -> Checked:
        """The same with warnings and notes as errors."""
        return replace(self, diagnostics=tuple(replace(d, severity="error") for d in self.diagnostics))

    def lenient(self) -> Checked:
        """The same with failed expectations as warnings, for what uses a network rather than verifies it."""
        found = (
            replace(d, severity="warning") if d.is_error and d.code in _EXPECTATIONS else d for d in self.diagnostics
        )
        return replace(self, diagnostics=tuple(found))

    def model(self) -> Model:
        """Raises SpecError where there are errors."""
        if self.library:
            blocks = ", ".join(self.library)
            raise SpecError.of(
                "NS103", f"{self.source.name} has no layers: it declares {blocks} for other files to `use`"
            )
        if not self.ok or self.graph is None:
            raise SpecError(self.diagnostics)
        return Model(self.source, self.graph, self.diagnostics)


class Model(Tabular, Inspected):
    """A network that has been checked: its layers, its figures, and what it can be turned into."""

    def __init__(self, source: SourceFile, graph: Graph, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        self.source = source
        self.graph = graph
        self.diagnostics = diagnostics

    def __repr__(self) -> str:
        return f"<Model {self.name}: {len(self.graph.layers)} layers, {self.params:,} parameters>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What notebooks show, and keep when they are converted: the folded diagram; in HTML with the table below it."""
        picture = str(self.draw(engine="netspec"))
        page = f'<div style="overflow-x: auto">{picture}</div>\n{self._repr_html_()}'
        return {"text/plain": repr(self), "image/svg+xml": picture, "text/html": page}

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def inputs(self) -> dict[str, TensorType]:
        """The type of each input, by name, in the order declared."""
        return {name: self.graph.nodes[i].type for name, i in self.graph.inputs}

    @property
    def outputs(self) -> dict[str, TensorType]:
        """The type of each output, by name."""
        return {name: self.graph.nodes[i].type for name, i in self.graph.outputs}

    @property
    def layers(self) -> list[Layer]:
        analysis = self.analysis()
        return [_layer(analysis, node) for node in self.graph.layers]

    def analysis(self, conditions: Conditions | None = None) -> Analysis:
        """The figures of the network, its parts and its layers, for one input in float32 or under other conditions."""
        return Analysis(self.graph, conditions)

    def figure(self, name: str, conditions: Conditions | None = None) -> Value | None:
        """A figure of the whole network by name. Raises KeyError for an unknown name."""
        _require_figure(name)
        return self.analysis(conditions).total(name)

    @property
    def totals(self) -> Totals:
        return totals(self.graph, self.graph.nodes)

    @property
    def params(self) -> int:
        """Trainable scalars, auxiliary heads left out."""
        return self.totals.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input."""
        return self.totals.macs

    def report(self, *, columns: int = 80) -> str:
        """The table that `netspec check` prints, as plain text."""
        from netspec.report.table import as_text

        return as_text(self.graph, columns=columns)

    @property
    def open_axes(self) -> list[str]:
        """The axes of the inputs that the spec leaves open, as ONNX names them: height, width, length, depth."""
        graph = self.graph
        kinds = [graph.shown(i) for _, i in graph.inputs]
        pairs = (
            (axis, size) for kind in kinds for axis, size in zip(AXES.get(kind.rank, ()), kind.spatial, strict=False)
        )
        return list(dict.fromkeys(axis for axis, size in pairs if is_open(size)))

    def require_sizes(self) -> None:
        """Raises SpecError (NS307) where the spec leaves sizes open, for what needs numbers."""
        if self.graph.sizes:
            given = " ".join(f"-D {name}={size}" for name, size in self.graph.sizes.items())
            names = " and ".join(self.graph.sizes)
            span = self.graph.nodes[self.graph.inputs[0][1]].span
            message = f"this needs numbers, but the spec leaves {names} open"
            raise SpecError.of("NS307", message, span=span, helps=[f"give the sizes: `{given}`"])

    def torch_source(self) -> str:
        """A standalone PyTorch module as Python source; with open sizes, for every size that the spec takes. Raises SpecError
        (NS506) where a layer needs a fixed size."""
        from netspec.backends.torch import torch_source

        self._require_any_size()
        return torch_source(self.graph)

    def _require_any_size(self) -> None:
        if self.graph.sizes:
            from netspec.open_spec import require_any_size

            require_any_size(self.graph, self.graph.taken)

    def to_torch(
        self, weights: str | Path | Mapping[str, Any] | None = None, *, seed: int | None = None
    ) -> torch.nn.Module:
        """The module that `torch_source()` defines, executed, in training mode as PyTorch makes it.

        `weights` as in `to_onnx`. Without them: netspec's initial weights from the seed, or PyTorch's own if there is none.
        Raises SpecError where PyTorch is missing, the weights do not fit, or sizes are open and a layer needs a fixed one.
        """
        from netspec.backends.torch.live import to_torch

        self._require_any_size()
        if not isinstance(weights, (str, os.PathLike, Mapping, type(None))):
            raise TypeError(
                f"weights are a file, the folder of a run or a state dict, not {weights!r:.40}; a seed is `seed=0`"
            )
        module = to_torch(self.graph, seed=seed if weights is None else None)
        if weights is not None:
            from netspec.weights.loading import load_weights

            load_weights(module, self.graph, weights, 0)
        return module

    def to_onnx(
        self,
        path: str | Path | None = None,
        weights: str | Path | Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        opset: int = 17,
        dynamic: Iterable[str] = ("batch",),
        fold: bool = True,
        train: bool = False,
        fp16: bool = False,
        classes: Iterable[str] = (),
    ) -> onnx.ModelProto | None:
        """The ONNX model; written to `path` where one is given, returned otherwise.

        `weights` is a safetensors file, a torch state dict (file or mapping), or the folder of a run, which stands for its
        best weights; None: initial weights from the seed. `classes` are names for the metadata of the model.
        `opset` 13 to 22; `dynamic` axes (batch, height, width); `fold` puts batch norms into the layers before them;
        `train` keeps dropout, batch statistics and auxiliary heads; `fp16` computes in half precision.
        Raises SpecError where the weights do not fit, a layer cannot be exported so, or the file cannot be written.
        """
        from netspec.backends.onnx import ExportOptions, to_onnx, write_onnx

        options = ExportOptions(opset, frozenset(dynamic), fold, train, fp16, tuple(classes))
        if path is None:
            return to_onnx(self.graph, weights, seed=seed, options=options)
        write_onnx(self.graph, Path(path), weights, seed=seed, options=options)
        return None

    def view(self, *, height: int = 600) -> Frame:
        """The interactive diagram with the text of the spec, `height` pixels high, for a notebook, which keeps it when it is
        turned into HTML. `netspec view` checks while one writes."""
        from netspec.page.document import document
        from netspec.page.html import Frame, page, start_data

        shown = document(self.source, self.graph, self.diagnostics, Path(self.source.name).name)
        return Frame(page(start_data([shown]), self.name), height)

    def draw(
        self,
        path: str | Path | None = None,
        *,
        style: str = "graph",
        direction: str = "TB",
        theme: str = "light",
        depth: int | None = None,
        expand: Iterable[str] = (),
        by: str = "",
        columns: Iterable[str] = (),
        weights: str | Path | Mapping[str, Any] | None = None,
        engine: str = "dot",
        title: bool = True,
    ) -> SVG | None:
        """A picture, in a file (.svg, .pdf, .png, .tex, .html or .dot), or returned as the text of an SVG that notebooks show.

        `style` is graph, volumes or neurons; `direction` TB or LR (graph); `theme` light or dark; `title`: name and totals on top.
        `depth` levels of blocks are opened (None: what one page shows well), and the blocks and parts named by `expand` ("all").
        `by` is the figure that colours boxes, `columns` are written in them; `engine` is dot of Graphviz, or netspec, which steps in
        with a warning where dot cannot (graph). `weights` are for the lines of `neurons`.
        Raises SpecError where the picture cannot be made, ValueError for another word, KeyError for an unknown figure or part.
        """
        from netspec.scene.drawing import drawn
        from netspec.scene.options import DrawOptions

        options = DrawOptions.of(direction.upper(), theme, depth, expand, by, columns, engine, title=title)
        return drawn(self.graph, path, style, options, weights)


def _require_figure(name: str) -> None:
    if name not in FIGURES:
        near = nearest(name, FIGURES)
        raise KeyError(f"no figure {name}; " + (f"did you mean {near}?" if near else f"there are {', '.join(FIGURES)}"))


def _layer(analysis: Analysis, node: Node) -> Layer:
    graph = analysis.graph
    inputs = [graph.nodes[i] for i in node.inputs]
    return Layer(
        node.name,
        node.kind,
        node.span.line,
        tuple(n.name for n in inputs),
        tuple(n.type.shape for n in inputs),
        node.type.shape,
        node.n_params,
        node.n_buffers,
        node.macs,
        node.aux,
        node.op.describe(inputs[0].type),
        node,
        analysis,
    )


def check(
    spec: Spec,
    parameters: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    *,
    expect: str | Iterable[str] = (),
    **more: Any,
) -> Checked:
    """Parses and checks a spec: text, a path, or an open file (see docs/python.md for what counts as text).

    Errors of the spec are returned, not raised. `parameters` and keywords are values for the parameters of the net;
    `expect` are conditions beside those of the spec, such as "params <= 5M". Raises SpecError where the spec cannot be
    read or a condition cannot be parsed, and TypeError for what is no spec, for a parameter that the net does not have
    (UnknownParameter) and for a value that the language does not have.
    """
    limits = limits or Limits()
    source = source_of(spec, limits)
    contracts = [read_condition(text, CONDITION) for text in ([expect] if isinstance(expect, str) else expect)]
    found = compile_source(source, {**parameter_values(parameters or {}), **parameter_values(more)}, limits, contracts)
    if found.tree is not None and is_library(found.tree):
        blocks = tuple(i.name for i in found.tree.items if isinstance(i, (Block, Function)))
        return Checked(source, None, tuple(d for d in found.diagnostics if not _is_condition(d)), blocks)
    return Checked(source, found.graph, found.diagnostics)


def _is_condition(diagnostic: Diagnostic) -> bool:
    """Whether it is about a condition beside the spec, which a file without a network need not meet."""
    return diagnostic.span is not None and diagnostic.span.source.name == CONDITION


def load(spec: Spec, parameters: Mapping[str, Any] | None = None, /, **more: Any) -> Model:
    """The checked model of a spec, its parameters replaced by those given: text, a path, or an open file, as in `check`.

    Raises SpecError where the spec cannot be read or has errors, and TypeError as `check` does.
    """
    return check(spec, {**parameter_values(parameters or {}), **more}).model()


loads = load
"""The same as `load`, which also takes text."""
