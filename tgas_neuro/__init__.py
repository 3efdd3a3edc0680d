"""Teacher Guided Architecture Search with the primate ventral stream as the teacher.

Five calls are public; docs/api.md has examples:

- `load_recordings`: neural recordings with their stimuli, RDMs and noise ceilings
- `load_teacher`: what networks are compared with
- `score`: the layers of any network, or features of them, against a teacher
- `search`: a search for architectures, in a space and by a reward of one's own if wanted
- `load_run`: what a search and its final training have written

Each is imported when it is first used, so that the import of the package stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tgas_neuro.api.recordings import load_recordings as load_recordings
    from tgas_neuro.api.runs import load_run as load_run
    from tgas_neuro.api.scores import score as score
    from tgas_neuro.api.teachers import load_teacher as load_teacher

__version__ = "0.2.0"

# Snakemake does not see edits inside a package. Every rule has this number among its
# params: raise it when numbers in the results change, and only then.
RESULTS_VERSION = 6

_ROOMS = {
    "load_recordings": "api.recordings",
    "load_run": "api.runs",
    "load_teacher": "api.teachers",
    "score": "api.scores",
}
__all__ = ["load_recordings", "load_run", "load_teacher", "score", "search"]


def __getattr__(name: str) -> Any:
    if name == "search":  # the package of that name, which can be called
        return import_module("tgas_neuro.search")
    if name in _ROOMS:
        return getattr(import_module(f"tgas_neuro.{_ROOMS[name]}"), name)
    raise AttributeError(f"module 'tgas_neuro' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "RESULTS_VERSION", "__version__"])
