//! Exact money: whole nano-dollars, and the rule that turns tokens into them. Pure.

use std::fmt;

use rust_decimal::Decimal;

use crate::llm::model::Usage;

/// Digits after the point of a dollar: the scale of the tables' `numeric(20, 9)`.
const SCALE: u32 = 9;
/// Prices are stated for this many tokens.
const TOKENS_PER_PRICE: i128 = 1_000_000;

/// An amount of money in billionths of a US dollar. Up to nine billion dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(i64);

impl Nanos {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// The sum, unless it is out of range.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The amount in dollars as the tables hold it, exactly.
    pub fn to_dollars(self) -> Decimal {
        Decimal::new(self.0, SCALE)
    }

    /// An amount in dollars, unless it is finer than a nano-dollar or out of range.
    pub fn from_dollars(dollars: Decimal) -> Option<Self> {
        let mut exact = dollars.normalize();
        if exact.scale() > SCALE {
            return None;
        }
        exact.rescale(SCALE);
        // Rescaling gives up digits when the number is too large to hold them.
        if exact.scale() != SCALE {
            return None;
        }
        i64::try_from(exact.mantissa()).ok().map(Self)
    }

    /// The amount in dollars for a Prometheus counter, which knows only floating point.
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact up to nine million dollars, and metrics are floating point anyway"
    )]
    pub fn to_metric(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// Dollars without trailing zeros: `0.0105`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_dollars().normalize().fmt(f)
    }
}

/// The cost of a million tokens of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Input that neither came from nor went to the provider's cache.
    pub input: Nanos,
    /// Output, reasoning included: no provider of ours bills it apart.
    pub output: Nanos,
    /// Input read from the cache; absent when the list names no such price.
    pub cache_read: Option<Nanos>,
    /// Input written to the cache; absent when the list names no such price.
    pub cache_write: Option<Nanos>,
}

/// The cost of one call. The parts always sum to the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// All input: fresh, read from the cache and written to it.
    pub input: Nanos,
    /// All output.
    pub output: Nanos,
    /// Input and output together.
    pub total: Nanos,
}

impl Price {
    /// The cost of these tokens, or none when this price does not say.
    ///
    /// Each kind of token is multiplied out in integers and rounded to a nano-dollar once, half to
    /// even, so that no bias adds up over millions of calls.
    ///
    /// - Cached input without a price of its own costs as much as fresh input. That is what a list
    ///   without a discount means (`gpt-4-turbo`), and it is never less than what is billed.
    /// - Cache writes without a price of their own have no cost we could name: a provider that
    ///   counts them bills them above fresh input (Anthropic: a quarter more). The answer is
    ///   nothing, not a number that is known to be too small. A provider that does not bill them
    ///   (`OpenAI`) does not report them either.
    /// - Counts that contradict each other (more cached than there was) or overflow have no cost.
    pub fn of(&self, usage: Usage) -> Option<Cost> {
        let fresh = usage
            .input
            .checked_sub(usage.cache_read)?
            .checked_sub(usage.cache_write)?;
        let written = match (usage.cache_write, self.cache_write) {
            (0, _) => Nanos::ZERO,
            (tokens, price) => times(tokens, price?)?,
        };
        let input = times(fresh, self.input)?
            .checked_add(times(
                usage.cache_read,
                self.cache_read.unwrap_or(self.input),
            )?)?
            .checked_add(written)?;
        let output = times(usage.output, self.output)?;
        Some(Cost {
            input,
            output,
            total: input.checked_add(output)?,
        })
    }
}

