"""`netspec sweep` and `netspec solve`: the spelling of values, formats, exit codes, the plot."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from conftest import run_netspec

import netspec
from netspec.analysis.conditions import Conditions
from netspec.analysis.solve import Unknown
from netspec.cli.grid_values import read_axes, read_unknowns

TEXT = "net W(width = 32, depth = 1, act = 1)\ninput 3x16x16\nconv3-(width) pad=1 x(depth) -> relu\ngap\nFC-10\nexpect params == 1\n"


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "w.net"
    path.write_text(TEXT)
    return str(path)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("32,64,128", [32, 64, 128]), ("2..5", [2, 3, 4, 5]), ("8..32..8", [8, 16, 24, 32]), ("8..64..*2", [8, 16, 32, 64]),
        ("1,4..6,9", [1, 4, 5, 6, 9]), ("0.1..0.4..0.1", [0.1, 0.2, 0.3, 0.4]), ("relu,gelu", ["relu", "gelu"]),
        ("[64,128],[32]", [[64, 128], [32]]), ('"a,b",(1,2)', ["a,b", (1, 2)]), ("yes,no", [True, False]),
        ("-2..1", [-2, -1, 0, 1]), ("1_000", [1000]), ("7..7", [7]),
    ],
)  # fmt: skip
def test_values_of_a_parameter(text: str, values: list[object]) -> None:
    assert read_axes([f"w={text}"]) == {"w": values}


@pytest.mark.parametrize(
    "definitions",
    [["w"], ["w=5..2"], ["w=1..9..0"], ["w=1..9..*1"], ["w=0..9..*2"], ["w=1,,2"], ["w=1", "w=2"], ["w=1..1_000_000"]],
)
def test_what_has_no_values_is_wrong_usage(definitions: list[str]) -> None:
    with pytest.raises(click.UsageError):
        read_axes(definitions)


def test_unknowns() -> None:
    found, fixed = read_unknowns(
        ["a=?", "b=?8..512", "c=?8..512..8", "d=?..9", "e=?4..", "f=?relu,gelu", "g=3", "h=?2,4"]
    )
    assert found == [
        Unknown("a"), Unknown("b", 8, 512), Unknown("c", 8, 512, 8), Unknown("d", 1, 9), Unknown("e", 4),
        Unknown("f", choices=("relu", "gelu")), Unknown("h", choices=(2, 4)),
    ]  # fmt: skip
    assert fixed == {"g": 3}
    for wrong in ("w=?9..8", "w=?1..9..0"):
        with pytest.raises(click.UsageError):
            read_unknowns([wrong])


def test_a_sweep_in_every_format(spec: str) -> None:
    axes = ("-D", "width=8..32..*2", "-D", "depth=0,1,2")
    rows = list(csv.DictReader(io.StringIO(run_netspec("sweep", spec, *axes, "--csv").stdout)))
    assert [(row["width"], row["depth"]) for row in rows] == [(str(w), str(d)) for w in (8, 16, 32) for d in (0, 1, 2)]
    assert [row["net_depth"] for row in rows[:3]] == ["1", "2", "3"]
    assert rows[4]["params"] == str(27 * 16 + 16 + 16 * 10 + 10)
    found = json.loads(run_netspec("sweep", spec, *axes, "--format", "json").stdout)
    assert [str(point["figures"]["params"]) for point in found["points"]] == [row["params"] for row in rows]
    assert [point["pareto"] for point in found["points"]] == [row["pareto"] == "1" for row in rows]
    for columns in ("80", "160"):
        shown = run_netspec("sweep", spec, *axes, COLUMNS=columns).stdout
        assert max(map(len, shown.splitlines())) <= int(columns)
        assert "Pareto front: most params, least macs" in shown


def test_points_without_a_network_are_shown_with_their_reason(spec: str) -> None:
    for columns in ("80", "160"):
        result = run_netspec("sweep", spec, "-D", "width=0,8", COLUMNS=columns)
        assert result.returncode == 0
        assert "0 is too small: it must be at least 1 (line 3)" in " ".join(result.stdout.split())


def test_conditions_filter_and_are_reported_as_those_of_a_spec(spec: str) -> None:
    shown = run_netspec("sweep", spec, "-D", "width=4..40..4", "--where", "params < 500 and macs < 600M")
    assert "3 of 10 points meet params < 500 and macs < 600M" in shown.stdout
    wrong = run_netspec("sweep", spec, "-D", "width=4", "--where", "parms < 5")
    assert wrong.returncode == 1
    assert "did you mean `params`?" in wrong.stderr
    assert run_netspec("sweep", spec, "-D", "depht=4").returncode == 2
    assert run_netspec("sweep", spec, "-D", "width=1..1000", "-D", "depth=1..1000").returncode == 2


def test_the_plot_is_an_svg_with_every_point(spec: str, tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    arguments = ("sweep", spec, "-D", "width=8..64..8", "-D", "depth=1..3", "--plot", str(out))
    assert run_netspec(*arguments).returncode == 0
    first = out.read_bytes()
    root = ElementTree.fromstring(first)
    assert len(root.findall("{*}circle")) == 24
    run_netspec(*arguments)
    assert out.read_bytes() == first
    assert run_netspec("sweep", spec, "-D", "width=8", "--plot", "out.png").returncode == 2


def test_a_solution_and_its_exit_code(spec: str) -> None:
    result = run_netspec("solve", spec, "-D", "width=?8..512", "--target", "params <= 10K")
    assert result.returncode == 0
    assert result.stdout.startswith("width=262\n")
    assert "width=263 breaks params <= 10K" in result.stdout
    found = json.loads(
        run_netspec(
            "solve", spec, "-D", "width=?", "-D", "depth=1", "--target", "params <= 10K", "--format", "json"
        ).stdout
    )
    assert found["best"]["values"] == {"width": 262}
    nothing = run_netspec("solve", spec, "-D", "width=?8..512", "--target", "params <= 10")
    assert nothing.returncode == 1
    assert "nothing fits params <= 10; the nearest:" in nothing.stdout
    assert run_netspec("solve", spec, "-D", "width=8", "--target", "params <= 10").returncode == 2
    assert run_netspec("solve", spec, "-D", "wdith=?", "--target", "params <= 10").returncode == 2
    assert run_netspec("solve", spec, "-D", "width=?", "--target", "parms <= 10").returncode == 1


@pytest.mark.parametrize(
    "text",
    ["1..2..*1.0000000000001", f"1..2..*1.{'0' * 40}1", "1..100000," * 30 + "1", "1..1000000", f"1..{'9' * 400}"],
)
def test_so_many_values_are_refused_before_they_are_made(text: str) -> None:
    with pytest.raises(click.UsageError, match="more than 100,000 values"):
        read_axes([f"w={text}"])


@pytest.mark.parametrize("text", [f"?..{10**30}", f"?1..{'9' * 5000}", f"?{10**16}..", f"?-{10**20}..5"])
def test_bounds_of_an_unknown_are_numbers_that_a_spec_may_have(text: str) -> None:
    with pytest.raises(click.UsageError, match="up to 1,000,000,000,000,000"):
        read_unknowns([f"w={text}"])


def test_lists_are_values_and_the_reason_is_said_where_none_gives_a_network(spec: str) -> None:
    result = run_netspec("solve", spec, "-D", "width=?[1],[2]", "--target", "params <= 10K")
    assert result.returncode == 1
    assert "no point has a network: " in result.stdout


@pytest.mark.parametrize("option", ["--figures", "--maximize", "--minimize"])
def test_an_empty_name_is_no_figure(spec: str, option: str) -> None:
    result = run_netspec("sweep", spec, "-D", "width=8", option, "," if option == "--figures" else "")
    assert result.returncode == 2
    assert "There is no figure ``." in result.stderr


CONDITIONS = ("--batch", "16", "--dtype", "bf16", "--optimizer", "adam", "--device", "a100")


def test_sweeps_under_conditions(spec: str) -> None:
    names = "training_memory,time,fits"
    result = run_netspec("sweep", spec, "-D", "width=8,64", "--figures", names, *CONDITIONS, "--format", "json")
    data = json.loads(result.stdout)
    assert data["conditions"]["optimizer"] == "adam"
    given = Conditions(16, "bf16", "adam", "a100")
    for point in data["points"]:
        model = netspec.check(spec, {"width": point["values"]["width"]}).lenient().model()
        assert point["figures"] == {n: model.figure(n, given) for n in (*names.split(","), "params", "macs")}


def test_solutions_under_conditions(spec: str) -> None:
    target = "training_memory <= 2M"
    result = run_netspec("solve", spec, "-D", "width=?1..500", "--target", target, *CONDITIONS, "--format", "json")
    best = json.loads(result.stdout)["best"]["values"]["width"]
    given = Conditions(16, "bf16", "adam")
    needed = [netspec.check(spec, width=w).lenient().model().figure("training_memory", given) for w in (best, best + 1)]
    assert needed[0] <= 2 * 10**6 < needed[1]
    shown = run_netspec("solve", spec, "-D", "width=?1..500", "--target", target, *CONDITIONS, COLUMNS="120")
    assert "Memory, traffic and time: batch 16, bf16, optimizer adam, a100." in shown.stdout


@pytest.mark.parametrize("command", ["sweep", "solve"])
def test_a_time_needs_a_device(command: str, spec: str) -> None:
    values = ("width=8",) if command == "sweep" else ("width=?", "--target", "params < 9K")
    result = run_netspec(command, spec, "-D", *values, "--figures", "time")
    assert result.returncode == 2
    assert "The figure `time` needs --device" in result.stderr
