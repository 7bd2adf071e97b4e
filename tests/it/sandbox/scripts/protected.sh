# Writes what runs code later, in every way that comes to mind. What became of it is looked at afterwards.
try() { "$@" >/dev/null 2>&1; }
try bash -c 'echo evil >> .git/config'
try git config core.hooksPath evil
try git config core.fsmonitor ./evil
try git config --global core.pager ./evil
try bash -c 'echo evil > .git/hooks/pre-commit'
try bash -c 'echo evil > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout'
try cp /bin/true .git/hooks/pre-push
try ln -s /bin/true .git/hooks/pre-rebase
try ln /bin/true .git/hooks/pre-auto-gc
try mv .git/hooks .git/hooks.old
try rm -rf .git/hooks
try mkdir .git/hooks
try bash -c 'echo evil > .git/hooks/pre-commit'
try ln -sfn ../evil .git/hooks
try mv .git .git.old
try cp -r .git.old .git
try bash -c 'echo evil > .git/hooks/pre-commit'
try rm -rf .git
try git init
try bash -c 'echo "gitdir: evil" > .git'
try ln -sfn evil .git
try bash -c 'echo ../evil > .git/commondir'
try bash -c 'echo evil > .git/config.worktree'
try git config extensions.worktreeConfig true
try bash -c 'echo allow > .navi/policy.toml'
try bash -c 'echo allow > .navi/new.toml'
try rm -rf .navi
try mkdir .navi
try bash -c 'echo allow > .navi/policy.toml'
try mv .navi .navi.old
try ln -sfn evil .navi
try bash -c 'sed -i s/./evil/ .navi/policy.toml'
try truncate -s 0 .git/config
try dd if=/dev/null of=.navi/policy.toml
try perl -e 'truncate ".navi/policy.toml", 0; rename ".git/config", ".git/config2"; unlink ".git/config"'
try python3 -c 'import os; os.replace("evil-config", ".git/config")'
try bash -c 'exec 9<>.git/config; echo evil >&9'
try chmod 777 .git/config
true
