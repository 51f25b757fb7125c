"""StackStorm's API on loopback, with enough behind it to run what a pack does through it.

Who may import whom (upper may import lower)::

    standin sensing        a StackStorm as a test has it in its hands; what a sensor gets of it
    serving                the addresses, on a thread
    controllers            what each address does
    system                 the parts, put together
    ready_made             core.ask, core.echo, core.noop, chatops.format_execution_result
    alias_executions       a command → an execution
    workflows inquiries python_runner   the runners
    workflow_run           one workflow that runs
    notifier reactor       what is told at the end; triggers and rules
    engine                 executions, from request to end
    policies records       one at a time; one execution
    live_parameters        what is rendered before an execution is requested
    alias_book registry    what is registered
    workflow_spec yaql_expressions   PURE: workflows, Jinja, YAQL
    store tokens faults clock statuses times refusal

It behaves as StackStorm was seen to behave, its traps included: they are in the docstrings.
It needs jinja2 and aiohttp; `client()` needs st2client.
"""

from sandbox.stackstorm.server.fake_stackstorm import StandInApi
from sandbox.stackstorm.server.faults import Fault
from sandbox.stackstorm.server.inquiries import Answer

__all__ = ["Answer", "Fault", "StandInApi"]
