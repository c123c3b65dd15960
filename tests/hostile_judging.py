"""Which fuzzed answers are tried, in which worlds, and what must have become of each: the same for every provider.

The create is answered by junk in two worlds: in one the provider has made the job all the same, in the other it has not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.fuzzed_answers import FUZZED_ANSWERS, FuzzedAnswer
from tests.hostile import Bench, Trial, kind_of

MOST_MIB = 200  # a bomb unpacks to 1,024; ftkit reads at most 50 MiB of a reply, and parses it
STEPS = ("create", "list", "upload", "get", "events", "account")
EACH_KIND = {"2xx": 4, "half": 1, "3xx": 1, "4xx": 3, "5xx": 1}  # ten of each step
Worlds = Mapping[str, Sequence[tuple[str, bool | None]]]  # by step: stories, and whether it is done
WORLDS: Worlds = {
    "create": (("create", True), ("create", False)),
    "upload": (("upload", True), ("upload", False)),
    "list": (("list", None), ("list, after a lost create", None)),
}
CREATED_NOTHING = {400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 429}


def sample(step: str) -> list[FuzzedAnswer]:
    """Ten answers of a step, of every kind; other ones than at the other steps."""
    chosen = []
    for kind, number in EACH_KIND.items():
        these = [answer for answer in of(step) if kind_of(answer) == kind]
        start = STEPS.index(step)
        chosen += [these[(start + n * len(these) // number) % len(these)] for n in range(number)]
    return chosen


def of(step: str) -> list[FuzzedAnswer]:
    return [answer for answer in FUZZED_ANSWERS if answer.on == step]


def trials(bench: Bench, answers: Sequence[FuzzedAnswer], worlds: Worlds = WORLDS) -> list[Trial]:
    """Each answer in each of its worlds."""
    done = []
    for answer in answers:
        for story, process in worlds.get(answer.on, ((answer.on, None),)):
            if answer.on == "create" and process and is_clear_no(answer):
                continue
            does_it = answer.process if process is None else process
            trial = bench.trial(answer, story, process=does_it)
            if answer.on == "create":
                trial.expected = expected(answer, does_it)
            done.append(trial)
    return done


def is_clear_no(answer: FuzzedAnswer) -> bool:
    """A JSON error, of a size that is read, with a status that creates nothing."""
    if answer.status not in CREATED_NOTHING or len(answer.body) > 1024 * 1024:
        return False
    try:
        value = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value.get("error"))


def expected(answer: FuzzedAnswer, process: bool) -> int:
    """The exit code of a submission whose create is answered so."""
    if is_clear_no(answer):
        return 3
    return 0 if process else 4


def complaints(done: Sequence[Trial]) -> list[str]:
    """What is not one job each, in ftkit's own words, in bounded memory and with nothing for the stranger."""
    wrong = {
        "foreign": lambda trial: trial.foreign,
        "doubled": lambda trial: trial.doubled,
        "lost": lambda trial: trial.lost,
        "elsewhere": lambda trial: trial.to_stranger,
        "memory": lambda trial: trial.peak_mib > MOST_MIB,
        "exit code": lambda trial: not {one.code for one in trial.hostile} <= {0, 1, 2, 3, 4},
        "not mended": lambda trial: trial.after[-1].code != 0,
        "create": lambda trial: trial.expected not in (None, trial.hostile[0].code),
    }
    return [f"{name}: {trial}" for trial in done for name, is_so in wrong.items() if is_so(trial)]


def table(done: Sequence[Trial]) -> str:
    """Trials, settled by hand, doubled, lost, foreign and highest memory of each story and kind."""
    lines = [f"{'':46} trials  by hand  doubled  lost  foreign  elsewhere  MiB"]
    for story, kind in sorted({(trial.story, trial.kind) for trial in done}):
        these = [trial for trial in done if (trial.story, trial.kind) == (story, kind)]
        lines.append(
            f"{story:32} {kind:13} {len(these):6} {sum(t.settled_by_hand for t in these):8} "
            f"{sum(t.doubled for t in these):8} {sum(t.lost for t in these):5} "
            f"{sum(bool(t.foreign) for t in these):8} {sum(t.to_stranger for t in these):10} "
            f"{max(t.peak_mib for t in these):4.0f}"
        )
    for story in sorted({trial.story for trial in done}):
        codes = Counter(one.code for t in done if t.story == story for one in t.hostile)
        lines.append(f"exit codes while the answer was hostile, {story}: {dict(codes)}")
    return "\n".join(lines)


def grafts(step: str) -> Iterator[tuple[FuzzedAnswer, dict[str, Any]]]:
    """Answers whose odd fields can stand in a reply that is right otherwise, with these fields."""
    template = json.loads(named(f"{step}: unknown fields").body)
    for answer in of(step):
        if answer.name.endswith("duplicate keys"):
            continue  # once parsed it is a right reply that names another job
        try:
            value = json.loads(answer.body) if 0 < len(answer.body) < 10_000 else None
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and value.get("object") == template["object"]:
            plain = {"id": "ftjob-fuzzed", "status": "running", "created_at": 1795000000}
            odd = {key: v for key, v in value.items() if plain.get(key, template[key]) != v}
            if "id" not in value:
                odd["id"] = None
            if odd:
                yield answer, odd


def named(name: str) -> FuzzedAnswer:
    return next(answer for answer in FUZZED_ANSWERS if answer.name == name)
