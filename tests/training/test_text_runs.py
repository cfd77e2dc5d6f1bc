"""Runs on texts and tables: they learn what the data says, and predict on texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import folder, netspec, trained

from netspec.diagnostics import SpecError
from netspec.inside.look import Inside
from netspec.scene.figure import Raster, Text
from netspec.training.feature_views import top
from netspec.training.run_views import RunExamples, panel
from netspec.training.trained import Trained

NEXT = """input ids 6 int
embed-8 vocab=11
{body}
train {{ optimizer adam lr=2e-2; epochs 4; batch 16 }}
"""
EVERY = "lstm-24\nlinear-11"
LAST = "flatten\nFC-11"
REVIEWS = """input ids 24 int
embed-8 vocab=256
conv3-8 act=relu
gap
FC-2
train { optimizer adam lr=2e-2; epochs 8; batch 4 }
"""
WORDS = {"good": ["good", "great", "fine"], "bad": ["bad", "awful", "poor"]}


@pytest.fixture(scope="module")
def corpus() -> Path:
    path = folder() / "corpus.txt"
    path.write_text("abcdefghij\n" * 60)
    return path


@pytest.mark.parametrize("body", [EVERY, LAST])
def test_what_follows_a_text(body: str, corpus: Path, tmp_path: Path) -> None:
    run = trained(f"next-{len(body)}", NEXT.format(body=body), str(corpus))
    text = tmp_path / "a.txt"
    text.write_text("fghij\nabcd")
    result = netspec("predict", run, text, "--top", 1)
    assert result.exit_code == 0, result.output
    assert result.output.split()[-1] == "e"
    text.write_text("bcdefghij")
    assert netspec("predict", run, text, "--top", 1).output.split()[-1] == '"\\n"'
    text.write_text("xyz")
    refused = netspec("predict", run, text)
    assert refused.exit_code == 1
    assert "does not have" in refused.output
    text.write_text("a")
    short = netspec("predict", run, text, "--top", 1)
    assert ("is too short" in short.output) == (body == LAST), short.output
    assert netspec("eval", run).exit_code == 0


def test_classes_of_texts(tmp_path: Path) -> None:
    place = folder() / "texts"
    for name, words in WORDS.items():
        (place / name).mkdir(parents=True)
        for i in range(12):
            (place / name / f"{i}.txt").write_text(f"it was {words[i % 3]} {words[i // 4]}")
    run = trained("reviews", REVIEWS, str(place))
    text = tmp_path / "new.txt"
    for name, words in WORDS.items():
        text.write_text(f"it was {words[1]} {words[2]}")
        assert netspec("predict", run, text, "--top", 1).output.split()[-1] == name
    shown = netspec("predict", run, place / "bad")
    assert shown.output.count(": bad") == 12
    net = Trained.open(run)
    found = top(Inside(net.model.graph, net.weights), "gap1[0]", RunExamples(net, "train"), 2).drawn()
    assert not [item for item in found.items if isinstance(item, Raster)], "a text is no image"
    assert len([item for item in found.items if isinstance(item, Text) and item.text.startswith("it was ")]) == 2
    with pytest.raises(SpecError, match="a panel shows images"):
        panel(net)


def test_unsuitable_data_is_answered_with_what_the_net_takes(corpus: Path, tmp_path: Path) -> None:
    spec = tmp_path / "net.net"
    spec.write_text("input 16x16 rgb\nconv3-4 act=relu\nFC-3\n")
    for where in (corpus, tmp_path / "nothing", tmp_path):
        result = netspec("train", spec, "--data", where, "--folder", tmp_path / "run")
        assert result.exit_code == 1
        said = " ".join(result.output.split())
        assert "the net takes an image of 3x16x16 and predicts one of 3 classes" in said, said
        assert "a CSV or Parquet file with the columns file and label" in said
    said = " ".join(netspec("train", spec, "--folder", tmp_path / "run").output.split())
    assert "without `--data` the net is trained on `digits`" in said
    assert "give your own data with `--data`" in said
    spec.write_text("net Small(classes = 3)\ninput 1x8x8\nFC-classes -> softmax\n")
    said = netspec("train", spec, "--folder", tmp_path / "run").output
    assert "digits has 10 classes, but the net has 3 outputs" in said
    assert "set the parameter of the net: `-D classes=10`" in said
    spec.write_text("input ids 6 int\nembed-8 vocab=9\nlinear-9\n")
    said = " ".join(netspec("train", spec, "--folder", tmp_path / "run").output.split())
    assert "a text file, for a net that predicts the next character" in said
    assert "1x8x8 int" not in said, "ids come in a row"
    spec.write_text("input ids 6 int\nembed-8 vocab=256\ngap\nFC-3\n")
    said = " ".join(netspec("train", spec, "--data", tmp_path, "--folder", tmp_path / "run").output.split())
    assert "one subfolder of text files per class" in said
