"""From a spec and data to a trained net in a run folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.datasets import Collection
from netspec.datasets.batch_loading import worker_count
from netspec.datasets.fit import sizes
from netspec.datasets.formats import BUILT_IN
from netspec.datasets.shard_files import is_remote
from netspec.diagnostics import SpecError
from netspec.model import Model, check
from netspec.training.beside import beside
from netspec.training.checkpoint_files import read_checkpoint, read_weights
from netspec.training.compiling import compilation
from netspec.training.curves import draw_curves
from netspec.training.diagnosis import classes_without_examples, diverged, verdict
from netspec.training.distillation import open_teacher
from netspec.training.engine import Diverged, Engine, Interrupted, Row, Watcher
from netspec.training.environment import environment
from netspec.training.hardware import launch
from netspec.training.inputs import Inputs
from netspec.training.interruption import Interruption
from netspec.training.keeper import Background, Keeper
from netspec.training.last_update import after_the_last_update
from netspec.training.learner import starting_weights
from netspec.training.plan import Plan
from netspec.training.pretraining import pretrain_layerwise, skipped_layers
from netspec.training.progressive import Growing, require_sizes
from netspec.training.request import Request
from netspec.training.run_data import OpenedData, open_data
from netspec.training.run_folder import RunFolder
from netspec.training.sampling import update_count
from netspec.training.scores import Score
from netspec.training.sharding import sharded
from netspec.training.statistics import fill_statistics
from netspec.training.together import by_first, holding, shared, speaking_once, telling_lost_processes

if TYPE_CHECKING:
    import torch

__all__ = ["OpenedData", "Outcome", "Request", "build_engine", "open_data", "train"]


@dataclass(frozen=True)
class Outcome:
    """The result of a run: its best epoch, and the test score of its best weights."""

    folder: RunFolder
    first: bool
    """Whether this process reports the result."""
    finished: bool
    best: Row | None
    test: Score | None
    counts: dict[str, int]
    advice: str | None = None
    """What the curves show, such as overfitting."""
    signal: int | None = None
    """The signal that stopped the run, or (if `finished`) its final test."""
    labels: tuple[str, ...] = ()
    """The names of the labels, if the outputs are several labels."""

    @property
    def path(self) -> Path:
        """The folder of the run."""
        return self.folder.path


def train(
    request: Request, folder: RunFolder, watcher: Watcher, *, resume: bool = False, data: OpenedData | None = None
) -> Outcome:
    """Starts or resumes the run of a folder; `data` keeps its data for later runs. Raises SpecError, also if the run
    diverges."""
    model = check(request.source).lenient().model()
    plan = Plan.of(model.graph)
    fabric = launch(request.hardware, plan)
    with speaking_once(fabric), telling_lost_processes(fabric):
        folder = RunFolder(fabric.broadcast(folder.path))
        with holding(fabric, folder.path), Background() as background:
            if not resume:
                by_first(fabric, folder.require_free)
            collection = shared(fabric, lambda: open_data(plan, request, data), _is_index)
            engine = build_engine(model, plan, collection, fabric, request, fresh=not resume)
            keeper = Keeper(engine, folder, request, watcher if fabric.is_global_zero else Watcher(), background)
            return _train(request, keeper, resume=resume)


def _is_index(collection: Collection) -> bool:
    """Whether a collection is small: an index of files, which are read later."""
    return bool(getattr(collection.train, "decodes", False))


def _train(request: Request, keeper: Keeper, *, resume: bool) -> Outcome:
    """The run, its folder held."""
    engine, folder = keeper.engine, keeper.folder
    fabric = engine.fabric
    if resume:
        _check_same_data(folder, engine)
        _load_state(engine, folder)
    else:
        _pretrain(engine)
        by_first(fabric, lambda: folder.create(request.source))
        keeper.save()
        keeper.settle()
        if fabric.is_global_zero:
            folder.write_info(_info(request, engine))  # from here on it is a run, with a checkpoint to resume from
    keeper.begin()
    for note in engine.notes:
        keeper.told.note(note)
    with Interruption(fabric) as interruption:
        keeper.told.start(engine, folder.path, interruption.ask)
        try:
            finished = engine.fit(keeper, interruption)
        except Diverged as error:
            raise diverged(engine, error) from None
        keeper.save()
        keeper.settle()
        test = _test(engine, folder, interruption) if finished and request.test else None
    advice = verdict(engine) if finished else None
    best = max(engine.at.history, key=lambda row: (row.score.rank, -row.step), default=None)
    if fabric.is_global_zero:
        draw_curves(folder.curves, {folder.path.name: engine.at.history})
        _write_result(folder, finished, best, test, advice)
    keeper.told.end(finished=finished, best=best, test=test)
    fabric.barrier()
    if engine.replaced:
        keeper.told.note(
            f"{len(engine.replaced)} files could not be decoded and were replaced by others of the same class: {', '.join(sorted(engine.replaced)[:3])}"
        )
    untested = test is None and request.test and engine.collection.test is not None
    return Outcome(
        folder,
        fabric.is_global_zero,
        finished,
        best,
        test,
        _counts(engine.collection),
        advice,
        interruption.signal if not finished or untested else None,
        engine.collection.classes if engine.judge.kind == "labels" else (),
    )


def _pretrain(engine: Engine) -> None:
    """Pretrains the layers, where the recipe asks for it, and notes which and which not."""
    for name, first, last in pretrain_layerwise(engine):
        engine.notes.append(f"pretrained {name}: mean squared error {first:.4g}, then {last:.4g}")
    if skipped := skipped_layers(engine):
        engine.notes.append(f"not pretrained: {', '.join(f'{name} ({reason})' for name, reason in skipped)}")


def build_engine(
    model: Model, plan: Plan, collection: Collection, fabric: Any, request: Request, *, fresh: bool = True
) -> Engine:
    """The engine before training: initial weights, then those of a file, then statistics of the training set.

    With `fresh=False` the weights come later from a checkpoint, and neither file nor statistics are read.
    """
    module = model.to_torch(seed=plan.seed)
    notes = (
        [f"{len(collection.skipped)} corrupt examples were left out: {', '.join(collection.skipped[:3])}"]
        if collection.skipped
        else []
    )
    if fresh and (story := _start(model, plan, module, request)) is not None:
        notes.append(f"weights: {story}")
    image = next((name for name, shape in collection.train.shapes.items() if len(shape) == 3), None)
    cuda = fabric.device.type == "cuda"
    workers = request.options.workers
    if workers is None:
        workers = worker_count(collection.train, request.hardware.devices)
    inputs = Inputs(plan, image, _augmenter(plan, collection, image, request), fabric.device, channels_last=cuda)
    if fresh:
        fill_statistics(model.graph, module, collection, inputs, fabric, workers)
    compiled, said = compilation(request.hardware.compiled, fabric.device, split=sharded(fabric))
    engine = Engine(plan, module, collection, fabric, inputs, workers=workers, compiled=compiled)
    engine.tell = engine.notes.append
    if compiled:
        inputs.compile(lambda text: engine.tell(text))
    engine.notes += [*notes, *said, *filter(None, [classes_without_examples(engine)])]
    engine.notes += after_the_last_update(plan, plan.epochs * engine.updates)
    engine.loss_reader.give_up = request.give_up
    engine.teacher = open_teacher(plan, request, collection.classes, fabric)
    return engine


def _start(model: Model, plan: Plan, module: torch.nn.Module, request: Request) -> str | None:
    """Loads the requested weights and describes them; None if none were requested."""
    path = request.weights
    if path is None and plan.weights is not None:
        path = beside(request.source, plan.weights, "--weights FILE")
    if path is None:
        return None
    start = starting_weights(model, path)
    module.load_state_dict(start.state, strict=False)
    return start.story


def _augmenter(plan: Plan, collection: Collection, image: str | None, request: Request) -> Any:
    """None if there is nothing to do: no image, or nothing to crop."""
    augment = plan.recipe.augment
    if image is None:
        if augment:
            raise SpecError.of(
                "NS604", "`augment` requires an image input, but the net has none", helps=["remove the section"]
            )
        return None
    stored = collection.train.shapes[image]
    kind = plan.inputs[image]
    wanted = kind.shape if kind.layout == "map" and kind.rank == 2 else stored
    if not augment and wanted == stored:
        return None
    from netspec.training.augment import Augmenter
    from netspec.training.statistics import colors

    basis = colors(collection.train, image) if "lighting" in augment else None
    if "progressive" in augment:
        require_sizes(plan, request.source)
        updates = update_count(len(collection.train), plan.batch, plan.accumulate)
        return Growing(augment, stored, wanted, plan.seed, basis, plan=plan, updates=updates)
    augmenter = Augmenter(augment, stored, wanted, plan.seed, basis)
    if augmenter.policies and any(map(plan.covers, plan.heads)):
        raise SpecError.of(
            "NS604", "`randaugment` and `trivialaugment` cannot move the targets of pixels with the images",
            helps=["use `rotate`, `translate`, `shear` and `jitter`, which can"],
        )  # fmt: skip
    moves = "cutmix" in augment or (augmenter.geometry is not None and augmenter.geometry.moves)
    of_pixels = (
        head for head in plan.heads if head.task != "input" and head.type.layout == "map" and head.type.rank == 2
    )
    left = next((head for head in of_pixels if not plan.covers(head)), None)
    if moves and left is not None:
        raise SpecError.of(
            "NS604", "`augment` cannot move the targets with the images",
            notes=[f"the images are {sizes(wanted[1:])}, but the targets, like the output of the net, are {sizes(left.type.spatial)}"],
            helps=["remove the augmentations that move pixels (`cutmix` too), or let the net output maps as large as its images"],
        )  # fmt: skip
    return augmenter


def _load_state(engine: Engine, folder: RunFolder) -> None:
    """Raises SpecError (NS606) where the checkpoint is none, or that of another net."""
    state = read_checkpoint(folder.checkpoint)
    try:
        engine.load_state(state)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        lines = [line.strip()[:200] for line in str(error).splitlines() if line.strip()]
        raise SpecError.of("NS606", f"{folder.checkpoint} does not fit {folder.spec}", notes=lines[:4]) from None


def _check_same_data(folder: RunFolder, engine: Engine) -> None:
    """Raises SpecError (NS606) where the data or the teacher are not those that the run started with."""
    info = folder.read_info()
    teacher = engine.teacher
    if teacher is not None and (info.get("teacher") or {}).get("fingerprint") != teacher.fingerprint():
        raise SpecError.of(
            "NS606", f"the teacher of {folder.path} has changed since the run started", notes=[f"the weights of {teacher.path} are different"],
            helps=["give the same teacher with `--teacher`, or start a new run"],
        )  # fmt: skip
    if info["data"].get("fingerprint") != engine.collection.fingerprint:
        raise SpecError.of(
            "NS606", f"the data of {folder.path} has changed since the run started",
            notes=["its examples or their split are different"], helps=["use the same data with `--data`, or start a new run"],
        )  # fmt: skip


def _info(request: Request, engine: Engine) -> dict[str, Any]:
    plan, collection, teacher = engine.plan, engine.collection, engine.teacher
    place = Path(request.data)
    return {
        "data": {
            "where": request.data if request.data in BUILT_IN or is_remote(request.data) else str(place.resolve()),
            "options": asdict(request.options),
            "classes": list(collection.classes),
            **({"outputs": {n: list(held) for n, held in collection.names.items()}} if len(plan.heads) > 1 else {}),
            "counts": _counts(collection),
            "fingerprint": collection.fingerprint,
            "skipped": list(collection.skipped),
            **({"sample_rate": collection.sample_rate} if collection.sample_rate else {}),
        },
        "task": plan.task,
        "save_every": request.save_every,
        "save_updates": request.save_updates,
        "test": request.test,
        "give_up": request.give_up,
        "teacher": {"where": str(teacher.path), "fingerprint": teacher.fingerprint()} if teacher is not None else None,
        "environment": environment(engine.fabric),
    }


def _counts(collection: Collection) -> dict[str, int]:
    parts = {"train": collection.train, "validation": collection.validation, "test": collection.test}
    return {name: len(examples) for name, examples in parts.items() if examples is not None}


def _test(engine: Engine, folder: RunFolder, interrupted: Callable[[], bool]) -> Score | None:
    """Evaluates the best weights on the test examples; None if there are none, or if it was interrupted."""
    if engine.collection.test is None:
        return None
    engine.load_weights(read_weights(folder.best))
    try:
        return engine.evaluate(engine.collection.test, interrupted)
    except Interrupted:
        return None


def _write_result(folder: RunFolder, finished: bool, best: Row | None, test: Score | None, advice: str | None) -> None:
    info = folder.read_info()
    info["result"] = {
        "finished": finished,
        "best_epoch": best.epoch if best is not None else None,
        "validation": asdict(best.score) if best is not None else None,
        "test": asdict(test) if test is not None else None,
        "advice": advice,
    }
    folder.write_info(info)
