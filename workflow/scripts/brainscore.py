from pathlib import Path

from tgas_neuro.final.result.result import write_best_plugin
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.rule import running_rule

with running_rule(snakemake.log[0]) as report:
    folder = Path(snakemake.output[0]).parent
    result = read_json(snakemake.input.result)
    write_best_plugin(folder, snakemake.params.identifier, result, snakemake.input.weights)
    report(f"Brain-Score plugin: {folder} (docs/brainscore.md)")
