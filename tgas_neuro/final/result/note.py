"""The sentences that say what the numbers of `best_cell.json` can and cannot show."""

from tgas_neuro.runtime.errors import check_choice

# A training split with fewer images is a toy: CIFAR-10's, the smallest that papers of the field
# report final accuracies on, has as many.
SERIOUS = 50_000

# A search of fewer candidates says little about the space, whatever comes out of it.
FEW_CANDIDATES = 100


def build_note(content: dict) -> str:
    """What the result can show: of which recordings and images, and how small the search was.

    Parameters
    ----------
    content
        What `best_cell.json` will hold; read are ``teacher``, ``final``, ``search.evaluated`` and
        ``configuration.premature.data.kind``.
    """
    teacher = content["teacher"]
    check_choice("teacher.kind", teacher["kind"], DESCRIPTIONS)
    sentences = [DESCRIPTIONS[teacher["kind"]](teacher)]
    if teacher["simulated"]:
        sentences.insert(
            0,
            "Simulated recordings: the result shows that the software works, and says nothing "
            "about brains.",
        )
    sentences += [_describe_images(content), _describe_search(content["search"]["evaluated"])]
    return " ".join(sentence for sentence in sentences if sentence)


def list_simulated_or_toy(content: dict) -> list[str]:
    """What of a result is simulated, or so small that it is a toy; empty if nothing is.

    Parameters
    ----------
    content
        As `build_note` reads it; of each region of the teacher also ``simulated``.
    """
    found = [
        f"recordings of {name}: simulated"
        for name, region in content["teacher"]["regions"].items()
        if region["simulated"]
    ]
    if content["configuration"].get("premature", {}).get("data", {}).get("kind") == "simulated":
        found.append("images of the search: simulated")
    final = content["final"]
    number = final["n_train_images"]
    size = f"{number:,} in {final['n_classes']:,} classes"
    if final["simulated"]:
        found.append(f"images of the final training: simulated, {size}")
    elif number < SERIOUS:
        found.append(f"images of the final training: {size}, a toy beside ImageNet's 1,281,167")
    return found


def _describe_recordings(teacher: dict) -> str:
    regions = ", ".join(
        f"{name} from {' and '.join(region['datasets']) or 'a data set without a name'}"
        + ("" if region["corrected"] else " (not corrected for noise)")
        for name, region in teacher["regions"].items()
    )
    return f"Teacher: {regions}."


def _describe_network(teacher: dict) -> str:
    return f"The teacher is a network, not a brain: {_list_regions(teacher)}."


def _describe_control(teacher: dict) -> str:
    return f"The teacher is a control, made to guide without any brain: {_list_regions(teacher)}."


def _list_regions(teacher: dict) -> str:
    regions = teacher["regions"].items()
    return "; ".join(f"{name}, {region['description']}" for name, region in regions)


DESCRIPTIONS = {
    "recordings": _describe_recordings,
    "network": _describe_network,
    "control": _describe_control,
}


def _describe_images(content: dict) -> str:
    premature = content["configuration"].get("premature", {}).get("data", {}).get("kind")
    simulated = [
        name
        for name, found in (
            ("the search", premature == "simulated"),
            ("the final training", content["final"]["simulated"]),
        )
        if found
    ]
    if simulated:
        return (
            f"Simulated images in {' and '.join(simulated)}: accuracies there say nothing about "
            "natural images."
        )
    final = content["final"]
    low, high = final["top1_interval"]
    return (
        f"Final accuracy: {final['top1']:.1%} top-1 of {final['n_images']} validation images in "
        f"{final['n_classes']} classes (95 % interval {low:.1%} to {high:.1%}), of one training."
    )


def _describe_search(evaluated: int) -> str:
    if evaluated >= FEW_CANDIDATES:
        return ""
    return (
        f"Small search: the best of {evaluated} candidates need not be better than its neighbours, "
        "and does not show that one strategy or teacher is better than another."
    )
