"""Studies of `tune`: where they cannot be kept, and processes that meet in one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from conftest import PATIENCE, ROOT

from netspec.source import SourceFile
from netspec.training import study as studies
from netspec.training.search_space import SearchSpace
from netspec.training.session import Request
from netspec.training.study import (
    Search,
    beating,
    done,
    has_room_for,
    next_trial,
    open_study,
    room_left,
    running,
    study_held,
)

sys.path.insert(0, str(ROOT / "tests" / "training"))
from small_runs import MLP, netspec

pytestmark = pytest.mark.slow
LR = "optimizer.lr=1e-3..1 log"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "rows.net"
    path.write_text(MLP)
    return path


def search_in(folder: Path, storage: str, *, trials: int = 2, study: str = "rows") -> Search:
    source = SourceFile(MLP.replace("epochs 3", "epochs 1"), "rows.net")
    return Search(Request(source, "digits"), SearchSpace.of(source, [LR]), folder, storage, study, trials)


def tune(spec: Path, storage: object, *, run: str = "tuned", study: str = "rows") -> Result:
    return netspec(
        "tune", spec, "--search", LR, "--trials", 1, "--epochs", 1, "--folder", spec.parent / run, "--storage", storage,
        "--study", study,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("foo://u:secret@h/x", "does not name a database"),
        ("://", "does not name a database"),
        ("postgresql+nodriver://u:secret@h/x", "does not name a database"),
        ("mysql+oursql2://u@h/x?password=secret", "does not name a database"),
        ("sqlite://", "in memory"),
        ("sqlite:///file:a?mode=memory&uri=true", "in memory"),
        ("pipe.log", "not a regular file"),
        ("sqlite:///pipe.log", "not a regular file"),
        ("rows.net/study.db", "its folder is a file"),
    ],
)
def test_where_no_study_can_be_kept(spec: Path, storage: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spec.parent)
    os.mkfifo("pipe.log")
    result = tune(spec, storage)
    assert result.exit_code == 1, result.output
    told = " ".join(result.stderr.split())
    assert "error[NS606]" in told
    assert said in told
    assert "secret" not in told


def test_a_driver_that_is_not_installed(spec: Path) -> None:
    """SQLAlchemy knows the dialect, and its module is missing: one of these three is in no environment of the tests."""
    results = [tune(spec, f"{scheme}://u:secret@h/x") for scheme in ("oracle", "mssql+pymssql", "mysql+cymysql")]
    for result in results:
        assert result.exit_code == 1
        assert "error[NS606]" in result.stderr
        assert "secret" not in result.stderr
    assert any("driver of this database is not installed" in " ".join(r.stderr.split()) for r in results)


def test_a_folder_of_trials_is_held_by_one_command(spec: Path) -> None:
    folder = spec.parent
    with study_held(search_in(folder / "first", str(folder / "s.db"))):
        result = tune(spec, folder / "s.db", run="first")
        assert result.exit_code == 1, result.output
        assert "error[NS606]: the study in" in result.stderr
        assert f"process {os.getpid()}" in " ".join(result.stderr.split())
        assert tune(spec, folder / "s.db", run="second", study="other").exit_code == 0
    assert not list(folder.glob(".*.lock"))


@pytest.mark.parametrize("name", ["s.db", "s.log"])
def test_commands_that_share_a_file_find_the_trials_of_a_killed_one(spec: Path, name: str) -> None:
    """Who takes the place of a lost trial draws what that one drew, and no trial is drawn twice."""
    first, second = (search_in(spec.parent / f, str(spec.parent / name), trials=3) for f in ("first", "second"))
    drawn = []
    with study_held(first):
        study = open_study(first)
        lost, living = next_trial(study, first), next_trial(study, first)
        with study_held(second):
            assert room_left(study, second)
            assert running(study) == [lost.number, living.number]
            study.tell(living, 0.5)
    with study_held(second):
        assert running(study) == []
        while room_left(study, second):
            trial = next_trial(study, second)
            drawn.append(trial.user_attrs["place"])
            study.tell(trial, 0.5)
    assert (living.user_attrs["place"], drawn) == (1, [0, 2])


def test_a_lock_does_not_repeat_a_password(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["netspec", "tune", "--storage", "postgresql://u:secret@h/x"])
    with study_held(search_in(spec.parent / "first", str(spec.parent / "s.db"))):
        assert "secret" not in (spec.parent / "first" / ".lock").read_text()
        assert "@h" not in tune(spec, spec.parent / "s.db").stderr


def test_processes_that_share_a_study_run_no_more_trials_than_were_asked_for(spec: Path) -> None:
    """On a server any number of processes may begin a trial at the same moment: of 3, one is done, and two go on."""
    search = search_in(spec.parent, f"sqlite:///{spec.parent}/s.db", trials=3)
    study = open_study(search)
    first = next_trial(study, search)
    search.space.values(first)
    study.tell(first, 0.5)
    begun = [next_trial(open_study(search), search) for _ in range(4)]
    assert [has_room_for(search, trial) for trial in begun] == [True, True, False, False]
    assert not room_left(study, search)


def test_what_a_killed_process_began_does_not_count(spec: Path) -> None:
    search = search_in(spec.parent, str(spec.parent / "s.db"), trials=3)
    study = open_study(search)
    begun = [next_trial(study, search) for _ in range(5)]
    assert [has_room_for(search, trial) for trial in begun] == [True, True, True, False, False]
    with study_held(search):
        states = [t.state.name for t in open_study(search).trials]
        assert states == ["FAIL"] * 5
        assert has_room_for(search, next_trial(study, search))
    assert done(study, search.space) == 0


def test_a_trial_on_a_server_gives_signs_of_life(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost trial of a shared study stops counting, a living one does not."""
    monkeypatch.setattr(studies, "_BEAT", 1)
    monkeypatch.setattr(studies, "_LOST", 2)
    monkeypatch.setattr(studies, "_file", lambda _: None)
    search = search_in(spec.parent, f"sqlite:///{spec.parent}/s.db")
    study = open_study(search)
    lost, living = next_trial(study, search), next_trial(study, search)
    with beating(study, lost):
        pass
    with beating(study, living):
        long_ago = "UPDATE trial_heartbeats SET heartbeat = datetime('now', '-1 hour') WHERE trial_id = ?"
        with contextlib.closing(sqlite3.connect(spec.parent / "s.db")) as connection, connection:
            connection.execute(long_ago, (lost._trial_id,))
        with study_held(replace(search, folder=spec.parent / "other")):
            states = [t.state.name for t in open_study(search).trials]
    assert states == ["FAIL", "RUNNING"]


MAKES = """
import sys, time
from pathlib import Path
sys.path[:0] = {paths}
from test_studies import search_in
from netspec.training.study import open_study, study_held
Path({folder!r}, "ready" + sys.argv[1]).touch()
while len(list(Path({folder!r}).glob("ready*"))) < 3:
    time.sleep(0.001)
open_study(search_in(Path({folder!r}), {storage!r}, study="s" + sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sqlite:///{}/new.db", "{}/new.log"])
def test_a_new_database_is_made_by_one_of_several(tmp_path: Path, name: str) -> None:
    paths = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "trust")]
    code = MAKES.format(paths=paths, folder=str(tmp_path), storage=name.format(tmp_path))
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(i)], stderr=subprocess.PIPE, text=True) for i in range(3)
    ]
    for process in running:
        said = process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 0, said
