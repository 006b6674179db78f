"""The bodies of the contract's examples."""

import json
from typing import Any

from tests.support.ground.repository import contract


def example_of(media: dict[str, Any]) -> Any:
    """The example of a body, behind its reference."""
    if "example" in media:
        return media["example"]
    [name] = media["examples"]
    return contract()["components"]["examples"][name]["value"]


def example_body(operation: dict[str, Any]) -> bytes:
    """The example of an operation's body as it is sent; nothing where it has none."""
    media = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return json.dumps(example_of(media)).encode() if media else b""
