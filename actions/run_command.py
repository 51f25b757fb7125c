"""Runs a command that was typed in Slack."""

from functools import partial

from st2slack import action
from st2slack.authorization.authorizer import Authorizer
from st2slack.chatops.incoming import IncomingCommand
from st2slack.chatops.run_command import ActionRun, CommandRunner
from st2slack.settings.chatops import read_chatops


class RunCommandAction(action.SlackBase):
    """Runs the alias that a command matches, if the user is authorized."""

    @action.reports_errors
    def run(self, workspace=None, **parameters):
        slack = self.slack(workspace=workspace)
        runner = CommandRunner(
            slack,
            self.stackstorm(),
            partial(Authorizer, self.config, slack, workspace, action.seconds_left, self.say),
            read_chatops(self.config, workspace),
            ActionRun(workspace or "", self.execution_id(), self.say),
        )
        return runner.run(IncomingCommand(**parameters))
