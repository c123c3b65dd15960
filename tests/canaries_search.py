"""Where planted secrets turn up: everything that was said or left behind, by output, searched for all of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.faults.canaries import CANARIES, PLACES, Canary, find_canaries


def of(place: str) -> list[Canary]:
    """The canaries of one place."""
    return [canary for canary in CANARIES if canary.place == place]


def one_line(place: str) -> list[Canary]:
    """Those of a place that a header, an address or a line of a file can hold."""
    return [canary for canary in of(place) if "\n" not in canary.secret]


def labelled(canary: Canary) -> str:
    """How a careless program says a secret that nobody else knows: with a word beside it that tells what it is.

    A bare word of 32 hexadecimal digits, unknown to the environment, cannot be told from a hash.
    """
    secret, number = canary.secret, int(canary.name.rpartition("-")[2])
    if "\n" in secret:
        return f"key file:\n{secret}\nends"
    forms = (
        f"Authorization: Bearer {secret}",
        f"api_key={secret}",
        f'{{"x-api-key": "{secret}"}}',
        f"password: {secret}",
    )
    return forms[number % len(forms)]


class Search:
    """Texts and files by the name of the output that they are."""

    def __init__(self) -> None:
        self._outputs: dict[str, bytearray] = {}

    def put(self, output: str, said: bytes | str) -> None:
        """Something that was said."""
        text = said.encode("utf-8", "surrogateescape") if isinstance(said, str) else said
        self._outputs.setdefault(output, bytearray()).extend(text + b"\n")

    def put_home(self, home: Path) -> None:
        """Every file under an FTKIT_HOME, and the names of all. The spool holds the rows themselves."""
        for path in (path for path in home.rglob("*") if path.is_file()):
            parts = path.relative_to(home).parts
            if parts[0] == "uploads":
                output = "spool"
            elif "ledger.sqlite" in path.name:
                output = "ledger" + path.name.partition("ledger.sqlite")[2].rstrip("0123456789")
            else:
                output = f"{parts[0]}/" if len(parts) > 1 else "other files"
            self.put(output, path.read_bytes())
            self.put("names of files", str(path))

    def size(self, output: str) -> int:
        """Bytes that were searched of an output; a judge that looks at nothing finds nothing."""
        return len(self._outputs.get(output, b""))

    def said(self, output: str, *words: bytes) -> bool:
        """True where all these words stand in an output."""
        return all(word in self._outputs.get(output, b"") for word in words)

    def found(self) -> dict[tuple[str, str], list[str]]:
        """The names of the canaries in each output, by (place, output)."""
        found: dict[tuple[str, str], list[str]] = {}
        for output, said in self._outputs.items():
            for canary in find_canaries(bytes(said)):
                found.setdefault((canary.place, output), []).append(canary.name)
        return found

    def table(self) -> str:
        """Hits by place and output, and how much of each output there was."""
        hits = Counter({key: len(names) for key, names in self.found().items()})
        width = max(len(output) for output in self._outputs)
        lines = [" " * width + "       bytes" + "".join(f"  {place[:11]:>11}" for place in PLACES)]
        for output in self._outputs:
            cells = "".join(f"  {hits[place, output]:11}" for place in PLACES)
            lines.append(f"{output:{width}}  {self.size(output):10}{cells}")
        return "\n".join(lines)
