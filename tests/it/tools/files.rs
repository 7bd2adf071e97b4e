use std::fs::File;
use std::os::unix::fs::PermissionsExt;

use navi::tools::outcome::{Effect, ToolError};
use serde_json::{Value, json};

use super::Bench;

impl Bench {
    async fn read(&self, arguments: Value) -> serde_json::Map<String, Value> {
        self.result("read_file", arguments).await
    }

    async fn edit(&self, path: &str, old: &str, new: &str) -> serde_json::Map<String, Value> {
        let arguments = json!({ "path": path, "old_text": old, "new_text": new });
        self.result("edit_file", arguments).await
    }

    async fn edit_told(&self, path: &str, old: &str, new: &str) -> String {
        let arguments = json!({ "path": path, "old_text": old, "new_text": new });
        self.told("edit_file", arguments).await
    }

    async fn search(&self, kind: &str, pattern: &str) -> Value {
        let arguments = json!({ "pattern": pattern, "search_type": kind });
        self.result("search_files", arguments).await["matches"].clone()
    }
}

#[tokio::test]
async fn a_file_is_read_as_the_old_clients_expect() {
    let bench = Bench::new();
    bench.put("README.md", "# demo\n");
    let outcome = bench
        .call("read_file", json!({ "path": "README.md" }))
        .await
        .unwrap();
    insta::assert_json_snapshot!(outcome.result, @r##"
    {
      "success": true,
      "content": "# demo\n",
      "total_lines": 1,
      "path": "README.md",
      "size": 7
    }
    "##);
    assert_eq!(outcome.effects, [Effect::Read("README.md".to_owned())]);
    bench.put("empty", "");
    let empty = bench.read(json!({ "path": "empty" })).await;
    assert_eq!(
        (&empty["content"], &empty["total_lines"]),
        (&json!(""), &json!(0))
    );
}

#[tokio::test]
async fn some_lines_of_a_file_can_be_read() {
    let bench = Bench::new();
    bench.put("f", "1\n2\n3\n4\n5");
    let lines = |from: Value, to: Value| json!({ "path": "f", "start_line": from, "end_line": to });
    let some = bench.read(lines(json!(2), json!("3"))).await;
    assert_eq!(
        (&some["content"], &some["total_lines"]),
        (&json!("2\n3\n"), &json!(5))
    );
    assert_eq!(
        bench.read(lines(json!(4), json!(null))).await["content"],
        "4\n5"
    );
    assert_eq!(
        bench.read(lines(json!(0), json!(1))).await["content"],
        "1\n"
    );
    assert_eq!(bench.read(lines(json!(4), json!(99))).await["end_line"], 5);
    let told = bench.told("read_file", lines(json!(6), json!(null))).await;
    assert!(told.contains("has 5 lines"), "{told}");
    bench.told("read_file", lines(json!(3), json!(2))).await;
    bench.told("read_file", lines(json!("x"), json!(2))).await;
}

#[tokio::test]
async fn a_long_file_comes_in_parts_that_join_to_the_whole() {
    let bench = Bench::new();
    let whole = (0..20_000).fold(String::new(), |all, n| all + &format!("line number {n}\n"));
    bench.put("long", &whole);
    let (mut joined, mut next) = (String::new(), 1);
    loop {
        let part = bench
            .read(json!({ "path": "long", "start_line": next }))
            .await;
        assert_eq!(part["total_lines"], 20_000);
        let content = part["content"].as_str().unwrap();
        assert!(content.len() <= 64 * 1024);
        joined.push_str(content);
        if part["truncated"] == false {
            break;
        }
        next = part["end_line"].as_u64().unwrap() + 1;
        let note = part["note"].as_str().unwrap();
        assert!(note.contains(&format!("start_line {next}")), "{note}");
    }
    assert!(joined == whole);
}

#[tokio::test]
async fn a_very_long_line_is_cut_between_characters_and_marked() {
    let bench = Bench::new();
    bench.put("f", format!("a\n{}\nb\n", "€".repeat(5_000)));
    let read = bench.read(json!({ "path": "f" })).await;
    let lines: Vec<_> = read["content"].as_str().unwrap().lines().collect();
    assert_eq!((lines[0], lines[2]), ("a", "b"));
    assert!(
        lines[1].ends_with("€… [13002 more bytes in this line]"),
        "{}",
        lines[1]
    );
    assert!(!lines[1].contains('\u{fffd}'));
    assert!(read["note"].as_str().unwrap().contains("1 lines longer"));
}

#[tokio::test]
async fn what_is_no_text_is_told_or_shown_as_far_as_it_is() {
    let bench = Bench::new();
    bench.put("binary", b"\x7fELF\0\0\0");
    bench.put("utf32", b"\xff\xfe\0\0h\0\0\0");
    let told = bench.told("read_file", json!({ "path": "binary" })).await;
    assert!(told.contains("binary data"), "{told}");
    let told = bench.told("read_file", json!({ "path": "utf32" })).await;
    assert!(told.contains("UTF-32"), "{told}");
    bench.put("unclear", b"caf\xe9 \xff\xfe\n");
    let read = bench.read(json!({ "path": "unclear" })).await;
    assert_eq!(read["content"], "caf\u{fffd} \u{fffd}\u{fffd}\n");
    assert!(read["note"].as_str().unwrap().contains("not valid UTF-8"));
    bench.put("bom", "\u{feff}x\n");
    let read = bench.read(json!({ "path": "bom" })).await;
    assert_eq!(read["content"], "x\n");
    assert!(read["note"].as_str().unwrap().contains("byte order mark"));
    // A NUL far into the file reaches neither the model nor the database.
    bench.put("late", format!("{}\0\n", "x\n".repeat(10_000)));
    let read = bench.read(json!({ "path": "late" })).await;
    assert!(!read["content"].as_str().unwrap().contains('\0'));
}

#[tokio::test]
async fn a_gigabyte_costs_next_to_nothing() {
    let bench = Bench::new();
    File::create(bench.root().join("zeros"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    let path = bench.put("text", "first line\nsecond line\n");
    File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    bench.told("read_file", json!({ "path": "zeros" })).await;
    bench
        .told("read_file", json!({ "path": "zeros", "start_line": 5 }))
        .await;
    let edit = json!({ "path": "zeros", "old_text": "a", "new_text": "b" });
    bench.told("edit_file", edit).await;
    assert_eq!(bench.search("content", "line").await, json!([]));
    assert_eq!(bench.search("filename", "zeros").await, json!(["zeros"]));
}

#[tokio::test]
async fn reading_what_is_no_file_is_told() {
    let bench = Bench::new();
    std::fs::create_dir(bench.root().join("folder")).unwrap();
    let told = bench.told("read_file", json!({ "path": "folder" })).await;
    assert!(told.contains("is a directory"), "{told}");
    bench
        .told("read_file", json!({ "path": "folder/missing" }))
        .await;
    let told = bench.told("read_file", json!({ "file": "x" })).await;
    assert_eq!(
        told,
        "the argument `path` (a string) is missing; sent were: file"
    );
}

#[tokio::test]
async fn a_file_is_written_with_its_directories() {
    let bench = Bench::new();
    let write = |content: &str| json!({ "path": "a/b/c.py", "content": content });
    let outcome = bench.call("write_file", write("x = 1\n")).await.unwrap();
    insta::assert_json_snapshot!(outcome.result, @r#"
    {
      "success": true,
      "path": "a/b/c.py",
      "action": "created",
      "size": 6
    }
    "#);
    assert_eq!(outcome.effects, [Effect::Created("a/b/c.py".to_owned())]);
    let outcome = bench.call("write_file", write("x = 2\n")).await.unwrap();
    assert_eq!(outcome.effects, [Effect::Modified("a/b/c.py".to_owned())]);
    assert_eq!(bench.content("a/b/c.py"), "x = 2\n");
    let outcome = bench.call("write_file", write("x = 2\n")).await.unwrap();
    assert_eq!(
        (outcome.effects.len(), &outcome.result["action"]),
        (0, &json!("modified"))
    );
    assert_eq!(
        std::fs::read_dir(bench.root().join("a/b")).unwrap().count(),
        1
    );
}

#[tokio::test]
async fn a_file_keeps_its_permissions() {
    let bench = Bench::new();
    let path = bench.put("script", "#!/bin/sh\necho 1\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o751)).unwrap();
    bench.edit("script", "echo 1", "echo 2").await;
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o751
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let told = bench
        .told("write_file", json!({ "path": "script", "content": "" }))
        .await;
    assert!(told.contains("read-only"), "{told}");
    // Another name of the same file is a file of its own from then on.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let outside = bench.folder.path().join("hard-link");
    std::fs::hard_link(&path, &outside).unwrap();
    bench
        .result("write_file", json!({ "path": "script", "content": "new" }))
        .await;
    assert_eq!(
        std::fs::read_to_string(outside).unwrap(),
        "#!/bin/sh\necho 2\n"
    );
}

#[tokio::test]
async fn what_cannot_be_written_is_told_and_leaves_nothing() {
    let bench = Bench::new();
    bench.put("file", "x");
    let too_much = "x".repeat(3 * 1024 * 1024);
    for (path, content) in [
        ("big", too_much.as_str()),
        ("file/below", "x"),
        (".", "x"),
        ("new/", "x"),
    ] {
        bench
            .told("write_file", json!({ "path": path, "content": content }))
            .await;
    }
    bench
        .told("write_file", json!({ "path": "x", "content": { "a": 1 } }))
        .await;
    assert_eq!(std::fs::read_dir(bench.root()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_edit_says_what_it_did() {
    let bench = Bench::new();
    bench.put("f.py", "def f():\n    return 1\n\ndef g():\n    return 2\n");
    let arguments =
        json!({ "path": "f.py", "old_text": "    return 2", "new_text": "    return 3" });
    let outcome = bench.call("edit_file", arguments).await.unwrap();
    insta::assert_json_snapshot!(outcome.result, @r#"
    {
      "success": true,
      "path": "f.py",
      "action": "modified",
      "replacements": 1,
      "lines": [
        5
      ],
      "match": "exact",
      "size": 45,
      "diff": "@@ -3,3 +3,3 @@\n \n def g():\n-    return 2\n+    return 3"
    }
    "#);
    assert_eq!(outcome.effects, [Effect::Modified("f.py".to_owned())]);
    assert_eq!(
        bench.content("f.py"),
        "def f():\n    return 1\n\ndef g():\n    return 3\n"
    );
    bench.put("windows", "a\r\nb\r\n");
    assert_eq!(
        bench.edit("windows", "a\nb\n", "x\ny\nz\n").await["match"],
        "exact"
    );
    assert_eq!(bench.content("windows"), "x\r\ny\r\nz\r\n");
}

#[tokio::test]
async fn an_edit_that_fits_nowhere_shows_where_it_nearly_does() {
    let bench = Bench::new();
    bench.put(
        "f.py",
        "import os\n\ndef area(w, h):\n    # the area\n    return w * h\n",
    );
    let told = bench
        .edit_told(
            "f.py",
            "def area(w, h):\n    return w + h\n",
            "def area(w, h):\n    return 0\n",
        )
        .await;
    insta::assert_snapshot!(told, @r"
    `old_text` does not stand in `f.py`; nothing was changed. The nearest region begins at line 3; lines with - are yours, with + the file's:
         3 | def area(w, h):
    -      |     return w + h
    +    4 |     # the area
    ");
    let told = bench.edit_told("f.py", "import sys", "import os").await;
    assert!(
        told.contains("`new_text` is already there, at line 1"),
        "{told}"
    );
    assert_eq!(bench.content("f.py").lines().count(), 5);
}

#[tokio::test]
async fn an_edit_that_could_mean_several_places_changes_none() {
    let bench = Bench::new();
    bench.put("f", "x = 1\ny\nx = 1\n");
    let told = bench.edit_told("f", "x = 1", "x = 2").await;
    insta::assert_snapshot!(told, @"`old_text` stands in `f` 2 times (lines 1, 3); add lines around it until it is unique, or set `replace_all`");
    assert_eq!(bench.content("f"), "x = 1\ny\nx = 1\n");
    let all =
        json!({ "path": "f", "old_text": "x = 1", "new_text": "x = 2", "replace_all": "true" });
    assert_eq!(bench.result("edit_file", all).await["replacements"], 2);
    assert_eq!(bench.content("f"), "x = 2\ny\nx = 2\n");
}

#[tokio::test]
async fn an_edit_never_damages_what_is_no_text() {
    let bench = Bench::new();
    bench.put("unclear", b"caf\xe9 \xff\xfe = 1\n");
    bench.put("binary", b"a\0b");
    bench.edit_told("binary", "a", "b").await;
    bench.edit_told("missing", "a", "b").await;
    bench.edit_told("unclear", "", "b").await;
    let told = bench.edit_told("unclear", "= 1", "= 2").await;
    assert!(told.contains("not valid UTF-8"), "{told}");
    assert_eq!(
        std::fs::read(bench.root().join("unclear")).unwrap(),
        b"caf\xe9 \xff\xfe = 1\n"
    );
}

#[tokio::test]
async fn a_change_made_in_the_meantime_is_not_overwritten() {
    use navi::tools::files::write_file::replace;
    let bench = Bench::new();
    let path = bench.put("f", "one");
    let place = bench.context.workspace.place("f", false).unwrap();
    std::fs::write(&path, "two").unwrap();
    let refused = replace(&place, b"three");
    assert!(matches!(refused, Err(ToolError::Tell(told)) if told.contains("in the meantime")));
    let new = bench.context.workspace.place("new", false).unwrap();
    bench.put("new", "theirs");
    assert!(replace(&new, b"ours").is_err());
    assert_eq!(
        (bench.content("f"), bench.content("new")),
        ("two".to_owned(), "theirs".to_owned())
    );
    assert_eq!(std::fs::read_dir(bench.root()).unwrap().count(), 2);
}

#[tokio::test]
async fn the_same_content_written_by_many_at_once_is_no_conflict() {
    let bench = Bench::new();
    for round in 0..20 {
        let path = format!("f{round}");
        let arguments = || json!({ "path": path, "content": "the same\n" });
        let calls = (0..8).map(|_| bench.call("write_file", arguments()));
        for outcome in futures_util::future::join_all(calls).await {
            assert_eq!(outcome.unwrap().result["success"], true, "{path}");
        }
    }
}

#[tokio::test]
async fn a_directory_is_listed_in_order_and_within_limits() {
    let mut bench = Bench::new();
    bench.put("b.txt", "12345");
    bench.put("a/x", "");
    std::os::unix::fs::symlink("a", bench.root().join("c")).unwrap();
    let listed = bench.result("list_directory", json!({ "path": "." })).await;
    insta::assert_json_snapshot!(listed, @r#"
    {
      "success": true,
      "path": ".",
      "entries": [
        {
          "name": "a",
          "type": "directory"
        },
        {
          "name": "b.txt",
          "type": "file",
          "size": 5
        },
        {
          "name": "c",
          "type": "symlink"
        }
      ],
      "count": 3
    }
    "#);
    bench.context.limits.list_entries = 2;
    let listed = bench.result("list_directory", json!({})).await;
    assert_eq!(
        (&listed["truncated"], &listed["count"]),
        (&json!(true), &json!(3))
    );
    bench
        .told("list_directory", json!({ "path": "b.txt" }))
        .await;
    bench
        .told("list_directory", json!({ "path": "missing" }))
        .await;
}

#[tokio::test]
async fn a_search_respects_what_is_ignored() {
    let bench = Bench::new();
    bench.put(".gitignore", "target/\n*.log\n");
    bench.put("src/main.rs", "fn main() {}\n// needle\n");
    bench.put("src/.hidden", "needle\n");
    bench.put("target/out.rs", "needle\n");
    bench.put("debug.log", "needle\n");
    bench.put("node_modules/m/index.js", "needle\n");
    bench.put(".git/config", "needle\n");
    bench.put("sub/.git/config", "needle\n");
    bench.put("binary", b"needle\0needle\n");
    let found = json!(["src/.hidden:1:needle", "src/main.rs:2:// needle"]);
    assert_eq!(bench.search("content", "needle").await, found);
    assert_eq!(bench.search("content", "^n.*E$|ne{2}dle").await, found);
    assert_eq!(
        bench.search("filename", "*.rs").await,
        json!(["src/main.rs"])
    );
    assert_eq!(
        bench.search("filename", "src/**").await,
        json!(["src/.hidden", "src/main.rs"])
    );
    assert_eq!(
        bench.search("filename", "MAIN").await,
        json!(["src/main.rs"])
    );
    assert_eq!(bench.search("filename", "../*").await, json!([]));
    let below = json!({ "pattern": "needle", "search_type": "content", "path": "node_modules/m" });
    let below = bench.result("search_files", below).await;
    assert_eq!(
        below["matches"],
        json!(["node_modules/m/index.js:1:needle"])
    );
    let one = json!({ "pattern": "needle", "search_type": "content", "path": "src/main.rs" });
    assert_eq!(bench.result("search_files", one).await["count"], 1);
    let git = json!({ "pattern": "needle", "search_type": "content", "path": ".git" });
    assert_eq!(bench.result("search_files", git).await["count"], 0);
}

#[tokio::test]
async fn a_pattern_that_is_no_expression_is_taken_literally() {
    let bench = Bench::new();
    bench.put("f", "call(x[0]\n-e\n");
    let found = bench
        .result(
            "search_files",
            json!({ "pattern": "call(x[", "search_type": "content" }),
        )
        .await;
    assert_eq!(found["matches"], json!(["f:1:call(x[0]"]));
    assert!(found["note"].as_str().unwrap().contains("plain text"));
    assert_eq!(bench.search("content", "-e").await, json!(["f:2:-e"]));
    for pattern in [
        "",
        "a\nb",
        &"a".repeat(2_000),
        "((((a{1000}){1000}){1000}){1000})",
    ] {
        let call = json!({ "pattern": pattern, "search_type": "content" });
        let answer = bench.call("search_files", call).await;
        assert!(!matches!(answer, Err(ToolError::Stop(_))), "{pattern}");
    }
    let told = bench
        .told(
            "search_files",
            json!({ "pattern": "a", "search_type": "fuzzy" }),
        )
        .await;
    assert!(told.contains("`filename` or `content`"), "{told}");
}

#[tokio::test]
async fn a_search_ends_at_its_limits_and_when_cancelled() {
    let mut bench = Bench::new();
    for n in 0..30 {
        bench.put(&format!("f{n:02}"), "x\n".repeat(50));
    }
    let call = json!({ "pattern": "x", "search_type": "content" });
    let found = bench.result("search_files", call.clone()).await;
    assert_eq!(
        (&found["count"], &found["truncated"]),
        (&json!(100), &json!(true))
    );
    assert_eq!(found["files"], 5, "no file may use up the results");
    bench.context.limits.search_time = std::time::Duration::ZERO;
    let found = bench.result("search_files", call.clone()).await;
    assert!(found["note"].as_str().unwrap().contains("time is up"));
    bench.context.cancel.cancel();
    assert_eq!(
        bench.call("search_files", call).await,
        Err(ToolError::Cancelled)
    );
}

#[tokio::test]
async fn a_question_is_not_executed() {
    let bench = Bench::new();
    let asked = bench.call("ask_user", json!({ "question": "?" })).await;
    assert!(matches!(asked, Err(ToolError::Stop(_))));
}
