import pytest
from cdktf import Token

from assay_constructs.errors import ConstructArgumentError
from assay_constructs.validation import check_length, check_pattern, check_range


def test_what_terraform_will_know_passes() -> None:
    unknown = Token.as_string(Token.as_any("later"))
    check_length("name", unknown, 1)
    check_pattern("name", unknown, "never", "never")
    check_range("number", int(Token.as_number(Token.as_any("later"))), 1, 2)


def test_what_is_known_is_checked() -> None:
    check_length("name", "abc", 3)
    check_pattern("name", "abc", "[a-c]+", "letters")
    check_range("number", 2, 1, 2)
    with pytest.raises(ConstructArgumentError, match="name must be 1 to 2 characters long"):
        check_length("name", "abc", 2)
    with pytest.raises(ConstructArgumentError, match="name must be digits; received 'abc'"):
        check_pattern("name", "abc", r"\d+", "digits")
    with pytest.raises(ConstructArgumentError, match="number must be from 1 to 2; received 3"):
        check_range("number", 3, 1, 2)
