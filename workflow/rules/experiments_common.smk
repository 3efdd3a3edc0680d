# What the rules of experiments share: their files, and the plans of their teachers.
from functools import cache

from tgas_neuro.config.experiments import MatureTable
from tgas_neuro.experiments.grids import expand_grid
from tgas_neuro.experiments.options import configure_teacher, load_experiment
from tgas_neuro.recordings.datasets.description import LocalFile
from tgas_neuro.runtime.files import calc_digest

EXPERIMENT = "results/experiments/{experiment}"
FILES = [Path("experiments"), HOME / "workflow/experiments"]
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


def list_teachers_files(name, key):
    """Files of the user's that a teacher is made from, and its network's."""
    plan = plan_teacher(name, key)
    files = [file for found in plan.descriptions.values() for file in found.files]
    own = [str(locate_file(file, "")) for file in files if isinstance(file, LocalFile)]
    return [*own, *plan.network]


def list_grid_files(wildcards):
    """Files that the teachers of a grid are made from: those of the teacher that it is of."""
    of = get_experiment(wildcards.experiment).grids[wildcards.grid].of
    return list_teachers_files(wildcards.experiment, of)


def configure_grid(wildcards):
    """The configuration of each teacher of a grid."""
    experiment = get_experiment(wildcards.experiment)
    return {
        key: configure_teacher(experiment, key) for key in expand_grid(experiment, wildcards.grid)
    }


def get_grid_digest(wildcards):
    """The digest of the teacher that a grid is of: its data sets and its network."""
    of = get_experiment(wildcards.experiment).grids[wildcards.grid].of
    return plan_teacher(wildcards.experiment, of).digests["teacher"]


def list_neurons(wildcards):
    """What the page says of sites and repetitions, if the experiment has grids."""
    folder = f"results/experiments/{wildcards.experiment}"
    return [f"{folder}/neurons.json"] if get_experiment(wildcards.experiment).grids else []


def dump_experiment(wildcards):
    """An experiment as params hold it, without what only says where files are looked for."""
    return dump_decisive(get_experiment(wildcards.experiment))


def describe_drawing(wildcards):
    """All that decides which cell has a number, not how many there are."""
    content = dump_experiment(wildcards)
    table = content["mature"] if content["mature"]["kind"] == "table" else None
    return [content["space"], content["options"], content["cells"]["seed"], table]


@cache
def describe_measurements(name):
    """Key of each teacher to its regions and the digest of what its rows are measured with."""
    from tgas_neuro.experiments.sittings import digest_measurements  # loads pandas

    experiment = get_experiment(name)
    plans = {key: plan_teacher(name, key) for key in experiment.teachers}
    regions = {key: list(plan.regions) for key, plan in plans.items()}
    teachers = {key: plan.digests["teacher"] for key, plan in plans.items()}
    for grid in experiment.grids:
        of = experiment.grids[grid].of
        for key, found in expand_grid(experiment, grid).items():
            regions[key] = regions[of]
            content = [teachers[of], found.teacher.recordings, found.teacher.teacher]
            teachers[key] = calc_digest(content)
    digests = digest_measurements(experiment, teachers, RESULTS_VERSION)
    return {key: {"regions": regions[key], "digest": digests[key]} for key in teachers}


@cache
def find_known(name):
    """Number and repetition of a training to the steps that earlier sittings have measured."""
    from tgas_neuro.experiments.sittings import list_known, read_earlier  # loads pandas

    experiment = get_experiment(name)
    if experiment.continues is None:
        return {}
    digests = {key: one["digest"] for key, one in describe_measurements(name).items()}
    try:
        return list_known(read_earlier(experiment.continues, experiment, digests))
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


def list_earlier(wildcards):
    """The table of earlier sittings, if there is one."""
    earlier = get_experiment(wildcards.experiment).continues
    return [earlier] if earlier else []


def list_known_steps(wildcards):
    """Steps at which an earlier sitting has measured this training."""
    training = (int(wildcards.cell), int(wildcards.repetition))
    return find_known(wildcards.experiment).get(training, [])


def list_cells(wildcards):
    """Files of all trainings of an experiment that earlier sittings have not measured to the end."""
    experiment = get_experiment(wildcards.experiment)
    cells, steps = experiment.cells, experiment.training.steps
    folder = f"results/experiments/{wildcards.experiment}/cells"
    numbers = [(number, 0) for number in range(cells.number)]
    numbers += [(number, 1) for number in range(cells.repeated)]
    known = find_known(wildcards.experiment)
    return [
        f"{folder}/{one:04d}_{other}.json"
        for one, other in numbers
        if known.get((one, other)) != steps
    ]


def list_mature(wildcards):
    """Files of the longer trainings, if the experiment has no table of accuracies."""
    experiment = get_experiment(wildcards.experiment)
    if isinstance(experiment.mature, MatureTable):
        return []
    folder = f"results/experiments/{wildcards.experiment}/mature"
    known = {number for number, _ in find_known(wildcards.experiment)}
    wanted = [number for number in range(experiment.cells.number) if number not in known]
    return [f"{folder}/{number:04d}.json" for number in wanted]


def get_table(wildcards):
    """The table of an experiment: a kept one, or one that is made here."""
    kept = get_experiment(wildcards.experiment).table
    return kept or f"results/experiments/{wildcards.experiment}/table.csv.gz"
