#!/bin/sh
# A throw-away server that speaks DynamoDB's protocol, for tests: moto, from PyPI, in an environment of its own below
# the target folder (about 140 MB, kept for the next time). Prints its URL on one line, lives until its standard input
# closes (that is, until whoever started it is gone), and keeps nothing on disk.
# Argument: the folder to install into. Exit 3, with the reason on standard error: it can't be had on this machine.
set -eu

target=${CARGO_TARGET_DIR:-$(dirname "$0")/../../../target}
folder=${1:-$target/tmp/dynamodb-server}
packages="moto[dynamodb]==5.2.5 flask==3.1.3 flask-cors==6.0.5"

absent() {
    echo "$1" >&2
    exit 3
}

has_python() {
    command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null
}

if ! has_python && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv; } \
        </dev/null >/dev/null 2>&1 || true
fi
has_python || absent "no python3 with venv and pip on the PATH (Debian: apt-get install python3 python3-venv)"

mkdir -p "$folder"
python=$folder/venv/bin/python

is_installed() {
    [ "$(cat "$folder/installed" 2>/dev/null)" = "$packages" ] && "$python" -c 'import moto.server' 2>/dev/null
}

install() {
    rm -rf "$folder/venv" "$folder/installed"
    # shellcheck disable=SC2086
    python3 -m venv "$folder/venv" && "$python" -m pip install -q --disable-pip-version-check $packages || return 1
    echo "$packages" >"$folder/installed"
}

# Two tests that begin at the same time install once.
(
    if command -v flock >/dev/null; then flock 9; fi
    is_installed || install </dev/null >"$folder/log" 2>&1
) 9>"$folder/lock" || absent "pip could not install $packages: $(tail -n 3 "$folder/log" | tr '\n' ' ')"

# moto undoes a failed transaction by putting all tables back as they were, other requests' writes included. One
# request after the other, its transactions are what DynamoDB's are.
exec "$python" -c '
import logging, os, sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)

def leash():
    while os.read(0, 4096):
        pass
    os._exit(0)

threading.Thread(target=leash, daemon=True).start()
print(f"http://127.0.0.1:{server.port}", flush=True)
server.serve_forever()
'
