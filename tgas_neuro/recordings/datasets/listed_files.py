"""Files of a description, found by name or by what their endings say that they hold."""

from dataclasses import dataclass
from pathlib import Path

from tgas_neuro.config.schema_errors import suggest
from tgas_neuro.runtime.errors import UserError


@dataclass(frozen=True)
class ListedFiles:
    """The files of a description, by name or by what they can hold.

    Attributes
    ----------
    dataset
        Name of the data set.
    paths
        Path of each file by its name.
    """

    dataset: str
    paths: dict[str, Path]

    def find(self, name: str | None, endings: tuple[str, ...], key: str) -> Path:
        """Path of the file called `name`, or of the only one with one of `endings`.

        `key` is the option that asks for it, for messages.
        """
        where = f"{self.dataset}.yaml: {key}"
        if name is not None:
            if name not in self.paths:
                raise UserError(
                    f"{where}: file: {name!r} is not listed under files"
                    f"{suggest(name, self.paths)}; there are: {', '.join(self.paths) or 'none'}"
                )
            return Path(self.paths[name])
        names = [
            name
            for name, path in self.paths.items()
            if name.lower().endswith(endings) or str(path).lower().endswith(endings)
        ]
        if len(names) != 1:
            raise UserError(
                f"{where}: file is missing and {len(names)} files end in {', '.join(endings)}; "
                f"name one of: {', '.join(names or self.paths) or 'none are listed under files'}"
            )
        return Path(self.paths[names[0]])
