"""Model folders from the Hugging Face hub: the local cache first, then a download of the few files that are needed.

The cache wins even where the hub has moved on, so that a run does not depend on the day; name a revision to move.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ftkit.errors import AuthError, FtkitError, NotFound, StorageError

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)

_PATTERNS = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "tekken.json",
    "tokenizer.model.v[237]",
    "*.safetensors",
    "model.safetensors.index.json",
]


def cached(hub_id: str, revision: str | None) -> Path | None:
    """The folder of a model that is in the local cache with its weights, or None. Never touches the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                hub_id, revision=revision, allow_patterns=_PATTERNS, local_files_only=True
            )
        )
    except LocalEntryNotFoundError:
        return None
    except HFValidationError as error:
        raise NotFound(f"{hub_id!r} is not the id of a model on the hub: {error}") from error
    return folder if _whole(folder) else None


def download(hub_id: str, revision: str | None) -> Path:
    """Fetch a model into the local cache; honours HF_HUB_OFFLINE, HF_ENDPOINT and HF_TOKEN.

    Raises AuthError for a gated or private model, NotFound for an unknown model or revision and where neither cache nor
    hub has it, StorageError where the disk does not take it.
    """
    from huggingface_hub import snapshot_download

    # HTTPError is the base class of the client's own HTTP library, whose name depends on the version
    from huggingface_hub.errors import (  # type: ignore[attr-defined]
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    wanted = hub_id if revision is None else f"{hub_id}@{revision}"
    page = f"https://huggingface.co/{hub_id}"
    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=_PATTERNS))
    except GatedRepoError as error:
        raise AuthError(
            f"{wanted} is gated: accept its terms at {page}, then log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise NotFound(
            f"the hub has no model {hub_id}; if it is private, log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise NotFound(
            f"{hub_id} has no revision {revision!r}; leave it out for the newest"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        # the client says "not in the cache" for an answer of the hub too, which is then the cause
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _answered(wanted, error.__cause__) from error
        raise NotFound(
            f"{wanted} is not in the local cache and the hub was not reached; connect to it once, or give the path of a "
            "folder that holds the model"
        ) from error
    except HfHubHTTPError as error:
        raise _answered(wanted, error) from error
    except HFValidationError as error:
        raise NotFound(f"{hub_id!r} is not the id of a model on the hub: {error}") from error
    except HTTPError as error:
        raise NotFound(
            f"fetching {wanted} broke off ({error}); try again, what has arrived is kept"
        ) from error
    except OSError as error:
        raise StorageError(f"{wanted} cannot be stored: {error.strerror or error}") from error


def _answered(wanted: str, error: HfHubHTTPError) -> FtkitError:
    status = error.response.status_code
    if status in (401, 403):
        return AuthError(
            f"the hub refused {wanted} ({status}): log in with `hf auth login` or set HF_TOKEN"
        )
    return NotFound(f"the hub did not give {wanted} ({status}); try again later: {error}")


def _whole(folder: Path) -> bool:
    """An interrupted download leaves a folder that lacks files; one with pickled weights alone is left to the checks."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        from ftkit_local.model_folder import read_json

        names = set(read_json(index).get("weight_map", {}).values())
        return all((folder / name).is_file() for name in names)
    return (folder / "model.safetensors").is_file()
