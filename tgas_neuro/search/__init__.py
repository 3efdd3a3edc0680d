"""The search: strategies, proposals and histories.

The package can be called: ``tgas_neuro.search(...)`` is `tgas_neuro.api.searching.search`, one of
the five public calls, which has the same name.
"""

import sys
from importlib import import_module
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """A package that is a function as well; the import of a module below it keeps it one."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Search for architectures; see `tgas_neuro.api.searching.search`."""
        return _load_call()(*arguments, **options)

    @property
    def __signature__(self) -> Signature:
        return signature(_load_call())


def _load_call() -> Any:
    return import_module("tgas_neuro.api.searching").search


sys.modules[__name__].__class__ = _CallablePackage
