"""The twenty lines of an answer."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

from fuelgauge.answer._contestants import prices
from fuelgauge.answer._standing import Ahead, Findings, Standing, kind_of, number, rounded
from fuelgauge.answer._state import State
from fuelgauge.answer._words import (
    TIED,
    compared,
    counted,
    ends,
    few,
    milliseconds,
    money,
    seconds,
    share,
    short,
    tied,
)
from fuelgauge.spec.description import Description

SIMPLE = ("baseline", "linear")
CHEAPER = 2.0  # times as quick, so that it counts as cheaper
UNLIKELY = 0.05  # probability of being best below which a model is not named beside the best
WORTH = 0.01  # smallest gain that counts as a gain
BETTER = 0.05  # part of the loss that the wanted metric takes away
MOST_RIVALS = 6
MOST_MISSING = 4
WELL, FAIRLY = 0.02, 0.05  # expected calibration errors
AHEAD = ("all", "2x", "10x")
LARGE = 50_000  # rows from which the answer says how many of them would have done
MOST_OF_IT = 0.95
WIDE, NARROWEST = 120, 60  # columns of the terminal
INDENT = " " * 8


def lines(answer: State, width: int = WIDE) -> list[str]:
    """Return an answer in about twenty lines, and more of them on a narrow terminal.

    Parameters
    ----------
    answer
        Answer.
    width
        Columns of the terminal.
    """
    width = max(NARROWEST, width)
    found = answer.findings
    text = [*about_table(answer), *to_settle(answer)]
    if found is None:
        return folded([*text, "No model could be measured yet."], width)
    text += [ship(found), *(against(found, rival) for rival in found.rivals[:MOST_RIVALS])]
    text += [f"not in  {name}: {why}" for name, why in missing(found)]
    last = [more(answer, found), cost(answer, found), trust(answer, found), *files(answer)]
    return [*folded(text, width), *size_table(found, width), *folded(last, width)]


def folded(text: Sequence[str], width: int) -> list[str]:
    """Return lines in a width; what a line does not hold goes on below it, indented."""
    fold = textwrap.TextWrapper(
        width, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False
    )
    return [part.replace(TIED, " ") for line in text for part in fold.wrap(line)]


def about_table(answer: State) -> list[str]:
    """Return what was read and how."""
    reading, about = answer.reading, answer.description
    dropped = len(answer.question.drop)
    rows = f"{reading.n_rows:,} rows"
    if about.n_rows != reading.n_rows:
        rows += f" ({about.n_rows:,} used: {why_fewer(about)})"
    split = f"Split by time ({reading.time}): train on earlier rows" if reading.time else "Split at random"
    if reading.group:
        split += f", all rows of one {reading.group} on one side"
    first = (
        f"{Path(answer.question.file).name}: {rows}, {reading.n_columns - 1} columns, "
        f"target {answer.question.target} ({target_of(about)}). {split}."
    )
    said = []
    if reading.numbers:
        said.append(f"read as numbers: {few(f'{name} ({why})' for name, why in reading.numbers.items())}")
    if reading.dates:
        said.append(f"read as dates: {few(reading.dates)}")
    unasked = [name for name in reading.left_out if name not in answer.question.drop]
    if unasked:
        said.append(f"left out: {few(f'{name} ({reading.left_out[name]})' for name in unasked)}")
    if dropped:
        said.append(f"dropped: {few(answer.question.drop)}")
    return [first, *([f"read    {'; '.join(said)}"] if said else [])]


def why_fewer(about: Description) -> str:
    """Return why fewer rows are used than the file has."""
    reasons = [f"{about.n_without_target:,} without a target"] if about.n_without_target else []
    if about.n_identical and about.duplicates != "keep":
        reasons.append(f"{about.n_identical:,} {'copy' if about.n_identical == 1 else 'copies'} left out")
    return ", ".join(reasons) or "the others cannot be used"


def target_of(about: Description) -> str:
    """Return the target in words: share of the second class, number of classes, or mean and spread."""
    counts = about.class_counts
    if len(counts) == 2:
        return f"{100 * counts[-1] / sum(counts):.3g}% {about.classes[-1]}"
    if counts:
        return f"{len(counts)} classes, the rarest {100 * min(counts) / sum(counts):.2g}%"
    return f"mean {number(about.target_mean)}, spread {number(about.target_std)}"


def to_settle(answer: State) -> list[str]:
    """Return the questions that only the user can settle, each with what settles it."""
    reading, asked = answer.reading, []
    for name, why in answer.leaks.items():
        asked.append(f"LEAK?   {name} {why} - known when you predict? else --drop {quoted(name)}")
    for role, chosen, why, is_guess in (
        ("time", reading.time, reading.why_time, reading.guessed_time),
        ("group", reading.group, reading.why_group, reading.guessed_group),
    ):
        asked += question_of(role, chosen, why, is_guess)
    for name in reading.texts:
        asked.append(f"TEXT?   {name} is free text and left out - to use it alone: --text {quoted(name)}")
    return asked


def question_of(role: str, chosen: str, why: str, is_guess: bool) -> list[str]:
    """Return the question about a time or a group column, if there is one."""
    if chosen and is_guess:
        return [f"{role.upper() + '?':<7} {chosen} ({why}) - if that is not so: --{role} none"]
    if not chosen and why.startswith("or "):
        named, _, purpose = why.removeprefix("or ").partition(",")
        return [f"{role.upper() + '?':<7} {named}:{purpose}, --{role} {quoted(named.split(' or ')[0])}"]
    return []


def quoted(name: str) -> str:
    """Return a column's name as a shell takes it."""
    return name if name.isidentifier() else f"'{name}'"


