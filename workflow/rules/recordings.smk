# Recordings: files of a data set -> assembly (or published RDM), stimulus table and images.
RESPONSES = [n for n, d in PLAN.descriptions.items() if d["provides"] == "responses"]
RDMS = [n for n, d in PLAN.descriptions.items() if d["provides"] == "rdm"]


def list_files(dataset):
    """Files of a data set, where the download puts them."""
    files = PLAN.descriptions[dataset]["files"]
    return [f"neural_data/raw/{dataset}/{file['name']}" for file in files]


def match_any(names):
    """A regular expression that matches the names and nothing else."""
    return "|".join(names) or "(?!)"


rule recordings_download:
    localrule: True
    output:
        protected("neural_data/raw/{dataset}/{file}"),
    log:
        "results/logs/recordings/download_{dataset}_{file}.log",
    params:
        description=lambda wildcards: PLAN.descriptions[wildcards.dataset],
        mirror=PLAN.config["recordings"]["mirror"],
    threads: 1
    resources:
        mem_mb=500,
        runtime=240,
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
    params:
        description=lambda wildcards: PLAN.descriptions[wildcards.dataset],
        results_version=RESULTS_VERSION,
    wildcard_constraints:
        dataset=match_any(RESPONSES),
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
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
        dataset=match_any(RDMS),
