"""A stub of StackStorm's base class of passive sensors, as far as packs use it."""

from __future__ import annotations

import abc
from typing import Any, Dict, Optional

__all__ = ["Sensor"]


class Sensor(abc.ABC):
    """Base of the pack's sensors: `sensor_service`, `config`, and what StackStorm calls."""

    def __init__(self, sensor_service: Any, config: Optional[Dict[str, Any]] = None) -> None:
        self.sensor_service = sensor_service
        self.config = config or {}

    @abc.abstractmethod
    def setup(self) -> None:
        """Called once, before run."""

    @abc.abstractmethod
    def run(self) -> None:
        """Until the sensor is to end."""

    @abc.abstractmethod
    def cleanup(self) -> None:
        """Called at the end, but not on SIGTERM."""

    @abc.abstractmethod
    def add_trigger(self, trigger: Any) -> None:
        """A trigger of the sensor's types came into being."""

    @abc.abstractmethod
    def update_trigger(self, trigger: Any) -> None:
        """One was changed."""

    @abc.abstractmethod
    def remove_trigger(self, trigger: Any) -> None:
        """One was removed."""
