#!/usr/bin/env python3
"""validate_json.py SCHEMA FILE...: checks JSON files against a JSON Schema.

Prints the first error of each bad file; exits with the number of bad files.
"""
import json
import sys

from jsonschema import Draft202012Validator


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    bad = 0
    for name in sys.argv[2:]:
        with open(name, encoding="utf-8") as file:
            document = json.load(file)
        error = next(validator.iter_errors(document), None)
        if error is not None:
            print(f"{name}: {error.json_path}: {error.message[:200]}")
            bad += 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
