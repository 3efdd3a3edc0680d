# Search: generations of candidates, one or several a job; a static graph, whatever is proposed.


rule images_split:
    input:
        archive=find_archive,
    output:
        directory("results/images/{images}/{split}"),
    log:
        "results/logs/images/{images}_{split}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(120),
    params:
        images=lambda wildcards: asdict(get_images(wildcards.images)),
        results_version=RESULTS_VERSION,
    message:
        "Making the {wildcards.split} images of {wildcards.images}"
    script:
        "../scripts/images_split.py"


rule images_decoded:
    input:
        folder=(
            PLAN.premature_images.get_split_folder("train")
            if PLAN.premature_images.is_made
            else []
        ),
    output:
        multiext(f"{DECODED}/", "images.npy", "labels.npy", "classes.json"),
    log:
        f"results/logs/images/{PLAN.premature_images.name}_decoded.log",
    benchmark:
        f"results/benchmarks/images_{PLAN.premature_images.name}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        images=asdict(PLAN.premature_images),
        size=PLAN.config.premature.image_size,
        results_version=RESULTS_VERSION,
    message:
        "Decoding the training split for all candidates"
    script:
        "../scripts/images_decoded.py"


REUSED = list_reused()  # run to its records


rule reused:
    input:
        records=[path for paths in REUSED.values() for path in paths],
        images=rules.images_decoded.output,
    output:
        f"{SEARCH}/reused.json",
    log:
        f"results/logs/search/{PLAN.search}/reused.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        runs=REUSED,
        images=lambda wildcards, input: str(Path(input.images[0]).parent),
        search=SETTINGS,
        digests=get_digests("teacher", "premature", "scoring"),
        results_version=RESULTS_VERSION,
    message:
        "Taking over candidates of older runs"
    script:
        "../scripts/reused.py"


rule proposals:
    input:
        history=lambda wildcards: get_history(int(wildcards.generation) - LAG),
        in_flight=lambda wildcards: list_in_flight(int(wildcards.generation)),
        reused=get_reused(),
    output:
        f"{SEARCH}/generation_{{generation}}/proposals.json",
    log:
        f"results/logs/search/{PLAN.search}/{{generation}}_proposals.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        search=SETTINGS,
        premature=PREMATURE,
        digests=get_digests("search"),
        results_version=RESULTS_VERSION,
    message:
        "Proposing generation {wildcards.generation}"
    script:
        "../scripts/proposals.py"


for job, numbers in JOBS.items():

    rule:
        name:
            job
        input:
            proposals=f"{SEARCH}/generation_{{generation}}/proposals.json",
            teacher=TEACHER,
            ranks=RANKS,
            images=rules.images_decoded.output,
        output:
            [f"{SEARCH}/generation_{{generation}}/candidate_{one}.json" for one in numbers],
        log:
            [
                f"results/logs/search/{PLAN.search}/{{generation}}_candidate_{one}.log"
                for one in numbers
            ],
        conda:
            ENVIRONMENT
        threads: PLAN.config.premature.threads
        resources:
            **ask_gpus(PLAN.config.premature.device),
            mem_mb=grow(4000),
            runtime=grow(60 * PER_JOB),
        params:
            search=SETTINGS,
            premature=PREMATURE,
            run=lambda wildcards, output: str(Path(output[0]).parents[1]),
            images=lambda wildcards, input: str(Path(input.images[0]).parent),
            digests=get_digests("teacher", "premature", "scoring", "search"),
            results_version=RESULTS_VERSION,
        message:
            describe_job(numbers)
        script:
            "../scripts/candidate.py"


rule history:
    input:
        previous=lambda wildcards: get_history(int(wildcards.generation) - 1),
        records=lambda wildcards: list_records(int(wildcards.generation)),
        reused=get_reused(),
    output:
        f"{SEARCH}/generation_{{generation}}/history.json",
    log:
        f"results/logs/search/{PLAN.search}/{{generation}}_history.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        search=SETTINGS,
        digests=get_digests("search"),
        results_version=RESULTS_VERSION,
    message:
        "Writing the history of generation {wildcards.generation}"
    script:
        "../scripts/history.py"


rule best:
    input:
        history=get_history(GENERATIONS[-1]),
        records=[record for number in GENERATIONS for record in list_records(number)],
        reused=get_reused(),
    output:
        f"{SEARCH}/best.json",
    log:
        f"results/logs/search/{PLAN.search}/best.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    params:
        run=PLAN.search,
        results_version=RESULTS_VERSION,
    message:
        "Choosing the best candidate"
    script:
        "../scripts/best.py"


onstart:
    check_leftovers()
    remove_dead_fragments(Path("results"))
    note_run()
    keep_finished()
    forget_failures(Path(SEARCH))
