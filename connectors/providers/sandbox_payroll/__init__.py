"""Sandbox Payroll, the fictional payroll product of `connectors/sandbox`: one API key, many companies."""
