# Teacher: recordings -> each region's RDM, noise ceiling and crossed halves, and a picture of it.
def list_recordings():
    """What the recordings stage writes of the data sets of all regions."""
    return [
        f"results/recordings/{dataset}/{name}"
        for dataset, description in PLAN.descriptions.items()
        for name in (
            "assembly.nc" if description["provides"] == "responses" else "rdm.nc",
            "stimuli.csv",
            "stimuli",
        )
    ]


rule teacher:
    input:
        recordings=list_recordings(),
    output:
        TEACHER,
    log:
        f"results/logs/teacher/{PLAN.teacher}.log",
    benchmark:
        f"results/benchmarks/teacher_{PLAN.teacher}.tsv"
    params:
        config=get_config("recordings", "teacher"),
        seed=PLAN.config["search"]["seed"],
        regions=PLAN.regions,
        digests=PLAN.digests,
        results_version=RESULTS_VERSION,
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    message:
        "Building the teacher: RDMs and noise ceilings"
    script:
        "../scripts/teacher.py"


rule teacher_figure:
    input:
        teacher=TEACHER,
    output:
        report(
            f"results/figures/{PLAN.teacher}/rdm_{{region}}.png",
            caption="../report/rdm.rst",
            category="Teacher",
        ),
    log:
        f"results/logs/figures/{PLAN.teacher}_rdm_{{region}}.log",
    params:
        results_version=RESULTS_VERSION,
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Drawing the RDM of {wildcards.region}"
    script:
        "../scripts/teacher_figure.py"
