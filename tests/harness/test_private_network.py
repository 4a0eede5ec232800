"""The private network has an address that is reached there and not from outside."""
import socket

import pytest
from lib import private_network


def test_its_address_is_reached_only_inside():
    if not private_network.available():
        pytest.skip("only root can make a private network")
    ports = []

    def scene(address):
        server = socket.create_server((address, 0))
        ports.append(server.getsockname()[1])
        with socket.create_connection((address, ports[0]), timeout=5) as client:
            assert client.getpeername()[0] == address
        server.close()

    private_network.run(scene)
    assert ports

    def failing(address):
        raise ValueError(address)
    with pytest.raises(ValueError):
        private_network.run(failing)
    with pytest.raises(OSError), socket.create_server((private_network.ADDRESS, 0)):
        pass
