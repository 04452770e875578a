#!/usr/bin/env python3
"""Does the manual actions of ocpp-attest at a charging station. Fill in what your station can do.

    ocpp-attest run … --operator exec:examples/station-adapter/adapter.py     one process for each action
    examples/station-adapter/adapter.py --serve 127.0.0.1:9070                a service, for
    ocpp-attest run … --operator http://127.0.0.1:9070/

Every method of `Station` is one manual action. It returns when the action is done; `raise NotPossible(reason)` makes the test case
inconclusive. The methods that begin with `check_` are questions: they return True for yes and False for no, which fails the test case.
Any other exception is a fault of this program, and the verdict is `error`.
Only Python's own library is needed.
"""

import json
import subprocess
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class NotPossible(Exception):
    """The action can't be done at this station, with the reason."""


def run(*command: str) -> None:
    """A command that must succeed, such as the station's own tool, a relay or a robot."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as why:
        raise NotPossible(f"{' '.join(command)}: {why.strerror}") from why
    if done.returncode != 0:
        raise NotPossible(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")


class Station:
    """What a person does at the station. What is not filled in is not possible."""

    # The station itself

    def power_cycle(self, away: int | None = None) -> None:
        """Switch it off and on: run("ssh", "station", "reboot"), or a socket that can be switched. With `away`, it has no power for so many seconds."""
        raise NotPossible("power_cycle is not filled in")

    def restore_sut(self, reason: str) -> None:
        """It is away; bring it back. Starting it again is often enough."""
        self.power_cycle()

    def network_down(self) -> None:
        raise NotPossible("network_down is not filled in")

    def network_up(self) -> None:
        raise NotPossible("network_up is not filled in")

    # The EV and its cable

    def drive_in(self, evse: int) -> None:
        """Nothing to do where no sensor watches the parking bay."""

    def drive_out(self, evse: int) -> None:
        """Nothing to do where no sensor watches the parking bay."""

    def connect_ev(self, evse: int, connector: int) -> None:
        raise NotPossible("connect_ev is not filled in")

    def disconnect_ev(self, evse: int, connector: int) -> None:
        raise NotPossible("disconnect_ev is not filled in")

    def disconnect_ev_side(self, evse: int, connector: int) -> None:
        raise NotPossible("disconnect_ev_side is not filled in")

    def reconnect_ev_side(self, evse: int, connector: int) -> None:
        raise NotPossible("reconnect_ev_side is not filled in")

    def disconnect_station_side(self, evse: int, connector: int) -> None:
        raise NotPossible("disconnect_station_side is not filled in")

    def ev_suspend(self, evse: int) -> None:
        raise NotPossible("ev_suspend is not filled in")

    def ev_not_ready(self, evse: int) -> None:
        raise NotPossible("ev_not_ready is not filled in")

    def ev_resume(self, evse: int) -> None:
        raise NotPossible("ev_resume is not filled in")

    def evse_suspend(self, evse: int) -> None:
        raise NotPossible("evse_suspend is not filled in")

    # ISO 15118

    def ev_authorization(self, evse: int, method: str) -> None:
        """`method` is PnC, EIM or none."""
        raise NotPossible("ev_authorization is not filled in")

    def ev_certificate(self, evse: int, request: str, contracts: int | None = None) -> None:
        """`request` is Install or Update."""
        raise NotPossible("ev_certificate is not filled in")

    def ev_renegotiate(self, evse: int, energy: int | None = None, departure: str | None = None) -> None:
        raise NotPossible("ev_renegotiate is not filled in")

    def ev_services(self, evse: int, control: str, transfer: str) -> None:
        raise NotPossible("ev_services is not filled in")

    def ev_charged(self, evse: int, percent: int) -> None:
        raise NotPossible("ev_charged is not filled in")

    def ev_select_schedule(self, evse: int, number: int) -> None:
        raise NotPossible("ev_select_schedule is not filled in")

    def ev_stop(self, evse: int) -> None:
        raise NotPossible("ev_stop is not filled in")

    # The driver

    def select_evse(self, evse: int) -> None:
        """Nothing to do where the driver selects nothing."""

    def present_token(self, token: str, type: str, evse: int | None = None) -> None:
        raise NotPossible("present_token is not filled in")

    def enter_limit(self, evse: int, kind: str, value: float) -> None:
        """`kind` is cost, energy (Wh), time (s) or soc (%): the most that the transaction may have."""
        raise NotPossible("enter_limit is not filled in")

    def press_start(self, evse: int) -> None:
        raise NotPossible("press_start is not filled in")

    def press_stop(self, evse: int) -> None:
        raise NotPossible("press_stop is not filled in")

    def stop_with_master_pass(self, evse: int | None = None) -> None:
        raise NotPossible("stop_with_master_pass is not filled in")

    # Faults and settings

    def jam_lock(self, evse: int, connector: int) -> None:
        raise NotPossible("jam_lock is not filled in")

    def free_lock(self, evse: int, connector: int) -> None:
        raise NotPossible("free_lock is not filled in")

    def cause_fault(self, evse: int | None = None, connector: int | None = None) -> None:
        raise NotPossible("cause_fault is not filled in")

    def clear_fault(self, evse: int | None = None, connector: int | None = None) -> None:
        raise NotPossible("clear_fault is not filled in")

    def break_local_list(self) -> None:
        raise NotPossible("break_local_list is not filled in")

    def repair_local_list(self) -> None:
        raise NotPossible("repair_local_list is not filled in")

    def store_customer(self, identifier: str) -> None:
        raise NotPossible("store_customer is not filled in")

    def change_variable(self, variable: str, wanted: str) -> None:
        raise NotPossible("change_variable is not filled in")

    def hard_wired_event(self) -> None:
        raise NotPossible("hard_wired_event is not filled in")

    def remove_certificate(self) -> None:
        raise NotPossible("remove_certificate is not filled in")

    def start_priority(self, evse: int) -> None:
        raise NotPossible("start_priority is not filled in")

    def end_priority(self, evse: int) -> None:
        raise NotPossible("end_priority is not filled in")

    def external_system(self, evse: int, gives: str, unit: str, amount: float | None = None) -> None:
        raise NotPossible("external_system is not filled in")

    def external_schedule(self, evse: int, unit: str) -> None:
        raise NotPossible("external_schedule is not filled in")

    def take_batteries_out(self) -> None:
        raise NotPossible("take_batteries_out is not filled in")

    def put_batteries_in(self) -> None:
        raise NotPossible("put_batteries_in is not filled in")

    # Questions

    def check_display(
        self, content: str, format: str, how: str, until: str | None = None, display: str | None = None
    ) -> bool:
        raise NotPossible("check_display is not filled in")

    def check_cost(self, evse: int, cost: float, kind: str, currency: str | None = None) -> bool:
        raise NotPossible("check_cost is not filled in")

    # Payments

    def present_payment_card(self, evse: int) -> None:
        raise NotPossible("present_payment_card is not filled in")

    def enter_vat_number(self, evse: int, number: str) -> None:
        raise NotPossible("enter_vat_number is not filled in")

    def set_terminal(self, settlement: str) -> None:
        raise NotPossible("set_terminal is not filled in")

    def check_payment(self, outcome: str, amount: float) -> bool:
        raise NotPossible("check_payment is not filled in")


def perform(asked: dict) -> tuple[bool, str]:
    """Does what is asked for: whether it is done (or yes), and a reason. NotPossible is left to the caller."""
    name = asked["action"].replace("-", "_")
    method = getattr(Station(), name, None)
    if method is None:
        raise NotPossible(f"this adapter has no action {asked['action']}")
    answer = method(**asked.get("parameters", {}))
    return answer is not False, "" if answer is not False else f"{asked['action']}: no"


def told(fault: Exception) -> str:
    """A fault of this program in one line, which the report has room for, with the place where it happened."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__}: {fault} ({last.name}, line {last.lineno})"


