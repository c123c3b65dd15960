"""For tests: a hosted provider in memory that counts what it was asked to do and what it charged."""

from ftkit.testing.hosted import HostedProvider

__all__ = ["HostedProvider"]
