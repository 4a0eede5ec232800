"""A client that sees each response of the scripted server as it is, for the tests of that server."""
import re
import socket

from .scripted import PASSWORD, USER


class Client:
    """Logged in.  A context manager; every wait ends with an error after ten seconds."""

    def __init__(self, server, *enable, select=None, context=None):
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        if context:
            self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self._file = self._socket.makefile("rb")
        self._count = 0
        self.response()
        self.do(b'LOGIN %s "%s"' % (USER.encode(), PASSWORD.replace("\\", "\\\\").replace('"', '\\"').encode()))
        if enable:
            self.do(b"ENABLE " + b" ".join(enable))
        if select:
            self.do(b"SELECT " + select)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def response(self):
        """The next one with its literals, without its CRLF; EOFError at the end of the connection."""
        text = b""
        while True:
            try:
                line = self._file.readline()
            except ConnectionError:
                line = b""
            if not line:
                raise EOFError
            text += line
            match = re.search(rb"\{(\d+)\}\r\n\Z", text)
            if not match:
                return text[:-2]
            text += self._file.read(int(match.group(1)))

    def command(self, text):
        """Sends it.  Returns the tag."""
        self._count += 1
        tag = b"c%d" % self._count
        self.send(tag + b" " + text + b"\r\n")
        return tag

    def until(self, tag):
        """(untagged responses without "* ", the tagged one without the tag)."""
        found = []
        while not (line := self.response()).startswith(tag + b" "):
            found.append(line.removeprefix(b"* "))
        return found, line[len(tag) + 1:]

    def ask(self, text):
        return self.until(self.command(text))

    def do(self, text):
        """The untagged responses of a command that must be done."""
        found, tagged = self.ask(text)
        assert tagged.startswith(b"OK"), tagged
        return found

    def tagged(self, text):
        return self.ask(text)[1]

    def told(self, count=1):
        """The next untagged responses, that come by themselves."""
        return [self.response().removeprefix(b"* ") for _ in range(count)]

    def idle(self):
        """Returns the tag to be waited for after done()."""
        tag = self.command(b"IDLE")
        found = []
        while not (line := self.response()).startswith(b"+"):
            found.append(line.removeprefix(b"* "))
        return tag, found

    def done(self, tag):
        self.send(b"DONE\r\n")
        return self.until(tag)
