"""Upload files, and share them in conversations."""

import time

import requests

from st2slack import action
from st2slack.files import upload


class FilesUploadAction(action.SlackBase):
    """The bytes at `file_path` or `file_paths`, or the text `file` or `content`."""

    def run(self, /, **parameters):  # noqa: E225 (the Exchange's flake8 is older than this)
        progress = upload.paced(self.say, action.PROGRESS_EVERY, time.monotonic)
        # Tests of 2.x users patch `requests` in this module, so it is handed on from here.
        return self.with_slack(
            lambda slack: upload.upload(slack, parameters, progress),
            parameters.get("token"),
            parameters.get("workspace"),
            http=requests,
        )
