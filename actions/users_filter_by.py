"""The users that have what is asked for."""

import requests

from st2slack import action
from st2slack.people.user_filter import filter_users


class FilterBy(action.SlackBase):
    """All users whose attributes match, over all pages."""

    # `end_point` is what 2.x had; it is always users.list.
    def run(self, attributes=None, token=None, workspace=None, http_method="GET", **chosen):
        options = {name: chosen.get(name) for name in ("fields", "max_items")}
        options.update(size=chosen.get("limit"), verb=http_method or "GET")
        # Tests of 2.x users patch `requests` in this module, so it is handed on from here.
        return self.with_slack(
            lambda slack: filter_users(
                slack, attributes, progress=self.progress("users.list"), **options
            ),
            token,
            workspace,
            requests,
        )
