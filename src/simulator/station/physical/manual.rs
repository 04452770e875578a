//! What people do to the station: cables, tokens, power, network.

use serde_json::Value;

use super::{
    ContractRequest, Control, EvSession, Event, External, Identification, LimitKind, Modern, NotPossible, Physical,
    Settling, Token,
};
use crate::{link::LinkCommand, manual_action::ManualAction, simulator::station::composite::Unit};

fn not_possible(reason: impl Into<String>) -> NotPossible {
    NotPossible(reason.into())
}

impl Physical {
    /// Performs a manual action; what the station notices of it is the event.
    pub fn perform(&mut self, action: &ManualAction) -> Result<Option<Event>, NotPossible> {
        let parameters = &action.parameters;
        let number = |name: &str| parameters.get(name).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let evse = number("evse").unwrap_or(1);
        let connector = number("connector").unwrap_or(1);
        let named = parameters.contains_key("evse");
        match action.action.as_str() {
            "power-cycle" => {
                let away = parameters.get("away").and_then(Value::as_u64).unwrap_or(0);
                return Ok(Some(Event::PowerCycled { away }));
            }
            "hard-wired-event" => return Ok(Some(Event::Shaken)),
            "network-down" => {
                self.network_up = false;
                if let Some(conn) = self.conn {
                    self.link.send(LinkCommand::Abort(conn));
                }
                return Ok(None);
            }
            "network-up" => {
                self.network_up = true;
                return Ok(Some(Event::NetworkBack));
            }
            action @ ("break-local-list" | "repair-local-list") => {
                self.list_broken = action == "break-local-list";
                return Ok(None);
            }
            action @ ("cause-fault" | "clear-fault") if !named => {
                self.set_faulty(action == "cause-fault");
                return Ok(Some(Event::FaultsChanged));
            }
            action @ ("take-batteries-out" | "put-batteries-in") => {
                let moved = self.fill_slots(action == "put-batteries-in");
                return moved.map(Some).ok_or_else(|| not_possible("this station swaps no batteries"));
            }
            "store-customer" => {
                self.customers.push(text("identifier"));
                return Ok(None);
            }
            "set-terminal" => {
                let Some(terminal) = &mut self.terminal else {
                    return Err(not_possible("there is no payment terminal"));
                };
                terminal.settling = match text("settlement").as_str() {
                    "rejected" => Settling::Rejects,
                    "failed" => Settling::Fails,
                    _ => Settling::Works,
                };
                return Ok(None);
            }
            "remove-certificate" => {
                if self.certificates.own.shown().is_some() && !self.equipment.removable_certificate {
                    return Err(not_possible("the certificate of this station can't be removed"));
                }
                self.certificates.own = super::OwnCertificate::default();
                return Ok(None);
            }
            _ => {}
        }
        let index = self.index_of(evse).ok_or_else(|| not_possible(format!("there is no EVSE {evse}")))?;
        Ok(match action.action.as_str() {
            action @ ("jam-lock" | "free-lock") => {
                if !self.jam(index, connector, action == "jam-lock") {
                    return Err(not_possible("the connector has no lock"));
                }
                (action == "free-lock").then_some(Event::LockFreed { index, connector })
            }
            action @ ("cause-fault" | "clear-fault") => {
                if !self.set_connector_faulty(index, connector, action == "cause-fault") {
                    return Err(not_possible(format!("there is no connector {connector}")));
                }
                Some(Event::FaultsChanged)
            }
            "drive-in" => {
                self.evses[index].bay = true;
                Some(Event::DroveIn(index))
            }
            "drive-out" => {
                self.evses[index].bay = false;
                Some(Event::DroveOut(index))
            }
            "connect-ev" | "reconnect-ev-side" => self.plug(index, connector),
            "disconnect-station-side" if self.evses[index].cable_held => {
                return Err(not_possible("the cable is locked"));
            }
            "disconnect-station-side" | "disconnect-ev" => {
                self.evses[index].plugged.is_some().then(|| self.unplug(index, false))
            }
            "disconnect-ev-side" => Some(self.unplug(index, true)),
            "select-evse" => {
                self.selected = Some(index);
                None
            }
            "present-token" => {
                let token = Token { text: text("token"), kind: text("type") };
                Some(Event::TokenPresented(named.then_some(index), token))
            }
            "present-payment-card" => Some(Event::CardPresented(index)),
            "enter-vat-number" => Some(Event::VatNumberEntered(index, text("number"))),
            "press-start" => Some(Event::StartPressed(index)),
            "press-stop" => Some(Event::StopPressed(index)),
            "stop-with-master-pass" => Some(Event::MasterPassUsed(named.then_some(index))),
            "ev-authorization" => {
                let identification = match text("method").as_str() {
                    "PnC" => Some(Identification::Contract),
                    "EIM" => Some(Identification::External),
                    _ => None,
                };
                if identification.is_some() && self.vehicle.is_none() {
                    return Err(not_possible("there is no EV that speaks ISO 15118"));
                }
                self.evses[index].ev = EvSession { identification, ..EvSession::default() };
                None
            }
            "ev-services" => {
                let evse = &mut self.evses[index];
                if evse.ev.identification.is_none() {
                    return Err(not_possible("the EV does not speak ISO 15118"));
                }
                let control = if text("control") == "ScheduledControl" { Control::Scheduled } else { Control::Dynamic };
                evse.ev.modern = Some(Modern { control, bidirectional: text("transfer") == "bidirectional" });
                evse.charging.then_some(Event::NeedsChanged(index))
            }
            "ev-certificate" => {
                let update = text("request") == "Update";
                let request = if update { ContractRequest::Update } else { ContractRequest::Install };
                self.evses[index].ev.request = Some(request);
                self.evses[index].ev.contracts = number("contracts").and_then(|most| u8::try_from(most).ok());
                None
            }
            "ev-renegotiate" => {
                let evse = &mut self.evses[index];
                if evse.ev.identification.is_none() || !evse.charging {
                    return Err(not_possible("no EV charges there that speaks ISO 15118"));
                }
                evse.ev.renegotiated = true;
                evse.ev.wants = number("energy").or(evse.ev.wants);
                evse.ev.leaves = text("departure").parse().ok().or(evse.ev.leaves);
                Some(Event::NeedsChanged(index))
            }
            "ev-select-schedule" => {
                let place = number("number").unwrap_or(1).saturating_sub(1);
                self.evses[index].ev.selects = u8::try_from(place).unwrap_or(0);
                None
            }
            "ev-stop" => {
                let evse = &self.evses[index];
                if evse.ev.identification.is_none() || !evse.charging {
                    return Err(not_possible("no EV charges there that speaks ISO 15118"));
                }
                Some(Event::SessionStopped(index))
            }
            action @ ("start-priority" | "end-priority") => {
                Some(Event::PriorityWanted { index, wanted: action == "start-priority" })
            }
            "external-schedule" => {
                let unit = Unit::of(&text("unit")).unwrap_or(Unit::Ampere);
                Some(Event::ExternalSchedule(index, unit))
            }
            "external-system" => Some(External::event(index, parameters)),
            "ev-charged" => {
                let percent = parameters.get("percent").and_then(Value::as_u64).unwrap_or(0);
                self.evses[index].state_of_charge = u8::try_from(percent.min(100)).unwrap_or(100);
                Some(Event::Charged)
            }
            "enter-limit" => {
                let kind = match text("kind").as_str() {
                    "cost" => LimitKind::Cost,
                    "energy" => LimitKind::Energy,
                    "time" => LimitKind::Time,
                    _ => LimitKind::Soc,
                };
                let value = parameters
                    .get("value")
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                let value = value.and_then(|value| value.parse().ok());
                let value = value.ok_or_else(|| not_possible("the limit is no number"))?;
                Some(Event::LimitEntered { index, kind, value })
            }
            "ev-not-ready" | "ev-suspend" => self.suspend(index, true),
            "ev-resume" => self.suspend(index, false),
            other => return Err(not_possible(format!("the simulated station does not support `{other}`"))),
        })
    }

