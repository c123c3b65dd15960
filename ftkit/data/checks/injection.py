"""FT506: text that tells the model to leave its instructions, and text that a reader of the data does not see.

Rows that teach a model to refuse such text have it in the prompt and are right; so many of them are only a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftkit.data.checks.report import Finding, Severity
from ftkit.data.checks.view import DataView, RowView

_SHOWN = 5
_MANY = 0.05  # of all rows: probably rows that teach how to answer such text
_LONG = 40  # characters of a system prompt that an answer does not repeat by chance

_OVER = "tells to ignore instructions"
_PROMPT = "asks for the hidden prompt"
_ANY = r"(?:\w{1,15}\s{1,3}){0,4}?"


def _phrase(
    kind: str, words: tuple[str, ...], *pieces: str
) -> tuple[str, tuple[str, ...], re.Pattern[str]]:
    """`words` in lower case, of which one is always there: looked for first, as most texts have none."""
    return kind, words, re.compile("".join(pieces), re.IGNORECASE)


_PHRASES = (
    _phrase(
        _OVER,
        ("ignor", "disregard", "forget", "bypass", "override"),
        r"\b(?:ignore|disregard|forget|bypass|override)\s{1,3}",
        _ANY,
        r"(?:previous|prior|above|earlier|preceding|former|foregoing|system|safety|your|all)\s{1,3}",
        r"(?:\w{1,15}\s{1,3}){0,2}?(?:instructions?|prompts?|rules|directions|directives|guidelines",
        r"|guardrails|constraints|programming)\b",
    ),
    _phrase(
        _OVER,
        ("vergiss", "vergessen", "ignorier", "missachte"),
        r"\b(?:ignoriere|ignorieren sie|vergiss|vergessen sie|missachte)\s{1,3}",
        _ANY,
        "(?:anweisung|instruktion|vorgabe|regel)",
    ),
    _phrase(
        _OVER,
        ("ignor", "oubli", "olvid", "esque", "dimentic"),
        r"\b(?:ignore[zr]?|ignora|oublie[zr]?|olvida|esqueça|dimentica)\s{1,3}",
        _ANY,
        "(?:consignes|instructions|instrucciones|instruções|istruzioni|reglas|règles|regras|regole)",
        r"\s{1,3}(?:\w{1,12}\s{1,3}){0,3}?(?:précédent|antérieur|ci-dessus|anterior|previas|precedent)",
    ),
    _phrase(
        _OVER,
        ("игнорир", "забудь"),
        r"(?:игнорируй(?:те)?|забудь(?:те)?)\s{1,3}(?:\w{1,15}\s{1,3}){0,3}?(?:инструкции|указания|правила)",
    ),
    _phrase(_OVER, ("忽略", "忽视", "无视"), "(?:忽略|忽视|无视).{0,12}(?:指令|指示|提示|规则)"),
    _phrase(_OVER, ("無視",), "(?:指示|命令|プロンプト).{0,6}無視"),
    _phrase(_OVER, ("무시",), "(?:지시|명령|프롬프트).{0,8}무시"),
    _phrase(
        _PROMPT,
        ("prompt", "instructions", "message"),
        r"\b(?:reveal|print|show|repeat|output|display|tell|give|leak|expose|dump)\s{1,3}",
        r"(?:\w{1,10}\s{1,3}){0,3}?(?:your|the)\s{1,3}(?:full\s{1,3}|entire\s{1,3}|exact\s{1,3}|complete\s{1,3})?",
        r"(?:system|hidden|initial|original|secret|developer)\s{1,3}(?:prompts?|instructions?|messages?)",
    ),
    _phrase(
        _PROMPT,
        (" above",),
        r"\brepeat\s{1,3}(?:\w{1,12}\s{1,3}){0,4}?(?:words|text|everything)\s{1,3}above",
    ),
    _phrase(
        "gives the model another self",
        ("you are now", "do anything now", "developer mode", "jailbr", "from now on"),
        r"\byou are now\s{1,3}(?:in\s{1,3})?(?:dan\b|developer mode|unrestricted|jailbroken|free (?:of|from)",
        "|an? (?:unrestricted|unfiltered|evil|uncensored))",
        r"|\bdo anything now\b|\bjailbreak(?:ed)? mode|\bdeveloper mode (?:enabled|on|activated)",
        r"|\bfrom now on\b.{0,40}\b(?:no|without) (?:restrictions|rules|filters|limits)",
    ),
    _phrase(
        "pretends to be a system message",
        ("system", "instruction", "override"),
        r"(?:^|\n)\s{0,3}(?:#{2,5}\s{0,3}|\[{1,2}|<{1,2}\|?)(?:system|new instructions?|admin(?:istrator)? override)",
        r"(?:\s{1,3}(?:prompt|message|override))?(?:\]{1,2}|\|?>{1,2}|:)",
    ),
    _phrase(
        "instructions in a hidden comment",
        ("<!--",),
        r"<!--(?:(?!<!--)[^>]){0,400}?\b(?:instruct|ignore|assistant|you must|do not tell)\w{0,10}\b",
    ),
    _phrase(
        "text made hidden by its style",
        ("style",),
        r"<[a-z]{1,10}\s[^<>]{0,200}?(?:display\s?:\s?none|font-size\s?:\s?0\b|visibility\s?:\s?hidden)",
    ),
)
# letters of U+E0000 spell ASCII that no screen shows; an emoji of a flag is the one right use
_SPELLED = re.compile("(?<![\U0001f3f4\U000e0000-\U000e007f])[\U000e0000-\U000e007f]{4,}")
_SELECTORS = re.compile("[\U000e0100-\U000e01ef\ufe00-\ufe0e]{4,}")
_SPOKEN = re.compile(
    r"\s{0,5}(?:you are an? [\w ,-]{0,60}\b(?:assistant|chatbot|model|agent|bot)\b"
    r"|(?:my|the) system prompt (?:is|says|reads|was)"
    r"|here (?:is|are) my (?:system prompt|(?:initial |hidden )?instructions))",
    re.IGNORECASE,
)


def injected_instructions(data: DataView) -> Iterator[Finding]:
    """FT506: instructions against the instructions, hidden text, and answers that tell the hidden prompt."""
    rows: list[int] = []
    shown: list[str] = []
    hidden = False
    for row in data.rows:
        found = sorted({kind for text in row.texts for kind in injected(text)} | _told(row))
        if found:
            rows.append(row.number)
            hidden = hidden or any("hidden" in kind and kind != _PROMPT for kind in found)
            if len(shown) < _SHOWN:
                shown.append(f"row {row.number}: {', '.join(found)}")
    if rows:
        many = len(rows) > max(1, _MANY * len(data.rows)) and not hidden
        yield Finding.on(
            rows,
            "FT506",
            Severity.INFO if many else Severity.WARNING,
            "text tells the model to leave its instructions, or hides something",
            detail="\n".join(shown),
            why="where the answer obeys, the model learns to obey whoever writes this to it",
            mend="remove the rows, or see that their answers do what you want to happen then",
        )


def injected(text: str) -> list[str]:
    """The kinds of such text in it."""
    lowered = text.lower()
    found = [
        kind
        for kind, words, pattern in _PHRASES
        if any(word in lowered for word in words) and pattern.search(text)
    ]
    if not text.isascii() and (_SPELLED.search(text) or _SELECTORS.search(text)):
        found.append("hidden letters that no screen shows")
    return found


def _told(row: RowView) -> set[str]:
    """An answer that repeats the system prompt, or speaks as one does."""
    system = row.example.system or ""
    for turn in row.example.messages:
        if turn.role != "assistant":
            continue
        if _SPOKEN.match(turn.content) or len(system) >= _LONG and system in turn.content:
            return {"the answer tells a system prompt"}
    return set()
