"""How the sensor is."""

import time

from st2slack import action
from st2slack.sensor import status


class SensorStatusAction(action.SlackBase):
    """The status of a workspace's sensor; fails where the sensor is not healthy."""

    def run(self, workspace=None, max_age=None):
        return status.read(self.config, workspace, self._kept, time.time(), max_age)

    def _kept(self, key):
        return self.action_service.get_value(key, local=False)
