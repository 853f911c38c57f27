#!/bin/sh
# Builds the image and tests it with the sandbox on the local Docker engine. Exits with 0 if all checks pass, and
# removes everything it created. BUILD_OPTIONS goes to docker build, for example BUILD_OPTIONS=--network=host.
set -eu
cd "$(dirname "$0")/.."

export PUBLISHED_PORT="${PUBLISHED_PORT:-18080}"
project=packhouse-check
began=$(date +%s)

compose() { docker compose --ansi never --project-name "$project" -f docker-compose.yml -f deploy/compose.trial.yaml "$@"; }
inside() { compose exec -T packhouse "$@"; }
say() { printf '%3d s  %s\n' "$(($(date +%s) - began))" "$*"; }
fail() { say "FAILED: $*"; compose logs --no-log-prefix --tail 20 packhouse >&2; exit 1; }
status() { inside packhouse status --json | python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }
container() { compose ps -a -q packhouse; }
again() { compose up --detach --wait --wait-timeout 60 --no-build >/dev/null 2>&1 || fail "not healthy again within 60 s"; }

# Calls the sandbox: a path, and a body for a POST.
sandbox() {
    compose exec -T sandbox python -c "
import sys, urllib.request
body = sys.argv[2].encode() if len(sys.argv) > 2 else None
print(urllib.request.urlopen('http://sandbox:8090' + sys.argv[1], body).read().decode())" "$@"
}

# Places 200 orders and returns while they are processed.
more_orders() {
    sandbox /sandbox/orders '{"count": 200, "rate_per_s": 100}' >/dev/null
    sleep 1
}

# Waits until no order is in progress, neither here nor at the store.
settled() {
    tries=0
    until [ "$(sandbox /sandbox/state | python3 -c "import json, sys; print(json.load(sys.stdin)['scheduled'])")" = 0 ] &&
        [ "$(status "['orders'].get('open', 0)")" = 0 ]; do
        [ "$tries" -lt 60 ] || fail "orders were still open after 60 tries"
        tries=$((tries + 1))
        sleep 1
    done
}

# shellcheck disable=SC2086  # several options may be given
docker build --quiet ${BUILD_OPTIONS:-} --tag packhouse:0.1.0 . >/dev/null
say "built: $(docker image inspect packhouse:0.1.0 --format '{{.Size}}' | awk '{ printf "%d MB", $1 / 1e6 }')"

version=$(docker run --rm --network none --read-only packhouse:0.1.0 version)
label=$(docker image inspect packhouse:0.1.0 \
    --format '{{index .Config.Labels "org.opencontainers.image.version"}}')
[ "$version" = "packhouse $label" ] || fail "the label says $label, the program $version"
say "the label has the program's version: $version"

if docker run --rm --network none --read-only packhouse:0.1.0 serve >/dev/null 2>&1; then
    fail "it started without any setting"
fi
say "without settings it does not start"

trap 'compose down --volumes --timeout 40 >/dev/null 2>&1' EXIT INT TERM
compose up --detach --wait --wait-timeout 60 --no-build --quiet-pull >/dev/null 2>&1 || fail "not healthy within 60 s"
say "healthy, by its own health check"

[ "$(inside id -u)" = 10001 ] || fail "it does not run as uid 10001"
inside grep -q '^CapEff:[[:space:]]*0*$' /proc/1/status || fail "it has capabilities"
inside grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/1/status || fail "it may gain privileges"
if inside sh -c 'touch /opt/packhouse/x || touch /usr/x' 2>/dev/null; then fail "its root file system is writable"; fi
say "uid 10001, no capability, no new privileges, root file system read-only"

settled
say "$(status "['orders']['shipped']") orders shipped, none open"

more_orders
compose stop --timeout 40 packhouse >/dev/null 2>&1
ended=$(docker inspect "$(container)" --format '{{.State.ExitCode}}')
[ "$ended" = 0 ] || fail "after SIGTERM in the middle of work the exit code was $ended"
say "stopped by SIGTERM in the middle of work with exit code 0"

again
more_orders
compose kill --signal KILL packhouse >/dev/null 2>&1
say "killed in the middle of work"

again
settled
say "started again: $(status "['orders']['shipped']") orders shipped, none open"

problems=$(sandbox "/sandbox/check?final=1" | python3 -c "import json, sys; print(*json.load(sys.stdin)['problems'], sep='\n')")
[ -z "$problems" ] || fail "the sandbox's audit: $problems"
say "the provider's and the store's records agree: nothing bought twice, nothing lost"
