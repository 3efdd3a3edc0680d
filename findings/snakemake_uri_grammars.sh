#!/usr/bin/env bash
# Snakemake 9.27.0 beside jupyter-events 0.12.1, which every Jupyter server brings: each start of
# Snakemake on a workflow with a script takes a second more, spent on compiling grammars of URIs.
#
# Expected: another package in the same environment does not make Snakemake slower, and a rule with a
# Python script needs nothing of Jupyter.
# What happens: to run a script, Snakemake imports nbformat, which imports jsonschema, which imports
# every checker of formats that it finds. jupyter-events asks for jsonschema[format-nongpl], and with
# it comes rfc3987-syntax, which compiles a lark grammar for each rule of RFC 3987 at import.
# Why it matters: on a cluster Snakemake starts anew for each job, so that a workflow of many short
# jobs pays it every time.
#
# Output seen (CPU time of a dry run of one rule with a script):
#   snakemake and nbformat: rfc3987_syntax is imported: False
#   with jupyter-events: rfc3987_syntax is imported: True
#   the second takes more than 0.4 s longer: True
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
fetch() { "$folder/venv/bin/python" -m pip install -q "$@" 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }; }
cd "$folder"
printf 'print("made")\n' > made.py
printf 'rule made:\n    output: "made.txt"\n    script: "made.py"\n' > Snakefile
see() {  # imported or not, and the least CPU time of five starts
    venv/bin/python - <<'P'
import os, subprocess, sys
from resource import RUSAGE_CHILDREN, getrusage

code = "import sys; from snakemake.cli import main\ntry: main(['-n', '--quiet', 'all'])\nexcept SystemExit: pass\n"
code += "print('rfc3987_syntax' in sys.modules)"
taken = []
for _ in range(5):
    before = getrusage(RUSAGE_CHILDREN)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = getrusage(RUSAGE_CHILDREN)
    taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
print(out.stdout.split()[-1], min(taken))
P
}
fetch snakemake==9.27.0 nbformat==5.10.4
read -r before without < <(see)
echo "snakemake and nbformat: rfc3987_syntax is imported: $before"
fetch jupyter-events==0.12.1
read -r after with < <(see)
echo "with jupyter-events: rfc3987_syntax is imported: $after"
longer=$(venv/bin/python -c "print($with - $without > 0.4)")
echo "the second takes more than 0.4 s longer: $longer"
if [ "$before $after $longer" = "False True True" ]; then echo "as recorded"; else echo "the behaviour has changed"; exit 1; fi
