"""Parameters as StackStorm renders them before it requests an execution.

It does so for what comes by the API, from a rule, and from a task of a workflow, whatever text is
in them by then: `{{ st2kv.system.x }}` that somebody wrote into a chat becomes the value of x. Only
what a command (an alias) gives stays literal.
"""

from __future__ import annotations

from typing import Any, Dict

import jinja2

from sandbox.stackstorm import rendering
from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.server.api_error import bad_request

Json = Dict[str, Any]


class ParameterRenderer:
    """Renders with the datastore, the context of the execution, and the other parameters."""

    def __init__(self, store: Datastore) -> None:
        self._store = store

    def __call__(self, values: Json, context: Json) -> Json:
        """Rendered values; ApiError 400 for a name that leads nowhere."""
        whole = {**rendering.datastore(self._store), "action_context": context, **values}
        return {name: self._rendered(name, value, whole) for name, value in values.items()}

    @staticmethod
    def _rendered(name: str, value: Any, context: Json) -> Any:
        try:
            return rendering.render(value, context)
        except jinja2.TemplateSyntaxError:
            return value  # no template after all
        except jinja2.TemplateError as error:
            raise bad_request(f'Failed to render parameter "{name}": {error}') from None
