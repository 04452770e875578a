//! Payments: prepaid cards (C17), VAT numbers (C18), settlements (C21), payment kiosks (C24) and QR codes (C25).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{limits::Limit, variables::Variables};
use crate::{one_time_password::OneTimePassword, simulator::csms::tokens::Tokens};

/// What is on a prepaid card, in the station's currency.
const CREDIT: f64 = 25.0;
/// What a payment provider reserves for a payment.
const AUTHORISED: f64 = 50.0;
/// How long a station may keep an EVSE for somebody who pays on a page, seconds.
const PAGE_TIMEOUT: u64 = 120;
/// Most payments that are kept; the oldest goes.
const MAX_KEPT: usize = 1000;
/// Where receipts are.
const RECEIPTS: &str = "https://receipts.example.com";

/// The payments at a station.
#[derive(Debug, Default)]
pub(super) struct Payments {
    /// The secret of its QR codes, which it never reports.
    secret: Option<String>,
    /// The limits of payments that were authorised, by their references.
    authorised: BTreeMap<String, Limit>,
}

/// What a driver asks for by the address of a QR code.
#[derive(Debug, PartialEq)]
pub(super) struct Visit {
    evse: Option<u64>,
    limit: Limit,
}

impl Payments {
    /// Whoever sets the secret of the QR codes knows it.
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        if action != "SetVariables" {
            return;
        }
        let items = request["setVariableData"].as_array().into_iter().flatten();
        for (item, result) in items.zip(response["setVariableResult"].as_array().into_iter().flatten()) {
            let secret = item["component"]["name"] == "WebPaymentsCtrlr" && item["variable"]["name"] == "SharedSecret";
            if let (true, true, Some(value)) =
                (secret, result["attributeStatus"] == "Accepted", item["attributeValue"].as_str())
            {
                self.secret = Some(value.to_owned());
            }
        }
    }

    /// The RequestStartTransaction for a payment at the kiosk (C24.FR.01).
    pub(super) fn at_kiosk(&mut self, number: u64, evse: u64, card: &str) -> Value {
        let mut request = self.begun(number, Limit::new());
        request["evseId"] = evse.into();
        request["idToken"]["additionalInfo"] = json!([{ "additionalIdToken": card, "type": "CardLast4Digits" }]);
        request
    }

    /// The messages for a payment on the page (C25.FR.21, C25.FR.23).
    pub(super) fn on_page(&mut self, number: u64, visit: Visit) -> Vec<(&'static str, Value)> {
        let mut start = self.begun(number, visit.limit);
        let mut messages = Vec::new();
        if let Some(evse) = visit.evse {
            start["evseId"] = evse.into();
            messages.push(("NotifyWebPaymentStarted", json!({ "evseId": evse, "timeout": PAGE_TIMEOUT })));
        }
        messages.push(("RequestStartTransaction", start));
        messages
    }

    fn begun(&mut self, number: u64, mut limit: Limit) -> Value {
        let reference = format!("PSP-{number:08}");
        // Nobody can spend more than was reserved.
        let most = limit.get("maxCost").and_then(Value::as_f64).map_or(AUTHORISED, |most| most.min(AUTHORISED));
        limit.insert("maxCost".into(), most.into());
        if self.authorised.len() >= MAX_KEPT {
            self.authorised.pop_first();
        }
        self.authorised.insert(reference.clone(), limit);
        json!({ "remoteStartId": number, "idToken": { "idToken": reference, "type": "DirectPayment" } })
    }

    /// What a QR code asks for, if its address and its one-time password are right (C25.FR.07 to C25.FR.09).
    pub(super) fn visited(
        &self,
        variables: &Variables,
        identity: &str,
        address: &str,
        now: Timestamp,
    ) -> Result<Visit, &'static str> {
        let value = |name: &str| variables.value(&format!("WebPaymentsCtrlr.{name}"));
        let template = value("URLTemplate").ok_or("the station has no QR codes")?;
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let places = places(template, path).ok_or("the address is not that of a QR code")?;
        let place = |name: &str| places.get(name).copied().unwrap_or_default();
        if place("chargingstationid") != identity {
            return Err("the address names no station of ours");
        }
        if Some(place("version")) != value("TOTPVersion") {
            return Err("the version of the one-time password is unknown");
        }
        let number = |name: &str| value(name).and_then(|value| value.parse::<u16>().ok());
        let (secret, validity, length) = self
            .secret
            .as_deref()
            .zip(number("ValidityTime"))
            .zip(number("Length"))
            .map(|((s, v), l)| (s, v, l))
            .ok_or("the secret of the station is unknown")?;
        let password = OneTimePassword { secret, validity: validity.into(), length: length.into() };
        if !password.is_right(place("totp"), now) {
            return Err("the one-time password is wrong");
        }
        // C25.FR.59, C25.FR.60
        let limit = query.split('&').filter_map(|one| {
            let (name, value) = one.split_once('=')?;
            let name = match name {
                "maxenergy" => "maxEnergy",
                "maxtime" => return Some(("maxTime".to_owned(), value.parse::<u32>().ok()?.into())),
                "maxcost" => "maxCost",
                _ => return None,
            };
            let value = value.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0)?;
            Some((name.to_owned(), value.into()))
        });
        Ok(Visit { evse: place("evse").parse().ok(), limit: limit.collect() })
    }

    /// What a transaction with this token may cost or take, because it was paid for beforehand (C17.FR.03, C24.FR.02, C25.FR.24).
    pub(super) fn limit_of(&mut self, tokens: &Tokens, token: &Value) -> Limit {
        if tokens.is("prepaid", token) {
            return Map::from_iter([("maxCost".to_owned(), CREDIT.into())]);
        }
        let reference = token["idToken"].as_str().filter(|_| token["type"] == "DirectPayment");
        reference.and_then(|reference| self.authorised.remove(reference)).unwrap_or_default()
    }
}

