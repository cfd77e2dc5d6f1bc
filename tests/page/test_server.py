"""The server answers the page alone, and touches the given files alone."""

from __future__ import annotations

import itertools
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Served, served

import netspec
from netspec.cli.view import _named
from netspec.elaborate.limits import Limits
from netspec.page.document import version_of
from netspec.server.spec_files import SpecFiles

SPEC = "net Small\ninput 3x8x8\nconv3-4 pad=1\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("view")
    (path / "small.net").write_text(SPEC)
    (path / "secret.net").write_text("input 3\n")
    return path


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    with served(Path("small.net"), cwd=folder) as found:
        yield found


def test_the_page_carries_the_spec_and_a_strict_policy(server: Served) -> None:
    status, body, headers = server.request(f"/?token={server.token}")
    assert status == 200
    assert "net Small" in body
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/?token=wrong", {}),
        ("/api/events", {"X_Netspec_Token": "wrong"}),
        ("/api/check", {"X_Netspec_Token": ""}),
        ("/?token={}", {"Host": "evil.example"}),
        ("/?token={}", {"Host": "evil.example:80"}),
        ("/api/check", {"Origin": "http://evil.example"}),
        ("/api/save", {"Origin": "null"}),
    ],
)
def test_strangers_are_turned_away(server: Served, path: str, headers: dict[str, str]) -> None:
    data = {"file": "small.net", "text": "input 3", "version": version_of(SPEC)} if path.startswith("/api/") else None
    status, _, _ = server.request(path.format(server.token), data if path != "/api/events" else None, **headers)
    assert status == 403


def test_a_text_is_checked(server: Served) -> None:
    status, body, _ = server.request(
        "/api/check", {"file": "small.net", "text": "input 3x8x8\nconv9-4\n", "parameters": {}}
    )
    found = json.loads(body)
    assert status == 200
    assert [f["code"] for f in found["findings"]] == ["NS301"]
    assert found["text"] == "input 3x8x8\nconv9-4\n"


def test_a_text_is_compared(server: Served) -> None:
    asked = {"file": "small.net", "text": "input 3x8x8\nFC-10\n", "parameters": {}}
    for other, kinds in (
        ("input 3x8x8\nFC-10\n", []),
        ("input 3x8x8\nFC-20\n", ["changed"]),
        ("input 3x8x8\nconv9-4\n", None),
    ):
        status, body, _ = server.request("/api/check", {**asked, "against": {"file": "small.net", "text": other}})
        found = json.loads(body)["comparison"]
        assert status == 200
        assert (found and [row["kind"] for row in found["rows"]]) == kinds, other
    status, _, _ = server.request("/api/check", {**asked, "against": "small.net"})
    assert status == 400
    status, _, _ = server.request("/api/check", {**asked, "against": {"file": "/etc/passwd", "text": ""}})
    assert status == 404


def test_a_text_is_compiled(server: Served) -> None:
    asked = {"file": "small.net", "text": "net N(w=4)\ninput 3x8x8\nconv3-w\n", "parameters": {"w": 7}, "theme": "dark"}
    status, body, _ = server.request("/api/write", {**asked, "form": "py"})
    assert status == 200
    assert "w: int = 7" in json.loads(body)["text"]
    assert json.loads(server.request("/api/write", {**asked, "form": "svg"})[1])["text"].startswith("<svg")
    for wrong in ({"form": "onnx"}, {"form": "svg", "by": "rf"}, {"form": "svg", "open": "all"}):
        assert server.request("/api/write", {**asked, **wrong})[0] == 400
    assert server.request("/api/write", {**asked, "form": "py", "file": "secret.net"})[0] == 404
    status, body, _ = server.request("/api/write", {**asked, "form": "py", "text": "input 3x8x8\nconv9-4\n"})
    assert status == 200  # browsers log refusals as errors
    assert json.loads(body)["error"] == "the 9x9 window is larger than its 8x8 input"


def test_parameters_change_the_network(server: Served) -> None:
    text = "net N(w=4)\ninput 3x8x8\nconv3-w\n"
    asked = {"file": "small.net", "text": text, "parameters": {"w": 7, "gone": 1}}
    found = json.loads(server.request("/api/check", asked)[1])
    assert found["network"]["nodes"][1]["shape"] == "7×6×6"
    assert found["network"]["parameters"] == {"w": 7}


@pytest.mark.parametrize("file", ["secret.net", "../small.net", "/etc/passwd", ""])
def test_other_files_are_neither_read_nor_written(server: Served, folder: Path, file: str) -> None:
    for path in ("/api/check", "/api/save"):
        asked = {"file": file, "text": "input 5\n", "version": version_of("input 3\n"), "parameters": {}}
        assert server.request(path, asked)[0] == 404
    assert (folder / "secret.net").read_text() == "input 3\n"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"file": 1}', b"[" * 100_000, b'{"file": "small.net"}'])
def test_what_is_no_request_is_said(server: Served, body: bytes) -> None:
    status, answer, _ = server.request("/api/check", body)
    assert status == 400
    assert "error" in json.loads(answer)


def test_a_huge_text_is_refused(server: Served) -> None:
    assert server.request("/api/check", b" " * 5_000_000)[0] == 413


