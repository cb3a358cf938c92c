"""Assay's command line: a demonstration, deployed outputs, and deployed functions run locally."""
