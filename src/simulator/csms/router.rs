//! The CSMS of many stations: who says what goes to the one that it concerns.

use std::collections::HashMap;

use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::{
    Csms, CsmsSetup,
    certificate_status::{CertificateStatus, Inquiry},
    endpoints::CsmsEndpoints,
};
use crate::{
    clock::Clock,
    link::{ConnId, EndpointId, LinkCommand, LinkEvent, Network},
    manual_action::ActionOutcome,
    simulator::{faults::FaultyLink, operator::Request},
};

/// Runs a CSMS until its operator goes away.
pub async fn run(
    setup: CsmsSetup,
    network: Network,
    clock: Clock,
    mut requests: mpsc::UnboundedReceiver<Request>,
) -> std::io::Result<()> {
    let stations: Vec<Csms> = setup.stations.iter().map(|station| Csms::new(&setup, station.clone(), clock)).collect();
    let addresses: Vec<(EndpointId, String)> =
        setup.endpoints.iter().map(|endpoint| (EndpointId(endpoint.profile), endpoint.address.clone())).collect();
    let policies = CsmsEndpoints::policies_for(stations.iter().map(|station| &station.common.endpoints));
    let link = FaultyLink::serve(setup.faults.clone(), network.clone(), &addresses, policies, clock).await?;
    let mut house = Router { link, stations, conns: HashMap::new(), network, clock, inquiries: JoinSet::new() };
    loop {
        let overdue = house.overdue();
        tokio::select! {
            biased;
            event = house.link.next() => match event {
                Some((_, event)) => house.linked(event),
                None => return Ok(()),
            },
            request = requests.recv() => match request {
                Some(request) => house.operated(request),
                None => return Ok(()),
            },
            Some(inquired) = house.inquiries.join_next() => {
                if let Ok((at, inquiry, found)) = inquired {
                    house.on(at, |station| station.inquired(inquiry, &found));
                }
            }
            () = tokio::time::sleep_until(overdue.unwrap_or_else(Instant::now)), if overdue.is_some() => {
                let now = Instant::now();
                for at in 0..house.stations.len() {
                    house.on(at, |station| {
                        if station.outstanding.as_ref().is_some_and(|call| call.until <= now) {
                            station.overdue();
                        }
                    });
                }
            }
        }
    }
}

struct Router {
    link: FaultyLink,
    stations: Vec<Csms>,
    /// Whose connection it is.
    conns: HashMap<ConnId, usize>,
    /// By which OCSP responders are reached.
    network: Network,
    clock: Clock,
    /// CALLs for which they are being asked.
    inquiries: JoinSet<(usize, Inquiry, Vec<Option<CertificateStatus>>)>,
}

impl Router {
    /// When the next answer of a station is overdue.
    fn overdue(&self) -> Option<Instant> {
        self.stations.iter().filter_map(|station| Some(station.outstanding.as_ref()?.until)).min()
    }

    /// Lets the CSMS of one station act, and does on the link what comes of it.
    fn on(&mut self, at: usize, act: impl FnOnce(&mut Csms)) {
        let Some(station) = self.stations.get_mut(at) else { return };
        act(station);
        let (orders, changed) =
            (std::mem::take(&mut station.orders), std::mem::take(&mut station.common.endpoints_changed));
        let inquiries = std::mem::take(&mut station.inquiries);
        for order in orders {
            self.link.send(order);
        }
        for inquiry in inquiries {
            let (network, clock) = (self.network.clone(), self.clock);
            self.inquiries.spawn(async move {
                let found = inquiry.ask(&network, clock).await;
                (at, inquiry, found)
            });
        }
        if changed {
            for (endpoint, policy) in
                CsmsEndpoints::policies_for(self.stations.iter().map(|station| &station.common.endpoints))
            {
                self.link.send(LinkCommand::SetPolicy(endpoint, policy));
            }
        }
    }

    fn linked(&mut self, event: LinkEvent) {
        let at = match &event {
            LinkEvent::Opened { conn, request, .. } => {
                let known = |station: &Csms| request.identity.as_deref() == Some(station.common.endpoints.identity());
                let Some(at) = self.stations.iter().position(known) else { return };
                self.conns.insert(*conn, at);
                Some(at)
            }
            LinkEvent::Closed { conn, .. } => self.conns.remove(conn),
            LinkEvent::Text { conn, .. } => self.conns.get(conn).copied(),
            _ => None,
        };
        if let Some(at) = at {
            self.on(at, |station| station.linked(event));
        }
    }

    fn operated(&mut self, request: Request) {
        let named = request.action.parameters.get("station").and_then(Value::as_str);
        let at = match named {
            None if self.stations.len() == 1 => Some(0),
            None => None,
            Some(named) => self.stations.iter().position(|station| station.common.endpoints.identity() == named),
        };
        let Some(at) = at else {
            let reason = format!("the CSMS does not know the station `{}`", named.unwrap_or_default());
            let _ = request.done.send(ActionOutcome::NotPossible(reason));
            return;
        };
        self.on(at, |station| station.operated(request));
    }
}
