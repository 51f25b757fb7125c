"""Writes down every trigger that the message bus has. Runs in StackStorm's virtual environment.

    python consumer.py URL QUEUE FILE

The queue outlives an outage of the bus. FILE gets a line of JSON for each trigger: at (Unix
seconds), ref, payload, again (whether the bus hands over something that it handed over before).
"""

import contextlib
import json
import socket
import sys
import time
from typing import Any, Dict

from kombu import Connection, Exchange, Queue

EXCHANGE = Exchange("st2.trigger_instances_dispatch", type="topic")


def consume(url: str, name: str, path: str) -> None:
    """Until the bus goes away."""
    queue = Queue(name, EXCHANGE, routing_key="#", durable=True)

    def write(body: Dict[str, Any], message: Any) -> None:
        line = {
            "at": time.time(),
            "ref": body["trigger"],
            "payload": body["payload"],
            "again": bool(message.delivery_info.get("redelivered")),
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        message.ack()

    with Connection(url) as connection, connection.Consumer(
        queue, callbacks=[write], accept=["pickle"]
    ):
        print("listening", flush=True)
        while True:
            with contextlib.suppress(socket.timeout):
                connection.drain_events(timeout=1)


def forget(url: str, name: str) -> None:
    """What an earlier run has left."""
    with Connection(url) as connection:
        queue = Queue(name, EXCHANGE, routing_key="#", durable=True)(connection.default_channel)
        queue.declare()
        queue.purge()


if __name__ == "__main__":
    forget(*sys.argv[1:3])
    while True:
        try:
            consume(*sys.argv[1:])
        except Exception as error:  # the bus is away
            print("%s: %s" % (type(error).__name__, error), file=sys.stderr, flush=True)
            time.sleep(0.5)
