"""PURE: which emoji there are: the standard ones, by every name that Slack has for them.

emoji_names.txt has the `short_names` of emoji-datasource 16.0.0 (npm), the list that Slack's own
emoji come from; those of one workspace are its `custom_emoji`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Container

STANDARD = frozenset((Path(__file__).parent / "emoji_names.txt").read_text("utf-8").split())
# A name without colons; people and hands also with one of five tones, e.g. wave::skin-tone-3.
NAME = re.compile(r"(?P<base>[\w+'-]+)(?P<tone>::skin-tone-[2-6])?\Z")


def is_known(name: str, custom: Container[str]) -> bool:
    """True for the name of a standard emoji, with or without a tone, or of one of `custom`."""
    match = NAME.match(name)
    if match is None:
        return False
    return match["base"] in STANDARD or (name in custom)
