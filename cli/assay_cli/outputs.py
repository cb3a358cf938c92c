"""A deployment's outputs as one flat file of names and values."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay_cli.errors import AssayError

FLAT_OUTPUTS = Path("cfn-outputs", "flat-outputs.json")

REQUIRED_OUTPUTS = (
    "config_recorder_name",
    "config_bucket_name",
    "dead_letter_queue_url",
    "dynamodb_table_name",
    "sns_topic_arn",
    "reports_bucket_name",
    "dashboard_url",
    "ec2_tag_lambda_name",
    "s3_encryption_lambda_name",
    "rds_backup_lambda_name",
    "report_aggregator_lambda_name",
)

FUNCTION_SUFFIX = "_lambda_name"


class OutputsError(AssayError):
    """Outputs that are not what a deployment writes."""


class StackError(AssayError):
    """A stack that has to be named, or one that is not there."""


def parse(text: str, source: str) -> Any:
    """Return what the JSON text holds.

    Args:
        text: what the file holds.
        source: the file's name, for the message.

    Raises:
        OutputsError: it is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise OutputsError(
            f"{source}: not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error


def flatten(data: object, stack: str | None = None) -> dict[str, str]:
    """Return the outputs of one stack as names and texts.

    Args:
        data: what `cdktf deploy --outputs-file` wrote, `{stack: {name: value}}`
            (https://developer.hashicorp.com/terraform/cdktf/concepts/variables-and-outputs), or
            what `terraform output -json` wrote, `{name: {value, type, sensitive}}`
            (https://developer.hashicorp.com/terraform/cli/commands/output).
        stack: whose outputs, where the file holds several stacks; Terraform's names none.

    Raises:
        OutputsError: the data has neither form, or holds nothing.
        StackError: several stacks and none is named, or the named one is missing.
    """
    if not isinstance(data, dict) or not data:
        raise OutputsError(
            "outputs: expected a JSON object, as `cdktf deploy --outputs-file` and "
            f"`terraform output -json` write it, got {_brief(data)}"
        )
    for name, value in data.items():
        if not isinstance(value, dict):
            raise OutputsError(
                f"outputs: {name!r} must be an object, either a stack's outputs or "
                f"Terraform's value, type and sensitive; got {_brief(value)}"
            )
    if all({"value", "sensitive"} <= set(value) for value in data.values()):
        if stack is not None:
            raise StackError(
                f"--stack {stack}: the outputs are Terraform's own, which name no stack; "
                "leave --stack out"
            )
        return {name: _text(output["value"]) for name, output in data.items()}
    return {name: _text(value) for name, value in _one_stack(data, stack).items()}


def _one_stack(stacks: Mapping[str, dict[str, Any]], stack: str | None) -> dict[str, Any]:
    there = ", ".join(sorted(stacks))
    if stack is None:
        if len(stacks) > 1:
            raise StackError(f"the outputs are of several stacks: name one by --stack ({there})")
        (outputs,) = stacks.values()
        return outputs
    if stack not in stacks:
        raise StackError(f"--stack {stack}: no such stack in the outputs, which have: {there}")
    return stacks[stack]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _brief(value: object) -> str:
    text = json.dumps(value)
    limit = 60
    return text if len(text) <= limit else f"{text[:limit]}..."


def write(outputs: Mapping[str, str], file: Path) -> None:
    """Write the flat outputs, making the folder where it is missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(outputs, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read(file: Path) -> dict[str, str]:
    """Return the flat outputs in a file that `write` made.

    Raises:
        OutputsError: the file is not such a file.
    """
    data = parse(file.read_text(encoding="utf-8"), str(file))
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise OutputsError(
            f"{file}: expected flat outputs, {{name: text}}, got {_brief(data)}; "
            "`assay outputs` writes this file"
        )
    return data


def function_name(name: str, outputs: Mapping[str, str]) -> str:
    """Return the deployed function that a name means.

    Args:
        name: an output's key (`ec2_tag_lambda_name`), a rule or the report aggregator
            (`ec2-tag-compliance`, `report-aggregator`), or a function's own name or ARN.
        outputs: the deployment's flat outputs.

    Raises:
        OutputsError: the output named is not a function's.
    """
    if name in outputs and not name.endswith(FUNCTION_SUFFIX):
        functions = ", ".join(sorted(key for key in outputs if key.endswith(FUNCTION_SUFFIX)))
        raise OutputsError(f"{name}: not a function's output; those are: {functions}")
    by_rule = name.removesuffix("-compliance").replace("-", "_") + FUNCTION_SUFFIX
    return outputs.get(name) or outputs.get(by_rule) or name
