"""Compliance, audit log: what administrators changed."""
