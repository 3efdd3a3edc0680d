from tgas_neuro.final.result.best_cell import check_part
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.final.result.plugin import write_plugin
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    folder, given = snakemake.output[0], snakemake.input
    result = check_part(BestCell, read_json(given.result))
    write_plugin(folder, snakemake.params.identifier, result, given.weights)
    report(f"Brain-Score plugin: {folder} (docs/brainscore.md)")
