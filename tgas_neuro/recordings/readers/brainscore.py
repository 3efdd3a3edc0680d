"""Any data set of brainscore_vision by its identifier, with its stimulus set."""

import importlib
import os
import re
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.config.messages import suggest
from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.recordings.readers.brainscore_stimuli import (
    add_width,
    check_shown,
    describe_versions,
    list_local_images,
    local_stimulus_sets,
    read_stimulus_set,
)
from tgas_neuro.recordings.readers.convert_source import convert_assembly
from tgas_neuro.recordings.readers.options import BrainscoreOptions
from tgas_neuro.recordings.readers.source_assembly import PRESENTATION, SourceAssembly
from tgas_neuro.recordings.readers.stimulus_table import match_stimuli, read_images
from tgas_neuro.runtime.errors import UserError

RAW = Path("neural_data/raw")


def read_brainscore(dataset: str, options: BrainscoreOptions, files: dict[str, Path]) -> Recordings:
    """Load a data set with `brainscore_vision.load_dataset` and make it the project's.

    Brain-Score downloads to ``neural_data/raw/<dataset>`` under the working directory, unless the
    environment's ``BRAINIO_HOME`` names another folder. Stimuli without responses are left out.

    Parameters
    ----------
    dataset, options
        Name of the data set, and what its description says.
    files
        The user's own images and their table, where the description names them; Brain-Score
        fetches everything else by itself.

    Raises
    ------
    UserError
        The identifier is unknown or private, there is no network, what came is no recordings, or
        nobody states the width of the stimuli.
    """
    name, identifier = f"{dataset}.yaml", options.identifier
    own = list_local_images(options, files, name)
    brainscore = import_brainscore(RAW / dataset)
    key = f"{name}: options.identifier"
    check_identifier(brainscore, "data", identifier, key)
    run_brainscore(lambda: _import_plugin(identifier), f"{key}: {identifier!r}")
    with local_stimulus_sets(brainscore, identifier, own[0]) if own else nullcontext():
        loaded = load_brainscore(brainscore, "data", identifier, key)
    source = _describe_source(loaded, f"{name}: {identifier}", options)
    assembly = convert_assembly(source, options).assign_attrs(describe_versions(identifier))
    if own is None:
        stimulus_set = _find_stimulus_set(brainscore, loaded, options, name)
        where = f"{name}: stimulus set {getattr(stimulus_set, 'identifier', f'of {identifier}')}"
        table, place = read_stimulus_set(stimulus_set, where)
    else:
        (table, place), where = own, f"{name}: options.images"
        check_shown(table, assembly["stimulus_id"].values.astype(str), f"{where}: {place}")
    listed, notes = add_width(table, options, where)
    assembly, stimuli = match_stimuli(assembly, listed, where, leave_out=True)
    if own is not None and len(listed) > len(stimuli):
        left_out = len(listed) - len(stimuli)
        notes += (f"{left_out:,} of {len(listed):,} images of {place} belong to no stimulus",)
    images = read_images(place, stimuli, listed)
    stimuli = stimuli.drop(columns=["place", "sha256"])
    return Recordings(
        stimuli, images, assembly, notes=notes, pictures=options.pictures or Pictures()
    )


def _describe_source(loaded: object, where: str, options: BrainscoreOptions) -> SourceAssembly:
    """Labels out of Brain-Score's MultiIndex, of presentations only those that are used."""
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

    if not isinstance(loaded, xr.DataArray):
        raise UserError(
            f"{where}: it is a {type(loaded).__name__}, not an assembly of responses; choose "
            "another options.identifier"
        )
    used = {*PRESENTATION, *(other for others in PRESENTATION.values() for other in others)}
    labels = {
        str(label): (dims, np.asarray(values))
        for label, dims, values in walk_coords(loaded)
        if dims != ("presentation",) or label in used
    }

    def load(part: xr.Variable) -> np.ndarray:
        return run_brainscore(lambda: _to_numbers(part), where)

    return SourceAssembly(where, loaded.variable, labels, loaded.attrs, load)


