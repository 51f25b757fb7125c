"""Saves a file from Slack on the action runner."""

from st2slack import action
from st2slack.files import download


class FilesDownloadAction(action.SlackBase):
    """Saves the file with the ID `file` at `save_to`."""

    @action.reports_errors
    def run(self, /, **parameters):  # noqa: E225 (the Exchange's flake8 is older than this)
        slack = self.slack(parameters.get("token"), parameters.get("workspace"))
        return download.fetch(slack, parameters)
