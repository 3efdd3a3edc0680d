"""The page of a run: what its folders show, in words, charts and pictures, in one HTML file."""

import sys

# jsonschema, which altair loads, compiles grammars of URIs where this optional package is there.
# That takes two seconds; no chart names a URI.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None: not to be found
