"""DKIM (RFC 6376): mail of our domains is signed once, as it is accepted."""

from transport.signing.messages import signed

__all__ = ["signed"]
