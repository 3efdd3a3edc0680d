# Final: the terminal rule. The best genotype at full size, trained, evaluated, written down.


rule final:
    input:
        best=f"{SEARCH}/best.json",
        splits=list_splits(),
    output:
        metrics=f"{FINAL}/metrics.json",
        weights=f"{FINAL}/weights.pt",
        log_table=f"{FINAL}/log.csv",
    log:
        f"results/logs/final/{PLAN.final}.log",
    benchmark:
        f"results/benchmarks/final_{PLAN.final}.tsv"
    conda:
        ENVIRONMENT
    threads: PLAN.config["final"]["threads"]
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=1 if PLAN.config["final"]["device"].startswith("cuda") else 0,
    params:
        # checkpoint and log outlive a failed or killed job here, where Snakemake deletes nothing
        folder=f"{FINAL}/work",
        train=lambda wildcards: PLAN.final_images.get_split_folder("train"),
        val=lambda wildcards: PLAN.final_images.get_split_folder("val"),
        config=PLAN.config["final"],
        seed=SETTINGS["seed"],
        results_version=RESULTS_VERSION,
    message:
        "Training the best cell at full size"
    script:
        "../scripts/final.py"


rule best_cell:
    input:
        best=f"{SEARCH}/best.json",
        teacher=TEACHER,
        metrics=f"{FINAL}/metrics.json",
    output:
        report("results/best_cell.json", caption="../report/best_cell.rst", category="Result"),
    log:
        "results/logs/final/best_cell.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        config=PLAN.config,
        names={"teacher": PLAN.teacher, "search": PLAN.search, "final": PLAN.final},
        digests=PLAN.digests,
        results_version=RESULTS_VERSION,
    message:
        "Writing results/best_cell.json"
    script:
        "../scripts/best_cell.py"


rule search_figures:
    input:
        best=f"{SEARCH}/best.json",
        history=get_history(GENERATIONS[-1]),
    output:
        curve=report(
            f"results/figures/{PLAN.final}/search_curve.png",
            caption="../report/search_curve.rst",
            category="Search",
        ),
        cell=report(
            f"results/figures/{PLAN.final}/best_cell.png",
            caption="../report/cell.rst",
            category="Search",
        ),
    log:
        f"results/logs/figures/{PLAN.final}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        simulated=any(found["reader"] == "simulated" for found in PLAN.descriptions.values()),
        results_version=RESULTS_VERSION,
    message:
        "Drawing the search and its best cell"
    script:
        "../scripts/search_figures.py"
