"""The two clients. They differ in how they wait, and in nothing else."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Self, TypeVar

import httpx2

from cairn_client._endpoints import (
    Change,
    Endpoints,
    Event,
    Page,
    Params,
    given,
    next_params,
    page_of,
)
from cairn_client._exchange import Document, NeedToken, Request, Send, Steps, Wait

T = TypeVar("T")


class Client(Endpoints[Document, Iterator[Page[Event]], Iterator[Page[Change]]]):
    """Waits for each answer; threads may share it. `with Client(…) as cairn:` closes it."""

    def items(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Go through all pages of a list, such as /v1/referrals or /v1/directory/services."""
        at: Params | None = given(params)
        while at is not None:
            said = self.request("GET", path, params=at)
            yield from said.get("items", said.get("contents", ()))
            at = next_params(said, at)

    def _feed(self, path: str, at: Params, follow: bool) -> Iterator[Page[Any]]:
        while True:
            page = page_of(self.request("GET", path, params=at))
            yield page
            if page.is_last and not follow:
                return
            if page.is_last:
                time.sleep(page.pause_s)
            at = page.onward(at)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _connect(self, timeout_s: float) -> None:
        self._http = httpx2.Client(timeout=timeout_s)
        self._lock = threading.Lock()

    def _ask(self, request: Request) -> Document:
        return self._take(self._exchange.answer(request))

    def _take(self, steps: Steps[T]) -> T:
        got: Any = None
        while True:
            try:
                step = steps.send(got)
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                got = self._do(step)
            except httpx2.TransportError as error:
                got = error

    def _do(self, step: Send | Wait | NeedToken) -> Any:
        if isinstance(step, Send):
            return self._http.request(step.method, step.url, **step.options)
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        with self._lock:
            return self._take(self._exchange.token(step.refused))


class AsyncClient(
    Endpoints[Awaitable[Document], AsyncIterator[Page[Event]], AsyncIterator[Page[Change]]]
):
    """The same for asyncio: what `Client` returns is awaited, what it iterates is `async for`."""

    async def items(self, path: str, **params: Any) -> AsyncIterator[dict[str, Any]]:
        """As `Client.items`."""
        at: Params | None = given(params)
        while at is not None:
            said = await self.request("GET", path, params=at)
            for one in said.get("items", said.get("contents", ())):
                yield one
            at = next_params(said, at)

    async def _feed(self, path: str, at: Params, follow: bool) -> AsyncIterator[Page[Any]]:
        while True:
            page = page_of(await self.request("GET", path, params=at))
            yield page
            if page.is_last and not follow:
                return
            if page.is_last:
                await asyncio.sleep(page.pause_s)
            at = page.onward(at)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def _connect(self, timeout_s: float) -> None:
        self._http = httpx2.AsyncClient(timeout=timeout_s)
        self._lock = asyncio.Lock()

    async def _ask(self, request: Request) -> Document:
        return await self._take(self._exchange.answer(request))

    async def _take(self, steps: Steps[T]) -> T:
        got: Any = None
        while True:
            try:
                step = steps.send(got)
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                got = await self._do(step)
            except httpx2.TransportError as error:
                got = error

    async def _do(self, step: Send | Wait | NeedToken) -> Any:
        if isinstance(step, Send):
            return await self._http.request(step.method, step.url, **step.options)
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        async with self._lock:
            return await self._take(self._exchange.token(step.refused))
