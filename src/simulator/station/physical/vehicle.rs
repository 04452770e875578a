//! The EV on an EVSE, as far as it speaks ISO 15118.

use jiff::Timestamp;

use super::Physical;
use crate::{certificate::Certificate, simulator::station::Vehicle};

/// How an EV identifies itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identification {
    /// By its contract certificate (Plug and Charge).
    Contract,
    /// By external means: its driver presents something.
    External,
}

/// What an EV asks of a contract pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContractRequest {
    /// A contract certificate.
    Install,
    /// A new one in the place of the one it has.
    Update,
}

/// How an EV that speaks ISO 15118-20 is told how much to charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// By a schedule.
    Scheduled,
    /// From moment to moment.
    Dynamic,
}

/// What an EV that speaks ISO 15118-20 asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modern {
    /// How it is told how much to charge.
    pub control: Control,
    /// It wants to give energy back, too.
    pub bidirectional: bool,
}

/// How an EV is set up for its next session.
#[derive(Debug, Clone, Copy, Default)]
pub struct EvSession {
    /// How it identifies itself; none where it does not speak ISO 15118.
    pub identification: Option<Identification>,
    /// What it asks for first.
    pub request: Option<ContractRequest>,
    /// What it asks for over ISO 15118-20, if it speaks that.
    pub modern: Option<Modern>,
    /// How many contracts it takes at once; only with ISO 15118-20.
    pub contracts: Option<u8>,
    /// It has changed its needs.
    pub renegotiated: bool,
    /// The energy that it wants instead of what every EV wants, Wh.
    pub wants: Option<u32>,
    /// When its driver leaves.
    pub leaves: Option<Timestamp>,
    /// Which of several schedules it takes, counted from 0.
    pub selects: u8,
}

/// The energy that an EV wants at first, Wh.
const WANTED: u32 = 20_000;
/// What it wants after it has changed its needs, Wh.
const WANTED_LATER: u32 = 12_000;

impl EvSession {
    /// The energy that it wants, Wh.
    pub fn energy_wanted(self) -> u32 {
        self.wants.unwrap_or(if self.renegotiated { WANTED_LATER } else { WANTED })
    }

    /// The request as EXI, which nobody but EV and contract pool reads: a header without options, and a body that stands for
    /// the request.
    pub fn exi(request: ContractRequest) -> Vec<u8> {
        let name: &[u8] = match request {
            ContractRequest::Install => b"CertificateInstallationReq",
            ContractRequest::Update => b"CertificateUpdateReq",
        };
        [&[0x80], name].concat()
    }
}

impl Physical {
    /// The EV on an EVSE, where it can use its contract: that takes TLS, and so a certificate of the station that the EV trusts.
    pub fn vehicle_with_contract(&self, index: usize, now: Timestamp) -> Option<&Vehicle> {
        let vehicle = self.vehicle.as_ref()?;
        let wants = self.evses[index].ev.identification == Some(Identification::Contract);
        let trusted = Certificate::chain(&vehicle.roots);
        (wants && self.evses[index].connected() && self.certificates.secc.is_trusted(&trusted, now)).then_some(vehicle)
    }
}
