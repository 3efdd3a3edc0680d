from tgas_neuro.experiments.neurons import rate_neurons
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.experiments.table import read_table
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]), noted(snakemake):
    experiment = check_experiment(snakemake.params.experiment, snakemake.wildcards.experiment)
    table = read_table(snakemake.input[0], experiment)
    write_json(snakemake.output[0], rate_neurons(table, experiment))
