"""The JSON schema validator, loaded without the grammars of formats that no schema here uses.

Where the package `rfc3987_syntax` happens to be installed, jsonschema compiles its grammar when it
is imported, which takes seconds: of every job, since every job reads the configuration.
"""

import sys

UNUSED = "rfc3987_syntax"

_hidden = UNUSED not in sys.modules
if _hidden:
    sys.modules[UNUSED] = None  # an import of it fails, which jsonschema expects
try:
    from jsonschema import Draft202012Validator, ValidationError
finally:
    if _hidden:
        del sys.modules[UNUSED]

__all__ = ["Draft202012Validator", "ValidationError"]
