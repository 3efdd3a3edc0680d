#!/usr/bin/env bash
# rsatoolbox 0.3.2 beside scikit-learn 1.5.2: pip installs both and finds no conflict, and
# `import rsatoolbox` fails.
#
# Expected: rsatoolbox names no version of scikit-learn, so any that pip accepts can be used.
# What happens: the package's own __init__ imports its pictures, these import a function that
# scikit-learn has had since 1.6 only, and nothing of rsatoolbox can be imported, not even the
# modules that need no scikit-learn.
# Why it matters: brainscore-vision 2.4.2 holds numpy at 1.26.4 and an environment for it is often
# pinned to scikit-learn 1.5. A user who adds rsatoolbox there to compare RDMs gets an ImportError
# about another package; scikit-learn 1.6 or newer beside the same numpy mends it.
#
# Output seen:
#   pip check: No broken requirements found.
#   scikit-learn 1.5.2: ImportError: cannot import name 'validate_data' from 'sklearn.utils.validation'
#   scikit-learn 1.6.1: rsatoolbox 0.3.2 imported
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install -q rsatoolbox==0.3.2 scikit-learn==1.5.2 numpy==1.26.4 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
check=$("$python" -m pip check) || true
echo "pip check: $check"
try() {
    "$python" - <<'PY'
import sklearn
from importlib.metadata import version

try:
    import rsatoolbox
except ImportError as error:
    print(f"scikit-learn {sklearn.__version__}: ImportError:", str(error).split(" (")[0])
else:
    print(f"scikit-learn {sklearn.__version__}: rsatoolbox {version('rsatoolbox')} imported")
PY
}
old=$(try); echo "$old"
"$python" -m pip install -q scikit-learn==1.6.1 numpy==1.26.4 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
new=$(try); echo "$new"
if [[ $check == "No broken"* && $old == *"cannot import name 'validate_data'"* && $new == *imported ]]; then
    echo "as recorded"
else
    echo "the behaviour has changed"
    exit 1
fi
