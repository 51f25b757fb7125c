"""Stub: used only where StackStorm itself cannot be imported."""
