//! The dated prices of models. Pure.
//!
//! `prices.json` holds the public list prices, each with the day it began and the page it was read
//! from. It deliberately leaves out what has no single price by the token: `OpenAI`'s search models
//! (a fee for each search on top) and `OpenRouter`'s models of many hosts (each host has its own).
//! Local providers have a row of zeros for every model, `*`: running a model on one's own machine
//! has no price by the token, which is something we know, unlike the price of a model that is in no list.
//! An operator who wants to charge for it adds a row.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::ledger::error::Error;
use crate::ledger::money::{Cost, Nanos, Price};
use crate::llm::model::Usage;

/// The model of a row that holds for every model of its provider without a row of its own.
const ANY_MODEL: &str = "*";
/// The prefix of `source` in the rows that come from the built-in list.
const BUILT_IN: &str = "built-in list: ";

/// One row of `model_prices`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRow {
    /// The provider's configured name.
    pub provider: String,
    /// The provider's name of the model, without a date unless the dated model has its own price;
    /// `*` for every model without a row.
    pub model: String,
    /// The first moment the price holds.
    pub valid_from: DateTime<Utc>,
    /// The price.
    pub price: Price,
    /// The source of the price.
    pub source: String,
}

#[derive(Debug, Deserialize)]
struct Listed {
    provider: String,
    model: String,
    valid_from: NaiveDate,
    input: Decimal,
    output: Decimal,
    cache_read: Option<Decimal>,
    cache_write: Option<Decimal>,
    up_to_input_tokens: Option<u64>,
    source: String,
}

/// The built-in list, and what the table has no column for: up to how much input a price holds.
#[derive(Debug)]
pub struct BuiltIn {
    /// The rows of the list.
    pub rows: Vec<PriceRow>,
    bounds: HashMap<(String, String, DateTime<Utc>), u64>,
}

impl BuiltIn {
    /// Reads the list that is compiled in.
    pub fn read() -> Result<Self, Error> {
        let listed: Vec<Listed> =
            serde_json::from_str(include_str!("prices.json")).map_err(Error::BuiltInPrices)?;
        let mut rows = Vec::with_capacity(listed.len());
        let mut bounds = HashMap::new();
        for entry in listed {
            let valid_from = entry.valid_from.and_time(NaiveTime::MIN).and_utc();
            let key = (entry.provider.clone(), entry.model.clone(), valid_from);
            if let Some(bound) = entry.up_to_input_tokens {
                bounds.insert(key, bound);
            }
            rows.push(price_row(
                entry.provider,
                entry.model,
                valid_from,
                [
                    Some(entry.input),
                    Some(entry.output),
                    entry.cache_read,
                    entry.cache_write,
                ],
                format!("{BUILT_IN}{}", entry.source),
            )?);
        }
        Ok(Self { rows, bounds })
    }
}

/// A row from amounts in dollars: input, output, cache read, cache write.
pub fn price_row(
    provider: String,
    model: String,
    valid_from: DateTime<Utc>,
    [input, output, cache_read, cache_write]: [Option<Decimal>; 4],
    source: String,
) -> Result<PriceRow, Error> {
    let exact = |dollars: Option<Decimal>| dollars.map(Nanos::from_dollars);
    // The outer option says whether there is a price, the inner one whether it is in range.
    let (Some(Some(input)), Some(Some(output)), None | Some(Some(_)), None | Some(Some(_))) = (
        exact(input),
        exact(output),
        exact(cache_read),
        exact(cache_write),
    ) else {
        return Err(Error::PriceOutOfRange { provider, model });
    };
    Ok(PriceRow {
        provider,
        model,
        valid_from,
        price: Price {
            input,
            output,
            cache_read: exact(cache_read).flatten(),
            cache_write: exact(cache_write).flatten(),
        },
        source,
    })
}

#[derive(Debug)]
struct Dated {
    valid_from: DateTime<Utc>,
    by_operator: bool,
    price: Price,
    /// Beyond this much input the provider has another price, which we do not know.
    up_to_input_tokens: Option<u64>,
}

/// Every known price, by provider and model.
#[derive(Debug, Default)]
pub struct PriceBook {
    by_provider: HashMap<String, HashMap<String, Vec<Dated>>>,
}

