"""Kills `compile` and `train` at every kind of moment, and looks at what is left.

    python tests/killing.py compile 40 [seed]
    python tests/killing.py train 40 [seed]
    python tests/killing.py processes 20 [seed]

A command is killed (SIGKILL) before one of the calls with which it opens, renames or removes files of its folder, or after
a random time. Then the output is the old or the new file whole; the same command, or `train --resume`, works and gives,
bit for bit, what an uninterrupted one gives; and nothing is left behind. `processes` trains in two and in three processes,
of which one or all are killed after a random time. Without a seed one is drawn and printed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

SETTLED = 2.1
"""Seconds after which a temporary file without a writer is old enough to be removed."""
_EVENTS = ("open", "os.rename", "os.chmod", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
_OLD, _NEW = "input 3x8x8; conv3-4; FC-4", "input 3x8x8; conv3-8 pad=1 norm=bn; FC-16 act=relu; FC-5"
_TRAINED = """input 64
FC-24 act=relu -> dropout 0.2
FC-10
train {
  optimizer sgd lr=0.1 momentum=0.9
  epochs 3
  batch 300
  seed 3
}
"""


def run(arguments: list[str], folder: Path, *, event: int = 0, seconds: float = 0.0) -> tuple[int, int]:
    """Runs a command in a process of its own; kills it before the `event`-th call on a file of the folder, or after a time.
    Gives its exit code (-9: killed) and how many such calls it has made, where it was not killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _command(arguments, str(folder), event, write)
    os.close(write)
    if seconds:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(read, "rb") as said:
        calls = int(said.read() or b"0")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), calls


def _command(arguments: list[str], folder: str, event: int, report: int) -> None:
    made = 0

    def counted(name: str, given: tuple[object, ...]) -> None:
        nonlocal made
        if name in _EVENTS and str(given[0]).startswith(folder):
            made += 1
            if made == event:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        sys.addaudithook(counted)
        from netspec.cli import main

        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        os.write(report, str(made).encode())
        os._exit(code)


