from assay.messages import shown


def test_a_short_value_is_shown_as_it_is() -> None:
    assert shown({"messageType": "ConfigurationSnapshotDeliveryCompleted"}) == (
        "{'messageType': 'ConfigurationSnapshotDeliveryCompleted'}"
    )


def test_a_long_value_is_cut_in_the_middle() -> None:
    assert shown("a" * 500 + "z") == f"'{'a' * 47}...{'a' * 47}z'"
