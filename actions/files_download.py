"""Save a file of Slack's on the action runner."""

from st2slack import action


class FilesDownloadAction(action.FilesBase):
    """The file with the ID `file`, at `save_to`."""

    def run(self, /, **parameters):  # noqa: E225 (the Exchange's flake8 is older than this)
        return self.download(parameters)
