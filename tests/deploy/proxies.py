"""nginx and Caddy with the files of deploy/, in front of a server. Only addresses and paths are put in their place."""

import os
import signal
import ssl
import subprocess
from pathlib import Path
from types import TracebackType

import httpx

from tests.server import PATIENCE, ROOT, clean_environment, free_port, wait_until

DEPLOY = ROOT / "deploy"


class Proxy:
    """`with Nginx(folder, port, prefix) as proxy:` is at `proxy.url`, by https, in front of 127.0.0.1:port."""

    program = ""

    def __init__(self, folder: Path, upstream: int, prefix: str = "") -> None:
        self.folder, self.upstream, self.prefix = folder, upstream, prefix
        self.folder.mkdir()
        self.port = free_port()
        self.origin = f"https://localhost:{self.port}"
        self.url = self.origin + prefix
        self.log = folder / "log"
        # The certificate is the test's own; that clients check certificates is not what is tested here.
        self.trust = ssl._create_unverified_context()  # noqa: S323

    def __enter__(self) -> "Proxy":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            wait_until(self.ready, f"{self.program} to be ready", self.log.read_text)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return clean_environment(self.folder)

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.program} ended:\n{self.log.read_text()}")
        try:
            httpx.get(self.origin, verify=self.trust)
        except httpx.ReadTimeout:
            return True  # it is the upstream that does not answer
        except httpx.TransportError:
            return False
        return True

    def _make_certificate(self) -> None:
        subprocess.run(
            [
                *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
                *["-keyout", self.folder / "privkey.pem", "-out", self.folder / "fullchain.pem"],
            ],
            check=True,
            capture_output=True,
        )


class Nginx(Proxy):
    """nginx, as Debian and its container image start it, but for where it writes."""

    program = "nginx"

    def command(self) -> list[str]:
        self._make_certificate()
        (self.folder / "pottle.conf").write_text(self._site())
        main = self.folder / "nginx.conf"
        owner = "user root; " if os.geteuid() == 0 else ""  # nobody else may enter pytest's folders
        main.write_text(
            f"daemon off; {owner}pid {self.folder}/pid; error_log stderr; events {{}}\n"
            f"http {{ include /etc/nginx/mime.types; access_log off; include {self.folder}/pottle.conf; }}\n"
        )
        return ["nginx", "-p", str(self.folder), "-c", str(main)]

    def _site(self) -> str:
        places = {
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{self.upstream};",
            "    listen 80;": f"    listen 127.0.0.1:{free_port()};",
            "    listen [::]:80;": "",
            "    listen 443 ssl http2;": f"    listen 127.0.0.1:{self.port} ssl http2;",
            "    listen [::]:443 ssl http2;": "",
            "/etc/letsencrypt/live/pottle.example": str(self.folder),
            "/var/cache": str(self.folder),
            "location / {": f"location {self.prefix}/ {{",
            "location = /metrics {": f"location = {self.prefix}/metrics {{",
        }
        text = (DEPLOY / "nginx.conf").read_text()
        for written, here in places.items():
            assert written in text
            text = text.replace(written, here)
        return text


class ImpatientNginx(Nginx):
    """nginx that drops what is silent for `patience` seconds, instead of 60."""

    def __init__(self, folder: Path, upstream: int, patience: int) -> None:
        super().__init__(folder, upstream)
        self.patience = patience

    def _site(self) -> str:
        site = super()._site()
        assert site.count("proxy_read_timeout 60s;") == 1
        return site.replace("proxy_read_timeout 60s;", f"proxy_read_timeout {self.patience}s;")


class Caddy(Proxy):
    """Caddy, with ports of its own and a certificate of its own making."""

    program = "caddy"

    def command(self) -> list[str]:
        options = f"{{\n\tadmin off\n\tskip_install_trust\n\thttp_port {free_port()}\n\thttps_port {self.port}\n"
        places = {
            "\n{\n": f"\n{options}",
            "\thandle /metrics {": f"\thandle {self.prefix}/metrics {{",
            "\thandle {": f"\thandle {self.prefix}/* {{",
        }
        text = (DEPLOY / "Caddyfile").read_text()
        for written, here in places.items():
            assert text.count(written) == 1
            text = text.replace(written, here)
        file = self.folder / "Caddyfile"
        file.write_text(text)
        return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]

    def environment(self) -> dict[str, str]:
        upstream = f"127.0.0.1:{self.upstream}"
        return {**super().environment(), "POTTLE_SITE": "localhost", "POTTLE_UPSTREAM": upstream}


class Apache(Proxy):
    """Apache, which `deploy/` has no file for, set up as its documentation says: it compresses what it passes on."""

    program = "apache2"
    MODULES = "mpm_event authz_core socache_shmcb ssl proxy proxy_http filter deflate headers"

    def command(self) -> list[str]:
        self._make_certificate()
        modules = "".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in self.MODULES.split()
        )
        file = self.folder / "apache.conf"
        file.write_text(
            f"{modules}ServerName localhost\nServerRoot {self.folder}\nDefaultRuntimeDir {self.folder}\n"
            f"PidFile {self.folder}/pid\nErrorLog {self.folder}/errors\nListen 127.0.0.1:{self.port} https\n"
            f"SSLEngine on\nSSLCertificateFile {self.folder}/fullchain.pem\n"
            f"SSLCertificateKeyFile {self.folder}/privkey.pem\n"
            f"RequestHeader set X-Forwarded-Proto https\nProxyPreserveHost on\n"
            f"ProxyPass / http://127.0.0.1:{self.upstream}/ upgrade=websocket\n"
            "AddOutputFilterByType DEFLATE text/html text/css text/javascript application/json\n"
        )
        return ["apache2", "-D", "FOREGROUND", "-f", str(file)]


PROXIES = {"nginx": Nginx, "caddy": Caddy}
