use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::connection::{Connection, Info};
use crate::decode::Endpoint;

/// A connection and what the later stages keep for it.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) connection: Connection,
    pub(super) conversation: T,
}

/// All connections, found by their endpoints in either order.
///
/// A redirected connection is found under both of its servers' addresses.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Option<Slot<T>>>,
    free: Vec<u32>,
    /// Half of the hash and the place in `slots`: most misses are told apart without a look there.
    index: HashTable<(u32, u32)>,
    /// Connections with packets in one direction only, by an endpoint of theirs: candidates for
    /// the other half of a redirected one. One per endpoint, which is exact for clients' ports.
    one_sided: HashTable<(Endpoint, u32)>,
    hasher: RandomState,
    /// The connection found last, with its hash: the next packet is often of the same one.
    last: (u32, u32),
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            one_sided: HashTable::new(),
            hasher: RandomState::default(),
            last: (0, 0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Places in use or once used; for walking through all of them.
    pub(super) fn places(&self) -> u32 {
        self.slots.len() as u32
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> Option<&Slot<T>> {
        self.slots.get(id as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Slot<T>> {
        self.slots.get_mut(id as usize)?.as_mut()
    }

    #[inline]
    pub(super) fn find(&mut self, a: &Endpoint, b: &Endpoint, place: u32) -> Option<u32> {
        let hash = self.hash(a, b, place);
        let (last_hash, last) = self.last;
        if last_hash == hash && self.is(last, a, b, place) {
            return Some(last);
        }
        let (_, id) =
            *self.index.find(spread(hash), |(h, id)| *h == hash && self.is(*id, a, b, place))?;
        self.last = (hash, id);
        Some(id)
    }

    #[inline]
    fn is(&self, id: u32, a: &Endpoint, b: &Endpoint, place: u32) -> bool {
        self.get(id).is_some_and(|slot| slot.connection.joins(a, b, place))
    }

    pub(super) fn insert(&mut self, slot: Slot<T>) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        let (info, place) = (slot.connection.info, slot.connection.place);
        self.slots[id as usize] = Some(slot);
        self.point(id, &info.client, &info.server, place);
        id
    }

    /// Makes a connection findable under these endpoints.
    pub(super) fn point(&mut self, id: u32, a: &Endpoint, b: &Endpoint, place: u32) {
        let hash = self.hash(a, b, place);
        self.index.insert_unique(spread(hash), (hash, id), |(hash, _)| spread(*hash));
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Slot<T>> {
        self.unlink(id);
        self.slots.get_mut(id as usize)?.take()
    }

    /// Removes it where it stands.
    pub(super) fn forget(&mut self, id: u32) {
        self.unlink(id);
        if let Some(slot) = self.slots.get_mut(id as usize) {
            *slot = None;
        }
    }

    /// Makes it unfindable and its place free.
    fn unlink(&mut self, id: u32) {
        let Some(Slot { connection, .. }) = self.get(id) else { return };
        let Info { client, server, .. } = connection.info;
        let (place, one_sided) = (connection.place, connection.one_sided);
        let redirect = connection.redirect.as_deref().copied();
        self.unpoint(id, &client, &server, place);
        if let Some(redirect) = redirect {
            self.unpoint(id, &client, &redirect, place);
        }
        if one_sided {
            self.forget_one_sided(id, client);
            self.forget_one_sided(id, server);
        }
        self.free.push(id);
    }

    fn unpoint(&mut self, id: u32, a: &Endpoint, b: &Endpoint, place: u32) {
        let hash = self.hash(a, b, place);
        if let Ok(entry) = self.index.find_entry(spread(hash), |(_, other)| *other == id) {
            entry.remove();
        }
    }

    pub(super) fn note_one_sided(&mut self, id: u32, endpoint: Endpoint) {
        let hash = self.hasher.hash_one(endpoint);
        match self.one_sided.find_mut(hash, |(e, _)| *e == endpoint) {
            Some(entry) => entry.1 = id,
            None => {
                let hasher = &self.hasher;
                self.one_sided.insert_unique(hash, (endpoint, id), |(e, _)| hasher.hash_one(e));
            }
        }
    }

    pub(super) fn one_sided(&self, endpoint: Endpoint) -> Option<u32> {
        let hash = self.hasher.hash_one(endpoint);
        self.one_sided.find(hash, |(e, _)| *e == endpoint).map(|(_, id)| *id)
    }

    pub(super) fn forget_one_sided(&mut self, id: u32, endpoint: Endpoint) {
        let hash = self.hasher.hash_one(endpoint);
        if let Ok(entry) = self.one_sided.find_entry(hash, |(e, i)| *e == endpoint && *i == id) {
            entry.remove();
        }
    }

    /// Equal for both orders of the endpoints.
    #[inline]
    fn hash(&self, a: &Endpoint, b: &Endpoint, place: u32) -> u32 {
        let hash = match (a, b) {
            (Endpoint::V4(a), Endpoint::V4(b)) => {
                self.hasher.hash_one((*a.min(b) ^ u64::from(place).rotate_right(16), *a.max(b)))
            }
            _ => self.hasher.hash_one((a.min(b), a.max(b), place)),
        };
        (hash >> 32) as u32 ^ hash as u32
    }
}

/// The table takes its place from the low bits and its tag from the high ones.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
