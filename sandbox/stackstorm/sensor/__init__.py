"""The process of a sensor: its service, the trigger dispatcher, the message bus."""
