#!/usr/bin/env bash
# optuna 4.9.0 and 5.0.0: the same seed of TPESampler proposes otherwise, also when every option is
# given, unless multivariate is False.
#
# Expected: optuna 5 made multivariate=True the default, so that TPESampler(seed=0) changes; with
# multivariate=True written out, both versions propose the same.
# What happens: the default did change. But with multivariate=True (and constant_liar, whose default
# changed as well, written out) the proposals of the two versions part after the startup trials,
# too. Only multivariate=False gives the same values in both, to the last bit.
# Why it matters: to continue or repeat a study of optuna 4 with optuna 5, setting the old default is
# enough; who used the multivariate estimator needs the old version.
#
# Output seen (30 trials, 10 of them random; the first trial whose value differs, counted from 0):
#   default                                  differs from trial 10 on
#   multivariate=False                       equal
#   multivariate=True                        differs from trial 11 on
#   multivariate=True, constant_liar=True    differs from trial 11 on
#   multivariate=True, constant_liar=False   differs from trial 11 on
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/run.py" <<'PY'
import json
import sys
import warnings

import optuna

warnings.simplefilter("ignore")  # multivariate is experimental in 4.9.0
optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial):
    word = trial.suggest_categorical("word", ["x", "y", "z"])
    number, share = trial.suggest_int("number", 0, 9), trial.suggest_float("share", 0, 1)
    return ("xyz".index(word) - 1) ** 2 + abs(number - 4) + (share - 0.3) ** 2


def run(options):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, **options))
    study.optimize(objective, n_trials=30)
    return [trial.value for trial in study.trials]


print(json.dumps([run(options) for options in json.loads(sys.argv[1])]))
PY
OPTIONS='[{}, {"multivariate": false}, {"multivariate": true},
  {"multivariate": true, "constant_liar": true}, {"multivariate": true, "constant_liar": false}]'
for version in 4.9.0 5.0.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/python" -m pip install -q optuna==$version numpy==2.3.5 scipy==1.16.3 \
        2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
    "$folder/$version/bin/python" "$folder/run.py" "$OPTIONS" > "$folder/$version.json"
done
python3 - "$folder/4.9.0.json" "$folder/5.0.0.json" <<'PY'
import json
import sys

old, new = (json.load(open(path)) for path in sys.argv[1:])
names = ["default", "multivariate=False", "multivariate=True"]
names += [f"multivariate=True, constant_liar={one}" for one in (True, False)]
found = []
for name, first, second in zip(names, old, new):
    found.append(next((n for n, (a, b) in enumerate(zip(first, second)) if a != b), None))
    said = "equal" if found[-1] is None else f"differs from trial {found[-1]} on"
    print(f"{name:<40} {said}")
same = found == [10, None, 11, 11, 11]
print("as recorded" if same else "the behaviour has changed")
sys.exit(not same)
PY
