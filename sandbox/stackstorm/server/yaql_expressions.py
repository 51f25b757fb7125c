"""YAQL as Orquesta evaluates it: the library `yaql`, with the functions of a workflow."""

from __future__ import annotations

import collections.abc  # noqa: F401 (yaql needs it and does not import it)
import functools
import threading
from typing import Any, Callable, Mapping

import yaql
from yaql.language.exceptions import YaqlException

Functions = Mapping[str, Callable[..., Any]]

_ENGINE = yaql.YaqlFactory().create()
_LIBRARY = yaql.create_context()
_PARSER = threading.Lock()  # the parser has one lexer for all threads


class ExpressionError(ValueError):
    """The text is no YAQL, or YAQL cannot compute it."""


class UndefinedKey(LookupError):
    """A mapping lacks the key that the expression reads."""


def evaluate(expression: str, functions: Functions) -> Any:
    """The value of the expression. `functions`: by name, beside those that YAQL has itself."""
    context = _LIBRARY.create_child_context()
    for name, function in functions.items():
        context.register_function(function, name=name)
    try:
        return _parsed(expression).evaluate(context=context)
    except KeyError as error:
        text = f"Unable to resolve key {error} in expression '{expression}' from context."
        raise UndefinedKey(text) from error
    except (YaqlException, TypeError, ArithmeticError) as error:
        text = f"Unable to evaluate expression '{expression}'. {type(error).__name__}: {error}"
        raise ExpressionError(text) from error


@functools.lru_cache(maxsize=512)
def _parsed(expression: str) -> Any:
    with _PARSER:
        return _ENGINE(expression)
