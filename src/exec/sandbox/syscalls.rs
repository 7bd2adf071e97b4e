//! Which system calls a command may make: a seccomp filter.
//!
//! The filter names what no build, test or server needs and what has broken out of sandboxes before;
//! the rest stays allowed, because toolchains use most of it. The lists follow the profile of
//! containers (`profiles/seccomp/default.json` of moby) where it refuses a call to a process without
//! capabilities.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use crate::exec::sandbox::wall::{Network, Tier, Wall, WallError};

/// Refused always, with "operation not permitted".
const REFUSED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    // Files by other names than their paths.
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // The clock and the name of the machine.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Answered as by a kernel without them, so that programs take the older way, which can be filtered.
const UNKNOWN: &[libc::c_long] = &[
    // Its flags are in memory, where no filter sees them; `clone` has them in a register.
    libc::SYS_clone3,
    // Does what the calls above do, past this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// New namespaces in the flags of `clone`.
const NEW_NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// Puts a character into a terminal's input, as if it had been typed.
const TERMINAL_INPUT: &[u64] = &[libc::TIOCSTI, 0x541C];

/// The bits of a socket's type that are its type.
const SOCKET_TYPE: u64 = 0xf;

/// Bounds this process and what it starts. `no_new_privs` must hold.
pub fn filter(wall: &Wall) -> Result<(), WallError> {
    let failed = "filtering system calls";
    for program in [refusals(wall, SeccompAction::Errno(1))?, unknown_calls()?] {
        seccompiler::apply_filter(&program).map_err(WallError::at(failed))?;
    }
    Ok(())
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn refusals(wall: &Wall, action: SeccompAction) -> Result<BpfProgram, WallError> {
    let failed = "building the filter of system calls";
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let mut refuse_when = |call: libc::c_long, when: Vec<Vec<SeccompCondition>>| {
        let built: Result<Vec<_>, _> = when.into_iter().map(SeccompRule::new).collect();
        built
            .map(|built| rules.insert(call, built))
            .map_err(WallError::at(failed))
    };
    let namespaces = (0..u64::BITS)
        .map(|bit| 1 << bit)
        .filter(|flag| NEW_NAMESPACES & flag != 0);
    let namespaces: Result<Vec<_>, WallError> =
        namespaces.map(|flag| Ok(vec![has(0, flag)?])).collect();
    refuse_when(libc::SYS_clone, namespaces?)?;
    let typed: Result<Vec<_>, WallError> = TERMINAL_INPUT
        .iter()
        .map(|request| Ok(vec![is(1, *request)?]))
        .collect();
    refuse_when(libc::SYS_ioctl, typed?)?;
    // `setarch` and debuggers ask for the ordinary ones; others weaken the memory's protection.
    let usual = [0, 0x0008, 0x0004_0000, 0xffff_ffff];
    let other: Result<Vec<_>, WallError> = usual.iter().map(|it| is_not(0, *it)).collect();
    refuse_when(libc::SYS_personality, vec![other?])?;
    refuse_when(libc::SYS_socket, sockets(wall)?)?;
    if wall.tier != Tier::Full {
        // Sends the first bytes with the connection, which old Landlocks do not see.
        let fast_open = libc::MSG_FASTOPEN as u64;
        for (call, flags) in [
            (libc::SYS_sendto, 3),
            (libc::SYS_sendmsg, 2),
            (libc::SYS_sendmmsg, 3),
        ] {
            refuse_when(call, vec![vec![has(flags, fast_open)?]])?;
        }
    }
    compiled(rules, action)
}

/// The sockets that are refused: of other families, of other types, of other protocols.
fn sockets(wall: &Wall) -> Result<Vec<Vec<SeccompCondition>>, WallError> {
    let (local, v4, v6, kernel) = (
        libc::AF_UNIX as u64,
        libc::AF_INET as u64,
        libc::AF_INET6 as u64,
        libc::AF_NETLINK as u64,
    );
    let (stream, datagram) = (libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64);
    let tcp = libc::IPPROTO_TCP as u64;
    let free = wall.tier == Tier::Full || wall.network == Network::OfMachine;
    // Without namespaces a socket's path or name could lead to any program of the machine, and
    // connected pairs need no `socket`.
    let mut families = vec![v4, v6, kernel];
    if wall.tier == Tier::Full {
        families.push(local);
    }
    let mut refused = vec![
        families
            .iter()
            .map(|family| is_not(0, *family))
            .collect::<Result<Vec<_>, _>>()?,
        // Only what lists interfaces and routes.
        vec![is(0, kernel)?, is_not(2, libc::NETLINK_ROUTE as u64)?],
    ];
    for family in [v4, v6] {
        // Raw and whatever comes after it; the kernel knows none below.
        for other in (stream..=SOCKET_TYPE).filter(|it| *it != stream && !(free && *it == datagram))
        {
            refused.push(vec![is(0, family)?, is_masked(1, SOCKET_TYPE, other)?]);
        }
        // Of streams only TCP: Landlock knows no other.
        refused.push(vec![
            is(0, family)?,
            is_masked(1, SOCKET_TYPE, stream)?,
            is_not(2, 0)?,
            is_not(2, tcp)?,
        ]);
    }
    if !free && wall.landlock_at_most.unwrap_or(u8::MAX) < 4 {
        refused.push(vec![is(0, v4)?]);
        refused.push(vec![is(0, v6)?]);
    }
    Ok(refused)
}

fn unknown_calls() -> Result<BpfProgram, WallError> {
    let rules: Rules = UNKNOWN.iter().map(|call| (*call, Vec::new())).collect();
    let action = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let mut program = compiled(rules, action)?;
    if cfg!(target_arch = "x86_64") {
        program.splice(0..0, other_numbers());
    }
    Ok(program)
}

/// Refuses the second set of numbers that x86-64 has for the same calls, those of its x32 programs,
/// which no rule names.
fn other_numbers() -> [sock_filter; 3] {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const FIRST: u32 = 0x4000_0000;
    const ANSWER_ERRNO: u32 = 0x0005_0000;
    let statement = |code, k| sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    };
    [
        statement(LOAD_WORD, 0),
        sock_filter {
            code: JUMP_IF_AT_LEAST,
            jt: 0,
            jf: 1,
            k: FIRST,
        },
        statement(RETURN, ANSWER_ERRNO | libc::ENOSYS.unsigned_abs()),
    ]
}

fn compiled(rules: Rules, action: SeccompAction) -> Result<BpfProgram, WallError> {
    let failed = "building the filter of system calls";
    let arch: TargetArch = std::env::consts::ARCH
        .try_into()
        .map_err(WallError::at(failed))?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch);
    let filter = filter.map_err(WallError::at(failed))?;
    filter.try_into().map_err(WallError::at(failed))
}

fn condition(argument: u8, test: SeccompCmpOp, value: u64) -> Result<SeccompCondition, WallError> {
    // All of these arguments are `int` or flags within the lower half; the kernel looks no further.
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, test, value)
        .map_err(WallError::at("building the filter of system calls"))
}

fn is(argument: u8, value: u64) -> Result<SeccompCondition, WallError> {
    condition(argument, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Result<SeccompCondition, WallError> {
    condition(argument, SeccompCmpOp::Ne, value)
}

fn has(argument: u8, flag: u64) -> Result<SeccompCondition, WallError> {
    condition(argument, SeccompCmpOp::MaskedEq(flag), flag)
}

fn is_masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, WallError> {
    condition(argument, SeccompCmpOp::MaskedEq(mask), value)
}
