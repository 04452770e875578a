//! The hardware of a station: EVSEs, cables, locks, meter, card reader, certificates, transfers, network and clock.
//!
//! It knows no message of OCPP. What happens to it is reported as an [`Event`]; a dialect decides what follows, and uses the
//! operations of [`Physical`].

mod battery;
mod certificates;
mod connection;
mod display;
mod evse;
mod external;
mod image;
mod local_list;
mod manual;
mod meter;
mod own_certificate;
mod secc;
mod terminal;
mod timers;
mod token_cache;
mod transfers;
mod vehicle;

pub use self::{
    battery::Battery,
    certificates::{Contract, Deleted, Installation, RootKind, Store},
    display::{Display, Screen},
    evse::{Allowance, Cost, Evse},
    external::{External, ExternalKind},
    image::runs,
    local_list::{LocalList, UpdateType},
    meter::Unit,
    own_certificate::{OwnCertificate, SigningRequest},
    terminal::{Settling, Terminal},
    timers::Timers,
    token_cache::{CachedToken, TokenCache},
    transfers::{TransferDone, Transfers},
    vehicle::{ContractRequest, Control, EvSession, Identification, Modern},
};
use super::{StationSetup, Vehicle};
use crate::{
    clock::{Clock, ocpp_time},
    link::{ConnId, LinkCommand, Network, Secret},
    protocol::Protocol,
    simulator::faults::FaultyLink,
};

/// A token as the reader reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What is on it.
    pub text: String,
    /// What kind of token it is, in the words of whoever presents it; empty where nobody says.
    pub kind: String,
}

/// What a driver can limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// What it costs.
    Cost,
    /// The energy, Wh.
    Energy,
    /// The time, seconds.
    Time,
    /// The state of charge, percent.
    Soc,
}

/// Something that happened to the hardware. EVSEs are named by their index.
#[derive(Debug)]
pub enum Event {
    /// The connection to the CSMS is open.
    Connected,
    /// An attempt to connect has failed.
    ConnectionFailed {
        /// The certificate of the CSMS was refused.
        certificate: bool,
    },
    /// A message has arrived.
    Received(String),
    /// The connection is closed.
    Disconnected,
    /// The network is there again.
    NetworkBack,
    /// The power was away.
    PowerCycled {
        /// For so many seconds.
        away: u64,
    },
    /// A driver has entered a limit for the transaction.
    LimitEntered {
        /// EVSE.
        index: usize,
        /// What is limited.
        kind: LimitKind,
        /// To how much: money, Wh, seconds or percent.
        value: rust_decimal::Decimal,
    },
    /// An EV drove into the bay.
    DroveIn(usize),
    /// The EV drove out of the bay.
    DroveOut(usize),
    /// A cable or an EV was plugged in.
    Plugged(usize),
    /// The EV's end of a cable that stayed in the station was plugged in again.
    EvSidePlugged(usize),
    /// A plug was pulled.
    Unplugged {
        /// EVSE.
        index: usize,
        /// Only the EV's end was pulled.
        ev_side_only: bool,
        /// Energy was flowing.
        was_charging: bool,
        /// The EV was connected.
        was_connected: bool,
    },
    /// A driver presented a token; at this EVSE, or at a reader that serves all of them.
    TokenPresented(Option<usize>, Token),
    /// A driver pressed the start button.
    StartPressed(usize),
    /// A driver pressed the stop button.
    StopPressed(usize),
    /// Somebody chose on the master pass screen to stop the transaction of one EVSE, or all.
    MasterPassUsed(Option<usize>),
    /// The EV suspended charging (or is not ready for it), or resumed.
    EvSuspended {
        /// EVSE.
        index: usize,
        /// It suspended.
        suspended: bool,
    },
    /// The EV wants another charging schedule (ISO 15118).
    NeedsChanged(usize),
    /// An EV has ended its session (ISO 15118).
    SessionStopped(usize),
    /// Batteries were put into slots, or taken out.
    BatteriesMoved,
    /// A driver asked for priority charging, or ended it.
    PriorityWanted {
        /// EVSE.
        index: usize,
        /// Asked for it.
        wanted: bool,
    },
    /// The external system has said something of an EVSE.
    ExternalSystem(usize, External),
    /// The external system has given an EVSE a schedule, in a unit.
    ExternalSchedule(usize, crate::simulator::station::composite::Unit),
    /// The state of charge of an EV has changed.
    Charged,
    /// Somebody shook the station.
    Shaken,
    /// A lock that was jammed moves again.
    LockFreed {
        /// EVSE.
        index: usize,
        /// Connector.
        connector: u32,
    },
    /// A fault came, or went.
    FaultsChanged,
    /// A driver presented a payment card for this EVSE.
    CardPresented(usize),
    /// A driver typed in a VAT number at this EVSE.
    VatNumberEntered(usize, String),
    /// A file transfer has ended.
    Transferred(TransferDone),
}

