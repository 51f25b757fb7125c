"""Uploads files, and shares them in conversations."""

import time

import requests

from st2slack import action
from st2slack.files import upload


class FilesUploadAction(action.SlackBase):
    """Uploads the files at `file_path` or `file_paths`, or the text `file` or `content`."""

    @action.reports_errors
    def run(self, /, **parameters):  # noqa: E225 (the Exchange's flake8 is older than this)
        progress = upload.paced(self.say, action.PROGRESS_EVERY, time.monotonic)
        # Tests of 2.x users patch `requests` in this module, so it is handed on from here.
        slack = self.slack(parameters.get("token"), parameters.get("workspace"), requests)
        return upload.upload(slack, parameters, progress)
