"""`netspec diff`: exit codes, formats, parameters of either side, and files of a git revision."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, run_netspec
from markdown_it import MarkdownIt

import netspec

VGG16, VGG_E = (str(ROOT / "examples" / f"{name}.net") for name in ("vgg16", "vgg_e"))


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: a spec and the blocks that it uses, in a folder; the working tree differs from both."""
    folder = tmp_path / "repo" / "nets"
    folder.mkdir(parents=True)
    git(folder.parent, "init", "-q")
    for width in (8, 16):
        (folder / "parts.net").write_text(f"block body {{ conv3-{width} pad=1 -> relu }}\n")
        (folder / "net.net").write_text('use "parts.net"\ninput 3x32x32\nbody x2\ngap\nFC-10\nexpect params == 1\n')
        (folder / "link.net").unlink(missing_ok=True)
        (folder / "link.net").symlink_to("net.net")
        (folder / "outside.net").write_text('use "../../secret.net"\ninput 3x32x32\nconv3-8\n')
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", f"width {width}")
    (folder.parent.parent / "secret.net").write_text("block b { relu }\n")
    (folder / "parts.net").write_text("block body { conv3-32 pad=1 -> relu }\n")
    return folder


def test_exit_codes_are_those_of_git_diff() -> None:
    same = run_netspec("diff", VGG16, VGG16)
    assert (same.returncode, same.stderr) == (0, "")
    assert "no difference" in same.stdout
    other = run_netspec("diff", VGG16, VGG_E)
    assert (other.returncode, other.stderr) == (1, "")
    assert "+5,309,696 (+3.8%)" in other.stdout
    assert run_netspec("diff", VGG16, "nowhere.net").returncode == 2
    broken = run_netspec("diff", VGG16, "-", stdin="input 3x2x2\nconv5-8\n")
    assert broken.returncode == 2
    assert "NS301" in broken.stderr
    assert run_netspec("diff", VGG16).returncode == 2
    assert run_netspec("diff", VGG16, VGG_E, "-D", "nothing=1").returncode == 2
    assert "Did you mean `params`" in run_netspec("diff", VGG16, VGG_E, "--figures", "parms").stderr


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_fits_the_terminal(columns: int) -> None:
    shown = run_netspec("diff", "examples/resnet50.net", "examples/resnext50_32x4d.net", COLUMNS=str(columns)).stdout
    assert max(map(len, shown.splitlines())) <= columns
    assert "~ bottleneck9 x5" in shown


def test_one_spec_under_two_sets_of_parameters() -> None:
    assert run_netspec("diff", VGG16, "-A", "classes=10", "-B", "classes=10").returncode == 0
    found = json.loads(run_netspec("diff", VGG16, "-D", "classes=10", "-B", "classes=20", "--format", "json").stdout)
    assert found["figures"]["params"]["change"] == 4097 * 10
    assert [change["names"] for change in found["changes"]] == [[["fc3", "fc3"]], [["softmax1", "softmax1"]]]


def test_json_and_python_say_the_same() -> None:
    found = json.loads(run_netspec("diff", VGG16, VGG_E, "--format", "json").stdout)
    assert found["schema"] == 1
    assert found == netspec.diff(VGG16, VGG_E).to_dict()
    assert netspec.diff(netspec.load(VGG16), netspec.load(VGG_E)).to_dict()["changes"] == found["changes"]


def test_markdown_is_a_table_and_shows_hostile_names_as_text(tmp_path: Path) -> None:
    names = ["a|b`<img src=x onerror=1>.net", "[x](javascript:1) @team #1.net"]
    for name, width in zip(names, (8, 16), strict=True):
        (tmp_path / name).write_text(f"input 3x8x8\nconv3-{width}\n")
    text = run_netspec("diff", *names, "--format", "markdown", cwd=tmp_path).stdout
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert rendered.count("<table>") == 2
    assert "<img" not in rendered
    assert "<a " not in rendered
    assert "<td>~ conv1</td>" in rendered
    assert "<summary>1 layer changed</summary>" in rendered


def test_html_is_for_notebooks() -> None:
    shown = netspec.diff(VGG16, VGG_E)._repr_html_()
    assert shown.count("<table") == 2
    assert "+5,309,696 (+3.8%)" in shown


def test_a_revision_is_read_with_the_files_it_uses(repository: Path) -> None:
    def params(*specs: str, cwd: Path = repository) -> tuple[int, int]:
        found = json.loads(run_netspec("diff", *specs, "--format", "json", cwd=cwd).stdout)["figures"]["params"]
        return found["before"], found["after"]

    def count(width: int) -> int:
        return 27 * width + width + 9 * width * width + width + 10 * width + 10

    assert params("HEAD~1:./net.net", "HEAD:nets/net.net") == (count(8), count(16))
    assert params("HEAD:./net.net", "net.net") == (count(16), count(32))
    assert params("HEAD:nets/../nets/net.net", "nets/net.net", cwd=repository.parent) == (count(16), count(32))
    assert run_netspec("diff", "HEAD:./net.net", "HEAD:nets/net.net", cwd=repository).returncode == 0


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("HEAD:net.net", "from this folder: HEAD:./net.net"),
        ("HEAD:./nowhere.net", "there is no file HEAD:./nowhere.net"),
        ("HEAD:../../secret.net", "outside the repository"),
        ("HEAD:./link.net", "symbolic link"),
        ("HEAD:./outside.net", "lies outside the project folder"),
        ("HEAD:nets", "it is a folder"),
        ("nothing:./net.net", "there is no revision nothing"),
        ("--output=evil:./net.net", "No such option"),
        ("HEAD; touch evil:./net.net", "there is no revision"),
        ("$(touch evil):./net.net", "there is no revision"),
        ("HEAD:./*.net", "there is no file"),
        ("HEAD:", "there is no file"),
    ],
)
def test_what_is_no_file_of_a_revision_is_refused(repository: Path, spec: str, said: str) -> None:
    result = run_netspec("diff", spec, "net.net", cwd=repository)
    assert result.returncode == 2
    assert said in " ".join(result.stderr.split())
    assert not (repository / "evil").exists()


def test_options_are_no_revision(repository: Path) -> None:
    result = run_netspec("diff", "--", "--output=evil:./net.net", "net.net", cwd=repository)
    assert result.returncode == 2
    assert "is not a revision" in result.stderr
    assert not (repository / "evil").exists()


def test_without_a_repository_a_revision_is_an_error(tmp_path: Path) -> None:
    result = run_netspec("diff", "HEAD:net.net", VGG16, cwd=tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert result.returncode == 2
    assert "no git repository" in result.stderr


def test_a_file_on_disk_comes_before_a_revision(tmp_path: Path) -> None:
    (tmp_path / "HEAD:net.net").write_text("input 3x8x8\nconv3-8\n")
    assert run_netspec("diff", "HEAD:net.net", "HEAD:net.net", cwd=tmp_path).returncode == 0
