"""What the models of settings are made of: their base, their words, and types that they share."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    StrictBool,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

Location: TypeAlias = tuple[str | int, ...]

# Errors that say more than which values are allowed; so does each one about something deeper.
_TELLING = ("problem", "union_tag_invalid", "union_tag_not_found")


@dataclass(frozen=True)
class Allowed:
    """Says in words what a setting may be, instead of pydantic's message for each way to miss it.

    Args:
        text: Completes "allowed: ...".
    """

    text: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Wrap the validation of the annotated type."""
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))

    def _check(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            details = error.errors(include_url=False)
            if any(detail["loc"] or detail["type"] in _TELLING for detail in details):
                raise
            text_wanted = any(
                detail["type"] in ("string_type", "literal_error") for detail in details
            )
            raise PydanticCustomError(
                "allowed",
                "allowed: {text}",
                {"text": self.text, "text_wanted": text_wanted},
            ) from None


def mistake(message: str) -> PydanticCustomError:
    """A mistake of the value itself, in words that say all about it."""
    return PydanticCustomError("problem", "{message}", {"message": message})


def problem(location: Location, message: str) -> InitErrorDetails:
    """A mistake at a place below a model, in words that say all about it."""
    return InitErrorDetails(type=mistake(message), loc=location, input=None)


def raise_problems(problems: list[InitErrorDetails]) -> None:
    """Raise all of a model's mistakes at once, each at its own place below the model."""
    if problems:
        raise ValidationError.from_exception_data("settings", problems)


class SettingsModel(BaseModel):
    """Takes no key that it does not know, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def words(maximum: int) -> StringConstraints:
    """Text that is not just spaces."""
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=maximum)


Switch = Annotated[StrictBool, Allowed("true or false")]
ResourceType = Annotated[
    str,
    StringConstraints(pattern=r"^AWS::[A-Za-z0-9]+::[A-Za-z0-9:]+$"),
    Allowed("a resource type of AWS Config, such as AWS::S3::Bucket"),
]
