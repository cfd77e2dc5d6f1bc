"""From a written layer to an op: which op, and the values of its options from slots, values, names and defaults."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from netspec.diagnostics.facts import GivenTwice, Instead
from netspec.elaborate.binding_key import binding_key
from netspec.elaborate.expressions import value_after_name
from netspec.elaborate.facts import (
    LateValue,
    LayerAsValue,
    MissingValue,
    StrayValue,
    UndefinedName,
    UnknownOption,
    UnwantedSlot,
    scope_of,
)
from netspec.elaborate.foreign_layers import foreign_call, report_comment, report_unknown_head
from netspec.elaborate.origins import option_origins, origin
from netspec.elaborate.outside_layers import BROKEN, outside_op, read_value
from netspec.elaborate.state import BoundLayer, Frame
from netspec.ops import CATALOGUE
from netspec.ops.kinds import BadValue, Integer
from netspec.ops.op import REQUIRED, Misfit, Op, Option
from netspec.source import Span
from netspec.symbolic import Apply, Symbolic
from netspec.syntax import tree as t
from netspec.values import Size, Value, Word, show

if TYPE_CHECKING:
    from netspec.elaborate.context import ElaborationContext

__all__ = ["bind", "find_op", "report_unknown_option"]

_HEAD = re.compile(r"(?P<name>.*?)(?P<kernel>\d+(?:x\d+)*)")


def find_op(
    layer: t.Layer, named: Callable[[str], type[Op] | None] = CATALOGUE.get
) -> tuple[type[Op], tuple[int, ...] | None] | None:
    """The op that a head names, with the kernel written into it (`conv3x5`); None where there is none."""
    head = layer.head.lower()
    op = named(head)
    if op is not None:
        return op, None
    match = _HEAD.fullmatch(head)
    op = named(match["name"]) if match else None
    if match and op is not None and any(o.slot == "kernel" for o in op.options.values()):
        return op, Size(int(k) for k in match["kernel"].split("x")) if len(match["kernel"]) < 40 else None
    return None


class _Binder:
    """Collects the values of one layer's options; the first of each counts, a second is an error."""

    def __init__(self, run: ElaborationContext, op: type[Op], layer: t.Layer, frame: Frame) -> None:
        self.run, self.op, self.layer, self.frame = run, op, layer, frame
        self.values: dict[str, Any] = {}
        self.spans: dict[str, Span] = {}
        self.origins: dict[str, Symbolic] = {}
        self.failed = False

    def fail(self, code: str, message: str, span: Span, facts: Any = None) -> None:
        self.failed = True
        self.run.error(code, message, span, facts=facts)

    def slot(self, name: str) -> list[Option[Any]]:
        return [o for o in self.op.options.values() if o.slot == name]

    def evaluate(self, expr: t.Expr) -> tuple[bool, Any]:
        value = self.run.evaluate(expr, self.frame, words=True)
        if value is self.run.FAILED:
            self.failed = True
            return False, None
        return True, value

    def set(self, option: Option[Any], value: Value, span: Span, *written: t.Expr) -> None:
        """Sets an option to a value, and keeps how it was `written`: one expression, or one for each of several."""
        if option.name in self.values:
            self.fail("NS203", f"`{option.name}` is given twice", span, GivenTwice(span))
            return
        if isinstance(value, Word) and not value.called and option.kind.counts:
            self.undefined(value.name, span)
            return
        try:
            self.values[option.name] = self.read(option, value, span)
        except BadValue as bad:
            self.values[option.name] = option.default
            self.bad_value(bad, option.name, span)
        self.spans[option.name] = span
        functions = self.run.graph.functions
        if len(written) == 1:
            self.origins |= option_origins(self.op, option.name, written[0], self.frame, functions)
        elif written:
            parts = tuple(origin(expr, self.frame, functions) for expr in written)
            self.origins[option.name] = Apply("tuple", parts)

    def read(self, option: Option[Any], value: Value, span: Span) -> Any:
        found = read_value(self.run, option, value, span)
        self.failed = self.failed or found is BROKEN
        return found

    def put(self, slot: str, expr: t.Expr, what: str) -> None:
        """A value in the kernel, width or stride slot."""
        options = self.slot(slot)
        ok, value = self.evaluate(expr)
        if not ok:
            return
        if not options:
            values = self.slot("value")
            if slot == "width" and len(values) == 1 and isinstance(value, (int, float)):
                self.negative(values[0], value, expr)  # `take -1`
                return
            self.unwanted(slot, expr, value, what)
            return
        if isinstance(value, Word):
            self.undefined(value.name, expr.span)
            return
        self.set(options[0], value, expr.span, expr)

    def unwanted(self, slot: str, expr: t.Expr, value: Value, what: str, refused: Option[Any] | None = None) -> None:
        here = self.frame.here.type if self.frame.here is not None else None
        facts = UnwantedSlot(self.op, self.layer, slot, value, expr.span, here, refused)
        self.fail("NS207", f"`{self.op.name}` does not take a {what}", expr.span, facts)

    def negative(self, option: Option[Any], value: Value, expr: t.Expr) -> None:
        """A number after a hyphen, for an op without a width: a negative value, or one that should follow a space."""
        try:
            option.kind.read(-value)  # type: ignore[operator]
        except BadValue:
            self.values[option.name] = option.default
            self.unwanted("width", expr, value, "width", option)
        else:
            self.set(option, -value, expr.span, t.Unary("-", expr, expr.span))  # type: ignore[operator]

    def undefined(self, name: str, span: Span) -> None:
        facts = UndefinedName(name, span, scope_of(self.frame), layer=self.layer)
        self.fail("NS208", f"`{name}` is not defined", span, facts)

    def bad_value(self, bad: BadValue, name: str, span: Span) -> None:
        self.failed = True
        self.run.bad_value(bad, name, span)

    # In the order of the language: head, arguments, slots, values, options, defaults

    def arguments(self) -> None:
        layer = self.layer
        if layer.arguments is not None:
            positional = self.slot("kernel") or self.slot("value")
            if not self.in_order(layer.arguments, layer.argument_options):
                return
            self.fill(positional, layer.arguments, "argument")
            for option in layer.argument_options:
                self.option(option)

    def in_order(self, values: tuple[t.Expr, ...], options: tuple[t.Option, ...]) -> bool:
        """Whether every value without a name comes before the first with a name; reports one that does not."""
        late = value_after_name(values, options)
        if late is None:
            return True
        if isinstance(late, t.Name) and self.is_layer(late.text):
            self.not_a_value(late.text, late.span)
            return False
        facts = LateValue(self.layer, late, options)
        self.fail("NS207", "a value without a name cannot follow one with a name", late.span, facts)
        return False

    def not_a_value(self, name: str, span: Span) -> None:
        self.fail("NS207", f"`{name}` is a layer, not a value of `{self.op.name}`", span, LayerAsValue(name, span))

    def glued(self, options: list[Option[Any]], exprs: tuple[t.Expr, ...]) -> bool:
        """Reports a name that is written into a size: `reshape 1xdim` is read as two values, 1 and `xdim`."""
        for number, name in pairwise(exprs):
            if isinstance(name, t.Name) and name.span.start == number.span.end and options and options[0].kind.gathers:
                sizes = [*number.span.text.split("x"), *name.text.removeprefix("x").split("x")]
                span, text = Span(number.span.source, self.layer.head_span.start, name.span.end), ", ".join(sizes)
                instead = f"{self.layer.head_span.text}({text})"
                message = "names and numbers are not written together in a size"
                self.fail("NS204", message, name.span, Instead(span, instead, f"write `{instead}`"))
                return True
        return False

    def fill(self, options: list[Option[Any]], exprs: tuple[t.Expr, ...], what: str) -> None:
        if self.glued(options, exprs):
            return
        pairs = [(expr, *self.evaluate(expr)) for expr in exprs]
        if not all(ok for _, ok, _ in pairs):
            return
        if len(options) == 1 and options[0].kind.gathers and len(pairs) > 1 and options[0].name not in self.values:
            self.set(options[0], tuple(v for _, _, v in pairs), pairs[0][0].span.to(pairs[-1][0].span), *exprs)
            return
        free = [o for o in options if o.name not in self.values]
        for i, (expr, _, value) in enumerate(pairs):
            layer = isinstance(value, Word) and not value.called and self.is_layer(value.name)
            if layer and not (i < len(free) and free[i].kind.takes_word(value.name)):
                self.not_a_value(value.name, expr.span)
                return
            if i < len(free) and free[i].slot == "kernel" and isinstance(value, Word):
                self.undefined(value.name, expr.span)
                return
            if i >= len(free):
                self.too_many(value, expr.span, what)
                return
            self.set(free[i], value, expr.span, expr)

    def is_layer(self, name: str) -> bool:
        return name.lower() in CATALOGUE or self.frame.block(name) is not None

    def too_many(self, value: Value, span: Span, what: str) -> None:
        facts = StrayValue(self.op, self.layer, value, span, what == "argument", "width" in self.values)
        self.fail("NS207", f"`{self.op.name}` does not take this value, {show(value)}", span, facts)

    def option(self, option: t.Option) -> None:
        found = self.op.options.get(option.name)
        ok, value = self.evaluate(option.value)
        if self.slot("axis") and (found is None or found.slot in ("axis", "size")):
            if ok:
                self.axis(option, value)
        elif found is None:
            self.unknown_option(option)
        elif ok:
            self.set(found, value, option.span, option.value)

    def axis(self, option: t.Option, value: Value) -> None:
        """The size of an axis of the layer's pattern: `p=4`."""
        names, sizes = self.slot("axis")[0].name, self.slot("size")[0].name
        if option.name in self.values.get(names, ()):
            self.fail("NS203", f"`{option.name}` is given twice", option.span, GivenTwice(option.span))
            return
        if isinstance(value, Word) and not value.called:
            self.undefined(value.name, option.span)
            return
        try:
            size = Integer().read(value)
        except BadValue as bad:
            self.bad_value(bad, option.name, option.span)
            return
        self.values[names] = (*self.values.get(names, ()), option.name)
        self.values[sizes] = (*self.values.get(sizes, ()), size)
        self.spans[option.name] = option.span
        written = origin(option.value, self.frame, self.run.graph.functions)
        before = self.origins.get(sizes)
        self.origins[sizes] = Apply("tuple", (*(before.operands if isinstance(before, Apply) else ()), written))

    def unknown_option(self, option: t.Option) -> None:
        self.failed = True
        report_unknown_option(self.run, self.op, option, self.layer)

    def defaults(self) -> None:
        for name, value, span, origins in self.run.default_values(self.op, self.frame):
            if name not in self.values:
                try:
                    self.values[name] = self.read(self.op.options[name], value, span)
                except BadValue as bad:
                    self.bad_value(bad, name, span)
                self.spans[name] = span
                self.origins |= origins

    def require(self) -> None:
        for option in self.op.options.values():
            if option.name in self.values or option.default is not REQUIRED:
                continue
            here = self.frame.here.type if self.frame.here is not None else None
            facts = MissingValue(self.op, option, self.layer, here)
            self.fail("NS206", f"`{self.op.name}` is missing its {option.name}", self.layer.span, facts)


