"""What all parts of `best_cell.json` share."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)


class Part(BaseModel):
    """A part of the file. It has these keys and no others; a key at its default is left out."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _leave_out_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields, content = type(self).model_fields, dump(self)
        return {
            name: value
            for name, value in content.items()
            if fields[name].is_required() or value != fields[name].default
        }


def key(description: str, **bounds: Any) -> Any:
    """Describe a key, with bounds and a default as pydantic's `Field` takes them."""
    return Field(description=description, **bounds)


Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Similarity = float | None