def compile_kills(folder: Path, number: int, rng: random.Random) -> list[str]:
    """What was wrong after so many kills of `compile`."""
    wrong: list[str] = []
    for suffix in ("onnx", "py"):
        out, old, new = folder / f"m.{suffix}", folder / f"old.{suffix}", folder / f"new.{suffix}"
        spec, calls = folder / "m.net", 0
        for path, text in ((old, _OLD), (new, _NEW)):
            spec.write_text(text)
            calls = run(["compile", str(spec), "-o", str(path)], folder)[1]
        kinds, again = [old.read_bytes(), new.read_bytes()], ["compile", str(spec), "-o", str(out)]
        for _ in range(number // 2):
            shutil.copyfile(old, out)
            event = rng.randint(1, calls) if rng.random() < 0.8 else 0
            code = run(again, folder, event=event, seconds=0 if event else rng.random() * 0.4)[0]
            if code != -signal.SIGKILL and event:
                wrong.append(f"{suffix}: not killed before call {event} of {calls}: it ended with {code}")
            if out.read_bytes() not in kinds:
                wrong.append(f"{suffix}: neither the old nor the new file, killed before call {event}")
        time.sleep(SETTLED)
        if run(again, folder)[0] != 0 or out.read_bytes() != kinds[1]:
            wrong.append(f"{suffix}: the command did not work afterwards")
    return wrong + _left(folder)


def train_kills(folder: Path, number: int, rng: random.Random) -> list[str]:
    """What was wrong after so many kills of `train` and `train --resume`, several for each run."""
    spec, whole, wrong, kills = folder / "m.net", folder / "whole", [], 0
    spec.write_text(_TRAINED)
    start = ["train", str(spec), "--accelerator", "cpu", "--save-every", "0", "--folder"]
    code, calls = run([*start, str(whole)], folder)
    if code != 0:
        return [f"the uninterrupted run ended with {code}"]
    results = {name: (whole / name).read_bytes() for name in ("last.safetensors", "best.safetensors", "spec.net")}
    while kills < number:
        path = folder / f"run{kills}"
        command = [*start, str(path)]
        for _ in range(min(3, number - kills)):
            event = rng.randint(1, calls) if rng.random() < 0.8 else 0
            run(command, path, event=event, seconds=0 if event else rng.random() * 2)
            kills += 1
            if (path / "run.json").exists():
                command = ["train", "--resume", str(path)]
        time.sleep(SETTLED)
        code = run(command, path)[0]
        wrong += [f"run{kills}: {code} afterwards"] if code else []
        different = [name for name, data in results.items() if not _holds(path / name, data)]
        wrong += [f"{path.name}: {name} is not that of an uninterrupted run" for name in different]
        wrong += _left(path)
    return wrong


def process_kills(folder: Path, number: int, rng: random.Random) -> list[str]:
    """What was wrong after so many kills of runs in two and in three processes, several for each run."""
    spec, wrong = folder / "m.net", []
    spec.write_text(_TRAINED.replace("FC-10", "bn\nFC-10"))
    for world in (2, 3):
        whole, kills = folder / f"whole{world}", 0
        if _together(whole, spec, world, 0, 0)[0] != {0}:
            return [f"{world} processes: the uninterrupted run failed"]
        while kills < number // 2:
            path = folder / f"run{world}-{kills}"
            for _ in range(min(3, number // 2 - kills)):
                _together(path, spec, world, rng.choice([1, world]), rng.uniform(0.3, 3))
                kills += 1
            time.sleep(SETTLED)
            codes, text = _together(path, spec, world, 0, 0)
            wrong += [f"{path.name}: {codes} afterwards: {text[-300:]}"] if codes != {0} else []
            names = ("last.safetensors", "best.safetensors", "spec.net")
            different = [name for name in names if not _holds(path / name, (whole / name).read_bytes())]
            wrong += [f"{path.name}: {name} is not that of an uninterrupted run" for name in different]
            wrong += _left(path)
    return wrong


def _together(path: Path, spec: Path, world: int, killed: int, seconds: float) -> tuple[set[int], str]:
    """Starts or resumes a run in processes of which the first `killed` are killed; their exit codes, and what they said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["train", str(spec), "--resume", str(path), "--accelerator", "cpu", "--save-every", "0", "--devices", f"{world}", "--strategy", "ddp"]  # fmt: skip
    words = path.with_suffix(".txt")
    words.write_text("")
    children = []
    for rank in range(world):
        child = os.fork()
        if child == 0:
            said = os.open(words, os.O_WRONLY | os.O_APPEND)
            os.dup2(said, 1)
            os.dup2(said, 2)
            os.environ |= {"LOCAL_RANK": f"{rank}", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": f"{port}"}
            from netspec.cli import main

            try:
                main(command)
            except SystemExit as end:
                os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
            os._exit(0)
        children.append(child)
    if killed:
        time.sleep(seconds)
        for child in children[:killed]:
            os.kill(child, signal.SIGKILL)
        time.sleep(1)
        for child in children[killed:]:  # as a launcher does: some wait for one that never connects
            os.kill(child, signal.SIGKILL)
    return {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children}, words.read_text()


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def _left(folder: Path) -> list[str]:
    names = [path.name for path in folder.rglob(".*")]
    return [f"left behind in {folder.name}: {', '.join(names)}"] if names else []


def main(what: str, number: int, seed: int) -> int:
    print(f"{number} kills of {what}, seed {seed}", flush=True)
    import netspec.cli

    if what != "compile":  # once, for all the processes that are killed
        import netspec.training.session  # noqa: F401
    with tempfile.TemporaryDirectory() as name:
        attack = {"compile": compile_kills, "train": train_kills, "processes": process_kills}[what]
        wrong = attack(Path(name).resolve(), number, random.Random(seed))
    print("\n".join(wrong) or "all well", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    drawn = random.SystemRandom().randrange(2**32)
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else drawn))
