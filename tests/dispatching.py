"""StackStorm's trigger dispatcher, or what stands for it, over a database and a bus that fail."""

import contextlib
import os
import types

from sandbox.stackstorm import package_path as stackstorm_path
from sandbox.stackstorm.datastore import Datastore
from sandbox.stackstorm.sensor.message_bus import MessageBus
from sandbox.stackstorm.sensor.service import SensorService
from sandbox.stackstorm.sensor.trigger_dispatcher import service_class

ON_STACKSTORM = bool(os.environ.get("ST2_REPO_PATH") and stackstorm_path.real_folder("st2common"))
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "text": {"type": "string"}},
    "additionalProperties": True,
}


class FakeHost:
    """`published`: (trigger, payload) in the order in which the bus got them. `connects_again`:
    whether its connections outlive an outage."""

    connects_again = False

    def __init__(self, logger):
        self.published = []
        self.schemas = {"slack.message": SCHEMA}
        self.database_is_away = self._bus_is_away = False
        self._bus = MessageBus(self._publish, lambda: self._bus_is_away)
        self._class = service_class(self._bus, self._find)
        self.sensor_service = SensorService(Datastore("tests"), self._class(logger), logger)

    def _publish(self, trigger, payload, trace_tag):
        self.published.append((trigger, payload))

    def _find(self, trigger):
        if self.database_is_away:
            raise ConnectionError("ECONNREFUSED")
        return self.schemas.get(trigger)

    def stop_bus(self):
        self._bus_is_away = True

    def start_bus(self):
        self._bus_is_away = False

    def swallow(self):
        """The next publish is lost, for the bus breaks at that moment."""
        self._bus.swallows += 1

    def open_pools(self):
        return sum(not each._dispatcher.pool.is_closed for each in self._class.instances)

    def close(self):
        pass


class StackStormHost:
    """StackStorm's own dispatcher, connections and look-up; only what they connect to is ours."""

    def __init__(self, logger, monkeypatch):
        import kombu
        import mongoengine
        from amqp_broker import Broker
        from kombu.utils import functional
        from oslo_config import cfg
        from st2common import config
        from st2common.models.db.trigger import TriggerTypeDB
        from st2common.persistence.trigger import TriggerType
        from st2common.services.trigger_dispatcher import TriggerDispatcherService
        from st2common.transport import connection_retry_wrapper

        config.register_opts(ignore_errors=True)
        self.connects_again = tuple(kombu.VERSION)[:2] < (5, 1)
        self._broker = Broker()
        cfg.CONF.set_override("url", self._broker.url, group="messaging")
        cfg.CONF.set_override("cluster_urls", [], group="messaging")
        cfg.CONF.set_override("validate_trigger_payload", True, group="system")
        # The pauses between its own tries; everything else is as it is.
        monkeypatch.setattr(functional, "sleep", lambda seconds: None)
        monkeypatch.setattr(connection_retry_wrapper.concurrency, "sleep", lambda seconds=0: None)
        mongoengine.disconnect_all()
        mongoengine.connect(
            "nothing", host="127.0.0.1", port=1, serverSelectionTimeoutMS=20, connect=False
        )
        self.schemas = {"slack.message": SCHEMA}
        self.database_is_away = False
        look_up = TriggerType.get_by_ref

        def get_by_ref(ref):
            if self.database_is_away:
                return look_up(ref)  # asks a port where nobody listens
            schema = self.schemas.get(ref)
            return schema and TriggerTypeDB(name="message", pack="slack", payload_schema=schema)

        monkeypatch.setattr(TriggerType, "get_by_ref", staticmethod(get_by_ref))
        self._pools = []
        made = TriggerDispatcherService.__init__

        def making(service, logger):
            made(service, logger)
            self._pools.append(service._dispatcher._publisher._publisher.pool)

        monkeypatch.setattr(TriggerDispatcherService, "__init__", making)
        self.sensor_service = SensorService(
            Datastore("tests"), TriggerDispatcherService(logger=logger), logger
        )

    @property
    def published(self):
        return [(each["trigger"], each["payload"]) for each in self._broker.published]

    def stop_bus(self):
        self._broker.stop()

    def start_bus(self):
        self._broker.start()

    def swallow(self):
        self._broker.swallows += 1

    def open_pools(self):
        return sum(not each._closed for each in self._pools)

    def close(self):
        with contextlib.suppress(OSError):
            self._broker.stop()


KINDS = ["stand-in", "stackstorm"] if ON_STACKSTORM else ["stand-in"]


def make_host(kind, logger, monkeypatch):
    return StackStormHost(logger, monkeypatch) if kind == "stackstorm" else FakeHost(logger)


def strange(**changed):
    """A sensor service of a StackStorm that looks different."""
    found = types.SimpleNamespace(calls=[])
    found.dispatch = lambda **given: found.calls.append(given)
    vars(found).update(changed)
    return found
