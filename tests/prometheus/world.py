"""What is watched: servers of several kinds, a gateway with a policy, and Prometheus."""

import atexit
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

MCPGATE = os.environ["MCPGATE"]
FAKE_SERVER = os.environ["FAKE_SERVER"]
SHIPPED = pathlib.Path("deploy/prometheus")
KEYS = {"ada": "the key of an analyst", "gus": "the key of a guest", "prometheus": "the key of a scraper"}

POLICY = """
[roles.analyst]
allow = ["*/*"]

[roles.guest]
allow = ["web/*", "pipe/echo"]
deny = ["web/wait"]
limits = [{ calls = 4, per = "1h" }]

[roles.scraper]
allow = []
"""

SERVERS = """
[gateway]
max_sessions = 20
max_connections = 40
control_socket = ""

# Nothing can be written there: records are lost, and counted.
[audit]
file = "/dev/full"
max_size = 0

[servers.web]
url = "{web}"

[servers.slow]
url = "{web}"
timeout = "300ms"
breaker = {{ failures = 3, pause = "10m", longest_pause = "10m" }}

[servers.pipe]
command = "{mcpgate}"
args = ["example"]

[servers.busy]
command = "{mcpgate}"
args = ["example"]
max_in_flight = 1
queue = 1
queue_wait = "30s"

[servers.failing]
command = "{fake}"
args = ["--fail", "tools/call"]

[servers.gone]
url = "{gone}"

# It ends as soon as it is started.
[servers.loop]
command = "false"
"""

# With a certificate that ends tomorrow.
SECURE = """
[gateway]
control_socket = ""
state_dir = ""

[gateway.tls]
cert = "cert.pem"
key = "key.pem"
"""

