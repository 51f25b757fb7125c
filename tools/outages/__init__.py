"""Runs of the pack on a whole StackStorm."""
