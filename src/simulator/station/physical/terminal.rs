//! The payment terminal in the station: it reserves an amount for a card, and settles or cancels the payment.

use serde_json::{Map, Value};

use crate::manual_action::ActionOutcome;

/// What comes of settlements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Settling {
    /// They succeed.
    #[default]
    Works,
    /// The payment service provider rejects them.
    Rejects,
    /// They fail: the payment service provider can't be reached.
    Fails,
}

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// An amount is reserved.
    Reserved,
    /// The amount is released, and nothing was paid.
    Cancelled,
    /// This amount was paid.
    Settled(f64),
    /// This amount should have been paid, and was not.
    Unpaid(f64),
}

#[derive(Debug, Clone)]
struct Payment {
    reference: String,
    reserved: f64,
    stage: Stage,
}

/// The terminal.
#[derive(Debug, Clone, Default)]
pub struct Terminal {
    /// What comes of settlements.
    pub settling: Settling,
    payments: Vec<Payment>,
}

impl Terminal {
    /// A card is presented: an amount is reserved, and the payment has a reference from now on.
    pub fn reserve(&mut self, amount: f64) -> String {
        let reference = format!("PSP{:08}", self.payments.len() + 1);
        self.payments.push(Payment { reference: reference.clone(), reserved: amount, stage: Stage::Reserved });
        reference
    }

    /// More is reserved.
    pub fn raise(&mut self, reference: &str, amount: f64) {
        if let Some(payment) = self.find(reference) {
            payment.reserved = amount;
        }
    }

    /// The reserved amount is released.
    pub fn cancel(&mut self, reference: &str) {
        if let Some(payment) = self.find(reference) {
            payment.stage = Stage::Cancelled;
        }
    }

    /// An amount is paid, as far as settlements succeed.
    pub fn settle(&mut self, reference: &str, amount: f64) -> Settling {
        let settling = self.settling;
        if let Some(payment) = self.find(reference) {
            payment.stage = if settling == Settling::Works { Stage::Settled(amount) } else { Stage::Unpaid(amount) };
        }
        settling
    }

    fn find(&mut self, reference: &str) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.reference == reference)
    }

    /// What a person answers who looks at the last payment (`check-payment`).
    pub fn answer(&self, question: &Map<String, Value>) -> ActionOutcome {
        let Some(payment) = self.payments.last() else { return ActionOutcome::Denied("nobody has paid".into()) };
        let amount = question.get("amount").and_then(Value::as_f64);
        let outcome = question.get("outcome").and_then(Value::as_str).unwrap_or_default();
        let right = match payment.stage {
            Stage::Reserved => false,
            Stage::Cancelled => outcome == "cancelled" && amount == Some(payment.reserved),
            Stage::Settled(paid) => outcome == "settled" && amount == Some(paid),
            Stage::Unpaid(unpaid) => outcome == "not-settled" && amount == Some(unpaid),
        };
        if right { ActionOutcome::Done } else { ActionOutcome::Denied(format!("the terminal shows {payment:?}")) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_sees_what_became_of_the_last_payment() {
        let mut terminal = Terminal::default();
        let asked = |terminal: &Terminal, outcome: &str, amount: f64| {
            let question = json!({ "outcome": outcome, "amount": amount });
            terminal.answer(question.as_object().unwrap()) == ActionOutcome::Done
        };
        assert!(!asked(&terminal, "cancelled", 25.0), "nobody has paid");
        let first = terminal.reserve(25.0);
        assert!(!asked(&terminal, "cancelled", 25.0), "the amount is still reserved");
        terminal.cancel(&first);
        assert!(asked(&terminal, "cancelled", 25.0) && !asked(&terminal, "cancelled", 50.0));
        let second = terminal.reserve(50.0);
        assert_ne!(first, second);
        terminal.settling = Settling::Rejects;
        assert_eq!(terminal.settle(&second, 18.15), Settling::Rejects);
        assert!(asked(&terminal, "not-settled", 18.15) && !asked(&terminal, "settled", 18.15));
        terminal.settling = Settling::Works;
        terminal.settle(&second, 18.15);
        assert!(asked(&terminal, "settled", 18.15) && !asked(&terminal, "settled", 15.0));
    }
}
