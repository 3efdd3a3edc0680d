"""The images of a stage: where they come from, and the name of what is made from them."""

from tgas_neuro.config.configuration import Configuration
from tgas_neuro.config.final import Final
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.section import dump_decisive
from tgas_neuro.images.decoded import Images
from tgas_neuro.runtime.files import calc_digest

ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")


def plan_images(stage: Premature | Final) -> Images:
    """The images of a stage, and the name of the files that are made from them."""
    data, size = dump_decisive(stage.data), stage.image_size
    path = data.get("path", "")
    archive = path if path.endswith(ARCHIVES) else None
    rendered = {"size": size} if data["kind"] == "simulated" else {}
    digest = calc_digest({**data, **rendered})
    return Images(f"{data['kind']}-{digest[:8]}", data["kind"], data, archive, size)


def describe_missing_archive(config: Configuration, archive: str) -> str:
    """A line for an archive of images that is not there, with where it can be had."""
    stages = {"premature": config.premature.data, "final": config.final.data}
    name = next(name for name, data in stages.items() if getattr(data, "path", None) == archive)
    source = getattr(stages[name], "source", None)
    text = f"{name}.data.path: {archive}: no such file; put it there, or name another one"
    return f"{text}. {source}" if source else text
