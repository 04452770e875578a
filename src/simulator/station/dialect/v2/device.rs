//! The device model: components and variables, as the PICS has them.

mod custom_triggers;
mod languages;
mod network;
mod payment;

pub use super::super::domain::{Domain, Mutability};
use super::displays;
use crate::{
    pics::{Pics, Profile},
    protocol::Version,
    simulator::station::{composite::Unit, physical::Evse as Hardware},
};

/// A variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Component.
    pub component: &'static str,
    /// Instance of the component.
    pub component_instance: Option<String>,
    /// EVSE and connector of the component.
    pub place: Option<(u32, Option<u32>)>,
    /// Variable.
    pub name: &'static str,
    /// Instance of the variable.
    pub instance: Option<&'static str>,
    /// Actual value.
    pub value: String,
    /// Who may do what.
    pub mutability: Mutability,
    /// Values it takes.
    pub domain: Domain,
    /// A change takes effect after a reboot.
    pub reboot: bool,
    /// Keeps its value over a reboot.
    pub persistent: bool,
}

impl Variable {
    /// A variable of the whole station, without instances, that takes effect at once and outlives a reboot.
    pub fn new(
        component: &'static str,
        name: &'static str,
        mutability: Mutability,
        (value, domain): (String, Domain),
    ) -> Self {
        Self {
            component,
            component_instance: None,
            place: None,
            name,
            instance: None,
            value,
            mutability,
            domain,
            reboot: false,
            persistent: true,
        }
    }
}

/// The device model.
#[derive(Debug, Clone)]
pub struct Device {
    /// All variables.
    pub variables: Vec<Variable>,
}

fn boolean(value: bool) -> (String, Domain) {
    (value.to_string(), Domain::Boolean)
}

fn integer(value: i64, min: i64, max: i64) -> (String, Domain) {
    (value.to_string(), Domain::Integer(min, max))
}

fn sequence(value: &str, all: Vec<String>) -> (String, Domain) {
    (value.to_owned(), Domain::SequenceList(all))
}

fn decimal(value: f64, min: f64, max: f64) -> (String, Domain) {
    (value.to_string(), Domain::Decimal(min, max))
}

fn members(value: &[String], all: &[String]) -> (String, Domain) {
    (value.join(","), Domain::MemberList(all.to_vec()))
}

fn options(value: &str, all: &[&str]) -> (String, Domain) {
    (value.to_owned(), Domain::OptionList(all.iter().map(|text| (*text).to_owned()).collect()))
}

fn text(value: &str, length: usize) -> (String, Domain) {
    (value.to_owned(), Domain::Text(length))
}

fn measurands(pics: &Pics, id: &str) -> Vec<String> {
    match pics.answer(id) {
        Some(crate::pics::Answer::Measurands { supported, .. }) => supported.clone(),
        _ => vec!["Energy.Active.Import.Register".to_owned()],
    }
}

/// How many charging profiles the station keeps.
pub const MOST_PROFILES: usize = 20;

/// How many network connection profiles the station keeps.
const NETWORK_SLOTS: i64 = 9;

/// The unit that a variable is in, as the standard has it.
pub fn unit(component: &str, name: &str) -> Option<&'static str> {
    Some(match (component, name) {
        (_, "MaxEnergyOnInvalidId") => "Wh",
        ("EVSE", "Power") => "W",
        (_, "LimitChangeSignificance") => "Percent",
        (_, "Storage") => "B",
        (_, name) if name.ends_with("Interval") || name.ends_with("TimeOut") || name.ends_with("Timeout") => "s",
        (_, "OfflineThreshold" | "LifeTime" | "CertSigningWaitMinimum") => "s",
        (_, "RetryBackOffWaitMinimum" | "RetryBackOffRandomRange") => "s",
        _ => return None,
    })
}

