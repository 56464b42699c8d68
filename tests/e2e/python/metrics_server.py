"""The resource metrics API for pods: every pod of a list uses the same CPU. Usage: CERTIFICATE KEY PORT STATE

STATE is a JSON file that is read at every request: {"namespace": ..., "pods": [...], "cpu": "250m"}.
"""

import datetime
import http.server
import json
import ssl
import sys

CERTIFICATE, KEY, PORT, STATE = sys.argv[1:]
ROOT = "/apis/metrics.k8s.io/v1beta1"
VERSION = "metrics.k8s.io/v1beta1"


def resources():
    pods = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION, "resources": [pods]}


def metrics():
    with open(STATE, encoding="utf-8") as file:
        state = json.load(file)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    items = [
        {
            "metadata": {"name": name, "namespace": state["namespace"], "creationTimestamp": now},
            "timestamp": now,
            "window": "15s",
            "containers": [{"name": "main", "usage": {"cpu": state["cpu"], "memory": "8Mi"}}],
        }
        for name in state["pods"]
    ]
    return {"kind": "PodMetricsList", "apiVersion": VERSION, "metadata": {}, "items": items}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.split("?")[0].rstrip("/")
        known = resources() if path == ROOT else metrics() if path.endswith("/pods") else None
        body = json.dumps(known or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("192.0.2.10", int(PORT)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
