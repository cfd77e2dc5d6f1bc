"""Texts: windows of one text, texts of classes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from written import classes, every, words

from netspec.datasets import Collection, DataOptions, Goal, Wanted, open_collection
from netspec.datasets.text import character, ids_of_end, shown_character
from netspec.diagnostics import SpecError
from netspec.graph import TensorType

IDS = TensorType("ids", (8,))
TEXT = "".join(f"line {i}: ein Häuschen\n" for i in range(20))
CHARACTERS = sorted(set(TEXT))
WHOLE: dict[str, Any] = {"validation": 0.0, "test": 0.0}


def read(where: Path, output: TensorType, vocabulary: int = 256, **options: Any) -> Collection:
    return open_collection(
        str(where), Wanted({"ids": IDS}, {"output": Goal(output, "class")}, {"ids": vocabulary}), DataOptions(**options)
    )


def said(code: str, where: Path, output: TensorType, vocabulary: int = 256) -> str:
    with pytest.raises(SpecError) as caught:
        read(where, output, vocabulary)
    assert caught.value.diagnostics[0].code == code
    return words(caught.value)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def tokens(count: int) -> TensorType:
    return TensorType("sequence", (8, count))


def test_windows_predict_the_next_character(corpus: Path) -> None:
    found = read(corpus, tokens(len(CHARACTERS)), len(CHARACTERS), **WHOLE)
    batch = every(found.train)
    assert len(batch.target) == (len(TEXT) - 1) // 8
    known = [character(name) for name in found.classes]
    assert known == CHARACTERS
    for number, (window, target) in enumerate(zip(batch.inputs["ids"], batch.target, strict=True)):
        assert "".join(known[i] for i in window) == TEXT[8 * number : 8 * number + 8]
        assert "".join(known[i] for i in target) == TEXT[8 * number + 1 : 8 * number + 9]


def test_a_net_with_one_output_predicts_the_character_after_its_window(corpus: Path) -> None:
    found = read(corpus, classes(len(CHARACTERS)), len(CHARACTERS), **WHOLE)
    batch = every(found.train)
    assert len(batch.target) == len(TEXT) - 8
    known = [character(name) for name in found.classes]
    assert "".join(known[i] for i in batch.target) == TEXT[8:]


def test_bytes(corpus: Path) -> None:
    found = read(corpus, tokens(256), **WHOLE)
    batch = every(found.train)
    assert bytes(batch.inputs["ids"].flatten().tolist()) == TEXT.encode()[: 8 * len(batch.target)]
    assert found.classes[ord("a")] == "a"
    assert found.classes[10] == '"\\n"'
    assert found.classes[0xC3] == "0xc3"


def test_the_end_of_a_text_is_held_out(corpus: Path) -> None:
    found = read(corpus, classes(256))
    parts = [every(p) for p in (found.train, found.validation, found.test) if p is not None]
    content = TEXT.encode()
    assert b"".join(bytes(p.target.tolist()) for p in parts) == content[8:]
    assert len(parts[2].target) == round(0.2 * (len(content) - 8))


def test_texts_of_splits(tmp_path: Path) -> None:
    for name, count in (("train", 41), ("val", 17), ("test", 9)):
        (tmp_path / f"{name}.txt").write_text("ab" * count)
    found = read(tmp_path, tokens(2), 2)
    assert [len(p) for p in (found.train, found.validation, found.test) if p is not None] == [10, 4, 2]


def test_texts_of_classes(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name, text in (("neg", "bad"), ("pos", "good and long")):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(3):
                (tmp_path / part / name / f"{i}.txt").write_text(text)
    found = read(tmp_path, classes(2), validation=0.0)
    batch = every(found.train)
    assert found.classes == ("neg", "pos")
    assert len(batch.target) == len(every(found.test).target) == 6
    for ids, label in zip(batch.inputs["ids"], batch.target.tolist(), strict=True):
        assert bytes(ids.tolist()) == (b"bad\0\0\0\0\0", b"good and")[label]


def test_texts_in_a_table(tmp_path: Path) -> None:
    path = tmp_path / "spam.csv"
    path.write_text('label,text\nspam,"win, win"\nham,hello there\n')
    batch = every(read(path, classes(2), **WHOLE).train)
    rows = {bytes(ids.tolist()): label for ids, label in zip(batch.inputs["ids"], batch.target.tolist(), strict=True)}
    assert rows == {b"win, win": 1, b"hello th": 0}
    path.write_text("a,b,label\nx,y,spam\nz,w,ham\n")
    assert "several columns may hold it" in said("NS601", path, classes(2))


def test_characters_and_outputs_that_differ(corpus: Path, tmp_path: Path) -> None:
    message = said("NS602", corpus, tokens(65), 65)
    assert f"has {len(CHARACTERS)} different characters, but the net has 65 outputs" in message
    assert f"`vocab={len(CHARACTERS)}`" in message
    assert "`vocab=256`" in said("NS602", corpus, tokens(256), 100)
    corpus.write_bytes(b"\xff\xfe")
    assert "not text in UTF-8" in said("NS601", corpus, tokens(2), 2)
    corpus.write_text("short")
    assert "is too short" in said("NS601", corpus, tokens(5), 5)
    assert "the net takes 8 characters" in said("NS602", corpus, TensorType("sequence", (4, 5)), 5)
    (tmp_path / "image").mkdir()
    assert "predicts one of 3 classes" in said("NS601", tmp_path / "image", classes(3))


def test_ids_that_the_net_does_not_look_up(tmp_path: Path) -> None:
    path = tmp_path / "ids.npz"
    np.savez(path, x=np.array([[0] * 7 + [9], [1] * 8]), y=[0, 1])
    assert len(read(path, classes(2), 10, **WHOLE).train) == 2
    assert "write `vocab=10`" in said("NS602", path, classes(2), 9)
    np.savez(path, x=np.array([[0] * 7 + [-1], [1] * 8]), y=[0, 1])
    assert "number ids from 0" in said("NS602", path, classes(2), 9)


def test_every_character_has_a_name_of_its_own() -> None:
    every_one = [chr(i) for i in range(0x3000) if not 0xD800 <= i < 0xE000]
    names = [shown_character(c) for c in every_one]
    assert len(set(names)) == len(names)
    assert [character(n) for n in names] == every_one
    assert all(n.isprintable() for n in names)


def test_the_end_of_a_text_as_ids() -> None:
    names = [shown_character(c) for c in CHARACTERS]
    ids = ids_of_end("Häuschen\n".encode(), names, 5, "x.txt")
    assert "".join(CHARACTERS[i] for i in ids) == "chen\n"
    with pytest.raises(SpecError, match="does not have"):
        ids_of_end(b"Quark", names, 5, "x.txt")
