import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.policy_documents import matches, statements, texts

ALLOW, DENY = {"Effect": "Allow"}, {"Effect": "Deny"}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"Statement": [ALLOW, DENY]}, [ALLOW, DENY]),
        ({"Statement": ALLOW}, [ALLOW]),
        ({"Statement": []}, []),
        ({"Statement": [ALLOW, "Deny", None]}, [ALLOW]),
        ({"Version": "2012-10-17"}, []),
        ([ALLOW], []),
        ("Allow", []),
        (None, []),
    ],
)
def test_statements_are_those_in_a_list_or_the_one_without(
    document: object, found: list[object]
) -> None:
    assert list(statements(document)) == found


@pytest.mark.parametrize(
    ("element", "found"),
    [
        ("s3:*", ["s3:*"]),
        (["s3:*", "ec2:*"], ["s3:*", "ec2:*"]),
        (False, ["False"]),
        ([True, 1.2], ["True", "1.2"]),
        ([], []),
        (None, []),
    ],
)
def test_an_elements_values_are_strings(element: object, found: list[str]) -> None:
    assert texts(element) == found


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*", ""),
        ("*", "any:thing/at all\n"),
        ("s3:*", "s3:GetObject"),
        ("s3:Get?bject", "s3:GetObject"),
        ("arn:aws:s3:::a*c/*", "arn:aws:s3:::abbc/d/e"),
        ("[a]", "[a]"),
    ],
)
def test_a_pattern_matches_by_its_wildcards(pattern: str, text: str) -> None:
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", "a"),
        ("s3:*", "S3:GetObject"),
        ("s3:?", "s3:"),
        ("s3:Get", "s3:GetObject"),
        ("[ab]", "a"),
        ("[!a]", "b"),
        ("${aws:username}", "bob"),
    ],
)
def test_nothing_but_star_and_question_mark_is_a_wildcard(pattern: str, text: str) -> None:
    assert not matches(pattern, text)


def test_many_wildcards_cost_no_time() -> None:
    assert not matches("*a" * 50, "a" * 5000 + "b")


@given(st.text(), st.text(), st.text())
def test_a_star_stands_for_any_text(before: str, between: str, after: str) -> None:
    pattern = "*".join(text.replace("*", "+").replace("?", "+") for text in (before, after))
    assert matches(pattern, pattern.replace("*", between, 1))
