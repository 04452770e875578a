//! Configuration keys (5.3, 5.8, 9).

use super::super::domain::{Domain, Mutability};
use crate::pics::Pics;

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
    /// UpdateFirmware.
    pub(super) firmware: bool,
    /// GetDiagnostics.
    pub(super) diagnostics: bool,
    /// TriggerMessage.
    pub(super) trigger: bool,
    /// The security whitepaper.
    pub(super) security: bool,
    /// SignedUpdateFirmware.
    pub(super) signed_firmware: bool,
    /// A back-up power source lasts to stop transactions and report them.
    pub(super) back_up_power: bool,
    /// Charging profiles.
    pub(super) smart_charging: bool,
    local_list: bool,
    reservation: bool,
}

impl Features {
    pub(super) fn of(pics: &Pics) -> Self {
        let profile = |id: &str| pics.profiles.iter().any(|profile| profile.id() == id);
        let secure = ["C-61", "P16-SP2"].into_iter().any(|id| pics.is_yes(id)) || profile("advanced-security");
        Self {
            firmware: pics.is_yes("P16-FW"),
            diagnostics: pics.is_yes("P16-DIAG"),
            trigger: pics.is_yes("P16-TRIGGER"),
            security: secure,
            signed_firmware: secure && pics.is_yes("P16-SFW"),
            back_up_power: pics.is_yes("P16-BACKUP"),
            smart_charging: profile("smart-charging"),
            local_list: pics.is_yes("LA-0") || profile("local-authorization-list"),
            reservation: pics.is_yes("R-0") || profile("reservation"),
        }
    }
}

