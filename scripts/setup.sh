#!/bin/sh
# Makes sure that what this project's commands need is there; silent and quick when it is.
#
#   sh scripts/setup.sh           the npm packages
#   sh scripts/setup.sh system    also PHP, MariaDB, WordPress and Chromium
#   sh scripts/setup.sh php       also the PHP packages of the plugin's checks
#
# As root on Debian or Ubuntu it installs what is missing. Elsewhere it names what is missing and how to get it.
# It runs before any npm package is there, so it is POSIX sh and needs Node and npm alone.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

# Debian keeps server programs where only root's PATH looks.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/opt/homebrew/bin"
export PATH

log=.artly/setup.log
php_extensions='mysqli curl xml mbstring intl zlib'
services_forbidden=''

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$@"
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Only one set-up of a checkout works at a time; a second one waits, then finds the work done. The lock ends with this
# process, however it ends. Programs started below close descriptor 9: a service that one of them starts must not keep it.
take_turns() {
  mkdir -p .artly
  has flock || return 0
  exec 9>.artly/setup.lock
  flock 9
}

# Runs a command into the log, and shows the log's end only when the command fails.
quietly() {
  "$@" >"$log" 2>&1 </dev/null 9>&- && return 0
  tail -n 25 "$log" >&2
  return 1
}

# --- Node and the npm packages ---------------------------------------------------------------------------------------

check_node() {
  has node || fail 'Node.js is missing. Install Node.js 20 or newer, with npm, then run this again.'
  node_version=$(node -p 'process.versions.node + "-" + process.platform + "-" + process.arch')
  node_major=${node_version%%.*}
  if [ "$node_major" -lt 20 ]; then
    fail "This needs Node.js 20 or newer to install its packages; here is ${node_version%%-*}. Install a newer one, then run this again."
  fi
}

# The Node that runs this may be the system's or the package's own: only the platform belongs in the stamp.
npm_fingerprint() { printf '%s %s\n' "$(cksum <package-lock.json)" "${node_version#*-}"; }

npm_ready() {
  [ -x node_modules/.bin/node ] && [ "$(cat node_modules/.artly-setup 2>/dev/null)" = "$(npm_fingerprint)" ]
}

# `npm ci` insists on the packages of every platform; an install that saves nothing honours the lock file as well.
install_npm() {
  npm_ready && return 0
  take_turns
  npm_ready && return 0
  has npm || fail 'npm is missing. Install npm (it comes with Node.js from most sources), then run this again.'
  say 'Installing the npm packages; this takes about half a minute.'
  quietly npm install --no-save --include=dev --no-audit --no-fund --loglevel=error ||
    fail 'The npm packages could not be installed; the reason is above. Check the network, then run this again.'
  npm_fingerprint >node_modules/.artly-setup
}

# --- The system's programs -------------------------------------------------------------------------------------------

missing_extensions() {
  php -r 'foreach (array_slice($argv, 1) as $e) { if (!extension_loaded($e)) { echo $e, " "; } }' -- $php_extensions
}

php_is_complete() { has php && [ -z "$(missing_extensions)" ]; }

# Debian keeps the server's programs out of the PATH, one folder a version.
postgres_is_there() {
  for program in /usr/lib/postgresql/*/bin/postgres /opt/homebrew/opt/*/bin/postgres; do
    [ -x "$program" ] && return 0
  done
  return 1
}

# Sets `missing` to the words of what is not there.
look_for_system_programs() {
  missing=''
  php_is_complete || missing="$missing php"
  { has mariadbd && has mariadb-install-db; } || missing="$missing mariadb"
  [ -f "${ARTLY_WORDPRESS:-/usr/share/wordpress}/wp-includes/version.php" ] || missing="$missing wordpress"
  has "${ARTLY_CHROMIUM:-chromium}" || missing="$missing chromium"
  postgres_is_there || missing="$missing postgresql"
}

look_for_php_programs() {
  missing=''
  php_is_complete || missing="$missing php"
  has composer || missing="$missing composer"
}

# The core package has the server without the service that would start with the machine; older releases lack it.
mariadb_packages() {
  if apt-cache show mariadb-server-core >/dev/null 2>&1; then
    echo 'mariadb-server-core mariadb-client-core'
  else
    echo mariadb-server
  fi
}

