#!/usr/bin/env bash
# Snakemake 9.27.0: numbers inside braces on the command line are text, at the top level they are
# numbers.
#
# Expected: --config 'search={seed: 3}' gives config["search"]["seed"] == 3, as the same text does
# in a configuration file, since --config seed=3 gives the number 3.
# What happens: values of --config are tried as int, float and bool first, which succeeds for 3.
# What is left is parsed as YAML without types, so everything inside braces or brackets is text: "3",
# "0.5", "true", "null". With a configuration file below, the texts are merged into its numbers.
# Why it matters: a rule that compares or multiplies such a value fails late, or does something else
# ("3" * 2 is "33", and "false" is true).
#
# Output seen:
#   --config seed=3                           {'seed': 3}
#   --config search={seed: 3, fast: false}    {'search': {'seed': '3', 'fast': 'false'}}
#   file: search: {seed: 3, fast: false}      {'search': {'seed': 3, 'fast': False}}
#   file and --config search={seed: 4}        {'search': {'seed': '4', 'fast': False}}
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q snakemake==9.27.0 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
cd "$folder"
printf 'open("seen", "w").write(repr(dict(config)))\nrule all:\n' > Snakefile
printf 'search: {seed: 3, fast: false}\n' > c.yaml
wrong=0
see() {  # see WORDS EXPECTED ARGUMENTS...
    local words=$1 expected=$2
    shift 2
    venv/bin/snakemake -n --quiet all "$@" >log 2>&1 || { cat log >&2; exit 2; }
    printf '%-41s %s\n' "$words" "$(cat seen)"
    [ "$(cat seen)" = "$expected" ] || wrong=1
}
see '--config seed=3' "{'seed': 3}" --config seed=3
see '--config search={seed: 3, fast: false}' "{'search': {'seed': '3', 'fast': 'false'}}" --config 'search={seed: 3, fast: false}'
see 'file: search: {seed: 3, fast: false}' "{'search': {'seed': 3, 'fast': False}}" --configfile c.yaml
see 'file and --config search={seed: 4}' "{'search': {'seed': '4', 'fast': False}}" --configfile c.yaml --config 'search={seed: 4}'
[ "$wrong" = 0 ] && echo "as recorded" || echo "the behaviour has changed"
exit "$wrong"
