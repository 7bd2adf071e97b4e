//! A seccomp filter: the system calls that a command may make.
//!
//! The filter names what no build, test or server needs and what has broken out of sandboxes before;
//! the rest stays allowed, because toolchains use most of it. The lists follow the profile of
//! containers (`profiles/seccomp/default.json` of moby) where it refuses a call to a process without
//! capabilities.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    sock_filter,
};

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::conditions::{has, is, is_masked, is_not};
use crate::exec::sandbox::kernel::sockets::{WithoutNamespaces, pairs, sockets};
use crate::exec::sandbox::wall::{Tier, Wall};

/// A newer `open_tree`, which has this number on all of our architectures.
const OPEN_TREE_ATTR: libc::c_long = 467;

/// Refused always, with "operation not permitted".
const REFUSED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
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
    OPEN_TREE_ATTR,
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
    // Its flags and modes are in memory as well.
    libc::SYS_openat2,
    // Memory that counts for no process.
    libc::SYS_memfd_secret,
];

/// Answered in the same way where there are no namespaces: objects that are shared by name or number with
/// all programs of the machine.
const SHARED_WITH_ALL: &[libc::c_long] = &[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

/// Answered as by a file system that cannot do it, so that programs write instead. Room that is only
/// reserved is no process's in the kernel's accounts, and could fill a disk unseen.
const UNSUPPORTED: &[libc::c_long] = &[libc::SYS_fallocate];

/// Calls that set other processes' limits, places and ranks, with the argument that names the process.
const SETS_ANOTHER: &[(libc::c_long, u8)] = &[
    (libc::SYS_prlimit64, 0),
    (libc::SYS_sched_setaffinity, 0),
    (libc::SYS_sched_setattr, 0),
    (libc::SYS_sched_setparam, 0),
    (libc::SYS_sched_setscheduler, 0),
    (libc::SYS_setpriority, 1),
    (libc::SYS_ioprio_set, 1),
];

/// Calls that give a file its mode, with the argument that is the mode.
const SETS_MODE: &[(libc::c_long, u8)] = &[
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chmod, 1),
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (libc::SYS_fchmodat2, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, 1),
    (libc::SYS_mknodat, 2),
];

/// Calls that open a file, with the argument that is its flags; the mode follows.
const OPENS: &[(libc::c_long, u8)] = &[
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, 1),
    (libc::SYS_openat, 2),
];

/// The modes of a program that runs with its owner's rights, or its group's.
const OTHER_RIGHTS: [u64; 2] = [libc::S_ISUID as u64, libc::S_ISGID as u64];

/// The first Landlock that knows when a file is cut.
const KNOWS_TRUNCATION: u8 = 3;

/// The first Landlock that knows signals.
const KNOWS_SIGNALS: u8 = 6;

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

/// Filters, ready to be put on a process.
#[derive(Debug)]
pub struct SyscallFilters([BpfProgram; 3]);

impl SyscallFilters {
    /// The filters for a wall, where that Landlock bounds the files.
    pub fn of(wall: &Wall, landlock: u8) -> Result<Self, WallError> {
        let network = wall.network;
        let without = (wall.tier != Tier::Full).then_some(WithoutNamespaces { network, landlock });
        Self::compile(without)
    }

    /// Compiles filters. Those within namespaces are the same for every command.
    pub fn compile(without: Option<WithoutNamespaces>) -> Result<Self, WallError> {
        let mut unknown = UNKNOWN.to_vec();
        if without.is_some() {
            unknown.extend(SHARED_WITH_ALL);
        }
        let unsupported = compiled(always(UNSUPPORTED), libc::EOPNOTSUPP)?;
        let mut unknown = compiled(always(&unknown), libc::ENOSYS)?;
        if cfg!(target_arch = "x86_64") {
            unknown.splice(0..0, other_numbers());
        }
        let refused = compiled(refusals(without)?, libc::EPERM)?;
        Ok(Self([unsupported, unknown, refused]))
    }

    /// Bounds this process and what it starts. `no_new_privs` must hold.
    pub fn apply(&self) -> Result<(), WallError> {
        let failed = "filtering system calls";
        self.0.iter().try_for_each(|program| {
            seccompiler::apply_filter(program).map_err(WallError::at(failed))
        })
    }
}

type CallRules = BTreeMap<i64, Vec<SeccompRule>>;

/// The conditions of which one must hold; each is of parts that must all hold.
type Conditions = Vec<Vec<SeccompCondition>>;

