from pathlib import Path

from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.loggers import Loggers
from tgas_neuro.loggers import log_search
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.search.candidate.kept import drop_kept
from tgas_neuro.search.generation import describe_history, make_history
from tgas_neuro.search.history import load_history

with running_rule(snakemake.log[0]) as report:
    search, folder = read_search(snakemake.params.search), Path(snakemake.output[0]).parents[1]
    with noted(snakemake):
        previous, reused = snakemake.input.previous, snakemake.input.reused
        history = make_history(
            int(snakemake.wildcards.generation),
            Path(previous[0]) if previous else None,
            [Path(path) for path in snakemake.input.records],
            search,
            snakemake.params.digests,
            Path(reused[0]) if reused else None,
        )
        write_json(snakemake.output[0], history)
        # Snakemake has seen the ends of the jobs of all these records
        ids = [read_json(path)["id"] for path in snakemake.input.records]
        drop_kept(folder, ids)
        report(describe_history(history))
    # no params: they decide nothing, and a changed one must not make histories again
    loggers = check_section(
        Loggers, snakemake.config.get("loggers", {}), "config.yaml", ["loggers"]
    )
    entries = load_history(Path(snakemake.output[0]))
    log_search(folder, entries, build_space(search), search.layer_choice, loggers, report)
