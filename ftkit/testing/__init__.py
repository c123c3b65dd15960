"""For tests of applications and of backends; public. Nothing of ftkit outside of this folder imports it.

`fake()` scripts the answers of every model. `HostedProvider` is a hosted provider in memory that counts what it was asked
to do and what it charged; the backend "fake" talks to it. The backends "fake-runs" and "fake-answers" are stand-ins of the
two other shapes that a provider can have. `ftkit.testing.conformance` judges any backend, as a pytest plugin.
"""

from ftkit.testing.fake import Fake, FakeCall, UnexpectedCall, fake
from ftkit.testing.hosted import HostedProvider

__all__ = ["Fake", "FakeCall", "HostedProvider", "UnexpectedCall", "fake"]
