//! What of a CSMS under test outlasts a manual action: settings that somebody makes, and that somebody has to undo.

/// The manual action that makes a setting.
pub const CONFIGURE: &str = "configure";
/// The manual action that undoes one.
pub const RESTORE: &str = "restore";

/// A setting of the CSMS, as `what` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// The status with which the CSMS answers a BootNotification of the station (B02, B03).
    NextBoot,
    /// The security profile with which the CSMS lets the station in. A message raises it, and none lowers it (A05.FR.02).
    SecurityProfile,
    /// The password of Basic authentication that the CSMS has for the station. A message sets it (A01).
    Password,
    /// What the CSMS says of the energy transfers that an EV may use, when its driver authorizes (OCPP 2.1: Q01, Q02).
    EnergyTransfer,
    /// Whether the CSMS gives EVs that tell their needs over ISO 15118-20 a charging profile (OCPP 2.1: K18, K19).
    EvSchedules,
}

impl Setting {
    /// All of them.
    pub const ALL: [Setting; 5] =
        [Self::NextBoot, Self::SecurityProfile, Self::Password, Self::EnergyTransfer, Self::EvSchedules];

    /// The word in test cases, in benches and in what an adapter is told.
    pub fn word(self) -> &'static str {
        match self {
            Self::NextBoot => "next-boot",
            Self::SecurityProfile => "security-profile",
            Self::Password => "password",
            Self::EnergyTransfer => "energy-transfer",
            Self::EvSchedules => "ev-schedules",
        }
    }

    /// The setting of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.word() == word)
    }

    /// The settings that a manual action can be about; none where it is about no setting.
    pub fn of(action: &str) -> &'static [Setting] {
        match action {
            // Security profile and password are set by messages.
            CONFIGURE => &[Self::NextBoot, Self::EnergyTransfer, Self::EvSchedules],
            RESTORE => &Self::ALL,
            _ => &[],
        }
    }

    /// The values that a manual action can give it; none where any may do.
    pub fn values(self, action: &str) -> &'static [&'static str] {
        match (self, action) {
            (Self::NextBoot, CONFIGURE) => &["Pending", "Rejected"],
            (Self::NextBoot, _) => &["Accepted"],
            (Self::SecurityProfile, _) => &["1", "2"],
            (Self::Password, _) => &[],
            (Self::EnergyTransfer, CONFIGURE) => &["undetermined", "charging-only"],
            (Self::EnergyTransfer, _) => &["determined"],
            (Self::EvSchedules, CONFIGURE) => &["none"],
            (Self::EvSchedules, _) => &["given"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_word_and_can_be_restored() {
        for setting in Setting::ALL {
            assert_eq!(Setting::named(setting.word()), Some(setting));
            assert!(Setting::of(RESTORE).contains(&setting));
        }
        assert_eq!(Setting::named("boot"), None);
        assert!(Setting::of("send").is_empty());
    }

    #[test]
    fn nothing_is_restored_to_what_it_is_configured_to() {
        for setting in Setting::of(CONFIGURE) {
            let restored = setting.values(RESTORE);
            assert!(setting.values(CONFIGURE).iter().all(|value| !restored.contains(value)));
        }
    }
}