impl Device {
    /// The device model of the product that the PICS describes.
    pub fn new(pics: &Pics) -> Self {
        use Mutability::{ReadOnly as R, ReadWrite as RW, WriteOnly as W};
        let mut device = Self { variables: Vec::new() };
        let mut add = |component: &'static str, name: &'static str, mutability, (value, domain): (String, Domain)| {
            device.variables.push(Variable::new(component, name, mutability, (value, domain)));
        };
        let yes = |id: &str| pics.is_yes(id);
        let bound = |id: &str, fallback: i64| pics.number(id).unwrap_or(fallback);
        let strings = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let protocols = pics.list("ORS-24").to_vec();
        add("OCPPCommCtrlr", "HeartbeatInterval", RW, integer(300, bound("ORS-11", 1), bound("ORS-12", 86_400)));
        add("OCPPCommCtrlr", "OfflineThreshold", RW, integer(60, 0, 86_400));
        let slots = (1..=NETWORK_SLOTS).map(|slot| slot.to_string()).collect();
        add("OCPPCommCtrlr", "NetworkConfigurationPriority", RW, sequence("1", slots));
        add("OCPPCommCtrlr", "ActiveNetworkProfile", R, integer(1, 1, NETWORK_SLOTS));
        add("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", RW, integer(3, 1, 100));
        add("OCPPCommCtrlr", "RetryBackOffWaitMinimum", RW, integer(2, 0, 3600));
        add("OCPPCommCtrlr", "RetryBackOffRandomRange", RW, integer(1, 0, 3600));
        add("OCPPCommCtrlr", "RetryBackOffRepeatTimes", RW, integer(2, 0, 20));
        add("OCPPCommCtrlr", "ResetRetries", RW, integer(1, 0, 10));
        add(
            "OCPPCommCtrlr",
            "UnlockOnEVSideDisconnect",
            if yes("C-12.1") && yes("C-12.2") { RW } else { R },
            boolean(yes("C-12.1")),
        );
        let ping = integer(bound("ORS-16", 60), 0, bound("ORS-15", 3600));
        add("OCPPCommCtrlr", "WebSocketPingInterval", RW, ping);
        add("OCPPCommCtrlr", "FileTransferProtocols", R, members(&protocols, &protocols));
        if yes("C-21") {
            add("OCPPCommCtrlr", "QueueAllMessages", RW, boolean(false));
        }
        add("AuthCtrlr", "Enabled", RW, boolean(true));
        let remote = if yes("C-48.1") && yes("C-48.2") { RW } else { R };
        add("AuthCtrlr", "AuthorizeRemoteStart", remote, boolean(yes("C-48.1")));
        add("AuthCtrlr", "LocalAuthorizeOffline", RW, boolean(yes("C-01")));
        add("AuthCtrlr", "LocalPreAuthorize", RW, boolean(false));
        if yes("C-02") {
            add("AuthCtrlr", "OfflineTxForUnknownIdEnabled", RW, boolean(false));
        }
        if yes("C-58") {
            add("AuthCtrlr", "DisableRemoteAuthorization", RW, boolean(false));
        }
        if yes("C-07") || yes("C-08") {
            add("AuthCtrlr", "MasterPassGroupId", RW, text("", 36));
        }
        if yes("C-49") {
            add("AuthCacheCtrlr", "Enabled", RW, boolean(true));
            add("AuthCacheCtrlr", "Available", R, boolean(true));
            if yes("C-53") {
                add("AuthCacheCtrlr", "LifeTime", RW, integer(86_400, 0, 10_000_000));
            }
            if yes("C-59") {
                add("AuthCacheCtrlr", "DisablePostAuthorize", RW, boolean(false));
            }
        }
        if pics.supports(Profile::LOCAL_AUTHORIZATION_LIST) {
            add("LocalAuthListCtrlr", "Enabled", RW, boolean(true));
            add("LocalAuthListCtrlr", "Available", R, boolean(true));
            if yes("LA-3") {
                add("LocalAuthListCtrlr", "DisablePostAuthorize", RW, boolean(false));
            }
            add("LocalAuthListCtrlr", "Entries", R, integer(0, 0, 10_000));
            let items = bound("ORS-20", 100);
            add("LocalAuthListCtrlr", "ItemsPerMessage", R, integer(items, items, items));
            let bytes = bound("ORS-21", 10_000);
            add("LocalAuthListCtrlr", "BytesPerMessage", R, integer(bytes, bytes, bytes));
        }
        let starts = strings(&pics.tx_start_points());
        let stops = strings(&pics.tx_stop_points());
        // What can't be changed is all that the product supports.
        let default_start = if yes("C-51") { &starts[..1.min(starts.len())] } else { &starts[..] };
        add("TxCtrlr", "TxStartPoint", if yes("C-51") { RW } else { R }, members(default_start, &starts));
        let default_stop = if yes("C-52") { &stops[..1.min(stops.len())] } else { &stops[..] };
        add("TxCtrlr", "TxStopPoint", if yes("C-52") { RW } else { R }, members(default_stop, &stops));
        add("TxCtrlr", "EVConnectionTimeOut", RW, integer(60, 1, 3600));
        add("TxCtrlr", "StopTxOnInvalidId", RW, boolean(true));
        let both = yes("C-06.1") && yes("C-06.2");
        add("TxCtrlr", "StopTxOnEVSideDisconnect", if both { RW } else { R }, boolean(yes("C-06.2")));
        if yes("C-03") {
            add("TxCtrlr", "MaxEnergyOnInvalidId", RW, integer(0, 0, 100_000));
        }
        add("TxCtrlr", "TxBeforeAcceptedEnabled", R, boolean(false));
        let attempts = (bound("ORS-7", 0), bound("ORS-8", 3600));
        for (name, id) in
            [("TxStartedMeasurands", "C-40.1"), ("TxUpdatedMeasurands", "C-40.2"), ("TxEndedMeasurands", "C-40.3")]
        {
            let all = measurands(pics, id);
            add("SampledDataCtrlr", name, RW, members(&all[..1.min(all.len())], &all));
        }
        if yes("C-42") {
            add("SampledDataCtrlr", "SignReadings", RW, boolean(false));
            add("AlignedDataCtrlr", "SignReadings", RW, boolean(false));
            let policies = ["Never", "OncePerTransaction", "EveryMeterValue"];
            add("OCPPCommCtrlr", "PublicKeyWithSignedMeterValue", RW, options("EveryMeterValue", &policies));
        }
        add("SampledDataCtrlr", "TxUpdatedInterval", RW, integer(0, 0, bound("ORS-10", 86_400)));
        add("SampledDataCtrlr", "TxEndedInterval", RW, integer(0, 0, 86_400));
        for (name, id) in [("Measurands", "C-40.4"), ("TxEndedMeasurands", "C-40.5")] {
            let all = measurands(pics, id);
            add("AlignedDataCtrlr", name, RW, members(&all[..1.min(all.len())], &all));
        }
        if yes("C-28") {
            add("AlignedDataCtrlr", "SendDuringIdle", RW, boolean(false));
        }
        add("AlignedDataCtrlr", "Interval", RW, integer(0, 0, 86_400));
        add("AlignedDataCtrlr", "TxEndedInterval", RW, integer(0, 0, 86_400));
        add("SecurityCtrlr", "BasicAuthPassword", W, text("", 40));
        add("SecurityCtrlr", "Identity", RW, text("", 48));
        add("SecurityCtrlr", "OrganizationName", RW, text(&pics.product.vendor, 64));
        add("SecurityCtrlr", "CertificateEntries", R, integer(0, 0, bound("ORS-17", 10)));
        add("SecurityCtrlr", "SecurityProfile", R, integer(1, 0, 3));
        if yes("AS-2") {
            add("SecurityCtrlr", "AdditionalRootCertificateCheck", R, boolean(true));
        }
        if yes("AS-3") {
            add("SecurityCtrlr", "CertSigningWaitMinimum", RW, integer(30, 1, 3600));
            add("SecurityCtrlr", "CertSigningRepeatTimes", RW, integer(2, 0, 10));
        }
        let chain = bound("ORS-18", 10_000);
        add("SecurityCtrlr", "MaxCertificateChainSize", R, integer(chain, chain, chain));
        add("ClockCtrlr", "DateTime", R, ("2026-01-01T00:00:00Z".into(), Domain::DateTime));
        let sources = pics.list("C-23").to_vec();
        let source = sources.first().cloned().unwrap_or_default();
        add("ClockCtrlr", "TimeSource", RW, sequence(&source, sources));
        if yes("C-26") {
            add("ClockCtrlr", "TimeZone", RW, text("Europe/Amsterdam", 64));
        }
        if yes("C-25") {
            add("ClockCtrlr", "TimeOffset", RW, text("+00:00", 6));
        }
        add("ChargingStation", "Available", R, boolean(true));
        if yes("C-20") {
            add("ChargingStation", "AllowNewSessionsPendingFirmwareUpdate", RW, boolean(true));
        }
        let states = ["Available", "Occupied", "Reserved", "Unavailable", "Faulted"];
        add("ChargingStation", "AvailabilityState", R, options("Available", &states));
        add("ChargingStation", "SupplyPhases", R, integer(3, 0, 3));
        add("ChargingStation", "Model", R, text(&pics.product.designation.chars().take(20).collect::<String>(), 20));
        add("ChargingStation", "VendorName", R, text(&pics.product.vendor.chars().take(50).collect::<String>(), 50));
        if super::smart_charging::is_supported(pics) {
            let units = [("SC-2.1", "A"), ("SC-2.2", "W")].into_iter().filter(|(id, _)| yes(id));
            let mut units: Vec<String> = units.map(|(_, unit)| unit.to_owned()).collect();
            if units.is_empty() {
                units = strings(&["A"]);
            }
            add("SmartChargingCtrlr", "Enabled", RW, boolean(true));
            add("SmartChargingCtrlr", "Available", R, boolean(true));
            add("SmartChargingCtrlr", "LimitChangeSignificance", RW, decimal(1.0, 0.0, 100.0));
            add("SmartChargingCtrlr", "PeriodsPerSchedule", R, integer(24, 1, 1024));
            add("SmartChargingCtrlr", "ProfileStackLevel", R, integer(8, 0, 8));
            add("SmartChargingCtrlr", "RateUnit", R, members(&units, &units));
            add("SmartChargingCtrlr", "Phases3to1", R, boolean(true));
        }
        if pics.supports(Profile::RESERVATION) {
            add("ReservationCtrlr", "Enabled", if yes("R-3") { RW } else { R }, boolean(true));
            add("ReservationCtrlr", "Available", R, boolean(true));
            add("ReservationCtrlr", "NonEvseSpecific", R, boolean(yes("R-2")));
        }
        if displays::has_display(pics) {
            let chosen = |ids: &[(&str, &str)]| -> Vec<String> {
                ids.iter().filter(|(id, _)| yes(id)).map(|(_, name)| (*name).to_owned()).collect()
            };
            let priorities = chosen(&[("UI-1.1", "AlwaysFront"), ("UI-1.2", "InFront"), ("UI-1.3", "NormalCycle")]);
            let formats = chosen(&[("UI-2.1", "ASCII"), ("UI-2.2", "HTML"), ("UI-2.3", "URI"), ("UI-2.4", "UTF8")]);
            add("DisplayMessageCtrlr", "Enabled", RW, boolean(true));
            add("DisplayMessageCtrlr", "Available", R, boolean(true));
            add("DisplayMessageCtrlr", "DisplayMessages", R, integer(0, 0, displays::MOST));
            add(displays::DISPLAY, "Available", R, boolean(true)); // O01.FR.21
            add("DisplayMessageCtrlr", "SupportedFormats", R, members(&formats, &formats));
            add("DisplayMessageCtrlr", "SupportedPriorities", R, members(&priorities, &priorities));
            add("TariffCostCtrlr", "Currency", RW, text("EUR", 3));
            add("TariffCostCtrlr", "TariffFallbackMessage", RW, text("", 255));
            add("TariffCostCtrlr", "TotalCostFallbackMessage", RW, text("", 255));
        }
        if pics.supports(Profile::ADVANCED_DEVICE_MANAGEMENT) {
            add("MonitoringCtrlr", "Enabled", RW, boolean(true));
            add("MonitoringCtrlr", "Available", R, boolean(true));
            let bases = ["All", "FactoryDefault", "HardWiredOnly"];
            add("MonitoringCtrlr", "ActiveMonitoringBase", R, options("All", &bases));
            add("MonitoringCtrlr", "ActiveMonitoringLevel", R, integer(9, 0, 9));
            if yes("DM-3") {
                add("MonitoringCtrlr", "OfflineQueuingSeverity", RW, integer(5, 0, 9));
            }
            if yes("AQ-5") {
                add("ShockSensor", "Active", R, boolean(false));
            }
        }
        if pics.has_profile(Profile::ISO_15118) {
            add("ISO15118Ctrlr", "ContractValidationOffline", RW, boolean(true));
            if yes("ISO-5") {
                add("ISO15118Ctrlr", "CentralContractValidationAllowed", RW, boolean(true));
            }
            add("ISO15118Ctrlr", "PnCEnabled", RW, boolean(true));
            add("ISO15118Ctrlr", "ContractCertificateInstallationEnabled", RW, boolean(true));
            add("ISO15118Ctrlr", "V2GCertificateInstallationEnabled", RW, boolean(true));
            add("ISO15118Ctrlr", "SeccId", RW, text("SECC0000001", 255));
            add("ISO15118Ctrlr", "CountryName", RW, text("NL", 2));
            let organisation: String = pics.product.vendor.chars().take(64).collect();
            add("ISO15118Ctrlr", "OrganizationName", RW, text(&organisation, 64));
        }
        let mut instance = |component, name, instance, mutability, (value, domain): (String, Domain)| {
            device.variables.push(Variable {
                instance: Some(instance),
                ..Variable::new(component, name, mutability, (value, domain))
            });
        };
        instance("OCPPCommCtrlr", "MessageTimeout", "Default", R, integer(30, 30, 30));
        instance("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent", RW, integer(3, 1, 10));
        let (low, high) = attempts;
        instance("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent", RW, integer(low.max(1), low, high));
        for (name, kind) in [("ItemsPerMessage", 0), ("BytesPerMessage", 3)] {
            for (offset, which) in ["GetReport", "GetVariables", "SetVariables"].into_iter().enumerate() {
                let id = format!("ORS-{}", kind + offset + 1);
                let value = bound(&id, if kind == 0 { 100 } else { 100_000 });
                instance("DeviceDataCtrlr", name, which, R, integer(value, value, value));
            }
        }
        if super::smart_charging::is_supported(pics) {
            let most = i64::try_from(MOST_PROFILES).unwrap_or(i64::MAX);
            instance("SmartChargingCtrlr", "Entries", "ChargingProfiles", R, integer(0, 0, most));
        }
        if pics.supports(Profile::ADVANCED_DEVICE_MANAGEMENT) {
            for which in ["SetVariableMonitoring", "ClearVariableMonitoring"] {
                instance("MonitoringCtrlr", "ItemsPerMessage", which, R, integer(10, 10, 10));
                instance("MonitoringCtrlr", "BytesPerMessage", which, R, integer(10_000, 10_000, 10_000));
            }
        }
        if displays::has_display(pics) {
            for which in ["Tariff", "Cost"] {
                instance("TariffCostCtrlr", "Enabled", which, RW, boolean(true));
                instance("TariffCostCtrlr", "Available", which, R, boolean(true));
            }
        }
        for evse in &pics.evses {
            let mut at = |component, name, connector, (value, domain): (String, Domain)| {
                device.variables.push(Variable {
                    place: Some((evse.id, connector)),
                    persistent: false,
                    ..Variable::new(component, name, R, (value, domain))
                });
            };
            at("EVSE", "Available", None, boolean(true));
            at("EVSE", "AvailabilityState", None, options("Available", &states));
            at("EVSE", "SupplyPhases", None, integer(if evse.phases.contains('3') { 3 } else { 1 }, 0, 3));
            at("EVSE", "Power", None, decimal(0.0, 0.0, Hardware::new(evse).rated(Unit::Watt).number()));
            at("EVSE", "AllowReset", None, boolean(yes("C-13")));
            for connector in &evse.connectors {
                at("Connector", "Available", Some(connector.id), boolean(true));
                at("Connector", "AvailabilityState", Some(connector.id), options("Available", &states));
                at("Connector", "ConnectorType", Some(connector.id), text(&connector.kind, 20));
                if connector.cable != "fixed" {
                    at("ConnectorPlugRetentionLock", "Problem", Some(connector.id), boolean(false));
                }
                at(
                    "Connector",
                    "SupplyPhases",
                    Some(connector.id),
                    integer(if evse.phases.contains('3') { 3 } else { 1 }, 0, 3),
                );
            }
        }
        for variable in &mut device.variables {
            variable.reboot = variable.name == "NetworkConfigurationPriority";
        }
        device
    }

