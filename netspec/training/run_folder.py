"""The folder of a run: everything needed to document it, to resume it, and to use its result."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import SpecError
from netspec.files import atomic_write, cannot_write
from netspec.reading.state_dicts import BEST_WEIGHTS
from netspec.reading.text import read_text
from netspec.source import SourceFile
from netspec.training.resolve import used_files
from netspec.training.run_lock import LOCK_NAME

if TYPE_CHECKING:
    from netspec.training.rows import Row

__all__ = ["RunFolder", "new_run_path", "used_by"]

_OURS = {
    "spec.net", "run.json", "metrics.csv", "tensorboard", "curves.svg", "checkpoint.pt", BEST_WEIGHTS,
    "last.safetensors", "review.json", LOCK_NAME,
}  # fmt: skip


def new_run_path(spec: Path | None) -> Path:
    """runs/NAME-1, or the first free number."""
    stem = spec.stem if spec is not None else "net"
    number = 1
    while Path("runs", f"{stem}-{number}").exists():
        number += 1
    return Path("runs", f"{stem}-{number}")


class RunFolder:
    """Paths and files of one run. `run.json` is written last when a run starts; a folder without it is not a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.net"
        self.info = path / "run.json"
        self.metrics = path / "metrics.csv"
        self.curves = path / "curves.svg"
        self.tensorboard = path / "tensorboard"
        self.checkpoint = path / "checkpoint.pt"
        self.best = path / BEST_WEIGHTS
        self.last = path / "last.safetensors"
        self.review = path / "review.json"

    @property
    def exists(self) -> bool:
        return self.info.is_file()

    def require_free(self) -> None:
        """Raises SpecError (NS606) if the folder contains a run."""
        if self.exists:
            raise SpecError.of(
                "NS606", f"{self.path} already contains a run",
                helps=[f"to resume it: `netspec train --resume {self.path}`", "or choose another folder with `--folder`"],
            )  # fmt: skip

    def create(self, source: SourceFile) -> None:
        """Writes the resolved spec and the files that it uses.

        Raises SpecError (NS606) if the folder contains a run or other files, NS501 if it cannot be written.
        """
        self.require_free()
        used = used_by(source)
        if clash := next((str(path) for path in used if path.parts[0] in _OURS), None):
            raise SpecError.of(
                "NS606", f"the spec uses {clash}, a name that is reserved for run files", helps=["rename that file"]
            )
        try:
            if self.path.is_dir():
                others = (
                    {p.name for p in self.path.iterdir() if not p.name.endswith(".part")}
                    - _OURS
                    - {p.parts[0] for p in used}
                )
                if others:
                    raise SpecError.of(
                        "NS606",
                        f"{self.path} contains other files, such as {min(others)}",
                        helps=["choose a new folder"],
                    )
            self.path.mkdir(parents=True, exist_ok=True)
            for relative, origin in used.items():
                (self.path / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(origin, self.path / relative)
        except OSError as error:
            raise cannot_write(self.path, error) from None
        self._write(self.spec, source.text)

    def write_info(self, info: dict[str, Any]) -> None:
        self._write(self.info, json.dumps(info, indent=2, ensure_ascii=False) + "\n")

    def read_info(self) -> dict[str, Any]:
        """Raises SpecError (NS606)."""
        if not self.exists:
            what = "is not a run of `netspec train`" if self.path.exists() else "does not exist"
            raise SpecError.of("NS606", f"{self.path} {what}", helps=["give a folder written by `netspec train`"])
        from pydantic import ValidationError

        from netspec.training.run_schema import RunInfo, complaint

        try:
            info = json.loads(read_text(self.info, "NS606"))
            json.dumps(info, ensure_ascii=False).encode("utf-8")  # half a character (`\ud800`) could be written nowhere
            RunInfo.model_validate(info)
        except ValidationError as error:
            raise SpecError.of("NS606", f"{self.info} does not describe a run", notes=[complaint(error)]) from None
        except (ValueError, RecursionError) as error:
            raise SpecError.of("NS606", f"{self.info} cannot be read", notes=[str(error)[:200]]) from None
        return info  # type: ignore[no-any-return]

    @classmethod
    def classes_in(cls, path: Path | None) -> tuple[str, ...]:
        """The names of the classes of a run; none if the path is not the folder of a run. Raises SpecError (NS606)."""
        folder = cls(path) if path is not None else None
        if folder is None or not folder.exists:
            return ()
        return tuple(folder.read_info()["data"].get("classes") or ())

    def write_metrics(self, rows: Iterable[Row]) -> None:
        """Rewrites the whole table, so that a resumed run does not repeat lines."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        rows = list(rows)
        measures = ["loss", "accuracy", *(["r2"] if any(row.train.r2 is not None for row in rows) else [])]
        heads = [f"{part}_{measure}" for part in ("train", "validation") for measure in measures]
        heads += [f"validation_{name}" for name, _ in _metrics_of(rows[-1])] if rows else []
        heads += ["validation_by"] if rows and rows[-1].score.by is not None else []
        table.writerow(["epoch", "step", "lr", *heads, "seconds", "examples_per_second"])
        for row in rows:
            scores = [getattr(s, m) if s is not None else None for s in (row.train, row.validation) for m in measures]
            table.writerow(
                [
                    row.epoch,
                    row.step,
                    row.lr,
                    *scores,
                    *(value for _, value in _metrics_of(row)),
                    *([row.score.by] if row.score.by is not None else []),
                    f"{row.seconds:.4f}",
                    f"{row.examples / max(row.seconds, 1e-9):.1f}",
                ]
            )
        self._write(self.metrics, text.getvalue())

    def _write(self, path: Path, text: str) -> None:
        with atomic_write(path) as file:
            file.write(text.encode("utf-8"))


def _metrics_of(row: Row) -> tuple[tuple[str, float], ...]:
    return row.validation.metrics if row.validation is not None else ()


def used_by(source: SourceFile) -> dict[Path, Path]:
    """All files that a spec uses, directly or indirectly: the path relative to the spec, and the actual path."""
    from netspec.elaborate.limits import Limits
    from netspec.elaborate.project import read_source

    if source.path is None:
        return {}
    root = source.path.parent.resolve()
    found: dict[Path, Path] = {}
    queue: list[tuple[Path, Sequence[str]]] = [(root, used_files(source))]
    while queue:
        folder, names = queue.pop()
        for name in names:
            path = (folder / name).resolve()
            relative = path.relative_to(root)
            if relative not in found:
                found[relative] = path
                queue.append((path.parent, used_files(read_source(path, Limits()))))
    return found
