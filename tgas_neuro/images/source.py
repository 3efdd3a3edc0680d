"""Where the images of a stage come from: folders of the user, or made by a rule."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

VALIDATION_SHARE = 4  # simulated validation splits are a quarter of the training split

# Where a run keeps which of its images are corrupt.
CHECKED = "results/images/checked"


@dataclass(frozen=True)
class Images:
    """Where the images of a stage come from.

    Attributes
    ----------
    name
        ``<kind>-<digest>``, the folder of what is made from them.
    kind, data
        As in the configuration.
    archive
        The archive that has to be unpacked, or None.
    size
        Pixels at which simulated images are rendered.
    """

    name: str
    kind: str
    data: dict[str, Any]
    archive: str | None
    size: int

    @property
    def is_made(self) -> bool:
        """Whether a rule makes the split folders (renders or unpacks them)."""
        return self.kind == "simulated" or self.archive is not None

    def get_split_folder(self, split: str) -> str:
        """Folder of one split, ``train`` or ``val``: ``<folder>/<class>/<image>``."""
        if self.is_made:
            return f"results/images/{self.name}/{split}"
        return str(Path(self.data.get("path") or self.data["root"]) / split)

    def count_images_per_class(self, split: str) -> int:
        """Images to render for each class of a simulated split."""
        number = self.data["images_per_class"]
        return number if split == "train" else max(1, number // VALIDATION_SHARE)
