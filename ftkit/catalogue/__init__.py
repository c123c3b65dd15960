"""The catalogue: schema and loading of the facts that each backend's folder brings; code only, no figures."""

from ftkit.catalogue.schema import Catalogue, ModelFacts, PackagedFile, Rate, load_catalogue

__all__ = ["Catalogue", "ModelFacts", "PackagedFile", "Rate", "load_catalogue"]
