//! Real-time priority for threads that stamp.
//!
//! On a machine with fewer cores than work the operating system lets a thread that wakes wait for those that run, some
//! milliseconds at a time; a thread with a real-time priority goes first. That needs a privilege (on Linux `CAP_SYS_NICE`, or a
//! limit `RLIMIT_RTPRIO` above zero), so it is asked for, and done without where it is refused.

/// The thread of a link. It stands above the peers of a calibration, which count down the end of each delay.
pub(super) const OF_LINK: u8 = 10;
/// The peers of a calibration: what they are late would count as an error of the harness.
pub(crate) const OF_PEER: u8 = 5;

/// Asks for a real-time priority, 1 to 99, for the thread that calls; true where it is granted.
#[cfg(unix)]
pub(crate) fn ask_for(priority: u8) -> bool {
    use thread_priority::{
        RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let value = priority.try_into().map(ThreadPriority::Crossplatform);
    value.is_ok_and(|value| set_thread_priority_and_policy(thread_native_id(), value, policy).is_ok())
}

/// Asks for the highest priority for the thread that calls; true where it is granted.
#[cfg(not(unix))]
pub(crate) fn ask_for(_: u8) -> bool {
    thread_priority::set_current_thread_priority(thread_priority::ThreadPriority::Max).is_ok()
}

/// True where the threads of links get a real-time priority.
pub(crate) fn is_granted() -> bool {
    std::thread::spawn(|| ask_for(OF_LINK)).join().unwrap_or(false)
}
