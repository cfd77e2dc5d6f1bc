"""Three parties on one network: netspec's own inference, PyTorch's meta device, and ONNX shape inference."""

from __future__ import annotations

from math import prod
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper, shape_inference

from netspec import Model
from netspec.backends.onnx import ExportOptions, build


def torch_shapes(model: Model) -> tuple[dict[str, tuple[int, ...]], torch.nn.Module]:
    """The output shape of every submodule, without the batch, as PyTorch computes it on the meta device."""
    with torch.device("meta"):
        module = model.to_torch().eval()
        shapes: dict[str, tuple[int, ...]] = {}

        def hook(name: str) -> Any:
            def record(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
                tensor = output[0] if isinstance(output, tuple) else output
                if isinstance(tensor, torch.Tensor):
                    shapes.setdefault(name, tuple(tensor.shape[1:]))

            return record

        for name, part in module.named_modules():
            part.register_forward_hook(hook(name))
        inputs = [
            torch.empty(2, *kind.shape, dtype=torch.int64 if kind.layout == "ids" else torch.float32)
            for kind in model.inputs.values()
        ]
        with torch.no_grad():
            result = module(*inputs)
    outputs = result if isinstance(result, tuple) else (result,)
    for (name, _), tensor in zip(model.graph.outputs, outputs, strict=True):
        shapes[f"output {name}"] = tuple(tensor.shape[1:])
    return shapes, module


def onnx_shapes(model: Model, opset: int = 17) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor as ONNX infers it in strict mode; the weights are declared, not stored."""
    built = build(model.graph, ExportOptions(opset, fold=False))
    proto = built.proto
    for name, param in built.params:
        kind = TensorProto.INT64 if param.dtype == "int64" else TensorProto.FLOAT
        proto.graph.input.append(helper.make_tensor_value_info(name, kind, param.shape))
    onnx.checker.check_model(proto, full_check=True)
    inferred = shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    shapes = {}
    for info in (*inferred.graph.value_info, *inferred.graph.output):
        shapes[info.name] = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)[1:]
    return shapes


def assert_agreement(model: Model) -> None:
    """Every layer's shape and parameters, the totals, and the outputs."""
    shapes, module = torch_shapes(model)
    inferred = onnx_shapes(model)
    modules = dict(module.named_modules())
    for layer in model.layers:
        name = layer.name
        if name in shapes and layer.op not in ("rnn", "lstm", "gru") and modules[name] is not module:
            expected = tuple(layer.output)
            found = shapes.get(f"{name}_crop", shapes[name])  # a transposed convolution, its padding cut away
            turned = tuple(reversed(found)) if len(found) == 2 else (*found[1:], found[0]) if found else found
            tokens = (prod(expected[1:]), expected[0])  # what a module for tokens gives for feature maps
            forms = (found, turned, (*found[-1:], *found[:-1]))
            assert expected in forms or tokens == found, f"{name}: netspec {expected}, torch {found}"
        if name in modules:
            assert sum(p.numel() for p in modules[name].parameters()) == layer.params or layer.params == 0, name
            if layer.params:
                assert sum(b.numel() for b in modules[name].buffers()) == layer.buffers, name
        if name in inferred:
            assert inferred[name] == tuple(layer.output), f"{name}: netspec {layer.output}, onnx {inferred[name]}"
    for name, kind in model.outputs.items():
        assert shapes[f"output {name}"] == kind.shape
        assert inferred[name] == kind.shape
    total = model.totals
    assert sum(p.numel() for p in module.parameters()) == total.params + total.aux_params
    assert sum(b.numel() for b in module.buffers()) == total.buffers + total.aux_buffers


def random_state(model: Model, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights in which nothing is 0 or 1: swapped or forgotten tensors show."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in model.to_torch(seed=seed).state_dict().items():
        if not tensor.is_floating_point():
            state[name] = tensor
        elif name.endswith("running_var"):
            state[name] = 0.5 + torch.rand(tensor.shape, generator=generator)
        elif tensor.dim() >= 2 and tensor.std(correction=0) > 0:
            state[name] = tensor  # random as it begins
        elif tensor.dim() >= 2:
            state[name] = tensor + 0.01 * torch.randn(tensor.shape, generator=generator)
        else:
            state[name] = tensor + 0.2 * torch.randn(tensor.shape, generator=generator)
    return state


def largest_difference(
    model: Model, *, batch: int = 2, seed: int = 0, second_runtime: bool = False, state: dict[str, torch.Tensor] | None = None,
    **options: Any,
) -> float:  # fmt: skip
    """ONNX Runtime against PyTorch on random weights, relative to the largest output; also checks the model fully. `state`:
    weights that the caller has drawn, for several comparisons."""
    import onnxruntime

    from netspec.analysis.samples import sample_inputs

    state = random_state(model, seed) if state is None else state
    proto = model.to_onnx(weights=state, **options)
    assert proto is not None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    inputs = sample_inputs(model.graph, batch, seed)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    theirs = session.run([name for name, _ in model.graph.outputs], inputs)
    if second_runtime:
        theirs = [*theirs, *run_openvino(proto, inputs)]
    with torch.device("meta"):  # nothing is drawn that is then replaced
        module = model.to_torch().eval()
    module.load_state_dict(state, assign=True)
    with torch.no_grad():
        result = module(*(torch.from_numpy(v) for v in inputs.values()))
    ours = result if isinstance(result, tuple) else (result,)
    if second_runtime:
        ours = (*ours, *ours)
    worst = 0.0
    for tensor, found in zip(ours, theirs, strict=True):
        mine = tensor.detach().numpy()
        assert mine.shape == found.shape
        assert abs(mine).max() < float("inf"), "a test on numbers that are none proves nothing"
        scale = abs(mine).max()
        worst = max(worst, float(abs(mine - found).max() / scale) if scale else float(abs(found).max()))
    return worst


def run_openvino(proto: onnx.ModelProto, inputs: dict[str, Any]) -> list[Any]:
    """The outputs by OpenVINO on the CPU, in single precision."""
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(proto.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    result = compiled(inputs)
    return [result[output] for output in compiled.outputs]
