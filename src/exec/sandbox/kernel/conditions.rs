//! Conditions on the arguments of a system call, for [`crate::exec::sandbox::kernel::syscalls`].

use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition};

use crate::exec::sandbox::error::WallError;

fn condition(argument: u8, test: SeccompCmpOp, value: u64) -> Result<SeccompCondition, WallError> {
    // All of these arguments are `int` or flags within the lower half; the kernel looks no further.
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, test, value)
        .map_err(WallError::at("building the filter of system calls"))
}

/// The argument is this.
pub(super) fn is(argument: u8, value: u64) -> Result<SeccompCondition, WallError> {
    condition(argument, SeccompCmpOp::Eq, value)
}

/// The argument is another.
pub(super) fn is_not(argument: u8, value: u64) -> Result<SeccompCondition, WallError> {
    condition(argument, SeccompCmpOp::Ne, value)
}

/// The argument has this flag.
pub(super) fn has(argument: u8, flag: u64) -> Result<SeccompCondition, WallError> {
    condition(argument, SeccompCmpOp::MaskedEq(flag), flag)
}

/// These bits of the argument are this.
pub(super) fn is_masked(
    argument: u8,
    mask: u64,
    value: u64,
) -> Result<SeccompCondition, WallError> {
    condition(argument, SeccompCmpOp::MaskedEq(mask), value)
}
