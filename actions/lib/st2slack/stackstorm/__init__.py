"""StackStorm's API."""
