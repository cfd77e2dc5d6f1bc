"""Images as people store them: one decoder for training and for prediction, against Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from written import pictures, png, words

from netspec.datasets.decoding import Frame, Header, decode, inspect, measure
from netspec.diagnostics import SpecError

PICTURE = Image.fromarray(pictures(1, 20, 30, 3)[0])
COLOR = Frame(3, 20, 30)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decoded(content: bytes, frame: Frame = COLOR) -> np.ndarray[Any, Any]:
    return decode(io.BytesIO(content), frame, "it")


def is_refused(content: bytes, how: Any = lambda c: decoded(c)) -> str:
    with pytest.raises(SpecError, match="NS603") as caught:
        how(content)
    return words(caught.value)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_as_pillow_reads_it(form: str) -> None:
    content = encoded(PICTURE, form)
    true = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert (decoded(content) == true.transpose(2, 0, 1)).all()
    gray = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    assert (decoded(content, Frame(1, 20, 30)) == gray[None]).all()
    assert inspect(io.BytesIO(content), "it") == measure(io.BytesIO(content), "it") == Header(3, 20, 30)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_was_cut_off(form: str) -> None:
    content = encoded(PICTURE, form)
    for length in (0, 1, 10, len(content) // 2, len(content) - len(content) // 8):
        is_refused(content[:length])
        is_refused(content[:length], lambda c: inspect(io.BytesIO(c), "it"))


@pytest.mark.parametrize("form", FORMATS)
def test_bytes_that_changed_never_crash(form: str) -> None:
    content = encoded(PICTURE, form)
    noise = np.random.RandomState(3)
    codes = set()
    for _ in range(150):
        broken = bytearray(content)
        for place in noise.randint(0, len(content) if noise.rand() < 0.5 else 60, 4):
            broken[place] = noise.randint(256)
        for how in (decoded, lambda c: inspect(io.BytesIO(c), "it"), lambda c: measure(io.BytesIO(c), "it")):
            codes.add(code_of(how, bytes(broken)))
    assert codes <= {"", "NS602", "NS603"}


def code_of(how: Any, content: bytes) -> str:
    try:
        how(content)
    except SpecError as error:
        return error.diagnostics[0].code
    return ""


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_as_pillow_turns_it(mode: str) -> None:
    picture = PICTURE.convert(mode)
    form = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    content = encoded(picture, form)
    for channels, wanted in ((1, "L"), (3, "RGB"), (4, "RGBA")):
        try:
            true = np.asarray(Image.open(io.BytesIO(content)).convert(wanted))
        except ValueError:
            continue
        found = decoded(content, Frame(channels, 20, 30))
        assert (found == (true[None] if true.ndim == 2 else true.transpose(2, 0, 1))).all()


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_16_bits_are_scaled_and_not_cut_off(form: str) -> None:
    deep = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    found = decoded(encoded(Image.fromarray(deep), form), Frame(1, 20, 30))
    assert np.abs(found[0] - deep / 257).max() <= 0.51
    assert measure(io.BytesIO(encoded(Image.fromarray(deep), form)), "it").channels == 1


def test_fractions_have_no_known_range() -> None:
    assert "floating-point" in is_refused(encoded(Image.fromarray(np.ones((20, 30), np.float32)), "TIFF"))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(10))
def test_how_the_camera_was_held(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(PICTURE, form, exif=exif)
    true = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
    header = measure(io.BytesIO(content), "it")
    assert (header.height, header.width) == true.shape[:2]
    assert (decoded(content, Frame(3, header.height, header.width)) == true.transpose(2, 0, 1)).all()


def test_metadata_that_cannot_be_read_turns_nothing() -> None:
    content = encoded(PICTURE, "JPEG", exif=b"Exif\0\0garbage that is no TIFF")
    assert decoded(content).shape == (3, 20, 30)


def test_the_first_picture_of_an_animation() -> None:
    for form in ("GIF", "WEBP"):
        options = {"lossless": True} if form == "WEBP" else {}
        moving = encoded(
            PICTURE.quantize(64), form, save_all=True, append_images=[Image.new("RGB", (30, 20))], **options
        )
        true = np.asarray(Image.open(io.BytesIO(moving)).convert("RGB"))
        assert (decoded(moving) == true.transpose(2, 0, 1)).all()
        assert true.std() > 10


@pytest.mark.parametrize("side", [9_000, 12_000, 60_000, 2_000_000_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    for how in (lambda c: decoded(c, Frame(3, 8, 8, resize=True)), lambda c: inspect(io.BytesIO(c), "it")):
        is_refused(png(side, side), how)


def test_scripts_and_other_formats_are_not_opened() -> None:
    for content in (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"hello",
    ):
        assert "the format is not one of PNG" in is_refused(content)
    assert "the file is empty" in is_refused(b"")


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_scaled_until_it_covers_and_cut_to_the_center(form: str, orientation: int) -> None:
    smooth = Image.fromarray(np.add.outer(np.arange(300), np.arange(400)).astype(np.uint8)).convert("RGB")
    smooth = smooth.resize((400, 300)).resize((800, 600), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(smooth, form, exif=exif, **({"quality": 98} if form == "JPEG" else {}))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    for frame, pixels in ((Frame(3, 60, 60, resize=True), 60), (Frame(3, 60, 60, resize=True, pixels=80), 80)):
        scale = pixels / min(upright.size)
        size = (round(upright.width * scale), round(upright.height * scale))
        left, top = (size[0] - 60) // 2, (size[1] - 60) // 2
        true = upright.resize(size, Image.Resampling.BILINEAR).crop((left, top, left + 60, top + 60))
        difference = np.abs(decoded(content, frame).astype(int) - np.asarray(true).transpose(2, 0, 1))
        assert difference.max() == 0 if form == "PNG" else difference.mean() < 2


def test_without_resize_another_size_is_named() -> None:
    with pytest.raises(SpecError, match="NS602") as caught:
        decoded(encoded(PICTURE, "PNG"), Frame(3, 21, 30))
    assert "it is 20x30, but the other images are 21x30" in words(caught.value)
