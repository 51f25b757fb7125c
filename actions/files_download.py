"""Save a file of Slack's on the action runner."""

from st2slack import action
from st2slack.files import download


class FilesDownloadAction(action.SlackBase):
    """The file with the ID `file`, at `save_to`."""

    def run(self, /, **parameters):  # noqa: E225 (the Exchange's flake8 is older than this)
        return self.with_slack(
            lambda slack: download.fetch(slack, parameters),
            parameters.get("token"),
            parameters.get("workspace"),
        )
