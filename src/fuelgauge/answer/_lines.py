"""The twenty lines of an answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from fuelgauge.answer._contestants import prices
from fuelgauge.answer._standing import Findings, Standing, number
from fuelgauge.answer._state import State
from fuelgauge.spec.description import Description

SIMPLE = ("baseline", "linear")
CHEAPER = 2.0  # times as quick, so that it counts as cheaper
UNLIKELY = 0.05  # probability of being best below which a model is not named beside the best
WORTH = 0.01  # smallest gain that counts as a gain
BETTER = 0.05  # part of the loss that the wanted metric takes away
MOST_RIVALS = 6
FEW = 4
LONG = 70
WELL, FAIRLY = 0.02, 0.05  # expected calibration errors
AHEAD = ("all", "2x", "10x")


def lines(answer: State) -> list[str]:
    """Return an answer in about twenty lines."""
    found = answer.findings
    text = [*about_table(answer), *to_settle(answer)]
    if found is None:
        return [*text, "No model could be measured yet."]
    text += [ship(found), *(against(found, rival) for rival in found.rivals[:MOST_RIVALS])]
    text += [f"not in  {name}: {why}" for name, why in missing(found)]
    text += [*size_table(found), more(answer, found), cost(found), trust(answer, found), *files(answer)]
    return text


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


def few(words: Iterable[str]) -> str:
    """Return the first words of a list."""
    given = list(words)
    shown = ", ".join(word if len(word) < LONG else f"{word[: LONG - 4]}..." for word in given[:FEW])
    return shown if len(given) <= FEW else f"{shown} and {len(given) - FEW} more"


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
    """Return the model to ship, with its metric."""
    best, judged = found.best, found.judged
    interval = f" ({judged.between(best.low, best.high)})" if math.isfinite(best.low + best.high) else ""
    guessing = f" A constant: {judged.shown(found.constant)}." if math.isfinite(found.constant) else ""
    if best.loss >= found.constant:
        return (
            f"SHIP    nothing: no model beats a constant ({judged.name} {judged.shown(best.loss)}{interval} "
            f"against {judged.shown(found.constant)}) with {found.top:,} rows."
        )
    return (
        f"SHIP    {best.title}: {judged.name} {judged.shown(best.loss)}{interval} with {found.top:,} rows."
        f"{guessing}"
    )


def against(found: Findings, rival: Standing) -> str:
    """Return a rival beside the best model."""
    best, judged = found.best, found.judged
    more_or_less = f"{percent(abs(rival.gap))}% {'more' if rival.gap >= 0 else 'less'} loss"
    text = f"vs      {rival.title} {judged.shown(rival.loss)}: {more_or_less}"
    if not math.isfinite(rival.gap_low):
        return f"{text} in one repeat"
    text += f" ({percent(rival.gap_low)} to {percent(rival.gap_high)})"
    if rival.gap_low <= 0:
        quick = best.fit_seconds > CHEAPER * rival.fit_seconds
        text += ": no difference shown" + (", and quicker" if quick else "")
    times = rival.fit_seconds / best.fit_seconds if best.fit_seconds else math.nan
    if times > CHEAPER:
        text += f", {times:.2g} times the time"
    return f"{text}.  P(best) {share(rival.p_now)} now, {share(rival.p_double)} at 2x"


def percent(log_ratio: float) -> str:
    """Return the logarithm of a ratio as percent more than equal, in two digits and at most 900."""
    if log_ratio > math.log(10):
        return ">900"
    value = 100 * math.expm1(log_ratio)
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def share(probability: float) -> str:
    """Return a probability in two digits, never as certain."""
    if not math.isfinite(probability):
        return "?"
    if probability < 0.01:
        return "<.01"
    return ">.99" if probability > 0.99 else f"{probability:.2f}".replace("0.", ".", 1)


def missing(found: Findings) -> list[tuple[str, str]]:
    """Return the models that could not be compared, with the reason."""
    unmeasured = [(each.title, each.note or "no time") for each in found.standings if not each.is_measured]
    return [*unmeasured, *((name, why) for name, why in found.out.items())][:FEW]


def size_table(found: Findings) -> list[str]:
    """Return the metric of each model by rows: measured, and forecast."""
    sizes = list(found.sizes[-4:])
    ahead = [f"{rows:,} ({name})" for name, rows in zip(AHEAD, found.targets, strict=True)]
    rows = [row_of(f"{found.judged.name} by rows", [f"{size:,}" for size in sizes], "forecast", ahead)]
    for each in (found.best, *found.rivals[: MOST_RIVALS - 1]):
        known = dict(each.curve)
        cells = [found.judged.shown(known[n]) if n in known else "" for n in sizes]
        rows.append(row_of(each.title, cells, "", forecasts(found, each)))
    return rows


def row_of(name: str, measured: Sequence[str], middle: str, ahead: Sequence[str]) -> str:
    """Return a row of the table of sizes."""
    cells = "".join(f"{cell:>9}" for cell in measured)
    return f"{name:<25}{cells} | {middle:<9}{''.join(f'{cell:<23}' for cell in ahead)}".rstrip()


def forecasts(found: Findings, model: Standing) -> list[str]:
    """Return the forecast metric at the targets, with intervals."""
    judged = found.judged
    rows = found.at(model, found.targets)
    return [f"{judged.shown(row.loss)} ({judged.between(row.low, row.high)})" for row in rows]


def more(answer: State, found: Findings) -> str:
    """Return what more rows would bring."""
    best, judged = found.best, found.judged
    change, low, high = (100 * value for value in found.doubling(best))
    now, then = (each.loss for each in found.at(best, found.targets[:2]))
    text = (
        f"MORE    twice the rows: {change:+.2g}% of the loss of {best.title} ({low:+.2g} to {high:+.2g}), "
        f"{judged.name} {judged.shown(now)} to {judged.shown(then)}"
    )
    if price := answer.question.label_price:
        text += f", for {price * found.n_rows:,.0f} at {price:g} a label"
    wanted = now * (1 - BETTER)
    return f"{text}. For {judged.name} {judged.shown(wanted)}: {needed(found, best, wanted)}."


def needed(found: Findings, model: Standing, loss: float) -> str:
    """Return the rows that a loss needs, with their interval."""
    rows, least, most = found.rows_for(model, loss)
    likely = f"{counted(rows)} rows" if math.isfinite(rows) else "no number of rows is likely to do"
    return f"{likely} ({counted(least)} to {counted(most)})"


def counted(rows: float) -> str:
    """Return a number of rows in two digits, or `never` beyond the forecast."""
    if not math.isfinite(rows):
        return "never"
    digits = max(0, int(math.log10(rows)) - 1)
    return f"{round(rows / 10**digits) * 10**digits:,}"


def cost(found: Findings) -> str:
    """Return what a fit and predictions cost."""
    best, known = found.best, prices()
    price = best.fit_seconds / 3600 * known.core_hour
    return (
        f"COST    one fit {seconds(best.fit_seconds)} of one core, {price:.2g} {known.currency}; "
        f"1,000 predictions {best.predict_ms:.2g} ms; daily fits {30 * price:.2g} {known.currency} a month"
    )


def seconds(value: float) -> str:
    """Return seconds in two digits."""
    return f"{value:.2g} s" if value < 100 else f"{value / 60:.2g} min"


def trust(answer: State, found: Findings) -> str:
    """Return what speaks for the answer, and what is not known."""
    best = found.best
    said = []
    if answer.calibration:
        error = answer.calibration.error
        word = "well" if error < WELL else "fairly" if error < FAIRLY else "badly"
        said.append(f"{word} calibrated (ECE {number(error)})")
    said.append(f"{best.repeats} repeats, paired" if best.repeats > 1 else "one repeat: no interval yet")
    if best.of > 1 and found.rivals:
        said.append(f"{best.title} best in {best.wins} of {best.of}")
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
    """Return in one sentence what twice the rows would bring, and which model would gain by them."""
    change, low, high = found.doubling(found.best)
    if high < -WORTH:
        text = f"Twice the rows would take {-100 * change:.2g}% of its loss away"
    elif low > -WORTH:
        text = "Twice the rows would bring next to nothing"
    elif change > -WORTH:
        text = "Twice the rows are not shown to bring anything"
    else:
        text = f"Twice the rows may bring {-100 * change:.2g}% less loss, or nothing"
    likeliest = max(found.standings, key=lambda each: each.p_double if each.is_measured else -1.0)
    if likeliest is not found.best:
        return f"{text}; {likeliest.title} is then the likeliest to be best ({share(likeliest.p_double)})."
    nets = [each.p_double for each in found.rivals if each.family == "deep"]
    if nets and found.best.family != "deep":
        return f"{text}; a net is best then with a probability of {share(max(nets))}."
    return f"{text}."
