# Experiments on guidance: cells that are measured along their training, with every teacher -> how
# well P and TG know early what the cells reach. workflow/experiments/<name>.yaml says what is
# measured, or experiments/<name>.yaml in the working directory. Nothing runs unless it is asked for:
#     snakemake --cores 8 results/experiments/surrogates/report.html
from functools import cache

from tgas_neuro.config.experiments import MatureTable
from tgas_neuro.experiments.options import configure_teacher, load_experiment
from tgas_neuro.recordings.datasets.description import LocalFile

EXPERIMENT = "results/experiments/{experiment}"
FILES = [Path("experiments"), Path(workflow.basedir) / "workflow/experiments"]
sys.path.append(str(FILES[1]))  # modules that make networks


@cache
def get_experiment(name):
    """An experiment by name; a mistake of the user ends in its one line."""
    try:
        return load_experiment(name, FILES)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


@cache
def plan_teacher(name, key):
    """The plan of a run with one teacher of an experiment."""
    config = configure_teacher(get_experiment(name), key)
    try:
        return build_plan(config, DESCRIPTIONS, f"{name}.yaml: teachers.{key}")
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


def list_teachers_files(wildcards):
    """Files of the user's that a teacher is made from, and its network's."""
    plan = plan_teacher(wildcards.experiment, wildcards.key)
    files = [file for found in plan.descriptions.values() for file in found.files]
    own = [str(locate_file(file, "")) for file in files if isinstance(file, LocalFile)]
    return [*own, *plan.network]


def dump_experiment(wildcards):
    """An experiment as params hold it, without what only says where files are looked for."""
    return dump_decisive(get_experiment(wildcards.experiment))


def describe_drawing(wildcards):
    """All that decides which cell has a number, not how many there are."""
    content = dump_experiment(wildcards)
    table = content["mature"] if content["mature"]["kind"] == "table" else None
    return [content["space"], content["options"], content["cells"]["seed"], table]


def list_cells(wildcards):
    """Files of all trainings of an experiment."""
    cells = get_experiment(wildcards.experiment).cells
    folder = f"results/experiments/{wildcards.experiment}/cells"
    numbers = [(number, 0) for number in range(cells.number)]
    numbers += [(number, 1) for number in range(cells.repeated)]
    return [f"{folder}/{number:04d}_{repetition}.json" for number, repetition in numbers]


def list_mature(wildcards):
    """Files of the longer trainings, if the experiment has no table of accuracies."""
    experiment = get_experiment(wildcards.experiment)
    if isinstance(experiment.mature, MatureTable):
        return []
    folder = f"results/experiments/{wildcards.experiment}/mature"
    return [f"{folder}/{number:04d}.json" for number in range(experiment.cells.number)]


def get_table(wildcards):
    """The table of an experiment: a kept one, or one that is made here."""
    kept = get_experiment(wildcards.experiment).table
    return kept or f"results/experiments/{wildcards.experiment}/table.csv.gz"


rule experiment_cells:
    input:
        lambda wildcards: getattr(get_experiment(wildcards.experiment).mature, "path", []),
    output:
        f"{EXPERIMENT}/cells.json",
    log:
        "results/logs/experiments/{experiment}_cells.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        experiment=dump_experiment,
        results_version=RESULTS_VERSION,
    message:
        "Drawing the cells of {wildcards.experiment}"
    script:
        "../scripts/experiment_cells.py"


rule experiment_images:
    output:
        multiext(f"{EXPERIMENT}/images/{{split}}/", "images.npy", "labels.npy", "classes.json"),
    log:
        "results/logs/experiments/{experiment}_images_{split}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        premature=lambda wildcards: dump_experiment(wildcards)["training"]["premature"],
        results_version=RESULTS_VERSION,
    message:
        "Decoding the {wildcards.split} images of {wildcards.experiment}"
    script:
        "../scripts/experiment_images.py"


rule experiment_teacher:
    input:
        list_teachers_files,
    output:
        f"{EXPERIMENT}/teachers/{{key}}.nc",
    log:
        "results/logs/experiments/{experiment}_teacher_{key}.log",
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=grow(8000),
        runtime=grow(240),
    params:
        config=lambda wildcards: configure_teacher(
            get_experiment(wildcards.experiment), wildcards.key
        ),
        digest=lambda wildcards: plan_teacher(wildcards.experiment, wildcards.key).digests[
            "teacher"
        ],
        name="{experiment}.yaml: teachers.{key}",
        descriptions=list(map(str, DESCRIPTIONS)),
        modules=str(FILES[1]),
        results_version=RESULTS_VERSION,
    message:
        "Making the teacher {wildcards.key} of {wildcards.experiment}"
    script:
        "../scripts/experiment_teacher.py"


