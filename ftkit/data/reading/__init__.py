"""The reading room: bytes of a file come in block by block, leave as records with their place, or as faults.

Nothing here holds more than one row and a few blocks: `text` (what is in the file, uncompressed), then a reader for each
kind of file. Offsets always count bytes of the uncompressed text.
"""
