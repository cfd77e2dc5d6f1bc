"""Some updates of the engine against the same updates written in plain torch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from running import X, Y, engine_of, save_examples
from torch import nn
from torch.nn import functional as F

from netspec.training.engine import Watcher
from netspec.training.sampling import Share, order_of_an_epoch, updates_of_an_epoch

BODY = "input 6\nFC-8 bias=no norm=bn act=tanh\nFC-3\n"
"""No bias before the norm: its gradient is rounding, which Adam makes a step of."""


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_examples(tmp_path_factory.mktemp("examples") / "e.npz", X, Y)


def plain(state: dict[str, torch.Tensor]) -> nn.Sequential:
    """The same net by hand, with the same weights."""
    net = nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
    net.load_state_dict(dict(zip(net.state_dict(), state.values(), strict=True)))
    return net


def both(
    where: str,
    recipe: str,
    make,
    *,
    steps: int = 4,
    loss=F.cross_entropy,
    after=lambda net: None,
    extra=lambda net: 0.0,
):
    """(the engine's weights, those of the plain loop) after as many updates on the whole of the data."""
    engine = engine_of(f"{BODY}train {{\nepochs {steps}\nbatch 24\n{recipe}\n}}", where)
    net = plain({k: v.clone() for k, v in engine.module.state_dict().items()})
    optimizer = make(net)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    for _ in range(steps):
        optimizer.zero_grad()
        (loss(net(x), y) + extra(net)).backward()
        if (bound := getattr(make, "clip", None)) is not None:
            nn.utils.clip_grad_norm_(net.parameters(), bound)
        optimizer.step()
        after(net)
    engine.fit(Watcher())
    return list(engine.module.state_dict().values()), list(net.state_dict().values())


def assert_equal(pair) -> None:
    mine, theirs = pair
    for a, b in zip(mine, theirs, strict=True):
        assert torch.allclose(a.double(), b.double(), atol=1e-6, rtol=1e-6), (a - b).abs().max()


def weights(net: nn.Sequential) -> list[nn.Parameter]:
    return [net[0].weight, net[3].weight]  # type: ignore[list-item]


def others(net: nn.Sequential) -> list[nn.Parameter]:
    return [net[1].weight, net[1].bias, net[3].bias]  # type: ignore[list-item]


def grouped(net: nn.Sequential, decay: float) -> list[dict]:
    return [{"params": weights(net), "weight_decay": decay}, {"params": others(net), "weight_decay": 0.0}]


O = torch.optim  # noqa: E741


@pytest.mark.parametrize(
    ("recipe", "make"),
    [
        ("optimizer sgd lr=0.1", lambda n: O.SGD(n.parameters(), lr=0.1)),
        ("optimizer sgd lr=0.1 momentum=0.9", lambda n: O.SGD(n.parameters(), lr=0.1, momentum=0.9)),
        ("optimizer sgd lr=0.1 momentum=0.9 nesterov=yes", lambda n: O.SGD(n.parameters(), lr=0.1, momentum=0.9, nesterov=True)),
        ("optimizer sgd lr=0.1 weight_decay=0.05", lambda n: O.SGD(grouped(n, 0.05), lr=0.1)),
        ("optimizer sgd lr=0.1 weight_decay=0.05 decay=all", lambda n: O.SGD(n.parameters(), lr=0.1, weight_decay=0.05)),
        ("optimizer adam lr=0.01", lambda n: O.Adam(n.parameters(), lr=0.01)),
        ("optimizer adam lr=0.01 betas=(0.8, 0.95) eps=1e-3 weight_decay=0.1", lambda n: O.Adam(grouped(n, 0.1), lr=0.01, betas=(0.8, 0.95), eps=1e-3)),
        ("optimizer adamw lr=0.01 weight_decay=0.1", lambda n: O.AdamW(grouped(n, 0.1), lr=0.01)),
        ("optimizer rmsprop lr=0.01 momentum=0.5 alpha=0.9", lambda n: O.RMSprop(n.parameters(), lr=0.01, momentum=0.5, alpha=0.9)),
        ("optimizer adagrad lr=0.05", lambda n: O.Adagrad(n.parameters(), lr=0.05)),
    ],
)  # fmt: skip
def test_optimizers(where: str, recipe: str, make) -> None:
    assert_equal(both(where, recipe, make))


def test_lbfgs(where: str) -> None:
    """On a convex loss, in the same order: its curvatures make much of rounding."""
    text = "input 6\nFC-3\ntrain {\nepochs 3\nbatch 24\noptimizer lbfgs lr=0.3 history=5\nregularize l2 0.1\n}"
    engine = engine_of(text, where)
    net = nn.Linear(6, 3)
    net.load_state_dict({k.split(".")[1]: v.clone() for k, v in engine.module.state_dict().items()})
    optimizer = O.LBFGS(net.parameters(), lr=0.3, history_size=5)
    for epoch in range(3):
        ((piece,),) = updates_of_an_epoch(order_of_an_epoch(24, seed=0, epoch=epoch), 24, 1, share=Share())
        x, y = torch.from_numpy(X[piece.indices]), torch.from_numpy(Y[piece.indices])

        def closure(x: torch.Tensor = x, y: torch.Tensor = y) -> torch.Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y, reduction="none").mean() + 0.05 * (net.weight**2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
    engine.fit(Watcher())
    assert_equal((list(engine.module.state_dict().values()), [net.weight.detach(), net.bias.detach()]))


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("regularize l2 0.1", lambda n: 0.05 * sum((w**2).sum() for w in weights(n))),
        ("regularize l1 0.03", lambda n: 0.03 * sum(w.abs().sum() for w in weights(n))),
        ("regularize elastic l1=0.03 l2=0.1", lambda n: 0.03 * sum(w.abs().sum() for w in weights(n)) + 0.05 * sum((w**2).sum() for w in weights(n))),
    ],
)  # fmt: skip
def test_penalties(where: str, line: str, extra) -> None:
    assert_equal(both(where, f"optimizer sgd lr=0.1\n{line}", lambda n: O.SGD(n.parameters(), lr=0.1), extra=extra))


