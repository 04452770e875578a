//! The manual actions that test cases may ask for, with the wording for a person.

use serde_json::{Map, Value};

use super::settings::{self, Setting};
use crate::{
    protocol::semantics::WordSet,
    vocabulary::{Owner, Property, Scope, Takes, check_value, words_of},
};

/// One known manual action.
#[derive(Debug, Clone, Copy)]
pub struct ActionInfo {
    /// Its name in test cases and in the adapter's contract.
    pub name: &'static str,
    /// Parameters it takes.
    pub parameters: &'static [Property],
    /// The wording for a person, a minijinja template over the parameters. One that ends in `?` is a question.
    pub prompt: &'static str,
}

const EVSE: Property = Property::required("evse", Takes::Integer(0, i64::MAX));
const ANY_EVSE: Property = Property::optional("evse", Takes::Integer(0, i64::MAX));
const CONNECTOR: Property = Property::required("connector", Takes::Integer(0, i64::MAX));
const ANY_CONNECTOR: Property = Property::optional("connector", Takes::Integer(0, i64::MAX));
const TOKEN: Property = Property::required("token", Takes::Text);
const TOKEN_TYPE: Property = Property::required("type", Takes::Named(token_types));
const IDENTIFIER: Property = Property::required("identifier", Takes::Text);
const REASON: Property = Property::required("reason", Takes::Text);
const ACTION: Property = Property::required("action", Takes::Named(messages_of_a_csms));
const PAYLOAD: Property = Property::required("payload", Takes::Mapping);
const STATION: Property = Property::required("station", Takes::Text);
const WHAT: Property = Property::required("what", Takes::Named(settings_of_a_csms));
const METHOD: Property = Property::required("method", Takes::Word(&["PnC", "EIM", "none"]));
const CONTROL: Property = Property::required("control", Takes::Word(&["DynamicControl", "ScheduledControl"]));
const TRANSFER: Property = Property::required("transfer", Takes::Word(&["bidirectional", "charging-only"]));
const GIVES: Property = Property::required(
    "gives",
    Takes::Word(&["limit", "discharge-limit", "setpoint", "reactive-setpoint", "local-generation"]),
);
const AMOUNT: Property = Property::optional("amount", Takes::Number);
const UNIT: Property = Property::required("unit", Takes::Word(&["A", "W"]));
const ENERGY: Property = Property::optional("energy", Takes::Integer(1, 1_000_000));
const DEPARTURE: Property = Property::optional("departure", Takes::Text);
const PLACE: Property = Property::required("number", Takes::Integer(1, 3));
const PERCENT: Property = Property::required("percent", Takes::Integer(0, 100));
const CERTIFICATE_ACTION: Property = Property::required("request", Takes::Word(&["Install", "Update"]));
const CONTRACTS: Property = Property::optional("contracts", Takes::Integer(1, 255));
const VALUE: Property = Property::required("value", Takes::Scalar);
const INTERVAL: Property = Property::optional("interval", Takes::Number);
const WANTED: Property = Property::required("wanted", Takes::Text);
const COMPONENT: Property = Property::required("component", Takes::Text);
const VARIABLE: Property = Property::required("variable", Takes::Text);
const CONTENT: Property = Property::required("content", Takes::Text);
const FORMAT: Property = Property::required("format", Takes::Text);
const HOW: Property = Property::required("how", Takes::Word(&["shown", "alone", "not-shown"]));
const COST: Property = Property::required("cost", Takes::Number);
const CURRENCY: Property = Property::optional("currency", Takes::Text);
const KIND: Property = Property::required("kind", Takes::Word(&["running", "total"]));
const SETTLEMENT: Property = Property::required("settlement", Takes::Word(&["works", "rejected", "failed"]));
const PAID: Property = Property::required("outcome", Takes::Word(&["cancelled", "settled", "not-settled"]));
const PAYMENT: Property = Property::required("amount", Takes::Number);
const NUMBER: Property = Property::required("number", Takes::Text);
const AWAY: Property = Property::optional("away", Takes::Integer(0, 86_400));
const LIMIT_KIND: Property = Property::required("kind", Takes::Word(&["cost", "energy", "time", "soc"]));
const LIMIT: Property = Property::required("value", Takes::Number);
const UNTIL: Property = Property::optional("until", Takes::Text);
const DISPLAY: Property = Property::optional("display", Takes::Text);
const MONITOR: Property = Property::required("type", Takes::Named(monitor_types));
const LIMITED: Property = Property::required("limit", Takes::Word(&["maxCost", "maxEnergy", "maxTime"]));
const MOST: Property = Property::required("most", Takes::Number);
const CARD: Property = Property::required("card", Takes::Text);
const ADDRESS: Property = Property::required("address", Takes::Text);

