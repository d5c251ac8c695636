"""The ways to a bank: a port, and two of its kind. A gateway names one in `transport()`."""

from .directory import DirectoryTransport
from .http import HttpTransport
from .port import Handed, NotSent, Occupied, Parcel, Parked, Probed, Put, Ref, Transport

__all__ = [
    "DirectoryTransport",
    "Handed",
    "HttpTransport",
    "NotSent",
    "Occupied",
    "Parcel",
    "Parked",
    "Probed",
    "Put",
    "Ref",
    "Transport",
]
