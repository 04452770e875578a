//! Configuration keys (5.3, 5.8, 9).

use super::super::domain::{Domain, Mutability};
use crate::pics::{Answer, Pics, Profile};

/// One configuration setting.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) mutability: Mutability,
    domain: Domain,
}

/// What came of a ChangeConfiguration (ConfigurationStatus, 7.22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Accepted,
    Rejected,
    NotSupported,
}

impl Change {
    pub(super) fn word(self) -> &'static str {
        match self {
            Change::Accepted => "Accepted",
            Change::Rejected => "Rejected",
            Change::NotSupported => "NotSupported",
        }
    }
}

/// The configuration of a charge point.
#[derive(Debug, Clone)]
pub(super) struct Configuration {
    settings: Vec<Setting>,
}

/// The measurands that the reference meter reads (7.31).
const MEASURANDS: [&str; 4] = ["Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage"];
/// A day, in seconds.
const DAY: i64 = 86_400;

/// What a product has beside the core of OCPP 1.6, as its PICS says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Features {
    cache: bool,
    offline_unknown: bool,
    local_list: bool,
    reservation: bool,
    reserve_any: bool,
}

impl Features {
    pub(super) fn of(pics: &Pics) -> Self {
        // An option is there unless the PICS denies it; the profiles decide where the PICS lists them.
        let has = |id: &str| !matches!(pics.answer(id), Some(Answer::Bool(false)));
        Self {
            cache: has("C-49"),
            offline_unknown: has("C-02"),
            local_list: pics.has_profile(Profile::LOCAL_AUTHORIZATION_LIST) || pics.is_yes("LA-0"),
            reservation: pics.has_profile(Profile::RESERVATION) || pics.is_yes("R-0"),
            reserve_any: pics.is_yes("P16-RES0"),
        }
    }
}

fn integer(min: i64, max: i64) -> Domain {
    Domain::Integer(min, max)
}

fn list(all: &[&str]) -> Domain {
    Domain::MemberList(all.iter().map(|word| (*word).to_owned()).collect())
}

impl Configuration {
    /// The configuration of the product that the PICS describes.
    pub(super) fn new(pics: &Pics, connectors: usize) -> Self {
        use Mutability::{ReadOnly as R, ReadWrite as RW};
        let features = Features::of(pics);
        let mut settings = Vec::new();
        let mut add = |key, mutability, value: &str, domain| {
            settings.push(Setting { key, value: value.to_owned(), mutability, domain });
        };
        let measurands = || list(&MEASURANDS);
        let rotation = (1..=connectors).map(|number| format!("{number}.RST")).collect::<Vec<_>>().join(",");
        let mut profiles = vec!["Core", "FirmwareManagement", "RemoteTrigger"];
        profiles.extend(features.local_list.then_some("LocalAuthListManagement"));
        profiles.extend(features.reservation.then_some("Reservation"));
        // 9.1
        if features.offline_unknown {
            add("AllowOfflineTxForUnknownId", RW, "false", Domain::Boolean);
        }
        if features.cache {
            add("AuthorizationCacheEnabled", RW, "true", Domain::Boolean);
        }
        add("AuthorizeRemoteTxRequests", RW, "true", Domain::Boolean);
        add("ClockAlignedDataInterval", RW, "0", integer(0, DAY));
        add("ConnectionTimeOut", RW, "60", integer(0, DAY));
        add("ConnectorPhaseRotation", RW, &rotation, Domain::Text(500));
        add("GetConfigurationMaxKeys", R, "50", integer(1, 50));
        add("HeartbeatInterval", RW, "300", integer(0, DAY));
        add("LocalAuthorizeOffline", RW, "true", Domain::Boolean);
        add("LocalPreAuthorize", RW, "false", Domain::Boolean);
        add("MaxEnergyOnInvalidId", RW, "0", integer(0, 100_000));
        add("MeterValuesAlignedData", RW, MEASURANDS[0], measurands());
        add("MeterValuesSampledData", RW, MEASURANDS[0], measurands());
        add("MeterValueSampleInterval", RW, "60", integer(0, DAY));
        add("MinimumStatusDuration", RW, "0", integer(0, DAY));
        add("NumberOfConnectors", R, &connectors.to_string(), integer(1, i64::MAX));
        add("ResetRetries", RW, "0", integer(0, 10));
        add("StopTransactionOnEVSideDisconnect", RW, "true", Domain::Boolean);
        add("StopTransactionOnInvalidId", RW, "true", Domain::Boolean);
        add("StopTxnAlignedData", RW, "", measurands());
        add("StopTxnSampledData", RW, "", measurands());
        add("SupportedFeatureProfiles", R, &profiles.join(","), Domain::Text(500));
        add("TransactionMessageAttempts", RW, "3", integer(0, 100));
        add("TransactionMessageRetryInterval", RW, "60", integer(0, DAY));
        add("UnlockConnectorOnEVSideDisconnect", RW, "true", Domain::Boolean);
        // 9.2
        if features.local_list {
            add("LocalAuthListEnabled", RW, "true", Domain::Boolean);
            add("LocalAuthListMaxLength", R, "1000", integer(1, 1000));
            add("SendLocalListMaxLength", R, "100", integer(1, 100));
        }
        // 9.3
        if features.reservation {
            add("ReserveConnectorZeroSupported", R, &features.reserve_any.to_string(), Domain::Boolean);
        }
        Self { settings }
    }

    /// All settings, or those with these names.
    pub(super) fn all(&self) -> &[Setting] {
        &self.settings
    }

    /// A setting. Keys are not case-sensitive (CiString50Type).
    pub(super) fn find(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.key.eq_ignore_ascii_case(key))
    }

    /// True when there is such a setting.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The value of a setting; empty where there is none.
    pub(super) fn get(&self, key: &str) -> &str {
        self.find(key).map_or("", |setting| setting.value.as_str())
    }

    /// True when a boolean setting is true.
    pub(super) fn is(&self, key: &str) -> bool {
        self.get(key).eq_ignore_ascii_case("true")
    }

    /// The number of a numeric setting.
    pub(super) fn number(&self, key: &str) -> u64 {
        self.get(key).parse().unwrap_or(0)
    }

    /// Sets a value from within.
    pub(super) fn put(&mut self, key: &str, value: &str) {
        if let Some(setting) = self.settings.iter_mut().find(|setting| setting.key.eq_ignore_ascii_case(key)) {
            value.clone_into(&mut setting.value);
        }
    }

    /// ChangeConfiguration (5.3).
    pub(super) fn change(&mut self, key: &str, value: &str) -> Change {
        let Some(setting) = self.find(key) else { return Change::NotSupported };
        let value = match setting.domain {
            Domain::Boolean => value.to_lowercase(),
            _ => value.to_owned(),
        };
        if setting.mutability == Mutability::ReadOnly || !setting.domain.admits(&value) {
            return Change::Rejected;
        }
        self.put(key, &value);
        Change::Accepted
    }
}
