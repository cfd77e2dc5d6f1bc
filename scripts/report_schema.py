"""Writes docs/report.schema.json: the JSON schema of the report of `netspec check --format json`."""

from __future__ import annotations

import json
from pathlib import Path

from netspec.report.schema import Report

TARGET = Path(__file__).resolve().parent.parent / "docs" / "report.schema.json"


def schema_text() -> str:
    schema = Report.model_json_schema(mode="serialization", by_alias=True)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(schema_text(), encoding="utf-8")
