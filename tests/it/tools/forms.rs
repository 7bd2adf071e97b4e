//! The form of files: encoding, byte order mark and ends of lines, which reading shows and no edit changes.

use encoding_rs::{EUC_JP, Encoding, GB18030, SHIFT_JIS, WINDOWS_1252};
use serde_json::{Map, Value, json};

use super::Bench;

impl Bench {
    fn bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.root().join(path)).unwrap()
    }

    async fn edit_of(&self, path: &str, old: &str, new: &str) -> Map<String, Value> {
        let arguments = json!({ "path": path, "old_text": old, "new_text": new });
        self.result("edit_file", arguments).await
    }

    async fn refused(&self, path: &str, old: &str, new: &str) -> String {
        let arguments = json!({ "path": path, "old_text": old, "new_text": new });
        self.told("edit_file", arguments).await
    }

    async fn replaced(&self, path: &str, content: &str) -> Map<String, Value> {
        let arguments = json!({ "path": path, "content": content });
        self.result("write_file", arguments).await
    }

    async fn found(&self, pattern: &str) -> Value {
        let arguments = json!({ "pattern": pattern, "search_type": "content" });
        self.result("search_files", arguments).await["matches"].clone()
    }
}

fn table(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    let (bytes, _, had_errors) = encoding.encode(text);
    assert!(!had_errors, "{text}");
    bytes.into_owned()
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

/// A text in every encoding that is told, with the name that tools say.
fn stored(marked: &str) -> Vec<(&'static str, Vec<u8>, String)> {
    let japanese = format!("// 設定ファイルを読み込む\r\n{marked} = 'テスト';\r\n");
    let chinese = format!("// 这个函数用来读取用户的配置文件\r\n{marked} = '不要';\r\n");
    let western = format!("// Größe für Übergänge\r\n{marked} = 'café';\r\n");
    let with_mark = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
    let wide = &japanese;
    vec![
        ("Shift_JIS", table(&japanese, SHIFT_JIS), japanese.clone()),
        ("EUC-JP", table(&japanese, EUC_JP), japanese.clone()),
        ("GB18030", table(&chinese, GB18030), chinese.clone()),
        ("windows-1252", table(&western, WINDOWS_1252), western),
        ("UTF-16LE", utf16(wide, u16::to_le_bytes), wide.clone()),
        ("UTF-16BE", utf16(wide, u16::to_be_bytes), wide.clone()),
        (
            "UTF-16LE",
            with_mark(&[0xff, 0xfe], utf16(wide, u16::to_le_bytes)),
            wide.clone(),
        ),
        (
            "UTF-16BE",
            with_mark(&[0xfe, 0xff], utf16(wide, u16::to_be_bytes)),
            wide.clone(),
        ),
    ]
}

#[tokio::test]
async fn files_are_read_searched_and_edited_in_their_own_encoding() {
    let before = stored("value");
    for ((name, bytes, text), (_, after, _)) in before.into_iter().zip(stored("worth")) {
        let bench = Bench::new();
        bench.put("f", &bytes);
        let read = bench.result("read_file", json!({ "path": "f" })).await;
        assert_eq!(
            (&read["content"], &read["encoding"]),
            (&json!(text), &json!(name))
        );
        let line = text.lines().nth(1).unwrap();
        assert_eq!(
            bench.found("^val.e = ").await,
            json!([format!("f:2:{line}")]),
            "{name}"
        );
        // The model names the line as it saw it, with the end that it writes.
        let new = line.replace("value", "worth");
        let edited = bench
            .edit_of("f", &format!("{line}\n"), &format!("{new}\n"))
            .await;
        assert_eq!(edited["encoding"], name);
        assert_eq!(bench.bytes("f"), after, "{name}");
        let written = bench.replaced("f", &text.replace("\r\n", "\n")).await;
        assert!(
            written["note"].as_str().unwrap().contains(name),
            "{written:?}"
        );
        assert_eq!(bench.bytes("f"), bytes, "{name}");
    }
}

#[tokio::test]
async fn a_character_that_an_encoding_lacks_is_refused_and_nothing_is_written() {
    let bench = Bench::new();
    let bytes = table("Le café est fermé.\n", WINDOWS_1252);
    bench.put("f", &bytes);
    let told = bench.refused("f", "fermé", "zamknięte").await;
    assert!(told.contains("has no character `ę` (U+0119)"), "{told}");
    let arguments = json!({ "path": "f", "content": "→\n" });
    let told = bench.told("write_file", arguments).await;
    assert!(
        told.contains("windows-1252") && told.contains('→'),
        "{told}"
    );
    assert_eq!(bench.bytes("f"), bytes);
    bench.edit_of("f", "café", "cafétéria").await;
    assert_eq!(bench.bytes("f"), b"Le caf\xe9t\xe9ria est ferm\xe9.\n");
}

#[tokio::test]
async fn what_may_be_several_encodings_is_shown_and_left_alone() {
    let bench = Bench::new();
    let bytes = table("// привет мир\nint x;\n", encoding_rs::WINDOWS_1251);
    bench.put("f", &bytes);
    let read = bench.result("read_file", json!({ "path": "f" })).await;
    assert!(
        read["note"]
            .as_str()
            .unwrap()
            .contains("encoding is not known")
    );
    let told = bench.refused("f", "int x", "int y").await;
    assert!(told.contains("encoding is not known"), "{told}");
    let arguments = json!({ "path": "f", "content": "// привет\n" });
    let told = bench.told("write_file", arguments).await;
    assert!(told.contains("encoding is not known"), "{told}");
    assert_eq!(bench.bytes("f"), bytes);
}

#[tokio::test]
async fn a_file_that_is_replaced_keeps_its_mark_and_its_ends_of_lines() {
    let bench = Bench::new();
    for (before, content, after) in [
        (
            &b"@echo off\r\necho 1\r\n"[..],
            "@echo off\necho 2\n",
            &b"@echo off\r\necho 2\r\n"[..],
        ),
        (b"one\n", "one\r\ntwo\r\n", b"one\ntwo\n"),
        (
            b"one\ntwo\r\nthree\n",
            "one\ntwo\n2b\nthree\n",
            b"one\ntwo\r\n2b\r\nthree\n",
        ),
        (b"\xef\xbb\xbfa;b\r\n", "a;c\n", b"\xef\xbb\xbfa;c\r\n"),
        (b"one\rtwo\r", "1\n2\n", b"1\r2\r"),
    ] {
        bench.put("f", before);
        bench.replaced("f", content).await;
        assert_eq!(bench.bytes("f"), after, "{before:?}");
    }
    let written = bench.replaced("new", "a\r\nb\n").await;
    assert!(!written.contains_key("note"));
    assert_eq!(bench.bytes("new"), b"a\r\nb\n");
    // The same text in the file's own form changes nothing.
    bench.put("f", b"a\r\nb\r\n");
    let outcome = bench.call("write_file", json!({ "path": "f", "content": "a\nb\n" }));
    assert_eq!(outcome.await.unwrap().effects, []);
}

#[tokio::test]
async fn an_edit_changes_only_the_lines_that_it_names() {
    let bench = Bench::new();
    for (before, old, new, after) in [
        (
            &b"one\ntwo\r\nthree\n"[..],
            "one\ntwo\nthree",
            "one\ntwo\nTHREE",
            &b"one\ntwo\r\nTHREE\n"[..],
        ),
        (
            b"one\r\ntwo\nthree\r\n",
            "two\nthree",
            "two\n2b\nthree",
            b"one\r\ntwo\n2b\nthree\r\n",
        ),
        // Found only without regard to the white space at the ends of lines.
        (
            b"if x:  \r\n\ty()\t\nend\n",
            "if x:\n\ty()\nend",
            "if x:\n\tz()\nend",
            b"if x:  \r\n\tz()\nend\n",
        ),
        // Found only without regard to the indentation.
        (
            b"  if x: \r\n    y()\r\n",
            "if x:\n  y()",
            "if x:\n  z()",
            b"  if x: \r\n    z()\r\n",
        ),
        (b"\xef\xbb\xbfone\n", "one", "two", b"\xef\xbb\xbftwo\n"),
        (b"one\rtwo\r", "one\ntwo", "one\n2", b"one\r2\r"),
    ] {
        bench.put("f", before);
        bench.edit_of("f", old, new).await;
        assert_eq!(bench.bytes("f"), after, "{before:?}");
    }
    bench.put("f", b"one\r\n");
    let told = bench.refused("f", "one\r\n", "one\n").await;
    assert!(told.contains("at the ends of lines"), "{told}");
}

#[tokio::test]
async fn what_a_write_is_recognised_by_after_a_crash_is_what_it_writes() {
    use navi::tools::arguments::Arguments;
    use navi::tools::tool::Probe;
    let bench = Bench::new();
    let tools = navi::tools::registry::ToolSet::built_in();
    let edit = json!({ "path": "f", "old_text": "value", "new_text": "worth" });
    let write = json!({ "path": "f", "content": "a = 1\nb = 2\n" });
    for (_, bytes, _) in stored("value") {
        for (name, arguments) in [("edit_file", &edit), ("write_file", &write)] {
            bench.put("f", &bytes);
            let tool = tools.named(name).unwrap();
            let arguments = arguments.as_object().unwrap();
            let probe = tool.probe(Arguments::of(arguments), &bench.context);
            let Probe::File(planned) = probe else {
                panic!("{probe:?}")
            };
            bench.result(name, json!(arguments)).await;
            assert_eq!(planned.before.as_ref(), Some(&bytes));
            assert_eq!(planned.after, bench.bytes("f"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_seen_in_every_encoding() {
    let bench = Bench::new();
    let key = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    let line = format!("token = \"{key}\" # für alle\n");
    for (name, bytes) in [
        (
            "le",
            [&[0xff, 0xfe][..], &utf16(&line, u16::to_le_bytes)].concat(),
        ),
        ("be", utf16(&line, u16::to_be_bytes)),
        ("latin", table(&line, WINDOWS_1252)),
    ] {
        bench.put(name, &bytes);
        let secrets = bench
            .context
            .policy
            .secret_files(bench.context.workspace.root());
        let text = navi::platform::encoding::contents::readable(&bytes).into_owned();
        assert!(secrets.is_secret(name, &text), "{name}");
        let request = navi::policy::request::Request::Read { path: name };
        let judged =
            bench
                .context
                .policy
                .judge("read_file", request, bench.context.workspace.root());
        assert_ne!(
            judged.verdict,
            navi::policy::model::Verdict::Allow,
            "{name}"
        );
    }
    assert_eq!(bench.found("token").await, json!([]));
}
