# SPDX-License-Identifier: GPL-2.0-or-later
"""What every part of a configuration has in common, and which keys there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo

from immapscope.config.document import Place


class Section(BaseModel):
    """Keys that belong together: strict, immutable, none beyond those that are named."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _of_nothing(cls, value: Any) -> Any:
        """A section of which every key is commented out."""
        return {} if value is None else value


def fields(section: type[Section], place: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    """Every key below `section` with the path to it; sections themselves are none."""
    for name, field in names(section).items():
        inner = section_of(field)
        if inner is None:
            yield (*place, name), field
        else:
            yield from fields(inner, (*place, name))


def names(section: type[Section]) -> dict[str, FieldInfo]:
    """The keys of a section as they stand in the file."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that this key opens, None where its value is a plain one."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def dotted(place: Place) -> str:
    """`exporter.max_series`, `inodes[2]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".")