/// The types of an idToken (IdTokenEnumType).
fn token_types(scope: Scope) -> Vec<String> {
    words_of(WordSet::TokenTypes, scope)
}

/// The types of a monitor (MonitorEnumType).
fn monitor_types(_: Scope) -> Vec<String> {
    ["UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned"].map(str::to_owned).to_vec()
}

/// What a CSMS can be asked to send.
fn messages_of_a_csms(scope: Scope) -> Vec<String> {
    words_of(WordSet::RequestsOfCsms, scope)
}

/// What can be set at a CSMS, and undone.
fn settings_of_a_csms(_: Scope) -> Vec<String> {
    Setting::ALL.iter().map(|setting| setting.word().to_owned()).collect()
}

/// Every manual action: of a charging station under test, and (from `send` on) of a CSMS under test.
pub const ACTIONS: &[ActionInfo] = &[
    ActionInfo {
        name: "power-cycle",
        parameters: &[AWAY],
        prompt: "{% if away is defined %}Cut the power of the charging station, wait {{ away }} s, and restore it.{% else %}Reboot the charging station (power it off and on).{% endif %}",
    },
    ActionInfo {
        name: "enter-limit",
        parameters: &[EVSE, LIMIT_KIND, LIMIT],
        prompt: "At EVSE {{ evse }}, enter {% if kind == 'cost' %}{{ value }} as the most that the transaction may cost{% elif kind == 'energy' %}{{ value }} Wh as the most energy of the transaction{% elif kind == 'time' %}{{ value }} s as the longest time of the transaction{% else %}{{ value }} % as the highest state of charge{% endif %}. If the station does not take it, leave it at that.",
    },
    ActionInfo {
        name: "drive-in",
        parameters: &[EVSE],
        prompt: "Drive the EV into the parking bay of EVSE {{ evse }}.",
    },
    ActionInfo {
        name: "drive-out",
        parameters: &[EVSE],
        prompt: "Drive the EV out of the parking bay of EVSE {{ evse }}.",
    },
    ActionInfo {
        name: "connect-ev",
        parameters: &[EVSE, CONNECTOR],
        prompt: "Connect the EV to EVSE {{ evse }}, connector {{ connector }} (both ends of the cable).",
    },
    ActionInfo {
        name: "disconnect-ev",
        parameters: &[EVSE, CONNECTOR],
        prompt: "Unplug the EV from EVSE {{ evse }}, connector {{ connector }} (both ends of the cable).",
    },
    ActionInfo {
        name: "disconnect-ev-side",
        parameters: &[EVSE, CONNECTOR],
        prompt: "Unplug the cable at the EV only; leave the other end in EVSE {{ evse }}, connector {{ connector }}.",
    },
    ActionInfo {
        name: "reconnect-ev-side",
        parameters: &[EVSE, CONNECTOR],
        prompt: "Plug the cable into the EV again and let it draw energy (EVSE {{ evse }}, connector {{ connector }}).",
    },
    ActionInfo {
        name: "disconnect-station-side",
        parameters: &[EVSE, CONNECTOR],
        prompt: "Take the cable, which the EV has left, out of EVSE {{ evse }}, connector {{ connector }}.",
    },
    ActionInfo { name: "select-evse", parameters: &[EVSE], prompt: "Select EVSE {{ evse }} on the station." },
    ActionInfo {
        name: "present-token",
        parameters: &[TOKEN, TOKEN_TYPE, ANY_EVSE],
        prompt: "Present the idToken {{ token }}{% if type is defined %} ({{ type }}){% endif %}{% if evse %} for EVSE {{ evse }}{% endif %}.",
    },
    ActionInfo { name: "press-start", parameters: &[EVSE], prompt: "Press the start button of EVSE {{ evse }}." },
    ActionInfo { name: "press-stop", parameters: &[EVSE], prompt: "Press the stop button of EVSE {{ evse }}." },
    ActionInfo {
        name: "stop-with-master-pass",
        parameters: &[ANY_EVSE],
        prompt: "On the master pass screen, select to stop {% if evse %}the transaction on EVSE {{ evse }}{% else %}all transactions{% endif %}.",
    },
    ActionInfo { name: "ev-suspend", parameters: &[EVSE], prompt: "Let the EV on EVSE {{ evse }} suspend charging." },
    ActionInfo {
        name: "ev-not-ready",
        parameters: &[EVSE],
        prompt: "Set the EV meant for EVSE {{ evse }} so that it is not ready to take energy when plugged in.",
    },
    ActionInfo { name: "ev-resume", parameters: &[EVSE], prompt: "Let the EV on EVSE {{ evse }} draw energy again." },
    ActionInfo {
        name: "ev-authorization",
        parameters: &[EVSE, METHOD],
        prompt: "Before the EV meant for EVSE {{ evse }} is plugged in, set it {% if method == 'none' %}to charge without ISO 15118, or as it does in the other test cases{% elif method == 'PnC' %}to use ISO 15118-2 with Plug and Charge. It has the contract certificate and trusts the V2G root certificate of the bench{% else %}to use ISO 15118-2 with external identification (EIM){% endif %}.",
    },
    ActionInfo {
        name: "ev-services",
        parameters: &[EVSE, CONTROL, TRANSFER],
        prompt: "Set the EV at EVSE {{ evse }}, or meant for it, to use ISO 15118-20 with {{ control }}. {% if transfer == 'bidirectional' %}It asks for bidirectional power transfer (AC_BPT or DC_BPT), tells all energy transfer modes that it has, a maximum charge power of 10000 W and a maximum discharge power of 5000 W; where that is refused it asks for charging only and tells no discharge power{% else %}It asks for charging only, tells all energy transfer modes that it has, a maximum charge power of 10000 W and no discharge power{% endif %}. If it charges already, let it renegotiate with that.",
    },
    ActionInfo {
        name: "ev-certificate",
        parameters: &[EVSE, CERTIFICATE_ACTION, CONTRACTS],
        prompt: "Before the EV meant for EVSE {{ evse }} is plugged in, set it to {% if request == 'Install' %}ask for the installation of a contract certificate (CertificateInstallationReq){% else %}ask for an update of its contract certificate (CertificateUpdateReq){% endif %} in its next session{% if contracts is defined %}, by ISO 15118-20, for at most {{ contracts }} contracts{% endif %}. If it gets none it ends the session, and does not go on with a certificate that it has.",
    },
    ActionInfo {
        name: "ev-renegotiate",
        parameters: &[EVSE, ENERGY, DEPARTURE],
        prompt: "Let the EV on EVSE {{ evse }} renegotiate its charging schedule (ISO 15118), with new charging needs{% if energy is defined %}: it wants {{ energy }} Wh{% if departure is defined %} until {{ departure }}{% endif %}{% endif %}.",
    },
    ActionInfo {
        name: "ev-select-schedule",
        parameters: &[EVSE, PLACE],
        prompt: "Set the EV on EVSE {{ evse }} to take the {% if number == 1 %}first{% elif number == 2 %}second{% else %}third{% endif %} of the charging schedules that it is offered from now on (ISO 15118-20), or the first if there is only one, and to charge within it.",
    },
    ActionInfo {
        name: "ev-stop",
        parameters: &[EVSE],
        prompt: "Let the EV on EVSE {{ evse }} end its session (ISO 15118, SessionStopReq with Terminate). It stays plugged in.",
    },
    ActionInfo {
        name: "ev-charged",
        parameters: &[EVSE, PERCENT],
        prompt: "Let the EV on EVSE {{ evse }} tell a state of charge of {{ percent }} %.",
    },
    ActionInfo {
        name: "start-priority",
        parameters: &[EVSE],
        prompt: "Ask for priority charging on EVSE {{ evse }}, as a driver does (a button or the display).",
    },
    ActionInfo {
        name: "end-priority",
        parameters: &[EVSE],
        prompt: "End priority charging on EVSE {{ evse }}, as a driver does (a button or the display).",
    },
    ActionInfo {
        name: "external-system",
        parameters: &[EVSE, GIVES, UNIT, AMOUNT],
        prompt: "Let the external system (an energy management system) {% if amount is defined %}give EVSE {{ evse }} {% if gives == 'limit' %}a charging limit{% elif gives == 'discharge-limit' %}a limit for discharging{% elif gives == 'setpoint' %}a setpoint{% elif gives == 'reactive-setpoint' %}a setpoint of reactive power{% else %}locally generated capacity{% endif %} of {{ amount }} {{ unit }}{% if unit == 'A' %} per phase{% else %} in all{% endif %}, as a single value and not as a schedule{% else %}no longer give EVSE {{ evse }} {% if gives == 'limit' %}a charging limit{% elif gives == 'discharge-limit' %}a limit for discharging{% elif gives == 'setpoint' %}a setpoint{% elif gives == 'reactive-setpoint' %}a setpoint of reactive power{% else %}locally generated capacity{% endif %}{% endif %}.",
    },
    ActionInfo {
        name: "external-schedule",
        parameters: &[EVSE, UNIT],
        prompt: "Let the external system (an energy management system) give EVSE {{ evse }} a schedule of charging limits in {{ unit }}, with a time at which it begins and two periods at least.",
    },
    ActionInfo { name: "evse-suspend", parameters: &[EVSE], prompt: "Let EVSE {{ evse }} suspend the energy supply." },
    ActionInfo {
        name: "break-local-list",
        parameters: &[],
        prompt: "From now on let every update of the local authorization list fail, as the manufacturer describes (for example for want of memory).",
    },
    ActionInfo {
        name: "repair-local-list",
        parameters: &[],
        prompt: "Let updates of the local authorization list succeed again.",
    },
    ActionInfo {
        name: "jam-lock",
        parameters: &[EVSE, CONNECTOR],
        prompt: "Keep the lock of EVSE {{ evse }}, connector {{ connector }} from moving (a plug not fully in, a cable under tension).",
    },
    ActionInfo {
        name: "free-lock",
        parameters: &[EVSE, CONNECTOR],
        prompt: "Let the lock of EVSE {{ evse }}, connector {{ connector }} move again.",
    },
    ActionInfo {
        name: "cause-fault",
        parameters: &[ANY_EVSE, ANY_CONNECTOR],
        prompt: "Cause a fault of {% if evse is defined %}EVSE {{ evse }}, connector {{ connector | default(1) }}{% else %}the station as a whole{% endif %} that keeps it from charging, and let it last.",
    },
    ActionInfo {
        name: "clear-fault",
        parameters: &[ANY_EVSE, ANY_CONNECTOR],
        prompt: "Remove the fault of {% if evse is defined %}EVSE {{ evse }}, connector {{ connector | default(1) }}{% else %}the station as a whole{% endif %}.",
    },
    ActionInfo {
        name: "take-batteries-out",
        parameters: &[],
        prompt: "Take batteries out of the swap station, as its service does, until it has none that it could hand out.",
    },
    ActionInfo {
        name: "put-batteries-in",
        parameters: &[],
        prompt: "Put batteries into the empty slots of the swap station, as its service does. One of them at least is charged to less than 96 %.",
    },
    ActionInfo {
        name: "store-customer",
        parameters: &[IDENTIFIER],
        prompt: "Store information about the customer {{ identifier }} in the station.",
    },
    ActionInfo {
        name: "change-variable",
        parameters: &[VARIABLE, WANTED],
        prompt: "Bring about that the variable {{ variable }} of the station's device model {{ wanted }}.",
    },
    ActionInfo {
        name: "hard-wired-event",
        parameters: &[],
        prompt: "Cause the event that is hard-wired in the station's firmware (the one that the lab agreed on with the answer to AQ-5).",
    },
    ActionInfo { name: "network-down", parameters: &[], prompt: "Cut the station's network connection." },
    ActionInfo { name: "network-up", parameters: &[], prompt: "Restore the station's network connection." },
    ActionInfo {
        name: "remove-certificate",
        parameters: &[],
        prompt: "Remove the station's client certificate (ChargingStationCertificate), if it has one.",
    },
    ActionInfo {
        name: "check-display",
        parameters: &[CONTENT, FORMAT, HOW, UNTIL, DISPLAY],
        prompt: "{% if how == 'not-shown' %}Is the message \"{{ content }}\" ({{ format }}) missing from{% else %}Is the message \"{{ content }}\" ({{ format }}) on{% endif %} the station's display{% if display is defined %} {{ display }}{% endif %}{% if how == 'not-shown' %} in a whole cycle of its messages{% elif how == 'alone' %}, all the time and without any other message in between{% else %}, alone or in a cycle with other messages{% endif %}{% if until is defined %} (until {{ until }}; later does not count){% endif %}?",
    },
    ActionInfo {
        name: "check-cost",
        parameters: &[EVSE, COST, KIND, CURRENCY],
        prompt: "Does the station show the driver at EVSE {{ evse }} {% if kind == 'total' %}that the session has cost {{ cost }}{% else %}that the session costs {{ cost }}{% endif %}{% if currency is defined %} {{ currency }}{% endif %}{% if kind == 'running' %} so far{% endif %}, in whatever form it shows costs?",
    },
    ActionInfo {
        name: "present-payment-card",
        parameters: &[EVSE],
        prompt: "Present a payment card to the payment terminal, for EVSE {{ evse }}.",
    },
    ActionInfo {
        name: "enter-vat-number",
        parameters: &[EVSE, NUMBER],
        prompt: "Enter the VAT number {{ number }} at the payment terminal, for EVSE {{ evse }}.",
    },
    ActionInfo {
        name: "set-terminal",
        parameters: &[SETTLEMENT],
        prompt: "{% if settlement == 'failed' %}From now on let settlements of the payment terminal fail: cut it off from its payment service provider.{% elif settlement == 'rejected' %}From now on let the payment service provider reject the settlements of the payment terminal.{% else %}Let settlements of the payment terminal succeed again.{% endif %}",
    },
    ActionInfo {
        name: "check-payment",
        parameters: &[PAID, PAYMENT],
        prompt: "{% if outcome == 'cancelled' %}Has the payment terminal released the reserved amount of {{ amount }} and cancelled the last payment{% elif outcome == 'settled' %}Has the payment terminal settled the last payment, for {{ amount }}{% else %}Has the settlement of the last payment, for {{ amount }}, come to nothing{% endif %}?",
    },
    ActionInfo {
        name: "restore-sut",
        parameters: &[REASON],
        prompt: "Bring the product back; the run continues as soon as it is ready. {{ reason }}",
    },
    ActionInfo {
        name: "send",
        parameters: &[ACTION, PAYLOAD, STATION],
        prompt: "Let the CSMS send {{ action }} to station {{ station }} with {{ payload | tojson }}.",
    },
    ActionInfo {
        name: settings::CONFIGURE,
        parameters: &[WHAT, VALUE, INTERVAL, STATION],
        prompt: "{% if what == 'energy-transfer' %}Configure the CSMS so that {% if value == 'undetermined' %}it does not know which energy transfers it allows when a driver authorizes at station {{ station }}{% else %}drivers at station {{ station }} begin with an energy transfer that is not bidirectional{% endif %} (ISO 15118-20).{% elif what == 'ev-schedules' %}Configure the CSMS so that it gives EVs at station {{ station }} no charging profile when they tell their needs (ISO 15118-20).{% else %}Configure the CSMS to answer the next BootNotification of station {{ station }} with the status {{ value }}{% if interval is defined %} and an interval of {{ interval }} s{% endif %}.{% endif %}",
    },
    ActionInfo {
        name: settings::RESTORE,
        parameters: &[WHAT, VALUE, INTERVAL, STATION],
        prompt: "{% if what == 'next-boot' %}Let the CSMS accept station {{ station }} again when it boots. There is nothing to do if the CSMS has forgotten its setting after one BootNotification.{% elif what == 'energy-transfer' %}Let the CSMS tell again which energy transfers it allows, bidirectional ones among them, when a driver authorizes at station {{ station }}.{% elif what == 'ev-schedules' %}Let the CSMS give EVs at station {{ station }} charging profiles again when they tell their needs.{% elif what == 'security-profile' %}Set station {{ station }} back to security profile {{ value }} at the CSMS.{% else %}Set the password of station {{ station }} at the CSMS back to the one in the bench.{% endif %}",
    },
    ActionInfo {
        name: "check-variable",
        parameters: &[COMPONENT, VARIABLE, VALUE, STATION],
        prompt: "Does the CSMS show {{ component }}.{{ variable }} = {{ value }} for station {{ station }}?",
    },
    ActionInfo {
        name: "check-monitor",
        parameters: &[COMPONENT, ANY_EVSE, VARIABLE, MONITOR, VALUE, STATION],
        prompt: "Does the CSMS show a monitor of the type {{ type }} with the value {{ value }} on {{ component }}{% if evse %}[{{ evse }}]{% endif %}.{{ variable }} for station {{ station }}?",
    },
    ActionInfo {
        name: "limit-transaction",
        parameters: &[LIMITED, MOST, STATION],
        prompt: "Let the CSMS limit the transaction that is running at station {{ station }}, or else the next one there, to {% if limit == 'maxCost' %}a cost of {{ most }}{% elif limit == 'maxEnergy' %}{{ most }} Wh{% else %}{{ most }} s{% endif %} ({{ limit }}).",
    },
    ActionInfo {
        name: "pay-at-kiosk",
        parameters: &[EVSE, CARD, STATION],
        prompt: "Present a payment card whose number ends in {{ card }} to the payment kiosk, for EVSE {{ evse }} of station {{ station }}, and let the payment be authorised.",
    },
    ActionInfo {
        name: "pay-on-page",
        parameters: &[ADDRESS, STATION],
        prompt: "Open {{ address }} at once, as a driver does who scans the QR code of station {{ station }}, and pay on the page that it leads to.",
    },
    ActionInfo {
        name: "check-page-refused",
        parameters: &[ADDRESS, STATION],
        prompt: "Open {{ address }} at once, as a driver does who scans the QR code of station {{ station }}. Does the CSMS show that the QR code is not valid, without leading to a page for payment?",
    },
];

