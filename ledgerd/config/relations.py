"""What must hold between options, and addresses and names that must be right."""

from collections.abc import Iterator, Mapping
from typing import Final

from ledgerd.config.sections import MEMBERS, Sections
from ledgerd.security.identity import check_cluster_id
from ledgerd.security.tls import split_address

# Nobody finds the others but under the port that stands in a file.
_ANY_PORT: Final = frozenset({"listen.api", "listen.metrics"})


# (an option, how many times, the option that it is at least that many times)
_AT_LEAST: Final = (
    ("raft.election_base_ticks", 5, "raft.heartbeat_ticks"),
    ("raft.window_bytes", 1, "raft.append_bytes_max"),
    ("limits.inbox_bytes_max", 1, "limits.request_bytes_max"),
    ("storage.log_cap_bytes", 1, "storage.log_keep_bytes"),
    ("rails.lease_ms", 2, "rails.send_ms"),
)
_AT_MOST: Final = (("limits.call_deadline_ms_default", "limits.call_deadline_ms_max"),)
_TIMES: Final = {1: "", 2: "twice ", 5: "5 times "}


def relations() -> list[str]:
    """Return what must hold between options, a sentence each, in Markdown."""
    return [
        *(f"`{option}` is at least {_TIMES[n]}`{of}`." for option, n, of in _AT_LEAST),
        *(f"`{option}` is at most `{bound}`." for option, bound in _AT_MOST),
        "`node.id` is one of `cluster.members`; their ids and addresses differ.",
        "`listen.api`, `listen.peer` and `listen.metrics` differ.",
        "`security.insecure` permits loopback addresses only, else `security.ca`, "
        "`security.certificate` and `security.key` are all set.",
        "`security.head_certificate` and `security.head_key` are set together, with `security.ca`.",
    ]


def broken_relations(sections: Sections) -> Iterator[str]:
    """Yield what does not hold between options that are each good, and which names are bad."""
    for option, times, of in _AT_LEAST:
        least, found = times * _number(sections, of), _number(sections, option)
        if found < least:
            yield f"{option}: expected at least {_TIMES[times]}{of}, {least}, found {found}"
    for option, bound in _AT_MOST:
        most, found = _number(sections, bound), _number(sections, option)
        if found > most:
            yield f"{option}: expected at most {bound}, {most}, found {found}"
    if sections.rails.sandbox:
        yield from _broken_addresses({"rails.sandbox": sections.rails.sandbox})
    yield from _broken_names(sections)


def _number(sections: Sections, path: str) -> int:
    section, name = path.split(".")
    value = getattr(getattr(sections, section), name)
    assert isinstance(value, int), path
    return value


def _broken_names(sections: Sections) -> Iterator[str]:
    try:
        check_cluster_id(sections.cluster.id)
    except ValueError as error:
        yield f"cluster.id: {error}"
    members = sections.cluster.members
    ids = [member.id for member in members]
    if len(set(ids)) != len(ids):
        yield f"cluster.members: expected different ids, found {ids}"
    if sections.node.id not in ids:
        yield f"node.id: expected one of cluster.members, {ids}, found {sections.node.id}"
    addresses = {
        **{
            f"{MEMBERS}[{n}].peer_address": m.peer_address
            for n, m in enumerate(members, 1)
        },
        **{
            f"{MEMBERS}[{n}].api_address": m.api_address
            for n, m in enumerate(members, 1)
        },
    }
    yield from _broken_addresses(addresses)
    listen = sections.listen
    listening = {
        "listen.api": listen.api,
        "listen.peer": listen.peer,
        "listen.metrics": listen.metrics,
    }
    yield from _broken_addresses(
        {name: text for name, text in listening.items() if text}
    )


def _broken_addresses(addresses: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with addresses that must differ, port 0 excepted."""
    seen: dict[str, str] = {}
    for name, address in addresses.items():
        try:
            port_min = 0 if name in _ANY_PORT else 1
            _, port = split_address(address, port_min=port_min)
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        if port and address in seen:
            yield f"{name}: expected another address than {seen[address]}, found {address}"
        seen.setdefault(address, name)
