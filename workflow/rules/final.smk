# Final: the best genotype at full size, trained, evaluated and compared with the teacher; its result.

# For auto, only the job itself knows the number of GPUs.
FINAL_PROCESSES = PLAN.config.final.processes if PLAN.config.final.processes != "auto" else 1


rule final:
    input:
        **get_splits(),
        best=f"{SEARCH}/best.json",
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
    threads: (PLAN.config.final.threads + PLAN.config.final.workers) * FINAL_PROCESSES
    resources:
        **ask_gpus(PLAN.config.final.device, FINAL_PROCESSES),
        # each process keeps the images of both splits, up to memory_mb for each split
        mem_mb=grow((8000 + 2 * math.ceil(PLAN.config.final.memory_mb)) * FINAL_PROCESSES),
        runtime=grow(1440),
        # when SLURM preempts it, the same job resumes from its last checkpoint
        slurm_extra="--requeue",
    params:
        # here Snakemake deletes nothing, so checkpoint and log survive a failed or killed job
        folder=f"{FINAL}/work",
        checked=CHECKED,
        images=asdict(PLAN.final_images),
        config=dump_decisive(PLAN.config.final),
        seed=SETTINGS["seed"],
        results_version=RESULTS_VERSION,
    message:
        "Training the best cell at full size"
    script:
        "../scripts/final.py"


rule final_teacher_guidance:
    input:
        best=f"{SEARCH}/best.json",
        teacher=TEACHER,
        ranks=RANKS,
        stimuli=list_stimuli(),
        metrics=f"{FINAL}/metrics.json",
        weights=f"{FINAL}/weights.pt",
    output:
        f"{FINAL}/teacher_guidance.json",
    log:
        f"results/logs/final/{PLAN.final}_teacher_guidance.log",
    benchmark:
        f"results/benchmarks/final_{PLAN.final}_teacher_guidance.tsv"
    conda:
        ENVIRONMENT
    threads: PLAN.config.final.threads
    resources:
        **ask_gpus(PLAN.config.final.device),
        mem_mb=grow(8000),
        runtime=grow(120),
    params:
        recordings=RECORDINGS,
        regions=PLAN.regions,
        visual_degrees=PLAN.config.teacher.stimuli.visual_degrees,
        computing={
            key: dump_section(PLAN.config.final)[key]
            for key in ("device", "threads", "batch_size", "micro_batch")
        },
        scoring=SETTINGS["scoring"],
        seed=SETTINGS["seed"],
        results_version=RESULTS_VERSION,
    message:
        "Comparing the final network with the teacher"
    script:
        "../scripts/final_teacher_guidance.py"


rule layer_rdms:
    input:
        best=f"{SEARCH}/best.json",
        teacher=TEACHER,
        stimuli=list_stimuli(),
        metrics=f"{FINAL}/metrics.json",
        weights=f"{FINAL}/weights.pt",
        guidance=f"{FINAL}/teacher_guidance.json",
    output:
        f"{FINAL}/rdms.nc",
    log:
        f"results/logs/final/{PLAN.final}_rdms.log",
    conda:
        ENVIRONMENT
    threads: PLAN.config.final.threads
    resources:
        **ask_gpus(PLAN.config.final.device),
        mem_mb=grow(8000),
        runtime=grow(60),
    params:
        recordings=RECORDINGS,
        regions=PLAN.regions,
        visual_degrees=PLAN.config.teacher.stimuli.visual_degrees,
        computing={
            key: dump_section(PLAN.config.final)[key]
            for key in ("device", "threads", "batch_size", "micro_batch")
        },
        scoring=SETTINGS["scoring"],
        seed=SETTINGS["seed"],
        results_version=RESULTS_VERSION,
    message:
        "Making the RDMs of the final network for the report"
    script:
        "../scripts/layer_rdms.py"


rule best_cell:
    input:
        best=f"{SEARCH}/best.json",
        teacher=TEACHER,
        metrics=f"{FINAL}/metrics.json",
        guidance=f"{FINAL}/teacher_guidance.json",
        picture=f"{FIGURES}/best_cell.png",
    output:
        result=report(
            "results/best_cell.json", caption="../report/best_cell.rst", category="Result"
        ),
        picture="results/best_cell.png",
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
        config=dump_section(PLAN.config),
        names={"teacher": PLAN.teacher, "search": PLAN.search, "final": PLAN.final},
        digests=PLAN.digests,
        files={
            "best": f"{SEARCH}/best.json",
            "teacher": TEACHER,
            "metrics": f"{FINAL}/metrics.json",
            "weights": f"{FINAL}/weights.pt",
            "log": f"{FINAL}/log.csv",
            "picture": "results/best_cell.png",
            "curve": f"{FIGURES}/search_curve.png",
            "brainscore": f"results/brainscore/{PLUGIN}",
            "teacher_guidance": f"{FINAL}/teacher_guidance.json",
        },
        results_version=RESULTS_VERSION,
    message:
        "Writing results/best_cell.json"
    script:
        "../scripts/best_cell.py"


rule brainscore:
    input:
        result="results/best_cell.json",
        weights=f"{FINAL}/weights.pt",
    output:
        directory(f"results/brainscore/{PLUGIN}"),
    log:
        f"results/logs/brainscore/{PLAN.final}.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=3000,
        runtime=20,
    params:
        identifier=PLUGIN,
        results_version=RESULTS_VERSION,
    message:
        "Writing the best cell as a model plugin of Brain-Score"
    script:
        "../scripts/brainscore.py"


rule search_figures:
    input:
        best=f"{SEARCH}/best.json",
        history=get_history(GENERATIONS[-1]),
    output:
        curve=name_picture(f"{FIGURES}/search_curve", "search_curve", "Search"),
        cell=name_picture(f"{FIGURES}/best_cell", "cell", "Search"),
    log:
        f"results/logs/figures/{PLAN.final}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(20),
    params:
        # of chance; there wherever the search was run, and not made for a picture where it was not
        decoded=DECODED,
        simulated=any(found.reader == "simulated" for found in PLAN.descriptions.values()),
        results_version=RESULTS_VERSION,
    message:
        "Drawing the search and its best cell"
    script:
        "../scripts/search_figures.py"


rule final_figures:
    input:
        best=f"{SEARCH}/best.json",
        guidance=f"{FINAL}/teacher_guidance.json",
    output:
        name_picture(f"{FIGURES}/layer_map", "layer_map", "Result"),
    log:
        f"results/logs/figures/{PLAN.final}_layer_map.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(20),
    params:
        results_version=RESULTS_VERSION,
    message:
        "Drawing the layers of the best cell against the regions"
    script:
        "../scripts/final_figures.py"


rule run_report:
    input:
        result="results/best_cell.json",
        best=f"{SEARCH}/best.json",
        proposals=[get_file(number, "proposals") for number in GENERATIONS],
        records=[record for number in GENERATIONS for record in list_records(number)],
        history=get_history(GENERATIONS[-1]),
        reused=get_reused(),
        teacher=TEACHER,
        classes=f"{DECODED}/classes.json",
        metrics=f"{FINAL}/metrics.json",
        log_table=f"{FINAL}/log.csv",
        guidance=f"{FINAL}/teacher_guidance.json",
        rdms=f"{FINAL}/rdms.nc",
    output:
        report("results/report.html", caption="../report/report.rst", category="Report"),
    log:
        f"results/logs/final/{PLAN.final}_report.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=3000,
        runtime=20,
    params:
        results_version=RESULTS_VERSION,
    message:
        "Writing results/report.html"
    script:
        "../scripts/run_report.py"
