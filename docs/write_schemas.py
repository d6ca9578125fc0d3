"""Write the JSON Schemas of all formats into docs/schemas: ``python docs/write_schemas.py``."""  # noqa: INP001

from __future__ import annotations

import json
from pathlib import Path

from harness.core.schemas import json_schemas

FOLDER = Path(__file__).with_name("schemas")

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, schema in json_schemas().items():
        (FOLDER / f"{name}.schema.json").write_text(json.dumps(schema, indent=2) + "\n", "utf-8")