def ship(found: Findings) -> str:
    """Return the model to ship, with its metric and its chances."""
    best, judged = found.best, found.judged
    interval = f" ({judged.between(best.low, best.high)})" if math.isfinite(best.low + best.high) else ""
    if best.loss >= found.constant:
        return (
            f"SHIP    nothing: no model beats a constant ({judged.name} {judged.shown(best.loss)}{interval} "
            f"against {judged.shown(found.constant)}) with {found.top:,} rows."
        )
    constant = f"; a constant: {judged.shown(found.constant)}" if math.isfinite(found.constant) else ""
    said = f"SHIP    {best.title}: {judged.name} {judged.shown(best.loss)}{interval} with {found.top:,} rows"
    loss = f"  {tied(f'Loss is {judged.loss_name}.')}" if judged.is_score else ""
    return f"{said}{constant}.  {chances(best)}.{loss}"


def chances(model: Standing) -> str:
    """Return the probabilities of a model to be the best."""
    return tied(f"P(best) {share(model.p_now)} now, {share(model.p_double)} at 2x")


def against(found: Findings, rival: Standing) -> str:
    """Return a rival beside the best model."""
    best, judged = found.best, found.judged
    text = f"vs      {rival.title} {judged.shown(rival.loss)}: {compared(rival.gap)}"
    if not math.isfinite(rival.gap_low):
        return f"{text} in one repeat.  {chances(rival)}"
    text += f" ({ends(rival.gap_low, rival.gap_high)})"
    if rival.gap_low <= 0:
        quick = best.fit_seconds > CHEAPER * rival.fit_seconds
        text += ", no difference shown" + (", and quicker" if quick else "")
    times = rival.fit_seconds / best.fit_seconds if best.fit_seconds else math.nan
    if times > CHEAPER:
        text += f", {times:.2g} times the time"
    return f"{text}.  {chances(rival)}"


def missing(found: Findings) -> list[tuple[str, str]]:
    """Return the models that could not be compared, with the reason."""
    unmeasured = [(each.title, each.note or "no time") for each in found.standings if not each.is_measured]
    return [*unmeasured, *((name, why) for name, why in found.out.items())][:MOST_MISSING]


def size_table(found: Findings, width: int) -> list[str]:
    """Return the metric of each model by rows: measured, and forecast; a narrow one has fewer columns."""
    models = (found.best, *found.rivals[: MOST_RIVALS - 1])
    names = [f"{found.judged.name} by rows", *(short(each.title) for each in models)]
    columns = [measured(found, models, size) for size in found.sizes[-4:]]
    ahead = forecasts(found, models)
    for spare in (ahead, columns, columns):
        if len(spare) > 2 and width_of(names, columns, ahead) > width:
            spare.pop(0)
    made = [joined(cells, columns_wide(columns), ">") for cells in zip(*columns, strict=True)]
    told = [joined(cells, columns_wide(ahead), "<") for cells in zip(*ahead, strict=True)]
    first = max(map(len, names))
    return [
        f"{name:<{first}}{left} | {right}".rstrip()
        for name, left, right in zip(names, made, told, strict=True)
    ]


