//! The `gamebot` binary: its output and its exit codes.

#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

const KNOCKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/games/knockout.jsonl");

/// Runs the program in a new folder.
fn gamebot(arguments: &[&str]) -> Output {
    gamebot_in(tempfile::tempdir().unwrap().path(), arguments).output().unwrap()
}

fn gamebot_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gamebot"));
    command.args(arguments).current_dir(folder).env_remove("GAMEBOT_STORE");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn fails(arguments: &[&str], code: i32, message: &str) {
    let output = gamebot(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(stderr.contains(message), "{stderr} contains {message}");
}

#[test]
fn play_prints_the_board() {
    let output = gamebot(&["play", KNOCKOUT]);
    let stdout = text(&output.stdout);
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "store: ./gamebot.db\n");
    assert!(stdout.ends_with("green wins\n"), "{stdout}");
}

#[test]
fn a_game_is_still_stored_after_its_process_ended() {
    let folder = tempfile::tempdir().unwrap();
    let stdout = |arguments: &[&str]| {
        let output = gamebot_in(folder.path(), arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    stdout(&["play", KNOCKOUT]);
    let board = include_str!("../games/knockout.board.json");
    assert_eq!(stdout(&["show", "knockout-1", "--json"]), board);
    assert!(stdout(&["stats"]).contains("ann"));
    assert!(stdout(&["play", KNOCKOUT]).contains("nothing new to store"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the database is the only file");
}

#[test]
fn the_store_argument_takes_precedence_over_the_environment_and_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let with_environment = |arguments: &[&str]| {
        let mut command = gamebot_in(folder.path(), arguments);
        command.env("GAMEBOT_STORE", "sqlite:environment.db").output().unwrap()
    };
    assert!(with_environment(&["play", KNOCKOUT]).status.success());
    assert!(folder.path().join("environment.db").exists());
    assert!(
        with_environment(&["play", KNOCKOUT, "--store", "sqlite:argument.db"]).status.success()
    );
    assert!(folder.path().join("argument.db").exists());
    assert!(with_environment(&["show", "knockout-1"]).stderr.is_empty());
    let simulated =
        gamebot_in(folder.path(), &["simulate", "--games", "3", "--seed", "1"]).output();
    assert!(simulated.unwrap().status.success());
    assert!(!folder.path().join("gamebot.db").exists());
}

#[test]
fn copy_copies_everything_to_another_store() {
    let folder = tempfile::tempdir().unwrap();
    let output = |arguments: &[&str], code: i32| {
        let run = gamebot_in(folder.path(), arguments).output().unwrap();
        assert_eq!(run.status.code(), Some(code), "{arguments:?}: {}", text(&run.stderr));
        text(&run.stdout) + &text(&run.stderr)
    };
    output(&["play", KNOCKOUT], 0);
    let copied = output(&["copy", "--to", "sqlite:other.db"], 0);
    assert!(copied.contains("copied 25 events and links, skipped 0 already present"), "{copied}");
    assert!(copied.ends_with("both stores are identical\nstore: ./gamebot.db\n"), "{copied}");
    let again = output(&["copy", "--from", "sqlite:gamebot.db", "--to", "sqlite:other.db"], 0);
    assert!(again.contains("copied 0 events and links, skipped 25 already present"), "{again}");
    let other = ["--store", "sqlite:other.db"];
    let board = include_str!("../games/knockout.board.json");
    assert_eq!(output(&["show", "knockout-1", "--json", other[0], other[1]], 0), board);

    let race = KNOCKOUT.replace("knockout", "race");
    output(&["play", &race, "--store", "sqlite:race.db"], 0);
    let refused = output(&["copy", "--from", "sqlite:race.db", "--to", "sqlite:other.db"], 1);
    assert!(refused.contains("position"), "{refused}");
    for (from, message) in [("sqlite:none.db", "cannot be opened"), ("mysql:x", "unknown scheme")] {
        let printed = output(&["copy", "--from", from, "--to", "sqlite:other.db"], 1);
        assert!(printed.contains(message), "{printed}");
    }
    assert!(!folder.path().join("none.db").exists());
}

/// Runs each block of the README that starts with `$ gamebot` and compares its output; `…` stands for omitted lines.
#[test]
fn the_readme_shows_the_current_output() {
    let readme = include_str!("../README.md");
    let folder = tempfile::tempdir().unwrap();
    let blocks = readme.split("```text\n$ gamebot ").skip(1);
    let mut commands = Vec::new();
    for block in blocks {
        let (command, expected) = block.split_once("```").unwrap().0.split_once('\n').unwrap();
        let arguments: Vec<&str> = command
            .split(' ')
            .map(|argument| if argument.ends_with("/knockout.jsonl") { KNOCKOUT } else { argument })
            .collect();
        let output = gamebot_in(folder.path(), &arguments).output().unwrap();
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
        let stdout = text(&output.stdout);
        let shown = match (expected.strip_prefix("…\n"), expected.strip_suffix("…\n")) {
            (Some(end), _) => stdout.ends_with(end),
            (None, Some(start)) => stdout.starts_with(start),
            (None, None) => stdout == expected,
        };
        assert!(shown, "the README shows for {command}:\n{expected}found:\n{stdout}");
        commands.push(arguments[0]);
    }
    assert_eq!(commands, ["play", "show", "watch", "stats", "stats"]);
}

#[test]
fn play_with_json_prints_only_json() {
    let output = gamebot(&["play", KNOCKOUT, "--json"]);
    let expected = concat!(env!("CARGO_MANIFEST_DIR"), "/games/knockout.board.json");
    assert_eq!(output.stdout, fs::read(expected).unwrap());
}

#[test]
fn wrong_usage_exits_with_64() {
    fails(&[], 64, "Usage");
    fails(&["dance"], 64, "unrecognized subcommand");
    fails(&["simulate", "--games", "0", "--seed", "1"], 64, "0 is not in");
    fails(&["simulate", "--games", "1"], 64, "--seed");
    fails(&["show", "g", "--at", "0"], 64, "0 is not in");
    assert!(gamebot(&["--help"]).status.success());
    assert!(gamebot(&["--version"]).status.success());
}

#[test]
fn a_rejected_line_exits_with_2_and_any_other_failure_with_1() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "{}\n").unwrap();
    fails(&["play", &file.path().to_string_lossy()], 2, ":1: missing field `do`");
    fails(&["play", "no/such/file"], 1, "could not read no/such/file");
    fails(&["show", "nobody"], 1, "there is no ./gamebot.db");
    fails(&["show", "nobody", "--store", "memory:"], 1, "there is no game nobody");
}

#[test]
fn the_error_names_a_store_that_cannot_be_opened_without_its_password() {
    fails(&["show", "g", "--store", "mysql://localhost/games"], 1, "mysql");
    fails(&["show", "g", "--store", "not a url"], 1, "not a url");
    let secret = "postgres://bot:secret@127.0.0.1:1/games";
    fails(&["show", "g", "--store", secret], 1, "could not");
    let output = gamebot(&["show", "g", "--store", secret]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"));
}

/// File permissions do not apply to root, so as root the test runs the program as another user.
#[test]
fn a_read_only_store_is_reported_and_not_changed() {
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().unwrap();
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let (program, file) = (folder.path().join("gamebot"), folder.path().join("gamebot.db"));
    fs::copy(env!("CARGO_BIN_EXE_gamebot"), &program).unwrap();
    let race = folder.path().join("race.jsonl");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/games/race.jsonl"), &race).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(folder.path()).env_remove("GAMEBOT_STORE");
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            command.uid(NOBODY);
        }
        command.output().unwrap()
    };
    let played = gamebot_in(folder.path(), &["play", KNOCKOUT]).output().unwrap();
    assert!(played.status.success(), "{}", text(&played.stderr));
    let before = fs::read(&file).unwrap();
    set(&race, 0o444);
    set(&file, 0o444);
    set(folder.path(), 0o555);
    for arguments in [["show", "knockout-1"], ["play", "race.jsonl"]] {
        let output = run(&arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("the file or its folder cannot be written"), "{stderr}");
    }
    set(folder.path(), 0o755);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let unread = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = gamebot_in(folder.path(), arguments).stdout(writer).output().unwrap();
        let said = text(&output.stderr).replace("store: ./gamebot.db\n", "");
        assert_eq!((output.status.code(), &*said), (Some(0), ""), "{arguments:?}");
    };
    // What is stored does not depend on who reads what is printed.
    unread(&["play", KNOCKOUT]);
    let shown = gamebot_in(folder.path(), &["show", "knockout-1", "--json"]).output().unwrap();
    assert_eq!(text(&shown.stdout), include_str!("../games/knockout.board.json"));
    for arguments in [
        &["show", "knockout-1"][..],
        &["show", "knockout-1", "--events"],
        &["show", "knockout-1", "--json"],
        &["watch", "knockout-1"],
        &["stats"],
        &["stats", "knockout-1"],
        &["stats", "--json"],
        &["simulate", "--games", "2", "--seed", "1"],
        &["--help"],
        &["--version"],
    ] {
        unread(arguments);
    }
    fails(&["show", "nobody"], 1, "there is no");
}