def once() -> int:
    """One action, as --operator exec: asks for it."""
    try:
        done, reason = perform(json.load(sys.stdin))
    except NotPossible as reason:
        print(reason, file=sys.stderr)
        return 1
    except Exception as fault:  # noqa: BLE001 (whatever it is, it is no answer; 1 would mean "not possible")
        print(told(fault), file=sys.stderr)
        return 3
    if not done:
        print(reason, file=sys.stderr)
    return 0 if done else 2


class Service(BaseHTTPRequestHandler):
    """Actions as --operator http:// posts them."""

    def do_POST(self) -> None:  # noqa: N802 (the name is http.server's)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            done, reason = perform(json.loads(body))
            status = 200 if done else 417
        except NotPossible as why:
            status, reason = 409, str(why)
        except Exception as fault:  # noqa: BLE001
            status, reason = 500, told(fault)
        answer = reason.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments) -> None:
        pass


def main() -> int:
    if len(sys.argv) == 3 and sys.argv[1] == "--serve":
        host, _, port = sys.argv[2].rpartition(":")
        ThreadingHTTPServer((host or "127.0.0.1", int(port)), Service).serve_forever()
    if len(sys.argv) > 1 and sys.argv[1].startswith("--"):
        print(__doc__, file=sys.stderr)
        return 3
    return once()


if __name__ == "__main__":
    sys.exit(main())
