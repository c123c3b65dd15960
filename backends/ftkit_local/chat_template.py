"""A conversation becomes text by the model's own template, and the text is checked to hold what the messages say.

The check compares with a rendering of the same turns around placeholders, so a template that drops, repeats or rewrites
a message, a call or a tool is found for the row it happens in, not trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from ftkit.data.example import Message, ToolCall
from ftkit.errors import CapabilityError, DataError
from ftkit_local.conversation_slots import (
    Calling,
    Slot,
    as_template,
    check_skeleton,
    filled,
    probing,
    refuse_disorder,
    shape_of,
    slots_of,
    tail_of,
)
from ftkit_local.tool_schemas import Tools, described, lost, written_whole
from ftkit_local.unfit_texts import refuse_unfit_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# A template may write today's date into the system message. Training and answering would then differ by the day, so
# every rendering uses this one, which is the date that the Llama 3 templates fall back to.
FIXED_DATE = datetime(2024, 7, 26)

_DATE_CALL = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")
_THOUGHT_END = "</think>"
_KEPT = 512  # skeletons, and verdicts on lists of tools
_PROBED_TOOL = {
    "type": "function",
    "function": {
        "name": "ftkittool",
        "description": "ftkitsays",
        "parameters": {
            "type": "object",
            "properties": {"ftkitfield": {"type": "string", "description": "ftkitmeans"}},
            "required": ["ftkitfield"],
        },
    },
}
_PROBED_WORDS = ("ftkittool", "ftkitsays", "ftkitfield", "ftkitmeans")


class ChatTemplate:
    """One model's template. `end_of_turn` is the control token that closes an answer, `source` the jinja text.

    Raises CapabilityError for a template that cannot be trained with.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, control_tokens: frozenset[str]) -> None:
        self._tokenizer = tokenizer
        self.source = _with_fixed_date(tokenizer.get_chat_template())
        longest_first = sorted(control_tokens, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._skeletons: dict[object, str] = {}
        self._whole: set[str] = set()
        self.end_of_turn = ""
        try:
            self.end_of_turn = self._tail(_turns("user", "assistant"), ())[1]
            self.trims = self._trimmed_roles()
        except DataError as error:
            raise CapabilityError(f"the chat template cannot be used: {error}") from error

    @cached_property
    def calling(self) -> Calling | None:
        """How the template takes tools, their calls and results; None where it has no place for them."""
        for objects in (True, False):
            for empty in ("", None):
                found = self._calling(Calling(objects, empty))
                if found is not None:
                    return found
        return None

    def refuse_unfit(self, messages: Sequence[Message], tools: Tools = ()) -> None:
        """Raise DataError naming the first control token or unencodable character, or what cannot be passed on."""
        refuse_unfit_texts(messages, tools, self._control)
        if tools or any(turn.tool_calls or turn.role == "tool" for turn in messages):
            if self.calling is None:
                raise DataError(
                    "the model's chat template drops tools or their calls, so that they would not be learned; leave them "
                    "out of the row, choose a model whose template has them, or put such a template into the model's "
                    "folder as chat_template.jinja"
                )
            if not self.calling.ids:
                refuse_disorder(messages)

    def text(self, messages: Sequence[Message], tools: Tools = (), *, generation: bool) -> str:
        """The conversation as text, with the opening of an answer behind it if `generation`.

        Raises DataError where the template refuses the conversation or does not pass a content, a call or a tool on
        unchanged; white space at a content's ends may go for the roles in `trims`, reasoning of turns that are over too.
        """
        text = self._render(messages, tools, generation, self._convention)
        slots = slots_of(messages, self._convention)
        skeleton = self._skeleton(messages, tools, generation)
        forms = (filled(skeleton, slots, _exact), filled(skeleton, slots, self._trimmed))
        if text not in forms:
            self._refuse_changes(text, messages, slots, generation)
        if tools:
            self._refuse_lost_tools(text, messages, tools, generation)
        return text

    def answer_end(self, messages: Sequence[Message], text: str, tools: Tools = ()) -> int:
        """Where the last turn of `text`, which these messages became, ends: behind its end-of-turn token."""
        tail, token = self._tail(messages, tools)
        if not text.endswith(tail):
            raise DataError(
                f"the template ends this conversation in {text[-40:]!r} where it ends others in {tail!r}; "
                "the end of the answer cannot be told"
            )
        return len(text) - len(tail) + tail.index(token) + len(token)

    @property
    def _convention(self) -> Calling:
        return (
            self.__dict__.get("calling") or Calling()
        )  # not probed for as long as no row has tools

    def _render(
        self, messages: Sequence[Message], tools: Tools, generation: bool, calling: Calling
    ) -> str:
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    as_template(messages, calling),
                    tools=[dict(tool) for tool in tools] or None,
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

    def _skeleton(
        self,
        messages: Sequence[Message],
        tools: Tools,
        generation: bool,
        calling: Calling | None = None,
    ) -> str:
        how = calling or self._convention
        written = json.dumps(list(tools)) if tools else ""
        key = (how, shape_of(messages, how), written, generation)
        if key not in self._skeletons:
            probes = probing(messages)
            skeleton = self._render(probes, tools, generation, how)
            check_skeleton(skeleton, slots_of(probes, how))
            if len(self._skeletons) >= _KEPT:
                self._skeletons.clear()
            self._skeletons[key] = skeleton
        return self._skeletons[key]

    def _tail(self, messages: Sequence[Message], tools: Tools) -> tuple[str, str]:
        """What the template puts behind the last content or call, and the control token of it that ends the turn."""
        tail = tail_of(self._skeleton(messages, tools, False))
        found = self._control.findall(tail)
        if not found:
            raise CapabilityError(
                "the chat template puts no end-of-turn token behind an answer, so a model tuned with it would never "
                "stop; choose another model, or put a template that has one into its folder as chat_template.jinja"
            )
        if self.end_of_turn in found:
            return tail, self.end_of_turn
        return tail, found[-1] if messages[-1].tool_calls else found[0]

    def _trimmed_roles(self) -> frozenset[str]:
        trims = set()
        for role in ("system", "user", "assistant"):
            roles = ("system", "user", "assistant") if role == "system" else ("user", "assistant")
            messages = [Message(each, "\n x \n" if each == role else "y") for each in roles]
            try:
                skeleton = self._skeleton(messages, (), False)
                text = self._render(messages, (), False, Calling())
            except DataError:
                if role != "system":
                    raise
                continue  # this family has no system role; a row that has one is refused where it is rendered
            if text != filled(skeleton, slots_of(messages, Calling()), _exact):
                trims.add(role)
        return frozenset(trims)

    def _calling(self, tried: Calling) -> Calling | None:
        """The convention with what else it needs, or None where a call, its result or a tool does not come through."""
        for quoted in (False, True):
            how = Calling(tried.objects, tried.empty, quoted)
            asked = _called("call00000", 'a "result"')
            try:
                text = self._render(asked, (_PROBED_TOOL,), False, how)
                skeleton = self._skeleton(asked, (_PROBED_TOOL,), False, how)
                other = self._render(
                    _called("call99999", 'a "result"'), (_PROBED_TOOL,), False, how
                )
            except DataError:
                return None
            if not all(word in text for word in _PROBED_WORDS):
                return None
            if text == filled(skeleton, slots_of(asked, how), _exact):
                return Calling(how.objects, how.empty, quoted, ids=other != text)
        return None

    def _trimmed(self, slot: Slot) -> str:
        return slot.text.strip() if slot.role in self.trims else slot.text

    def _refuse_lost_tools(
        self, text: str, messages: Sequence[Message], tools: Tools, generation: bool
    ) -> None:
        """Raise unless each word of the tools is in the text; what is found for one list of tools is remembered."""
        if written_whole(text, tools):
            return
        if text == self._render(messages, (), generation, self._convention):
            raise DataError("the template drops the tools of this conversation")
        written = json.dumps(list(tools))
        if written not in self._whole:
            short = _turns("user", "assistant")
            places = lost(tools, lambda some: self._render(short, some, False, self._convention))
            if places:
                raise DataError(
                    f"the template drops {described(places)}, which the model would not learn; take it out of the row, or "
                    "choose a model whose template writes tools as JSON"
                )
            if len(self._whole) >= _KEPT:
                self._whole.clear()
            self._whole.add(written)

    def _refuse_changes(
        self, text: str, messages: Sequence[Message], slots: Sequence[Slot], generation: bool
    ) -> None:
        """Raise, unless all that is missing is the reasoning of turns that are over."""
        position = 0
        reasoning = False
        for slot, last in _with_last(slots, messages):
            forms = [slot.text, self._trimmed(slot)]
            if slot.role == "assistant" and _THOUGHT_END in slot.text:
                reasoning = True
                if generation or not last:
                    forms.append(slot.text.rpartition(_THOUGHT_END)[2].strip())
            # the first place: a later turn can say the same, and then with its reasoning
            at, _, form = min(
                (
                    (at, -len(form), form)
                    for form in forms
                    if (at := text.find(form, position)) >= 0
                ),
                default=(-1, 0, ""),
            )
            if at < 0:
                hint = (
                    "write its reasoning as <think>\\n...\\n</think>\\n\\n in front of the answer"
                    if reasoning
                    else "take surrounding white space away, or choose another model"
                )
                raise DataError(f"the template drops or changes the {slot.what}: {hint}")
            position = at + len(form)
        if not reasoning:
            raise DataError(
                "the template adds to or changes this conversation depending on what its messages say; "
                "take surrounding white space away, or choose another model"
            )


def _exact(slot: Slot) -> str:
    return slot.text


def _with_last(slots: Sequence[Slot], messages: Sequence[Message]) -> Iterator[tuple[Slot, bool]]:
    """Each slot with whether it belongs to the last message."""
    last = messages[-1]
    of_last = bool(last.content or not last.tool_calls) + 2 * len(last.tool_calls)
    for index, slot in enumerate(slots):
        yield slot, index >= len(slots) - of_last


def _turns(*roles: str) -> list[Message]:
    return [Message(role, "y") for role in roles]


def _called(id: str, result: str) -> list[Message]:
    return [
        Message("user", "y"),
        Message("assistant", "", tool_calls=(ToolCall(id, "ftkittool", '{"a": "b"}'),)),
        Message("tool", result, tool_call_id=id),
        Message("assistant", "y"),
    ]


def _with_fixed_date(source: str) -> str:
    """Dates become text in the template itself: transformers lets a caller pass values to it, but no functions."""
    source = _DATE_CALL.sub(lambda found: repr(FIXED_DATE.strftime(found.group(2))), source)
    if "strftime_now(" in source:
        raise CapabilityError(
            "the chat template writes the present date in a way that cannot be fixed to one day, so what is trained "
            "would not be what is served; put a template without strftime_now into the folder as chat_template.jinja"
        )
    return source
