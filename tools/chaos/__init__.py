"""The sensor among faults, kills and restarts: nothing lost, nothing twice, all in order."""