# How Prometheus reads that one.
SCRAPED = """
  - job_name: mcpgate-tls
    scheme: https
    tls_config: {{ ca_file: "{ca}" }}
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


def until(what, look, seconds=60):
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"nothing after {seconds} s: {what}")


class Process:
    """A program that says on stderr when it is there; it ends with this one."""

    def __init__(self, command, says, **more):
        self.said = []
        self.running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, **more)
        atexit.register(self.stop)
        threading.Thread(target=self._listen, daemon=True).start()
        self.found = until(f"{says} from {command[:3]}", lambda: self._find(says))

    def _listen(self):
        for line in self.running.stderr:
            self.said.append(line)

    def _find(self, says):
        if self.running.poll() is not None:
            raise SystemExit("it ended: " + "".join(self.said))
        return re.search(says, "".join(self.said))

    def stop(self):
        """Ends it, if it has not ended."""
        if self.running.poll() is None:
            self.running.terminate()
            self.running.wait(30)


def example():
    """An example server over HTTP, and where it is."""
    server = Process([MCPGATE, "example", "--http", "127.0.0.1:0"], r"example server on (\S+)")
    return server, server.found[1]


class World:
    """All of it, in one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.web, web = example()
        self.leaving, gone = example()
        names = {"web": web, "gone": gone, "mcpgate": MCPGATE, "fake": FAKE_SERVER}
        (self.folder / "servers.toml").write_text(SERVERS.format(**names))
        (self.folder / "policies").mkdir()
        roles = dict(zip(KEYS, ["analyst", "guest", "scraper"]))
        hashed = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
        keys = [f'[keys.{name}]\nhash = "sha256:{hashed[name]}"\nrole = "{roles[name]}"\n' for name in KEYS]
        (self.folder / "policies" / "team.toml").write_text("".join(keys) + POLICY)
        self.secure()
        self.port = 0
        self.start()

    def secure(self):
        """Starts another gateway, which speaks TLS and has no servers."""
        folder = self.folder / "secure"
        folder.mkdir()
        (folder / "servers.toml").write_text(SECURE)
        made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=mcpgate".split()
        made += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", folder / "cert.pem", "-keyout", folder / "key.pem"]
        subprocess.run(["openssl", *made], check=True, capture_output=True)
        command = [MCPGATE, "serve", "--config", str(folder / "servers.toml"), "--listen", "127.0.0.1:0"]
        self.other = Process(command, r" serves https://[^\s/]*:(\d+)/")

    def start(self):
        """Starts the gateway, again where it was."""
        command = [MCPGATE, "serve", "--config", str(self.folder / "servers.toml"), "--listen", f"0.0.0.0:{self.port}"]
        self.gateway = Process(command, r" serves http://[^\s/]*:(\d+)/")
        self.port = int(self.gateway.found[1])
        until("a gateway whose servers are there", self._settled)

    def _settled(self):
        page = self.metrics()
        there = [f'mcp_server_up{{server="{name}"}} 1' in page for name in ("web", "slow", "pipe", "busy", "failing", "gone")]
        return all(there)

    def restart(self):
        """Ends the gateway and starts it again."""
        self.gateway.stop()
        self.start()

    def metrics(self):
        """The page that Prometheus reads."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
            return page.read().decode()

    def watch(self):
        """Starts Prometheus with the files that are shipped, each second, at our addresses."""
        folder = self.folder / "prometheus"
        (folder / "rules").mkdir(parents=True)
        for rules in SHIPPED.glob("rules/*.yml"):
            (folder / "rules" / rules.name).write_text(rules.read_text())
        key = folder / "mcpgate.key"
        key.write_text(KEYS["prometheus"])
        config = (SHIPPED / "prometheus.yml").read_text()
        self.others = f"{own_address()}:{self.port}"
        # One more, where nobody listens.
        here = f'"127.0.0.1:{self.port}", "127.0.0.1:{nobody()}"'
        for shipped, ours in {'"127.0.0.1:8765"': here, '"gate.lan:8765"': f'"{self.others}"', "15s": "1s"}.items():
            assert shipped in config, f"{shipped} is not in prometheus.yml any more"
            config = config.replace(shipped, ours)
        (folder / "prometheus.yml").write_text(config + SCRAPED.format(port=self.other.found[1], ca=self.folder / "secure" / "cert.pem"))
        command = ["prometheus", "--config.file", str(folder / "prometheus.yml"), "--storage.tsdb.path", str(folder / "data")]
        command += ["--web.listen-address", "127.0.0.1:0"]
        self.prometheus = Process(command, "Server is ready to receive web requests")
        self.api = f"http://127.0.0.1:{listens(self.prometheus.running.pid)}/api/v1"

    def ask(self, path, **parameters):
        """What Prometheus answers."""
        url = f"{self.api}/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{parameters}: {error.read().decode()}") from error

    def query(self, query):
        """Each series of the answer: its labels and its value."""
        found = self.ask("query", query=query)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def scraped(self):
        """Waits until Prometheus has read, and its rules have seen, what is so now."""
        now = time.time()
        ours = f'{{job="mcpgate",instance="127.0.0.1:{self.port}"}}'
        until("a scrape", lambda: any(value > now for _, value in self.query(f"timestamp(mcp_uptime_seconds{ours})")))
        # Alerts go by what is recorded, and may have been looked at a moment before that was.
        for what in ("the rules", "the rules that go by others"):
            now = time.time()
            until(what, lambda now=now: all(value > now for value in self.evaluated()))

    def evaluated(self):
        """When each group of rules was last evaluated."""
        groups = self.ask("rules")["groups"]
        return [time.mktime(time.strptime(group["lastEvaluation"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone for group in groups]


def own_address():
    """An address of this machine that is not loopback, where it has one: there a key is asked for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def nobody():
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listens(pid):
    """The port at which a process listens."""
    sockets = {os.readlink(file) for file in pathlib.Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                return int(fields[1].rsplit(":", 1)[1], 16)
    raise SystemExit(f"{pid} listens nowhere")
