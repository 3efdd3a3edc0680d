"""Data sets of Brain-Score by identifier: where it keeps them, and its mistakes in one line."""

import importlib
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tgas_neuro.config.schema_errors import suggest
from tgas_neuro.runtime.errors import UserError

# Without these Brain-Score runs pip behind one's back, keeps stale results, and asks Amazon's
# metadata server for credentials, which takes long where there is none.
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

    Parameters
    ----------
    home
        The folder for what Brain-Score downloads; the environment's ``BRAINIO_HOME`` and its like
        come first, so that a laboratory can share one.

    Raises
    ------
    UserError
        It is not installed.
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

    Parameters
    ----------
    brainscore
        From `import_brainscore`.
    kind
        ``data`` or ``stimulus_set``.
    identifier
        As Brain-Score registers it, for example "MajajHong2015.public".
    key
        The key of the description that names it, for messages.

    Raises
    ------
    UserError
        It is unknown or private, credentials or the network are missing, or the local copy is
        damaged.
    """
    known = list_identifiers(brainscore, kind)
    if identifier not in known:
        word = {"data": "data set", "stimulus_set": "stimulus set"}[kind]
        raise UserError(
            f"{key}: {identifier!r} is not a {word} of brainscore_vision"
            f"{suggest(identifier, known)}; there are {len(known)}, among them: "
            f"{', '.join(sorted(known, key=_count_dots)[:5])}"
        )
    load = brainscore.load_dataset if kind == "data" else brainscore.load_stimulus_set
    return run_brainscore(lambda: load(identifier), f"{key}: {identifier!r}")


def list_identifiers(brainscore: ModuleType, kind: str) -> list[str]:
    """Identifiers that Brain-Score can load: found, as it does itself, in its plugins' text."""
    pattern = re.compile(rf"\b{kind}_registry\[(['\"])([^'\"<>]+)\1\]")
    folder = Path(brainscore.__file__).parent / "data"
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
        raise UserError(f"{what}: {_word_error(error)}") from None


def _word_error(error: Exception) -> str:
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
            f"({_word_cause(causes[-1])}); update brainscore-vision"
        )
    if codes & set(BUSY):
        return f"Amazon S3 has a fault of its own ({_word_cause(causes[-1])}); try again later"
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
            f"the copy on this computer is damaged ({_word_cause(error)}); delete the folder "
            f"{home} (BRAINIO_HOME) to have it fetched again"
        )
    return f"Brain-Score could not load it ({_word_cause(error)}); try brainscore_vision by itself"


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


def _word_cause(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