impl PriceBook {
    /// A book of these rows, as they stand in `model_prices`.
    pub fn new(rows: Vec<PriceRow>, built_in: &BuiltIn) -> Self {
        let mut book = Self::default();
        for row in rows {
            let by_operator = !row.source.starts_with(BUILT_IN);
            let key = (row.provider, row.model, row.valid_from);
            let bound = built_in.bounds.get(&key).copied();
            let (provider, model, valid_from) = key;
            let dated = Dated {
                valid_from,
                by_operator,
                price: row.price,
                up_to_input_tokens: bound.filter(|_| !by_operator),
            };
            let models = book.by_provider.entry(provider).or_default();
            models.entry(model).or_default().push(dated);
        }
        book
    }

    /// The cost of a call, or none when no price is known for it.
    ///
    /// The price is looked up under the model's exact name, then without the date at the end of the
    /// name (`gpt-4o-2024-08-06` is `gpt-4o`), then under `*`; nothing else is tried, because a
    /// similar name is another model. Tokens that were not used cost nothing at any price.
    pub fn cost(
        &self,
        provider: &str,
        model: &str,
        usage: Usage,
        at: DateTime<Utc>,
    ) -> Option<Cost> {
        if usage == Usage::default() {
            return Some(Cost::default());
        }
        let models = self.by_provider.get(provider)?;
        let dated = [Some(model), without_date(model), Some(ANY_MODEL)]
            .into_iter()
            .flatten()
            .find_map(|name| in_force(models.get(name)?, at))?;
        if dated
            .up_to_input_tokens
            .is_some_and(|bound| usage.input > bound)
        {
            return None;
        }
        dated.price.of(usage)
    }
}

/// The newest row that is not younger than the call; what an operator entered goes before the
/// built-in list, so that an update of the list never undoes a negotiated price.
fn in_force(rows: &[Dated], at: DateTime<Utc>) -> Option<&Dated> {
    rows.iter()
        .filter(|row| row.valid_from <= at)
        .max_by_key(|row| (row.by_operator, row.valid_from))
}

