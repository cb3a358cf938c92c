"""Text that Terraform is to take as it is."""

from cdktf import Token


def literal(text: str) -> str:
    """The text with what Terraform would take for an expression escaped.

    Guard policies and CloudFormation templates may hold ``${`` and ``%{`` of their own. A value
    that only Terraform will know is an expression, and stays one.

    Source: https://developer.hashicorp.com/terraform/language/expressions/strings#escape-sequences
    """
    if Token.is_unresolved(text):
        return text
    return text.replace("${", "$${").replace("%{", "%%{")
