"""Talking to a provider over plain HTTP: one client whose errors say what they mean for money.

Who lives here: the client (`client`), one request as a value (`exchange`, `bodies`, `uploading`), what an answer means
(`verdicts`), reading replies field by field (`replies`, `paging`). Backends come in; nothing of a provider does.
"""

from ftkit.http.auth import KeyHeader
from ftkit.http.client import HttpClient
from ftkit.http.paging import pages
from ftkit.http.retry_after import retry_after_s
from ftkit.http.verdicts import CREATED_NOTHING

__all__ = ["CREATED_NOTHING", "HttpClient", "KeyHeader", "pages", "retry_after_s"]
