"""The search: strategies, proposals and histories.

The package can be called: ``tgas_neuro.search(...)`` is `tgas_neuro.api.searching.search`, one of
the five public calls, which has the same name.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect import Signature


# A package that is a function as well; the import of a module below it keeps it one. Help and
# signature are those of the function.
class _CallablePackage(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return _load_call()(*arguments, **options)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return f"{self.__dict__['__doc__']}\n{_load_call().__doc__}"

    @property
    def __signature__(self) -> "Signature":
        from inspect import signature

        return signature(_load_call())


def _load_call() -> Any:
    return import_module("tgas_neuro.api.searching").search


sys.modules[__name__].__class__ = _CallablePackage
