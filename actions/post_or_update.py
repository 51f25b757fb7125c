"""Post a message under a key, and update it later."""

from st2slack import action
from st2slack.messages import post_or_update


class PostOrUpdateAction(action.SlackBase):
    """The first call posts the message under `key`; later ones change or answer it."""

    def run(self, token=None, workspace=None, **given):
        return self.with_slack(
            lambda slack: post_or_update.post_or_update(self.stackstorm(), slack, given),
            token,
            workspace,
        )
