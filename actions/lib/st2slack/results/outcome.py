"""PURE: an execution, as StackStorm's API tells it → what came of it. No I/O, no clock.

Each kind of runner has a form of its own for results; what is known of none is shown as it is.
Shapes (StackStorm, contrib/runners):

    local-shell-*    {stdout, stderr, return_code, error?}; stdout is an object where it was JSON
    remote-shell-*   host → the same
    python-script    {result, stdout, stderr, exit_code, error?}; after an exception `result` is
                     the text "None" and stderr ends in a traceback
    http-request     {status_code, body, headers, parsed}, or {error}
    orquesta         {output, errors: [{type, message, task_id?, result?}]}
    inquirer         {response, schema, route, ttl, users, roles}
    action-chain     {tasks: [{name, state …}], published, error?, traceback?}
    noop             {succeeded, failed, return_code}, which says nothing
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Tuple

from st2slack.results.plain_text import Section, clean, to_sections

SUCCEEDED, CANCELED = "succeeded", "canceled"
# status → (emoji, word, what there is to say where the result itself names no error)
_STATUSES: Dict[str, Tuple[str, str, str]] = {
    SUCCEEDED: (":white_check_mark:", "succeeded", ""),
    "failed": (":x:", "failed", ""),
    "timeout": (":alarm_clock:", "timed out", "It took longer than it may, and was ended."),
    "abandoned": (
        ":warning:",
        "was abandoned",
        "The action runner was stopped meanwhile; nobody knows how far it came.",
    ),
    CANCELED: (":no_entry_sign:", "was cancelled", ""),
}
_OPEN = ":hourglass_flowing_sand:"
_TRACEBACK = "Traceback (most recent call last):"


class Outcome(NamedTuple):
    """`errors` come first in the message; none if it succeeded; `body`: the rest."""

    status: str
    emoji: str
    description: str
    errors: List[Section]
    body: List[Section]

    @property
    def is_success(self) -> bool:
        """Whether it ended well."""
        return self.status == SUCCEEDED


Sections = Tuple[List[Section], List[Section]]  # errors, the rest


def read_outcome(execution: Mapping[str, Any]) -> Outcome:
    """What came of an execution. Whatever stands in it, this raises nothing."""
    status = str(execution.get("status") or "unknown")
    emoji, word, said = _STATUSES.get(status, (_OPEN, "is " + status, ""))
    runner = execution.get("runner")
    name = str(runner.get("name")) if isinstance(runner, Mapping) else ""
    result = execution.get("result")
    if isinstance(result, Mapping):
        errors, parts = _shape(name)(result, status == SUCCEEDED)
    else:
        errors, parts = [], to_sections(result)
    if said and not errors:
        errors = [Section("", said)]
    return Outcome(status, emoji, word, errors, parts)


def _shape(runner: str) -> Callable[[Mapping[str, Any], bool], Sections]:
    for beginning, shape in _SHAPES:
        if runner.startswith(beginning):
            return shape
    return _any


def _any(result: Mapping[str, Any], good: bool) -> Sections:
    if good or not isinstance(result.get("error"), str):
        return [], to_sections(result)
    rest = {key: value for key, value in result.items() if key not in ("error", "traceback")}
    return _text("", result["error"]), to_sections(rest)


def _text(title: str, value: Any) -> List[Section]:
    """A text as a piece of code, if there is any."""
    text = clean(value) if isinstance(value, str) else ""
    return [Section(title, text, True)] if text else to_sections(value or None, title)


# --- what programs wrote ------------------------------------------------------------------------


def _shell(result: Mapping[str, Any], good: bool) -> Sections:
    stdout, stderr = _text("stdout", result.get("stdout")), _text("stderr", result.get("stderr"))
    if good:
        return [], _untitled(stdout) + stderr
    code = result.get("return_code")
    errors = _text("", result.get("error")) + stderr
    if code not in (None, 0):
        errors.insert(0, Section("", "Exit code %s." % code))
    return errors, stdout


def _untitled(parts: List[Section]) -> List[Section]:
    """What is the only thing that counts needs no title."""
    return [part._replace(title="") for part in parts]


def _hosts(result: Mapping[str, Any], good: bool) -> Sections:
    errors: List[Section] = []
    parts: List[Section] = []
    for host, of_host in result.items():
        if not isinstance(of_host, Mapping):
            return _any(result, good)
        failed, rest = _shell(of_host, good or bool(of_host.get("succeeded")))
        errors += [_titled(host, part) for part in failed]
        parts += [_titled(host, part) for part in rest]
    return errors, parts


def _titled(host: str, part: Section) -> Section:
    return part._replace(title="%s: %s" % (host, part.title) if part.title else str(host))


def _python(result: Mapping[str, Any], good: bool) -> Sections:
    answered, stderr = result.get("result"), result.get("stderr")
    stdout = _text("stdout", result.get("stdout"))
    if good:
        return [], to_sections(answered) + stdout
    last = last_exception(stderr) if isinstance(stderr, str) else ""
    errors = _text("", result.get("error")) + _text("", last)
    if answered not in (None, "", "None"):
        errors += to_sections(answered)
    return errors, stdout + _text("stderr", stderr)


def last_exception(stderr: str) -> str:
    """What the last traceback in a text ends in: the exception and its message, else ""."""
    _, found, traceback = stderr.rpartition(_TRACEBACK)
    if not found:
        return ""
    lines = traceback.strip("\n").split("\n")
    at = next((i for i, line in enumerate(lines) if line and not line.startswith(" ")), None)
    return "" if at is None else clean("\n".join(lines[at:]))


# --- what services answered ---------------------------------------------------------------------


def _http(result: Mapping[str, Any], good: bool) -> Sections:
    if result.get("error"):
        return _text("", result["error"]), []
    said = [Section("", "HTTP %s" % result["status_code"])] if result.get("status_code") else []
    body = to_sections(result.get("body"), "body")
    return ([], said + body) if good else (said + body, [])


def _workflow(result: Mapping[str, Any], good: bool) -> Sections:
    output = to_sections(result.get("output"))
    found = result.get("errors")
    errors = [part for each in found for part in _error(each)] if isinstance(found, list) else []
    return list(dict.fromkeys(errors)), output


_SEE_RESULT = re.compile(r"Execution failed\. See result for details\.?")


def _error(error: Any) -> List[Section]:
    """One error of a workflow: what its task itself says, where the message only points there."""
    if not isinstance(error, Mapping):
        return _text("", error)
    task = "Task %s" % error["task_id"] if error.get("task_id") else ""
    inner, rest = _of_task(error.get("result"))
    deeper = [_titled(task, part) if task else part for part in inner or rest]
    message = clean(error.get("message") or "")
    if deeper and (not message or _SEE_RESULT.fullmatch(message)):
        return deeper
    return _text(task, message) + deeper


def _of_task(result: Any) -> Sections:
    """A task's result tells its runner by its form only."""
    if not isinstance(result, Mapping):
        return [], to_sections(result)
    shape = _python if "exit_code" in result else _shell if "return_code" in result else None
    if shape is None:
        shape = _workflow if "errors" in result else _any
    errors, _ = shape(result, False)
    return (errors, []) if errors else ([], to_sections(result))


