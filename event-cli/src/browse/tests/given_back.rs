//! A panic gives the terminal back before its message is printed. The test runs itself as a program in a pseudo terminal.

use std::io::Read as _;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::browse::takeover::Takeover;

const NAME: &str = "browse::tests::given_back::a_panic_gives_the_terminal_back";
const AS_PROGRAM: &str = "EVENT_CLI_TEST_PANICS";

#[test]
fn a_panic_gives_the_terminal_back() {
    if std::env::var_os(AS_PROGRAM).is_some() {
        let takeover = Takeover::new().unwrap();
        let elsewhere = std::thread::spawn(|| panic!("in another thread")).join();
        assert!(elsewhere.is_err());
        let kept = takeover.panicked().unwrap_or_default();
        panic!("on purpose, after {}", kept.lines().last().unwrap_or_default());
    }
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args([NAME, "--exact", "--nocapture"]);
    command.env(AS_PROGRAM, "1");
    command.env("RUST_BACKTRACE", "0");
    let mut output = pair.master.try_clone_reader().unwrap();
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut bytes = Vec::new();
    // The end of a terminal is an error on some systems.
    let _ = output.read_to_end(&mut bytes);
    assert!(!child.wait().unwrap().success());

    let printed = String::from_utf8_lossy(&bytes);
    let at = |text: &str| printed.find(text).unwrap_or_else(|| panic!("no {text:?}: {printed}"));
    assert!(at("\x1b[?1049h") < at("\x1b[?1049l"));
    assert!(at("\x1b[?1049l") < at("on purpose, after in another thread"), "{printed}");
    let flags = format!("{:?}", pair.master.get_termios().unwrap().local_flags);
    assert!(flags.contains("ICANON"), "{flags}");
}
