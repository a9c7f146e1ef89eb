"""A gateway on this machine that gives every process, container and language one token and one budget."""

from evenergy.proxy.gateway import Proxy

__all__ = ["Proxy"]
