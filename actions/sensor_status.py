"""How the sensor is."""

import time

from st2slack import action
from st2slack.sensor import status


class SensorStatusAction(action.SlackBase):
    """What the sensor of a workspace keeps of itself; fails where it is deaf."""

    def run(self, workspace=None, max_age=None):
        return status.read(self.config, workspace, self._kept, time.time(), max_age)

    def _kept(self, key):
        return self.action_service.get_value(key, local=False)
