//! The settings of tracing, under the names that OpenTelemetry gave them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use opentelemetry_sdk::trace::Sampler as SdkSampler;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::platform::secret::{ExposeSecret, SecretString};

/// The path below a collector's base URL that takes spans.
const TRACES_PATH: [&str; 2] = ["v1", "traces"];

/// The settings of traces.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Tracing")]
pub struct TraceConfig {
    /// Base URL of an OpenTelemetry collector, to which traces are sent at `/v1/traces` over OTLP/HTTP;
    /// may be in a private network. Without it, or the next setting, nothing is traced.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL",
        value_parser = collector_url
    )]
    pub otel_exporter_otlp_endpoint: Option<Url>,

    /// Whole URL that takes traces, in place of the base URL.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        value_name = "URL",
        value_parser = collector_url
    )]
    pub otel_exporter_otlp_traces_endpoint: Option<Url>,

    /// Headers of every request to the collector: `name=value`, separated by commas, with special
    /// characters in values percent-encoded, as in `authorization=Bearer%20…`.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_HEADERS", value_name = "HEADERS")]
    pub otel_exporter_otlp_headers: Option<SecretString>,

    /// The way spans are written for the collector.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_PROTOCOL",
        value_name = "PROTOCOL",
        default_value = "http/protobuf"
    )]
    pub otel_exporter_otlp_protocol: OtlpProtocol,

    /// The way requests to the collector are packed.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_COMPRESSION",
        value_name = "METHOD",
        default_value = "none"
    )]
    pub otel_exporter_otlp_compression: OtlpCompression,

    /// Milliseconds that a request to the collector may take, tries after a failure included.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_TIMEOUT",
        value_name = "MILLISECONDS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u64).range(1..=60_000)
    )]
    pub otel_exporter_otlp_timeout: u64,

    /// Milliseconds for which ended spans are gathered before they are sent together.
    #[arg(
        long,
        env = "OTEL_BSP_SCHEDULE_DELAY",
        value_name = "MILLISECONDS",
        default_value_t = 5_000,
        value_parser = clap::value_parser!(u64).range(1..=60_000)
    )]
    pub otel_bsp_schedule_delay: u64,

    /// Ended spans that may wait to be sent; what ends beyond them is dropped and counted.
    #[arg(
        long,
        env = "OTEL_BSP_MAX_QUEUE_SIZE",
        value_name = "COUNT",
        default_value_t = 2_048,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub otel_bsp_max_queue_size: u32,

    /// Name under which this service's spans are found.
    #[arg(
        long,
        env = "OTEL_SERVICE_NAME",
        value_name = "NAME",
        default_value = "navi"
    )]
    pub otel_service_name: String,

    /// Further attributes of this service in its spans: `name=value`, separated by commas.
    #[arg(
        long,
        env = "OTEL_RESOURCE_ATTRIBUTES",
        value_name = "ATTRIBUTES",
        value_parser = Pairs::parse
    )]
    pub otel_resource_attributes: Option<Pairs>,

    /// The traces that are recorded. `parentbased_…` follows what the caller's `traceparent` says, and
    /// decides where there is none; the others do not ask the caller.
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER",
        value_name = "SAMPLER",
        default_value = "parentbased_always_on"
    )]
    pub otel_traces_sampler: TraceSampler,

    /// Part of the traces that `traceidratio` and `parentbased_traceidratio` record, 0 to 1.
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER_ARG",
        value_name = "RATIO",
        default_value = "1",
        value_parser = Ratio::from_str
    )]
    pub otel_traces_sampler_arg: Ratio,

    /// Turn tracing off, whatever else is set.
    #[arg(
        long,
        env = "OTEL_SDK_DISABLED",
        value_name = "BOOL",
        default_value_t = false,
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub otel_sdk_disabled: bool,

    /// Names that spans of model calls carry: with `gen_ai_latest_experimental` in this list those of the
    /// conventions for generative AI v0.1.0 alone, else also the one that they replaced, `gen_ai.system`.
    #[arg(long, env = "OTEL_SEMCONV_STABILITY_OPT_IN", value_name = "NAMES")]
    pub otel_semconv_stability_opt_in: Option<String>,

    /// Send the position in the trace to model providers, in `traceparent`. They learn from it which
    /// calls belong together.
    #[arg(
        long,
        env = "NAVI_TRACE_TO_PROVIDERS",
        value_name = "BOOL",
        default_value_t = false,
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub trace_to_providers: bool,
}

impl TraceConfig {
    /// The URL to which spans are sent; none when nothing is traced.
    pub fn endpoint(&self) -> Option<Url> {
        if self.otel_sdk_disabled {
            return None;
        }
        if let Some(whole) = &self.otel_exporter_otlp_traces_endpoint {
            return Some(whole.clone());
        }
        let mut url = self.otel_exporter_otlp_endpoint.clone()?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(TRACES_PATH);
        }
        Some(url)
    }

    /// True if spans carry also the names that the current conventions replaced.
    pub fn keeps_older_names(&self) -> bool {
        let names = self.otel_semconv_stability_opt_in.as_deref();
        let mut names = names.unwrap_or_default().split(',');
        !names.any(|name| name.trim() == "gen_ai_latest_experimental")
    }

    pub(super) fn headers(&self) -> Result<Pairs, String> {
        match &self.otel_exporter_otlp_headers {
            Some(headers) => Pairs::parse(headers.expose_secret()),
            None => Ok(Pairs::default()),
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.otel_exporter_otlp_timeout)
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.otel_bsp_schedule_delay)
    }

    pub(super) fn queue(&self) -> usize {
        usize::try_from(self.otel_bsp_max_queue_size).unwrap_or(usize::MAX)
    }

    pub(super) fn sampler(&self) -> SdkSampler {
        let ratio = SdkSampler::TraceIdRatioBased(self.otel_traces_sampler_arg.0);
        let following = |root| SdkSampler::ParentBased(Box::new(root));
        match self.otel_traces_sampler {
            TraceSampler::AlwaysOn => SdkSampler::AlwaysOn,
            TraceSampler::AlwaysOff => SdkSampler::AlwaysOff,
            TraceSampler::Ratio => ratio,
            TraceSampler::ParentBasedAlwaysOn => following(SdkSampler::AlwaysOn),
            TraceSampler::ParentBasedAlwaysOff => following(SdkSampler::AlwaysOff),
            TraceSampler::ParentBasedRatio => following(ratio),
        }
    }
}

