#!/usr/bin/env bash
# Snakemake 9.18.2 and 9.27.0: which file of a profile is read, when its folder has several.
#
# Expected: a workflow that is written for the newer name, profiles/default/profile.yaml, runs without
# its defaults in a version that does not know the name (from 9.19 on it does); and a folder with a
# second file, config.yaml, for older versions has the same meaning in all of them.
# What happens: 9.18.2 stops at the sight of the folder: "profile given but no config.yaml found",
# though nobody gave a profile. With both files 9.18.2 reads config.yaml and 9.27.0 profile.yaml, and
# neither says that there is another one. A name with a version goes before one without:
# config.v9+.yaml hides profile.yaml in both.
# Why it matters: "snakemake>=9.0" is no true requirement of a workflow with a profile.yaml; a folder
# with both files runs with other settings in each version unless they are kept equal.
#
# Output seen (the file whose number of cores is used):
#   profiles/default has            9.18.2                           9.27.0
#   profile.yaml                    Error: profile given but no      profile.yaml
#   config.yaml                     config.yaml                      config.yaml
#   profile.yaml config.yaml        config.yaml                      profile.yaml
#   profile.yaml config.v9+.yaml    config.v9+.yaml                  config.v9+.yaml
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XDG_CACHE_HOME="$folder/cache" HOME="$folder"
for version in 9.18.2 9.27.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/python" -m pip install -q snakemake==$version 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
done
mkdir "$folder/work"
cd "$folder/work"
printf 'open("cores", "w").write(str(workflow.cores))\nrule all:\n' > Snakefile
read_one() {  # read_one VERSION FILES...: the file that was read, or the first words of the error
    local version=$1
    shift
    rm -rf profiles cores
    mkdir -p profiles/default
    for number in $(seq $#); do echo "cores: $number" > "profiles/default/${!number}"; done
    "$folder/$version/bin/snakemake" >log 2>&1 || { grep -o 'Error: profile given but no' log || cat log; return; }
    local chosen
    chosen=$(cat cores)
    echo "${!chosen}"
}
found=$(
    printf '%-31s %-32s %s\n' 'profiles/default has' 9.18.2 9.27.0
    for files in profile.yaml config.yaml 'profile.yaml config.yaml' 'profile.yaml config.v9+.yaml'; do
        # shellcheck disable=SC2086
        printf '%-31s %-32s %s\n' "$files" "$(read_one 9.18.2 $files)" "$(read_one 9.27.0 $files)"
    done
)
echo "$found"
expected='profiles/default has            9.18.2                           9.27.0
profile.yaml                    Error: profile given but no      profile.yaml
config.yaml                     config.yaml                      config.yaml
profile.yaml config.yaml        config.yaml                      profile.yaml
profile.yaml config.v9+.yaml    config.v9+.yaml                  config.v9+.yaml'
if [ "$found" = "$expected" ]; then
    echo "as recorded"
else
    echo "the behaviour has changed"
    exit 1
fi
