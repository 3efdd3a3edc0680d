from tgas_neuro.experiments.table import build_table, write_table
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    cells = read_json(snakemake.input.cells)["cells"]
    trained = [read_json(path) for path in snakemake.input.mature]
    mature = {cell["hash"]: cell["mature"] for cell in trained or cells}
    records = [read_json(path) for path in snakemake.input.records]
    table = build_table(records, mature, snakemake.params.teachers)
    write_table(snakemake.output[0], table)
    report(f"{len(records)} trainings of {len(mature)} cells, {len(table):,} rows")