def test_a_text_is_saved_as_the_file_was(tmp_path: Path) -> None:
    path = tmp_path / "crlf.net"
    path.write_bytes(b"\xef\xbb\xbfinput 3x8x8\r\nconv3-4\r\n")
    with served(Path("crlf.net"), cwd=tmp_path) as server:
        old = version_of("input 3x8x8\nconv3-4\n")
        asked = {"file": "crlf.net", "text": "input 3x8x8\nconv3-5\n", "version": old}
        status, body, _ = server.request("/api/save", asked)
        assert status == 200
        assert path.read_bytes() == b"\xef\xbb\xbfinput 3x8x8\r\nconv3-5\r\n"
        assert json.loads(body)["version"] == version_of("input 3x8x8\nconv3-5\n")
        body = server.request("/api/save", {**asked, "text": "input 3x8x8\n"})[1]
        assert json.loads(body)["text"] == "input 3x8x8\nconv3-5\n"
        assert path.read_bytes().endswith(b"conv3-5\r\n")


def test_changes_on_disk_are_told_to_every_window(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text(SPEC)
    heard = threading.Event()

    def write() -> None:  # again and again: the watcher begins some time after the stream
        for number in itertools.count():
            (tmp_path / "a.net").write_text(SPEC + f"# {number:06}\n")
            if heard.wait(0.3):
                return

    with served(Path("a.net"), cwd=tmp_path) as server, events(server) as lines:
        assert lines.readline() == b"\n"
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        with events(server) as other:
            assert other.readline() == b"\n"
            last = json.loads(other.readline())["text"]
        for _ in range(5):  # also after one of them is closed
            told = json.loads(lines.readline())
            while told["text"] <= last:
                told = json.loads(lines.readline())
            last = told["text"]
        heard.set()
        writer.join()
    assert told["file"] == "a.net"
    assert told["version"] == version_of(told["text"])


def test_of_saves_at_once_one_is_kept_and_the_others_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text(SPEC)
    conflicts: list[bool] = []
    with served(Path("a.net"), cwd=tmp_path) as server:

        def save(number: int) -> None:
            text = SPEC + f"# {number}\n" * 300
            answer = server.request("/api/save", {"file": "a.net", "text": text, "version": version_of(SPEC)})[1]
            conflicts.append("text" in json.loads(answer))

        threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(conflicts) == [False] + [True] * 7


def test_a_text_that_could_not_be_read_again_is_not_saved(server: Served, folder: Path) -> None:
    asked = {"file": "small.net", "text": "#" * 2_000_000, "version": version_of(SPEC)}
    answer = server.request("/api/save", asked)[1]
    assert "larger than 1,048,576 bytes" in json.loads(answer)["error"]
    assert (folder / "small.net").read_text() == SPEC


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"1e400", b"1" + b"0" * 4200])
def test_numbers_that_are_none_are_refused(server: Served, value: bytes) -> None:
    body = b'{"file": "small.net", "text": "net N(w=1)\\ninput 3x8x8\\nconv3-(w)", "parameters": {"w": %s}}' % value
    status, answer, _ = server.request("/api/check", body)
    assert status == 400
    assert "the parameter `w`" in json.loads(answer)["error"]


def events(server: Served) -> Any:
    asked = urllib.request.Request(f"http://{server.host}/api/events", headers={"X-Netspec-Token": server.token})
    return urllib.request.urlopen(asked)


def test_files_and_folders_may_be_gone_for_a_while(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "a.net").write_text(SPEC)
    with served(Path("specs/a.net"), cwd=tmp_path) as server:
        (folder / "a.net").unlink()
        status, answer, _ = server.request(f"/?token={server.token}")
        assert (status, answer) == (422, "there is no file a.net")
        folder.rmdir()
        with events(server) as told:
            assert told.readline() == b"\n"
            folder.mkdir()
            asked = {"file": "a.net", "text": SPEC, "version": version_of(SPEC)}
            assert server.request("/api/save", asked)[0] == 200  # anew
            assert (folder / "a.net").read_text() == SPEC
            found = json.loads(told.readline())
            while "error" in found:  # the folder was there before the file
                assert found == {"file": "a.net", "error": "there is no file a.net", "gone": True}
                found = json.loads(told.readline())
            assert found["text"] == SPEC
    assert "Traceback" not in capfd.readouterr().err


def test_a_file_that_is_used_is_followed_into_its_folder(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "b.net").write_text("block b { conv3-4 pad=1 }\n")
    (tmp_path / "a.net").write_text('use "parts/b.net"\ninput 3x8x8\nb\n')
    (tmp_path / "other").mkdir()
    files = SpecFiles({"a.net": tmp_path / "a.net"}, Limits())
    assert files.folders() == {tmp_path, tmp_path / "parts"}
    (tmp_path / "parts" / "b.net").write_text('use "../other/c.net"\nuse "../../d.net"\n')
    assert files.folders() == {tmp_path, tmp_path / "parts", tmp_path / "other"}


def test_what_must_not_be_written_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text(SPEC)
    files = SpecFiles({"a.net": path}, Limits())
    with pytest.raises(netspec.SpecError, match="zero byte"):
        files.save("a.net", "input 3\0", version_of(SPEC))
    path.chmod(0o444)
    with pytest.raises(netspec.SpecError, match="read-only"):
        files.save("a.net", "input 3\n", version_of(SPEC))
    assert path.read_text() == SPEC


def test_names_are_as_short_as_they_can_be() -> None:
    names = _named(tuple(map(Path, ("nets/a.net", "old/nets/a.net", "/x/b.net", "runs/1"))))
    assert list(names) == [f"{Path.cwd().name}/nets/a.net", "old/nets/a.net", "b.net", "1"]
