"""The operators that this plugin knows."""

from collections.abc import Mapping

from ..profile import Profile
from .airtel import Airtel
from .gsma import Gsma
from .mpesa import Mpesa
from .mtn import Mtn

PROFILES: Mapping[str, type[Profile]] = {"airtel": Airtel, "gsma": Gsma, "mpesa": Mpesa, "mtn": Mtn}
