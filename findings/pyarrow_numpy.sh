#!/usr/bin/env bash
# pyarrow 26.0.1 beside numpy 1.26.4: pip installs both and finds no conflict, `import pyarrow`
# raises an ImportError, and pandas goes on without a word, with one thread more.
#
# Expected: a package that needs numpy 2 says so in its metadata, so that pip refuses or picks an
# older one.
# What happens: the metadata names no numpy at all. The import raises; pandas 2.3 tries it at its own
# import, hides the error, and `to_parquet` then calls pyarrow missing. The failed import has started
# a thread that stays.
# Why it matters: brainscore-vision 2.4.2 holds numpy at 1.26.4. Adding pyarrow there to write
# parquet gives an environment in which parquet cannot be written, and every process that imports
# pandas has a second thread, which matters where processes are forked. pyarrow 21.0.0 works.
#
# Output seen:
#   pip check: No broken requirements found.
#   pyarrow 26.0.1: ImportError: pyarrow requires NumPy 2.0 or newer, found 1.26.4
#   threads after `import pandas`: 2
#   to_parquet: ImportError
#   without pyarrow, threads after `import pandas`: 1
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install -q pyarrow==26.0.1 pandas==2.3.3 numpy==1.26.4 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
export OPENBLAS_NUM_THREADS=1
check=$("$python" -m pip check) || true
echo "pip check: $check"
found=$("$python" - <<'PY'
import os

import pandas

threads = len(os.listdir("/proc/self/task"))
try:
    import pyarrow
except ImportError as error:
    print("pyarrow 26.0.1: ImportError:", str(error).splitlines()[0])
print("threads after `import pandas`:", threads)
try:
    pandas.DataFrame({"a": [1]}).to_parquet(os.devnull)
except ImportError:
    print("to_parquet: ImportError")
PY
)
echo "$found"
"$python" -m pip uninstall -q -y pyarrow
after=$("$python" -c 'import os, pandas; print(len(os.listdir("/proc/self/task")))')
echo "without pyarrow, threads after \`import pandas\`: $after"
if [[ $check == "No broken"* && $found == *"requires NumPy"*"pandas\`: 2"*"to_parquet: ImportError" && $after == 1 ]]; then
    echo "as recorded"
else
    echo "the behaviour has changed"
    exit 1
fi