def report_unknown_option(
    run: ElaborationContext, op: type[Op], option: t.Option, layer: t.Layer | None = None
) -> None:
    facts = UnknownOption(op, option, layer)
    run.error("NS202", f"`{op.name}` has no option `{option.name}`", option.name_span, facts=facts)


def bind(run: ElaborationContext, layer: t.Layer, frame: Frame) -> BoundLayer | None:
    """The op of a layer with its options; None where there are errors, which are reported.

    The same layer with the same variables and defaults is bound once.
    """
    key = binding_key(layer, frame)
    found = run.bound_layers.get(key) if key is not None else None
    if found is None:
        if key is not None and not run.first_time(("bind", key)):
            return None  # every copy fails alike
        found = _bind(run, layer, frame)
        if found is not None and key is not None:
            run.bound_layers[key] = found
    return found


def _is_one_word(layer: t.Layer) -> bool:
    """Whether a layer with a word for its width is the name of another one with a hyphen in it: `max-pool`."""
    return isinstance(layer.width, t.Name) and (layer.head + layer.width.text).lower() in CATALOGUE


def _bind(run: ElaborationContext, layer: t.Layer, frame: Frame) -> BoundLayer | None:
    if layer.head.lower() == "soft" and isinstance(layer.width, t.Name) and layer.width.text.lower() == "max":
        layer = t.Layer("softmax", None, (), None, None, layer.values, layer.options, layer.head_span, layer.span)
    if "//" in layer.span.text and report_comment(run, layer, frame):
        return None
    found = _found_op(run, layer, frame)
    if found is None:
        return None
    op, kernel = found
    if layer.arguments is not None and kernel is None and not _takes_arguments(op, layer):
        call = foreign_call(op, layer)
        if call is not None:
            notes = []
            values = [value.span.text for value in layer.arguments or ()]
            if len(values) > 1 and not call.text.endswith(f"-{values[0]}") and f"-{values[1]}" in call.text:
                notes = [f"the input channels, {values[0]}, are inferred from the layer before"]
            run.error("NS207", f"this is how other frameworks write `{op.name}`", call.whole, notes=notes, facts=call)
            return None
    binder = _Binder(run, op, layer, frame)
    if kernel is not None:
        binder.set(binder.slot("kernel")[0], kernel, layer.head_span)
    binder.arguments()
    if layer.width is not None:
        binder.put("width", layer.width, "width")
    if layer.stride is not None:
        binder.put("stride", layer.stride, "stride")
    if binder.in_order(layer.values, layer.options):
        binder.fill(binder.slot("value"), layer.values, "value")
    for option in layer.options:
        binder.option(option)
    binder.defaults()
    if not binder.failed:
        binder.require()
    if binder.failed:
        return None
    bound = op(**binder.values)
    try:
        bound.validate()
    except Misfit as misfit:
        where = binder.spans.get(misfit.option or "", layer.span).in_string(misfit.within)
        run.error(misfit.code, misfit.message, where, helps=misfit.helps)
        return None
    return BoundLayer(bound, binder.spans, binder.origins)


def _found_op(run: ElaborationContext, layer: t.Layer, frame: Frame) -> tuple[type[Op], tuple[int, ...] | None] | None:
    """The op of a layer, of the catalogue or of a package; None where there is none that can be used, which is reported."""
    found = None
    if not _is_one_word(layer):
        found = find_op(layer) or find_op(layer, partial(outside_op, run, layer.head_span))
    if found is None:
        report_unknown_head(run, layer, frame)
    return found if found is None or found[0] is not BROKEN else None


def _takes_arguments(op: type[Op], layer: t.Layer) -> bool:
    """Whether the parentheses of a layer alone say what it needs, by the number and the names of what is in them."""
    if layer.width is not None or layer.stride is not None or layer.values or layer.options:
        return True
    given = {option.name for option in layer.argument_options}
    slots = [o for o in op.options.values() if o.slot == "kernel"] or [
        o for o in op.options.values() if o.slot == "value"
    ]
    fits = len(layer.arguments or ()) <= len(slots) or any(o.kind.gathers for o in slots)
    width = next((o for o in op.options.values() if o.slot == "width" and o.default is REQUIRED), None)
    return fits and given <= set(op.options) and (width is None or width.name in given)
