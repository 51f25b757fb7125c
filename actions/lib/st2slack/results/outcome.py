"""PURE: an execution -> whether it succeeded, its errors, and the rest of its result.

Each kind of runner has a result of its own shape; a result of any other shape is shown as it is.
Shapes (StackStorm, contrib/runners):

    local-shell-*    {stdout, stderr, return_code, error?}; stdout is an object if it was JSON
    remote-shell-*   host -> the same
    python-script    {result, stdout, stderr, exit_code, error?}; after an exception `result` is
                     the text "None" and stderr ends in a traceback
    http-request     {status_code, body, headers, parsed}, or {error}
    orquesta         {output, errors: [{type, message, task_id?, result?}]}
    inquirer         {response, schema, route, ttl, users, roles}
    action-chain     {tasks: [{name, state ...}], published, error?, traceback?}
    noop             {succeeded, failed, return_code}, which says nothing
"""

from __future__ import annotations

import re
from typing import Callable, Dict, List, NamedTuple, Tuple

from st2slack.base.json_access import (
    JsonObject,
    as_number,
    as_text,
    find_as_object,
    find_object,
    get_list,
    get_objects,
)
from st2slack.results.plain_text import Section, clean, to_sections
from st2slack.stackstorm.execution import Execution, Status


class StatusText(NamedTuple):
    """How a message shows a status. `explanation`: the error if the result itself names none."""

    emoji: str
    description: str
    explanation: str = ""


_STATUS_TEXTS: Dict[str, StatusText] = {
    Status.SUCCEEDED.value: StatusText(":white_check_mark:", "succeeded"),
    Status.FAILED.value: StatusText(":x:", "failed"),
    Status.TIMEOUT.value: StatusText(
        ":alarm_clock:", "timed out", "It exceeded its timeout and was stopped."
    ),
    Status.ABANDONED.value: StatusText(
        ":warning:",
        "was abandoned",
        "The action runner was stopped; it is not known how much was done.",
    ),
    Status.CANCELED.value: StatusText(":no_entry_sign:", "was cancelled"),
}
_UNFINISHED_EMOJI = ":hourglass_flowing_sand:"
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
        """Whether the execution succeeded."""
        return self.status == Status.SUCCEEDED


class Sections(NamedTuple):
    """A result, in two lists."""

    errors: List[Section]
    body: List[Section]


Reader = Callable[[JsonObject, bool], Sections]  # (result, whether it succeeded)


def read_outcome(execution: Execution) -> Outcome:
    """The outcome of an execution. No result makes this raise."""
    status = execution.status or "unknown"
    text = _STATUS_TEXTS.get(status) or StatusText(_UNFINISHED_EMOJI, "is " + status)
    errors, body = _read_result(execution)
    if text.explanation and not errors:
        errors = [Section("", text.explanation)]
    return Outcome(status, text.emoji, text.description, errors, body)


def _read_result(execution: Execution) -> Sections:
    result = find_as_object(execution.result)
    if result is None:
        return Sections([], to_sections(execution.result))
    return _find_reader(execution.runner)(result, execution.status == Status.SUCCEEDED)


def _find_reader(runner: str) -> Reader:
    for prefix, reader in _READERS:
        if runner.startswith(prefix):
            return reader
    return _read_any


def _read_any(result: JsonObject, succeeded: bool) -> Sections:
    if succeeded or not isinstance(result.get("error"), str):
        return Sections([], to_sections(result))
    rest = {key: value for key, value in result.items() if key not in ("error", "traceback")}
    return Sections(_code("", result["error"]), to_sections(rest))


def _code(title: str, value: object) -> List[Section]:
    """A text as a piece of code, if there is any; other values as they are."""
    text = clean(as_text(value))
    return [Section(title, text, True)] if text else to_sections(value or None, title)


# --- output of programs -------------------------------------------------------------------------


def _read_shell(result: JsonObject, succeeded: bool) -> Sections:
    stdout, stderr = _code("stdout", result.get("stdout")), _code("stderr", result.get("stderr"))
    if succeeded:
        return Sections([], _without_titles(stdout) + stderr)
    exit_code = result.get("return_code")
    errors = _code("", result.get("error")) + stderr
    if exit_code not in (None, 0):
        errors.insert(0, Section("", "Exit code %s." % exit_code))
    return Sections(errors, stdout)


def _without_titles(sections: List[Section]) -> List[Section]:
    """Standard output alone needs no title."""
    return [section._replace(title="") for section in sections]


def _read_hosts(result: JsonObject, succeeded: bool) -> Sections:
    errors: List[Section] = []
    body: List[Section] = []
    for host in result:
        of_host = find_object(result, host)
        if of_host is None:
            return _read_any(result, succeeded)
        failed, rest = _read_shell(of_host, succeeded or bool(of_host.get("succeeded")))
        errors += [_with_prefix(host, section) for section in failed]
        body += [_with_prefix(host, section) for section in rest]
    return Sections(errors, body)