def test_max_norm(where: str) -> None:
    def bound(net: nn.Sequential) -> None:
        with torch.no_grad():
            for w in weights(net):
                w.copy_(torch.renorm(w, 2, 0, 0.4))

    assert_equal(
        both(
            where, "optimizer sgd lr=0.1\nregularize max_norm 0.4", lambda n: O.SGD(n.parameters(), lr=0.1), after=bound
        )
    )


def test_gradient_clipping(where: str) -> None:
    def make(net: nn.Sequential) -> torch.optim.Optimizer:
        return O.SGD(net.parameters(), lr=0.5)

    make.clip = 0.01  # type: ignore[attr-defined]
    assert_equal(both(where, "optimizer sgd lr=0.5\nclip 0.01", make))


@pytest.mark.parametrize(
    ("line", "loss"),
    [
        ("loss cross_entropy label_smoothing=0.2", lambda o, y: F.cross_entropy(o, y, label_smoothing=0.2)),
        ("loss hinge margin=0.7", lambda o, y: 3 * F.multi_margin_loss(o, y, margin=0.7)),
        ("loss mse", lambda o, y: F.mse_loss(o, F.one_hot(y, 3).float())),
        ("loss l1", lambda o, y: F.l1_loss(o, F.one_hot(y, 3).float())),
        ("loss bce", lambda o, y: F.binary_cross_entropy_with_logits(o, F.one_hot(y, 3).float())),
    ],
)
def test_losses(where: str, line: str, loss) -> None:
    assert_equal(both(where, f"optimizer sgd lr=0.1\n{line}", lambda n: O.SGD(n.parameters(), lr=0.1), loss=loss))


def test_rates_of_layers_and_frozen_ones(where: str) -> None:
    text = "input 6\nstem: FC-8 bias=no norm=bn act=tanh\nhead: FC-3\ntrain {{\nepochs 3\nbatch 24\noptimizer sgd lr=0.1\n{}\n}}"
    engine = engine_of(text.format("rate head factor=0.3"), where)
    net = plain({k: v.clone() for k, v in engine.module.state_dict().items()})
    optimizer = O.SGD(
        [{"params": [*net[0].parameters(), *net[1].parameters()]}, {"params": net[3].parameters(), "lr": 0.03}], lr=0.1
    )
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(net(torch.from_numpy(X)), torch.from_numpy(Y)).backward()
        optimizer.step()
    engine.fit(Watcher())
    assert_equal((list(engine.module.state_dict().values()), list(net.state_dict().values())))
    for line in ("freeze stem", "train_only head"):
        engine = engine_of(text.format(line), where)
        before = {k: v.clone() for k, v in engine.module.state_dict().items()}
        engine.fit(Watcher())
        changed = {k for k, v in engine.module.state_dict().items() if not torch.equal(v, before[k])}
        assert changed == {"head.weight", "head.bias"}, "the norm's statistics stand too"


