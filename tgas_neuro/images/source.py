"""Where the images of a stage come from: the user's folders, an archive, or the simulation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

VALIDATION_SHARE = 4  # simulated validation splits are a quarter of the training split

# Where a run keeps the lists of corrupt images.
CHECKED = "results/images/checked"


@dataclass(frozen=True)
class Images:
    """Where the images of a stage come from.

    Attributes
    ----------
    name
        ``<kind>-<digest>``, the folder of the files that are made from them.
    kind, data
        As in the configuration.
    archive
        The archive to unpack, or None.
    size
        Width and height of simulated images [pixel].
    """

    name: str
    kind: str
    data: dict[str, Any]
    archive: str | None
    size: int

    @property
    def is_made(self) -> bool:
        """Whether a rule renders or unpacks the split folders."""
        return self.kind == "simulated" or self.archive is not None

    def get_split_folder(self, split: str) -> str:
        """Folder of one split, ``train`` or ``val``: ``<folder>/<class>/<image>``."""
        if self.is_made:
            return f"results/images/{self.name}/{split}"
        return str(Path(self.data.get("path") or self.data["root"]) / split)

    def count_images_per_class(self, split: str) -> int:
        """Count the images to render for each class of a simulated split."""
        number = self.data["images_per_class"]
        return number if split == "train" else max(1, number // VALIDATION_SHARE)
