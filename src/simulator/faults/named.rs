//! Faults by name: what goes wrong in real products with the features of OCPP 2.1, each written out as a fault of the other kinds.

/// A fault that has a name of its own.
#[derive(Debug)]
pub(super) struct Named {
    /// Its name.
    pub(super) name: &'static str,
    /// Whose fault it is, and what it does.
    pub(super) about: &'static str,
    /// What it stands for.
    pub(super) text: &'static str,
}

const fn named(name: &'static str, about: &'static str, text: &'static str) -> Named {
    Named { name, about, text }
}

/// All of them: those of stations first, then those of CSMSs.
pub(super) static NAMED: [Named; 20] = [
    named(
        "cost-rounded",
        "the station rounds the total cost to whole units of the currency",
        "rounded TransactionEvent call /costDetails/totalCost/total/exclTax /costDetails/totalCost/total/inclTax",
    ),
    named(
        "tariff-at-one-evse",
        "the station applies a default tariff that is for all EVSEs at EVSE 1 alone",
        "misread SetDefaultTariff /evseId=1 when=/evseId=0",
    ),
    named(
        "tariff-change-ignored",
        "the station accepts another tariff for a transaction and goes on with the old one",
        "pretend ChangeTransactionTariff",
    ),
    named(
        "setpoint-sign",
        "the station reports setpoints with the wrong sign, so that charging looks like discharging",
        "wrong-sign GetCompositeSchedule response /schedule/chargingSchedulePeriod/0/setpoint",
    ),
    named(
        "dynamic-update-ignored",
        "the station accepts an update of a dynamic schedule and keeps the old values",
        "pretend UpdateDynamicSchedule",
    ),
    named(
        "priority-charging-ignored",
        "the station accepts requests for priority charging and goes on as before",
        "pretend UsePriorityCharging",
    ),
    named(
        "offline-duration-overlooked",
        "the station keeps a charging profile for as long as it is offline",
        "overlook SetChargingProfile /chargingProfile/maxOfflineDuration",
    ),
    named(
        "local-time-overlooked",
        "the station takes the local time of a charging schedule for UTC",
        "overlook SetChargingProfile /chargingProfile/chargingSchedule/0/useLocalTime",
    ),
    named(
        "der-priority-ignored",
        "the station gives all DER controls the same priority, so that the last one supersedes the others",
        "misread SetDERControl /curve/priority=9 /fixedPFAbsorb/priority=9 /fixedPFInject/priority=9 /fixedVar/priority=9 \
         /freqDroop/priority=9 /limitMaxDischarge/priority=9 /enterService/priority=9 /gradient/priority=9",
    ),
    named(
        "afrr-signal-ignored",
        "the station accepts signals for frequency support and does nothing with them",
        "pretend AFRRSignal",
    ),
    named(
        "stream-never-closes",
        "the station stops a periodic event stream and does not close it",
        "drop ClosePeriodicEventStream call",
    ),
    named(
        "transaction-limit-missing",
        "the station keeps to the limit of a transaction and does not report it",
        "missing-field TransactionEvent call /transactionInfo/transactionLimit",
    ),
    named(
        "resumed-as-another",
        "the station gives a transaction that it resumes another id",
        "wrong-field TransactionEvent call /transactionInfo/transactionId=another-transaction when=/triggerReason=TxResumed",
    ),
    named(
        "driver-tariff-missing",
        "the CSMS authorises a driver without the driver's tariff",
        "missing-field Authorize response /tariff",
    ),
    named(
        "tariff-id-used-again",
        "the CSMS gives every default tariff the id of the first one",
        "stale SetDefaultTariff call /tariff/tariffId",
    ),
    named(
        "limit-unconfirmed",
        "the CSMS neither sets nor confirms limits of transactions",
        "missing-field TransactionEvent response /transactionLimit",
    ),
    named(
        "any-vat-number-accepted",
        "the CSMS accepts VAT numbers without looking them up",
        "wrong-field VatNumberValidation response /status=Accepted",
    ),
    named(
        "any-profile-updated",
        "the CSMS grants updates of charging profiles that are not dynamic, or that it does not know",
        "wrong-field PullDynamicScheduleUpdate response /status=Accepted",
    ),
    named(
        "profile-setpoint-sign",
        "the CSMS sends setpoints with the wrong sign, so that an EV charges when it should discharge",
        "wrong-sign SetChargingProfile call /chargingProfile/chargingSchedule/0/chargingSchedulePeriod/0/setpoint",
    ),
    named(
        "stream-refused",
        "the CSMS refuses every periodic event stream",
        "wrong-field OpenPeriodicEventStream response /status=Rejected",
    ),
];

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|named| named.name)
}

/// All of them as they are told on the command line.
pub(super) fn list() -> String {
    let mut text = String::from("\nFaults by name (OCPP 2.1)\n");
    for named in &NAMED {
        text.push_str(&format!("\n  {}\n      {}\n      {}\n", named.name, named.about, named.text));
    }
    text
}
