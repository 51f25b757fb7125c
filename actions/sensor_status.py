"""Shows the status of the sensor."""

import time

from st2slack import action
from st2slack.sensor import status


class SensorStatusAction(action.SlackBase):
    """The status of a workspace's sensor; fails where the sensor is not healthy."""

    @action.reports_errors
    def run(self, workspace=None, max_age=None):
        return status.read(self.config, workspace, self._read, time.time(), max_age)

    def _read(self, key):
        return self.action_service.get_value(key, local=False)
