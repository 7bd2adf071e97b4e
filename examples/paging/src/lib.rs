//! Splitting a list into pages.

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The page's number, from 1.
    pub number: usize,
    /// The items on it.
    pub items: Vec<T>,
}

/// How many pages `total` items take, `per_page` on each.
pub fn page_count(total: usize, per_page: usize) -> usize {
    total / per_page
}

/// The page with this number; `None` when there is no such page.
pub fn page<T: Clone>(items: &[T], number: usize, per_page: usize) -> Option<Page<T>> {
    if number == 0 || number > page_count(items.len(), per_page) {
        return None;
    }
    let start = (number - 1) * per_page;
    let end = (start + per_page).min(items.len());
    Some(Page {
        number,
        items: items[start..end].to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_pages_are_counted() {
        assert_eq!(page_count(20, 10), 2);
    }

    #[test]
    fn an_empty_list_has_no_pages() {
        assert_eq!(page_count(0, 10), 0);
    }

    #[test]
    fn the_last_page_may_be_short() {
        assert_eq!(page_count(21, 10), 3);
        let items: Vec<u32> = (1..=21).collect();
        assert_eq!(page(&items, 3, 10).map(|page| page.items), Some(vec![21]));
    }
}
