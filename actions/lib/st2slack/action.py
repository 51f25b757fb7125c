"""Base of the pack's actions. The only file here that knows StackStorm.

An action reads its settings, calls Slack and returns the answer; whatever goes wrong leaves as one
exception of `errors.py`, whose text is what the operator reads.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple

import requests
from st2common.runners.base_action import Action

from st2slack.api.client import Client
from st2slack.api.deadline import ASK_AFTER, MARGIN, remembered
from st2slack.api.methods import Method, find_method
from st2slack.api.pages import check_fields, slim_page
from st2slack.api.pagination import Paginator
from st2slack.api.progress import Progress, paced
from st2slack.api.result_limit import RESULT_LIMIT, too_large
from st2slack.api.session import closing_session
from st2slack.base.errors import ResponseLost, SlackError
from st2slack.settings.invite import InviteSettings, read_invite
from st2slack.settings.slack import Settings, read_settings
from st2slack.settings.values import check_token
from st2slack.stackstorm.time_left import seconds_left

if TYPE_CHECKING:  # few actions need it
    from st2slack.approvals.context import ApprovalContext
    from st2slack.stackstorm.client import StackStorm

PROGRESS_EVERY = 5.0  # seconds between two lines of a long walk or transfer

# What every generated action has beside the method's own arguments. Those of paging and saving
# exist only where the method pages or answers a file: elsewhere an argument can have such a name.
_ALWAYS = ("end_point", "http_method", "token", "workspace", "ignore_errors")
_PAGING = ("all_pages", "max_items", "fields")
_SAVING = ("save_to", "overwrite")


def _checked(answer: Any) -> Any:
    """`answer`, if StackStorm can store it."""
    if isinstance(answer, dict):
        text = json.dumps(answer, ensure_ascii=False, default=str)
        size = len(text.encode("utf-8", "replace"))
        if size > RESULT_LIMIT:
            raise too_large("one answer")
    return answer


def reports_errors(
    run: Callable[..., object], check: Callable[[object], object] = _checked
) -> Callable[..., object]:
    """Decorator of `run` of an action: the text of a SlackError is what the operator reads, without
    frames; `check` refuses a result that is too large for StackStorm.
    """

    @functools.wraps(run)
    def run_and_check(*arguments: object, **parameters: object) -> object:
        try:
            return check(run(*arguments, **parameters))
        except SlackError as error:
            raise error.with_traceback(None) from None

    return run_and_check


def reports_method_errors(run: Callable[..., object]) -> Callable[..., object]:
    """The same for `run_method`, which checks each result, or each page of a list, by itself."""
    return reports_errors(run, check=lambda result: result)


class SlackBase(Action):
    """What all actions of the pack share."""

    def settings(self, workspace: Optional[str] = None) -> Settings:
        """The settings of a workspace of the pack's config."""
        return read_settings(self.config, workspace)

    def invite_settings(self, workspace: Optional[str] = None) -> InviteSettings:
        """How people are invited into a workspace of the pack's config."""
        return read_invite(self.config, workspace)

    def client(self, settings: Settings, http: Any = requests) -> Client:
        """A client that stops waiting when StackStorm would stop the action."""
        return Client(settings, http, time_left=seconds_left, on_retry=self.logger.warning)

    def slack(
        self, token: Optional[str] = None, workspace: Optional[str] = None, http: Any = requests
    ) -> Client:
        """A client of the workspace. `token`: in place of the bot's, where it is not blank."""
        settings = self.settings(workspace)
        if token and token.strip():
            settings = settings.with_bot_token(check_token(token, "Parameter `token`"))
        return self.client(settings, http)

    def datastore(self) -> Tuple[Callable[[str], Optional[str]], Callable[[str, str], Any]]:
        """Read (key) and write (key, text): StackStorm's datastore, encrypted, system scope."""
        service = self.action_service
        return (
            lambda key: service.get_value(key, local=False, decrypt=True),
            lambda key, text: service.set_value(key, text, local=False, encrypt=True),
        )

    def stackstorm(self) -> StackStorm:
        """StackStorm's own API, asked in the name of this execution."""
        from st2slack.stackstorm.client import StackStorm

        return StackStorm(self.action_service.datastore_service.get_api_client())

    def has_stackstorm(self, environ: Mapping[str, str] = os.environ) -> bool:
        """Whether a StackStorm runs this action: its API is there to be asked."""
        return bool(environ.get("ST2_ACTION_API_URL"))

    def execution_id(self, environ: Mapping[str, str] = os.environ) -> str:
        """ID of this execution, "" where there is none."""
        return environ.get("ST2_ACTION_EXECUTION_ID", "")

    def say(self, line: str) -> None:
        """A line for the execution's live output. It may hold names that a bare locale lacks."""
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)

    def progress(self, name: str) -> Progress:
        """What says in the live output how far a long walk is."""
        return paced(self.say, name, PROGRESS_EVERY, time.monotonic)

    def run_method(self, parameters: Mapping[str, Any], http: Any = requests) -> Any:
        """Call the Web API method that `parameters["end_point"]` names, and return its answer.

        `parameters` as StackStorm hands them to `run()`: the method's arguments among our own.
        Raises a SlackError; its text is the explanation.
        """
        method = find_method(str(parameters.get("end_point") or ""))
        own = _ALWAYS + (_PAGING if method.pages else ()) + (_SAVING if method.gzip else ())
        options = {name: parameters.get(name) for name in own}
        arguments = {name: value for name, value in parameters.items() if name not in own}
        settings = self.settings(options["workspace"])
        if method.gzip:
            return self._save(method, settings, arguments, options)
        if method.pages and options["all_pages"]:
            return self._all_pages(method, settings, arguments, options)
        fields = check_fields(options.get("fields"))
        answer = self.client(settings, http).call(method.name, arguments, **_how(options))
        return _checked(slim_page(answer, method.pages, fields) if method.pages else answer)

    def _all_pages(
        self,
        method: Method,
        settings: Settings,
        arguments: Dict[str, Any],
        options: Dict[str, Any],
    ) -> Any:
        assert method.pages is not None
        how = _how(options)
        left = remembered(seconds_left)
        check_time = own_time(method.name, left)
        with closing_session() as session:  # one connection for all pages
            client = Client(settings, session, time_left=left, on_retry=self.logger.warning)

            def call(page: Dict[str, Any]) -> Any:
                check_time()
                # A refusal in the middle, let pass, would look like the end of the list.
                allowed = () if paginator.has_begun else how["ignore_errors"]
                return client.call(method.name, page, **{**how, "ignore_errors": allowed})

            paginator = Paginator(
                call,
                method.pages,
                max_items=options["max_items"],
                fields=check_fields(options["fields"]),
                progress=self.progress(method.name),
            )
            return paginator.run(arguments)

    def _save(
        self,
        method: Method,
        settings: Settings,
        arguments: Dict[str, Any],
        options: Dict[str, Any],
    ) -> Dict[str, Any]:
        from st2slack.files.save import check_target, save  # few methods answer a file

        overwrite = bool(options["overwrite"])
        path = check_target(options["save_to"], overwrite)
        saved: Dict[str, Any] = self.client(settings).download(
            method.name,
            arguments,
            lambda response: save(response, path, overwrite, method.name),
            token=options["token"],
            ignore_errors=options["ignore_errors"] or (),
        )
        return saved


