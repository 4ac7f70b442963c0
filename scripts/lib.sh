# What the scripts share: the packages, and how the tree is built. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

build_packages=(
  g++ cmake ninja-build ccache pkg-config
  mosquitto mosquitto-dev libmosquitto-dev libpaho-mqtt-dev libpaho-mqttpp-dev
  libsqlite3-dev libssl-dev libcurl4-openssl-dev ca-certificates zlib1g-dev libargon2-dev libutf8proc-dev libcpp-httplib-dev
  nlohmann-json3-dev libexpected-dev libspdlog-dev libcli11-dev libtomlplusplus-dev
  libboost1.81-dev
  libgtest-dev libgmock-dev)
front_door_packages=(haproxy)  # scripts/run --tls
tour_packages=(mosquitto-clients curl)  # what the README's tour needs besides
fuzz_packages=(clang-14 libclang-rt-14-dev llvm-14)
test_packages=(
  mold clang-format clang-tidy git python3 mosquitto-clients curl openssl systemd chromium fail2ban
  "${front_door_packages[@]}" "${fuzz_packages[@]}")

# What the platform needs to run, as targets of the build.
platform_targets=(duet-run duet-store duet-ws duet-auth duet-keys duet-push duet duet_plugin)

# The same source is the same object in every build tree, and in every copy of the repository.
export CCACHE_NOHASHDIR=1
export CCACHE_BASEDIR=$root

say() { printf 'duet: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# Runs a command with its output in a log, which is shown only when the command fails: quietly LOG COMMAND…
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    return 1
  fi
}

# Prints those of the named Debian packages that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p') || true
  local package
  for package in "$@"; do
    grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
  done
}

# A package's own service would take our ports, at once and after every boot. We only want the program.
disable_system_service() {
  if [ -d /run/systemd/system ]; then
    systemctl disable --now "$1.service" >/dev/null 2>&1 || true
  elif [ -x "/etc/init.d/$1" ]; then
    "/etc/init.d/$1" stop >/dev/null 2>&1 || true
  fi
  say "the system's own $1 service is not used and was left disabled"
}

# Installs those of the named Debian packages that are missing.
require_packages() {
  command -v dpkg-query >/dev/null || fail "this is not a Debian system; it needs the counterparts of: $*"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    say "Debian packages are missing. Install them as root, then start again:"
    printf '  apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2
    exit 1
  fi
  say "installing Debian packages: ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300)
  quietly "$root/build/apt.log" "${apt[@]}" update || say "apt-get update failed; going on with the package lists there are"
  quietly "$root/build/apt.log" "${apt[@]}" install --no-install-recommends "${missing[@]}" ||
    fail "the packages could not be installed"
  local service
  for service in mosquitto haproxy fail2ban; do
    [[ " ${missing[*]} " != *" $service "* ]] || disable_system_service "$service"
  done
}

# Node.js and npm, for the tests. Any Node.js from 18 on will do; Debian's packages only where there is none, as they
# conflict with other people's.
require_node() {
  if command -v node >/dev/null && command -v npm >/dev/null; then return; fi
  if command -v node >/dev/null && [ -n "$(missing_packages nodejs)" ]; then
    fail "there is a Node.js ($(command -v node)) without npm: install npm for it"
  fi
  require_packages nodejs npm
}

# configure PRESET: brings the build tree's own description up to date.
configure() {
  local preset=$1
  local directory=$root/build/$preset
  mkdir -p "$directory"
  (
    flock 9
    if [ -f "$directory/build.ninja" ]; then
      quietly "$directory/configure.log" ninja -C "$directory" build.ninja && exit
    fi
    say "configuring $preset"
    cd "$root"
    quietly "$directory/configure.log" cmake --preset "$preset" || fail "configuring $preset failed"
  ) 9>"$root/build/$preset.lock"
}

# build PRESET TARGET…: configures when needed, and builds. One at a time: others wait.
build() {
  local preset=$1
  shift
  local directory=$root/build/$preset
  [ -f "$directory/build.ninja" ] || configure "$preset"
  (
    flock 9
    cd "$directory"
    say "bringing build/$preset up to date"
    export NINJA_STATUS='  [%f/%t, %es] '
    if [ -t 2 ]; then
      ninja "$@" >&2
    else
      ninja --quiet "$@" >&2
    fi || fail "building $preset failed"
  ) 9>"$root/build/$preset.lock"
}
