//! Ad hoc payment at the station's own terminal (C18 to C23).

use serde_json::{Value, json};

use super::Station;
use crate::simulator::station::physical::{NotPossible, Settling};

/// The type of a token that stands for a payment.
const DIRECT_PAYMENT: &str = "DirectPayment";

/// What the terminal tells of a card, by the type of additionalInfo.
const CARD: [(&str, &str); 4] =
    [("CardLast4Digits", "4242"), ("CardBin", "411111"), ("PaymentBrand", "VISA"), ("ReadingMethod", "Contactless")];

/// The types of additionalInfo that the terminal can tell of a card.
pub(super) fn details() -> Vec<String> {
    CARD.iter().map(|(kind, _)| (*kind).to_owned()).collect()
}

/// A payment that is under way.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    index: usize,
    /// How the payment service provider calls it.
    reference: String,
    /// What is reserved.
    reserved: f64,
    /// The CSMS was asked about it.
    asked: bool,
    /// The transaction that is paid for.
    transaction: Option<String>,
}

/// True for a token that stands for a payment.
pub(super) fn is_payment(token: &Value) -> bool {
    token["type"] == DIRECT_PAYMENT
}

impl Station {
    fn amount(&self, name: &str) -> f64 {
        self.device.get("PaymentCtrlr", name).parse().unwrap_or(0.0)
    }

    /// A card is presented for an EVSE (C18.FR.01 to 04).
    pub(super) fn card_presented(&mut self, index: usize) -> Result<(), NotPossible> {
        if self.physical.terminal.is_none() || !self.device.is("PaymentCtrlr", "Enabled") {
            return Err(NotPossible("there is no payment terminal that takes cards".into()));
        }
        if self.evses[index].authorized.is_some() || !self.usable(index) {
            return Ok(());
        }
        let reserved = self.amount("AuthorizationAmount");
        let Some(terminal) = &mut self.physical.terminal else { return Ok(()) };
        let reference = terminal.reserve(reserved);
        let asked = self.device.is("PaymentCtrlr", "AuthorizeDirectPayment");
        let told = |kind: &str| self.device.lists("PaymentCtrlr", "PaymentDetails", kind);
        let details: Vec<Value> = CARD
            .iter()
            .filter(|(kind, _)| told(kind))
            .map(|(kind, value)| json!({ "additionalIdToken": value, "type": kind }))
            .collect();
        let mut token = json!({ "idToken": reference, "type": DIRECT_PAYMENT });
        if !details.is_empty() {
            token["additionalInfo"] = details.into();
        }
        self.payments.push(Payment { index, reference, reserved, asked, transaction: None });
        if !asked {
            self.authorize(index, token, None);
        } else if self.online() {
            self.ask(index, token, false);
        } else {
            self.refused(index);
        }
        Ok(())
    }

    /// The amount that the next event of an EVSE has to tell with the token of a payment (C18.FR.06).
    pub(super) fn amount_to_report(&mut self, index: usize) -> Option<f64> {
        let reference = self.evses[index].token_to_report.as_ref()?["idToken"].as_str()?;
        let payment = self.payments.iter_mut().find(|payment| payment.reference == reference)?;
        payment.transaction = self.evses[index].transaction.as_ref().map(|running| running.id.clone());
        let reserved = payment.reserved;
        self.limit_cost(index, reserved);
        Some(reserved)
    }

    /// Nobody charges with the payment of an EVSE: the CSMS has refused it (C18.FR.07), or the driver has not come so far (C19).
    pub(super) fn give_up_payment(&mut self, index: usize, refused: bool) {
        let authorized = self.evses[index].authorized.as_ref();
        let used = authorized.and_then(|token| token["idToken"].as_str()).unwrap_or_default().to_owned();
        let unused =
            |payment: &Payment| payment.index == index && payment.transaction.is_none() && payment.reference != used;
        while let Some(at) = self.payments.iter().position(unused) {
            let payment = self.payments.remove(at);
            self.cancel_payment(&payment, !refused && payment.asked);
        }
    }