class QuestionBase(SlackBase):
    """What the actions share that ask questions of workflows in Slack, and record answers."""

    def approval_context(
        self, workspace: Optional[str] = None, inquiry: Optional[str] = None
    ) -> ApprovalContext:
        """What the functions of `approvals` need.

        `inquiry`: its question says which workspace, in place of `workspace`.
        """
        from st2slack.approvals.context import ApprovalContext, find_workspace
        from st2slack.authorization.authorizer import Authorizer
        from st2slack.settings.chatops import read_chatops

        stackstorm = self.stackstorm()
        name = find_workspace(stackstorm, inquiry) if inquiry else workspace
        slack = self.slack(workspace=name)
        log = self.logger.info
        authorizer = functools.partial(Authorizer, self.config, slack, name, seconds_left, log)
        return ApprovalContext(stackstorm, slack, authorizer, read_chatops(self.config))


class WebhookBase(SlackBase):
    """What the actions share that post through an incoming webhook."""

    def post(
        self,
        content: Mapping[str, Any],
        given: Mapping[str, Any],
        webhook_url: Optional[str],
        workspace: Optional[str],
        http: Any = requests,
    ) -> bool:
        """Post `content`, appearing as `given` (see `webhook.build`). True when Slack took it."""
        from st2slack.messages import webhook  # generated actions do not need it

        settings = self.settings(workspace)
        url = webhook.find_url(settings, webhook_url)
        message = webhook.build(settings, content, given)
        return webhook.post(self.client(settings, http), url, message)


def _how(options: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        "verb": options["http_method"] or "POST",
        "token": options["token"],
        "ignore_errors": options["ignore_errors"] or (),
    }


def own_time(
    name: str,
    left: Callable[[], Optional[float]],
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[], None]:
    """A check before each page: raises ResponseLost if StackStorm is about to end the action.

    What was read would be lost with it. `left`: the action's seconds; not asked of a short walk.
    """
    begun = clock()

    def check() -> None:
        seconds = left() if clock() - begun >= ASK_AFTER else None
        if seconds is not None and seconds <= MARGIN:
            raise ResponseLost(
                "%s: the time of the action itself is over. Give the action more of it (its "
                "parameter `timeout`, in seconds), or ask for less with `max_items`." % name
            )

    return check
