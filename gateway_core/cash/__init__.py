"""Cash at payment points: pay lists, the records of officers' phones, and the photographs that prove a pay-out."""
