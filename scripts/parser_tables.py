"""Writes netspec/syntax/tables.json, the parser's tables, from grammar/netspec.lark: run it after a change to the grammar.

The tables are those of Lark's own `serialize`, as JSON: to load them is to read plain data, in place of the third of a
second in which Lark analyzes a grammar, and nothing has to be cached. A test compares the file with the grammar.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

ROOT = Path(__file__).resolve().parent.parent
GRAMMAR = ROOT / "grammar" / "netspec.lark"
TABLES = ROOT / "netspec" / "syntax" / "tables.json"


def tables_of(grammar: str) -> str:
    """The tables of a grammar, a line for each terminal, rule and state; the same text on every run."""
    lark = Lark(grammar, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True)
    data, memo = lark.memo_serialize([TerminalDef, Rule])
    table = data["parser"]["parser"]
    tokens, states = table["tokens"], table["states"]
    by_name = {
        number: {tokens[token]: action for token, action in sorted(actions.items(), key=lambda item: tokens[item[0]])}
        for number, actions in states.items()
    }
    names = {number: str(i) for i, number in enumerate(_in_order(table["start_states"].values(), by_name))}
    data["parser"]["parser"] = {
        "tokens": {token: token for token in sorted(tokens.values())},
        "states": {
            names[number]: {t: [kind, to if kind else names[to]] for t, (kind, to) in by_name[number].items()}
            for number in names
        },
        "start_states": {start: names[number] for start, number in table["start_states"].items()},
        "end_states": {start: names[number] for start, number in table["end_states"].items()},
    }
    return f'{{"data": {_lines(_with_text_keys(data), depth=4)},\n"memo": {_lines(_with_text_keys(memo), depth=1)}}}\n'


def _in_order(starts: Iterable[int], states: dict[int, dict[str, Any]]) -> list[int]:
    """The states in the order in which they are reached: Lark numbers them in the order of a set."""
    found = list(starts)
    for number in found:
        found += dict.fromkeys(to for kind, to in states[number].values() if not kind and to not in found)
    return found


def _with_text_keys(data: Any) -> Any:
    """The data with references and keys as text: JSON has no other keys, and Lark takes any."""
    if isinstance(data, dict):
        return {str(k): str(v) if k == "@" else _with_text_keys(v) for k, v in data.items()}
    return [_with_text_keys(v) for v in data] if isinstance(data, (list, tuple)) else data


def _lines(data: Any, depth: int) -> str:
    if depth and isinstance(data, dict) and data:
        return "{\n" + ",\n".join(f"{json.dumps(k)}: {_lines(v, depth - 1)}" for k, v in data.items()) + "\n}"
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    TABLES.write_text(tables_of(GRAMMAR.read_text(encoding="utf-8")), encoding="utf-8")
