"""The mkoba gateway for gateway-core."""

from .gateway import MkobaGateway, MkobaSettings

__all__ = ["MkobaGateway", "MkobaSettings"]
