"""What the installed slack_sdk knows and the facts do not: methods, and arguments of methods.

slack_sdk names a method by a function of its WebClient, `chat_postMessage` for chat.postMessage;
the source of that function names the method itself, and its parameters are the arguments.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Dict, Iterator, List, Set, Tuple

from catalogue.sources import Catalogue

_CALLED = re.compile(r"api_call\(\s*f?\"([\w.]+)\"")
# Arguments of functions that are the SDK's own convenience, not Slack's.
_SDK_ONLY = {"self", "kwargs", "token"}


def compare(catalogue: Catalogue) -> List[str]:
    """One line for each method or argument that is new in slack_sdk."""
    import slack_sdk.version
    from slack_sdk.web.client import WebClient

    lines = []
    for name, arguments in sorted(sdk_methods(WebClient).items()):
        facts = catalogue.methods.get(name)
        if facts is None:
            lines.append("new method %s(%s)" % (name, ", ".join(sorted(arguments))))
        elif not facts["retired"]:
            lines += [
                "new argument of %s: %s" % (name, argument)
                for argument in sorted(arguments - set(facts["args"]))
            ]
    if lines:
        lines.insert(0, "slack_sdk %s knows, and the facts do not:" % slack_sdk.version.__version__)
    return lines


def sdk_methods(client: Any) -> Dict[str, Set[str]]:
    """Method name → names of its arguments, read from the client's functions."""
    found: Dict[str, Set[str]] = {}
    for name, arguments in _functions(client):
        found.setdefault(name, set()).update(arguments)
    return found


def _functions(client: Any) -> Iterator[Tuple[str, Set[str]]]:
    for attribute, function in inspect.getmembers(client, inspect.isfunction):
        called = set(_CALLED.findall(inspect.getsource(function)))
        # A function that calls several methods (files_upload_v2) is a convenience of the SDK.
        if attribute.startswith("_") or len(called) != 1:
            continue
        yield called.pop(), set(inspect.signature(function).parameters) - _SDK_ONLY