/// What a step need not give because it is at the EVSE of the test case: parameters with their defaults.
pub const OF_THE_EVSE: [(&str, &str); 2] = [("evse", "{{ evse.id }}"), ("connector", "{{ evse.connector }}")];

impl ActionInfo {
    /// The parameters as a step gives them: an EVSE and a connector that the action needs may be left out.
    pub fn given(&self) -> Vec<Property> {
        let default = |property: &&Property| OF_THE_EVSE.iter().find(|(name, _)| *name == property.name);
        let given = |property: &Property| match default(&property).filter(|_| property.required) {
            Some((_, value)) => Property { required: false, about: value, ..*property },
            None => *property,
        };
        self.parameters.iter().map(given).collect()
    }

    /// The parameters that a step may leave out although the action needs them, with their defaults.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        let needed = |name: &str| self.parameters.iter().any(|property| property.name == name && property.required);
        OF_THE_EVSE.into_iter().filter(move |(name, _)| needed(name))
    }

    /// Who owns its parameters, for what authors are told.
    pub fn owner(&self, scope: Scope) -> Owner<'static> {
        Owner { name: self.name, noun: "parameter", place: " under `with`", scope }
    }

    /// Holds parameters that expressions have yielded against what the action takes.
    pub fn check(&self, parameters: &Map<String, Value>, scope: Scope) -> Result<(), WrongParameters> {
        let wrong = |reason: String| WrongParameters { action: self.name, reason };
        check_value(self.owner(scope), self.parameters, &Value::Object(parameters.clone())).map_err(wrong)?;
        let own = Setting::of(self.name);
        if own.is_empty() {
            return Ok(());
        }
        let what = parameters.get("what").and_then(Value::as_str).unwrap_or_default();
        let Some(setting) = Setting::named(what).filter(|setting| own.contains(setting)) else {
            return Err(wrong(format!("unknown setting `{what}`")));
        };
        let values = setting.values(self.name);
        let value =
            parameters.get("value").map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let value = value.unwrap_or_default();
        if values.is_empty() || values.contains(&value.as_str()) {
            return Ok(());
        }
        Err(wrong(format!("it can't give `{what}` the value `{value}` (known: {})", values.join(", "))))
    }

    /// True when a person is asked to look at something rather than to do something.
    pub fn is_question(&self) -> bool {
        self.prompt.ends_with('?')
    }
}

