# Experiments on guidance: cells that are measured along their training, with every teacher -> how
# well P and TG know early what the cells reach. workflow/experiments/<name>.yaml says what is
# measured, or experiments/<name>.yaml in the working directory. Nothing runs unless it is asked for:
#     snakemake --cores 8 results/experiments/surrogates/report.html


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
        lambda wildcards: list_teachers_files(wildcards.experiment, wildcards.key),
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


rule experiment_grid:
    input:
        list_grid_files,
    output:
        f"{EXPERIMENT}/grids/{{grid}}.nc",
    log:
        "results/logs/experiments/{experiment}_grid_{grid}.log",
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=grow(8000),
        runtime=grow(480),
    params:
        configs=configure_grid,
        digest=get_grid_digest,
        name="{experiment}.yaml: grids.{grid}",
        descriptions=list(map(str, DESCRIPTIONS)),
        modules=str(FILES[1]),
        results_version=RESULTS_VERSION,
    message:
        "Making the teachers of the grid {wildcards.grid} of {wildcards.experiment}"
    script:
        "../scripts/experiment_grid.py"


rule experiment_ranks:
    input:
        teachers=lambda wildcards: [
            f"results/experiments/{wildcards.experiment}/teachers/{key}.nc"
            for key in get_experiment(wildcards.experiment).teachers
        ],
        grids=lambda wildcards: [
            f"results/experiments/{wildcards.experiment}/grids/{name}.nc"
            for name in get_experiment(wildcards.experiment).grids
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
        known=list_known_steps,
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
        earlier=list_earlier,
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
        experiment=dump_experiment,
        teachers=lambda wildcards: describe_measurements(wildcards.experiment),
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


rule experiment_neurons:
    input:
        get_table,
    output:
        f"{EXPERIMENT}/neurons.json",
    log:
        "results/logs/experiments/{experiment}_neurons.log",
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
        "Rating the teachers with few or many sites, {wildcards.experiment}"
    script:
        "../scripts/experiment_neurons.py"


rule experiment_report:
    input:
        surrogates=f"{EXPERIMENT}/surrogates.json",
        efficiency=f"{EXPERIMENT}/efficiency.json",
        neurons=list_neurons,
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