    /// Plugs an EV in: the whole cable, or the EV's end of a cable that is in.
    pub fn plug(&mut self, index: usize, connector: u32) -> Option<Event> {
        let evse = &mut self.evses[index];
        if evse.connected() {
            return None;
        }
        evse.ev_side_out = false;
        if evse.plugged.is_none() {
            evse.plugged = Some(connector);
            return Some(Event::Plugged(index));
        }
        evse.ev_suspended = false;
        Some(Event::EvSidePlugged(index))
    }

    /// Pulls the EV's end of the cable, or the whole cable. The power path opens.
    pub fn unplug(&mut self, index: usize, ev_side_only: bool) -> Event {
        let evse = &mut self.evses[index];
        let (was_charging, was_connected) = (evse.charging && !evse.ev_suspended, evse.connected());
        evse.charging = false;
        evse.ev_suspended = false;
        evse.ev_side_out = ev_side_only && !evse.fixed_cable;
        if !evse.ev_side_out {
            evse.plugged = None;
        }
        Event::Unplugged { index, ev_side_only, was_charging, was_connected }
    }

    /// Lets the EV suspend charging, or resume.
    pub fn suspend(&mut self, index: usize, suspended: bool) -> Option<Event> {
        let evse = &mut self.evses[index];
        if evse.ev_suspended == suspended {
            return None;
        }
        evse.ev_suspended = suspended;
        Some(Event::EvSuspended { index, suspended })
    }
}
