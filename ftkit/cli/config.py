"""`ftkit config show`: the settings in force, each with the place it comes from."""

from __future__ import annotations

from typing import Any

import typer

from ftkit.cli.options import Json
from ftkit.cli.terminal import show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
    group.command("show")(show_config)
    group.callback()(lambda: None)
    app.add_typer(group, name="config")


def show_config(json: Json = False) -> None:
    """Every setting with its origin."""
    from ftkit import config

    settings = config.settings()
    values: dict[str, Any] = {
        "profile": settings.profile,
        "home": str(settings.home),
        "model": settings.model,
        "method": settings.method,
        "max_cost_usd": None if settings.max_cost_usd is None else str(settings.max_cost_usd),
        "monthly_budget_usd": None
        if settings.monthly_budget_usd is None
        else str(settings.monthly_budget_usd),
        "stale_after_days": settings.stale_after_days,
        "hyperparameters": settings.hyperparameters.given(),
    }
    origins = dict(settings.origins)
    for name, section in settings.providers.items():
        values |= {f"providers.{name}.{key}": value for key, value in section.items()}
    for name, figures in settings.catalogue.items():
        values |= {
            f"catalogue.{name}.{'.'.join(place)}": _plain(value)
            for place, (value, _) in figures.items()
        }
        origins |= {
            f"catalogue.{name}.{'.'.join(place)}": origin for place, (_, origin) in figures.items()
        }
    rows = {
        key: {"value": value, "origin": str(origins.get(key, "default"))}
        for key, value in values.items()
    }
    width = max(len(key) for key in rows)
    text = "\n".join(
        f"{key:<{width}}  {_shown(row['value']):<40}  {row['origin']}" for key, row in rows.items()
    )
    show(text, {"schema_version": 1, "settings": rows}, json)


def _plain(value: Any) -> Any:
    """As JSON can carry it: dates as text."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool) else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "-"
    return "-" if value is None else str(value)
