"""`netspec predict`: the same answers as the module gives by hand, whatever a digit is stored as."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from sklearn.datasets import load_digits
from small_runs import conv_run, mlp_run, netspec

import netspec as package

PIXELS = np.round(load_digits().images * 255 / 16).astype(np.uint8)


def by_hand(run: Path, images: np.ndarray) -> np.ndarray:
    module = package.load(run / "spec.net").to_torch()
    module.load_state_dict({k: torch.from_numpy(v) for k, v in load_file(run / "best.safetensors").items()})
    with torch.no_grad():
        result = module.eval()(torch.from_numpy(images.astype(np.float32) / 255)[:, None]).numpy()
    return np.asarray(result)


def answers(*arguments: object) -> list[dict[str, object]]:
    told = netspec("predict", *arguments, "--json")
    assert told.exit_code == 0, told.output
    return json.loads(told.output)


def test_probabilities_are_those_of_the_module(tmp_path: Path) -> None:
    run = conv_run()
    for number in range(4):
        Image.fromarray(PIXELS[number]).save(tmp_path / f"{number}.png")
    expected = by_hand(run, PIXELS[:4])
    for one, row in zip(answers(run, tmp_path, "--top", 10), expected, strict=True):
        top = one["top"]
        assert [t["index"] for t in top] == np.argsort(-row, kind="stable").tolist()
        assert [t["probability"] for t in top] == pytest.approx(sorted(row, reverse=True), abs=1e-6)


def test_every_way_to_store_a_digit_gives_the_same_answer(tmp_path: Path) -> None:
    run, digit = conv_run(), PIXELS[7]
    Image.fromarray(digit).save(tmp_path / "gray.png")
    Image.fromarray(digit).convert("RGB").save(tmp_path / "color.png")
    Image.fromarray(digit).convert("RGBA").save(tmp_path / "alpha.png")
    Image.fromarray(digit).save(tmp_path / "bitmap.bmp")
    np.save(tmp_path / "bytes.npy", digit)
    np.save(tmp_path / "channel.npy", digit[None])
    np.save(tmp_path / "fractions.npy", (digit / 255).astype(np.float32))
    np.save(tmp_path / "batch.npy", PIXELS[7:8, None])
    found = answers(run, tmp_path)
    assert len(found) == 8
    for one in found:
        assert [t["class"] for t in one["top"]] == [t["class"] for t in found[0]["top"]]
        assert one["top"][0]["probability"] == pytest.approx(found[0]["top"][0]["probability"], abs=1e-6)


def test_an_array_of_several_and_a_net_of_vectors(tmp_path: Path) -> None:
    np.save(tmp_path / "three.npy", PIXELS[:3])
    Image.fromarray(PIXELS[1]).save(tmp_path / "one.png")
    several = answers(mlp_run(), tmp_path / "three.npy")
    assert [one["name"] for one in several] == [f"{tmp_path}/three.npy[{i}]" for i in range(3)]
    (one,) = answers(mlp_run(), tmp_path / "one.png")
    for alone, among in zip(one["top"], several[1]["top"], strict=True):
        assert alone["class"] == among["class"]
        assert alone["probability"] == pytest.approx(among["probability"], abs=1e-6)


def test_an_image_of_another_size_is_scaled_when_asked(tmp_path: Path) -> None:
    run = conv_run()
    large = Image.fromarray(np.kron(PIXELS[0], np.ones((4, 4), np.uint8)))
    large.save(tmp_path / "large.png")
    told = netspec("predict", run, tmp_path / "large.png")
    assert told.exit_code == 1
    assert "NS602" in told.output
    assert "--resize" in told.output
    ((best, *_),) = [one["top"] for one in answers(run, tmp_path / "large.png", "--resize")]
    assert best["class"] == "0"


def test_bad_files_are_named_and_the_others_answered(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[0]).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no image")
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY")
    np.save(tmp_path / "shape.npy", np.zeros((5, 3), np.float32))
    np.save(tmp_path / "nan.npy", np.full((8, 8), np.nan, np.float32))
    np.save(tmp_path / "empty.npy", np.zeros((0, 8, 8), np.float32))
    np.save(tmp_path / "words.npy", np.array(["a"]))
    told = netspec("predict", conv_run(), tmp_path, tmp_path / "none.png")
    assert told.exit_code == 1
    assert "good.png: 0 " in told.output
    for code in ("NS001", "NS503", "NS602", "NS603"):
        assert code in told.output
    assert "Traceback" not in told.output
    assert "--corrupt" not in told.output


def test_one_file_prints_a_line_for_each_class(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[0]).save(tmp_path / "zero.png")
    lines = netspec("predict", conv_run(), tmp_path / "zero.png", "--top", 3).output.splitlines()
    assert len(lines) == 3
    assert lines[0].split()[1] == "0"
    assert "NS606" in netspec("predict", tmp_path, tmp_path / "zero.png").output


def test_the_rows_of_a_table_with_and_without_labels(tmp_path: Path) -> None:
    spec, table = tmp_path / "iris.net", tmp_path / "iris.csv"
    spec.write_text("input 2\nFC-8 act=relu\nFC-2\ntrain { optimizer adam lr=0.05; epochs 20; batch 16 }\n")
    rows = [(f"{i % 2 + i / 100:.2f}", f"{1 - i % 2:.2f}", ("setosa", "virginica")[i % 2]) for i in range(40)]
    table.write_text("petal,sepal,species\n" + "".join(",".join(row) + "\n" for row in rows))
    trained = netspec("train", spec, "--data", table, "--folder", tmp_path / "run")
    assert trained.exit_code == 0, trained.output
    unlabeled = tmp_path / "new.csv"
    unlabeled.write_text("petal,sepal\n" + "".join(",".join(row[:2]) + "\n" for row in rows))
    found, same = answers(tmp_path / "run", table), answers(tmp_path / "run", unlabeled)
    assert [one["top"] for one in found] == [one["top"] for one in same]
    module = package.load(tmp_path / "run").to_torch(tmp_path / "run").eval()
    with torch.no_grad():
        scores = module(torch.tensor([[float(row[0]), float(row[1])] for row in rows])).softmax(1)
    assert [one["top"][0]["probability"] for one in found] == pytest.approx(scores.max(1).values.tolist(), abs=1e-6)
    unlabeled.write_text("a,b,c,d\n1,2,3,4\n")
    refused = netspec("predict", tmp_path / "run", unlabeled)
    assert refused.exit_code == 1
    assert "does not match the input of the net" in refused.output


def test_files_of_data_sets_are_predicted_as_eval_reads_them(tmp_path: Path) -> None:
    """IDX, CIFAR and npz: the classes of all examples, against the accuracy that eval counts with the labels."""
    images, labels = PIXELS, load_digits().target.astype(np.uint8)
    (tmp_path / "idx").mkdir()
    for part, chosen in (("train", slice(0, 300)), ("t10k", slice(300, 420))):
        x, y = images[chosen], labels[chosen]
        (tmp_path / "idx" / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 2051, len(x), 8, 8) + x.tobytes()
        )
        (tmp_path / "idx" / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, len(y)) + y.tobytes())
    stored = images.astype(np.float32)[:, None] / 255
    np.savez(
        tmp_path / "d.npz", x_train=stored[:300], y_train=labels[:300], x_test=stored[300:420], y_test=labels[300:420]
    )
    run = conv_run()
    found = {}
    for where in ("idx", "idx/t10k-images-idx3-ubyte", "d.npz"):
        told = json.loads(netspec("predict", run, tmp_path / where, "--json").output)
        found[where] = [one["top"][0]["class"] for one in told]
    test, everything = found["idx/t10k-images-idx3-ubyte"], found["idx"]
    score = json.loads(netspec("eval", run, "--data", tmp_path / "idx", "--part", "test", "--json").output)["scores"]
    (measured,) = score.values()
    right = sum(int(name) == label for name, label in zip(test, labels[300:420], strict=True))
    assert right / 120 == pytest.approx(measured["accuracy"])
    assert everything == [*test, *everything[120:]]  # t10k before train, by name
    assert found["d.npz"] == [*everything[120:], *test]  # the splits one after the other
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "test_batch.bin").write_bytes(b"\0" * 100)
    refused = netspec("predict", run, tmp_path / "bad")
    assert (refused.exit_code, "is not a CIFAR binary" in refused.output) == (1, True)