/// Text that a terminal obeys: colours, a title, the eight-bit form of the first, a return, the direction of writing.
const OBEYED: &str = r"\u001b[31mred\u001b]0;x\u0007\u009b1m\r\u202e";

#[test]
fn nothing_that_is_printed_is_obeyed_by_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let game = include_str!("../games/two_player.jsonl");
    for (name, text) in [
        (
            "0-names.jsonl",
            game.replace("\"red\"", &format!("\"{OBEYED}\""))
                .replace("\"ann\"", &format!("\"ann{OBEYED}\"")),
        ),
        ("words.jsonl", game.replace("\"sand\"", &format!("\"{OBEYED}\""))),
        ("unknown.jsonl", game.replace("\"start\"", &format!("\"{OBEYED}\""))),
        ("key.jsonl", game.replacen("\"game\"", &format!("\"{OBEYED}\""), 1)),
        ("mode.jsonl", game.replacen("\"two_player\"", &format!("\"{OBEYED}\""), 1)),
        ("guild.jsonl", game.replacen("\"98\"", &format!("\"{OBEYED}\""), 1)),
        ("config.jsonl", game.replacen("\"rounds_required\"", &format!("\"{OBEYED}\""), 1)),
        ("role.jsonl", game.replacen("\"giver\"", &format!("\"{OBEYED}\""), 1)),
        ("file\u{1b}[31m.jsonl", "{".to_owned()),
    ] {
        // Each is a game of its own, the first of which is played to its end.
        let id = if name.starts_with('0') { "two-player-1" } else { name };
        let id = serde_json::to_string(id.trim_end_matches(".jsonl")).unwrap();
        let text = text.replace("\"two-player-1\"", &id);
        fs::write(folder.path().join(name), text).unwrap();
    }
    let raw: String = serde_json::from_str(&format!("\"{OBEYED}\"")).unwrap();
    let mut calls = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        calls.push(vec!["play".to_owned(), file]);
    }
    calls.sort();
    for (words, command) in
        [("", "show"), ("", "stats"), ("--json", "show"), ("--json", "stats"), ("--events", "show")]
    {
        for game in ["two-player-1", "words", &raw] {
            let call = [command, game, words].into_iter().filter(|word| !word.is_empty());
            calls.push(call.map(str::to_owned).collect());
        }
    }
    calls.push(vec!["stats".into()]);
    calls.push(vec!["stats".into(), "--json".into()]);
    calls.push(vec!["stats".into(), "--guild".into(), raw.clone()]);
    calls.push(vec!["watch".into(), "two-player-1".into()]);
    calls.push(vec![raw.clone()]);
    calls.push(vec!["--store".into(), format!("sqlite:no/{raw}"), "show".into(), "x".into()]);
    calls.push(vec!["play".into(), format!("missing{raw}")]);
    for call in calls {
        let mut command = gamebot_in(folder.path(), &[]);
        let output = command.args(&call).env("RUST_LOG", "trace").output().unwrap();
        if call.iter().any(|word| word == "0-names.jsonl") {
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        for printed in [text(&output.stdout), text(&output.stderr)] {
            let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
            assert!(!printed.contains(obeyed), "{call:?}: {printed:?}");
        }
    }
}