debian_packages() {
  for word in $missing; do
    case $word in
      php) printf ' php-cli php-mysql php-curl php-xml php-mbstring php-intl' ;;
      mariadb) printf ' %s' "$(mariadb_packages)" ;;
      composer) printf ' composer unzip' ;;
      *) printf ' %s' "$word" ;;
    esac
  done
}

can_apt() { [ "$(id -u)" = 0 ] && has apt-get && has dpkg; }

# Another apt may be at work; installing waits for its lock by itself, fetching the lists does not.
update_package_lists() {
  for pause in 5 15 30 0; do
    apt-get -qq update && return 0
    sleep "$pause"
  done
  return 1
}

# WordPress's package brings a web server. A policy-rc.d, Debian's own way to say so, keeps it from starting here.
forbid_services() {
  [ -e /usr/sbin/policy-rc.d ] && return 0
  trap allow_services EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  services_forbidden=yes
}

allow_services() {
  [ -n "$services_forbidden" ] || return 0
  rm -f /usr/sbin/policy-rc.d
  services_forbidden=''
}

apt_install() {
  say "Installing$missing with apt-get; this takes a couple of minutes."
  quietly update_package_lists || fail 'The list of Debian packages could not be fetched; the reason is above.'
  packages=$(debian_packages)
  forbid_services
  # An install that was interrupted before, by a Ctrl-C perhaps, is finished first; apt-get would refuse to work.
  quietly env DEBIAN_FRONTEND=noninteractive dpkg --configure -a || say 'dpkg has unfinished work; the reason is above.'
  # shellcheck disable=SC2086 # package names, one word each
  quietly env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o DPkg::Lock::Timeout=600 install --no-install-recommends $packages ||
    say "apt-get could not install:$packages"
  allow_services
}

explain_missing() {
  say 'These programs are missing:'
  for word in $missing; do
    case $word in
      php) say "  PHP 7.4 or newer on the command line, with the extensions $php_extensions"
        has php && say "    (PHP is there, but not: $(missing_extensions))" ;;
      mariadb) say '  MariaDB 10.4 or newer (the programs mariadbd and mariadb-install-db)' ;;
      wordpress) say '  WordPress 6.1 or newer: unpack it anywhere and name its folder in ARTLY_WORDPRESS' ;;
      chromium) say '  Chromium: the browser tests use it; name another Chromium or Chrome in ARTLY_CHROMIUM' ;;
      postgresql) say '  PostgreSQL 14 or newer (its server programs, in /usr/lib/postgresql/VERSION/bin)' ;;
      composer) say '  Composer, which installs the PHP packages of the plugin'"'"'s checks' ;;
    esac
  done
  if has apt-get; then
    say "To get them:  sudo apt-get update && sudo apt-get install --no-install-recommends$(debian_packages)"
  elif has brew; then
    say 'PHP, MariaDB and Composer come with:  brew install php mariadb postgresql composer'
  fi
  fail 'Then run this again.'
}

# $1 looks for the programs and sets `missing`.
make_sure_of() {
  "$1"
  [ -z "$missing" ] && return 0
  can_apt || explain_missing
  take_turns
  "$1"
  [ -z "$missing" ] && return 0
  apt_install
  "$1"
  [ -z "$missing" ] || explain_missing
}

# --- The PHP packages of the plugin's checks -------------------------------------------------------------------------

composer_fingerprint() { cat composer.json composer.lock 2>/dev/null | cksum; }

composer_ready() {
  [ -f vendor/autoload.php ] && [ "$(cat vendor/.artly-setup 2>/dev/null)" = "$(composer_fingerprint)" ]
}

install_php_packages() {
  [ -f composer.json ] || return 0
  composer_ready && return 0
  make_sure_of look_for_php_programs
  take_turns
  composer_ready && return 0
  say "Installing the PHP packages of the plugin's checks."
  quietly env COMPOSER_ALLOW_SUPERUSER=1 composer install --no-interaction --no-progress ||
    fail 'Composer could not install the PHP packages; the reason is above.'
  composer_fingerprint >vendor/.artly-setup
}

# ---------------------------------------------------------------------------------------------------------------------

case ${1:-} in
  '' | system | php) ;;
  *) fail 'Usage: sh scripts/setup.sh [system | php]' ;;
esac
check_node
install_npm
case ${1:-} in
  system) make_sure_of look_for_system_programs ;;
  php) install_php_packages ;;
esac
