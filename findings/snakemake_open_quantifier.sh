#!/usr/bin/env bash
# Snakemake 9.27.0: a wildcard whose constraint has an open quantifier, {4,}, matches no file.
#
# Expected: wildcard_constraints are regular expressions of Python, so that \d{4,} is four digits or
# more, as \d{4} is four digits and \d{1,4} up to four.
# What happens: the constraint is written into the braces of the wildcard, and read from there again
# with a pattern of its own, which knows {4} and {1,4} but not {4,}. The wildcard is then no wildcard:
# nothing is said about the constraint, and the file "has no rule". In a rule with log files the end
# is an error of Python's re about a group name.
# Way out: \d\d\d\d+ matches the same.
# Why it matters: it works in tests with a fixed number of digits, and fails where files are numbered.
#
# Output seen:
#   \d{4}       made
#   \d{1,4}     made
#   \d{4,}      MissingRuleException
#   \d\d\d\d+   made
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q snakemake==9.27.0 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
cd "$folder"
wrong=0
see() {  # see CONSTRAINT EXPECTED
    rm -rf out
    printf 'rule cell:\n    output: "out/{cell}.txt"\n    wildcard_constraints: cell=r"%s"\n    shell: "touch {output}"\n' "$1" > Snakefile
    if venv/bin/snakemake -c1 out/0001.txt >log 2>&1; then found=made; else found=$(grep -o '^[A-Za-z]*Exception' log | head -1); fi
    printf '%-11s %s\n' "$1" "$found"
    [ "$found" = "$2" ] || wrong=1
}
see '\d{4}' made
see '\d{1,4}' made
see '\d{4,}' MissingRuleException
see '\d\d\d\d+' made
[ "$wrong" = 0 ] && echo "as recorded" || echo "the behaviour has changed"
exit "$wrong"