/// The ways in which spans can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OtlpProtocol {
    /// Protocol buffers over HTTP.
    #[value(name = "http/protobuf")]
    HttpProtobuf,
}

/// The ways in which requests to the collector can be packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OtlpCompression {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
}

/// The traces that are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceSampler {
    /// All.
    #[value(name = "always_on")]
    AlwaysOn,
    /// None.
    #[value(name = "always_off")]
    AlwaysOff,
    /// A part, by the trace's id.
    #[value(name = "traceidratio")]
    Ratio,
    /// Those that the caller records, and all without a caller.
    #[value(name = "parentbased_always_on")]
    ParentBasedAlwaysOn,
    /// Those that the caller records.
    #[value(name = "parentbased_always_off")]
    ParentBasedAlwaysOff,
    /// Those that the caller records, and a part of those without a caller.
    #[value(name = "parentbased_traceidratio")]
    ParentBasedRatio,
}

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(f64);

impl FromStr for Ratio {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ratio = text.trim().parse::<f64>().ok();
        let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.map(Self).ok_or("a number from 0 to 1")
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names with values, as OpenTelemetry writes them into one variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// Reads `name=value,other=value`. A wrong text is not repeated: it may be a secret.
    fn parse(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim);
        let pairs = entries.filter(|entry| !entry.is_empty()).map(|entry| {
            let (name, value) = entry
                .split_once('=')
                .ok_or("an entry has no `=` between its name and its value")?;
            let decoded = |text: &str| {
                percent_decode_str(text.trim())
                    .decode_utf8()
                    .map(Into::into)
            };
            match (decoded(name), decoded(value)) {
                (Ok(name), Ok(value)) if !String::is_empty(&name) => Ok((name, value)),
                _ => Err("an entry is empty, or its percent-encoding is not valid text"),
            }
        });
        let pairs: Result<_, &str> = pairs.collect();
        pairs.map(Self).map_err(str::to_owned)
    }
}

fn collector_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" if url.username().is_empty() && url.password().is_none() => Ok(url),
        "http" | "https" => {
            Err("a URL without a password; OTEL_EXPORTER_OTLP_HEADERS is for it".into())
        }
        _ => Err("a URL that begins with http:// or https://".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn config(flags: &[&str]) -> TraceConfig {
        let command = TraceConfig::augment_args(Command::new("navi"));
        let command = command.mut_args(|arg| arg.env(None::<&str>));
        let line = ["navi"].iter().chain(flags);
        let matches = command.try_get_matches_from(line).unwrap();
        TraceConfig::from_arg_matches(&matches).unwrap()
    }

    fn endpoint(flags: &[&str]) -> Option<String> {
        config(flags).endpoint().map(Into::into)
    }

    #[test]
    fn the_path_is_added_to_the_base_and_not_to_the_whole_url() {
        const BASE: &str = "--otel-exporter-otlp-endpoint";
        const WHOLE: &str = "--otel-exporter-otlp-traces-endpoint";
        assert_eq!(endpoint(&[]), None);
        for base in ["http://c:4318", "http://c:4318/"] {
            let expected = Some("http://c:4318/v1/traces".to_owned());
            assert_eq!(endpoint(&[BASE, base]), expected);
        }
        assert_eq!(
            endpoint(&[BASE, "https://c/otlp/"]).unwrap(),
            "https://c/otlp/v1/traces"
        );
        let both = [BASE, "http://c:4318", WHOLE, "http://d/spans"];
        assert_eq!(endpoint(&both).unwrap(), "http://d/spans");
        let off = [BASE, "http://c:4318", "--otel-sdk-disabled", "TRUE"];
        assert_eq!(endpoint(&off), None);
    }

    #[test]
    fn pairs_are_decoded_and_what_is_wrong_is_not_repeated() {
        let pairs = Pairs::parse("authorization=Bearer%20a=b, x = y ,").unwrap();
        let expected = [("authorization", "Bearer a=b"), ("x", "y")];
        assert_eq!(
            pairs.0,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        for wrong in ["hunter2", "=hunter2", "a=%FFhunter2"] {
            let said = Pairs::parse(wrong).unwrap_err();
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_ratio_is_between_nothing_and_all() {
        for (text, fits) in [
            ("0", true),
            ("0.25", true),
            ("1", true),
            ("1.1", false),
            ("NaN", false),
        ] {
            assert_eq!(text.parse::<Ratio>().is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn the_older_name_is_left_out_only_when_it_is_asked_for() {
        assert!(config(&[]).keeps_older_names());
        let chosen = "http, gen_ai_latest_experimental";
        assert!(!config(&["--otel-semconv-stability-opt-in", chosen]).keeps_older_names());
    }
}
