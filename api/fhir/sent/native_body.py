"""The body of POST /v1/referrals that a Bundle says, and where in the Bundle each part of it stood:
what the native shape and the acts refuse is then said of the place that the sender knows."""

from typing import Any
from uuid import UUID

from api.fhir.sent.elements import not_supported
from permissions.errors import BadRequest, Refused


class NativeBody:
    """The body while it is put together. `agency_id`: the caller's own agency."""

    def __init__(self, agency_id: UUID) -> None:
        self.agency_id = agency_id
        self.values: dict[str, Any] = {}
        self.recipient: UUID | None = None
        self.identifiers: list[str] = []  # of the Task, as `system|value`
        self.subjects: list[str | None] = []  # whom its resources are about
        self._places: dict[str, str] = {}  # JSON pointer of the body: FHIRPath of the Bundle

    def put(self, name: str, value: Any, path: str) -> None:
        """Set a member. Raises BadRequest if it was set to something else."""
        if self.values.setdefault(name, value) != value:
            raise not_supported(path, "It says something else than another element does.")
        self._places.setdefault(f"/{name}", path)

    def add(self, name: str, value: Any, path: str) -> None:
        """Add to a list."""
        members = self.values.setdefault(name, [])
        self._places.setdefault(f"/{name}", path)
        self._places[f"/{name}/{len(members)}"] = path
        members.append(value)

    def put_field(self, name: str, text: str, path: str) -> None:
        """Set a field of the packet. Raises BadRequest if it is there already."""
        packet = self.values.setdefault("packet", {})
        if name in packet:
            raise not_supported(path, "This field of the packet is there twice.")
        packet[name] = text
        self._places[f"/packet/{name}"] = path

    def place(self, pointer: str, path: str) -> None:
        """Say where a part stood that was put together elsewhere."""
        self._places[pointer] = path

    def say_where(self, refusal: Refused) -> None:
        """Let a refusal of the body, or of an act, point into the Bundle."""
        refusal.pointer = self._expression(refusal.pointer)
        if isinstance(refusal, BadRequest):
            refusal.faults = [
                fault._replace(place=self._expression(fault.place)) for fault in refusal.faults
            ]

    def _expression(self, pointer: str | None) -> str | None:
        """Return the place of the longest part of the pointer that is known."""
        while pointer and pointer.startswith("/"):
            if pointer in self._places:
                return self._places[pointer]
            pointer = pointer.rpartition("/")[0]
        return pointer or None
