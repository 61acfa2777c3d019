"""Delivery reports, as in the EAC: what became of a message, also after it left every queue."""
