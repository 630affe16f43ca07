# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A real Kubernetes API server for tests: main.go here, which scripts/build --with apiserver builds. To be sourced, with
# `set -euo pipefail`.
#
#   start_apiserver DIR [OPTION...]     returns when it is ready; a second time with the same DIR: goes on with its data.
#                                       Not in a subshell: it dies with the shell that started it
#   stop_apiserver                      SIGTERM, and waits
#   restart_apiserver [OPTION...]       both, in the same DIR
#   kube ARGUMENT...                    kubectl as the administrator
#   as_token FILE PATH [CURL-OPTION...] curl as the owner of the token in FILE, for example $APISERVER_DIR/catflapd.token
#   http_status FILE PATH [CURL-OPTION...]  the same, prints the status code alone
#   apply_with_status FILE...           applies manifests, and then the status of Pods, Nodes and Services, which the API
#                                       takes only by itself; what a dump of a cluster holds besides is left out
#   request_token NAMESPACE NAME [SECONDS]  a service account's token by TokenRequest; for lifetimes of less than ten
#                                       minutes there is `$APISERVER_BIN token`
#   forget KIND NAME [NAMESPACE]        deletes without waiting for a kubelet or a controller, of which there are none
#
# Sets APISERVER_DIR, APISERVER_URL and APISERVER_PID. `apiserver --help` tells which files are in the directory.
# KUBEBUILDER_ASSETS, where other projects' tests (envtest) find programs kube-apiserver and etcd, is not read: they come
# without the certificates, tokens and kubeconfigs. To use them, start both with the options in server.go and etcd.go here.

APISERVER_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
APISERVER_BIN=${APISERVER_BIN:-$APISERVER_HERE/../../build/apiserver/catflap-test-apiserver}

start_apiserver() {
    mkdir -p "$1"
    APISERVER_DIR=$(cd "$1" && pwd)
    shift
    rm -f "$APISERVER_DIR/ready"
    "$APISERVER_BIN" --dir "$APISERVER_DIR" "$@" </dev/null &
    APISERVER_PID=$!
    # It gives up by itself after --start-limit.
    until [[ -f $APISERVER_DIR/ready ]]; do
        if ! kill -0 "$APISERVER_PID" 2>/dev/null; then
            wait "$APISERVER_PID" || true
            APISERVER_PID=
            [[ ! -f $APISERVER_DIR/apiserver.log ]] || tail -n 20 "$APISERVER_DIR/apiserver.log" >&2
            echo "start_apiserver: no API server; its log is $APISERVER_DIR/apiserver.log" >&2
            return 1
        fi
        sleep 0.05
    done
    APISERVER_URL=$(<"$APISERVER_DIR/ready")
}

stop_apiserver() {
    [[ -n ${APISERVER_PID:-} ]] || return 0
    kill "$APISERVER_PID" 2>/dev/null || true
    wait "$APISERVER_PID" 2>/dev/null || true
    APISERVER_PID=
}

restart_apiserver() {
    stop_apiserver
    start_apiserver "$APISERVER_DIR" "$@"
}

# Its cache of what the server offers stays here: not in the home directory, where another server's could be.
kube() { kubectl --kubeconfig "$APISERVER_DIR/admin.kubeconfig" --cache-dir "$APISERVER_DIR/kubectl" "$@"; }

as_token() {
    curl -sS --cacert "$APISERVER_DIR/ca.crt" -H "Authorization: Bearer $(<"$1")" "${@:3}" "$APISERVER_URL$2"
}

http_status() { as_token "$1" "$2" -o /dev/null -w "%{http_code}" "${@:3}"; }

# As `kubectl create token` does, which is missing before 1.24.
request_token() {
    jq -n --argjson seconds "${3:-3600}" '{apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest",
        spec: {audiences: [], expirationSeconds: $seconds}}' |
        kube create --raw "/api/v1/namespaces/$1/serviceaccounts/$2/token" -f - | jq -j .status.token
}

forget() {
    kube delete "$1" "$2" ${3:+-n "$3"} --wait=false --grace-period=0 --force >/dev/null 2>&1
    [[ $1 != namespace && $1 != ns ]] || kube get namespace "$2" -o json | jq '.spec.finalizers = []' |
        kube replace --raw "/api/v1/namespaces/$2/finalize" -f - >/dev/null
}

# One object a line, as JSON: namespaces first, without what only the server may set. A container needs an image.
manifest_objects() {
    local file files=()
    for file in "$@"; do
        files+=(-f "$file")
    done
    kube create --dry-run=client --validate=false -o json "${files[@]}" | jq -c --slurp '
        map(if .items then .items[] else . end) | sort_by(.kind != "Namespace")[]
        | del(.metadata["uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields"])
        | del(.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]?)
        | if .kind == "Pod" then .spec.containers[]? |= {image: "none"} + . else . end'
}

# Objects on stdin; one merge patch for each status, as a config file for curl, which keeps its connection over all.
status_patches() {
    jq -r --arg url "$APISERVER_URL" --arg dir "$APISERVER_DIR" '
        {Pod: "pods", Service: "services", Node: "nodes"}[.kind] as $resource
        | select($resource and .status)
        | (if .kind == "Node" then "" else "/namespaces/\(.metadata.namespace)" end) as $in
        | "url = \("\($url)/api/v1\($in)/\($resource)/\(.metadata.name)/status" | tojson)",
          "request = PATCH", "header = \"Content-Type: application/merge-patch+json\"",
          "data = \({status} | tojson | tojson)", "output = \("\($dir)/answer" | tojson)",
          "cacert = \("\($dir)/ca.crt" | tojson)", "cert = \("\($dir)/admin.crt" | tojson)",
          "key = \("\($dir)/admin.key" | tojson)", "silent", "show-error", "fail-with-body", "fail-early", "next"'
}

apply_with_status() {
    local objects
    objects=$(mktemp -p "$APISERVER_DIR")
    manifest_objects "$@" >"$objects"
    jq --slurp '{apiVersion: "v1", kind: "List", items: map(del(.status))}' "$objects" |
        kube apply --server-side --force-conflicts -f - >/dev/null || return 1
    status_patches <"$objects" | sed '$d' >"$objects.curl"
    if [[ -s $objects.curl ]] && ! curl -K "$objects.curl"; then
        jq -r .message "$APISERVER_DIR/answer" >&2
        return 1
    fi
    rm -f "$objects" "$objects.curl"
}
