"""Assay's evaluation engine: rules, and the Lambda functions that judge AWS resources by them.

Runs in AWS Lambda. Imports the standard library, boto3 and Powertools, nothing else.
"""
