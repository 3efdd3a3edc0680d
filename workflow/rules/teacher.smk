# Teacher: recordings, a network or a control -> each region's RDM, noise ceiling and crossed halves,
# and a picture of it.


rule teacher:
    input:
        recordings=list_recordings(),
        network=PLAN.network,
    output:
        TEACHER,
    log:
        f"results/logs/teacher/{PLAN.teacher}.log",
    benchmark:
        f"results/benchmarks/teacher_{PLAN.teacher}.tsv"
    priority: FIRST
    conda:
        ENVIRONMENT
    threads: PLAN.config.teacher.threads
    resources:
        **ask_gpus(PLAN.config.teacher.network.device if PLAN.config.teacher.network else ""),
        mem_mb=grow(8000),
        runtime=grow(120),
    params:
        config={"recordings": RECORDINGS, "teacher": dump_decisive(PLAN.config.teacher)},
        seed=SETTINGS["seed"],
        regions=PLAN.regions,
        digests=get_digests("teacher"),
        results_version=RESULTS_VERSION,
    message:
        f"Building the teacher {PLAN.teacher}: RDMs and noise ceilings"
    script:
        "../scripts/teacher.py"


rule teacher_ranks:
    input:
        teacher=TEACHER,
    output:
        directory(RANKS),
    log:
        f"results/logs/teacher/{PLAN.teacher}_ranks.log",
    priority: FIRST
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(8000),
        runtime=grow(60),
    params:
        # without a sample the same params as before there were any
        **({} if SCORING.pairs is None else {"pairs": SCORING.pairs, "seed": SETTINGS["seed"]}),
        results_version=RESULTS_VERSION,
    message:
        "Ranking the teacher's RDMs, once for all candidates"
    script:
        "../scripts/teacher_ranks.py"


rule teacher_figure:
    input:
        teacher=TEACHER,
    output:
        name_picture(f"results/figures/{PLAN.teacher}/rdm_{{region}}", "rdm", "Teacher"),
    log:
        f"results/logs/figures/{PLAN.teacher}_rdm_{{region}}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(20),
    params:
        results_version=RESULTS_VERSION,
    message:
        "Drawing the RDM of {wildcards.region}"
    script:
        "../scripts/teacher_figure.py"
