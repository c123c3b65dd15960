"""Take home what an account has tuned while OpenAI still has it, and look at whether it can be trained elsewhere.

    OPENAI_API_KEY=... python cookbook/rescue_openai.py

Only reads are sent, and nothing is spent. The last tuned models are switched off on 2027-01-14; how long OpenAI keeps the
files is not known. Whatever ends it, the same command goes on.
"""

from __future__ import annotations

import sys

import ftkit
import ftkit.types

ELSEWHERE = "local/smollm2-135m"


def main(to: str = "openai-history", elsewhere: str = ELSEWHERE) -> ftkit.types.Rescue:
    """Download the history into the folder `to`, then check each file of rows for the model `elsewhere`."""
    came = ftkit.rescue("openai", to)
    print(f"{came.jobs} jobs with {came.files} files ({came.bytes:,} bytes); open {came.page}")
    for missing in came.missing:
        print(f"not there: {missing.what} {missing.id} of {missing.job}: {missing.reason}")

    for job in ftkit.jobs():
        print(job.id, job.status)
    for file in sorted(came.folder.glob("files/*.jsonl")):
        report = ftkit.check(ftkit.load(file), model=elsewhere)
        errors = sum(finding.severity == "error" for finding in report.findings)
        print(f"{file.name}: {report.rows} rows, {errors} errors for {elsewhere}")
    return came


if __name__ == "__main__":
    sys.exit(0 if main().complete else 1)
