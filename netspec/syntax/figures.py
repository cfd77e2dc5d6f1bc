"""Numbers, sizes and comparisons that are written otherwise than here: rules as those of `wording`."""

from __future__ import annotations

import re

from netspec.syntax.place import Place, Words
from netspec.syntax.recovery import masked

__all__ = ["figures", "input_size", "leading_numbers", "numbers", "suffixes"]


def numbers(p: Place) -> Words | None:
    if p.char == "." and re.search(r"[x×][ \t]*\d+$", p.before):
        return Words("the number of copies is a whole number", expected=False)
    if p.char == "." and p.rest[1:2].isdigit() and not p.before[-1:].isdigit():
        shown = re.match(r"[.0-9]+", p.rest)
        return Words(
            "a number needs a digit before the point",
            f"write `0{shown.group()}`" if shown else "",
            ((p.at, p.at, "0"),),
        )
    return _commas_between(p)


def _commas_between(p: Place) -> Words | None:
    """`at=100,150`, which is a list, and `1,000`, which is a number."""
    listed, more = re.search(r"(?<!=)=(\d[\d.]*)$", p.before), re.match(r"(?:,[ \t]*[\d.]+)+", p.rest)
    if listed and more and not re.match(r"\s*expect\b", p.line):
        start, stop = p.start + listed.start(1), p.at + more.end()
        sign = "()" if "betas=" in p.before else "[]"
        text = f"{sign[0]}{', '.join(part.strip() for part in p.text[start:stop].split(','))}{sign[1]}"
        change = (start, stop, text)
        return Words("several values stand in brackets", f"write `{text}`", (change,), safe=False, repairs=True)
    thousands = re.match(r"(?:,\d{3})+(?!\d)", p.rest)
    lead = re.search(r"(?<!\d)\d{1,3}$", p.before)
    if thousands and lead and not re.match(r"\s*input\b", p.line) and not p.in_recipe():
        whole = lead.group() + thousands.group().replace(",", "")
        change = (p.at, p.at + thousands.end(), thousands.group().replace(",", ""))
        return Words("a number has no commas", f"write `{whole}`", (change,))
    return None


def suffixes(p: Place) -> Words | None:
    """`50%`, `5 M` and `5m`."""
    if p.char == "%" and (digits := re.search(r"\d+(\.\d+)?$", p.before)):
        value = f"{float(digits.group()) / 100:g}"
        change = (p.start + digits.start(), p.at + 1, value)
        return Words("a share is written as a number from 0 to 1", f"write `{value}`", (change,), safe=False)
    if re.fullmatch(r"[KMGB]", p.shown) and (gap := re.search(r"([\d._]+)([ \t]+)$", p.before)):
        change = (p.start + gap.start(2), p.at, "")
        return Words(
            f"`{p.shown}` belongs to its number", f"write them without a space: `{gap[1]}{p.shown}`", (change,)
        )
    if re.fullmatch(r"[kmgb]", p.shown) and (digits := re.search(r"[\d._]+$", p.before)):
        written = digits.group() + p.shown.upper()
        return Words(
            "a figure ends in a capital: K, M, G or B", f"write `{written}`", ((p.at, p.at + 1, p.shown.upper()),)
        )
    return None


def leading_numbers(p: Place) -> Words | None:
    """`3 x conv3-64` and `64 conv3`: lines that begin with a number."""
    copies = re.match(r"\s*(\d+)[ \t]*[x×*][ \t]*(?=[A-Za-z_])", p.line)
    if copies and not p.before.strip():
        row = masked(p.line)
        text = row[copies.end() :].strip()
        changes = (
            (p.at, p.start + copies.end(), ""),
            (p.start + len(row.rstrip()), p.start + len(row.rstrip()), f" x{copies[1]}"),
        )
        return Words(
            "copies are counted behind the layer", f"write `{text} x{copies[1]}`", changes, safe=False, repairs=True
        )
    first = re.match(r"\s*(\d+)[ \t]+([A-Za-z_]\w*)", p.line)
    if first and not p.before.strip() and p.char.isdigit():
        return Words(
            "a layer begins with its name", f"the number of filters or units follows it: `{first[2]}-{first[1]}`",
            ((p.start + first.start(1), p.start + first.end(), f"{first[2]}-{first[1]}"),), safe=False,
        )  # fmt: skip
    return None


def input_size(p: Place) -> Words | None:
    found = re.match(
        r"(\s*input\b[ \t]*(?:(?!shape|size|None\b)[A-Za-z_]\w*[ \t]+)?)(?:shape|size)?[ \t:=]*([(\[]?[ \t]*)(None|-1)?[ \t]*"
        r"(?:(?<=[^\w])[,*x]?|(?<=None)[,*x ]|(?<=-1)[,*x ])([ \t]*\d+(?:[ \t]*[,*x ][ \t]*\d+)*[ \t]*,?[ \t]*[)\]]?)",
        p.line,
    )
    if not found or (found[4].isdigit() and not found[3]):
        return None
    numbers = re.findall(r"\d+", found[4])
    size = "x".join(_channels_first(numbers, batch=bool(found[3])))
    change = (p.start + found.end(1), p.start + found.end(), size if found[1][-1:].isspace() else f" {size}")
    if not change[0] <= p.at <= change[1]:
        return None
    help_ = f"write `{found[1].strip()} {size}`"
    if found[3]:
        return Words(
            "a spec states one example: the batch has no place in it", help_, (change,), safe=False, repairs=True
        )
    if p.char in ":=" and re.fullmatch(r"\d+(?:x\d+)*", found[4].strip()):
        return Words(f"`input` takes no `{p.char}`", help_, (change,), expected=False)
    return Words("a size is written with `x` between its numbers", help_, (change,))


def _channels_first(numbers: list[str], *, batch: bool) -> list[str]:
    """The sizes of an image in netspec's order: without a batch before them, its channels first."""
    sizes = [int(number) for number in numbers]
    if len(sizes) == 4 and not batch and (sizes[1] in (1, 3) or sizes[3] in (1, 3)) and sizes[2] > 4:
        numbers, sizes = numbers[1:], sizes[1:]
    if len(sizes) == 3 and sizes[2] in (1, 3, 4) and min(sizes[:2]) > 4:
        return [numbers[2], *numbers[:2]]
    return numbers


def figures(p: Place) -> Words | None:
    """`expect 5K < params < 10K` and `5 million`."""
    word = re.match(r"(thousand|million|billion)s?\b", p.rest)
    number = re.search(r"(\d[\d._]*)[ \t]*$", p.before)
    if word and number:
        written = number[1] + {"t": "K", "m": "M", "b": "B"}[word[1][0]]
        change = (p.start + number.start(1), p.at + word.end(), written)
        return Words(f"`{word.group()}` cannot stand here", f"write `{written}`", (change,), expected=False)
    chained = re.fullmatch(
        r"([ \t]*)expect[ \t]+(.+?)[ \t]*(<=|<|>=|>|==)[ \t]*(.+?)[ \t]*(<=|<|>=|>|==)[ \t]*(.+?)[ \t]*", masked(p.line)
    )
    if chained and p.rest.startswith(chained[5]):
        space, low, first, middle, second, high = chained.groups()
        text = f"{space}expect {low} {first} {middle}\n{space}expect {middle} {second} {high}"
        change = (p.start, p.start + len(masked(p.line).rstrip()), text)
        return Words("a comparison has two sides", f"write two lines: `expect {low} {first} {middle}`, "
                     f"`expect {middle} {second} {high}`", (change,), repairs=False, expected=False)  # fmt: skip
    return None
