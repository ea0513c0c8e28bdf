"""Relays TCP and keeps what the client side wrote, to prove which encoding really was on the wire.

Without this proof a case named `grpc/gzip` would pass as well if the client forgot to compress.
"""

import re
import socket
import threading

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HTTP1_HEAD = re.compile(rb"POST [^\r]+ HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL)
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd", b"\x78\x9c": "deflate"}
GRPC_PREFIX = 5  # One byte says whether the message is compressed, four give its length.


class Tap:
    """Listens on a port of its own and relays every connection to `target`, a local port."""

    def __init__(self, target):
        self._target = target
        self._streams = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def forms(self):
        """The set of `transport/compression` of all requests seen so far."""
        return {form for written in list(self._streams) for form in wire_forms(bytes(written))}

    def stop(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # Stopped.
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            written = bytearray()
            self._streams.append(written)
            threading.Thread(target=_pump, args=(client, server, written), daemon=True).start()
            threading.Thread(target=_pump, args=(server, client, None), daemon=True).start()


def _pump(source, sink, written):
    try:
        while block := source.recv(65536):
            if written is not None:
                written += block
            sink.sendall(block)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


def wire_forms(written):
    """What `written`, all bytes of one connection from client to server, carried."""
    if written.startswith(HTTP2_PREFACE):
        return {_grpc_form(start) for start in _http2_bodies(written[len(HTTP2_PREFACE):])}
    return {_http_form(head) for head in HTTP1_HEAD.findall(written)}


def _http_form(head):
    lines = head.decode().split("\r\n")
    fields = dict((part.strip().lower() for part in line.split(":", 1)) for line in lines)
    json = fields["content-type"].startswith("application/json")
    return f"http-{'json' if json else 'proto'}/{fields.get('content-encoding', 'none')}"


def _grpc_form(start):
    compressed, magic = start[0], bytes(start[GRPC_PREFIX:GRPC_PREFIX + 2])
    return f"grpc/{MAGIC.get(magic, 'unknown') if compressed else 'none'}"


def _http2_bodies(frames):
    """The first bytes of the body of every stream."""
    bodies = {}
    while len(frames) >= 9:
        length, kind, flags = int.from_bytes(frames[:3], "big"), frames[3], frames[4]
        stream = int.from_bytes(frames[5:9], "big") & 0x7FFF_FFFF
        payload, frames = frames[9:9 + length], frames[9 + length:]
        if kind != 0:  # Only DATA frames carry the body.
            continue
        if flags & 0x8:
            payload = payload[1:len(payload) - payload[0]]
        bodies.setdefault(stream, bytearray()).extend(payload)
    return [body for body in bodies.values() if len(body) >= GRPC_PREFIX]
