"""Which addresses may be reached for a stranger."""

from ipaddress import ip_network

import pytest

from backend.errors import LinkRefused
from backend.outbound.addresses import check_url, is_reachable, reachable

PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::200e", "64:ff9b::808:808"]
REFUSED = [
    "0.0.0.0", "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "192.88.99.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001::1", "2001:0:4136:e378::",
    "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address):
    assert is_reachable(address)


@pytest.mark.parametrize("address", REFUSED)
def test_all_others_may_not(address):
    assert not is_reachable(address)


def test_a_trusted_network_may_be_reached_and_its_neighbour_not():
    trusted = [ip_network("10.1.0.0/16"), ip_network("fd00::/64")]
    assert is_reachable("10.1.2.3", trusted) and is_reachable("fd00::7", trusted)
    assert not is_reachable("10.2.0.1", trusted) and not is_reachable("fd00:0:0:1::7", trusted)


@pytest.mark.parametrize(
    "found", [[], ["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["no address"], OSError("no such name")]
)
def test_a_host_is_refused_for_any_of_its_addresses_and_always_alike(found):
    def resolve(host, port):
        if isinstance(found, OSError):
            raise found
        return found

    with pytest.raises(LinkRefused, match="does not lead to a public address"):
        reachable("files.example", 443, resolve=resolve)


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f.1", "::1", "a" * 300, "bücher..example"]
)
def test_every_spelling_of_an_inner_host_is_refused(host):
    with pytest.raises(LinkRefused):
        reachable(host, 80)


@pytest.mark.parametrize(
    "url",
    [
        "", "clip.mp4", "file:///etc/passwd", "ftp://files.example/a", "gopher://files.example/",
        "data:image/png;base64,AA==", "//files.example/a", "https://", "http:///a",
        "https://user@files.example/a", "https://user:word@files.example/a", "http://[::1/a",
        "http://files.example:22/", "http://files.example:25/", "http://files.example:0/",
        "http://files.example:99999/", "http://files.example:x/",
        "http://files.example/" + 2_048 * "a",
    ],
)  # fmt: skip
def test_what_is_no_link_of_the_web_is_refused(url):
    with pytest.raises(LinkRefused):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["http://files.example/a", "https://files.example:8443/a?b#c", "http://[2606:4700::1]/"]
)
def test_links_of_the_web_pass(url):
    check_url(url)
