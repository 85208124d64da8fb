"""Ids and invented names."""

from __future__ import annotations

import secrets
import time
import uuid

_ADJECTIVES = [
    "amber",
    "brisk",
    "calm",
    "clever",
    "crisp",
    "dapper",
    "eager",
    "fleet",
    "gentle",
    "golden",
    "hardy",
    "keen",
    "lively",
    "lucid",
    "mellow",
    "nimble",
    "patient",
    "plucky",
    "proud",
    "quick",
    "quiet",
    "rapid",
    "rustic",
    "sharp",
    "silver",
    "smooth",
    "solid",
    "spry",
    "steady",
    "sunny",
    "swift",
    "tidy",
    "trusty",
    "vivid",
    "warm",
    "wise",
    "witty",
    "zesty",
]
_NOUNS = [
    "badger",
    "beacon",
    "birch",
    "brook",
    "canyon",
    "cedar",
    "comet",
    "condor",
    "coral",
    "crane",
    "delta",
    "ember",
    "falcon",
    "fern",
    "finch",
    "fjord",
    "glacier",
    "harbor",
    "heron",
    "ibis",
    "jay",
    "kestrel",
    "lagoon",
    "lark",
    "linden",
    "lynx",
    "maple",
    "marten",
    "meadow",
    "orchid",
    "osprey",
    "otter",
    "pine",
    "plover",
    "quartz",
    "raven",
    "reef",
    "robin",
    "sable",
    "sparrow",
    "spruce",
    "stork",
    "summit",
    "swallow",
    "tern",
    "thistle",
    "tundra",
    "walnut",
    "willow",
    "wren",
]


def new_uuid() -> str:
    """32 hex digits: a run's id."""
    return uuid.uuid4().hex


def invented() -> str:
    """A name to tell runs apart by, such as brisk-heron-417."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{secrets.randbelow(1000)}"


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000
