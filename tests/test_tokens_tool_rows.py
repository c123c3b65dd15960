"""Rows with tools on this machine: quoted, shown, trained and refused by a template that has a place for them or has none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ftkit
from ftkit.cli.main import app
from ftkit.errors import DataError
from ftkit_local.render import ChatRenderer
from ftkit_local.trainer.rows import read_rows
from ftkit_local.trainer.spec import SpecFile
from ftkit_local.training import LocalTraining
from tests.local_runs import Home
from tests.rendering import renderer
from tests.tiny import TEMPLATES, TinyTemplate, tiny_model_folder
from tests.token_rows import PLAIN, TOOLS, as_wire

_CHATML = TEMPLATES["chatml"]
CALLING = replace(
    _CHATML,
    jinja=(
        "{% if tools %}{{ '<|im_start|>system\n' }}{% for tool in tools %}{{ tool | tojson + '\n' }}{% endfor %}"
        "{{ '<|im_end|>\n' }}{% endif %}"
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] }}"
        "{% for call in message.tool_calls or [] %}"
        "{{ '<call>' + call.function.name + ' ' + (call.function.arguments | tojson) + '</call>' }}{% endfor %}"
        "{{ '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
)


def without(template: TinyTemplate, word: str, instead: str) -> TinyTemplate:
    assert word in template.jinja
    return replace(template, jinja=template.jinja.replace(word, instead))


def row(name: str) -> dict[str, Any]:
    example = {**PLAIN, **TOOLS}[name]
    wire = [as_wire(message) for message in example.messages]
    for turn in wire:
        for call in turn.get("tool_calls", ()):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    return {"messages": wire} | ({"tools": list(example.tools)} if example.tools else {})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(
        tmp_path_factory.mktemp("base") / "calling", template=CALLING, max_length=2048
    )


def test_a_call_is_learned_with_its_arguments_and_a_result_is_only_read(base: Path) -> None:
    r = renderer(CALLING)
    (one,) = r.render_row(TOOLS["result"])
    learned = "".join(text for text, trained in r.tokens(one) if trained)
    call = '<call>find_parcel {"number": 4512, "country": "DE"}</call><|im_end|>'
    assert learned == f"{call}In the van.<|im_end|>"


def test_a_call_is_learned_up_to_the_last_of_the_tokens_that_close_it() -> None:
    closing = without(CALLING, "'</call>' }}{% endfor %}", "'<|close|><|called|>' }}{% endfor %}")
    template = without(
        closing,
        "{{ '<|im_end|>\n' }}{% endfor %}",
        "{{ '' if message.tool_calls else '<|im_end|>\n' }}{% endfor %}",
    )
    r = renderer(replace(template, special=(*template.special, "<|close|>", "<|called|>")))
    (one,) = r.render_row(TOOLS["call"])
    assert "".join(text for text, trained in r.tokens(one) if trained).endswith("<|called|>")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (without(CALLING, "{% if tools %}", "{% if false %}"), "drops tools or their calls"),
        (without(CALLING, "call.function.name", "'it'"), "drops tools or their calls"),
        (
            without(CALLING, "(call.function.arguments | tojson)", "''"),
            "drops tools or their calls",
        ),
        (without(CALLING, "tool | tojson", "tool.function.name"), "drops tools or their calls"),
        (
            without(CALLING, "tool | tojson", "tool.function | string"),
            None,
        ),
        (
            without(
                CALLING,
                "tool | tojson",
                "(tool.function.name + tool.function.description + (tool.function.parameters.properties | string))",
            ),
            r"drops tools\[0\]\.function\.parameters\.required\[0\]",
        ),
        (
            without(CALLING, "message.tool_calls or []", "(message.tool_calls or [])[:0]"),
            "drops tools or their calls",
        ),
    ],
)
def test_a_template_that_drops_a_part_is_refused(
    template: TinyTemplate, reason: str | None
) -> None:
    r = renderer(template)
    assert r.render(PLAIN["plain"].messages)
    if reason is None:
        assert r.render_row(TOOLS["call"])
        return
    with pytest.raises(DataError, match=reason):
        r.render_row(TOOLS["call"])


def test_a_quote_counts_the_tools_and_a_template_without_them_refuses_the_row_by_number(
    base: Path, tmp_path: Path
) -> None:
    with_tools = ftkit.estimate([row("unused")] * 2, f"local/{base}").resolved.counts
    plain = ftkit.estimate([row("system")] * 2, f"local/{base}").resolved.counts
    assert with_tools.tokens > plain.tokens
    assert with_tools.trained_tokens == plain.trained_tokens
    silent = tiny_model_folder(tmp_path / "silent", max_length=2048)
    with pytest.raises(DataError, match="row 2.*drops tools or their calls"):
        ftkit.estimate([row("plain"), row("call")], f"local/{silent}")
    findings = ftkit.check([row("plain"), row("call")], f"local/{silent}").findings
    assert [f.rows for f in findings if f.code == "FT203"] == [(2,)]


def test_a_check_for_a_model_says_how_many_tokens_there_are(base: Path) -> None:
    rows = [row("plain"), row("call")]
    report = ftkit.check(rows, f"local/{base}")
    counts = ftkit.estimate(rows, f"local/{base}").resolved.counts
    assert report.counts == counts
    assert f"tokens: {counts.tokens:,}, {counts.trained_tokens:,} of them trained" in str(report)
    assert report.to_dict()["tokens"]["all"] == counts.tokens
    assert ftkit.check(rows).to_dict()["tokens"] is None


def test_two_models_of_one_family_a_check_and_the_quotes_count_every_row_once(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny_model_folder(tmp_path / "other", template=CALLING, max_length=2048, seed=1)
    rendered: list[str] = []
    rendering = ChatRenderer.render_row

    def counted(self: ChatRenderer, *given: Any) -> Any:
        rendered.append(self.fingerprint)
        return rendering(self, *given)

    monkeypatch.setattr(ChatRenderer, "render_row", counted)
    rows = [row("plain"), row("call"), row("result")]
    ftkit.check(rows, f"local/{base}")
    quotes = [ftkit.estimate(rows, f"local/{folder}") for folder in (base, other, base)]
    assert len(rendered) == len(rows)
    assert len({quote.resolved.counts for quote in quotes}) == 1
    assert quotes[0].resolved.base.snapshot != quotes[1].resolved.base.snapshot
    assert [one.row for one in quotes[0].resolved.counts.by_row] == [1, 2, 3]
    plain = tiny_model_folder(tmp_path / "plain", "llama", "llama3", max_length=2048)
    ftkit.estimate(rows[:1], f"local/{plain}")
    assert len(rendered) == len(rows) + 1


def test_show_mask_shows_the_tools_and_marks_the_call(base: Path, tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps(row("result")) + "\n", "utf-8")
    command = ["check", str(data), "--model", f"local/{base}", "--show-mask", "1"]
    shown = CliRunner().invoke(app, [*command, "--json"])
    assert shown.exit_code == 0, shown.output
    (sequence,) = json.loads(shown.stdout)["sequences"]
    text = "".join(piece["text"] for piece in sequence)
    learned = "".join(piece["text"] for piece in sequence if piece["trained"])
    assert '"name": "find_parcel", "description"' in text and "für 東京" in text
    assert learned.startswith('<call>find_parcel {"number"')
    assert CliRunner().invoke(app, command).exit_code == 0


def test_the_trainer_reads_the_very_ids_that_were_counted(base: Path, home: Path) -> None:
    training = Home(home, base).training
    examples = [*PLAIN.values(), *TOOLS.values()]
    path = home / "rows.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(training.encode(example) + b"\n" for example in examples))
    r = renderer(CALLING)
    read = read_rows(_spec_file(path), r, train_on="assistant", max_length=4096)
    expected = [
        (number, one.ids, one.labels)
        for number, example in enumerate(examples, 1)
        for one in r.render_row(example)
    ]
    assert [(one.number, one.ids, one.labels) for one in read] == expected


def test_the_wire_row_of_a_setting_that_no_template_has_is_refused_by_the_trainer(
    base: Path, home: Path
) -> None:
    training: LocalTraining = Home(home, base).training
    path = home / "rows.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(training.encode(replace(TOOLS["call"], parallel_tool_calls=True)) + b"\n")
    with pytest.raises(DataError, match="row 1.*parallel_tool_calls"):
        read_rows(_spec_file(path), renderer(CALLING), train_on="assistant", max_length=4096)


def test_a_model_is_trained_on_rows_with_tools(base: Path) -> None:
    rows = [row(name) for name in ("call", "result", "unused", "plain")] * 3
    job = ftkit.submit(
        rows,
        f"local/{base}",
        allow=["FT3", "FT301", "FT302"],
        hyperparameters={"max_steps": 2, "batch_size": 4},
    )
    done = job.wait(120)
    assert str(done.status) == "succeeded", done.error


def _spec_file(path: Path) -> SpecFile:
    import hashlib

    return SpecFile(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
