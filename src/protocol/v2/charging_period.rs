//! What a period of a charging schedule may have in OCPP 2.1.

/// Its limits and setpoints, which an update of a Dynamic profile can change (ChargingScheduleUpdateType).
pub const BOUNDS: [&str; 12] = [
    "limit",
    "limit_L2",
    "limit_L3",
    "dischargeLimit",
    "dischargeLimit_L2",
    "dischargeLimit_L3",
    "setpoint",
    "setpoint_L2",
    "setpoint_L3",
    "setpointReactive",
    "setpointReactive_L2",
    "setpointReactive_L3",
];
