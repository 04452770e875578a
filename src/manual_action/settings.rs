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
}

impl Setting {
    /// All of them.
    pub const ALL: [Setting; 3] = [Self::NextBoot, Self::SecurityProfile, Self::Password];

    /// The word in test cases, in benches and in what an adapter is told.
    pub fn word(self) -> &'static str {
        match self {
            Self::NextBoot => "next-boot",
            Self::SecurityProfile => "security-profile",
            Self::Password => "password",
        }
    }

    /// The setting of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.word() == word)
    }

    /// The settings that a manual action can be about; none where it is about no setting.
    pub fn of(action: &str) -> &'static [Setting] {
        match action {
            // The other two are set by messages.
            CONFIGURE => &[Self::NextBoot],
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
