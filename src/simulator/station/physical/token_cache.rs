//! The authorization cache: what the CSMS last said of the tokens that were presented.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

/// What the CSMS said of a token.
#[derive(Debug, Clone)]
pub struct CachedToken {
    /// All of it, as the dialect keeps it.
    pub info: Value,
    /// The token may charge.
    pub accepted: bool,
    /// What was said holds until then.
    pub expiry: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Entry {
    token: CachedToken,
    used: Instant,
}

/// What the CSMS last said of the tokens that were presented, by a key that the dialect makes of the token.
#[derive(Debug, Clone)]
pub struct TokenCache {
    entries: HashMap<String, Entry>,
    capacity: usize,
}

impl TokenCache {
    /// An empty cache for so many tokens.
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity }
    }

    /// What is known of a token, which is used by that. An entry that has expired is removed: at its own expiry, or else
    /// when it was not used for so long.
    pub fn look_up(&mut self, key: &str, life_time: Option<Duration>, now: Timestamp) -> Option<CachedToken> {
        let entry = self.entries.get_mut(key)?;
        let expired = match entry.token.expiry {
            Some(expiry) => expiry <= now,
            None => life_time.is_some_and(|life_time| entry.used.elapsed() >= life_time),
        };
        if expired {
            self.entries.remove(key);
            return None;
        }
        entry.used = Instant::now();
        Some(entry.token.clone())
    }

    /// Keeps what the CSMS says. A full cache forgets a token that is not accepted first, and then the one that was not used
    /// for longest.
    pub fn remember(&mut self, key: String, token: CachedToken) {
        if !self.entries.contains_key(&key) && self.entries.len() >= self.capacity {
            let order = |entry: &Entry| (entry.token.accepted, entry.used);
            let oldest = self.entries.iter().min_by_key(|(_, entry)| order(entry)).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(key, Entry { token, used: Instant::now() });
    }

    /// Forgets a token.
    pub fn forget(&mut self, key: &str) {
        self.entries.remove(key);
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Option<Duration> = Some(Duration::from_hours(24));

    fn said(accepted: bool, expiry: Option<&str>) -> CachedToken {
        CachedToken { info: Value::Null, accepted, expiry: expiry.map(|time| time.parse().unwrap()) }
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_lives_from_its_last_use() {
        let mut cache = TokenCache::new(10);
        let life_time = Some(Duration::from_secs(5));
        cache.remember("AA".into(), said(true, None));
        for _ in 0..2 {
            tokio::time::advance(Duration::from_secs(4)).await;
            assert!(cache.look_up("AA", life_time, Timestamp::UNIX_EPOCH).is_some());
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(cache.look_up("AA", life_time, Timestamp::UNIX_EPOCH).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn its_own_expiry_date_goes_first() {
        let mut cache = TokenCache::new(10);
        cache.remember("AA".into(), said(true, Some("2026-01-01T00:00:00Z")));
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let none = Some(Duration::ZERO);
        assert!(cache.look_up("AA", none, at("2025-12-31T23:59:59Z")).is_some());
        assert!(cache.look_up("AA", DAY, at("2026-01-01T00:00:00Z")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_forgets_the_refused_and_the_oldest() {
        let mut cache = TokenCache::new(2);
        cache.remember("A".into(), said(true, None));
        tokio::time::advance(Duration::from_secs(1)).await;
        cache.remember("B".into(), said(false, None));
        tokio::time::advance(Duration::from_secs(1)).await;
        cache.remember("C".into(), said(true, None));
        let mut known = |key: &str| cache.look_up(key, DAY, Timestamp::UNIX_EPOCH).is_some();
        assert!(known("A") && !known("B") && known("C"));
        tokio::time::advance(Duration::from_secs(1)).await;
        cache.look_up("A", DAY, Timestamp::UNIX_EPOCH);
        cache.remember("D".into(), said(true, None));
        let mut known = |key: &str| cache.look_up(key, DAY, Timestamp::UNIX_EPOCH).is_some();
        assert!(known("A") && !known("C") && known("D"));
    }
}
