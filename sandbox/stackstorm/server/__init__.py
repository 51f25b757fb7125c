"""StackStorm's API on loopback, with enough behind it to run what a pack does through it.

Modules import those of the rows below them::

    fake_stackstorm sensor_service      what tests and the demo use; what a sensor gets
    http_server                         the routes, on a thread
    controllers                         what each route does
    container                           the parts, put together
    builtin_actions                     StackStorm's own: core.ask, core.echo, core.noop …
    alias_executions                    a command → an execution
    workflows inquiries python_runner   the runners
    workflow_run                        one running workflow
    notifier reactor                    triggers at the end of an execution; triggers and rules
    engine                              executions, from request to end
    policies records                    one execution at a time; one execution
    rendered_parameters                 templates in parameters, before an execution is requested
    aliases alias_match registry        what is registered
    workflow_spec yaql_expressions      PURE: workflows, YAQL
    tokens faults clock statuses times api_error

It behaves as StackStorm was observed to behave, with its traps: the docstrings name them.
It needs jinja2, aiohttp and yaql; `client()` needs st2client.
"""

from sandbox.stackstorm.server.fake_stackstorm import FakeStackStorm
from sandbox.stackstorm.server.faults import Fault
from sandbox.stackstorm.server.inquiries import InquiryAnswer

__all__ = ["InquiryAnswer", "Fault", "FakeStackStorm"]
