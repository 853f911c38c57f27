#!/bin/sh
# Builds the image and tries it on the Docker engine at hand, with the sandbox beside it. Ends with 0 when all holds,
# and leaves nothing behind. BUILD_OPTIONS goes to docker build, for example BUILD_OPTIONS=--network=host.
set -eu
cd "$(dirname "$0")/.."

export PUBLISHED_PORT="${PUBLISHED_PORT:-18080}"
project=packhouse-check
began=$(date +%s)

compose() { docker compose --project-name "$project" -f docker-compose.yml -f deploy/compose.trial.yaml "$@"; }
inside() { compose exec -T packhouse "$@"; }
say() { printf '%3d s  %s\n' "$(($(date +%s) - began))" "$*"; }
fail() { say "FAILED: $*"; compose logs --tail 40 packhouse >&2; exit 1; }
status() { inside packhouse status --json | python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }
container() { compose ps -a -q packhouse; }

# shellcheck disable=SC2086  # several options may be given
docker build --quiet ${BUILD_OPTIONS:-} --tag packhouse:0.1.0 . >/dev/null
say "built: $(docker image inspect packhouse:0.1.0 --format '{{.Size}}' | awk '{ printf "%d MB", $1 / 1e6 }')"

version=$(docker run --rm --network none --read-only packhouse:0.1.0 version)
label=$(docker image inspect packhouse:0.1.0 \
    --format '{{index .Config.Labels "org.opencontainers.image.version"}}')
[ "$version" = "packhouse $label" ] || fail "the label says $label, the program $version"
say "the label names the program's version: $version"

if docker run --rm --network none --read-only packhouse:0.1.0 serve >/dev/null 2>&1; then
    fail "it served without any setting"
fi
say "without settings it does not start"

trap 'compose down --volumes --timeout 40 >/dev/null 2>&1' EXIT INT TERM
compose up --detach --wait --wait-timeout 60 --no-build --quiet-pull >/dev/null 2>&1 || fail "not healthy within 60 s"
say "healthy, by its own health check"

[ "$(inside id -u)" = 10001 ] || fail "it does not run as uid 10001"
inside grep -q '^CapEff:[[:space:]]*0*$' /proc/1/status || fail "it has capabilities"
inside grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/1/status || fail "it may gain privileges"
if inside sh -c 'touch /opt/packhouse/x || touch /usr/x' 2>/dev/null; then fail "its root file system can be written"; fi
say "uid 10001, no capability, no new privileges, root file system read-only"

waited=0
until [ "$(status "['orders'].get('open', 1)")" = 0 ] && [ "$(status "['orders'].get('shipped', 0)")" -gt 0 ]; do
    [ "$waited" -lt 60 ] || fail "orders were still open after 60 s"
    waited=$((waited + 1))
    sleep 1
done
shipped=$(status "['orders']['shipped']")
say "$shipped orders shipped, none open"

compose stop --timeout 40 packhouse >/dev/null 2>&1
ended=$(docker inspect "$(container)" --format '{{.State.ExitCode}}')
[ "$ended" = 0 ] || fail "SIGTERM ended it with $ended"
say "SIGTERM ended it with 0"

compose start --wait packhouse >/dev/null 2>&1 || compose up --detach --wait --no-build >/dev/null 2>&1
compose kill --signal KILL packhouse >/dev/null 2>&1
compose up --detach --wait --wait-timeout 60 --no-build >/dev/null 2>&1 || fail "not healthy again after a kill"
[ "$(status "['orders']['shipped']")" = "$shipped" ] || fail "it forgot orders after a kill"
say "killed and started again: healthy, $shipped orders shipped as before"

problems=$(compose exec -T sandbox python -c "
import json, urllib.request
print(*json.load(urllib.request.urlopen('http://127.0.0.1:8090/sandbox/check'))['problems'], sep='\n')")
[ -z "$problems" ] || fail "the sandbox's books: $problems"
say "the carrier's and the store's books agree"