def _to_numbers(part: xr.Variable) -> np.ndarray:
    return np.asarray(part)  # Brain-Score leaves the responses on disk until then


def _find_stimulus_set(
    brainscore, loaded: xr.DataArray, options: BrainscoreOptions, name: str
) -> pd.DataFrame:
    """The one of the options, else the one that comes with the data set."""
    found = None if options.stimulus_set else loaded.attrs.get("stimulus_set")
    if found is None:
        identifier = options.stimulus_set or loaded.attrs.get("stimulus_set_identifier")
        if not identifier:
            raise UserError(
                f"{name}: {options.identifier} does not say which stimulus set it belongs to; "
                "set options.stimulus_set"
            )
        key = f"{name}: options.stimulus_set"
        found = load_brainscore(brainscore, "stimulus_set", str(identifier), key)
    if not isinstance(found, pd.DataFrame) or not getattr(found, "stimulus_paths", None):
        raise UserError(
            f"{name}: the stimulus set of {options.identifier} is a {type(found).__name__} "
            "without paths of images (stimulus_paths); set options.stimulus_set to another"
        )
    return found


# Without these Brain-Score runs pip, keeps stale results, and waits for Amazon's metadata server.
SWITCHES = {
    "BS_INSTALL_DEPENDENCIES": "no",
    "RESULTCACHING_DISABLE": "1",
    "BRAINSCORE_SKIP_MEMORY_CHECK": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
HOMES = ("BRAINSCORE_HOME", "BRAINIO_HOME", "RESULTCACHING_HOME")

NO_NETWORK = (
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "ProxyConnectionError",
    "SSLError",
    "HTTPClientError",
    "IncompleteReadError",
    "ResponseStreamingError",
)
DENIED = ("401", "403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch")
GONE = ("404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion")
BUSY = ("429", "500", "502", "503", "504", "SlowDown", "InternalError", "ServiceUnavailable")
DAMAGED = ("AssertionError", "BadZipFile", "error", "EOFError", "OSError", "EmptyDataError")


def import_brainscore(home: Path) -> ModuleType:
    """Import brainscore_vision with its switches set.

    `home` is the folder for what Brain-Score downloads; the environment's ``BRAINIO_HOME`` comes
    first, because a laboratory may share one. Raises `UserError` if it is not installed.
    """
    for name in HOMES:
        os.environ.setdefault(name, str(home.resolve()))
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)  # on Amazon's own machines a user may want its metadata
    os.environ["BS_INSTALL_DEPENDENCIES"] = "no"  # but nobody wants pip inside a running rule
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of its subclasses of DataArray
            return importlib.import_module("brainscore_vision")
    except ImportError as error:
        raise UserError(
            f"reader 'brainscore' needs the package brainscore-vision, which cannot be imported "
            f"({error}); install it: pip install 'brainscore-vision>=2.4'"
        ) from None


def load_brainscore(brainscore: ModuleType, kind: str, identifier: str, key: str) -> Any:
    """Load a data set or stimulus set.

    `kind` is ``data`` or ``stimulus_set``, `identifier` what Brain-Score registers, for example
    "MajajHong2015.public", and `key` the key of the description that names it, for messages.

    Raises
    ------
    UserError
        It is unknown or private, credentials or the network are missing, or the local copy is
        damaged.
    """
    check_identifier(brainscore, kind, identifier, key)
    load = brainscore.load_dataset if kind == "data" else brainscore.load_stimulus_set
    return run_brainscore(lambda: load(identifier), f"{key}: {identifier!r}")


