//! Spans below the one that is being worked in.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

use crate::platform::traces::parent::TraceParent;

/// The source of the spans of a process.
#[derive(Debug)]
pub(super) struct Recording {
    /// Makes spans of requests, statements and the like.
    pub(super) general: SdkTracer,
    /// Makes spans of models, tools and agents, which have conventions of their own.
    pub(super) gen_ai: SdkTracer,
    /// True when spans carry names that newer ones replaced.
    pub(super) keeps_older_names: bool,
    /// True when model providers receive the position in the trace at which they are called.
    pub(super) tells_providers: bool,
}

/// The recording that a context belongs to. It travels with the context, so that code that is called
/// begins spans of the same process, and none where there is no trace.
#[derive(Debug)]
struct Within(Arc<Recording>);

/// The conventions that a span follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Convention {
    General,
    GenAi,
}

/// A place in a trace, or none.
#[derive(Clone, Debug, Default)]
pub struct TraceContext(Option<Context>);

impl TraceContext {
    /// The place in which this is called.
    pub fn current() -> Self {
        Self(Context::map_current(|context| {
            context.get::<Within>().map(|_| context.clone())
        }))
    }

    /// True if this is a place in a trace, recorded or not.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// True when work in the place where this is called becomes a span.
    pub(super) fn is_recorded_here() -> bool {
        Context::map_current(|context| {
            context.get::<Within>().is_some() && context.span().is_recording()
        })
    }

    /// A place outside of any span: after this step of another process, or at the beginning of a trace.
    pub(super) fn outside(recording: Arc<Recording>, parent: Option<TraceParent>) -> Self {
        let context = Context::new().with_value(Within(recording));
        Self(Some(match parent {
            Some(parent) => context.with_remote_span_context(parent.remote()),
            None => context,
        }))
    }

    /// This place, or else that one.
    #[must_use]
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        if self.0.is_some() { self } else { other() }
    }

    /// Begins a span of work within this process.
    pub fn begin(&self, name: impl Into<Cow<'static, str>>) -> TraceSpan {
        self.span(Convention::General, SpanBuilder::from_name(name))
    }

    /// Begins a span of work for a caller elsewhere.
    pub fn serve(&self, name: impl Into<Cow<'static, str>>) -> TraceSpan {
        let span = SpanBuilder::from_name(name).with_kind(SpanKind::Server);
        self.span(Convention::General, span)
    }

    /// A span of a call to another process that is over; it ends now.
    pub(super) fn call(
        &self,
        name: Cow<'static, str>,
        began: SystemTime,
        attributes: Vec<KeyValue>,
    ) -> TraceSpan {
        let span = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Client)
            .with_start_time(began)
            .with_attributes(attributes);
        self.span(Convention::General, span)
    }

    pub(super) fn span(&self, convention: Convention, span: SpanBuilder) -> TraceSpan {
        let begun = self.recording().map(|(context, recording)| {
            let tracer = match convention {
                Convention::General => &recording.general,
                Convention::GenAi => &recording.gen_ai,
            };
            context.with_span(tracer.build_with_context(span, context))
        });
        TraceSpan(Self(begun))
    }

    /// Says something of the span that this place is in.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(name, value));
        }
    }

    /// Says that the span failed, and of which kind the failure is: one of few.
    pub fn fail(&self, kind: impl Into<Cow<'static, str>>) {
        if let Some(context) = &self.0 {
            let kind: Cow<'static, str> = kind.into();
            let span = context.span();
            span.set_attribute(KeyValue::new("error.type", kind));
            // Descriptions are texts from anywhere, and the log has them.
            span.set_status(Status::error(""));
        }
    }

    /// The position of the span that this place is in, for another process.
    pub fn parent(&self) -> Option<TraceParent> {
        TraceParent::of(self.0.as_ref()?.span().span_context())
    }

    /// The same for model providers, which receive it only where a setting says so.
    pub fn parent_for_providers(&self) -> Option<TraceParent> {
        let (_, recording) = self.recording()?;
        recording.tells_providers.then(|| self.parent()).flatten()
    }

    /// True if spans carry also the names that newer ones replaced.
    pub(super) fn keeps_older_names(&self) -> bool {
        self.recording()
            .is_some_and(|(_, recording)| recording.keeps_older_names)
    }

    fn recording(&self) -> Option<(&Context, &Recording)> {
        let context = self.0.as_ref()?;
        Some((context, &context.get::<Within>()?.0))
    }
}

/// A span that ends when it is dropped; nothing where nothing is traced.
#[derive(Debug, Default)]
pub struct TraceSpan(TraceContext);

impl TraceSpan {
    /// The place within this span.
    pub fn within(&self) -> &TraceContext {
        &self.0
    }

    /// Does work within this span.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        work.with_context(self.0.0.clone().unwrap_or_default())
    }
}

impl std::ops::Deref for TraceSpan {
    type Target = TraceContext;

    fn deref(&self) -> &TraceContext {
        &self.0
    }
}

impl Drop for TraceSpan {
    fn drop(&mut self) {
        // Contexts of spans within it may live longer.
        if let Some(context) = &self.0.0 {
            context.span().end();
        }
    }
}
