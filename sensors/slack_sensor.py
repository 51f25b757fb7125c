"""What happens in Slack becomes triggers. The work is in actions/lib/st2slack/sensor."""

import os
import signal
import sys
import threading
import time

from st2reactor.sensor.base import Sensor

# StackStorm puts actions/lib on the path of actions only; at its end nothing of ours hides theirs.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../actions/lib"))

from st2slack.sensor import stackstorm_dispatch, workspace_sensor  # noqa: E402
from st2slack.settings.sensor import sensed_workspaces  # noqa: E402


class SlackSensor(Sensor):
    """Passive: one connection for each workspace that has credentials for it."""

    def __init__(self, sensor_service, config=None):
        super().__init__(sensor_service=sensor_service, config=config)
        self._log = sensor_service.get_logger(name=type(self).__name__)
        self._stop = threading.Event()
        self._terminated = False
        self._workspaces = []

    def setup(self):
        """Make the workspaces; nothing is connected yet."""
        services = workspace_sensor.Services(
            dispatch=stackstorm_dispatch.make_dispatch(self.sensor_service, self._log),
            read=lambda key: self.sensor_service.get_value(key, local=False),
            read_secret=lambda key: self.sensor_service.get_value(key, local=False, decrypt=True),
            write=lambda key, text: self.sensor_service.set_value(key, text, local=False),
            log=self._log,
        )
        names = sensed_workspaces(self.config or {})
        self._workspaces = [
            workspace_sensor.WorkspaceSensor(self.config, name, services, self._stop)
            for name in names
        ]
        if not names:
            self._log.warning(
                "Slack: no workspace has `sensor.app_token` (or `sensor.token` of a "
                "classic app): there is nothing to listen to."
            )

    def run(self):
        """Until SIGTERM."""
        signal.signal(signal.SIGTERM, self._on_sigterm)
        for each in self._workspaces:
            each.start()
        while not self._stop.wait(0.25) and not self._terminated:
            for each in self._workspaces:
                each.tick()
        self._stop.set()
        ends = time.monotonic() + 2.0  # seconds for all of them; SIGKILL follows after 5
        for each in self._workspaces:
            each.finish(max(0.0, ends - time.monotonic()))

    def _on_sigterm(self, *_):
        # A mere flag: the event has a lock, which the very code that this interrupts may hold, and
        # under eventlet a handler must not wait for anything.
        self._terminated = True

    def cleanup(self):
        """Called by StackStorm on exit, but not on SIGTERM."""
        self._stop.set()

    def add_trigger(self, trigger):
        """Nothing to do: all triggers are dispatched."""

    def update_trigger(self, trigger):
        """Nothing to do."""

    def remove_trigger(self, trigger):
        """Nothing to do."""
