"""What anybody may ask of the directory, as a validator of HSDS reads it: paths from the root of
the API, and one server.

A validator sends each operation that the file names, also a DELETE, with the token that it was
given. So the file has only what needs no token. The rest is in openapi/v1.yaml.
"""

import json
import re
from typing import Any

PREFIX = "/v1/directory"
_REFERENCE = re.compile(r'"#/components/(\w+)/([^"]+)"')


def part(contract: dict[str, Any]) -> dict[str, Any]:
    """The public operations below PREFIX with all that they refer to; the paths begin where HSDS's
    do."""
    paths = {
        path.removeprefix(PREFIX) or "/": public
        for path, item in contract["paths"].items()
        if path == PREFIX or path.startswith(f"{PREFIX}/")
        if (public := {method: one for method, one in item.items() if is_public(one)})
    }
    components = _used(paths, contract["components"])
    schemes = contract["components"]["securitySchemes"]
    names = {
        name
        for item in paths.values()
        for operation in item.values()
        for need in operation.get("security", ())
        for name in need
    }
    components["securitySchemes"] = {name: schemes[name] for name in sorted(names)}
    tags = {tag for item in paths.values() for one in item.values() for tag in one["tags"]}
    return {
        "openapi": contract["openapi"],
        "info": contract["info"] | {"title": "Cairn: the directory of services (HSDS)"},
        "servers": [{"url": PREFIX}],
        "tags": [one for one in contract["tags"] if one["name"] in tags],
        "paths": paths,
        "components": components,
    }


def is_public(operation: dict[str, Any]) -> bool:
    """Whether it needs no token."""
    return {} in operation["security"]


def text(contract: dict[str, Any]) -> str:
    """`part` as the text of openapi/hsds.json."""
    return json.dumps(part(contract), ensure_ascii=False, indent=1) + "\n"


def _used(paths: dict[str, Any], components: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The components that these paths refer to, and those that these refer to."""
    found: dict[str, dict[str, Any]] = {}
    layer: Any = paths
    while layer:
        named = set(_REFERENCE.findall(json.dumps(layer)))
        layer = [
            found.setdefault(kind, {}).setdefault(name, components[kind][name])
            for kind, name in sorted(named)
            if name not in found.get(kind, {})
        ]
    return {kind: dict(sorted(named.items())) for kind, named in sorted(found.items())}
