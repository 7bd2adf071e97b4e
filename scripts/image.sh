#!/usr/bin/env bash
# Builds the image with the Dockerfile as it is, and serves from it:
#
#     scripts/image.sh
#
# Where no registry of images can be reached, the two base images are made of what is here: the distribution's packages
# by debootstrap, and this machine's Rust in the first. Every other step is the Dockerfile's own, carried out by buildah.
# Wants root, buildah and debootstrap. IMAGE_FOLDER keeps the bases and layers for the next time.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
here=$root/scripts/drills
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/drills/world.sh
source "$here/world.sh"

[[ $(id -u) == 0 ]] || fail "Only root may build an image here."
need_rust
need_postgres
command -v buildah >/dev/null || install_packages buildah buildah
command -v debootstrap >/dev/null || install_packages debootstrap debootstrap
folder=${IMAGE_FOLDER:-$(mktemp -d /tmp/navi-image.XXXXXX)}
mkdir -p "$folder"
image=localhost/navi-backend:try
container=
served=

# buildah over a store of its own.
in_store() {
    buildah --root "$folder/store" --runroot "$folder/run" --storage-driver overlay "$@"
}

# shellcheck disable=SC2317,SC2329 # the trap calls it
finish() {
    # It outlives the program that started it.
    [[ -z $served ]] || kill "$served" 2>/dev/null || true
    end server
    [[ -z $container ]] || in_store rm "$container" >/dev/null || true
    end_world
    if [[ -z ${IMAGE_FOLDER:-} ]]; then
        # The mounts in it belong to the containers, which are gone.
        in_store rmi --all --force >/dev/null 2>&1 || true
        umount "$folder/store/overlay" 2>/dev/null || true
        rm -rf --one-file-system "$folder"
    fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The names of the images that the Dockerfile begins with, in its order.
bases() {
    awk 'toupper($1) == "FROM" { print $2 }' "$root/Dockerfile"
}

# A folder with the distribution that a base names, reached as this machine reaches it.
debian() {
    local target=$1
    debootstrap --variant=minbase --include=ca-certificates bookworm "$target" http://deb.debian.org/debian >"$folder/debootstrap.log" 2>&1 ||
        { tail -n 5 "$folder/debootstrap.log" >&2; fail "debootstrap failed; see above."; }
    cp -L /etc/ssl/certs/ca-certificates.crt "$target/etc/ssl/certs/ca-certificates.crt"
    cp -r /etc/apt/apt.conf.d/. "$target/etc/apt/apt.conf.d/"
}

# Makes an image of a folder: FOLDER NAME
image_of() {
    local container
    container=$(in_store from scratch)
    in_store copy --quiet "$container" "$1" / >/dev/null
    in_store commit --quiet "$container" "$2" >/dev/null
    in_store rm "$container" >/dev/null
}

# Makes stand-ins for the base images.
make_bases() {
    local rust debian
    { read -r rust; read -r debian; } < <(bases)
    [[ $rust == *rust:* && $debian == *debian:* ]] || fail "The Dockerfile begins with images that nothing stands in for: $rust $debian"
    if in_store inspect --type image "$rust" >/dev/null 2>&1 && in_store inspect --type image "$debian" >/dev/null 2>&1; then
        return
    fi
    say "Making what stands in for $debian and $rust."
    debian "$folder/debian"
    image_of "$folder/debian" "$debian"
    local packages=(chroot "$folder/debian" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes)
    { "${packages[@]}" update && "${packages[@]}" install --no-install-recommends gcc libc6-dev; } >>"$folder/debootstrap.log" 2>&1 ||
        { tail -n 5 "$folder/debootstrap.log" >&2; fail "A compiler could not be installed; see above."; }
    cp -r "$(rustc --print sysroot)" "$folder/debian/usr/local/rust"
    ln -s ../rust/bin/cargo ../rust/bin/rustc "$folder/debian/usr/local/bin/"
    image_of "$folder/debian" "$rust"
    rm -rf --one-file-system "$folder/debian"
}

build() {
    say "Building $image with the Dockerfile."
    in_store bud --pull-never --isolation chroot --network host --tag "$image" \
        --build-arg "REVISION=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)" \
        --file "$root/Dockerfile" --ignorefile "$root/.dockerignore" "$root" >"$folder/build.log" 2>&1 ||
        { tail -n 30 "$folder/build.log" >&2; fail "The image cannot be built; see above."; }
}

# Runs the image's own command as its own user over a database of its own, and asks it for its health.
serve() {
    local port
    world=$(mktemp -d /tmp/navi-drill.XXXXXX)
    make_database
    start_database
    container=$(in_store from --pull-never "$image")
    port=$(free_port)
    # The image's own entry point and command.
    local command
    mapfile -t command < <(in_store inspect --type image --format '{{range .OCIv1.Config.Entrypoint}}{{println .}}{{end}}{{range .OCIv1.Config.Cmd}}{{println .}}{{end}}' "$image" | grep .)
    say "Serving by ${command[*]}."
    begin server buildah --root "$folder/store" --runroot "$folder/run" --storage-driver overlay \
        run --isolation chroot --network host --volume "$world/database:/database" --env APP_ENV=development --env "NAVI_BIND=127.0.0.1:$port" \
        --env "DATABASE_URL=postgres://navi@localhost/postgres?host=/database" "$container" -- "${command[@]}" --migrate
    await 60 "readiness" answers "http://127.0.0.1:$port/health/ready"
    answers "http://127.0.0.1:$port/health/live"
    served=$(pgrep --newest --full "/usr/local/bin/navi serve --migrate")
    [[ $(stat --format %u "/proc/$served") == 1000 ]] || fail "The server runs as $(stat --format %U "/proc/$served")."
    say "The sandbox within the image: $(curl --silent "http://127.0.0.1:$port/health/ready" | python3 -c 'import json, sys
print([check["detail"] for check in json.load(sys.stdin)["checks"] if check["name"] == "sandbox"])')"
}

make_bases
build
serve
mounted=$(in_store mount "$container")
say "The image has $(du --summarize --human-readable --one-file-system "$mounted" | cut -f 1)."
printf 'built, served and ready: %s\n' "$image"
