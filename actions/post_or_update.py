"""Posts a message under a key, and updates it later."""

from st2slack import action
from st2slack.messages import post_or_update


class PostOrUpdateAction(action.SlackBase):
    """The first call posts the message under `key`; later ones change or answer it."""

    @action.reports_errors
    def run(self, token=None, workspace=None, **parameters):
        slack = self.slack(token, workspace)
        return post_or_update.post_or_update(self.stackstorm(), slack, parameters)
