"""Examples of every kind and any JSON, as strategies: what the formats are tried and judged with."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from ftkit.data import Example, Image, Message, ToolCall

# words of the wire formats, so that arbitrary JSON comes near them
WIRE = [
    *("role", "content", "from", "value", "messages", "type", "text", "tool_calls", "name", "id"),
    *("parts", "functionCall", "function_response", "args", "score", "completion", "system"),
    *("image", "source", "toolUse", "toolResult", "input", "tool_use_id", "function_call"),
]

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
    url = draw(
        st.sampled_from(
            [
                "https://a.example/b.png",
                "data:image/png;base64,aGk=",
                "data:image/png;base64,aGk=",
                "data:image/tiff;base64,aGk=",
            ]
        )
    )
    image = Image(url, draw(st.sampled_from([None, None, "low"])))
    parts = draw(st.permutations([image, draw(texts), draw(texts)]))
    return Message("user", "".join(one for one in parts if isinstance(one, str)), tuple(parts))


@st.composite
def calls(draw: st.DrawFn, made: int) -> list[Message]:
    """One or two calls at once and their results; the first of the row has the number `made`."""
    kind = draw(st.sampled_from(["call_", "call_", "c"]))
    names_of_calls = draw(
        st.sampled_from([("find",), ("find",), ("find", "find"), ("find", "buy")])
    )
    arguments = draw(
        st.sampled_from(["{}", '{"a": [1, "ö"]}', '{"a": 1.5}', '{"a":1}', '{"a": 1.50}'])
    )
    asked = [
        ToolCall(f"{kind}{made + number}", name, arguments)
        for number, name in enumerate(names_of_calls)
    ]
    answers = [
        Message("tool", draw(results), tool_call_id=call.id)
        for call in draw(st.permutations(asked))
    ]
    if draw(st.integers(0, 5)) == 0:
        answers[0] = replace(answers[0], content="ab", parts=("a", "b"))
    return [Message("assistant", draw(texts), tool_calls=tuple(asked)), *answers]


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Anything that an Example can hold."""
    turns: list[Message] = []
    if draw(st.booleans()):
        turns.append(Message("system", draw(texts)))
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["system", "user", "user", "image", "assistant", "call"]))
        if kind == "image":
            turns.append(draw(images()))
        elif kind == "call":
            turns += draw(calls(sum(len(turn.tool_calls) for turn in turns)))
        elif kind == "assistant":
            turns.append(Message(kind, draw(texts), trained=draw(weights), name=draw(names)))
        else:
            turns.append(Message(kind, draw(texts), name=draw(names)))
    if draw(st.booleans()):
        turns.append(Message("user", draw(marked)))
        turns.append(Message("assistant", draw(texts)))
    if draw(st.booleans()):
        turns.append(Message("user", draw(texts), ("a", "b")))
        turns[-1] = replace(turns[-1], content="ab")
    turns.append(Message("assistant", draw(texts)))
    return Example(
        tuple(turns),
        draw(st.dictionaries(st.sampled_from(["id", "größe"]), json_values, max_size=2)),
        tools=draw(st.sampled_from([(), ()]) | st.tuples(tools)),
        parallel_tool_calls=draw(st.sampled_from([None, None, None, True, False])),
        rejected=draw(st.sampled_from([(), (Message("assistant", "no"),)])),
    )


marked = st.sampled_from(["a", "b\nHuman: c", "Human: d", "\n\nAssistant:"])
results = st.one_of(texts, st.sampled_from(['{"a": 1}', '{"output": "a"}', '{"a":1}', "[1]"]))
objects = st.dictionaries(texts, json_values, max_size=2)
schemas = st.one_of(
    objects, st.sampled_from([{"type": "object"}, {"items": {"type": "STRING"}}, {"x": "OBJECT"}])
)
functions = st.fixed_dictionaries(
    {"name": st.just("find"), "parameters": schemas},
    optional={"description": texts, "strict": st.just(True)},
)
tools = st.one_of(functions, functions, st.just({"name": "find"})).map(
    lambda function: {"type": "function", "function": function}
)
