//! The manual actions that test cases may ask for, with the wording for a person.

use super::settings;

/// One known manual action.
#[derive(Debug, Clone, Copy)]
pub struct ActionInfo {
    /// Its name in test cases and in the adapter's contract.
    pub name: &'static str,
    /// Parameters it takes; those ending in `?` are optional.
    pub parameters: &'static [&'static str],
    /// The wording for a person, a minijinja template over the parameters. One that ends in `?` is a question.
    pub prompt: &'static str,
}

/// Every manual action: of a charging station under test, and (from `send` on) of a CSMS under test.
pub const ACTIONS: &[ActionInfo] = &[
    ActionInfo { name: "power-cycle", parameters: &[], prompt: "Reboot the charging station (power it off and on)." },
    ActionInfo {
        name: "drive-in",
        parameters: &["evse"],
        prompt: "Drive the EV into the parking bay of EVSE {{ evse }}.",
    },
    ActionInfo {
        name: "drive-out",
        parameters: &["evse"],
        prompt: "Drive the EV out of the parking bay of EVSE {{ evse }}.",
    },
    ActionInfo {
        name: "connect-ev",
        parameters: &["evse", "connector"],
        prompt: "Connect the EV to EVSE {{ evse }}, connector {{ connector }} (both ends of the cable).",
    },
    ActionInfo {
        name: "disconnect-ev",
        parameters: &["evse", "connector"],
        prompt: "Unplug the EV from EVSE {{ evse }}, connector {{ connector }} (both ends of the cable).",
    },
    ActionInfo {
        name: "disconnect-ev-side",
        parameters: &["evse", "connector"],
        prompt: "Unplug the cable at the EV only; leave the other end in EVSE {{ evse }}, connector {{ connector }}.",
    },
    ActionInfo {
        name: "reconnect-ev-side",
        parameters: &["evse", "connector"],
        prompt: "Plug the cable into the EV again (EVSE {{ evse }}, connector {{ connector }}).",
    },
    ActionInfo {
        name: "disconnect-station-side",
        parameters: &["evse", "connector"],
        prompt: "Take the cable, which the EV has left, out of EVSE {{ evse }}, connector {{ connector }}.",
    },
    ActionInfo { name: "select-evse", parameters: &["evse"], prompt: "Select EVSE {{ evse }} on the station." },
    ActionInfo {
        name: "present-token",
        parameters: &["token", "type", "evse?"],
        prompt: "Present the idToken {{ token }} ({{ type }}){% if evse %} for EVSE {{ evse }}{% endif %}.",
    },
    ActionInfo { name: "press-start", parameters: &["evse"], prompt: "Press the start button of EVSE {{ evse }}." },
    ActionInfo { name: "press-stop", parameters: &["evse"], prompt: "Press the stop button of EVSE {{ evse }}." },
    ActionInfo {
        name: "stop-with-master-pass",
        parameters: &["evse?"],
        prompt: "On the master pass screen, select to stop {% if evse %}the transaction on EVSE {{ evse }}{% else %}all transactions{% endif %}.",
    },
    ActionInfo { name: "ev-suspend", parameters: &["evse"], prompt: "Let the EV on EVSE {{ evse }} suspend charging." },
    ActionInfo {
        name: "ev-not-ready",
        parameters: &["evse"],
        prompt: "Set the EV meant for EVSE {{ evse }} so that it is not ready to take energy when plugged in.",
    },
    ActionInfo { name: "ev-resume", parameters: &["evse"], prompt: "Let the EV on EVSE {{ evse }} draw energy again." },
    ActionInfo {
        name: "evse-suspend",
        parameters: &["evse"],
        prompt: "Let EVSE {{ evse }} suspend the energy supply.",
    },
    ActionInfo {
        name: "jam-lock",
        parameters: &["evse", "connector"],
        prompt: "Keep the lock of EVSE {{ evse }}, connector {{ connector }} from moving (a plug not fully in, a cable under tension).",
    },
    ActionInfo {
        name: "free-lock",
        parameters: &["evse", "connector"],
        prompt: "Let the lock of EVSE {{ evse }}, connector {{ connector }} move again.",
    },
    ActionInfo {
        name: "store-customer",
        parameters: &["identifier"],
        prompt: "Store information about the customer {{ identifier }} in the station.",
    },
    ActionInfo { name: "network-down", parameters: &[], prompt: "Cut the station's network connection." },
    ActionInfo { name: "network-up", parameters: &[], prompt: "Restore the station's network connection." },
    ActionInfo {
        name: "remove-certificate",
        parameters: &[],
        prompt: "Remove the station's client certificate (ChargingStationCertificate), if it has one.",
    },
    ActionInfo {
        name: "restore-sut",
        parameters: &["reason"],
        prompt: "Bring the product back; the run goes on as soon as it is ready. {{ reason }}",
    },
    ActionInfo {
        name: "send",
        parameters: &["action", "payload", "station"],
        prompt: "Let the CSMS send {{ action }} to station {{ station }} with {{ payload | tojson }}.",
    },
    ActionInfo {
        name: settings::CONFIGURE,
        parameters: &["what", "value", "interval?", "station"],
        prompt: "Set the CSMS up to answer the next BootNotification of station {{ station }} with the status {{ value }}{% if interval is defined %} and an interval of {{ interval }} s{% endif %}.",
    },
    ActionInfo {
        name: settings::RESTORE,
        parameters: &["what", "value", "interval?", "station"],
        prompt: "{% if what == 'next-boot' %}Let the CSMS accept station {{ station }} again when it boots. There is nothing to do if the CSMS has forgotten its setting after one BootNotification.{% elif what == 'security-profile' %}Set station {{ station }} back to security profile {{ value }} at the CSMS.{% else %}Set the password of station {{ station }} at the CSMS back to the one in the bench.{% endif %}",
    },
    ActionInfo {
        name: "check-variable",
        parameters: &["component", "variable", "value", "station"],
        prompt: "Does the CSMS show {{ component }}.{{ variable }} = {{ value }} for station {{ station }}?",
    },
];

impl ActionInfo {
    /// The names of its parameters, each with whether it must be given.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.parameters.iter().map(|name| match name.strip_suffix('?') {
            Some(name) => (name, false),
            None => (*name, true),
        })
    }

    /// True when a person is asked to look at something rather than to do something.
    pub fn is_question(&self) -> bool {
        self.prompt.ends_with('?')
    }
}

/// Looks an action up by its name.
pub fn find(name: &str) -> Option<&'static ActionInfo> {
    ACTIONS.iter().find(|action| action.name == name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        Set the CSMS up to answer the next BootNotification of station CS001 with the status Pending and an interval of 20 s.
        Let the CSMS accept station CS001 again when it boots. There is nothing to do if the CSMS has forgotten its setting after one BootNotification.
        Set station CS001 back to security profile 1 at the CSMS.
        Set the password of station CS001 at the CSMS back to the one in the bench.
        ");
        assert!(!find(settings::RESTORE).unwrap().is_question());
    }
}
