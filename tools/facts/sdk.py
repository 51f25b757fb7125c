"""What slack_sdk's functions take: methods, arguments, and which are required.

A method is a function of slack_sdk's WebClient, `chat_postMessage` for chat.postMessage. The source
of that function names the method itself, and its parameters are the arguments.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Dict, Iterator, Tuple

from tools.facts.typings import Argument

_CALLED = re.compile(r"api_call\(\s*f?\"([\w.]+)\"")
# Parameters that are a convenience of slack_sdk, or the same for every method.
_NOT_ARGUMENTS = {"self", "kwargs", "token"}
_KINDS = (
    ("array", r"Sequence|List|Tuple"),
    ("object", r"Dict|Block|Attachment|Metadata|View|Mapping"),
    ("boolean", r"\bbool\b"),
    ("number", r"\bint\b|\bfloat\b"),
    ("file", r"bytes|IOBase"),
    ("string", r"\bstr\b"),
)


def methods(client: Any) -> Dict[str, Dict[str, Argument]]:
    """Method -> its arguments, read from the functions of a WebClient class."""
    found: Dict[str, Dict[str, Argument]] = {}
    for name, arguments in _functions(client):
        there = found.setdefault(name, arguments)
        # Two functions for one method: required is what both require.
        for argument in set(there) | set(arguments):
            both = [each[argument] for each in (there, arguments) if argument in each]
            is_required = len(both) == 2 and all(each.is_required for each in both)
            there[argument] = Argument(is_required, both[0].kinds)
    return found


def _functions(client: Any) -> Iterator[Tuple[str, Dict[str, Argument]]]:
    for attribute, function in inspect.getmembers(client, inspect.isfunction):
        called = set(_CALLED.findall(inspect.getsource(function)))
        # A function that calls several methods (files_upload_v2) is a convenience of slack_sdk.
        if not attribute.startswith("_") and len(called) == 1:
            yield called.pop(), _arguments(function)


def _arguments(function: Any) -> Dict[str, Argument]:
    parameters = inspect.signature(function).parameters
    return {
        name: Argument(parameter.default is inspect.Parameter.empty, _kinds(parameter.annotation))
        for name, parameter in parameters.items()
        if name not in _NOT_ARGUMENTS
    }


def _kinds(annotation: Any) -> frozenset[str]:
    text = str(annotation)
    return frozenset(kind for kind, pattern in _KINDS if re.search(pattern, text))