def check_identifier(brainscore: ModuleType, kind: str, identifier: str, key: str) -> None:
    """Raise `UserError` for an identifier that Brain-Score does not know; see `load_brainscore`."""
    known = list_identifiers(brainscore, kind)
    if identifier not in known:
        word = {"data": "data set", "stimulus_set": "stimulus set"}[kind]
        raise UserError(
            f"{key}: {identifier!r} is not a {word} of brainscore_vision"
            f"{suggest(identifier, known)}; there are {len(known)}, among them: "
            f"{', '.join(sorted(known, key=_count_dots)[:5])}"
        )


def _import_plugin(identifier: str) -> None:
    from brainscore_core.plugin_management.import_plugin import import_plugin

    import_plugin("brainscore_vision", "data", identifier)


def list_identifiers(brainscore: ModuleType, kind: str) -> list[str]:
    """Identifiers that Brain-Score can load: found, as it does itself, in its plugins' text."""
    pattern = re.compile(rf"\b{kind}_registry\[(['\"])([^'\"<>]+)\1\]")
    folder = Path(str(brainscore.__file__)).parent / "data"
    texts = (path.read_text(encoding="utf-8") for path in sorted(folder.glob("*/__init__.py")))
    return list(dict.fromkeys(match[2] for text in texts for match in pattern.finditer(text)))


def _count_dots(identifier: str) -> tuple[bool, str]:
    return not identifier.endswith(".public"), identifier


def run_brainscore(load: Callable[[], Any], what: str) -> Any:
    """Call `load`; whatever Brain-Score raises becomes one line about `what`."""
    try:
        return load()
    except UserError:
        raise
    except Exception as error:  # its downloads raise plain Exception around a list of others
        raise UserError(f"{what}: {_format_error(error)}") from None


def _format_error(error: Exception) -> str:
    causes = _list_causes(error)
    kinds = {type(cause).__name__ for cause in causes}
    codes = {_find_code(cause) for cause in causes}
    home = os.environ.get("BRAINIO_HOME", "~/.brainio")
    if kinds & set(NO_NETWORK):
        return (
            "Brain-Score could not reach its store at Amazon S3 (no network?); try again with "
            f"network, or copy the folder {home} (BRAINIO_HOME) from a machine that has it"
        )
    if codes & set(DENIED):
        credentials = "none were found" if "NoCredentialsError" in kinds else "yours do not do"
        return (
            f"it is private: Amazon S3 refuses it without credentials ({credentials}); use a "
            "public one (usually named .public), or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY as Brain-Score's team gives them"
        )
    if codes & set(GONE):
        return (
            "it is no longer where this version of brainscore_vision looks for it "
            f"({_format_cause(causes[-1])}); update brainscore-vision"
        )
    if codes & set(BUSY):
        return f"Amazon S3 has a fault of its own ({_format_cause(causes[-1])}); try again later"
    if kinds <= {"Exception", "NoCredentialsError"} and "NoCredentialsError" in kinds:
        return (
            "Amazon S3 wants credentials and there are none; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or use a public data set (usually named .public)"
        )
    if isinstance(error, ImportError):
        return (
            f"its plugin needs a package that is not installed ({error}); install what the "
            "plugin's requirements.txt in brainscore_vision/data names"
        )
    if "SHA1" in str(error) or kinds & set(DAMAGED):
        return (
            f"the copy on this computer is damaged ({_format_cause(error)}); delete the folder "
            f"{home} (BRAINIO_HOME) to have it fetched again"
        )
    return (
        f"Brain-Score could not load it ({_format_cause(error)}); try brainscore_vision by itself"
    )


def _list_causes(error: BaseException) -> list[BaseException]:
    """The error, what it holds in a list, and what it was raised from."""
    causes = [error]
    for cause in causes:
        held = cause.args[0] if cause.args and isinstance(cause.args[0], list | tuple) else []
        near = [*held, cause.__cause__, cause.__context__]
        causes += [one for one in near if isinstance(one, BaseException) and one not in causes]
    return causes


def _find_code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _format_cause(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
