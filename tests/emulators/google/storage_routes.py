"""Buckets and objects of Cloud Storage's JSON API; how objects come in is in `uploads.py`."""

from __future__ import annotations

import base64
import re
from typing import Any

from ..serving.exchange import Call, Reply, answer
from .book import Book
from .records import Bucket, StoredObject, crc32c, md5, stamp
from .refusals import StorageRefused


def bucket(book: Book, call: Call) -> Reply:
    """GET b/BUCKET"""
    found = book.bucket(call.ids["bucket"], call.scope)
    return _part(call, _shown(book, found))


def listing(book: Book, call: Call) -> Reply:
    """GET b/BUCKET/o: by name; a delimiter folds what lies below it into prefixes."""
    name = book.bucket(call.ids["bucket"], call.scope).name
    prefix, delimiter = call.argument("prefix") or "", call.argument("delimiter")
    found = sorted(
        (kept for kept in book.objects.values() if kept.bucket == name), key=lambda one: one.name
    )
    found = [kept for kept in found if kept.name.startswith(prefix)]
    folders: set[str] = set()
    if delimiter:
        plain = []
        for kept in found:
            rest = kept.name.removeprefix(prefix)
            if delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
            else:
                plain.append(kept)
        found = plain
    size = call.number("maxResults", 1000, 1, 5000)
    if token := call.argument("pageToken"):
        after = base64.urlsafe_b64decode(token.encode()).decode()
        found = [kept for kept in found if kept.name > after]
    rows, rest_of = found[:size], found[size:]
    data: dict[str, Any] = {"kind": "storage#objects"}
    if rows:
        data["items"] = [kept.shown(book.url) for kept in rows]
    if folders:
        data["prefixes"] = sorted(folders)
    if rest_of:
        data["nextPageToken"] = base64.urlsafe_b64encode(rows[-1].name.encode()).decode()
    return answer(data)


def retrieve(book: Book, call: Call) -> Reply:
    """GET b/BUCKET/o/OBJECT: what is known of it, or with alt=media its bytes."""
    kept = _object(book, call)
    if call.argument("alt") == "media":
        return download(book, call)
    return _part(call, kept.shown(book.url))


def download(book: Book, call: Call) -> Reply:
    """GET download b/BUCKET/o/OBJECT: its bytes, or those of a range."""
    kept = _object(book, call)
    content, status = kept.content, 200
    headers = {
        "x-goog-hash": f"crc32c={crc32c(content)},md5={md5(content)}",
        "x-goog-generation": str(kept.generation),
        "x-goog-stored-content-length": str(len(content)),
        "x-goog-stored-content-encoding": "identity",
    }
    if found := re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("range", "")):
        first = int(found[1])
        if first >= len(content):
            raise StorageRefused(416, "Requested range not satisfiable")
        last = min(int(found[2] or len(content)), len(content) - 1)
        headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
        content, status = content[first : last + 1], 206
    kept.reads += 1
    return Reply(
        status,
        body=content,
        media_type=kept.media_type,
        headers=headers,
        deviates=frozenset(("media",)),
    )


def delete(book: Book, call: Call) -> Reply:
    """DELETE b/BUCKET/o/OBJECT"""
    kept = _object(book, call)
    match = call.argument("ifGenerationMatch")
    if match is not None and match != str(kept.generation):
        raise StorageRefused(412, "At least one of the pre-conditions you specified did not hold.")
    del book.objects[kept.bucket, kept.name]
    return Reply(204, body=b"")


def _object(book: Book, call: Call) -> StoredObject:
    name, object = book.bucket(call.ids["bucket"], call.scope).name, call.ids["object"]
    kept = book.objects.get((name, object))
    if kept is None or call.argument("generation") not in (None, str(kept.generation)):
        raise StorageRefused(404, f"No such object: {name}/{object}")
    return kept


def _part(call: Call, data: dict[str, Any]) -> Reply:
    """Only the fields that were asked for; the whole is judged."""
    fields = call.argument("fields")
    if not fields or not re.fullmatch(r"[A-Za-z0-9,]+", fields):
        return answer(data)
    return answer({name: data[name] for name in fields.split(",") if name in data}, judged=data)


def _shown(book: Book, bucket: Bucket) -> dict[str, Any]:
    moment = stamp(book.clock.now())
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "selfLink": f"{book.url}/storage/v1/b/{bucket.name}",
        "name": bucket.name,
        "projectNumber": book.projects[bucket.project],
        "location": bucket.location,
        "locationType": "multi-region" if bucket.location in ("US", "EU") else "region",
        "storageClass": "STANDARD",
        "metageneration": "1",
        "etag": "CAE=",
        "timeCreated": moment,
        "updated": moment,
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
    }