def test_accumulated_batches_are_one_large_batch(tmp_path: Path) -> None:
    where = save_examples(tmp_path / "e.npz", X, Y)
    text = "input 6\nFC-8 act=tanh\nFC-3\ntrain {{\nepochs 5\nbatch {}\noptimizer sgd lr=0.1\n}}"
    large, small = engine_of(text.format("20"), where), engine_of(text.format("5 accumulate=4"), where)
    for engine in (large, small):
        engine.fit(Watcher())
    assert large.at.step == small.at.step == 10
    for a, b in zip(large.module.state_dict().values(), small.module.state_dict().values(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_the_moving_average(where: str) -> None:
    text = f"{BODY}train {{\nepochs 5\nbatch 24\noptimizer sgd lr=0.3\nema 0.8\n}}"
    engine = engine_of(text, where)
    average: list[torch.Tensor] = []

    class Follow(Watcher):
        def update(self, engine, loss) -> None:
            now = [p.detach().clone() for p in engine.module.parameters()]
            average[:] = now if not average else [0.8 * a + 0.2 * b for a, b in zip(average, now, strict=True)]

    engine.fit(Follow())
    names = dict(engine.module.named_parameters())
    held = [engine.weights()[name] for name in names]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(held, average, strict=True))
    assert not torch.allclose(held[0], next(iter(names.values())))


def test_an_average_that_warms_up_and_skips_updates(where: str) -> None:
    text = f"{BODY}train {{\nepochs 7\nbatch 24\noptimizer sgd lr=0.3\nema 0.8 warmup=yes every=2\n}}"
    engine = engine_of(text, where)
    averages: list[torch.Tensor] = []

    class Seen(Watcher):
        def update(self, engine: object, loss: float | None) -> None:
            averages.append(weight.detach().clone())

    weight = next(engine.module.parameters())
    engine.fit(Seen())
    kept, expected = averages[::2], averages[0]
    for n, value in enumerate(kept[1:], start=1):
        decay = min(0.8, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * value
    assert torch.allclose(next(iter(engine.weights().values())), expected, atol=1e-6)


def test_a_final_softmax_is_trained_through_its_logits(where: str) -> None:
    text = "input 6\nFC-3\n{}train {{\nepochs 3\nbatch 24\noptimizer sgd lr=0.5\n}}"
    with_softmax, without = engine_of(text.format("softmax\n"), where), engine_of(text.format(""), where)
    for engine in (with_softmax, without):
        engine.fit(Watcher())
    for a, b in zip(with_softmax.module.state_dict().values(), without.module.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_auxiliary_heads_are_trained_with_their_weight(where: str) -> None:
    text = "input 6\nFC-8 act=tanh\naux weight=0.3 {\n  FC-3 -> softmax\n}\nFC-3\nsoftmax\ntrain {\nepochs 1\nbatch 24\noptimizer sgd lr=0.1\n}"
    engine = engine_of(text, where)
    body, head, side = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 3)
    state = engine.module.state_dict()
    names = [n.removesuffix(".weight") for n in state if n.endswith(".weight")]
    aux = next(n for n in names if n.startswith("aux"))
    first, last = (n for n in names if n != aux)
    for layer, name in ((body, first), (head, last), (side, aux)):
        layer.load_state_dict({"weight": state[f"{name}.weight"].clone(), "bias": state[f"{name}.bias"].clone()})
    optimizer = O.SGD([*body.parameters(), *head.parameters(), *side.parameters()], lr=0.1)
    hidden = torch.tanh(body(torch.from_numpy(X)))
    y = torch.from_numpy(Y)
    (F.cross_entropy(head(hidden), y) + 0.3 * F.cross_entropy(side(hidden), y)).backward()
    optimizer.step()
    engine.fit(Watcher())
    for layer, name in ((body, first), (head, last), (side, aux)):
        assert torch.allclose(engine.module.state_dict()[f"{name}.weight"], layer.weight, atol=1e-6)


def test_batches_gathered_together_train_as_those_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, also in a run that begins in the middle of an epoch, where others are gathered together."""

    class Losses(Watcher):
        def __init__(self) -> None:
            self.seen: list[float | None] = []

        def update(self, engine: object, loss: float | None) -> None:
            self.seen.append(loss)

        def seven(self) -> bool:
            return len(self.seen) == 7

    spec = "input 64\nnormalize channel\nFC-20 act=relu\ndropout 0.2\nFC-10\ntrain {\nepochs 2\nbatch 37\nregularize l2 1e-3\n}"
    found = []
    for at_once in (1 << 17, 1):
        monkeypatch.setattr("netspec.datasets.batch_loading._AT_ONCE", at_once)
        whole, begun = engine_of(spec, "digits"), engine_of(spec, "digits")
        watcher, first, rest = Losses(), Losses(), Losses()
        whole.fit(watcher)
        begun.fit(first, first.seven)
        later = engine_of(spec, "digits")
        later.load_state(begun.state())
        later.fit(rest)
        assert watcher.seen[7:] == rest.seen
        for engine in (whole, later):
            found.append((watcher.seen, [row.train for row in engine.at.history], engine.module.state_dict()))
    for losses, rows, weights in found[1:]:
        assert (losses, rows) == found[0][:2]
        assert all(torch.equal(weights[name], value) for name, value in found[0][2].items())
