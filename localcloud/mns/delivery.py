"""Pushes messages to their subscribers: at least once, in no certain order, with MNS's retry strategies."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from localcloud.mns.messages import Message
from localcloud.mns.subscriptions import Push, Subscription

REMEMBERED_DELIVERIES = 200_000


@dataclass(frozen=True)
class Delivery:
    """One attempt to hand a message to a subscriber; the first attempt is 1."""

    message_id: str
    subscription: str
    attempt: int
    accepted: bool


@dataclass(frozen=True)
class Undelivered:
    """A message that a subscriber never accepted, after how many attempts, and why no more were made."""

    message: Message
    subscription: str
    attempts: int
    reason: str


def retry_delays(strategy: str) -> Iterator[float]:
    """The seconds before each retry (MNS's help page "NotifyStrategy").

    BACKOFF_RETRY: three retries, 10 to 20 s apart. EXPONENTIAL_DECAY_RETRY: 176 retries after 1, 2, 4 … 512 s
    and then 512 s each, a day in all.
    """
    if strategy == "BACKOFF_RETRY":
        return (random.uniform(10, 20) for _ in range(3))
    return (float(min(2**number, 512)) for number in range(176))


@dataclass
class _Parcel:
    """A message on its way to one subscriber."""

    message: Message
    subscription: Subscription
    push: Push
    attempts: int = 0
    refusal: str = ""


class Courier:
    """Delivers messages, each to each subscriber on its own, up to ``spread_seconds`` late."""

    def __init__(self, account_id: str, time_scale: float, spread_seconds: float) -> None:
        self._account_id = account_id
        self._time_scale = time_scale
        self._spread_seconds = spread_seconds
        self._stopped = False
        self._pending: dict[asyncio.Task[None], _Parcel] = {}
        self.deliveries: deque[Delivery] = deque(maxlen=REMEMBERED_DELIVERIES)
        self.undelivered: deque[Undelivered] = deque(maxlen=REMEMBERED_DELIVERIES)

    def send(self, message: Message, receivers: Sequence[tuple[Subscription, Push]], copies: int) -> None:
        """Begin to deliver so many copies of a message to each of the subscribers."""
        parcels = [_Parcel(message, *receiver) for receiver in list(receivers) * copies]
        if self._stopped:
            self._give_up(parcels, "the service was stopped")
            return
        random.shuffle(parcels)
        for parcel in parcels:
            # Without a delay of its own, a message would always arrive before those published later.
            delay = random.uniform(0, self._spread_seconds)
            task = asyncio.create_task(self._deliver(parcel, delay))
            self._pending[task] = parcel
            task.add_done_callback(self._pending.pop)

    def pending(self) -> Counter[str]:
        """How many deliveries are not yet decided, by topic."""
        return Counter(parcel.message.topic for parcel in self._pending.values())

    async def settled(self) -> None:
        """Wait until every message is accepted or given up."""
        while self._pending:
            await asyncio.wait(list(self._pending))

    async def stop(self) -> None:
        """Give up what is not yet delivered, and whatever is still sent."""
        self._stopped = True
        pending = dict(self._pending)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        cut_off = [parcel for task, parcel in pending.items() if task.cancelled()]
        self._give_up(cut_off, "the service was stopped")

    def _give_up(self, parcels: Iterable[_Parcel], reason: str) -> None:
        self.undelivered.extend(
            Undelivered(parcel.message, parcel.subscription.name, parcel.attempts, reason)
            for parcel in parcels
        )

    async def _deliver(self, parcel: _Parcel, delay: float) -> None:
        await asyncio.sleep(delay)
        for seconds in (*retry_delays(parcel.subscription.strategy), None):
            if await self._attempt(parcel):
                return
            if seconds is not None:
                await asyncio.sleep(seconds * self._time_scale)
        refusal = f", the last because: {parcel.refusal}" if parcel.refusal else ""
        self._give_up([parcel], f"every retry failed{refusal}")

    async def _attempt(self, parcel: _Parcel) -> bool:
        message, subscription = parcel.message, parcel.subscription
        content = subscription.content(message, self._account_id)
        parcel.refusal = ""
        try:
            accepted = await parcel.push(content)
        except Exception as error:
            # An endpoint that breaks has not accepted; MNS tries again, whatever the cause.
            accepted, parcel.refusal = False, str(error)
        parcel.attempts += 1
        self.deliveries.append(Delivery(message.message_id, subscription.name, parcel.attempts, accepted))
        return accepted
