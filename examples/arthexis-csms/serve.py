"""The CSMS Arthexis as it is, with stations and cards registered, and an HTTP request that sends a message to a station.

Arthexis sends what its own code asks for (`emit_v201_operation`); it has no API of its own for that. `POST /send/{station}/{Action}` asks it,
with the payload as the body, and answers with what became of it. With `TRIM_TIMES=yes` its times keep to three decimals, which makes visible what it
does beside that.
"""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

DATA = Path(os.environ.setdefault("ARTHEXIS_DATA_DIR", str(Path(__file__).resolve().parents[2] / "reports/arthexis")))
DATA.mkdir(parents=True, exist_ok=True)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arthexis.settings")

import django

django.setup()

from asgiref.sync import sync_to_async
from channels.routing import ProtocolTypeRouter
from django.contrib.auth.hashers import make_password
from django.core.management import call_command

from apps.cards.models import CardCredential
from apps.ocpp.models import Charger, MonitoringRecord, ProtocolOperation
from apps.ocpp.transport.operations import emit_v201_operation
from arthexis.asgi import application as product

STATIONS = [f"CS00{number}" for number in range(1, 9)]
PASSWORD = os.environ.get("OCPP_ATTEST_PASSWORD", "attest-bench-secret")
TRIM_TIMES = os.environ.get("TRIM_TIMES") == "yes"
CARDS = ["D001D001", "D001D002", "D001D003", "D001D009"]


def register() -> None:
    """Stations that must know their cards, and the cards."""
    call_command("migrate", interactive=False, verbosity=0)
    for identity in STATIONS:
        Charger.objects.update_or_create(
            identity=identity,
            defaults={
                "connection_token_hash": make_password(PASSWORD),
                "authorization_mode": Charger.AuthorizationMode.RESTRICTED,
            },
        )
    for card in CARDS:
        CardCredential.objects.update_or_create(external_id=card, defaults={"ocpp_id_tag": card})


async def body_of(receive) -> bytes:
    body = b""
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            return body


async def send(scope, receive, respond) -> None:
    """`POST /send/{station}/{Action}`"""
    _, _, identity, action = scope["path"].split("/", 3)
    payload = json.loads(await body_of(receive) or b"{}")
    try:
        charger = await sync_to_async(Charger.objects.get)(identity=identity)
        # The station may take its time to answer; whoever asked only wants to know that the message is on its way.
        sending = asyncio.create_task(emit_v201_operation(charger=charger, action=action, payload=payload, timeout=30))
        done, _ = await asyncio.wait({sending}, timeout=0.5)
        operation = sending.result() if done else None
        status, told = 200, {"status": operation.status if operation else "sent"}
        if operation and operation.last_delivery_error:
            status, told = 503, {"status": operation.last_delivery_error}
    except (ValueError, Charger.DoesNotExist) as error:
        status, told = 501, {"status": str(error)}
    await answer(respond, status, told)


def value_of(identity: str, component: str, variable: str):
    """What Arthexis has kept of a variable, the latest: in answers to its own messages, and in reports."""
    charger = Charger.objects.get(identity=identity)
    kept = []
    for operation in ProtocolOperation.objects.filter(charger=charger, action__in=("GetVariables", "SetVariables")):
        answered = (operation.response_payload or {}).get("getVariableResult", [])
        for item in answered or operation.request_payload.get("setVariableData", []):
            kept.append((operation.created_at, item, item.get("attributeValue")))
    for record in MonitoringRecord.objects.filter(charger=charger, event_type="NotifyReport"):
        for item in record.payload.get("reportData", []):
            kept.append((record.occurred_at, item, item["variableAttribute"][0].get("value")))
    kept.sort(key=lambda entry: entry[0])
    names = (component, variable)
    found = [value for _, item, value in kept if (item["component"]["name"], item["variable"]["name"]) == names]
    return found[-1] if found else None


async def show(scope, respond) -> None:
    """`GET /variables/{station}/{component}/{variable}`"""
    found = await sync_to_async(value_of)(*scope["path"].split("/")[2:5])
    await answer(respond, 404 if found is None else 200, {"value": found})


async def answer(respond, status: int, told: dict) -> None:
    headers = [(b"content-type", b"application/json")]
    await respond({"type": "http.response.start", "status": status, "headers": headers})
    await respond({"type": "http.response.body", "body": json.dumps(told).encode()})


async def http(scope, receive, respond) -> None:
    if scope["path"].startswith("/send/"):
        return await send(scope, receive, respond)
    if scope["path"].startswith("/variables/"):
        return await show(scope, respond)
    return await product(scope, receive, respond)


async def websocket(scope, receive, respond) -> None:
    # Arthexis has its stations below /ws/ocpp/ and wants a slash behind their identity, which stations do not send.
    if not scope["path"].endswith("/"):
        scope = dict(scope, path=scope["path"] + "/")

    async def trimmed(event) -> None:
        if TRIM_TIMES and event.get("text"):
            event = dict(event, text=re.sub(r"(:\d\d\.\d{3})\d+", r"\1", event["text"]))
        await respond(event)

    return await product(scope, receive, trimmed)


application = ProtocolTypeRouter({"http": http, "websocket": websocket})

if __name__ == "__main__":
    register()
    from daphne.cli import CommandLineInterface

    certificate, key = sys.argv[1:3]
    listen = f"ssl:9300:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    CommandLineInterface().run(["-e", listen, "-b", "127.0.0.1", "-p", "9370", "serve:application"])
