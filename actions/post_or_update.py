"""Keep a message current under a key."""

from st2slack import action
from st2slack.messages import post_or_update


class PostOrUpdateAction(action.SlackBase):
    """The message under `key`: posted the first time, changed or answered from then on."""

    def run(self, token=None, workspace=None, **given):
        return self.with_slack(
            lambda slack: post_or_update.post_or_update(self.stackstorm(), slack, given),
            token,
            workspace,
        )
