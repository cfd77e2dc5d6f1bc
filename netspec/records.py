"""Immutable values with named fields."""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform

__all__ = ["Record"]


@dataclass_transform(frozen_default=True)
class Record:
    """What a frozen dataclass is. Python compiles the methods of each dataclass at every start, half a millisecond for
    one; of the facts of diagnostics there are fifty, and a start needs none of them."""

    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.__match_args__ = tuple(cls.__annotations__)  # type: ignore[misc]  # for each class its own

    def __init__(self, *values: Any, **named: Any) -> None:
        given = dict(zip(self.__match_args__, values, strict=False), **named)
        missing = [name for name in self.__match_args__ if name not in given and not hasattr(type(self), name)]
        if missing or len(values) + len(named) != len(given) or given.keys() - set(self.__match_args__):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(self.__match_args__)}")
        self.__dict__.update({name: given.get(name, getattr(type(self), name, None)) for name in self.__match_args__})

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"
