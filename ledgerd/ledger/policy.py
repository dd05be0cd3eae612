"""Which settings are in force at a log time, and which windows count a payout. 2.7, 7.2.

A pure function of all versions ever set. No version takes effect in the past, so what was in force
when a payout was accepted can be asked again when it ends: nothing is kept of it with the payout.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, TypeVar

from ledgerd.ledger.currencies import RETIRED_AT_FIRST, CurrencySet
from ledgerd.ledger.risk import Limit, LimitKind, LimitSet, Rule, RuleSet
from ledgerd.ledger.roles import RoleSet
from ledgerd.ledger.windows import WindowKey

Version = TypeVar("Version", LimitSet, RuleSet, RoleSet, CurrencySet)


class Bounded(NamedTuple):
    """A limit, and the window that it bounds."""

    limit: Limit
    window: WindowKey


class _Period(NamedTuple):
    """A stretch of log time with one version of the limits. slots: by currency, then by slot."""

    from_us: int
    slots: dict[int, dict[tuple[int, int, int, int], dict[bytes, Limit]]]


class _Asked(NamedTuple):
    """What is asked of the payouts of one currency: windows with their `since_us`."""

    per_payout: tuple[Limit, ...]
    windows: tuple[tuple[Limit, int], ...]


_NOTHING: Final = _Asked((), ())


class Policy:
    """All versions of limits, rules, roles and retired currencies, each sorted by version.

    Never changed.

    A version is in force from its log time on, until one with a later time or, at the same time, a
    higher version takes its place.
    """

    def __init__(
        self,
        limits: Sequence[LimitSet] = (),
        rules: Sequence[RuleSet] = (),
        roles: Sequence[RoleSet] = (),
        currencies: Sequence[CurrencySet] = (),
    ) -> None:
        self.limits = tuple(limits)
        self.rules = tuple(rules)
        self.roles = tuple(roles)
        self.currencies = tuple(currencies)
        self._limit_periods = [
            _Period(row.effective_from_us, _by_slot(row))
            for row in _in_time(self.limits)
        ]
        self._limit_starts = [period.from_us for period in self._limit_periods]
        self._rule_sets = _in_time(self.rules)
        self._rule_starts = [row.effective_from_us for row in self._rule_sets]
        self._role_sets = _in_time(self.roles)
        self._role_starts = [row.effective_from_us for row in self._role_sets]
        currency_sets = _in_time(self.currencies)
        self._currency_starts = [row.effective_from_us for row in currency_sets]
        self._retired = [RETIRED_AT_FIRST]
        self._retired += (frozenset(row.retired) for row in currency_sets)
        self._named = {
            limit.account_id for row in self.limits for limit in row.limits
        } - {b""}
        self._asked: dict[tuple[int, int, bytes], _Asked] = {}

    def limits_at(self, ts_us: int) -> LimitSet | None:
        """Return the limits in force at a log time; None if none were set by then."""
        return max(
            (row for row in self.limits if row.effective_from_us <= ts_us),
            key=_from,
            default=None,
        )

    def rules_at(self, ts_us: int) -> tuple[Rule, ...]:
        """Return the rules in force at a log time, in order."""
        at = bisect_right(self._rule_starts, ts_us) - 1
        return self._rule_sets[at].rules if at >= 0 else ()

    def roles_at(self, ts_us: int) -> RoleSet | None:
        """Return the roles in force at a log time; None if none were set by then."""
        at = bisect_right(self._role_starts, ts_us) - 1
        return self._role_sets[at] if at >= 0 else None

    def retired_at(self, ts_us: int) -> frozenset[int]:
        """Return the numbers of the currencies that are refused for new work at a log time."""
        return self._retired[bisect_right(self._currency_starts, ts_us)]

    def concerns(self, ts_us: int, currencies: Collection[int]) -> bool:
        """Return whether a setting in force may speak of a payout in one of these."""
        if self.currencies and not self.retired_at(ts_us).isdisjoint(currencies):
            return True
        if self.limits:
            at = bisect_right(self._limit_starts, ts_us) - 1
            if at >= 0 and not self._limit_periods[at].slots.keys().isdisjoint(
                currencies
            ):
                return True
        return bool(self.rules) and any(
            not rule.currency or rule.currency in currencies
            for rule in self.rules_at(ts_us)
        )

    def per_payout(
        self, ts_us: int, *, account_id: bytes, currency: int, rail: int
    ) -> list[Limit]:
        """Return the limits in force on one payout alone, in order."""
        asked = self._asked_at(ts_us, account_id, currency)
        return [limit for limit in asked.per_payout if limit.rail in (0, rail)]

    def windows(
        self,
        ts_us: int,
        *,
        account_id: bytes,
        livemode: bool,
        currency: int,
        fingerprint: bytes,
    ) -> list[Bounded]:
        """Return the windows that count a payout accepted at `ts_us`, with what bounds them."""
        found = []
        for limit, since_us in self._asked_at(ts_us, account_id, currency).windows:
            kind, window_us = limit.kind, limit.window_us
            subject = b""
            if kind is LimitKind.ACCOUNT_WINDOW:
                subject = account_id
            elif kind is LimitKind.DESTINATION_WINDOW:
                subject = fingerprint
            key = WindowKey(kind, livemode, currency, window_us, since_us, subject)
            found.append(Bounded(limit, key))
        return found

    def counts_windows(self) -> bool:
        """Return whether any version ever asked for a window."""
        return any(
            limit.kind is not LimitKind.PER_PAYOUT
            for row in self.limits
            for limit in row.limits
        )

    def _asked_at(self, ts_us: int, account_id: bytes, currency: int) -> _Asked:
        """Return what is asked of an account's payouts, worked out once for each period."""
        at = bisect_right(self._limit_starts, ts_us) - 1
        if at < 0:
            return _NOTHING
        named = account_id if account_id in self._named else b""
        known = self._asked.get((at, currency, named))
        if known is None:
            known = self._asked[at, currency, named] = self._ask(at, currency, named)
        return known

    def _ask(self, at: int, currency: int, named: bytes) -> _Asked:
        chosen = [
            by_account.get(named) or by_account.get(b"")
            for by_account in self._limit_periods[at].slots.get(currency, {}).values()
        ]
        limits = [limit for limit in chosen if limit is not None]
        return _Asked(
            tuple(row for row in limits if row.kind is LimitKind.PER_PAYOUT),
            tuple(
                (row, self._since_us(at, row, named))
                for row in limits
                if row.kind is not LimitKind.PER_PAYOUT
            ),
        )

    def _since_us(self, at: int, limit: Limit, named: bytes) -> int:
        """Return from when on the window was asked for without a break up to period `at`."""
        first = at
        while first and self._asks(first - 1, limit.slot, named):
            first -= 1
        return self._limit_periods[first].from_us

    def _asks(self, at: int, slot: tuple[int, int, int, int], named: bytes) -> bool:
        by_account = self._limit_periods[at].slots.get(slot[1], {}).get(slot, {})
        return named in by_account or b"" in by_account


def _by_slot(
    row: LimitSet,
) -> dict[int, dict[tuple[int, int, int, int], dict[bytes, Limit]]]:
    slots: dict[int, dict[tuple[int, int, int, int], dict[bytes, Limit]]] = {}
    for limit in sorted(row.limits):
        of_currency = slots.setdefault(limit.currency, {})
        of_currency.setdefault(limit.slot, {})[limit.account_id] = limit
    return slots


def _in_time(rows: Sequence[Version]) -> list[Version]:
    """Return the versions that are ever in force, by the time from which they are."""
    newest: dict[int, Version] = {}
    for row in sorted(rows, key=_from):
        newest[row.effective_from_us] = row
    return list(newest.values())


def _from(row: LimitSet | RuleSet | RoleSet | CurrencySet) -> tuple[int, int]:
    return row.effective_from_us, row.version
