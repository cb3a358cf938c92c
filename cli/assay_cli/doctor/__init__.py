"""What `assay doctor` looks at before a deployment, and after one."""
