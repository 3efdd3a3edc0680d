from tgas_neuro.experiments.cells import draw_cells
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    cells = draw_cells(
        check_experiment(snakemake.params.experiment, snakemake.wildcards.experiment)
    )
    write_json(snakemake.output[0], {"cells": cells})
    report(f"{len(cells)} cells")
