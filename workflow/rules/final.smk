# Final: the terminal rule. The best genotype at full size, trained, evaluated, written down.
def list_splits():
    """Split folders that a rule makes; folders of the user are looked at by the script itself."""
    images = PLAN.final_images
    return [images.get_split_folder(split) for split in ("train", "val") if images.is_made]


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
    params:
        # checkpoint and log outlive a failed or killed job here, where Snakemake deletes nothing
        folder=f"{FINAL}/work",
        train=PLAN.final_images.get_split_folder("train"),
        val=PLAN.final_images.get_split_folder("val"),
        config=get_config("search", "final"),
        results_version=RESULTS_VERSION,
    threads: PLAN.config["final"]["threads"]
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=1 if PLAN.config["final"]["device"].startswith("cuda") else 0,
    message:
        "Training the best cell at full size"
    script:
        "../scripts/final.py"


rule best_cell:
    localrule: True
    input:
        best=f"{SEARCH}/best.json",
        teacher=TEACHER,
        metrics=f"{FINAL}/metrics.json",
    output:
        report("results/best_cell.json", caption="../report/best_cell.rst", category="Result"),
    log:
        "results/logs/final/best_cell.log",
    params:
        config=PLAN.config,
        names={"teacher": PLAN.teacher, "search": PLAN.search, "final": PLAN.final},
        digests=PLAN.digests,
        results_version=RESULTS_VERSION,
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
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
    params:
        search=PLAN.config["search"],
        simulated="simulated" in PLAN.descriptions,
        results_version=RESULTS_VERSION,
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    message:
        "Drawing the search and its best cell"
    script:
        "../scripts/search_figures.py"
