"""Progress is live on a terminal and plain lines anywhere else."""

import pytest

from assay_cli.display import Display
from assay_cli.terraform import Event

CREATED = {"resource": {"addr": "a.b", "resource_type": "a"}, "action": "create"}
DELETED = {"resource": {"addr": "c.d", "resource_type": "c"}, "action": "delete"}
READ = {"resource": {"addr": "data.e.f", "resource_type": "e"}, "action": "read"}

EVENTS: list[Event] = [
    {"type": "version"},
    {"type": "change_summary", "changes": {"operation": "plan", "add": 2, "remove": 1}},
    {"type": "apply_start", "hook": READ},
    {"type": "apply_start", "hook": CREATED},
    {"type": "apply_start", "hook": DELETED},
    {"type": "apply_progress", "hook": DELETED},
    {"type": "apply_complete", "hook": CREATED | {"elapsed_seconds": 3}},
    {"type": "apply_complete", "hook": DELETED | {"elapsed_seconds": 0}},
    {"type": "apply_complete", "hook": READ | {"elapsed_seconds": 0}},
    {"type": "change_summary", "changes": {"operation": "apply", "add": 2, "remove": 1}},
]


def test_terraform_s_progress_is_plain_lines_when_not_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Display().terraform("terraform apply") as on_event:
        for event in EVENTS:
            on_event(event)
    assert capsys.readouterr().out == (
        "terraform apply\n  created a.b (3 s)\n  destroyed c.d (0 s)\n"
    )


def test_terraform_s_progress_is_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(terminal=True).terraform("terraform apply") as on_event:
        for event in EVENTS:
            on_event(event)
    written = capsys.readouterr().out
    assert "2/3" in written
    assert "\x1b[" in written
    assert "created" not in written


def test_work_in_progress_is_one_plain_line_when_not_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Display().working("terraform init"):
        pass
    assert capsys.readouterr().out == "terraform init\n"


def test_work_in_progress_moves_on_a_terminal_and_stays_as_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Display(terminal=True).working("terraform init"):
        pass
    written = capsys.readouterr().out
    assert "\x1b[" in written
    assert written.endswith("terraform init\n")


def test_plain_lines_are_never_broken_or_marked_up(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    text = "[bold]" + "word " * 100 + "end"
    display.say(text)
    display.notice(text)
    assert capsys.readouterr() == (f"{text}\n", f"{text}\n")


def test_notices_go_to_standard_error_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Display().notice("mind this")
    assert capsys.readouterr() == ("", "mind this\n")


def test_plain_table_has_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    arn = "arn:aws:s3:::" + "x" * 200
    Display().table("Title", ("A", "B"), [("1", arn), ("2", "c")])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert "Title" in lines
    assert f"| 1 | {arn} |" in lines


def test_brackets_in_a_table_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Display().table("Title", ("A",), [("one of [/a], [red]",)])
    assert "| one of [/a], [red] |" in capsys.readouterr().out


def test_table_on_a_terminal_has_lines_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    Display(terminal=True).table("Title", ("A", "B"), [("1", "2")])
    written = capsys.readouterr().out
    assert "|" not in written
    assert "─" in written
