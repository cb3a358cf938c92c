"""What AWS Config allows, known before Terraform runs.

Sources: https://docs.aws.amazon.com/general/latest/gr/awsconfig.html (quotas, none of which AWS
raises) and https://docs.aws.amazon.com/config/latest/APIReference/ (lengths, by type).
"""

# API_PutConfigRule takes names of 128 characters, but the APIs that read a rule's results back
# take no more than 64, and neither does Terraform for a remediation.
RULE_NAME = 64
# API_ConfigRule
DESCRIPTION = 256
# As JSON.
INPUT_PARAMETERS = 1024
# API_Scope
SCOPE_RESOURCE_TYPES = 100
# API_CustomPolicyDetails
POLICY_TEXT = 10_000
# A remediation has a role that is named after its rule, and IAM takes 64 characters.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
REMEDIATION_ROLE_PREFIX = "remediate-"
REMEDIATED_RULE_NAME = 64 - len(REMEDIATION_ROLE_PREFIX)
# The only parameter that may take an automatic remediation's role: API_PutRemediationConfigurations
AUTOMATIC_ROLE_PARAMETER = "AutomationAssumeRole"
# API_RemediationConfiguration and API_StaticValue
REMEDIATION_TARGET = 256
REMEDIATION_PARAMETERS = 25
STATIC_VALUES = 25
STATIC_VALUE = 256
AUTOMATIC_ATTEMPTS = 25
RETRY_SECONDS = 2_678_000
# API_PutConformancePack and API_ConformancePackInputParameter
PACK_NAME = 256
PACK_TEMPLATE_BYTES = 51_200
PACK_TEMPLATE_URI = 1024
PACK_PARAMETERS = 60
PACK_PARAMETER_VALUE = 4096
# Quotas. The rules of conformance packs count among those of account and region.
RULES = 1000
PACKS = 50
RULES_OF_A_PACK = 130
