"""StackStorm's API on loopback, with enough behind it to run what a pack does through it.

Who may import whom (upper may import lower)::

    server                 the addresses, on a thread; what a test does
    controllers            what each address does
    system                 the parts, put together
    ready_made             core.ask, core.echo, core.noop, chatops.format_execution_result
    alias_executions       a command → an execution
    workflows inquiries python_runner   the runners
    notifier reactor       what is told at the end; triggers and rules
    engine                 executions, from request to end
    policies records       one at a time; one execution
    alias_book registry    what is registered
    workflow_spec rendering yaql        PURE: workflows, Jinja, YAQL
    tokens faults clock statuses times refusal

It behaves as StackStorm was seen to behave, its traps included: they are in the docstrings.
It needs jinja2 and aiohttp; `client()` needs st2client.
"""

from .faults import Fault
from .inquiries import Answer
from .server import StandInApi

__all__ = ["Answer", "Fault", "StandInApi"]