def measured(found: Findings, models: Sequence[Standing], size: int) -> list[str]:
    """Return the column of a measured size: the size, and the metric of each model."""
    known = [dict(each.curve) for each in models]
    return [f"{size:,}", *(found.judged.shown(own[size]) if size in own else "" for own in known)]


def forecasts(found: Findings, models: Sequence[Standing]) -> list[list[str]]:
    """Return the columns of the forecasts: the rows, and the metric of each model with its interval."""
    columns = [[f"{rows:,} ({name})"] for name, rows in zip(AHEAD, found.targets, strict=True)]
    columns[1][0] += " forecast"
    for model in models:
        for column, row in zip(columns, found.at(model, found.targets), strict=True):
            between = found.judged.between(row.low, row.high).replace(" to ", "-")
            column.append(f"{found.judged.shown(row.loss)} ({between})")
    return columns


def columns_wide(columns: Sequence[Sequence[str]]) -> list[int]:
    """Return the widths of columns."""
    return [max(map(len, column)) for column in columns]


def width_of(names: Sequence[str], columns: Sequence[Sequence[str]], ahead: Sequence[Sequence[str]]) -> int:
    """Return the width of the table of sizes."""
    cells = [*columns_wide(columns), *columns_wide(ahead)]
    return max(map(len, names)) + sum(cells) + 2 * len(columns) + 3 + 2 * (len(ahead) - 1)


def joined(cells: Sequence[str], widths: Sequence[int], side: str) -> str:
    """Return the cells of a row: to the right, each after two blanks, or to the left with two between."""
    padded = [f"{cell:{side}{width}}" for cell, width in zip(cells, widths, strict=True)]
    return "".join(f"  {cell}" for cell in padded) if side == ">" else "  ".join(padded)


def more(answer: State, found: Findings) -> str:
    """Return what more rows would bring, with the model that is then the likeliest to be the best."""
    ahead, judged = found.ahead, found.judged
    (then,) = found.at(ahead.model, found.targets[1:2])
    text = (
        f"MORE    at twice the rows {likeliest(ahead)}: {judged.name} {judged.shown(then.loss)}, "
        f"{gained(found, ahead)}"
    )
    if price := answer.question.label_price:
        text += f", for {money(price * found.n_rows)} at {price:g} a label"
    wanted = goal(found)
    text += f". For {judged.name} {judged.shown(wanted)} it takes {needed(found, ahead.model, wanted)}."
    return text + enough(found)


def likeliest(ahead: Ahead) -> str:
    """Return which model is the likeliest to be the best with twice the rows."""
    if not math.isfinite(ahead.probability):
        return f"{ahead.model.title} is the only model measured so far"
    text = f"{ahead.model.title} is the likeliest to be best ({share(ahead.probability)}"
    if ahead.kind != kind_of(ahead.model) or ahead.kind_probability - ahead.probability >= WORTH:
        text += f"; {ahead.kind} together {share(ahead.kind_probability)}"
    return f"{text})"


def gained(found: Findings, ahead: Ahead) -> str:
    """Return what the best model at twice the rows gains over the best one of today."""
    change, low, high = (
        math.log1p(max(value, -1 + WORTH**2)) for value in (ahead.change, ahead.low, ahead.high)
    )
    of = "" if ahead.model is found.best else f"{short(found.best.title)} "
    return f"{compared(change)} than {of}now ({ends(low, high)})"


def goal(found: Findings) -> float:
    """Return the loss of a metric that is a bit better than today's, in the digits that are shown."""
    (now,) = found.at(found.best, found.targets[:1])
    return found.judged.of(rounded(found.judged.of(now.loss * (1 - BETTER))))


def needed(found: Findings, model: Standing, loss: float) -> str:
    """Return the rows that a loss needs, with their interval."""
    rows, least, most = found.rows_for(model, loss)
    if not math.isfinite(rows):
        return f"more rows than can be foreseen ({counted(least)} to {counted(most)})"
    return f"{counted(rows)} rows ({counted(least)} to {counted(most)})"


def enough(found: Findings) -> str:
    """Return, for a large table, how many of its rows would nearly have done, if they were measured."""
    if found.n_rows < LARGE or found.best.loss >= found.constant:
        return ""
    rows = found.enough(MOST_OF_IT)
    if not rows <= found.top:
        return ""
    return (
        f" {100 * MOST_OF_IT:.0f}% of what {short(found.best.title)} has over a constant at "
        f"{found.n_rows:,} rows is reached with {counted(rows)} rows."
    )


