"""Where a user plants secrets, in the environment and in a configuration, and the ways to look that must show none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

from tests.canaries_search import of

NAMES = """
FTKIT_FAKE_API_KEY OPENAI_API_KEY AZURE_OPENAI_API_KEY GOOGLE_API_KEY AWS_ACCESS_KEY AWS_SECRET_ACCESS_KEY
TOGETHER_API_KEY FIREWORKS_API_KEY REPLICATE_API_TOKEN MODAL_TOKEN_ID_SECRET MODAL_TOKEN_SECRET ANTHROPIC_API_KEY
HF_TOKEN GITHUB_TOKEN GH_PAT WANDB_API_KEY SESSION_JWT DB_PASSWORD npm_config__authToken SMTP_PASS STRIPE_SECRET
VAULT_TOKEN MYAPIKEY REGISTRY_AUTH TLS_PRIVATE_KEY
"""
LOOKS: tuple[tuple[str, ...], ...] = (
    ("jobs",),
    ("jobs", "--json"),
    ("job", "show", "router"),
    ("job", "show", "router", "--json"),
    ("job", "events", "router"),
    ("job", "events", "router", "--json"),
    ("job", "explain", "router"),
    ("job", "explain", "router", "--json"),
    ("config", "show"),
    ("config", "show", "--json"),
    ("doctor", "--json"),
)


def environment() -> dict[str, str]:
    """A variable for each canary of the environment; the provider's key is one of them."""
    fit_for_a_header_first = sorted(of("environment"), key=lambda canary: "\n" in canary.secret)
    secrets = [canary.secret for canary in fit_for_a_header_first]
    return dict(zip(NAMES.split(), secrets, strict=True))


def mistakes(head: str, address: str = "url") -> Iterator[tuple[str, str]]:
    """A user's configuration that holds a key, for each canary of that place: what is wrong, and the file.

    `head` begins a provider's section, and `address` is its setting for one.
    """
    for number, canary in enumerate(of("config_file")):
        text = json.dumps(canary.secret)  # a TOML string too
        in_url = quote(canary.secret, safe="")
        forms = {
            "api_key": f"{head}api_key = {text}\n",
            "a name that is the key": f"{head}api_key_env = {text}\n",
            "a header": f"{head}headers = {{ Authorization = {json.dumps('Bearer ' + canary.secret)} }}\n",
            "a login": f'{head}organisation = "o"\n{address} = "https://me:{in_url}@host.invalid/v1"\n',
            "a query": f'{head}organisation = "o"\n{address} = "https://host.invalid/v1?key={in_url}"\n',
            "another provider's": f"[providers.other]\npassword = {text}\n",
            "at the top": f"api_key = {text}\n{head}",
            "in a profile": f"[profiles.default]\ntoken = {text}\n",
            "no TOML": f"{head}api_key = {canary.secret}\n",
        }
        name = list(forms)[number % len(forms)]
        yield name, forms[name]


def addresses() -> Iterator[str]:
    """A provider's address with a key in its query, or in its login."""
    for canary in of("url_query"):
        yield f"https://host.invalid/v1?key={quote(canary.secret, safe='')}"
    for canary in of("base_url_userinfo"):
        yield f"http://me:{quote(canary.secret, safe='')}@127.0.0.1:9/v1"
