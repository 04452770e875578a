"""What the examples built on the package `ocpp` share, whatever the version: who may enter, the HTTP API, and the servers."""

import argparse
import asyncio
import base64
import http
import json
import logging
import ssl
from datetime import datetime, timezone

from ocpp.charge_point import camel_to_snake_case
from ocpp.routing import on
from websockets.asyncio.server import serve


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def acknowledge(station, action, call_result, names):
    """Handlers for messages that need no more than to be acknowledged; the package finds handlers by the name of their function."""

    def handler_of(name):
        def handler(self, **_):
            return getattr(call_result, name)()

        handler.__name__ = f"acknowledge_{name}"
        return handler

    for name in names:
        handler = handler_of(name)
        setattr(station, handler.__name__, on(action(name))(handler))


async def ask_station(stations, call, identity, action, payload):
    """Sends a request, whose action is in kebab case; the request and the response, or an HTTP status with the reason."""
    name = "".join(word.capitalize() for word in action.split("-"))
    if identity not in stations:
        return None, None, (409, f"{identity} is not connected")
    if not hasattr(call, name):
        return None, None, (501, f"there is no request {name}")
    request = getattr(call, name)(**camel_to_snake_case(payload))
    response = await stations[identity].call(request, suppress=False)
    return request, response, (200, str(response))


def arguments(description, port, api_port, password):
    """The options that every example has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--api-port", type=int, default=api_port)
    parser.add_argument("--password", default=password)
    parser.add_argument("--certificate", help="PEM; without it there is no TLS")
    parser.add_argument("--key")
    return parser


def may_enter(password):
    """HTTP Basic authentication: the user is the identity at the end of the path."""

    def check(connection, request):
        identity = request.path.rsplit("/", 1)[-1]
        wanted = base64.b64encode(f"{identity}:{password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {wanted}":
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "who are you?\n")
        return None

    return check


def connected_as(station_class, stations):
    """What is done with a connection: its station is known as long as it lasts."""

    async def connected(connection):
        identity = connection.request.path.rsplit("/", 1)[-1]
        station = station_class(identity, connection)
        stations[identity] = station
        try:
            await station.start()
        finally:
            if stations.get(identity) is station:
                del stations[identity]

    return connected


def http_api(ask):
    """A server for requests: `ask` gets path and payload, and yields the status of the answer and its text."""

    async def api(reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = [line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(length[0])) if length else b"{}"
            status, said = await ask(head.split()[1], json.loads(body or b"{}"))
        except Exception as error:  # whatever it is, the caller is told
            logging.exception("the API failed")
            status, said = 500, f"{type(error).__name__}: {error}"
        body = f"{said}\n".encode()
        writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    return api


async def run(options, subprotocol, connected, ask):
    """Serves stations and the API until it is stopped."""
    logging.basicConfig(level=logging.WARNING)
    tls = None
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate, options.key)
    check = may_enter(options.password)
    await asyncio.start_server(http_api(ask), "127.0.0.1", options.api_port)
    async with serve(
        connected, "127.0.0.1", options.port, ssl=tls, subprotocols=[subprotocol], process_request=check
    ) as server:
        print("the CSMS listens", flush=True)
        await server.serve_forever()
