"""Tests of the payroll sandbox."""
