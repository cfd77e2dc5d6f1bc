"""Builds the wheel and tries it under every supported Python that is found, on the path or in pyenv.

Each checks the examples and compiles them to PyTorch source, without PyTorch; the answers are compared with those of the
first. Exits with 1 where one fails or differs.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13")
ANSWERS = """
import contextlib, io, pathlib, sys
from netspec.cli import main
out = pathlib.Path(sys.argv[1])
for spec in sorted(pathlib.Path("examples").glob("*.net")):
    lines = [["check", str(spec)]]
    if "\\ninput" in "\\n" + spec.read_text("utf-8"):
        lines.append(["compile", str(spec), "-o", str(out / f"{spec.stem}.py")])
    for line in lines:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                main(line)
            except SystemExit as end:
                assert not end.code, said.getvalue()
        (out / f"{spec.stem}.{line[0]}.txt").write_text(said.getvalue().replace(str(out), ""), "utf-8")
"""


def found(version: str) -> Path | None:
    """An interpreter of a version."""
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    path = shutil.which(f"python{version}", path=None) if not pyenv else str(pyenv[-1])
    return Path(path) if path else None


def answers(python: Path, wheel: Path, folder: Path) -> Path:
    """The folder with what one Python answers. Raises CalledProcessError."""
    venv, out = folder / "venv", folder / "out"
    out.mkdir(parents=True)
    subprocess.run([python, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin" / "pip", "install", "-q", "-c", "constraints.txt", wheel], check=True, cwd=ROOT)
    subprocess.run([venv / "bin" / "python", "-I", "-c", ANSWERS, out], check=True, cwd=ROOT)
    return out


def main() -> int:
    """The exit code."""
    wrong, first = 0, None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT], check=True)
        (wheel,) = folder.glob("*.whl")
        for version in VERSIONS:
            python = found(version)
            if python is None:
                print(f"{version}: not found")
                continue
            out = answers(python, wheel, folder / version)
            first = first or out
            names = sorted(path.name for path in out.iterdir())
            different = filecmp.cmpfiles(first, out, names, shallow=False)
            wrong += len(different[1]) + len(different[2])
            print(f"{version}: {len(names)} answers, {len(different[1]) + len(different[2])} different", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
