"""Tables are shown line by line, as long as anybody reads them."""

import pytest

from assay_cli.display import Display
from assay_cli.tables import show, tabulate


def test_nothing_makes_no_table() -> None:
    assert tabulate("Empty", ("Name",), [], lambda each: (each,)) == []


def test_a_long_table_shows_its_first_rows_and_how_many_there_are_besides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [f"row-{number:05}" for number in range(1_334)]
    show(tabulate("Long", ("Name",), rows, lambda each: (each,)), Display())
    shown = capsys.readouterr().out
    assert "row-00099" in shown
    assert "row-00100" not in shown
    assert shown.endswith("\nand 1,234 more; files have all of them\n")


def test_a_table_that_just_fits_leaves_nothing_out(capsys: pytest.CaptureFixture[str]) -> None:
    show(tabulate("Short", ("Name",), ["a"] * 100, lambda each: (each,)), Display())
    shown = capsys.readouterr().out
    assert shown.count("| a ") == 100
    assert "more" not in shown


def test_text_of_others_gives_the_terminal_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    show(tabulate("Bad", ("Name",), ["a\x1b[2Jb\nc\u202ed[bold]"], lambda each: (each,)), Display())
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "2Jb" in line)
    assert "| a [2Jb c d[bold] |" in line
