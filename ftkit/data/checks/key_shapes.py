"""The shapes of providers' keys, as their documentation and public secret scanners give them.

A shape has a piece that is always there (looked for first, as most texts have none), and a pattern whose group 1 is public
and may be shown. Every pattern is bounded or starts only where its own characters do not precede it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyShape:
    """`kind` is for people, `piece` is in every key of the shape, `pattern` matches one."""

    kind: str
    piece: str
    pattern: re.Pattern[str]


def _shape(kind: str, prefix: str, rest: str, piece: str | None = None) -> KeyShape:
    # a key begins where no key goes on, or after a line end as JSON writes it
    body = rf"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))({prefix}){rest}(?![A-Za-z0-9])"
    return KeyShape(kind, prefix if piece is None else piece, re.compile(body))


_A = "[A-Za-z0-9]"
_U = "[A-Za-z0-9_-]"

KEY_SHAPES: tuple[KeyShape, ...] = (
    _shape("Anthropic key", "sk-ant-", _U + "{16,200}"),
    _shape("OpenAI key", "sk-proj-", _U + "{16,250}"),
    _shape("OpenAI key", "sk-svcacct-", _U + "{16,250}"),
    _shape("OpenAI key", "sk-admin-", _U + "{16,250}"),
    _shape("OpenAI key", "sk-None-", _U + "{16,250}"),
    _shape("OpenRouter key", "sk-or-v1-", "[0-9a-f]{32,80}"),
    _shape("LiteLLM or OpenAI key", "sk-", _A + "{20,200}"),
    _shape("Google API key", "AIza", _U + "{35}"),
    _shape("Google client secret", "GOCSPX-", _U + "{20,60}"),
    _shape("Google access token", r"ya29\.", _U + "{20,400}", "ya29."),
    _shape("AWS access key", "AKIA", "[A-Z0-9]{16}"),
    _shape("AWS access key", "ASIA", "[A-Z0-9]{16}"),
    KeyShape(
        "AWS secret key",
        "",
        re.compile(
            r"(?i:(aws_?secret\w{0,30}|secret_?access_?key)[\"']?\s{0,3}[:=]\s{0,3}[\"']?)"
            r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
        ),
    ),
    _shape("GitHub token", "gh[opusr]_", _A + "{30,255}", "gh"),
    _shape("GitHub token", "github_pat_", r"\w{30,255}"),
    _shape("GitLab token", "gl(?:pat|ptt|rt|dt|ft|soat)-", _U + "{20,60}", "gl"),
    _shape("Slack token", "xox[abeoprs]-", "[A-Za-z0-9-]{10,250}", "xox"),
    _shape("Slack app token", "xapp-", "[A-Za-z0-9-]{20,250}"),
    KeyShape(
        "Slack webhook",
        "hooks.slack.com",
        re.compile(r"(hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/]{20,100}"),
    ),
    KeyShape(
        "Discord webhook",
        "/api/webhooks/",
        re.compile(r"(discord(?:app)?\.com/api/webhooks/)\d{16,20}/[A-Za-z0-9_-]{50,90}"),
    ),
    KeyShape(
        "Discord bot token",
        ".",
        re.compile(
            r"()(?<![A-Za-z0-9_.-])[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}(?![A-Za-z0-9_-])"
        ),
    ),
    KeyShape(
        "Telegram bot token",
        ":",
        re.compile(r"()(?<![A-Za-z0-9])\d{8,10}:A[A-Za-z0-9_-]{34}(?![A-Za-z0-9_-])"),
    ),
    _shape("Stripe key", "[sr]k_live_", _A + "{16,250}", "k_live_"),
    _shape("Stripe test key", "[sr]k_test_", _A + "{16,250}", "k_test_"),
    _shape("Stripe webhook secret", "whsec_", "[A-Za-z0-9+/]{24,80}"),
    _shape("Square token", "sq0(?:atp|csp)-", _U + "{22,60}", "sq0"),
    _shape("Shopify token", "shp(?:at|ca|pa|ss)_", "[0-9a-fA-F]{32}", "shp"),
    _shape("Twilio key", "SK", "[0-9a-f]{32}"),
    _shape("Twilio account", "AC", "[0-9a-f]{32}"),
    _shape("SendGrid key", r"SG\.", _U + r"{16,32}\." + _U + "{30,60}", "SG."),
    _shape("Mailgun key", "key-", "[0-9a-f]{32}"),
    KeyShape("Mailchimp key", "-us", re.compile(r"()(?<![0-9A-Za-z])[0-9a-f]{32}-us\d{1,2}(?!\d)")),
    _shape("npm token", "npm_", _A + "{36}"),
    _shape("PyPI token", "pypi-", _U + "{40,400}"),
    _shape("RubyGems key", "rubygems_", "[0-9a-f]{48}"),
    _shape("Docker Hub token", "dckr_pat_", _U + "{20,60}"),
    _shape("Hugging Face token", "hf_", _A + "{30,60}"),
    _shape("Replicate token", "r8_", _A + "{30,60}"),
    _shape("Groq key", "gsk_", _A + "{30,80}"),
    _shape("xAI key", "xai-", _A + "{40,120}"),
    _shape("NVIDIA key", "nvapi-", _U + "{40,100}"),
    _shape("Perplexity key", "pplx-", _A + "{40,80}"),
    _shape("Together key", "tgp_v1_", _U + "{30,80}"),
    _shape("Fireworks key", "fw_", "(?=[A-Za-z]{0,30}[0-9])" + _A + "{20,40}"),
    _shape("Tinker key", "tml-", _A + "{24,160}"),
    _shape("RunPod key", "rpa_", _A + "{30,60}"),
    _shape("Modal token", "a[ks]-", "(?=[A-Za-z]{0,30}[0-9])" + _A + "{20,30}", "-"),
    _shape("Pinecone key", "pcsk_", r"\w{40,120}"),
    _shape("LangSmith key", "lsv2_(?:pt|sk)_", "[0-9a-f_]{32,60}", "lsv2_"),
    _shape("Weights & Biases key", "wandb_v1_", r"\w{30,120}"),
    _shape("Databricks token", "dapi", "[0-9a-f]{32}(?:-[0-9])?"),
    _shape("DigitalOcean token", "do[oprt]_v1_", "[0-9a-f]{64}", "_v1_"),
    _shape("HashiCorp Vault token", r"hv[sbr]\.", _U + "{24,300}", "hv"),
    _shape("Terraform Cloud token", r"[A-Za-z0-9]{14}\.atlasv1\.", _U + "{60,70}", ".atlasv1."),
    _shape("Atlassian token", "ATATT3", r"[A-Za-z0-9_=-]{150,250}"),
    _shape("Linear key", "lin_api_", _A + "{32,60}"),
    _shape("Notion token", "ntn_", _A + "{40,60}"),
    _shape("Notion token", "secret_", _A + "{43}"),
    _shape("Airtable token", r"pat[A-Za-z0-9]{14}\.", "[0-9a-f]{64}", "pat"),
    _shape("Figma token", "figd_", _U + "{40,60}"),
    _shape("Postman key", "PMAK-", "[0-9a-f]{24}-[0-9a-f]{34}"),
    _shape("New Relic key", "NRAK-", "[A-Z0-9]{27}"),
    _shape("Grafana token", "gl(?:sa|c)_", r"[A-Za-z0-9_+/=]{30,250}", "gl"),
    _shape("Sentry token", "sntry[su]_", r"[A-Za-z0-9_+/=]{30,300}", "sntry"),
    _shape("Doppler token", r"dp\.(?:pt|st|ct|sa)\.", r"[A-Za-z0-9_.-]{40,80}", "dp."),
    _shape("Supabase token", "sbp_", "[0-9a-f]{40}"),
    _shape("PlanetScale token", "pscale_(?:tkn|pw|oauth)_", _U + "{32,64}", "pscale_"),
    _shape("Tailscale key", "tskey-", "[A-Za-z0-9-]{20,100}"),
    _shape("Fly token", "fo1_", _U + "{40,60}"),
    _shape("Dropbox token", r"sl\.", _U + "{130,170}", "sl."),
    _shape("Facebook token", "EAA", _A + "{60,250}"),
    _shape("age secret key", "AGE-SECRET-KEY-1", "[0-9A-Z]{58}"),
    # Azure marks the place where its checksum begins
    KeyShape(
        "Azure AI key",
        "JQQJ99",
        re.compile(r"()(?<![A-Za-z0-9])[A-Za-z0-9]{40,60}JQQJ99[A-Za-z0-9]{20,40}(?![A-Za-z0-9])"),
    ),
    KeyShape(
        "private key",
        "PRIVATE KEY",
        re.compile(r"(-----BEGIN )[A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----[^-]{0,20000}"),
    ),
    KeyShape(
        "JSON web token",
        "eyJ",
        re.compile(
            r"(?<![A-Za-z0-9_-])(eyJ)[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{10,8000}"
            r"\.[A-Za-z0-9_-]{10,2000}"
        ),
    ),
)
