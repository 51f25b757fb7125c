"""Try what the pack is configured with."""

from st2slack import action
from st2slack.checkup import check, trial


class CheckAction(action.SlackBase):
    """Every credential, connection and scope; fails where something does not work."""

    def run(self, workspace=None, post=False, connect=True):
        how = trial.How(post=bool(post), connect=connect is not False)
        return check.report(self.config, self.say, self.logger.error, workspace, how)
