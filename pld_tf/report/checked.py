"""Files that the page reads, checked field by field. Their formats: docs/formats.md."""

import json
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pld_tf.errors import PldError

MAX_BYTES = 2**24
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(max_length=1000)]
_Model = TypeVar("_Model", bound="Checked")


class Checked(BaseModel):
    """Values of a file; other fields of the file are not looked at."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


def read_checked(path: Path, kind: type[_Model]) -> _Model:
    """The fields of a JSON file.

    Raises:
      PldError: it can't be read, or a field is not as docs/formats.md says; the text names it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise PldError(f"{path} must have at most {MAX_BYTES:,} bytes, but has more.")
        # Through JSON: there a strict model still accepts a list for a tuple.
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise PldError(
            f"{path} can't be shown: {where}: {first['msg']}, got "
            f"{json.dumps(first['input'], default=str)[:80]}. Write it again with this version."
        ) from error
