"""The commands of `python -m sandbox`, and what they print."""
