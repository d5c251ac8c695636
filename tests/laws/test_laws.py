from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from tests.conftest import Shop
def test_x(shop: Shop, inv=None)->None:
    pass
