//! Command line in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = navi::exec::supervision::supervisor::main_if_asked() {
        return code;
    }
    if let Some(code) = navi::exec::sandbox::network::holder::main_if_asked() {
        return code;
    }
    if let Some(code) = navi::exec::sandbox::kernel::mounts::ownership::main_if_asked() {
        return code;
    }
    if let Some(code) = navi::exec::credentials::tunnel::main_if_asked() {
        return code;
    }
    navi::cli::command::main()
}
