"""Run what somebody asks for in Slack."""

from st2slack import action
from st2slack.settings.chatops import read_chatops
from st2slack.work.delivery import Came
from st2slack.work.may import WhoMay
from st2slack.work.run_command import Commands


class RunCommandAction(action.SlackBase):
    """Runs the alias that a command fits, where who asks may."""

    def run(self, workspace=None, **came):
        return self.with_slack(
            lambda slack: Commands(
                slack,
                self.stackstorm(),
                lambda: WhoMay(self.config, slack, workspace, action.seconds_left, self.say),
                read_chatops(self.config, workspace),
                workspace or "",
                self.execution_id(),
                self.say,
            ).run(Came(**came)),
            workspace=workspace,
        )
