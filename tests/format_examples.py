"""Examples of every kind and any JSON, as strategies: what the formats are tried and judged with."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from ftkit.data import Example, Image, Message, ToolCall

# words of the wire formats, so that arbitrary JSON comes near them
WIRE = ["role", "content", "from", "value", "messages", "type", "text", "tool_calls", "name"]

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.one_of(st.sampled_from(["", " ", "\n a \n", "<s>", "[1]"]), st.text(letters, max_size=8))
some_text = texts.filter(bool)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
weights = st.sampled_from([None, None, True, False])
names = st.sampled_from([None, None, "Ada"])


@st.composite
def plain_chats(draw: st.DrawFn) -> Example:
    """Text alone: a system message or none, then questions and answers."""
    system = draw(st.none() | some_text)
    turns = [] if system is None else [Message("system", system)]
    for _ in range(draw(st.integers(1, 3))):
        turns += [Message("user", draw(texts)), Message("assistant", draw(texts))]
    return Example(tuple(turns))


@st.composite
def images(draw: st.DrawFn) -> Message:
    image = Image("https://a.example/b.png", draw(st.sampled_from([None, "low"])))
    parts = draw(st.permutations([image, draw(texts), draw(texts)]))
    return Message("user", "".join(one for one in parts if isinstance(one, str)), tuple(parts))


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Anything that an Example can hold."""
    turns: list[Message] = []
    for number in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["system", "user", "user", "image", "assistant", "call"]))
        if kind == "image":
            turns.append(draw(images()))
        elif kind == "call":
            call = ToolCall(f"c{number}", "find", draw(st.sampled_from(["{}", '{"a": [1]}'])))
            turns.append(Message("assistant", draw(texts), tool_calls=(call,)))
            turns.append(Message("tool", draw(texts), tool_call_id=call.id))
        elif kind == "assistant":
            turns.append(Message(kind, draw(texts), trained=draw(weights), name=draw(names)))
        else:
            turns.append(Message(kind, draw(texts), name=draw(names)))
    if draw(st.booleans()):
        turns.append(Message("user", draw(texts), ("a", "b")))
        turns[-1] = replace(turns[-1], content="ab")
    turns.append(Message("assistant", draw(texts)))
    tool = {"type": "function", "function": {"name": "find", "parameters": draw(objects)}}
    return Example(
        tuple(turns),
        draw(st.dictionaries(st.sampled_from(["id", "größe"]), json_values, max_size=2)),
        tools=draw(st.sampled_from([(), (), (tool,)])),
        parallel_tool_calls=draw(st.sampled_from([None, None, True, False])),
        rejected=draw(st.sampled_from([(), (Message("assistant", "no"),)])),
    )


objects = st.dictionaries(texts, json_values, max_size=2)
