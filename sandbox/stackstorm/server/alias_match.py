"""PURE: a command in chat, and the format of an alias → parameters, by StackStorm's rules.

They are (st2common/models/utils/action_alias_utils.py, tried):

- `{{name}}` takes what stands there, as little as possible; in quotes or braces, all in them.
- `{{name=default}}` may be left out with the space before it.
- What the command ends with as `key=value` becomes a parameter too, whatever the format says.
- The format must fit the whole of the rest; it is a regular expression beside its parameters.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

_PARAMETER = re.compile(r"(\s*)\{\{\s*(\S+?)\s*(?:=\s*(.*?)\s*)?\}\}")
_PAIR = re.compile(r"""(\S+?)\s*=(?:"(.*?)"|'(.*?)'|(\{.+?\})|(\S+))""", re.DOTALL)
_PAIRS = re.compile(r"(?:(?:^|\s+)%s\s*)+$" % re.sub(r"\((?!\?)", "(?:", _PAIR.pattern), re.DOTALL)
_QUOTED = (r"(?<=').+?(?=')", r'(?<=").+?(?=")', r"\{.+?\}", r".+?")


def extract(format_string: str, command: str) -> Optional[Dict[str, str]]:
    """The parameters that the command gives; None where it does not fit the format."""
    rest, pairs = _without_pairs(command)
    pattern, defaults = _pattern(format_string)
    found = re.search(r"^\s*%s\s*$" % pattern, " %s " % rest, re.DOTALL)
    if found is None:
        return None
    values = {name: value for name, value in found.groupdict().items() if value is not None}
    return {**defaults, **values, **dict(pairs)}


def _without_pairs(command: str) -> Tuple[str, List[Tuple[str, str]]]:
    ending = _PAIRS.search(command)
    if ending is None:
        return command, []
    pairs = [(found[0], "".join(found[1:])) for found in _PAIR.findall(ending.group())]
    return command[: ending.start()], pairs


def _pattern(format_string: str) -> Tuple[str, Dict[str, str]]:
    """The format as a regular expression, and the defaults of what may be left out."""
    defaults: Dict[str, str] = {}

    def parameter(found: re.Match[str]) -> str:
        space, name, default = found.groups()
        value = r"""%s["']?(?P<%s>%s)["']?""" % (space, name, "|".join(_QUOTED))
        if default is None:
            return value
        defaults[name] = default.strip("\"'")
        return "(?:%s)?" % value

    return _PARAMETER.sub(parameter, format_string), defaults