/// Parameters that a manual action does not take: a mistake of the test case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the operator is asked wrongly for `{action}`: {reason}")]
pub struct WrongParameters {
    action: &'static str,
    reason: String,
}

/// Looks an action up by its name.
pub fn find(name: &str) -> Option<&'static ActionInfo> {
    ACTIONS.iter().find(|action| action.name == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::{Names, Template};

    fn prompt(action: &str, parameters: &Value) -> String {
        let names = parameters.as_object().cloned().unwrap_or_default();
        let told = Template::new(find(action).unwrap().prompt.into()).evaluate(&Names::from(names)).unwrap();
        told.as_str().unwrap().to_owned()
    }

    #[test]
    fn a_person_is_told_what_to_set_up_and_what_to_set_back() {
        let boot = json!({ "what": "next-boot", "value": "Pending", "interval": 20, "station": "CS001" });
        let boot_again = json!({ "what": "next-boot", "value": "Accepted", "interval": 300, "station": "CS001" });
        let profile = json!({ "what": "security-profile", "value": 1, "station": "CS001" });
        let password = json!({ "what": "password", "value": "the-secret", "station": "CS001" });
        let prompts = [
            prompt(settings::CONFIGURE, &boot),
            prompt(settings::RESTORE, &boot_again),
            prompt(settings::RESTORE, &profile),
            prompt(settings::RESTORE, &password),
        ];
        insta::assert_snapshot!(prompts.join("\n"), @r"
        Configure the CSMS to answer the next BootNotification of station CS001 with the status Pending and an interval of 20 s.
        Let the CSMS accept station CS001 again when it boots. There is nothing to do if the CSMS has forgotten its setting after one BootNotification.
        Set station CS001 back to security profile 1 at the CSMS.
        Set the password of station CS001 at the CSMS back to the one in the bench.
        ");
        assert!(!find(settings::RESTORE).unwrap().is_question());
    }

    #[test]
    fn a_person_is_asked_what_the_display_shows() {
        let message = json!({ "content": "Welcome", "format": "UTF8", "how": "shown" });
        let with = |more: Value| {
            let mut all = message.as_object().cloned().unwrap();
            all.extend(more.as_object().cloned().unwrap());
            prompt("check-display", &Value::Object(all))
        };
        let prompts = [
            with(json!({ "until": "2026-01-01T12:00:00Z" })),
            with(json!({ "how": "alone", "display": "Display 2" })),
            with(json!({ "how": "not-shown" })),
        ];
        insta::assert_snapshot!(prompts.join("\n"), @r#"
        Is the message "Welcome" (UTF8) on the station's display, alone or in a cycle with other messages (until 2026-01-01T12:00:00Z; later does not count)?
        Is the message "Welcome" (UTF8) on the station's display Display 2, all the time and without any other message in between?
        Is the message "Welcome" (UTF8) missing from the station's display in a whole cycle of its messages?
        "#);
        assert!(find("check-display").unwrap().is_question());
    }

    #[test]
    fn what_expressions_yield_is_held_against_what_an_action_takes() {
        let asked = |action: &str, with: Value| {
            let told = find(action).unwrap().check(with.as_object().unwrap(), None);
            told.map_or_else(|error| error.to_string(), |()| "sound".to_owned())
        };
        let told = [
            asked("connect-ev", json!({ "evse": 1, "connector": 1 })),
            asked("connect-ev", json!({ "evse": "one", "connector": 1 })),
            asked("connect-ev", json!({ "evse": 1 })),
            asked("present-token", json!({ "token": "T", "type": "ISO14434" })),
            asked("send", json!({ "action": "Rest", "payload": {}, "station": "S" })),
            // The requests of every version follow.
            asked("send", json!({ "action": "BootNotification", "payload": {}, "station": "S" }))
                .split_once(", ")
                .map_or(String::new(), |(beginning, _)| beginning.to_owned()),
            asked("restore", json!({ "what": "security-profile", "value": 2, "station": "S" })),
            asked("restore", json!({ "what": "security-profile", "value": 3, "station": "S" })),
            asked("configure", json!({ "what": "password", "value": "x", "station": "S" })),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        sound
        the operator is asked wrongly for `connect-ev`: `evse` must be a whole number from 0, found the text "one" (correct it, or write an expression that yields such a value)
        the operator is asked wrongly for `connect-ev`: `connect-ev` lacks its parameter `connector` (add `connector: …` under `with`)
        the operator is asked wrongly for `present-token`: `type` can't be the text "ISO14434" (did you mean `ISO14443`?)
        the operator is asked wrongly for `send`: `action` can't be the text "Rest" (did you mean `Reset`?)
        the operator is asked wrongly for `send`: `action` can't be the text "BootNotification" (known: AFRRSignal
        sound
        the operator is asked wrongly for `restore`: it can't give `security-profile` the value `3` (known: 1, 2)
        the operator is asked wrongly for `configure`: unknown setting `password`
        "#);
    }
}
