"""Checks the config, or tells whether a person is allowed to do something."""

from st2slack import action
from st2slack.diagnostics import check, permission_check, probes


class CheckAction(action.SlackBase):
    """Every credential, connection and scope; fails where something does not work."""

    @action.reports_errors
    def run(self, workspace=None, post=False, connect=True, person=None, what=None, where=None):
        stackstorm = self.stackstorm() if self.has_stackstorm() else None
        how = probes.How(bool(post), connect is not False, stackstorm=stackstorm)
        question = permission_check.question(person, what, where)
        return check.report(self.config, self.say, self.logger.error, workspace, how, question)