fn always(calls: &[libc::c_long]) -> CallRules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn refusals(without: Option<WithoutNamespaces>) -> Result<CallRules, WallError> {
    let mut rules = always(REFUSED);
    let mut refuse_when = |call: libc::c_long, when: Conditions| {
        let built: Result<Vec<_>, _> = when.into_iter().map(SeccompRule::new).collect();
        let built = built.map_err(WallError::at("building the filter of system calls"))?;
        rules.entry(call).or_default().extend(built);
        Ok(())
    };
    let namespaces = (0..u64::BITS)
        .map(|bit| 1 << bit)
        .filter(|flag| NEW_NAMESPACES & flag != 0);
    let namespaces: Result<Conditions, _> =
        namespaces.map(|flag| Ok(vec![has(0, flag)?])).collect();
    refuse_when(libc::SYS_clone, namespaces?)?;
    let typed: Result<Conditions, _> = TERMINAL_INPUT
        .iter()
        .map(|request| Ok(vec![is(1, *request)?]))
        .collect();
    refuse_when(libc::SYS_ioctl, typed?)?;
    // `setarch` and debuggers ask for the ordinary ones; others weaken the memory's protection.
    let usual = [0, 0x0008, 0x0004_0000, 0xffff_ffff];
    let other: Result<Vec<_>, _> = usual.iter().map(|it| is_not(0, *it)).collect();
    refuse_when(libc::SYS_personality, vec![other?])?;
    refuse_when(libc::SYS_socket, sockets(without)?)?;
    refuse_when(libc::SYS_socketpair, pairs(without)?)?;
    for rights in OTHER_RIGHTS {
        for (call, mode) in SETS_MODE {
            refuse_when(*call, vec![vec![has(*mode, rights)?]])?;
        }
        for (call, flags) in OPENS {
            // Without these the mode is whatever happens to be in the register.
            for makes in [libc::O_CREAT, libc::O_TMPFILE] {
                let makes = u64::from(makes.unsigned_abs());
                refuse_when(
                    *call,
                    vec![vec![has(*flags, makes)?, has(flags + 1, rights)?]],
                )?;
            }
        }
    }
    if let Some(WithoutNamespaces { landlock, .. }) = without {
        for (call, when) in without_namespaces(landlock)? {
            refuse_when(call, when)?;
        }
    }
    Ok(rules)
}

/// Calls that namespaces would keep from the processes and files of others.
fn without_namespaces(landlock: u8) -> Result<Vec<(libc::c_long, Conditions)>, WallError> {
    let mut refused = Vec::new();
    // Sends the first bytes with the connection, which old Landlocks do not see.
    let fast_open = libc::MSG_FASTOPEN as u64;
    for (call, flags) in [
        (libc::SYS_sendto, 3),
        (libc::SYS_sendmsg, 2),
        (libc::SYS_sendmmsg, 3),
    ] {
        refused.push((call, vec![vec![has(flags, fast_open)?]]));
    }
    for (call, process) in SETS_ANOTHER {
        refused.push((*call, vec![vec![is_not(*process, 0)?]]));
    }
    // Zero is the user that asks.
    let of_user = [
        (libc::SYS_setpriority, u64::from(libc::PRIO_USER)),
        (libc::SYS_ioprio_set, 3),
    ];
    for (call, user) in of_user {
        refused.push((call, vec![vec![is(0, user)?]]));
    }
    let access = libc::O_ACCMODE as u64;
    for (call, flags) in OPENS {
        // Neither for reading nor for writing, but for asking a device: Landlock sees no access.
        refused.push((*call, vec![vec![is_masked(*flags, access, access)?]]));
    }
    if landlock < KNOWS_TRUNCATION {
        let cuts = libc::O_TRUNC as u64;
        refused.push((libc::SYS_truncate, Vec::new()));
        for (call, flags) in OPENS {
            // Cuts what it opens for reading.
            refused.push((*call, vec![vec![is_masked(*flags, access | cuts, cuts)?]]));
        }
    }
    if landlock < KNOWS_SIGNALS {
        let all = u64::from(u32::MAX);
        refused.push((libc::SYS_kill, vec![vec![is(0, all)?]]));
    }
    Ok(refused)
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

fn compiled(rules: CallRules, errno: i32) -> Result<BpfProgram, WallError> {
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let failed = "building the filter of system calls";
    let arch: TargetArch = std::env::consts::ARCH
        .try_into()
        .map_err(WallError::at(failed))?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch);
    let filter = filter.map_err(WallError::at(failed))?;
    filter.try_into().map_err(WallError::at(failed))
}
