"""The outer boundary of every command: any exception becomes a diagnostic and an exit code.

Expected errors are raised as `SpecError`. All others come from third parties (the system, or a library that cannot
handle a file or machine) or are bugs of netspec; if NETSPEC_TRACEBACK is set, they are re-raised.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Iterator

import click

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.display import printable

__all__ = ["contained", "prepare_streams"]

_MEMORY = "out of memory"


@contextlib.contextmanager
def contained(status: int = 1) -> Iterator[None]:
    """Runs a command. Raises only exceptions that click turns into an exit code; that of an error is `status`."""
    try:
        yield
        sys.stdout.flush()
    except SpecError as error:
        _report(*error.diagnostics, status=status)
    except click.ClickException as error:
        vars(error)["message"] = printable(error.message)  # it quotes what was written
        raise
    except (click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    except BrokenPipeError:
        _abandon_stdout()
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            _abandon_stdout()
            raise SystemExit(1) from None
        _report(_of_system(error), status=status)
    except Exception as error:
        if os.environ.get("NETSPEC_TRACEBACK"):
            raise
        _report(_unforeseen(error), status=status)


def prepare_streams() -> None:
    """Prepares the standard streams, before anything is opened. A closed stream is redirected to /dev/null, so that no
    other file gets its descriptor and receives the output of a library; characters missing from the encoding of a
    stream are escaped. Raises SystemExit if no output is possible."""
    closed = [number for number in range(3) if not _is_open(number)]
    for number in closed:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        helps = ("to discard the output: > /dev/null",)
        _report(Diagnostic("NS501", "error", "standard output is closed", helps=helps))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _report(*diagnostics: Diagnostic, status: int = 1) -> None:
    """Prints and exits with a status."""
    from netspec.cli.specs import print_diagnostics

    with contextlib.suppress(OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):  # standard error may also be full
        print_diagnostics(diagnostics)
    raise SystemExit(status)


def _abandon_stdout() -> None:
    """Discards buffered output after the reader closed the pipe, so that exit does not fail."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _of_system(error: OSError) -> Diagnostic:
    said = error.strerror or str(error)
    if error.filename is None:  # the only unnamed stream that commands write to directly
        _abandon_stdout()
        return Diagnostic("NS501", "error", f"standard output cannot be written: {said}")
    return Diagnostic("NS001", "error", f"{os.fsdecode(error.filename)}: {said}")


def _unforeseen(error: Exception) -> Diagnostic:
    first = next(iter(str(error).strip().splitlines()), "")[:300]
    said = f"{type(error).__name__}: {first}" if first else type(error).__name__
    if isinstance(error, MemoryError) or "out of memory" in said.lower() or "can't allocate memory" in said.lower():
        return Diagnostic(
            "NS008", "error", _MEMORY, notes=(said,), helps=("try a smaller batch size or a smaller network",)
        )
    if isinstance(error, RecursionError):
        return Diagnostic("NS008", "error", "this is nested too deeply", notes=(said,))
    return Diagnostic(
        "NS009", "error", "netspec or a library it uses failed unexpectedly", notes=(said,),
        helps=("please report this, with the command and its files", "set NETSPEC_TRACEBACK=1 to see where it happened"),
    )  # fmt: skip
