"""A client of WebSockets as browsers have it, without packages: exec, logs and a watch in each protocol."""

import base64
import os
import re
import socket
import ssl
import struct
import sys
import tempfile

HOST, PORT = "127.0.0.1", 16443
POD = "/api/v1/namespaces/default/pods/websocket"
CLOSE = 8


def trust(kubeconfig):
    text = open(kubeconfig).read()
    context = ssl.create_default_context()
    context.check_hostname = False
    with tempfile.TemporaryDirectory() as folder:
        def file(name):
            path = os.path.join(folder, name)
            with open(path, "wb") as out:
                out.write(base64.b64decode(re.search(name + r": *(\S+)", text).group(1)))
            return path
        context.load_verify_locations(file("certificate-authority-data"))
        context.load_cert_chain(file("client-certificate-data"), file("client-key-data"))
    return context


class WebSocket:
    def __init__(self, context, path, protocol):
        self.socket = context.wrap_socket(socket.create_connection((HOST, PORT), timeout=30))
        listed = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{listed}\r\n"
        ).encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.head = head.decode().lower()
        assert " 101 " in self.head, (protocol, head, self.buffer)
        assert not protocol or f"sec-websocket-protocol: {protocol}" in self.head, self.head

    def fill(self):
        more = self.socket.recv(65536)
        if not more:
            raise EOFError(self.buffer)
        self.buffer += more

    def take(self, length):
        while len(self.buffer) < length:
            self.fill()
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken

    def send(self, message):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(message))
        self.socket.sendall(bytes([0x82, 0x80 | len(message)]) + mask + masked)

    def receive(self):
        first, length = self.take(2)
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        return first & 15, self.take(length)

    def rest(self):
        """The messages up to the close."""
        messages = []
        while True:
            kind, message = self.receive()
            if kind == CLOSE:
                return messages
            messages.append(message)


def check(name, got, wanted):
    assert got == wanted, f"{name}: {got} instead of {wanted}"


def main(kubeconfig):
    context = trust(kubeconfig)

    def exec_of(protocol, command):
        words = "&".join(f"command={word}" for word in command)
        return WebSocket(context, f"{POD}/exec?container=server&{words}&stdin=true&stdout=true&stderr=true", protocol)

    success = b'{"apiVersion":"v1","kind":"Status","metadata":{},"status":"Success"}'
    fifth = exec_of("v5.channel.k8s.io", ["cat"])
    fifth.send(b"\0in")
    fifth.send(b"\xff\0")
    check("v5", fifth.rest(), [b"\1", b"\1in", b"\3" + success])
    for protocol in ["", "channel.k8s.io"]:
        check(protocol, exec_of(protocol, ["echo", "out"]).rest(), [b"\1", b"\1out\n"])
        failed = exec_of(protocol, ["false"]).rest()
        check(protocol, failed, [b"\1", b"\3command terminated with non-zero exit code: exit code 1"])
    check("base64", exec_of("base64.channel.k8s.io", ["echo", "out"]).rest(), [b"1", b"1b3V0Cg=="])
    ended = b"3" + base64.b64encode(success)
    check("v4 in text", exec_of("v4.base64.channel.k8s.io", ["echo", "out"]).rest(), [b"1", b"1b3V0Cg==", ended])

    log = f"{POD}/log?container=talker"
    for protocol in ["", "binary.k8s.io"]:
        told = WebSocket(context, log, protocol).rest()
        check(protocol, (told[0], b"".join(told)), (b"", b"it is said\n"))
    told = WebSocket(context, log, "base64.binary.k8s.io").rest()
    check("a log in text", b"".join(base64.b64decode(part) for part in told), b"it is said\n")

    watch = WebSocket(context, "/api/v1/namespaces?watch=true&fieldSelector=metadata.name=default", "")
    kind, event = watch.receive()
    assert kind == 1 and event.startswith(b'{"type":"ADDED","object":{"kind":"Namespace"'), event
    print("every check passed")


main(sys.argv[1])
