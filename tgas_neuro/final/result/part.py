"""What all parts of `best_cell.json` share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of the file. It has these keys and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def key(description: str, **bounds: Any) -> Any:
    """Describe a key, with bounds as pydantic's `Field` takes them."""
    return Field(description=description, **bounds)


Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Similarity = float | None
