"""Checks of the pack's files."""
