from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.experiments.sittings import (
    collect_mature,
    count_other_trainings,
    join_sittings,
    read_earlier,
)
from tgas_neuro.experiments.table import build_table, write_table
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

params, given = snakemake.params, snakemake.input
with running_rule(snakemake.log[0]) as report, noted(snakemake):
    experiment = check_experiment(params.experiment, snakemake.wildcards.experiment)
    cells = read_json(given.cells)["cells"]
    numbers = {cell["hash"]: number for number, cell in enumerate(cells)}
    mature = {cell["hash"]: cell["mature"] for cell in cells}
    records = [read_json(path) for path in given.records]
    digests = {key: one["digest"] for key, one in params.teachers.items()}
    earlier = [read_earlier(path, experiment, digests) for path in given.earlier]
    mature |= collect_mature(earlier, [read_json(path) for path in given.mature])
    table = build_table(records, numbers, mature, experiment.training.steps, params.teachers)
    for rows, path in zip(earlier, given.earlier, strict=True):
        known = len(rows.groupby(["cell", "repetition"]))
        report(f"{path}: {known} trainings of earlier sittings")
        other, both = count_other_trainings(rows, table)
        if other:
            report(
                f"{path}: {other} of {both} trainings that went on have another P than it holds, "
                "as on another kind of processor: their steps are not of one training to the digit"
            )
        table = join_sittings(rows, table, cells, path)
    write_table(snakemake.output[0], table)
    trainings = len(table.groupby(["cell", "repetition"]))
    report(f"{trainings} trainings of {table['cell'].nunique()} cells, {len(table):,} rows")