def _inquiry(result: Mapping[str, Any], good: bool) -> Sections:
    return [], to_sections(result.get("response"))


def _chain(result: Mapping[str, Any], good: bool) -> Sections:
    tasks = result.get("tasks")
    rows = [each for each in tasks if isinstance(each, Mapping)] if isinstance(tasks, list) else []
    steps = [{"task": each.get("name"), "state": each.get("state")} for each in rows]
    errors = [] if good else _text("", result.get("error"))
    return errors, to_sections(result.get("published"), "published") + to_sections(steps, "tasks")


def _nothing(result: Mapping[str, Any], good: bool) -> Sections:
    return [], []


_SHAPES: Tuple[Tuple[str, Callable[[Mapping[str, Any], bool], Sections]], ...] = (
    ("local-shell", _shell),
    ("remote-shell", _hosts),
    ("python-script", _python),
    ("http-request", _http),
    ("orquesta", _workflow),
    ("inquirer", _inquiry),
    ("action-chain", _chain),
    ("noop", _nothing),
)


# --- how long, and who --------------------------------------------------------------------------


def duration(seconds: Any) -> str:
    """Seconds in words: 0.4 s, 12 s, 3 min 20 s, 1 h 5 min; "" for what is no time."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        return ""
    if not 0 <= seconds < 10**9:  # nor NaN
        return ""
    if seconds < 10:
        return "%.1f s" % seconds
    full_output = int(seconds)
    if full_output < 60:
        return "%d s" % full_output
    if full_output < 3600:
        return "%d min %d s" % divmod(full_output, 60)
    return "%d h %d min" % divmod(full_output // 60, 60)


def requester_of(execution: Mapping[str, Any]) -> str:
    """Who started it: the person an alias ran for, else the rule, else StackStorm's user; plain."""
    context = execution.get("context")
    if not isinstance(context, Mapping):
        return ""
    rule = context.get("rule")
    if isinstance(rule, Mapping) and rule.get("name"):
        return "the rule %s" % clean(rule["name"])
    return clean(context.get("api_user") or context.get("user") or "")
