"""ARM's objects as a judge of requests and answers: every field that there is, its type, and who may set it.

The table is drawn from azure-mgmt-cognitiveservices, to which a test holds it where that is installed. Unknown fields are
wrong, and in a request those that only the server sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

SCALARS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}
_RESOURCE = {"id": "str", "name": "str", "type": "str", "systemData": "SystemData"}
_MODEL = {
    "publisher": "str",
    "format": "str",
    "name": "str",
    "version": "str",
    "source": "str",
    "sourceAccount": "str",
    "callRateLimit": "CallRateLimit",
}
OBJECTS: Mapping[str, Mapping[str, str]] = {
    "Deployment": {
        **_RESOURCE,
        "sku": "Sku",
        "etag": "str",
        "tags": "{str}",
        "properties": "DeploymentProperties",
    },
    "DeploymentProperties": {
        "provisioningState": "str",
        "model": "DeploymentModel",
        "scaleSettings": "DeploymentScaleSettings",
        "capabilities": "{str}",
        "raiPolicyName": "str",
        "callRateLimit": "CallRateLimit",
        "rateLimits": "[ThrottlingRule]",
        "versionUpgradeOption": "str",
        "dynamicThrottlingEnabled": "bool",
        "currentCapacity": "int",
        "capacitySettings": "DeploymentCapacitySettings",
        "parentDeploymentName": "str",
        "spilloverDeploymentName": "str",
    },
    "DeploymentModel": _MODEL,
    "DeploymentScaleSettings": {"scaleType": "str", "capacity": "int", "activeCapacity": "int"},
    "DeploymentCapacitySettings": {"designatedCapacity": "int", "priority": "int"},
    "Sku": {"name": "str", "tier": "str", "size": "str", "family": "str", "capacity": "int"},
    "CallRateLimit": {"count": "float", "renewalPeriod": "float", "rules": "[ThrottlingRule]"},
    "ThrottlingRule": {
        "key": "str",
        "renewalPeriod": "float",
        "count": "float",
        "minCount": "float",
        "dynamicThrottlingEnabled": "bool",
        "matchPatterns": "[RequestMatchPattern]",
    },
    "RequestMatchPattern": {"path": "str", "method": "str"},
    "SystemData": {
        "createdBy": "str",
        "createdByType": "str",
        "createdAt": "iso-8601",
        "lastModifiedBy": "str",
        "lastModifiedByType": "str",
        "lastModifiedAt": "iso-8601",
    },
    "DeploymentListResult": {"nextLink": "str", "value": "[Deployment]"},
    "ModelListResult": {"nextLink": "str", "value": "[Model]"},
    "Model": {"model": "AccountModel", "kind": "str", "skuName": "str", "description": "str"},
    "AccountModel": {
        **_MODEL,
        "baseModel": "DeploymentModel",
        "isDefaultVersion": "bool",
        "skus": "[ModelSku]",
        "maxCapacity": "int",
        "capabilities": "{str}",
        "finetuneCapabilities": "{str}",
        "deprecation": "ModelDeprecationInfo",
        "replacementConfig": "ReplacementConfig",
        "modelCatalogAssetId": "str",
        "lifecycleStatus": "str",
        "systemData": "SystemData",
    },
    "ModelDeprecationInfo": {"fineTune": "str", "inference": "str", "deprecationStatus": "str"},
    "ErrorResponse": {"error": "ErrorDetail"},
    "ErrorDetail": {
        "code": "str",
        "message": "str",
        "target": "str",
        "details": "[ErrorDetail]",
        "additionalInfo": "[ErrorAdditionalInfo]",
    },
}
# Objects of which the emulator shows fewer fields than there are; those that it shows are among the real ones.
PARTS: Mapping[str, Mapping[str, str]] = {
    "Account": {
        **_RESOURCE,
        "kind": "str",
        "sku": "Sku",
        "location": "str",
        "properties": "AccountProperties",
    },
    "AccountProperties": {
        "provisioningState": "str",
        "endpoint": "str",
        "customSubDomainName": "str",
    },
    "ModelSku": {"name": "str", "usageName": "str", "capacity": "CapacityConfig"},
    "CapacityConfig": {"minimum": "int", "maximum": "int", "step": "int", "default": "int"},
}
SERVER_ONLY = {
    "Deployment": {"id", "name", "type", "systemData", "etag"},
    "DeploymentProperties": {
        "provisioningState",
        "capabilities",
        "callRateLimit",
        "rateLimits",
        "dynamicThrottlingEnabled",
    },
    "DeploymentModel": {"callRateLimit"},
    "DeploymentScaleSettings": {"activeCapacity"},
}
REQUIRED = {"Sku": {"name"}}


def wrong(kind: str, data: Any, *, asked: bool = False, place: str = "") -> str | None:
    """What is wrong with an object of this kind, None where nothing is; `asked`: it is a request."""
    place = place or kind
    if kind in SCALARS:
        right = isinstance(data, SCALARS[kind]) and (kind == "bool" or not isinstance(data, bool))
        return None if right else f"{place}: {data!r} is no {kind}"
    if kind == "iso-8601":
        return None if _is_time(data) else f"{place}: {data!r} is no time"
    if kind[0] in "[{":
        return _many(kind, data, asked, place)
    known = OBJECTS.get(kind) or PARTS.get(kind)
    if known is None:
        return f"{place}: the table has no {kind}"
    if not isinstance(data, dict):
        return f"{place}: {data!r} is no {kind}"
    closed = SERVER_ONLY.get(kind, set()) if asked else set()
    for name, value in data.items():
        if name not in known:
            return f"{place}: there is no field {name!r}"
        if name in closed:
            return f"{place}.{name}: only the server sets it"
        if value is not None:
            found = wrong(known[name], value, asked=asked, place=f"{place}.{name}")
            if found is not None:
                return found
    missing = sorted(REQUIRED.get(kind, set()) - set(data))
    return f"{place}: {missing[0]!r} is missing" if missing else None


def _many(kind: str, data: Any, asked: bool, place: str) -> str | None:
    inner = kind[1:-1]
    if not isinstance(data, list if kind[0] == "[" else dict):
        return f"{place}: {data!r} is no {kind}"
    items = enumerate(data) if isinstance(data, list) else data.items()
    found = (wrong(inner, one, asked=asked, place=f"{place}.{key}") for key, one in items)
    return next((one for one in found if one is not None), None)


def _is_time(data: Any) -> bool:
    try:
        return isinstance(data, str) and datetime.fromisoformat(data) is not None
    except ValueError:
        return False