    /// What the station has of its own since OCPP 2.1: a NetworkConfiguration for every slot; the language of displays.
    pub fn bring_up_to(&mut self, version: Version) {
        if version != Version::V2_1 {
            return;
        }
        self.add_network_configuration();
        let displays = self.variable("DisplayMessageCtrlr", "SupportedFormats").cloned();
        if let Some(known) = displays {
            let mut add = |name: &'static str, (value, domain): (String, Domain)| {
                self.variables.push(Variable { name, value, domain, ..known.clone() });
            };
            add("Language", options("en", &["en"]));
            let states: Vec<String> = displays::STATES.iter().map(|state| (*state).to_owned()).collect();
            add("SupportedStates", members(&states, &states));
        }
        for variable in &mut self.variables {
            if matches!(variable.name, "TariffFallbackMessage" | "TotalCostFallbackMessage") {
                variable.instance = Some("en");
            }
        }
    }

    /// The value of a variable without instance or place; empty when it is not implemented.
    pub fn get(&self, component: &str, name: &str) -> &str {
        self.variables
            .iter()
            .find(|variable| variable.component == component && variable.name == name && variable.place.is_none())
            .map_or("", |variable| variable.value.as_str())
    }

    /// A variable without instance or place.
    pub fn variable(&self, component: &str, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| {
            variable.component == component
                && variable.component_instance.is_none()
                && variable.name == name
                && variable.place.is_none()
                && variable.instance.is_none()
        })
    }

    /// The value of a variable's instance.
    pub fn instance(&self, component: &str, name: &str, instance: &str) -> Option<&str> {
        let of = |variable: &&Variable| {
            variable.component == component && variable.name == name && variable.instance == Some(instance)
        };
        self.variables.iter().find(of).map(|variable| variable.value.as_str())
    }

    /// True when a boolean variable is true.
    pub fn is(&self, component: &str, name: &str) -> bool {
        self.get(component, name) == "true"
    }

    /// The number of a numeric variable.
    pub fn number(&self, component: &str, name: &str) -> u64 {
        self.get(component, name).parse().unwrap_or(0)
    }

    /// True when a list variable has the member.
    pub fn lists(&self, component: &str, name: &str, member: &str) -> bool {
        self.get(component, name).split(',').any(|part| part.trim() == member)
    }

    /// Sets a value from within.
    pub fn put(&mut self, component: &str, name: &str, value: impl Into<String>) {
        let found = self
            .variables
            .iter_mut()
            .find(|variable| variable.component == component && variable.name == name && variable.place.is_none());
        if let Some(variable) = found {
            variable.value = value.into();
        }
    }

    /// Sets a value of an EVSE or a connector from within; true when that changed it.
    pub fn put_at(&mut self, component: &str, place: (u32, Option<u32>), name: &str, value: &str) -> bool {
        let of = |variable: &&mut Variable| {
            variable.component == component && variable.name == name && variable.place == Some(place)
        };
        let Some(variable) = self.variables.iter_mut().find(of).filter(|variable| variable.value != value) else {
            return false;
        };
        value.clone_into(&mut variable.value);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_there_once_with_a_value_it_may_have() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics");
        for name in ["beny-bcpcv-ct2m-p", "cp-flex-plus-eu", "reference-station", "simulated-station"] {
            let pics = crate::pics::reader::read(&folder.join(format!("{name}.yaml"))).unwrap();
            let device = Device::new(&pics);
            for (at, variable) in device.variables.iter().enumerate() {
                let same = |other: &Variable| {
                    (other.component, other.place, other.name, other.instance)
                        == (variable.component, variable.place, variable.name, variable.instance)
                };
                assert!(!device.variables[..at].iter().any(same), "{name}: twice: {variable:?}");
                assert!(variable.domain.admits(&variable.value), "{name}: {variable:?}");
                if let Domain::MemberList(all) | Domain::SequenceList(all) | Domain::OptionList(all) = &variable.domain
                {
                    assert!(!all.is_empty(), "{name}: {variable:?}");
                }
            }
        }
    }
}
