"""The app of what is connected."""

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    """Connections, entities, destinations, and how their data moves."""

    name = "connectors"
