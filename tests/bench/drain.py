"""The least that could be done: one connection that asks for everything at once, and drops what comes."""
import socket
import ssl
import time

from lib.account import Account


def drain(server, ca, user):
    """Seconds."""
    with Account.at(server, user) as account:
        quoted = [account._name(each.name).encode() for each in account.folders() if each.selectable]
    context = ssl.create_default_context(cafile=str(ca))
    literal = server.password.encode()
    pieces = [b"a LOGIN " + user.encode() + b" {%d+}\r\n" % len(literal) + literal + b"\r\n"]
    for name in quoted:
        pieces.append(b"b EXAMINE " + name + b"\r\nc UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\n")
    pieces.append(b"z LOGOUT\r\n")
    buffer = bytearray(1 << 18)
    start = time.monotonic()
    with context.wrap_socket(socket.create_connection((server.host, server.tls_port)), server_hostname=server.host) as line:
        line.sendall(b"".join(pieces))
        try:
            while line.recv_into(buffer):
                pass
        except ssl.SSLError: # hung up without a word
            pass
        return time.monotonic() - start
