//! The items of an answer, gathered until it is complete.

use serde_json::{Value, json};

use crate::llm::failure::broken::Broken;
use crate::llm::wire::responses::event::ItemPlace;
use crate::llm::wire::responses::item::{AnswerItem, ItemKind, written};

/// More items than this in one answer are refused.
const MAX_ITEMS: usize = 2_048;
/// All events of one answer together, which say everything up to three times; in bytes.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The items so far, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct AnswerItems {
    items: Vec<AnswerItem>,
    bytes: usize,
}

impl AnswerItems {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, AnswerItem> {
        self.items.iter()
    }

    /// An item begins. One that comes again begins nothing.
    pub(super) fn begin(&mut self, value: Value, index: Option<u64>) -> Result<usize, Broken> {
        if !value.is_object() {
            return Err(Broken::new("an item is not an object"));
        }
        self.grow(value.to_string().len())?;
        let item = AnswerItem::new(value, index);
        if let Some(at) = self.same(&item) {
            return Ok(at);
        }
        if self.items.len() >= MAX_ITEMS {
            return Err(Broken::new("more than 2048 items in one answer"));
        }
        self.items.push(item);
        Ok(self.items.len() - 1)
    }

    /// Begins the message that an event tells of although its item was never announced.
    pub(super) fn imply(&mut self, place: &ItemPlace) -> Result<&mut AnswerItem, Broken> {
        let value = json!({"type": "message", "id": place.item_id});
        let at = self.begin(value, place.output_index)?;
        Ok(&mut self.items[at])
    }

    /// An item is complete. None when it was before: it was repeated.
    pub(super) fn finish(
        &mut self,
        value: Value,
        index: Option<u64>,
    ) -> Result<Option<&mut AnswerItem>, Broken> {
        let at = self.begin(value.clone(), index)?;
        let item = &mut self.items[at];
        if item.is_done {
            return Ok(None);
        }
        item.finish(value);
        Ok(Some(item))
    }

    /// Arguments of a call grow.
    pub(super) fn argue(&mut self, place: &ItemPlace, delta: &str) -> Result<(), Broken> {
        self.grow(delta.len())?;
        let Some(item) = self.at(place, ItemKind::Call) else {
            return self.lost(place, "arguments belong to no call");
        };
        if !item.is_done {
            item.arguments.push_str(delta);
        }
        Ok(())
    }

    /// Arguments of a call are complete, and replace what came of them in pieces.
    pub(super) fn settle(&mut self, place: &ItemPlace, arguments: &Value) -> Result<(), Broken> {
        let Some(arguments) = written(arguments).filter(|text| !text.trim().is_empty()) else {
            return Ok(());
        };
        self.grow(arguments.len())?;
        let Some(item) = self.at(place, ItemKind::Call) else {
            return self.lost(place, "arguments belong to no call");
        };
        if !item.is_done {
            item.arguments = arguments;
        }
        Ok(())
    }

    /// The item of a kind that an event belongs to. What the event says of it may be wrong in one of
    /// two ways, so a known id counts more than a position, and a position more than nothing.
    pub(super) fn at(&mut self, place: &ItemPlace, kind: ItemKind) -> Option<&mut AnswerItem> {
        let id = place.item_id.as_deref().unwrap_or_default();
        let is_named =
            |item: &AnswerItem| !id.is_empty() && (item.id() == id || item.call_id() == id);
        let by_id = self.items.iter().rposition(is_named);
        let is_there = |item: &AnswerItem| item.index == place.output_index && item.kind == kind;
        let by_index = || {
            place.output_index?;
            self.items.iter().rposition(is_there)
        };
        let open = || {
            let is_open = |item: &AnswerItem| item.kind == kind && !item.is_done;
            self.items.iter().rposition(is_open)
        };
        let at = by_id.or_else(by_index).or_else(open)?;
        self.items.get_mut(at).filter(|item| item.kind == kind)
    }

    /// An event that finds no item of its kind: of an item that is not ours to read, or of none at all.
    fn lost(&self, place: &ItemPlace, reason: &str) -> Result<(), Broken> {
        let id = place.item_id.as_deref().unwrap_or_default();
        let is_foreign = |item: &AnswerItem| item.kind != ItemKind::Call && item.id() == id;
        if self.items.iter().any(is_foreign) {
            return Ok(());
        }
        Err(Broken::new(reason))
    }

    /// The place of an item that came before, by any of its ids; or, where a server gives the same item
    /// another id with every event, by its position.
    fn same(&self, item: &AnswerItem) -> Option<usize> {
        let ids = [item.id(), item.call_id()];
        let shares_id = |known: &AnswerItem| {
            let mut own = [known.id(), known.call_id()].into_iter();
            own.any(|id| !id.is_empty() && ids.contains(&id))
        };
        let is_other_call = |known: &AnswerItem| {
            known.kind == ItemKind::Call
                && known.is_done
                && known.id() != item.id()
                && known.arguments != item.arguments
                && !item.arguments.is_empty()
        };
        let is_same = |known: &AnswerItem| {
            known.kind == item.kind && shares_id(known) && !is_other_call(known)
        };
        let goes_on = |known: &AnswerItem| {
            let calls = [known.call_id(), item.call_id()];
            let is_other = calls[0] != calls[1] && calls.iter().all(|id| !id.is_empty());
            item.index.is_some()
                && known.index == item.index
                && known.kind == item.kind
                && !known.is_done
                && !is_other
        };
        let known = self.items.iter();
        known
            .clone()
            .rposition(is_same)
            .or_else(|| known.clone().rposition(goes_on))
    }

    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Broken> {
        self.bytes += bytes;
        if self.bytes > MAX_BYTES {
            return Err(Broken::new("the answer exceeds 32 MiB"));
        }
        Ok(())
    }
}
