"""The ledger's schema as numbered steps; `PRAGMA user_version` says how many have run."""

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        instance TEXT NOT NULL,
        scope TEXT NOT NULL,
        phase TEXT NOT NULL,
        status TEXT NOT NULL,
        raw_status TEXT NOT NULL,
        remote_id TEXT,
        error TEXT,
        plan TEXT NOT NULL,
        request TEXT NOT NULL,
        record TEXT,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        UNIQUE (fingerprint, attempt)
    ) STRICT;
    CREATE TABLE names (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        job TEXT NOT NULL REFERENCES jobs (id)
    ) STRICT;
    CREATE INDEX names_by_name ON names (name, seq);
    """,
)
