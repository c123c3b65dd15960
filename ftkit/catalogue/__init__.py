"""The catalogue: schema, loading and overriding of the facts that each backend's folder brings; code only, no figures."""

from ftkit.catalogue.overriding import Figure, Overrides
from ftkit.catalogue.schema import (
    Billing,
    Catalogue,
    Gpu,
    ImageFacts,
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
    "ModelFacts",
    "Overrides",
    "PackagedFile",
    "Range",
    "Rate",
    "RateUse",
    "Runtime",
    "Tier",
    "load_catalogue",
]
