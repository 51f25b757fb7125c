"""Lists the users whose attributes match."""

import requests

from st2slack import action
from st2slack.people.user_filter import filter_users


class FilterBy(action.SlackBase):
    """Lists all users whose attributes match, over all pages."""

    # `end_point` is what 2.x had; it is always users.list.
    @action.reports_errors
    def run(self, attributes=None, token=None, workspace=None, http_method="GET", **parameters):
        options = {name: parameters.get(name) for name in ("fields", "max_items")}
        options.update(size=parameters.get("limit"), verb=http_method or "GET")
        # Tests of 2.x users patch `requests` in this module, so it is handed on from here.
        slack = self.slack(token, workspace, requests)
        return filter_users(slack, attributes, progress=self.progress("users.list"), **options)
