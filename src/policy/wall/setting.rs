//! The strictness of the policy, and the wall around commands that it relies on.

use serde::Serialize;

use crate::policy::error::PolicyError;

/// The strictness with which commands are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PolicySetting {
    /// Code that the policy cannot read asks before it runs.
    #[default]
    Strict,
    /// Code of the workspace and unknown programs run unasked, because a sandbox holds them.
    Sandboxed,
}

/// The wall around commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyWall {
    /// Nothing: a command may do all that the server may.
    None,
    /// A sandbox that cannot tell hosts apart: a command has the machine's network or none.
    WithoutHosts,
    /// A sandbox, which holds files, the network, and what they start.
    Sandbox,
}

impl PolicySetting {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Sandboxed => "sandboxed",
        }
    }

    /// This setting, where what it relies on is there.
    pub fn behind(self, wall: PolicyWall) -> Result<Self, PolicyError> {
        match (self, wall) {
            (Self::Sandboxed, PolicyWall::None) => Err(PolicyError::NoWall),
            (Self::Strict, _)
            | (Self::Sandboxed, PolicyWall::WithoutHosts | PolicyWall::Sandbox) => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sandbox_lets_code_run_unasked() {
        assert!(PolicySetting::Sandboxed.behind(PolicyWall::None).is_err());
        for (setting, wall) in [
            (PolicySetting::Strict, PolicyWall::None),
            (PolicySetting::Strict, PolicyWall::Sandbox),
            (PolicySetting::Sandboxed, PolicyWall::WithoutHosts),
            (PolicySetting::Sandboxed, PolicyWall::Sandbox),
        ] {
            assert_eq!(setting.behind(wall).unwrap(), setting);
        }
        let told = PolicyError::NoWall.to_string();
        assert!(told.contains("set NAVI_POLICY=strict"), "{told}");
    }
}
