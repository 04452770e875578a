//! Which member of a `SetDERControlRequest` holds a control (R04.FR.16).

/// The members that controls stand in.
pub const MEMBERS: [&str; 8] = [
    "curve",
    "enterService",
    "fixedPFAbsorb",
    "fixedPFInject",
    "fixedVar",
    "freqDroop",
    "gradient",
    "limitMaxDischarge",
];

/// The member that a control of this type stands in (DERControlEnumType); those without one of their own are curves.
pub fn member(kind: &str) -> &'static str {
    match kind {
        "EnterService" => "enterService",
        "FixedPFAbsorb" => "fixedPFAbsorb",
        "FixedPFInject" => "fixedPFInject",
        "FixedVar" => "fixedVar",
        "FreqDroop" => "freqDroop",
        "Gradients" => "gradient",
        "LimitMaxDischarge" => "limitMaxDischarge",
        _ => "curve",
    }
}
