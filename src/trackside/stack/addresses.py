"""Under which addresses others reach this machine: as its cloud says, else as its network interfaces say."""

from __future__ import annotations

import ipaddress
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil

# Every large cloud answers at this address, from the machine itself; AWS's own variable names another.
_METADATA = "http://169.254.169.254"
_SECONDS = 1.0
ANY = ("0.0.0.0", "::")  # all addresses of this machine


def public_addresses(host: str) -> list[str]:
    """Addresses for people elsewhere, the public one first; only `host` itself if the stack listens on that alone."""
    if host not in ANY:
        return [host]
    interfaces = _interface_addresses(socket.AF_INET) + (
        _interface_addresses(socket.AF_INET6) if host == "::" else []
    )
    found = [address for address in (_cloud_address(), *interfaces) if address]
    return list(dict.fromkeys(found)) or [socket.gethostname()]


def public_host(host: str) -> str:
    """The one address to give to others."""
    return public_addresses(host)[0]


def _interface_addresses(family: socket.AddressFamily) -> list[str]:
    """Addresses of interfaces that are up, public ones first, none of the loopback or link-local."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = [
        ipaddress.ip_address(entry.address.partition("%")[0])
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if name in up and entry.family == family and not name.startswith(("docker", "br-", "veth"))
    ]
    usable = [address for address in found if not address.is_loopback and not address.is_link_local]
    return [
        str(address) for address in sorted(usable, key=lambda address: (address.is_private, int(address)))
    ]


def _cloud_address() -> str | None:
    """What the cloud's metadata service calls this machine's public IPv4 address; None outside of clouds."""
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(_quietly, (_like_ec2, _google, _azure)))
    return next((address for answer in answers if (address := _an_address(answer))), None)


def _quietly(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except (OSError, ValueError):  # no cloud, or not this one
        return ""


def _like_ec2() -> str:
    """Amazon's way, which OpenStack (Chameleon, many university clouds) answers too."""
    token = ""
    with suppress(urllib.error.HTTPError):  # the older way needs none
        token = _get("/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "PUT")
    headers = {"X-aws-ec2-metadata-token": token} if token else {}
    return _get("/latest/meta-data/public-ipv4", headers)


def _google() -> str:
    path = "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip"
    return _get(path, {"Metadata-Flavor": "Google"})


def _azure() -> str:
    path = "/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress"
    return _get(f"{path}?api-version=2021-02-01&format=text", {"Metadata": "true"})


def _get(path: str, headers: dict[str, str], method: str = "GET") -> str:
    base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", _METADATA)
    request = urllib.request.Request(f"{base}{path}", headers=headers, method=method)  # noqa: S310
    # No proxy: one would answer for another machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_SECONDS) as answer:
        text: bytes = answer.read(1000)
        return text.decode("ascii", "replace").strip()


def _an_address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