#[test]
fn what_editors_add_to_a_transcript_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let game = fs::read_to_string(KNOCKOUT).unwrap();
    let edited = format!("\u{feff}{}\r\n\r\n  \n\n", game.trim_end().replace('\n', "\r\n"));
    fs::write(folder.path().join("edited.jsonl"), edited).unwrap();
    let output = gamebot_in(folder.path(), &["play", "edited.jsonl", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), include_str!("../games/knockout.board.json"));
}

#[test]
fn two_people_play_at_one_terminal() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let play = |arguments: &[&str], input: &str| {
        let mut command = gamebot_in(folder.path(), arguments);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        // A program that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let new = ["new", "--mode", "two_player", "--seed", "7", "--rounds", "2"];
    let words = "alpha\nbeta\n\ngamma\ngamma\n/abandon\ndelta\ndelta\n";
    let played = play(&[&new[..], &["--game", "evening", "--players", "ann,bob"]].concat(), words);
    let printed = text(&played.stdout);
    assert!(played.status.success(), "{printed}{}", text(&played.stderr));
    assert!(printed.ends_with("red wins\n"), "{printed}");
    let again = play(&[&new[..], &["--game", "evening"]].concat(), words);
    assert_ne!(again.status.code(), Some(0), "the id is taken");
    let ended = play(&new, "alpha\n\u{1b}[2J\n");
    assert!(ended.status.success() && !text(&ended.stdout).contains('\u{1b}'));
    assert!(text(&ended.stdout).contains("the input ended"));
    for (arguments, code) in [
        (&["new", "--mode", "race"][..], 64),
        (&["new", "--mode", "two_player", "--players", "ann"], 64),
        (&["new", "--mode", "two_player", "--players", "ann,ann"], 2),
        (&["new"], 64),
    ] {
        assert_eq!(play(arguments, words).status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn the_commands_on_events_are_commands_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| gamebot_in(folder.path(), arguments).output().unwrap();
    let missing = run(&["streams"]);
    assert_eq!(missing.status.code(), Some(4));
    assert!(run(&["play", KNOCKOUT]).status.success());
    let stdout = |arguments: &[&str]| {
        let ran = run(arguments);
        assert!(ran.status.success(), "{arguments:?}: {}", text(&ran.stderr));
        text(&ran.stdout)
    };
    assert!(stdout(&["streams"]).contains("game-knockout-1"));
    assert!(stdout(&["events", "game-knockout-1", "--limit", "1"]).contains("game_started"));
    assert!(stdout(&["verify"]).starts_with("sound: 25 events"));
    assert!(stdout(&["show", "knockout-1"]).contains("green wins"));
    assert!(stdout(&["store", "show", "1"]).contains("game_started v1"));
    assert!(stdout(&["store", "stats"]).starts_with("25 events"));
    assert!(stdout(&["completions", "bash"]).contains("gamebot"));
    assert_eq!(run(&["events", "game-9"]).status.code(), Some(4));
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../game-events/events.lock");
    assert!(stdout(&["check", "--lock", lock]).contains("consistent"));
}
