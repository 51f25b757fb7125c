"""Calls any Web API method: the entry point of every generated action."""

import requests

from st2slack import action


class SlackAction(action.SlackBase):
    """Calls the method named by the immutable parameter `end_point`."""

    @action.reports_method_errors
    def run(self, /, **parameters):  # noqa: E225 (the Exchange's flake8 is older than this)
        # Tests of 2.x users patch `requests` in this module, so it is handed on from here.
        return self.run_method(parameters, requests)