/// A boolean setting whose possible values the PICS names; read-only where there is only one.
fn switch(pics: &Pics, can_be_true: &str, can_be_false: &str) -> (Mutability, &'static str) {
    match (pics.is_yes(can_be_true), pics.is_yes(can_be_false)) {
        (true, false) => (Mutability::ReadOnly, "true"),
        (false, true) => (Mutability::ReadOnly, "false"),
        _ => (Mutability::ReadWrite, "true"),
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
        use Mutability::{ReadOnly as R, ReadWrite as RW, WriteOnly as W};
        let features = Features::of(pics);
        let mut settings = Vec::new();
        let mut add = |key, mutability, value: &str, domain| {
            settings.push(Setting { key, value: value.to_owned(), mutability, domain });
        };
        let bound = |id: &str, fallback: i64| pics.number(id).unwrap_or(fallback);
        let measurands = |id: &str| {
            let supported: Vec<&str> = pics.list(id).iter().map(String::as_str).collect();
            list(if supported.is_empty() { &MEASURANDS } else { &supported })
        };
        let first = |id: &str| pics.list(id).first().map_or(MEASURANDS[0], String::as_str);
        let rotation = (1..=connectors).map(|number| format!("{number}.RST")).collect::<Vec<_>>().join(",");
        let profiles = [
            ("Core", true),
            ("FirmwareManagement", features.firmware || features.diagnostics),
            ("LocalAuthListManagement", features.local_list),
            ("Reservation", features.reservation),
            ("RemoteTrigger", features.trigger),
            ("SmartCharging", features.smart_charging),
        ];
        let profiles: Vec<&str> = profiles.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect();
        // 9.1
        if pics.is_yes("C-02") {
            add("AllowOfflineTxForUnknownId", RW, "false", Domain::Boolean);
        }
        if pics.is_yes("C-49") {
            add("AuthorizationCacheEnabled", RW, "true", Domain::Boolean);
        }
        let (mutability, value) = switch(pics, "C-48.1", "C-48.2");
        add("AuthorizeRemoteTxRequests", mutability, value, Domain::Boolean);
        add("ClockAlignedDataInterval", RW, "0", integer(0, DAY));
        add("ConnectionTimeOut", RW, "60", integer(0, DAY));
        add("ConnectorPhaseRotation", RW, &rotation, Domain::Text(500));
        let most = bound("P16-KEYS", 50);
        add("GetConfigurationMaxKeys", R, &most.to_string(), integer(1, i64::MAX));
        add("HeartbeatInterval", RW, "300", integer(bound("ORS-11", 0), bound("ORS-12", DAY)));
        add("LocalAuthorizeOffline", RW, "true", Domain::Boolean);
        add("LocalPreAuthorize", RW, "false", Domain::Boolean);
        add("MaxEnergyOnInvalidId", RW, "0", integer(0, 100_000));
        add("MeterValuesAlignedData", RW, first("C-40.4"), measurands("C-40.4"));
        add("MeterValuesSampledData", RW, first("C-40.2"), measurands("C-40.2"));
        add("MeterValueSampleInterval", RW, "60", Domain::Integer(0, bound("ORS-10", DAY)));
        add("MinimumStatusDuration", RW, "0", integer(0, DAY));
        add("NumberOfConnectors", R, &connectors.to_string(), integer(1, i64::MAX));
        add("ResetRetries", RW, "0", integer(0, 10));
        let (mutability, value) = switch(pics, "C-06.2", "C-06.1");
        add("StopTransactionOnEVSideDisconnect", mutability, value, Domain::Boolean);
        add("StopTransactionOnInvalidId", RW, "true", Domain::Boolean);
        add("StopTxnAlignedData", RW, "", measurands("C-40.5"));
        add("StopTxnSampledData", RW, "", measurands("C-40.3"));
        add("SupportedFeatureProfiles", R, &profiles.join(","), Domain::Text(500));
        add("TransactionMessageAttempts", RW, "3", integer(0, 100));
        add("TransactionMessageRetryInterval", RW, "60", integer(0, DAY));
        // Errata 3.84: a fixed cable is never unlocked.
        let fixed = pics.evses.iter().flat_map(|evse| &evse.connectors).all(|connector| connector.cable == "fixed");
        let (mutability, value) = if fixed { (R, "false") } else { (RW, "true") };
        add("UnlockConnectorOnEVSideDisconnect", mutability, value, Domain::Boolean);
        // 9.2
        if features.local_list {
            let (all, once) = (bound("ORS-19", 1000).to_string(), bound("ORS-20", 100).to_string());
            add("LocalAuthListEnabled", RW, "true", Domain::Boolean);
            add("LocalAuthListMaxLength", R, &all, integer(1, i64::MAX));
            add("SendLocalListMaxLength", R, &once, integer(1, i64::MAX));
        }
        // 9.3
        if features.reservation {
            let any = pics.is_yes("P16-RES0").to_string();
            add("ReserveConnectorZeroSupported", R, &any, Domain::Boolean);
        }
        // 9.4
        if features.smart_charging {
            let units = [("SC-2.1", "Current"), ("SC-2.2", "Power")].into_iter().filter(|(id, _)| pics.is_yes(id));
            let units: Vec<&str> = units.map(|(_, unit)| unit).collect();
            let number = |id: &str| bound(id, 10).to_string();
            add("ChargeProfileMaxStackLevel", R, &number("P16-LEVEL"), integer(0, i64::MAX));
            add("ChargingScheduleAllowedChargingRateUnit", R, &units.join(","), Domain::Text(500));
            add("ChargingScheduleMaxPeriods", R, &number("P16-PERIODS"), integer(1, i64::MAX));
            add("MaxChargingProfilesInstalled", R, &number("P16-PROFILES"), integer(1, i64::MAX));
        }
        // Security whitepaper, 7
        if features.security {
            let store = bound("ORS-17", 10).to_string();
            let protocols = pics.list("ORS-24").join(",");
            add("AdditionalRootCertificateCheck", R, "false", Domain::Boolean);
            add("AuthorizationKey", W, "", Domain::Text(40));
            add("CertificateSignedMaxChainSize", R, "10000", integer(0, 10_000));
            add("CertificateStoreMaxLength", R, &store, integer(1, i64::MAX));
            add("CpoName", RW, "", Domain::Text(500));
            add("SecurityProfile", RW, "1", integer(0, 3));
            add("SupportedFileTransferProtocols", R, &protocols, Domain::Text(500));
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
