"""What the page may send."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_ROWS = 5000  # of one decision, as by a lasso on the map

Row = Annotated[int, Field(ge=0, lt=2**31)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Person = Annotated[str, Field(max_length=100)]


class Body(BaseModel):
    """Nothing beside what is named."""

    model_config = ConfigDict(extra="forbid")


class LabelBody(Body):
    """A decision: items with one label, or with one each; null takes labels away."""

    items: list[Row] = Field(min_length=1, max_length=MOST_ROWS)
    label: Name | None = None
    labels: list[Name] | None = Field(default=None, max_length=MOST_ROWS)
    by: Person = ""
    how: Literal["random", "suggested", "correction", "imported"] = "suggested"
    sheet: int | None = Field(default=None, ge=0, lt=2**53)
    seen: int | None = Field(default=None, ge=0, lt=2**53)


class SheetBody(Body):
    """A sheet."""

    sheet: int = Field(ge=0, lt=2**53)


class SplitBody(SheetBody):
    """A sheet that holds several classes."""

    n_parts: int = Field(default=2, ge=2, le=5)


class PersonBody(Body):
    """Who asks."""

    by: Person = ""