/// Why a manual action can't be performed.
#[derive(Debug, PartialEq, Eq)]
pub struct NotPossible(pub String);

/// What a station is connected to.
#[derive(Debug)]
pub struct Surroundings {
    /// The network.
    pub network: Network,
    /// The clock.
    pub clock: Clock,
    /// The link to the CSMS.
    pub link: FaultyLink,
    /// Where the ends of file transfers go.
    pub transfers: tokio::sync::mpsc::UnboundedSender<TransferDone>,
}

/// What differs from product to product.
#[derive(Debug, Clone, Default)]
pub struct Equipment {
    /// TLS cipher suites; none stands for all.
    pub suites: Vec<String>,
    /// Protocols for file transfers; none stands for all.
    pub file_protocols: Vec<String>,
    /// An installer can remove the station's own certificate.
    pub removable_certificate: bool,
    /// It has a display for messages of the operator.
    pub display: bool,
    /// It swaps batteries: its EVSEs are slots.
    pub swaps_batteries: bool,
    /// It has a payment terminal.
    pub terminal: bool,
}

/// The hardware.
pub struct Physical {
    /// The version of OCPP that the station was built for: it names the WebSocket sub-protocol.
    pub protocol: &'static Protocol,
    /// Identity.
    pub identity: String,
    /// Basic authentication password.
    pub password: Secret,
    /// What differs from product to product.
    pub equipment: Equipment,
    /// Certificates.
    pub certificates: Store,
    /// EVSEs.
    pub evses: Vec<Evse>,
    /// The EV that speaks ISO 15118, if there is one.
    pub vehicle: Option<Vehicle>,
    /// The station as a whole has a fault.
    pub faulty: bool,
    /// The EVSE that a driver selected.
    pub selected: Option<usize>,
    /// The display, if it has one for messages of the operator.
    pub display: Option<Display>,
    /// The payment terminal, if it has one.
    pub terminal: Option<Terminal>,
    /// The memory of the local authorization list takes nothing.
    pub list_broken: bool,
    /// Customers whose data somebody stored.
    pub customers: Vec<String>,
    /// File transfers.
    pub transfers: Transfers,
    /// The link to the CSMS.
    pub link: FaultyLink,
    /// The open connection.
    pub conn: Option<ConnId>,
    next_conn: u32,
    network_up: bool,
    network: Network,
    clock: Clock,
}

impl Physical {
    /// The hardware of a product.
    pub fn new(
        protocol: &'static Protocol,
        setup: &StationSetup,
        equipment: Equipment,
        surroundings: Surroundings,
    ) -> Self {
        let swaps_batteries = equipment.swaps_batteries;
        Self {
            protocol,
            identity: setup.identity.clone(),
            password: protocol.semantics.password(&setup.password),
            display: equipment.display.then(Display::default),
            terminal: equipment.terminal.then(Terminal::default),
            equipment,
            certificates: Store::delivered(&setup.roots, &setup.manufacturer_roots, setup.certificate.clone()),
            evses: setup.pics.evses.iter().map(|evse| Evse::new(evse).with_battery(swaps_batteries)).collect(),
            vehicle: setup.vehicle.clone(),
            faulty: false,
            selected: None,
            list_broken: false,
            customers: Vec::new(),
            transfers: Transfers::new(surroundings.transfers),
            link: surroundings.link,
            conn: None,
            next_conn: 0,
            network_up: true,
            network: surroundings.network,
            clock: surroundings.clock,
        }
    }

    /// The wall time.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now().wall
    }

    /// The wall time as OCPP writes it.
    pub fn wall(&self) -> String {
        ocpp_time(self.now())
    }

    /// The index of an EVSE.
    pub fn index_of(&self, evse: u32) -> Option<usize> {
        self.evses.iter().position(|known| known.id == evse)
    }

    /// Sends a message over the open connection, if there is one.
    pub fn send(&mut self, text: String) {
        if let Some(conn) = self.conn {
            self.link.send(LinkCommand::Send(conn, text));
        }
    }

    /// Closes the open connection, if there is one. It counts as open until the link says that it is closed.
    pub fn close(&mut self, code: u16) {
        if let Some(conn) = self.conn {
            self.link.send(LinkCommand::Close(conn, code));
        }
    }
}
