"""What goes between the office and an officer's phone: signed archives of JSON, which both sides here read and write.

limits   sizes, and the one error        parts    an archive or a folder, read with bounded means
signed   manifest and signature          lists    a pay list, going out
records  records and photos, coming in   device   a phone's chain of records, as an application keeps it
"""

from .device import Device
from .limits import ParcelRefused
from .lists import read_list, write_list
from .records import Parcel, open_records, write_records

__all__ = ["Device", "Parcel", "ParcelRefused", "open_records", "read_list", "write_list", "write_records"]
