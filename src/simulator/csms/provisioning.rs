//! Boot, and what is known of the station's device model.

use std::collections::{BTreeMap, HashSet, VecDeque};

use serde_json::{Value, json};

use crate::manual_action::ActionOutcome;

/// Most variables that are kept.
const MAX_VARIABLES: usize = 20_000;

/// How long a status holds that was set for the next BootNotification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BootSetting {
    /// For one BootNotification.
    #[default]
    Once,
    /// Until somebody sets it back.
    UntilRestored,
}

/// The station's registration and its variables.
pub(super) struct Provisioning {
    interval: u64,
    /// The device model is still to be asked for.
    inventory: bool,
    /// Statuses for the next BootNotifications, before Accepted.
    next_boots: VecDeque<(String, Option<u64>)>,
    /// How long such a status holds.
    boot_setting: BootSetting,
    /// The status of the last BootNotificationResponse.
    registration: Option<String>,
    /// Messages that were triggered, and reports that were asked for, while the station is not accepted.
    triggered: HashSet<String>,
    /// `Component.Variable` → value.
    variables: BTreeMap<String, String>,
}

/// `Component[instance].Variable[instance]`, instances only where there are any.
fn name_of(item: &Value) -> Option<String> {
    let part = |part: &Value| {
        let name = part["name"].as_str()?;
        Some(part["instance"].as_str().map_or_else(|| name.to_owned(), |instance| format!("{name}[{instance}]")))
    };
    Some(format!("{}.{}", part(&item["component"])?, part(&item["variable"])?))
}

impl Provisioning {
    pub(super) fn new(interval: u64, inventory: bool, boot_setting: BootSetting) -> Self {
        Self {
            interval,
            inventory,
            next_boots: VecDeque::new(),
            boot_setting,
            registration: None,
            triggered: HashSet::new(),
            variables: BTreeMap::new(),
        }
    }

    pub(super) fn next_boot(&mut self, status: &str, interval: Option<u64>) {
        if self.boot_setting == BootSetting::UntilRestored {
            self.next_boots.clear();
        }
        self.next_boots.push_back((status.to_owned(), interval));
    }

    /// What was set for boots holds no longer.
    pub(super) fn accept_boots(&mut self) {
        self.next_boots.clear();
    }

    pub(super) fn connected(&mut self) {
        self.triggered.clear();
    }

    pub(super) fn boot(&mut self, now: &str) -> Value {
        let set = match self.boot_setting {
            BootSetting::Once => self.next_boots.pop_front(),
            BootSetting::UntilRestored => self.next_boots.front().cloned(),
        };
        let (status, interval) = set.unwrap_or_else(|| ("Accepted".into(), None));
        if self.registration.as_deref() == Some("Accepted") {
            // What was asked for while it was accepted lets a station that is told to wait send nothing (B02.FR.09).
            self.triggered.clear();
        }
        self.registration = Some(status.clone());
        json!({ "currentTime": now, "interval": interval.unwrap_or(self.interval), "status": status })
    }

    /// True once, when the station is accepted for the first time.
    pub(super) fn wants_inventory(&mut self) -> bool {
        self.registration.as_deref() == Some("Accepted") && std::mem::take(&mut self.inventory)
    }

    /// Whether a station may send this now: until it is accepted only its boot, and what it was asked for (B02.FR.09,
    /// B03.FR.07).
    pub(super) fn permits(&self, action: &str, payload: &Value) -> bool {
        match self.registration.as_deref() {
            Some("Accepted") => true,
            _ if action == "BootNotification" => true,
            Some("Pending") if action == "NotifyReport" => self.triggered.contains(&payload["requestId"].to_string()),
            Some("Pending") => self.triggered.contains(action),
            _ => false,
        }
    }

    /// Nothing may be sent to a station that was rejected (B03.FR.03).
    pub(super) fn may_initiate(&self) -> bool {
        self.registration.as_deref() != Some("Rejected")
    }

    /// A CALL goes out; what it asks for will be let in.
    pub(super) fn asked(&mut self, action: &str, payload: &Value) {
        let wanted = match action {
            "TriggerMessage" => match payload["requestedMessage"].as_str().unwrap_or_default() {
                "SignChargingStationCertificate" | "SignV2GCertificate" | "SignCombinedCertificate" => {
                    "SignCertificate".to_owned()
                }
                other => other.to_owned(),
            },
            "GetBaseReport" | "GetReport" => payload["requestId"].to_string(),
            _ => return,
        };
        self.triggered.insert(wanted);
    }

    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        match action {
            "GetVariables" => {
                for item in response["getVariableResult"].as_array().into_iter().flatten() {
                    let actual = item.get("attributeType").is_none_or(|kind| kind == "Actual");
                    if actual && item["attributeStatus"] == "Accepted" {
                        self.learn(item, &item["attributeValue"]);
                    }
                }
            }
            "SetVariables" => {
                let results = response["setVariableResult"].as_array().map(Vec::as_slice).unwrap_or_default();
                for item in request["setVariableData"].as_array().into_iter().flatten() {
                    let taken = results.iter().any(|result| {
                        name_of(result) == name_of(item)
                            && (result["attributeStatus"] == "Accepted"
                                || result["attributeStatus"] == "RebootRequired")
                    });
                    let actual = item.get("attributeType").is_none_or(|kind| kind == "Actual");
                    // Passwords are not for the eyes of operators (A01.FR.09).
                    if taken && actual && item["variable"]["name"] != "BasicAuthPassword" {
                        self.learn(item, &item["attributeValue"]);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes a part of a report in.
    pub(super) fn reported(&mut self, payload: &Value) -> Value {
        for item in payload["reportData"].as_array().into_iter().flatten() {
            for attribute in item["variableAttribute"].as_array().into_iter().flatten() {
                if attribute.get("type").is_none_or(|kind| kind == "Actual") {
                    self.learn(item, &attribute["value"]);
                }
            }
        }
        json!({})
    }

    fn learn(&mut self, item: &Value, value: &Value) {
        if let (Some(name), Some(value)) = (name_of(item), value.as_str()) {
            if self.variables.len() < MAX_VARIABLES || self.variables.contains_key(&name) {
                self.variables.insert(name, value.to_owned());
            }
        }
    }

    /// Whether the console shows this value of a variable.
    pub(super) fn shows(&self, component: &str, variable: &str, value: &str) -> ActionOutcome {
        let name = format!("{component}.{variable}");
        match self.variables.get(&name) {
            Some(found) if found == value => ActionOutcome::Done,
            Some(found) => ActionOutcome::Denied(format!("{name} is shown as `{found}`")),
            None => ActionOutcome::Denied(format!("{name} is not shown")),
        }
    }
}