/// The name before a date at its end, `-2024-08-06` or `-20241022`.
fn without_date(model: &str) -> Option<&str> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let dashed = || {
        let (name, date) = model.split_at_checked(model.len().checked_sub(11)?)?;
        let mut parts = date.strip_prefix('-')?.split('-');
        let shape = [
            parts.next()?.len(),
            parts.next()?.len(),
            parts.next()?.len(),
        ];
        let digits = date.split('-').all(is_digits);
        (shape == [4, 2, 2] && digits).then_some(name)
    };
    let compact = || {
        let (name, date) = model.rsplit_once('-')?;
        (date.len() == 8 && is_digits(date) && date.starts_with("20")).then_some(name)
    };
    dashed().or_else(compact).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::{BuiltIn, PriceBook, PriceRow, price_row, without_date};
    use crate::ledger::money::Nanos;
    use crate::llm::model::Usage;

    const NOW: &str = "2026-06-01T00:00:00Z";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn book_with(extra: Vec<PriceRow>) -> PriceBook {
        let built_in = BuiltIn::read().unwrap();
        let rows = [built_in.rows.clone(), extra].concat();
        PriceBook::new(rows, &built_in)
    }

    /// Millionths of a dollar of a call with a thousand tokens of input and as many of output.
    fn micros(book: &PriceBook, provider: &str, model: &str, when: &str) -> Option<i64> {
        let usage = Usage {
            input: 1_000,
            output: 1_000,
            ..Usage::default()
        };
        let cost = book.cost(provider, model, usage, at(when))?;
        let nanos = i64::try_from(cost.total.to_dollars().mantissa()).unwrap();
        Some(nanos / 1_000)
    }

    fn operator_row(provider: &str, model: &str, from: &str, dollars: i64) -> PriceRow {
        let price = Some(dollars.into());
        price_row(
            provider.to_owned(),
            model.to_owned(),
            at(from),
            [price, price, None, None],
            "contract".to_owned(),
        )
        .unwrap()
    }

    #[test]
    fn the_built_in_list_has_each_price_once_and_output_is_never_cheaper_than_input() {
        let rows = BuiltIn::read().unwrap().rows;
        let mut keys: Vec<_> = rows
            .iter()
            .map(|row| (&row.provider, &row.model, row.valid_from))
            .collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), rows.len());
        for row in &rows {
            let price = row.price;
            assert!(price.output >= price.input, "{row:?}");
            assert!(
                price.cache_read.is_none_or(|read| read <= price.input),
                "{row:?}"
            );
            assert!(
                price.cache_write.is_none_or(|write| write >= price.input),
                "{row:?}"
            );
            let free = price.input == Nanos::ZERO;
            assert_eq!(free, row.model == "*", "{row:?}");
        }
    }

    #[test]
    fn a_dated_name_has_the_price_of_the_undated_one_unless_it_has_its_own() {
        let book = book_with(Vec::new());
        assert_eq!(micros(&book, "openai", "gpt-4o", NOW), Some(12_500));
        assert_eq!(
            micros(&book, "openai", "gpt-4o-2024-08-06", NOW),
            Some(12_500)
        );
        assert_eq!(
            micros(&book, "openai", "gpt-4o-2024-05-13", NOW),
            Some(20_000)
        );
        assert_eq!(
            micros(&book, "anthropic", "claude-sonnet-4-20250514", NOW),
            Some(18_000)
        );
        assert_eq!(
            micros(&book, "anthropic", "claude-opus-4-5-20251101", NOW),
            Some(30_000)
        );
    }

    #[test]
    fn a_similar_name_is_another_model() {
        let book = book_with(Vec::new());
        for (provider, model) in [
            ("openai", "gpt-4o-audio-preview"),
            ("openai", "gpt-4o-"),
            ("openai", "-2024-08-06"),
            ("openai", "GPT-4o"),
            ("openai", ""),
            ("openai", "claude-sonnet-4"),
            ("anthropic", "gpt-4o"),
            ("nobody", "gpt-4o"),
            ("openrouter", "openai/gpt-4o"),
        ] {
            assert_eq!(
                micros(&book, provider, model, NOW),
                None,
                "{provider} {model}"
            );
        }
    }

    #[test]
    fn a_call_has_the_price_of_its_day() {
        let book = book_with(Vec::new());
        assert_eq!(
            micros(&book, "openai", "o3", "2025-05-01T00:00:00Z"),
            Some(50_000)
        );
        assert_eq!(
            micros(&book, "openai", "o3", "2025-06-10T00:00:00Z"),
            Some(10_000)
        );
        assert_eq!(micros(&book, "openai", "o3", "2025-04-15T23:59:59Z"), None);
    }

    #[test]
    fn local_providers_cost_nothing_whatever_the_model() {
        let book = book_with(Vec::new());
        for provider in ["ollama", "self_hosted", "scripted"] {
            assert_eq!(micros(&book, provider, "anything:7b", NOW), Some(0));
        }
    }

    #[test]
    fn what_an_operator_entered_goes_before_the_list_even_when_it_is_older() {
        let book = book_with(vec![
            operator_row("openai", "o3", "2025-05-01T00:00:00Z", 1),
            operator_row("ollama", "llama3.2", "2025-05-01T00:00:00Z", 2),
        ]);
        assert_eq!(micros(&book, "openai", "o3", NOW), Some(2_000));
        assert_eq!(
            micros(&book, "openai", "o3", "2025-04-20T00:00:00Z"),
            Some(50_000)
        );
        assert_eq!(micros(&book, "ollama", "llama3.2", NOW), Some(4_000));
        assert_eq!(micros(&book, "ollama", "phi", NOW), Some(0));
    }

    #[test]
    fn a_prompt_beyond_the_listed_length_has_another_price_which_is_not_guessed() {
        let book = book_with(Vec::new());
        let cost = |input| {
            let usage = Usage {
                input,
                ..Usage::default()
            };
            book.cost("google", "gemini-2.5-pro", usage, at(NOW))
        };
        assert!(cost(200_000).is_some());
        assert_eq!(cost(200_001), None);
    }

    #[test]
    fn nothing_used_costs_nothing_even_when_the_price_is_unknown() {
        let cost = book_with(Vec::new()).cost("openai", "unheard-of", Usage::default(), at(NOW));
        assert_eq!(cost.unwrap().total, Nanos::ZERO);
    }

    proptest! {
        #[test]
        fn a_date_at_the_end_of_a_name_is_cut_off_and_nothing_else_is(
            name in ".{0,30}", date in "-[0-9]{4}-[0-9]{2}-[0-9]{2}|-20[0-9]{6}", other in "[^0-9]?",
        ) {
            let dated = format!("{name}{date}");
            prop_assert_eq!(without_date(&dated), (!name.is_empty()).then_some(&*name));
            if !other.is_empty() {
                let more = format!("{dated}{other}");
                prop_assert_eq!(without_date(&more), None);
            }
        }
    }
}
