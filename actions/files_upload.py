"""Upload files, and share them in conversations."""

import requests

from st2slack import action


class FilesUploadAction(action.FilesBase):
    """The bytes at `file_path` or `file_paths`, or the text `file` or `content`."""

    def run(self, /, **parameters):  # noqa: E225 (the Exchange's flake8 is older than this)
        # Tests of 2.x users patch `requests` in this module, so it is handed on from here.
        return self.upload(parameters, requests)