/// Nothing that is said of a prepaid card is kept, because it may be empty the next time (C17.FR.01, C17.FR.02).
pub(super) fn keep_out_of_caches(tokens: &Tokens, token: &Value, now: &str, info: &mut Value) {
    let prepaid = ["prepaid", "no_credit"].into_iter().any(|name| tokens.is(name, token));
    if prepaid && info.is_object() {
        info["cacheExpiryDateTime"] = now.into();
    }
}

/// The answer to a VAT number (C18.FR.09, C18.FR.10).
pub(super) fn vat_number(request: &Value) -> Value {
    let number = request["vatNumber"].as_str().unwrap_or_default();
    let status = if is_vat_number(number) { "Accepted" } else { "Rejected" };
    let mut answer = json!({ "vatNumber": number, "status": status });
    if let Some(evse) = request.get("evseId") {
        answer["evseId"] = evse.clone();
    }
    answer
}

/// A Dutch VAT number: nine digits and two more, neither of them all zeros. No other country is known here.
fn is_vat_number(number: &str) -> bool {
    let parts = number.strip_prefix("NL").and_then(|rest| rest.split_once('B'));
    let is_number = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|one| one.is_ascii_digit()) && part.bytes().any(|one| one != b'0')
    };
    parts.is_some_and(|(company, place)| is_number(company, 9) && is_number(place, 2))
}

/// The answer to a settlement: the receipt, if that is the CSMS's to give (C21.FR.03). What was not settled has none.
pub(super) fn settled(variables: &Variables, request: &Value) -> Value {
    let ours = variables.value("PaymentCtrlr.ReceiptByCSMS") == Some("true");
    if !ours || request["status"] != "Settled" {
        return json!({});
    }
    let reference = request["pspRef"].as_str().unwrap_or_default();
    let id: String = reference.chars().filter(char::is_ascii_alphanumeric).take(50).collect();
    json!({ "receiptId": id, "receiptUrl": format!("{RECEIPTS}/{id}") })
}

/// What stands at the places of a template in an address; `None` if the address does not fit it.
fn places<'t>(template: &'t str, address: &'t str) -> Option<BTreeMap<&'t str, &'t str>> {
    let (template, address) = (template.trim_end_matches('/'), address.trim_end_matches('/'));
    if template.split('/').count() != address.split('/').count() {
        return None;
    }
    let mut places = BTreeMap::new();
    for (wanted, given) in template.split('/').zip(address.split('/')) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if given.is_empty() => return None,
            Some(name) => drop(places.insert(name, given)),
            None if wanted == given => {}
            None => return None,
        }
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station() -> (Payments, Variables) {
        let mut variables = Variables::default();
        let of = |name: &str, value: &str| json!({ "component": { "name": "WebPaymentsCtrlr" }, "variable": { "name": name }, "variableAttribute": [{ "value": value }] });
        let template = "https://pay.example.com/{chargingstationid}/{evse}/{totp}/{version}";
        let report =
            [of("URLTemplate", template), of("TOTPVersion", "v1"), of("ValidityTime", "30"), of("Length", "8")];
        variables.reported(&json!({ "reportData": report }));
        let mut payments = Payments::default();
        let set = json!({ "component": { "name": "WebPaymentsCtrlr" }, "variable": { "name": "SharedSecret" }, "attributeValue": "mysharedsecret" });
        payments.answered(
            "SetVariables",
            &json!({ "setVariableData": [set] }),
            &json!({ "setVariableResult": [{ "attributeStatus": "Accepted" }] }),
        );
        (payments, variables)
    }

    #[test]
    fn a_qr_code_leads_to_a_payment_only_if_all_of_it_is_right() {
        let (payments, variables) = station();
        let now = Timestamp::from_second(1_700_000_010).unwrap();
        let visit = |rest: &str| payments.visited(&variables, "CS001", &format!("https://pay.example.com/{rest}"), now);
        let limit = json!({ "maxEnergy": 20_000.0 });
        let right = Visit { evse: Some(1), limit: limit.as_object().cloned().unwrap() };
        assert_eq!(visit("CS001/1/e1cMer4s/v1?maxenergy=20000&colour=red"), Ok(right));
        for wrong in
            ["CS001/1/e1cMer4t/v1", "1/e1cMer4s/v1", "/1/e1cMer4s/v1", "CS002/1/e1cMer4s/v1", "CS001/1/e1cMer4s/v2"]
        {
            assert!(visit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_was_paid_for_is_the_limit_once() {
        let (mut payments, _) = station();
        let tokens = Tokens::new(json!({ "prepaid": { "idToken": "P", "type": "ISO14443" } }));
        let token = payments.at_kiosk(7, 1, "1234")["idToken"].clone();
        assert_eq!(Value::from(payments.limit_of(&tokens, &token)), json!({ "maxCost": 50.0 }));
        assert_eq!(Value::from(payments.limit_of(&tokens, &token)), json!({}));
        let prepaid = json!({ "idToken": "p", "type": "ISO14443" });
        assert_eq!(Value::from(payments.limit_of(&tokens, &prepaid)), json!({ "maxCost": 25.0 }));
    }

    #[test]
    fn a_vat_number_has_its_form() {
        assert!(is_vat_number("NL123456789B01"));
        for wrong in ["NL123456789B00", "NL000000000B01", "NL12345678B01", "DE123456789", "NL123456789C01", ""] {
            assert!(!is_vat_number(wrong), "{wrong}");
        }
    }
}