rule experiment_ranks:
    input:
        lambda wildcards: [
            f"results/experiments/{wildcards.experiment}/teachers/{key}.nc"
            for key in get_experiment(wildcards.experiment).teachers
        ],
    output:
        teacher=f"{EXPERIMENT}/teacher.nc",
        ranks=directory(f"{EXPERIMENT}/ranks"),
    log:
        "results/logs/experiments/{experiment}_ranks.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(8000),
        runtime=grow(60),
    params:
        pairs=lambda wildcards: get_experiment(wildcards.experiment).training.scoring.pairs,
        seed=lambda wildcards: get_experiment(wildcards.experiment).training.seed,
        results_version=RESULTS_VERSION,
    message:
        "Ranking the RDMs of all teachers of {wildcards.experiment}"
    script:
        "../scripts/experiment_ranks.py"


rule experiment_cell:
    input:
        # more cells begin with the same ones
        cells=ancient(f"{EXPERIMENT}/cells.json"),
        teacher=f"{EXPERIMENT}/teacher.nc",
        ranks=f"{EXPERIMENT}/ranks",
        images=multiext(f"{EXPERIMENT}/images/train/", "images.npy", "labels.npy", "classes.json"),
    output:
        f"{EXPERIMENT}/cells/{{cell}}_{{repetition}}.json",
    log:
        "results/logs/experiments/{experiment}_{cell}_{repetition}.log",
    wildcard_constraints:
        cell=r"\d\d\d\d+",
        repetition="[01]",
    conda:
        ENVIRONMENT
    threads: lambda wildcards: get_experiment(wildcards.experiment).training.premature.threads
    resources:
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        training=lambda wildcards: dump_experiment(wildcards)["training"],
        drawn=describe_drawing,
        results_version=RESULTS_VERSION,
    message:
        "Cell {wildcards.cell} of {wildcards.experiment}, training {wildcards.repetition}"
    script:
        "../scripts/experiment_cell.py"


rule experiment_mature:
    input:
        cells=ancient(f"{EXPERIMENT}/cells.json"),
        train=multiext(f"{EXPERIMENT}/images/train/", "images.npy", "labels.npy", "classes.json"),
        val=multiext(f"{EXPERIMENT}/images/val/", "images.npy", "labels.npy", "classes.json"),
    output:
        f"{EXPERIMENT}/mature/{{cell}}.json",
    log:
        "results/logs/experiments/{experiment}_{cell}_mature.log",
    wildcard_constraints:
        cell=r"\d\d\d\d+",
    conda:
        ENVIRONMENT
    threads: lambda wildcards: get_experiment(wildcards.experiment).training.premature.threads
    resources:
        mem_mb=grow(4000),
        runtime=grow(1440),
    params:
        training=lambda wildcards: dump_experiment(wildcards)["training"],
        drawn=describe_drawing,
        mature=lambda wildcards: dump_experiment(wildcards)["mature"],
        results_version=RESULTS_VERSION,
    message:
        "Cell {wildcards.cell} of {wildcards.experiment}, to the end"
    script:
        "../scripts/experiment_mature.py"


rule experiment_table:
    input:
        cells=f"{EXPERIMENT}/cells.json",
        records=list_cells,
        mature=list_mature,
    output:
        f"{EXPERIMENT}/table.csv.gz",
    log:
        "results/logs/experiments/{experiment}_table.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        teachers=lambda wildcards: list(get_experiment(wildcards.experiment).teachers),
        results_version=RESULTS_VERSION,
    message:
        "Gathering the cells of {wildcards.experiment}"
    script:
        "../scripts/experiment_table.py"


rule experiment_surrogates:
    input:
        get_table,
    output:
        f"{EXPERIMENT}/surrogates.json",
    log:
        "results/logs/experiments/{experiment}_surrogates.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        experiment=dump_experiment,
        results_version=RESULTS_VERSION,
    message:
        "Rating what P and TG know, {wildcards.experiment}"
    script:
        "../scripts/experiment_surrogates.py"


rule experiment_efficiency:
    input:
        get_table,
    output:
        f"{EXPERIMENT}/efficiency.json",
    log:
        "results/logs/experiments/{experiment}_efficiency.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        experiment=dump_experiment,
        results_version=RESULTS_VERSION,
    message:
        "Replaying searches on the cells of {wildcards.experiment}"
    script:
        "../scripts/experiment_efficiency.py"


rule experiment_report:
    input:
        surrogates=f"{EXPERIMENT}/surrogates.json",
        efficiency=f"{EXPERIMENT}/efficiency.json",
    output:
        page=f"{EXPERIMENT}/report.html",
        surrogates=f"{EXPERIMENT}/surrogates.png",
        efficiency=f"{EXPERIMENT}/efficiency.png",
    log:
        "results/logs/experiments/{experiment}_report.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        experiment=dump_experiment,
        results_version=RESULTS_VERSION,
    message:
        "Writing the page of {wildcards.experiment}"
    script:
        "../scripts/experiment_report.py"
