"""The ways to a bank: a port with five verbs, and two of its kind. A gateway names one in `transport()`."""

from .directory import DirectoryTransport
from .http import HttpTransport
from .port import NotSent, Occupied, Parcel, Probed, Put, Ref, Transport

__all__ = [
    "DirectoryTransport",
    "HttpTransport",
    "NotSent",
    "Occupied",
    "Parcel",
    "Probed",
    "Put",
    "Ref",
    "Transport",
]
