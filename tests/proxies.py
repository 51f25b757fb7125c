"""A proxy on loopback that tunnels, in clear text or with TLS of its own; it keeps all it reads."""

import contextlib
import socket
import ssl
import threading

import trustme

USER, PASSWORD = "joe", "s3cretpr0xy"
ENCODED = "am9lOnMzY3JldHByMHh5"  # joe:s3cretpr0xy, as Basic has it
PROXY_HOST = "localhost"


def free_of_secrets(text):
    return PASSWORD not in text and ENCODED not in text


class TunnelProxy:
    """Leads every CONNECT to one port of this machine. `raw`: the bytes of all clients as they
    came over TCP; `requests`: what was asked, after decryption; `refuses`: instead of a tunnel."""

    def __init__(self, port, tls=False, refuses=None, folder=None, name=PROXY_HOST):
        self.port = port
        self.refuses = refuses
        self.raw = b""
        self.requests = []
        self.open = 0
        self._lock = threading.Lock()
        self._context = None
        if tls:
            ca = trustme.CA()
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert(name).configure_cert(self._context)
            self.ca_pem = ca.cert_pem.bytes()
        self._listener = socket.create_server(("127.0.0.1", 0))
        # What comes over TCP passes through here, so that it can be looked at.
        self._front = socket.create_server(("127.0.0.1", 0))
        self.address = "%s:%d" % (PROXY_HOST, self._front.getsockname()[1])
        scheme = "https" if tls else "http"
        self.url = "%s://%s:%s@%s" % (scheme, USER, PASSWORD, self.address)
        for work in (self._accept_raw, self._accept):
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        self._listener.close()
        self._front.close()

    def _accept_raw(self):
        while True:
            try:
                client, _ = self._front.accept()
                proxy = socket.create_connection(self._listener.getsockname())
            except OSError:
                return
            with self._lock:
                self.open += 1
            threading.Thread(target=carry, args=(client, proxy, self._keep), daemon=True).start()
            threading.Thread(
                target=carry, args=(proxy, client, None, self._closed), daemon=True
            ).start()

    def _keep(self, data):
        with self._lock:
            self.raw += data

    def _closed(self):
        with self._lock:
            self.open -= 1

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError):
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(4096)
                if not data:
                    client.close()
                    return
                head += data
            self.requests.append(head.decode("latin-1"))
            if self.refuses is not None:
                client.sendall(self.refuses)
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=carry, args=(client, server), daemon=True).start()
            carry(server, client)


def carry(source, target, keep=None, at_end=None):
    """Hand over what comes, then end both."""
    with contextlib.suppress(OSError, ValueError):
        while True:
            data = source.recv(65536)
            if not data:
                break
            if keep is not None:
                keep(data)
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
    if at_end is not None:
        at_end()