/// Tokens times the price of a million, rounded half to even.
fn times(tokens: u64, price: Nanos) -> Option<Nanos> {
    let exact = i128::from(tokens).checked_mul(i128::from(price.0))?;
    let (whole, rest) = (
        exact.div_euclid(TOKENS_PER_PRICE),
        exact.rem_euclid(TOKENS_PER_PRICE),
    );
    let up = match (rest * 2).cmp(&TOKENS_PER_PRICE) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    i64::try_from(whole + i128::from(up)).ok().map(Nanos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::{Decimal, RoundingStrategy};

    use super::{Cost, Nanos, Price};
    use crate::llm::model::Usage;

    fn dollars(text: &str) -> Nanos {
        Nanos::from_dollars(text.parse().unwrap()).unwrap()
    }

    fn sonnet() -> Price {
        Price {
            input: dollars("3"),
            output: dollars("15"),
            cache_read: Some(dollars("0.30")),
            cache_write: Some(dollars("3.75")),
        }
    }

    #[test]
    fn cached_tokens_are_billed_once_and_at_their_own_price() {
        let usage = Usage {
            input: 12_000,
            cache_read: 10_000,
            cache_write: 1_500,
            output: 800,
            reasoning: 300,
        };
        let cost = sonnet().of(usage).unwrap();
        // 500 × 3 + 10,000 × 0.30 + 1,500 × 3.75 = 10,125; 800 × 15 = 12,000 millionths.
        assert_eq!(cost.input, dollars("0.010125"));
        assert_eq!(cost.output, dollars("0.012"));
        assert_eq!(cost.total, dollars("0.022125"));
    }

    #[test]
    fn a_list_without_a_cache_discount_bills_cached_input_as_input() {
        let price = Price {
            cache_read: None,
            cache_write: None,
            ..sonnet()
        };
        let usage = Usage {
            input: 1_000,
            cache_read: 900,
            ..Usage::default()
        };
        assert_eq!(price.of(usage).unwrap().input, dollars("0.003"));
    }

    #[test]
    fn cache_writes_without_a_price_have_no_cost() {
        let price = Price {
            cache_write: None,
            ..sonnet()
        };
        let usage = Usage {
            input: 1_000,
            cache_write: 1,
            ..Usage::default()
        };
        assert_eq!(price.of(usage), None);
    }

    #[test]
    fn contradictory_or_absurd_counts_have_no_cost() {
        let more_cached_than_there_was = Usage {
            input: 10,
            cache_read: 11,
            ..Usage::default()
        };
        assert_eq!(sonnet().of(more_cached_than_there_was), None);
        let absurd = Usage {
            output: u64::MAX,
            ..Usage::default()
        };
        assert_eq!(sonnet().of(absurd), None);
    }

    #[test]
    fn halves_go_to_the_even_nano() {
        let price = Price {
            input: Nanos(500_000),
            output: Nanos::ZERO,
            cache_read: None,
            cache_write: None,
        };
        let cost = |input| {
            let usage = Usage {
                input,
                ..Usage::default()
            };
            price.of(usage).unwrap().total.0
        };
        assert_eq!([1, 2, 3, 4, 5].map(cost), [0, 1, 2, 2, 2]);
    }

    #[test]
    fn dollars_finer_than_a_nano_are_refused() {
        assert_eq!(Nanos::from_dollars("0.0000000001".parse().unwrap()), None);
        assert_eq!(Nanos::from_dollars(Decimal::MAX), None);
        assert_eq!(dollars("1.100000000000").to_string(), "1.1");
    }

    fn counts() -> impl Strategy<Value = Usage> {
        let part = 0_u64..4_000_000;
        (
            part.clone(),
            part.clone(),
            part.clone(),
            part.clone(),
            0_u64..100,
        )
            .prop_map(|(fresh, cache_read, cache_write, output, share)| Usage {
                input: fresh + cache_read + cache_write,
                cache_read,
                cache_write,
                output,
                reasoning: output * share / 100,
            })
    }

    proptest! {
        #[test]
        fn dollars_and_nanos_convert_without_loss(nanos in any::<i64>()) {
            let amount = Nanos(nanos);
            prop_assert_eq!(Nanos::from_dollars(amount.to_dollars()), Some(amount));
        }

        #[test]
        fn the_cost_is_what_decimal_arithmetic_says(usage in counts(), price in any::<[u32; 4]>()) {
            let [input, output, read, write] = price.map(|p| Nanos(i64::from(p) * 37));
            let price = Price { input, output, cache_read: Some(read), cache_write: Some(write) };
            let part = |tokens: u64, price: Nanos| {
                let exact = Decimal::from(tokens) * price.to_dollars() / Decimal::from(1_000_000);
                exact.round_dp_with_strategy(9, RoundingStrategy::MidpointNearestEven)
            };
            let fresh = usage.input - usage.cache_read - usage.cache_write;
            let expected_input = part(fresh, input) + part(usage.cache_read, read)
                + part(usage.cache_write, write);
            let expected_output = part(usage.output, output);
            let Cost { input, output, total } = price.of(usage).unwrap();
            prop_assert_eq!(input.to_dollars(), expected_input);
            prop_assert_eq!(output.to_dollars(), expected_output);
            prop_assert_eq!(total.to_dollars(), expected_input + expected_output);
        }
    }
}
