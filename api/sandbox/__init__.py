"""The sandbox of partner systems, on the demo's own machine: a clock that moves, webhooks that are
received, scenarios, and a reset (docs/guides/sandbox.md). Only `make run` serves it."""
