//! Command line in, exit code out.

use std::process::ExitCode;

/// Allocates faster than the C library and gives back what is free, which matters for a process that
/// serves bursts for months; see `docs/decisions/allocator.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
