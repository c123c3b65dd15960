"""A conversation becomes text by the model's own template, and the text is checked to hold what the messages say.

The check compares with a rendering of the same roles around placeholders, so a template that drops, repeats or rewrites
a message is found for the row it happens in, not trusted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from ftkit.data.example import Message, as_dicts, only_text
from ftkit.errors import CapabilityError, DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# A template may write today's date into the system message. Training and answering would then differ by the day, so
# every rendering uses this one, which is the date that the Llama 3 templates fall back to.
FIXED_DATE = datetime(2024, 7, 26)

_DATE_CALL = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")
_THOUGHT_END = "</think>"
_PLACEHOLDER = re.compile(r"ftkitprobe(\d+)x")


class ChatTemplate:
    """One model's template. `end_of_turn` is the control token that closes an answer, `source` the jinja text.

    Raises CapabilityError for a template that cannot be trained with.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, control_tokens: frozenset[str]) -> None:
        self._tokenizer = tokenizer
        self.source = _with_fixed_date(tokenizer.get_chat_template())
        longest_first = sorted(control_tokens, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._skeletons: dict[tuple[tuple[str, ...], bool], str] = {}
        try:
            self.end_of_turn = self._tail(("user", "assistant"))[1]
            self.trims = self._trimmed_roles()
        except DataError as error:
            raise CapabilityError(f"the chat template cannot be used: {error}") from error

    def refuse_control_tokens(self, messages: Sequence[Message]) -> None:
        """Raise DataError naming the first control token or unencodable character, or what is more than text."""
        only_text(messages)
        for number, message in enumerate(messages, start=1):
            found = self._control.search(message.content)
            if found:
                raise DataError(
                    f"message {number} ({message.role}) holds the control token {found.group()!r}, which the model "
                    "would read as structure; remove it or write it differently"
                )
            try:
                message.content.encode()
            except UnicodeEncodeError as error:
                raise DataError(
                    f"message {number} ({message.role}) holds half of a surrogate pair at character {error.start}, "
                    "which is not text; remove it"
                ) from error

    def text(self, messages: Sequence[Message], *, generation: bool) -> str:
        """The conversation as text, with the opening of an answer behind it if `generation`.

        Raises DataError where the template refuses the conversation or does not pass a content on unchanged; white space
        at a content's ends may go for the roles in `trims`, reasoning of turns that are over may go too.
        """
        text = self._render(messages, generation)
        skeleton = self._skeleton(tuple(message.role for message in messages), generation)
        exact = [message.content for message in messages]
        trimmed = [m.content.strip() if m.role in self.trims else m.content for m in messages]
        if text not in (_filled(skeleton, exact), _filled(skeleton, trimmed)):
            self._refuse_changes(text, messages, generation)
        return text

    def answer_end(self, messages: Sequence[Message], text: str) -> int:
        """Where the last turn of `text`, which these messages became, ends: behind its end-of-turn token."""
        tail, token = self._tail(tuple(message.role for message in messages))
        if not text.endswith(tail):
            raise DataError(
                f"the template ends this conversation in {text[-40:]!r} where it ends others in {tail!r}; "
                "the end of the answer cannot be told"
            )
        return len(text) - len(tail) + tail.index(token) + len(token)

    def _render(self, messages: Sequence[Message], generation: bool) -> str:
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    as_dicts(messages),
                    chat_template=self.source,
                    tokenize=False,
                    add_generation_prompt=generation,
                )
            )
        except (TemplateError, TypeError) as error:
            roles = ", ".join(message.role for message in messages)
            raise DataError(
                f"the model's chat template refuses a conversation of {roles}: {error}"
            ) from error

    def _skeleton(self, roles: tuple[str, ...], generation: bool) -> str:
        key = (roles, generation)
        if key not in self._skeletons:
            skeleton = self._render(
                [Message(role, f"ftkitprobe{index}x") for index, role in enumerate(roles)],
                generation,
            )
            found = [int(index) for index in _PLACEHOLDER.findall(skeleton)]
            for index, role in enumerate(roles):
                if index not in found:
                    raise DataError(
                        f"the template drops the content of message {index + 1} ({role}); take the message out, or move "
                        "its text into another message"
                    )
            if found != list(range(len(roles))):
                raise DataError(
                    "the template repeats or reorders messages; ftkit cannot tell what is trained"
                )
            self._skeletons[key] = skeleton
        return self._skeletons[key]

    def _tail(self, roles: tuple[str, ...]) -> tuple[str, str]:
        """What the template puts behind the last content, and the first control token of it."""
        tail = _PLACEHOLDER.split(self._skeleton(roles, False))[-1]
        found = self._control.search(tail)
        if found is None:
            raise CapabilityError(
                "the chat template puts no end-of-turn token behind an answer, so a model tuned with it would never "
                "stop; choose another model, or put a template that has one into its folder as chat_template.jinja"
            )
        return tail, found.group()

    def _trimmed_roles(self) -> frozenset[str]:
        trims = set()
        for role in ("system", "user", "assistant"):
            roles = ("system", "user", "assistant") if role == "system" else ("user", "assistant")
            contents = ["\n x \n" if each == role else "y" for each in roles]
            try:
                skeleton = self._skeleton(roles, False)
                text = self._render(
                    [Message(each, content) for each, content in zip(roles, contents, strict=True)],
                    False,
                )
            except DataError:
                if role != "system":
                    raise
                continue  # this family has no system role; a row that has one is refused where it is rendered
            if text != _filled(skeleton, contents):
                trims.add(role)
        return frozenset(trims)

    def _refuse_changes(self, text: str, messages: Sequence[Message], generation: bool) -> None:
        """Raise, unless all that is missing is the reasoning of turns that are over."""
        position = 0
        reasoning = False
        for index, message in enumerate(messages):
            forms = [message.content]
            if message.role in self.trims:
                forms.append(message.content.strip())
            over = generation or index < len(messages) - 1
            if message.role == "assistant" and _THOUGHT_END in message.content:
                reasoning = True
                if over:
                    forms.append(message.content.rpartition(_THOUGHT_END)[2].strip())
            found = [(text.find(form, position), form) for form in forms]
            at, form = next(((at, form) for at, form in found if at >= 0), (-1, ""))
            if at < 0:
                hint = (
                    "write its reasoning as <think>\\n...\\n</think>\\n\\n in front of the answer"
                    if reasoning
                    else "take surrounding white space away, or choose another model"
                )
                raise DataError(
                    f"the template drops or changes the content of message {index + 1} ({message.role}): {hint}"
                )
            position = at + len(form)
        if not reasoning:
            raise DataError(
                "the template adds to or changes this conversation depending on what its messages say; "
                "take surrounding white space away, or choose another model"
            )


def _with_fixed_date(source: str) -> str:
    """Dates become text in the template itself: transformers lets a caller pass values to it, but no functions."""
    source = _DATE_CALL.sub(lambda found: repr(FIXED_DATE.strftime(found.group(2))), source)
    if "strftime_now(" in source:
        raise CapabilityError(
            "the chat template writes the present date in a way that cannot be fixed to one day, so what is trained "
            "would not be what is served; put a template without strftime_now into the folder as chat_template.jinja"
        )
    return source


def _filled(skeleton: str, contents: Sequence[str]) -> str:
    return _PLACEHOLDER.sub(lambda found: contents[int(found.group(1))], skeleton)
