"""Paths and fixtures of the whole suite."""

from sandbox.stackstorm import path

path.add_standins()  # the real StackStorm where it can be imported, our stand-ins elsewhere
