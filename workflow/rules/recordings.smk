# Recordings: files of a data set -> assembly (or published RDM), stimulus table and images.


rule recordings_download:
    output:
        protected("neural_data/raw/{dataset}/{file}"),
    log:
        "results/logs/recordings/download_{dataset}_{file}.log",
    wildcard_constraints:
        file=match_downloads(PLAN.descriptions.values()),
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
    params:
        # what is fetched does not depend on how it is read
        file=lambda wildcards: get_download(wildcards.dataset, wildcards.file),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        mirror=PLAN.config.recordings.mirror,
    message:
        "Fetching {wildcards.file} of {wildcards.dataset}"
    script:
        "../scripts/recordings_download.py"


rule recordings_responses:
    input:
        files=lambda wildcards: list_files(wildcards.dataset),
    output:
        assembly="results/recordings/{dataset}/assembly.nc",
        stimuli="results/recordings/{dataset}/stimuli.csv",
        images=directory("results/recordings/{dataset}/stimuli"),
    log:
        "results/logs/recordings/{dataset}.log",
    benchmark:
        "results/benchmarks/recordings_{dataset}.tsv"
    wildcard_constraints:
        dataset=match_datasets("responses"),
    priority: FIRST
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        description=lambda wildcards: PLAN.descriptions[wildcards.dataset].dump(),
        folder="results/recordings/{dataset}",
        results_version=RESULTS_VERSION,
    message:
        "Reading the recordings {wildcards.dataset}"
    script:
        "../scripts/recordings.py"


use rule recordings_responses as recordings_rdm with:
    output:
        rdm="results/recordings/{dataset}/rdm.nc",
        stimuli="results/recordings/{dataset}/stimuli.csv",
        images=directory("results/recordings/{dataset}/stimuli"),
    wildcard_constraints:
        dataset=match_datasets("rdm"),


# The stage alone: snakemake --cores 2 recordings
rule recordings:
    input:
        list_recordings(),
