"""What is shown as FHIR's resources: the same as in /v1, in other words."""
