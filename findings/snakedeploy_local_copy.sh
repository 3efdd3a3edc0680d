#!/usr/bin/env bash
# snakedeploy 0.17.1: what it deploys from a local copy of a workflow does not find that workflow.
#
# Expected: deploy-workflow FOLDER DEST writes a Snakefile whose module names the Snakefile in FOLDER, as
# it names repository and tag when the source is on GitHub.
# What happens: the path is written without FOLDER. Snakemake looks for it beside the new Snakefile: a
# workflow in workflow/Snakefile is not found there; one in Snakefile would be the new file itself. The
# command ends with "Deployment complete". --tag is demanded and not used.
# Way out: write the absolute path into the new Snakefile.
# Why it matters: trying a deployment before the workflow is published is the natural first step.
#
# Output seen:
#   exit code 0
#   "workflow/Snakefile"
#   there   no
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q snakedeploy==0.17.1 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
cd "$folder"
mkdir -p source/workflow source/config
printf 'rule all:\n    output: "done.txt"\n    shell: "touch {output}"\n' > source/workflow/Snakefile
printf 'key: value\n' > source/config/config.yaml
wrong=0
code=0
venv/bin/snakedeploy deploy-workflow "$folder/source" made --tag v1 >log 2>&1 || code=$?
echo "exit code $code"
[ "$code" = 0 ] || wrong=1
line=$(grep -A1 'snakefile:' made/workflow/Snakefile | tail -1 | tr -d ' ')
echo "$line"
[ "$line" = '"workflow/Snakefile"' ] || wrong=1
if [ -e "made/workflow/$(tr -d '"' <<< "$line")" ]; then there=yes; else there=no; fi
echo "there   $there"
[ "$there" = no ] || wrong=1
[ "$wrong" = 0 ] && echo "as recorded" || echo "the behaviour has changed"
exit "$wrong"
