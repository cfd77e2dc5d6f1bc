"""Nodes: layers added to the graph, those that do not fit reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netspec.elaborate.context import ElaborationContext
from netspec.elaborate.limits import LimitReached
from netspec.elaborate.state import UNKNOWN, BoundLayer, Frame, Site, Tensor
from netspec.elaborate.ties import tied_node
from netspec.graph import Node, TensorType
from netspec.ops.op import Misfit, Op
from netspec.ops.windowing import require_same_windows
from netspec.source import Span

__all__ = ["GraphBuilder"]


class GraphBuilder(ElaborationContext):
    """Adds layers to the graph."""

    def no_tensor(self, span: Span, frame: Frame) -> None:
        from netspec.elaborate.failures import report_no_input

        report_no_input(self, span, frame)

    def add(self, layer: BoundLayer, inputs: tuple[Tensor, ...], site: Site) -> None:
        """Adds a node; where its inputs do not fit, says so and goes on with an unknown tensor."""
        op, frame = layer.op, site.frame
        if not all(tensor.known for tensor in inputs):
            frame.here = UNKNOWN
            return
        types = tuple(tensor.type for tensor in inputs if tensor.type is not None)
        try:
            require_same_windows(op, types)
            output, leftovers, params, macs = self.infer(op, types)
        except Misfit as misfit:
            if not self.first_time((op, types, site.span)):
                pass
            elif misfit.code == "NS306" and len(inputs) > 1:
                from netspec.elaborate.branches import report_branches

                report_branches(self, misfit, op, inputs, site)
            else:
                from netspec.elaborate.failures import report_misfit

                report_misfit(self, misfit, layer, inputs, site)
            self.fail(replace(site, name=site.name or frame.namer.number(op.name.lower())), types)
            return
        if leftovers:
            from netspec.elaborate.failures import report_leftovers

            report_leftovers(self, leftovers, op, types, site)
        if any(size > self.limits.integer for size in output.shape) or output.size > self.limits.integer:
            raise LimitReached("integer", self.limits.integer, f"{output} is too large a tensor")
        tied = tied_node(self, op, types[0], layer.spans, frame) if getattr(op, "tie", None) else None
        self.node(op, tuple(t_.node for t_ in inputs if t_.node is not None), output, params, macs, site)
        node = self.graph.nodes[-1]
        node.tied = tied
        node.origins = layer.origins

    def fail(self, site: Site, inputs: tuple[TensorType, ...] = ()) -> None:
        """Goes on with an unknown tensor after a layer in error, which is reported; the report shows its row."""
        from netspec.elaborate.failures import row_of_failure

        site.frame.here = UNKNOWN
        row_of_failure(self, site, inputs)

    def node(self, op: Op, inputs: tuple[int, ...], output: TensorType, params: Any, macs: int, site: Site) -> None:
        graph, frame = self.graph, site.frame
        self.room_for(1)
        local = site.name or frame.namer.number(op.name.lower())
        node = Node(
            len(graph.nodes),
            frame.region.path + local,
            op,
            inputs,
            output,
            params,
            macs,
            site.span,
            frame.region,
            aux=self.aux_depth > 0,
        )
        if self.shared_from and node.params:
            self.share(node, site.span)
        graph.nodes.append(node)
        self.evaluator.allow_layer()
        frame.region.members.append(node)
        frame.here = Tensor(node.index, output)

    def share(self, node: Node, span: Span) -> None:
        """Uses the weights of the layer that stood here at the first call of a shared block."""
        first = [next(nodes, None) for nodes in self.shared_from][-1]  # all of them walk along
        mine = [(p.name, p.shape) for p in node.params]
        if first is None or type(first.op) is not type(node.op) or [(p.name, p.shape) for p in first.params] != mine:
            from netspec.elaborate.ties import report_shared

            report_shared(self, node, first, span)
            return
        node.shares = first.index if first.shares is None else first.shares
