#!/usr/bin/env bash
# Snakemake 9.27.0: default_target in an included file counts for nothing, and the run succeeds.
#
# Expected: a Snakefile that only includes another one does what that one does; `default_target: True` says
# which rule is meant wherever it stands.
# What happens: after an include the target that was there before is put back, here none. "Nothing to be
# done", exit code 0, and no file is made. The rules are known: their names on the command line work.
# Way out: a rule of its own with default_target in the outer file, whose input is rules.NAME.input.
# Why it matters: a workflow that moves to workflow/Snakefile and leaves an include in its old place, or
# the reverse, does nothing and says that all is up to date.
#
# Output seen:
#   the file itself      exit code 0  made
#   through an include   exit code 0  not made
#   the rule by name     exit code 0  made
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q snakemake==9.27.0 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
cd "$folder"
mkdir workflow
printf 'rule all:\n    default_target: True\n    output: "done.txt"\n    shell: "touch {output}"\n' > Snakefile
printf 'include: "../Snakefile"\n' > workflow/Snakefile
wrong=0
see() {  # see WORDS EXPECTED ARGUMENTS...
    local words=$1 expected=$2 code=0 found
    shift 2
    rm -f done.txt
    venv/bin/snakemake -c1 "$@" >log 2>&1 || code=$?
    if [ -e done.txt ]; then found=made; else found="not made"; fi
    printf '%-20s exit code %s  %s\n' "$words" "$code" "$found"
    [ "$code $found" = "0 $expected" ] || wrong=1
}
see "the file itself" made
see "through an include" "not made" --snakefile workflow/Snakefile
see "the rule by name" made --snakefile workflow/Snakefile all
[ "$wrong" = 0 ] && echo "as recorded" || echo "the behaviour has changed"
exit "$wrong"
