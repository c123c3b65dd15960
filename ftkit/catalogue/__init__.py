"""The catalogue: schema, loading and overriding of the facts that each backend's folder brings; code only, no figures."""

from ftkit.catalogue.overriding import Figure, Overrides
from ftkit.catalogue.routes import Instead, Route
from ftkit.catalogue.schema import (
    Billing,
    Catalogue,
    Gpu,
    ImageFacts,
    LongPrompts,
    ModelFacts,
    PackagedFile,
    Range,
    Rate,
    RateUse,
    Runtime,
    Tier,
    load_catalogue,
)

__all__ = [
    "Billing",
    "Catalogue",
    "Figure",
    "Gpu",
    "ImageFacts",
    "Instead",
    "LongPrompts",
    "ModelFacts",
    "Overrides",
    "PackagedFile",
    "Range",
    "Rate",
    "RateUse",
    "Route",
    "Runtime",
    "Tier",
    "load_catalogue",
]
