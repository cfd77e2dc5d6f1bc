"""Long lines of generated source, against what ruff makes of them."""

from __future__ import annotations

import subprocess
import sys

from netspec.backends.torch.layout import wrapped

LINES = (
    "y = self.attend1(query.flatten(2).mT, key.flatten(2).mT, value.flatten(2).mT).transpose(1, 2).unflatten(2, (14, 14)).relu()",
    "return self.attend1(a_long_name.flatten(2), b_long_name.flatten(2), c_long_name.flatten(2), d_long_name.flatten(2), 1).mT.unflatten(2, 7).relu()",
    "y = self.attention1(y.flatten(2).mT).mT.unflatten(2, (self.attention1_channels_along, self.attention1_channels_across, 123))",
    "y = one_of_the_long_names(x).flatten(2).transpose(1, 2) + another_of_the_long_names(x, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)",
)


def test_long_lines_are_broken_as_ruff_breaks_them() -> None:
    text = "".join(f"{part}\n" for line in LINES for part in wrapped(line, 0)).replace("return ", "z = ")
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    assert result.stdout == text
    assert all(len(line) <= 120 for line in text.splitlines())
