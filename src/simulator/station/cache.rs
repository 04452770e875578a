//! The authorization cache (use cases C10 to C12).

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

/// A token's key in cache and list: type and text without regard to case.
pub(super) fn key(token: &Value) -> String {
    format!(
        "{}:{}",
        token["type"].as_str().unwrap_or_default(),
        token["idToken"].as_str().unwrap_or_default().to_lowercase()
    )
}

#[derive(Debug, Clone)]
struct Entry {
    info: Value,
    used: Instant,
}

/// What the CSMS last said of the tokens that were presented.
#[derive(Debug, Clone)]
pub(super) struct TokenCache {
    entries: HashMap<String, Entry>,
    capacity: usize,
}

impl TokenCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity }
    }

    /// What is known of a token, which is used by that. An entry that has expired is removed (C10.FR.10): at its own
    /// cacheExpiryDateTime (C10.FR.13), or else when it was not used for so long (C10.FR.08).
    pub(super) fn look_up(&mut self, token: &Value, life_time: Option<Duration>, now: Timestamp) -> Option<Value> {
        let key = key(token);
        let entry = self.entries.get_mut(&key)?;
        let expiry = entry.info["cacheExpiryDateTime"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
        let expired = match expiry {
            Some(expiry) => expiry <= now,
            None => life_time.is_some_and(|life_time| entry.used.elapsed() >= life_time),
        };
        if expired {
            self.entries.remove(&key);
            return None;
        }
        entry.used = Instant::now();
        Some(entry.info.clone())
    }

    /// Keeps what the CSMS says (C10.FR.04, C10.FR.05). A full cache forgets a token that is not accepted first, and
    /// then the one that was not used for longest (C10.FR.07).
    pub(super) fn remember(&mut self, token: &Value, info: &Value) {
        let key = key(token);
        if !self.entries.contains_key(&key) && self.entries.len() >= self.capacity {
            let order = |entry: &Entry| (entry.info["status"] == "Accepted", entry.used);
            let oldest = self.entries.iter().min_by_key(|(_, entry)| order(entry)).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(key, Entry { info: info.clone(), used: Instant::now() });
    }

    /// Forgets a token.
    pub(super) fn forget(&mut self, token: &Value) {
        self.entries.remove(&key(token));
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DAY: Option<Duration> = Some(Duration::from_hours(24));

    fn token(text: &str) -> Value {
        json!({ "idToken": text, "type": "ISO14443" })
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_lives_from_its_last_use() {
        let mut cache = TokenCache::new(10);
        let life_time = Some(Duration::from_secs(5));
        cache.remember(&token("AA"), &json!({ "status": "Accepted" }));
        for _ in 0..2 {
            tokio::time::advance(Duration::from_secs(4)).await;
            assert!(cache.look_up(&token("aa"), life_time, Timestamp::UNIX_EPOCH).is_some());
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(cache.look_up(&token("AA"), life_time, Timestamp::UNIX_EPOCH), None);
    }

    #[tokio::test(start_paused = true)]
    async fn its_own_expiry_date_goes_first() {
        let mut cache = TokenCache::new(10);
        cache.remember(&token("AA"), &json!({ "status": "Accepted", "cacheExpiryDateTime": "2026-01-01T00:00:00Z" }));
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let none = Some(Duration::ZERO);
        assert!(cache.look_up(&token("AA"), none, at("2025-12-31T23:59:59Z")).is_some());
        assert!(cache.look_up(&token("AA"), DAY, at("2026-01-01T00:00:00Z")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_forgets_the_refused_and_the_oldest() {
        let mut cache = TokenCache::new(2);
        cache.remember(&token("A"), &json!({ "status": "Accepted" }));
        tokio::time::advance(Duration::from_secs(1)).await;
        cache.remember(&token("B"), &json!({ "status": "Invalid" }));
        tokio::time::advance(Duration::from_secs(1)).await;
        cache.remember(&token("C"), &json!({ "status": "Accepted" }));
        let mut known = |text: &str| cache.look_up(&token(text), DAY, Timestamp::UNIX_EPOCH).is_some();
        assert!(known("A") && !known("B") && known("C"));
        tokio::time::advance(Duration::from_secs(1)).await;
        cache.look_up(&token("A"), DAY, Timestamp::UNIX_EPOCH);
        cache.remember(&token("D"), &json!({ "status": "Accepted" }));
        let mut known = |text: &str| cache.look_up(&token(text), DAY, Timestamp::UNIX_EPOCH).is_some();
        assert!(known("A") && !known("C") && known("D"));
    }
}
