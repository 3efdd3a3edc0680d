"""The ten questions that a supervisor asks of a run, and what its facts answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from tgas_neuro.report.facts import Candidate, Facts, Region, Similarity, Stage
from tgas_neuro.report.words import (
    count_words,
    format_percent,
    format_time,
    format_value,
    join_words,
)
from tgas_neuro.search.history import describe_states


@dataclass(frozen=True)
class Answer:
    """A question, its answer in words, and the part of the page that shows more."""

    question: str
    text: str
    part: str


def list_answers(facts: Facts) -> tuple[Answer, ...]:
    """The ten questions with their answers, in order."""
    return (
        Answer("Was it real data?", describe_reality(facts), "teacher"),
        Answer("What was asked?", describe_task(facts), "configuration"),
        Answer("Which cell won, and how large is it?", describe_winner(facts), "candidates"),
        Answer("How accurate is it, and how sure is that?", describe_accuracy(facts), "accuracy"),
        Answer("How far from the ceiling?", describe_distance(facts), "teacher"),
        Answer("Did TG help?", describe_help(facts), "search"),
        Answer("What did it cost?", describe_cost(facts.stages), "cost"),
        Answer("Did anything fail?", describe_failures(facts), "failures"),
        Answer("Can I repeat it?", describe_repetition(facts), "repeat"),
        Answer("What should I cite?", describe_citations(facts), "cite"),
    )


def describe_reality(facts: Facts) -> str:
    """Whether recordings and images are real."""
    recorded = [
        _describe_origin(region) for region in (facts.teacher.regions if facts.teacher else ())
    ]
    origin = f" Teacher: {'; '.join(recorded)}." if recorded else ""
    if any(line.startswith("recordings of") for line in facts.simulated):
        return f"No: {'; '.join(facts.simulated)}.{origin}"
    if facts.simulated:
        return f"In part: {'; '.join(facts.simulated)}.{origin}"
    if facts.teacher is None or facts.configuration is None:
        return f"Not known in all parts; see the notes below.{origin}"
    if not facts.finished:
        return f"Nothing so far is simulated.{origin}"
    if facts.configuration.teacher.kind != "recordings":
        return f"The images are; the teacher is no brain.{origin}"
    return f"Yes.{origin}"


def _describe_origin(region: Region) -> str:
    sites = f", {region.n_sites:,} sites" if region.n_sites else ""
    what = region.title or region.description
    return (
        f"{region.name} from {join_words(region.datasets)} ({what}{sites}, "
        f"{region.n_stimuli:,} stimuli)"
    )


def describe_task(facts: Facts) -> str:
    """What was searched, how, and with which guidance."""
    ranked = f"ranked by {facts.rating.describe()}"
    config = facts.configuration
    if config is None:
        return f"Candidates {ranked}; the configuration was not noted."
    search, premature, final = config.search, config.premature, config.final
    return (
        f"The best network of the space {search.space}: {search.generations} generations of "
        f"{search.candidates} candidates, proposed by {search.strategy}, {ranked}. Candidates "
        f"train for {count_words(premature.epochs, 'epoch')} on {premature.data.kind} images of "
        f"{premature.image_size} px, the winner for {count_words(final.epochs, 'epoch')} on "
        f"{facts.final.dataset if facts.final else final.data.kind} at {final.image_size} px."
    )


def describe_winner(facts: Facts) -> str:
    """The best candidate, and its size in the search and at full size."""
    best = facts.best
    if best is None:
        return f"None yet: {_describe_done(facts)}."
    so_far = "" if facts.progress.ended else " so far"
    size = f"{best.params:,} parameters, {best.macs:,} multiply-adds in the search"
    if facts.final is not None:
        metrics = facts.final.metrics
        size = (
            f"{metrics['params']:,} parameters and {metrics['macs']:,} multiply-adds for one image "
            f"at full size ({size})"
        )
    return (
        f"{best.id}{so_far}, reward {format_value(best.reward)}, of "
        f"{count_words(len(facts.candidates), 'candidate')}: {size}."
    )


def _describe_done(facts: Facts) -> str:
    states = describe_states(_count(facts.candidates))
    return f"no complete candidate has a reward ({states})" if states else "none has finished"


def _count(candidates: Sequence[Candidate]) -> dict[str, int]:
    states = sorted(one.state for one in candidates)
    return {state: states.count(state) for state in dict.fromkeys(states)}


def describe_accuracy(facts: Facts) -> str:
    """Top-1 with its interval, beside chance; P while there is no final training."""
    if facts.final is not None:
        metrics = facts.final.metrics
        low, high = metrics["top1_interval"]
        return (
            f"Top-1 {format_percent(metrics['top1'])}, 95 % interval (Wilson) "
            f"{format_percent(low)} to {format_percent(high)}, on {metrics['n_images']:,} "
            f"validation images; chance is {format_percent(facts.final.chance)}. One training: the "
            "interval is that of the images, not of another training."
        )
    best = facts.best
    if best is None or best.P is None:
        return "Not known yet: the final training has not ended."
    chance = "" if facts.chance is None else f" (chance {format_percent(facts.chance)})"
    held_back = "" if facts.n_held_back is None else f" on {facts.n_held_back:,} held-back images"
    return (
        f"Not known yet: the final training has not ended. P of the best candidate so far is "
        f"{format_percent(best.P)}{held_back}{chance}."
    )


def describe_distance(facts: Facts) -> str:
    """Similarity to each region beside its ceiling."""
    if facts.teacher is None:
        return "Not known: the teacher is not there."
    at_full_size = any(region.final for region in facts.teacher.regions)
    lines = []
    for region in facts.teacher.regions:
        found = region.final if at_full_size else region.searched
        lines.append(f"{region.name} {_describe_similarity(region, found)}")
    network = "the final network" if at_full_size else "the best candidate so far"
    return f"Of {network}: {'; '.join(lines)}."


def _describe_similarity(region: Region, found: Similarity | None) -> str:
    if found is None:
        return "no similarity yet"
    if not region.corrected or region.ceiling is None:
        return f"{format_value(found.raw)} as measured, without a ceiling"
    return (
        f"{format_value(found.corrected)} of 1 after correction for noise "
        f"({format_value(found.raw)} as measured, ceiling {format_value(region.ceiling)})"
    )


def describe_help(facts: Facts) -> str:
    """What the run shows of guidance, and what it cannot show."""
    best, by_P = facts.best, facts.best_alone
    if best is None or by_P is None or best.TG is None:
        return "Not known yet: no candidate has a reward."
    if not _is_guided(facts):
        return f"This search was ranked by {facts.rating.describe()}, without TG of the teacher."
    if best.hash == by_P.hash:
        choice = (
            f"P alone would have chosen {best.id}, too (P {format_value(best.P)}, TG "
            f"{format_value(best.TG)})."
        )
    else:
        choice = (
            f"P alone would have chosen {by_P.id} (P {format_value(by_P.P)}, TG "
            f"{format_value(by_P.TG)}) in place of {best.id} (P {format_value(best.P)}, TG "
            f"{format_value(best.TG)})."
        )
    before = ""
    if best.TG_untrained is not None:
        before = f" Its TG before the training was {format_value(best.TG_untrained)}."
    return (
        "One run cannot show it; compare runs by P alone and with a control (tgas report RUN RUN). "
        f"{choice}{before}"
    )


def _is_guided(facts: Facts) -> bool:
    rating = facts.rating
    if rating.guidance == "p_plus_tg":
        alpha = rating.alpha
        return not isinstance(alpha, float | int) or alpha > 0
    return rating.guidance in ("tg", "tg_epoch0", "learned")


def describe_cost(stages: Sequence[Stage]) -> str:
    """Training images and time of the search and of the final training."""
    counted = [stage for stage in stages if stage.images_seen is not None]
    texts = [
        f"{stage.name}: {stage.images_seen:,} training images in {format_time(stage.seconds)}"
        for stage in counted
    ]
    return f"{'; '.join(texts)}.".capitalize()


def describe_failures(facts: Facts) -> str:
    """How many candidates failed, by state."""
    own = [one for one in facts.candidates if not one.reused]
    if not own:
        return "No candidate has finished yet."
    failed = sum(failure.count for failure in facts.failures)
    if not failed:
        return f"No: {describe_states(_count(own))}."
    counted = join_words([f"{one.count} {one.state}" for one in facts.failures])
    return f"{failed} of {count_words(len(own), 'candidate')}: {counted}."


def describe_repetition(facts: Facts) -> str:
    """What makes the run, in a line."""
    if facts.seed is None:
        return "No candidate has finished yet; the configuration is below."
    chain = (
        f"the chain of digests from recordings to result ends in {facts.chain[:16]} (tgas verify)"
        if facts.chain
        else "the chain of digests is in best_cell.json, which is not of this run (yet)"
    )
    return f"Seed {facts.seed}, version {facts.results_version} of the results; {chain}."


def describe_citations(facts: Facts) -> str:
    """The names of what is to be cited."""
    named = join_words([one.name for one in facts.citations])
    return f"{named[:1].upper()}{named[1:]}."