    fn cancel_payment(&mut self, payment: &Payment, told: bool) {
        if let Some(terminal) = &mut self.physical.terminal {
            terminal.cancel(&payment.reference);
        }
        if told {
            self.tell_settlement(payment, "Canceled", 0.0, false);
        }
    }

    /// A transaction has ended, and the CSMS has heard of it: what it cost is settled (C20 to C22).
    pub(super) fn settle(&mut self, ended: &Value, response: &Value) {
        if ended["eventType"] != "Ended" {
            return;
        }
        let id = ended["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
        let of = |payment: &Payment| payment.transaction.as_deref() == Some(id);
        let Some(at) = self.payments.iter().position(of) else { return };
        let payment = self.payments.remove(at);
        let own = ended.pointer("/costDetails/totalCost/total");
        let own = own.and_then(|total| total["inclTax"].as_f64().or(total["exclTax"].as_f64()));
        let cost = own.or(response["totalCost"].as_f64()).unwrap_or(0.0);
        if cost <= 0.0 {
            self.cancel_payment(&payment, true); // C20.FR.04 and 05
            return;
        }
        if self.device.is("PaymentCtrlr", "SettlementByCSMS") {
            return; // C21.FR.06
        }
        let settling = self.physical.terminal.as_mut().map(|terminal| terminal.settle(&payment.reference, cost));
        match settling {
            Some(Settling::Works) => {
                let receipt = !self.device.is("PaymentCtrlr", "ReceiptByCSMS");
                self.tell_settlement(&payment, "Settled", cost, receipt);
            }
            Some(Settling::Rejects) => self.tell_settlement(&payment, "Rejected", cost, false),
            Some(Settling::Fails) | None => self.tell_settlement(&payment, "Failed", cost, false),
        }
    }

    fn tell_settlement(&mut self, payment: &Payment, status: &str, amount: f64, receipt: bool) {
        let mut told = json!({
            "pspRef": payment.reference,
            "status": status,
            "settlementAmount": amount,
            "settlementTime": self.physical.wall(),
        });
        if let Some(transaction) = &payment.transaction {
            told["transactionId"] = transaction.clone().into();
        }
        if receipt {
            // C21.FR.04
            let server = self.device.get("PaymentCtrlr", "ReceiptServerUrl");
            told["receiptUrl"] = format!("{server}{}", payment.reference).into();
            told["receiptId"] = payment.reference.clone().into();
        }
        if let Some((number, company)) = &self.vat {
            told["vatNumber"] = number.clone().into();
            if !company.is_null() {
                told["vatCompany"] = company.clone();
            }
        }
        self.call("NotifySettlement", told);
    }

    /// What is reserved is raised in time, where that is configured; the amount that is reserved then (C23.FR.01).
    pub(super) fn raise_payment(&mut self, index: usize, cost: f64) -> Option<f64> {
        let step = self.amount("IncrementalAuthorizationAmount");
        let threshold = self.amount("IncrementalAuthorizationThreshold");
        let id = self.evses[index].transaction.as_ref()?.id.clone();
        let payment = self.payments.iter_mut().find(|payment| payment.transaction.as_ref() == Some(&id))?;
        if step <= 0.0 || cost < payment.reserved - threshold {
            return None;
        }
        payment.reserved += step;
        let (reference, reserved) = (payment.reference.clone(), payment.reserved);
        self.physical.terminal.as_mut()?.raise(&reference, reserved);
        Some(reserved)
    }

    // ---- VAT numbers ----

    /// A driver types in a VAT number (C18.FR.08).
    pub(super) fn vat_number_entered(&mut self, index: usize, number: &str) -> Result<(), NotPossible> {
        if self.physical.terminal.is_none() || !self.online() {
            return Err(NotPossible("no VAT number can be entered".into()));
        }
        let evse = self.evses[index].id;
        self.call("VatNumberValidation", json!({ "vatNumber": number, "evseId": evse }));
        Ok(())
    }

    /// The CSMS has looked at a VAT number: a valid one goes onto the receipt.
    pub(super) fn vat_number_answered(&mut self, asked: &Value, response: &Value) {
        let number = asked["vatNumber"].as_str().filter(|_| response["status"] == "Accepted");
        self.vat = number.map(|number| (number.to_owned(), response["company"].clone()));
    }
}