def _with_prefix(name: str, section: Section) -> Section:
    return section._replace(title="%s: %s" % (name, section.title) if section.title else name)


def _read_python(result: JsonObject, succeeded: bool) -> Sections:
    answer, stderr = result.get("result"), result.get("stderr")
    stdout = _code("stdout", result.get("stdout"))
    if succeeded:
        return Sections([], to_sections(answer) + stdout)
    errors = _code("", result.get("error")) + _code("", last_exception(as_text(stderr)))
    if answer not in (None, "", "None"):
        errors += to_sections(answer)
    return Sections(errors, stdout + _code("stderr", stderr))


def last_exception(stderr: str) -> str:
    """The exception and its message at the end of the last traceback in a text, "" for none."""
    _, traceback_begin, traceback = stderr.rpartition(_TRACEBACK)
    if not traceback_begin:
        return ""
    lines = traceback.strip("\n").split("\n")
    first = next((i for i, line in enumerate(lines) if line and not line.startswith(" ")), None)
    return "" if first is None else clean("\n".join(lines[first:]))


# --- answers of services ------------------------------------------------------------------------


def _read_http(result: JsonObject, succeeded: bool) -> Sections:
    if result.get("error"):
        return Sections(_code("", result["error"]), [])
    status = result.get("status_code")
    answer = [Section("", "HTTP %s" % status)] if status else []
    answer += to_sections(result.get("body"), "body")
    return Sections([], answer) if succeeded else Sections(answer, [])


def _read_workflow(result: JsonObject, succeeded: bool) -> Sections:
    found = [section for each in get_list(result, "errors") for section in _read_error(each)]
    return Sections(list(dict.fromkeys(found)), to_sections(result.get("output")))


_SEE_RESULT = re.compile(r"Execution failed\. See result for details\.?")


def _read_error(error: object) -> List[Section]:
    """One error of a workflow: that of its task itself, if the message only refers to it."""
    members = find_as_object(error)
    if members is None:
        return _code("", error)
    task = "Task %s" % members["task_id"] if members.get("task_id") else ""
    errors, body = _read_task(members.get("result"))
    details = [_with_prefix(task, section) if task else section for section in errors or body]
    message = clean(members.get("message") or "")
    if details and (not message or _SEE_RESULT.fullmatch(message)):
        return details
    return _code(task, message) + details


def _read_task(result: object) -> Sections:
    """The result of a task. It does not name its runner; its members tell which one it was."""
    members = find_as_object(result)
    if members is None:
        return Sections([], to_sections(result))
    errors, _ = _find_task_reader(members)(members, False)
    return Sections(errors, []) if errors else Sections([], to_sections(result))


def _find_task_reader(result: JsonObject) -> Reader:
    if "exit_code" in result:
        return _read_python
    if "return_code" in result:
        return _read_shell
    return _read_workflow if "errors" in result else _read_any


def _read_inquiry(result: JsonObject, succeeded: bool) -> Sections:
    return Sections([], to_sections(result.get("response")))


def _read_chain(result: JsonObject, succeeded: bool) -> Sections:
    rows = get_objects(result, "tasks")
    steps = [{"task": each.get("name"), "state": each.get("state")} for each in rows]
    errors = [] if succeeded else _code("", result.get("error"))
    published = to_sections(result.get("published"), "published")
    return Sections(errors, published + to_sections(steps, "tasks"))


def _read_nothing(result: JsonObject, succeeded: bool) -> Sections:
    return Sections([], [])


_READERS: Tuple[Tuple[str, Reader], ...] = (
    ("local-shell", _read_shell),
    ("remote-shell", _read_hosts),
    ("python-script", _read_python),
    ("http-request", _read_http),
    ("orquesta", _read_workflow),
    ("inquirer", _read_inquiry),
    ("action-chain", _read_chain),
    ("noop", _read_nothing),
)


# --- duration and requester ---------------------------------------------------------------------


def duration(value: object) -> str:
    """Seconds in words: 0.4 s, 12 s, 3 min 20 s, 1 h 5 min; "" for what is no duration."""
    seconds = as_number(value)
    if seconds is None or not 0 <= seconds < 10**9:  # nor NaN
        return ""
    if seconds < 10:
        return "%.1f s" % seconds
    whole = int(seconds)
    if whole < 60:
        return "%d s" % whole
    if whole < 3600:
        return "%d min %d s" % divmod(whole, 60)
    return "%d h %d min" % divmod(whole // 60, 60)


def requester_of(execution: Execution) -> str:
    """Who started it, plain: the rule, else the person an alias ran for, else StackStorm's user."""
    context = execution.context
    if context.rule:
        return "the rule %s" % clean(context.rule)
    return clean(context.api_user or context.user)
