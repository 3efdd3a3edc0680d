# Search: generations of candidates, one job each; a static graph, whatever is proposed.
GENERATIONS = range(PLAN.config["search"]["generations"])
CANDIDATES = range(PLAN.config["search"]["candidates"])
LAG = PLAN.config["search"]["lag"]
DECODED = (
    f"results/images/{PLAN.premature_images.name}/"
    f"train_{PLAN.config['premature']['image_size']}px"
)


def get_file(generation, name):
    """A file of one generation."""
    return f"{SEARCH}/generation_{generation:03d}/{name}.json"


def list_records(generation):
    """Records of all candidates of one generation."""
    return [get_file(generation, f"candidate_{number:02d}") for number in CANDIDATES]


def get_history(generation):
    """The history up to a generation; empty before the first."""
    return [get_file(generation, "history")] if generation >= 0 else []


def list_in_flight(generation):
    """Proposals of the generations that may still run while this one is proposed."""
    return [
        get_file(number, "proposals")
        for number in range(max(0, generation - LAG + 1), generation)
    ]


rule images_split:
    input:
        archive=lambda wildcards: get_images(wildcards.images).archive or [],
    output:
        directory("results/images/{images}/{split}"),
    log:
        "results/logs/images/{images}_{split}.log",
    params:
        images=lambda wildcards: asdict(get_images(wildcards.images)),
        results_version=RESULTS_VERSION,
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
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
    params:
        images=asdict(PLAN.premature_images),
        size=PLAN.config["premature"]["image_size"],
        results_version=RESULTS_VERSION,
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    message:
        "Decoding the training split for all candidates"
    script:
        "../scripts/images_decoded.py"


rule proposals:
    localrule: True
    input:
        history=lambda wildcards: get_history(int(wildcards.generation) - LAG),
        in_flight=lambda wildcards: list_in_flight(int(wildcards.generation)),
    output:
        f"{SEARCH}/generation_{{generation}}/proposals.json",
    log:
        f"results/logs/search/{PLAN.search}/{{generation}}_proposals.log",
    params:
        search=PLAN.config["search"],
        digests=PLAN.digests,
        results_version=RESULTS_VERSION,
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    message:
        "Proposing generation {wildcards.generation}"
    script:
        "../scripts/proposals.py"


rule candidate:
    input:
        proposals=f"{SEARCH}/generation_{{generation}}/proposals.json",
        teacher=TEACHER,
        images=rules.images_decoded.output,
    output:
        f"{SEARCH}/generation_{{generation}}/candidate_{{candidate}}.json",
    log:
        f"results/logs/search/{PLAN.search}/{{generation}}_candidate_{{candidate}}.log",
    params:
        config=get_config("search", "premature"),
        run=SEARCH,
        digests=PLAN.digests,
        results_version=RESULTS_VERSION,
    threads: PLAN.config["premature"]["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
        gpu=1 if PLAN.config["premature"]["device"].startswith("cuda") else 0,
    message:
        "Candidate g{wildcards.generation}_c{wildcards.candidate}"
    script:
        "../scripts/candidate.py"


rule history:
    localrule: True
    input:
        previous=lambda wildcards: get_history(int(wildcards.generation) - 1),
        records=lambda wildcards: list_records(int(wildcards.generation)),
    output:
        f"{SEARCH}/generation_{{generation}}/history.json",
    log:
        f"results/logs/search/{PLAN.search}/{{generation}}_history.log",
    params:
        search=PLAN.config["search"],
        digests=PLAN.digests,
        results_version=RESULTS_VERSION,
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    message:
        "Writing the history of generation {wildcards.generation}"
    script:
        "../scripts/history.py"


rule best:
    localrule: True
    input:
        history=get_history(GENERATIONS[-1]),
        records=[record for number in GENERATIONS for record in list_records(number)],
    output:
        f"{SEARCH}/best.json",
    log:
        f"results/logs/search/{PLAN.search}/best.log",
    params:
        run=PLAN.search,
        results_version=RESULTS_VERSION,
    threads: 1
    resources:
        mem_mb=1000,
        runtime=20,
    message:
        "Choosing the best candidate"
    script:
        "../scripts/best.py"
