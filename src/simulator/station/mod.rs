//! The reference charging station: it does what the specification demands of the product that the PICS describes.
//!
//! `physical/` is the hardware: EVSEs, cables, locks, meter, certificates, transfers. It knows no message of OCPP, reports
//! what happens to it, and offers operations. `dialect/` turns what happens into messages, and requests into operations: one
//! dialect for each version of OCPP.

pub mod composite;
mod dialect;
mod physical;
mod tariff;

use tokio::sync::mpsc;

use self::dialect::Dialect;
use super::{
    faults::{Faults, FaultyLink},
    operator::Request,
};
use crate::{
    clock::Clock,
    link::{Network, Secret},
    manual_action::ActionOutcome,
    pics::Pics,
};

/// How the station reaches its CSMS.
#[derive(Debug, Clone)]
pub struct NetworkProfile {
    /// `ws://…` or `wss://…`.
    pub url: String,
    /// 1, 2 or 3.
    pub security_profile: u8,
}

/// The EV that comes to the station, where it speaks ISO 15118.
#[derive(Debug, Clone, Default)]
pub struct Vehicle {
    /// Its contract certificate with what leads to the root, PEM, leaf first.
    pub contract: String,
    /// The V2G roots that it trusts, PEM.
    pub roots: String,
}

/// What a station is delivered with.
#[derive(Debug, Clone)]
pub struct StationSetup {
    /// The product.
    pub pics: Pics,
    /// Identity.
    pub identity: String,
    /// Basic authentication password.
    pub password: Secret,
    /// Network profiles by slot.
    pub profiles: Vec<(i64, NetworkProfile)>,
    /// Roots that it trusts, PEM.
    pub roots: String,
    /// Roots of its manufacturer, PEM: what signs its firmware comes from there.
    pub manufacturer_roots: String,
    /// Its certificate for security profile 3.
    pub certificate: Option<crate::link::Identity>,
    /// The EV that speaks ISO 15118; without one every EV charges by the control pilot alone.
    pub vehicle: Option<Vehicle>,
    /// Initial values of settings: `Component.Variable`, or configuration key → value.
    pub variables: Vec<(String, String)>,
    /// What goes wrong with its messages and connections; nothing with those of a sound product.
    pub faults: Faults,
}

/// Runs a station until its operator goes away.
pub async fn run(
    setup: StationSetup,
    network: Network,
    clock: Clock,
    mut requests: mpsc::UnboundedReceiver<Request>,
) -> std::io::Result<()> {
    let faults = setup.faults.clone();
    let link = FaultyLink::serve(faults, network.clone(), &[], std::collections::HashMap::new(), clock).await?;
    let (done, mut transfers) = mpsc::unbounded_channel();
    let mut station = dialect::of(setup, physical::Surroundings { network, clock, link, transfers: done });
    station.powered();
    loop {
        let wake = station.wake();
        let sleep = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            event = station.physical().link.next() => match event {
                Some((_, event)) => {
                    if let Some(event) = station.physical().linked(event) {
                        // Nothing on the network is refused: there is nobody to tell.
                        let _ = station.happened(event);
                    }
                }
                None => return Ok(()),
            },
            Some(done) = transfers.recv() => {
                let _ = station.happened(done.into());
            }
            request = requests.recv() => match request {
                Some(request) => operated(station.as_mut(), request),
                None => return Ok(()),
            },
            () = sleep => station.timers_due(),
        }
        station.send_next();
    }
}

/// Somebody does something to the station, or looks at it.
fn operated(station: &mut dyn Dialect, request: Request) {
    if request.action.action == "check-display" {
        let display = station.physical().display.as_ref();
        let outcome = display.map(|display| display.answer(&request.action.parameters));
        let none = || ActionOutcome::NotPossible("the station has no display for messages of the operator".into());
        let _ = request.done.send(outcome.unwrap_or_else(none));
        return;
    }
    if request.action.action == "check-cost" {
        let physical = station.physical();
        let evse = request.action.parameters.get("evse").and_then(serde_json::Value::as_u64);
        let evse = evse.and_then(|evse| physical.index_of(u32::try_from(evse).ok()?)).map(|at| &physical.evses[at]);
        let outcome = match evse {
            Some(evse) if physical.display.is_some() => {
                physical::Cost::answer(evse.cost.as_ref(), &request.action.parameters)
            }
            _ => ActionOutcome::NotPossible("there is no display that shows costs".into()),
        };
        let _ = request.done.send(outcome);
        return;
    }
    if request.action.action == "check-payment" {
        let terminal = station.physical().terminal.as_ref();
        let outcome = terminal.map(|terminal| terminal.answer(&request.action.parameters));
        let none = || ActionOutcome::NotPossible("there is no payment terminal".into());
        let _ = request.done.send(outcome.unwrap_or_else(none));
        return;
    }
    let performed = station.physical().perform(&request.action);
    let result = performed.and_then(|event| event.map_or(Ok(()), |event| station.happened(event)));
    let _ = request.done.send(match result {
        Ok(()) => ActionOutcome::Done,
        Err(physical::NotPossible(reason)) => ActionOutcome::NotPossible(reason),
    });
}
