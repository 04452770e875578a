//! Sections of a bench file that only some products need: what their profiles and their version of OCPP are about.

use crate::pics::{Pics, Profile, SutKind};

/// What a charging session over ISO 15118 needs; the key `emaid` of the tokens belongs to it.
const ISO_15118: &str = "\
# ISO 15118. The EV has a contract certificate of the eMAID that the token `emaid` names: contract.pem and contract.key in the
# folder of the authority, made for the first run, with v2g-root.pem and mo-root.pem above.
iso15118:
  secc-id: NLATTS00000001
  # What an EV and its contract pool say to each other (EXI in base64), for the test cases that install or update a contract
  # certificate: messages of a real session with this EV. Those that end with 20 are of an EV with ISO 15118-20 (OCPP 2.1), the others of
  # one with ISO 15118-2. Empty: those test cases are inconclusive.
  install-request: \"\"
  install-response: \"\"
  update-request: \"\"
  update-response: \"\"
  install-request-20: \"\"
  install-response-20: \"\"

";

const DISPLAY: &str = "\
# The station's display: its component, where messages have to name one, and what it shows. `display-message-offset` is how far ahead a
# message begins or ends, so that a person has the time to look.
display: { name: \"\", instance: \"\", evse: 0 }
display-message: ocpp-attest test message
display-address: \"https://example.com/\"
display-message-offset: 60
language: en
# The currency in which the station shows costs (TariffCostCtrlr.Currency), a code of ISO 4217.
currency: EUR

";

const MONITORING: &str = "\
# What is monitored: a variable with a number and one with a state, written Component[evse].Variable; empty: the power and the
# availability of the EVSE above, which change with a charging session. A severity from 0 to 8, and the id of a preconfigured
# monitor; 0: the first that the station reports.
monitoring:
  number: \"\"
  state: \"\"
  upper-threshold: 100
  lower-threshold: 10
  delta: 100
  severity: 5
  preconfigured-monitor: 0

";

const PAYMENT: &str = "\
# The reference of a payment at a kiosk or on a web page, and two VAT numbers that a driver enters: only the first is valid.
payment-reference: PSPREF0001
vat-number: NL123456789B01
vat-number-invalid: NL000000000B00

";

const PAYMENT_OF_CSMS: &str = "\
# The reference of a payment, and two VAT numbers: the CSMS finds only the first valid. `payment`: the last digits of the card that is
# presented at its kiosk, and what the QR codes of our station are made with, which the CSMS is told (WebPaymentsCtrlr).
payment-reference: PSPREF0001
vat-number: NL123456789B01
vat-number-invalid: NL000000000B00
payment: { card: \"1234\", web-address: \"https://pay.example.com\", shared-secret: attest-qr-code-secret }

";

/// The sections that the profiles of a product ask for.
pub(super) fn of(pics: &Pics) -> String {
    let station = pics.sut == SutKind::ChargingStation;
    let sections = [
        (Profile::ISO_15118, true, ISO_15118),
        (Profile::ADVANCED_USER_INTERFACE, station, DISPLAY),
        (Profile::ADVANCED_DEVICE_MANAGEMENT, station, MONITORING),
    ];
    let wanted = sections.into_iter().filter(|(profile, of_this_side, _)| *of_this_side && pics.supports(*profile));
    let payment = pics.is_yes("P-0").then_some(if station { PAYMENT } else { PAYMENT_OF_CSMS });
    wanted.map(|(_, _, text)| text).chain(payment).collect()
}

/// The tokens that not every bench has. OCPP 1.6 knows neither a master pass nor an eMAID.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens {
    pub(super) master_pass: bool,
    pub(super) emaid: bool,
    pub(super) prepaid: bool,
    /// What a CSMS with payments knows of its drivers.
    pub(super) accounts: bool,
}

/// The section of the tokens.
pub(super) fn tokens(these: Tokens) -> String {
    let Tokens { master_pass, emaid, prepaid, accounts } = these;
    let mut text = "\
# Tokens. valid, same-group and other are known and accepted; the others are refused as their names say, and `unknown` is known to
# nobody. Each must be a card of its own. Write here what the reader reads.
tokens:
"
    .to_owned();
    let of =
        |name: &str, token: &str, more: &str| format!("  {name}: {{ idToken: \"{token}\", type: ISO14443{more} }}\n");
    text.push_str(&of("valid", "D001D001", ", group: GROUP1"));
    text.push_str(&of("same-group", "D001D002", ", group: GROUP1"));
    text.push_str(&of("other", "D001D003", ""));
    if master_pass {
        text.push_str(&of("master-pass", "D001D009", ", group: MASTERPASS"));
    }
    for (name, token) in
        [("invalid", "BAD00001"), ("blocked", "BAD00002"), ("expired", "BAD00003"), ("unknown", "BAD00004")]
    {
        text.push_str(&of(name, token, ""));
    }
    if prepaid {
        text.push_str("  # A card with money on it.\n");
        text.push_str(&of("prepaid", "D001D00A", ""));
    }
    if accounts {
        text.push_str("  # A card without money on it, which the CSMS answers with NoCredit.\n");
        text.push_str(&of("no-credit", "BAD00005", ""));
        text.push_str("  # A driver with a tariff: 0.25 for a kWh, 0.10 for a minute without energy, 0.50 as a fee, each with 20 % VAT.\n");
        text.push_str(&of("driver-tariff", "D001D011", ""));
    }
    if emaid {
        text.push_str("  # The contract of the EV.\n  emaid: { idToken: \"NLATTC00000001\", type: eMAID }\n");
    }
    text
}
