//! The cost of redaction: of a line without secrets, of one with a secret, of one in colour, and of an
//! event.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use navi::platform::redact::json::redact_json;
use navi::platform::redact::text::redact_text;
use serde_json::{Value, json};

const CLEAN: &str = "2026-01-02T03:04:05.000Z INFO request{request.id=01890a5d-ac96-774b-bcce-b302099a8057 \
    http.method=GET http.route=/api/jobs/{job_id}}: navi::http: answered status=200 duration_ms=12 org.id=org-1";

/// A client's report of an error, about 3 KB.
fn event() -> Value {
    let frame = |n: usize| {
        format!(
            "    at Object.render{n} (webpack:///./src/components/Panel{n}.tsx:{}:{n})",
            100 + n
        )
    };
    let stack: Vec<String> = (0..14).map(frame).collect();
    let crumbs: Vec<Value> = (0..8)
        .map(|n| {
            json!({
                "at": 1_730_000_000_000_u64 + n, "category": "ui", "level": "info",
                "message": format!("clicked button number {n} in panel list"),
                "data": {"x": n * 3, "y": n * 7, "target": "div.panel > button.primary"},
            })
        })
        .collect();
    json!({
        "type": "navi.error", "timestamp": 1_730_000_000_000_u64, "userId": "user-42",
        "sessionId": "session_1730000000000_ab12cd3", "workspaceRoot": "/srv/project",
        "data": {
            "error": "TypeError: Cannot read properties of undefined (reading 'map')",
            "component": "ChatPanel", "operation": "render", "severity": "error", "version": "1.4.2",
            "total_tokens": 1523, "tokens_per_second": 41.5, "time_to_first_token_ms": 412,
            "latencyMs": 1832, "model": "a-model", "provider": "a-provider", "success": false,
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Code/1.95.0 Chrome/128.0.6613.186 Electron/32.2.1 Safari/537.36",
            "url": "https://app.example.test/projects/42/files?tab=diff&line=120#L120",
            "breadcrumbs": crumbs, "stack": stack.join("\n"),
        },
    })
}

fn redacting(criterion: &mut Criterion) {
    let with_secret = format!("{CLEAN} token={}", "a1b2c3d4".repeat(4));
    let mut event = event();
    assert!(!redact_json(&mut event), "the event is harmless");
    let mut group = criterion.benchmark_group("redact");
    let in_colour = CLEAN.replace("INFO", "\u{1b}[32mINFO\u{1b}[0m");
    for (name, text) in [
        ("clean text", CLEAN),
        ("text with a secret", &with_secret),
        ("text in colour", &in_colour),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("{name}, {} bytes", text.len()), |bencher| {
            bencher.iter(|| redact_text(std::hint::black_box(text)));
        });
    }
    let bytes = event.to_string().len();
    group.throughput(Throughput::Bytes(bytes as u64));
    // Nothing is changed in it, so the same event can be redacted again and again.
    group.bench_function(format!("clean event, {bytes} bytes"), |bencher| {
        bencher.iter(|| redact_json(std::hint::black_box(&mut event)));
    });
    let code = include_str!("../src/agent/execution/run_loop.rs");
    group.throughput(Throughput::Bytes(code.len() as u64));
    group.bench_function(format!("a source file, {} bytes", code.len()), |bencher| {
        bencher.iter(|| redact_text(std::hint::black_box(code)));
    });
    group.finish();
}

criterion_group!(benches, redacting);
criterion_main!(benches);
