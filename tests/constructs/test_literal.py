from cdktf import Token

from assay_constructs.literal import literal


def test_what_terraform_would_take_for_an_expression_is_escaped() -> None:
    assert literal("a ${b} %{c} $d %e") == "a $${b} %%{c} $d %e"


def test_what_terraform_will_know_stays_an_expression() -> None:
    unknown = Token.as_string(Token.as_any("later"))
    assert literal(unknown) == unknown
