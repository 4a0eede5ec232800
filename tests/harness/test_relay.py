"""What the relay does to connections that wait."""
import socket

import pytest
from lib.relay import Relay


@pytest.fixture
def line():
    with socket.create_server(("127.0.0.1", 0)) as listener, Relay(listener.getsockname()[1]) as relay:
        client = socket.create_connection(("127.0.0.1", relay.port), timeout=10)
        server, _ = listener.accept()
        server.settimeout(10)
        with client, server:
            client.sendall(b"there")
            assert server.recv(10) == b"there"
            server.sendall(b"back")
            assert client.recv(10) == b"back"
            yield relay, client, server


def test_a_drop_ends_both_sides(line):
    relay, client, server = line
    relay.drop()
    assert client.recv(10) == b"" and server.recv(10) == b""


def test_a_reset_is_one_on_both_sides(line):
    relay, client, server = line
    relay.drop(reset=True)
    for side in (client, server):
        with pytest.raises(ConnectionResetError):
            side.recv(10)


def test_a_pulled_cable_delays_and_loses_nothing(line):
    relay, client, server = line
    relay.pull()
    client.sendall(b"up")
    server.sendall(b"down")
    server.settimeout(0.3)
    with pytest.raises(TimeoutError):
        server.recv(10)
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as another: # nobody says that there is nobody
        another.settimeout(0.3)
        with pytest.raises(TimeoutError):
            another.recv(10)
        relay.plug()
        server.settimeout(10)
        assert server.recv(10) == b"up" and client.recv(10) == b"down"