def cost(answer: State, found: Findings) -> str:
    """Return what a fit and predictions cost, and where the price comes from."""
    best, known = found.best, prices()
    given = answer.question.core_hour
    hour = known.core_hour if given is None else given
    price = best.fit_seconds / 3600 * hour
    unit = known.currency if given is None else ""
    basis = f"{hour:g} {unit}".strip() + " an hour of a core"
    basis += ", as you said" if given is not None else ", an assumption: --core-hour for yours"
    return (
        f"COST    one fit {seconds(best.fit_seconds)} of one core, {money(price)} {unit}".rstrip()
        + f" ({basis}); 1,000 predictions {milliseconds(best.predict_ms)}; "
        + f"daily fits {money(30 * price)} {unit}".rstrip()
        + " a month"
    )


def trust(answer: State, found: Findings) -> str:
    """Return what speaks for the answer, and what is not known."""
    best = found.best
    said = []
    if answer.calibration:
        error = answer.calibration.error
        word = "well" if error < WELL else "fairly" if error < FAIRLY else "badly"
        said.append(f"{word} calibrated (ECE {error:.3f})")
    said.append(f"{best.repeats} repeats, paired" if best.repeats > 1 else "one repeat: no interval yet")
    if best.of > 1 and found.rivals:
        said.append(
            f"{short(best.title)} is best in {best.wins} of the {best.of} repeats that all models share"
        )
    if found.top < found.n_pool:
        said.append(f"only {found.top:,} of {found.n_rows:,} rows were fitted in this time")
    said.append("2x and 10x are forecasts")
    return f"TRUST   {'; '.join(said)}"


def files(answer: State) -> list[str]:
    """Return the files that were written, and what to do next."""
    place = answer.place
    text = f"page    {place.page.name}    trials  {place.table.name}"
    if answer.final:
        rows = f"{answer.final['n_rows']:,} rows"
        why = answer.final["why_not"]
        text += (
            f"    model  not stored: {why}" if why else f"    model  {place.model.name} (fitted on {rows})"
        )
    return [text, f"next    fuelgauge ask --resume --minutes 30    or    fuelgauge adopt {place.base}"]


def headline(found: Findings) -> str:
    """Return the answer in one or two sentences."""
    best = found.best
    if best.loss >= found.constant:
        return f"No model beats a constant with {found.top:,} rows."
    return f"{choice(found)} {about_more(found)}"


def choice(found: Findings) -> str:
    """Return which model to ship, and which others cannot be told apart from it."""
    best = found.best
    if not found.rivals:
        return f"Only {best.title} could be measured in this time; give it more minutes."
    equal = [each for each in found.rivals if each.gap_low <= 0 and each.p_now >= UNLIKELY]
    if equal:
        names = ", ".join(each.title for each in (best, *equal))
        cheapest = simplest((best, *equal))
        other = "" if cheapest is best else f", or {cheapest.title}, which is cheaper"
        return f"{found.n_rows:,} rows cannot tell these apart: {names}. Ship {best.title}{other}."
    if any(not math.isfinite(each.gap_low) for each in found.rivals):
        return f"{best.title} is first so far, but one repeat says little; give it more minutes."
    return f"Ship {best.title}."


def simplest(models: Sequence[Standing]) -> Standing:
    """Return the model of some that fits quickest, a linear one first."""
    return min(models, key=lambda each: (each.family not in SIMPLE, each.fit_seconds))


def about_more(found: Findings) -> str:
    """Return in one sentence what twice the rows would bring, and which model is then the best."""
    ahead = found.ahead
    if ahead.high < -WORTH:
        text = f"Twice the rows would take {-100 * ahead.change:.2g}% of the loss away"
    elif ahead.low > -WORTH:
        text = "Twice the rows would bring next to nothing"
    elif ahead.change > -WORTH:
        text = "Twice the rows are not shown to bring anything"
    else:
        text = f"Twice the rows may bring {-100 * ahead.change:.2g}% less loss, or nothing"
    return f"{text}; {likeliest_then(found, ahead)}."


def likeliest_then(found: Findings, ahead: Ahead) -> str:
    """Return which model is then the likeliest, and the probability of a net if it is none."""
    verb = "stays" if ahead.model is found.best else "is then"
    if not math.isfinite(ahead.probability):
        return "other models are not known yet"
    text = likeliest(ahead).replace(" is the ", f" {verb} the ", 1)
    nets = found.chances().get("nets")
    if nets is None or ahead.kind == "nets":
        return text
    return f"{text}, a net with a probability of {share(nets)}"
