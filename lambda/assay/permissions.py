"""IAM actions that the engine needs; a rule declares those of its own.

They stand apart from the code that calls, because deploy-time code makes the roles from them and
should not have to load what makes the calls. A test holds them against the calls really made.
"""

# On the history table.
HISTORY_ACTIONS = ("dynamodb:BatchWriteItem",)

# On the state table.
EVALUATOR_STATE_ACTIONS = (
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
AGGREGATOR_STATE_ACTIONS = ("dynamodb:PutItem", "dynamodb:Query")

# On the alert topic.
ALERT_ACTIONS = ("sns:Publish",)

# These cannot be limited to a resource.
CONFIG_ACTIONS = ("config:PutEvaluations",)

# On the reports bucket's objects below `reports/` and `latest/`.
REPORT_ACTIONS = ("s3:PutObject",)

# On those below `reports/`, which are copied to `latest/`.
REPORT_COPY_ACTIONS = ("s3:GetObject",)

# On AWS Config's recorder.
RECORDER_ACTIONS = ("config:DescribeConfigurationRecorderStatus",)

# On the account's own product in Security Hub.
SECURITY_HUB_ACTIONS = ("securityhub:BatchImportFindings",)

# On the evaluator's own queue.
CONTINUATION_ACTIONS = ("sqs:SendMessage",)
