"""An authority and certificates of it, made for a test by the openssl command, as PEM files."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificate:
    chain: Path  # the certificate, and what stands between it and the root: nothing here
    key: Path


class Authority:
    """Who signs; `root` is what its friends trust."""

    def __init__(self, folder, name="authority"):
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._serial = 1
        self.root = self._folder / f"{name}.crt"
        self._key = self._folder / f"{name}.key"
        self._openssl(
            "req", "-x509", *NEW_KEY, "-keyout", self._key, "-out", self.root, "-subj", f"/CN={name}", "-days", "2"
        )

    def certificate(self, name, hosts="IP:127.0.0.1,DNS:localhost", days=1):
        """days: how long it is valid; less than 0: it has expired."""
        made = Certificate(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        request, names = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        names.write_text(f"subjectAltName={hosts}\n")
        self._serial += 1
        self._openssl("req", "-new", *NEW_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        self._openssl(
            *("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self._key, "-set_serial", str(self._serial)),
            *("-days", str(days), "-extfile", names, "-out", made.chain),
        )
        return made

    def client_context(self, version=None):
        """What Python's clients need to trust it; version: the only one spoken."""
        context = ssl.create_default_context(cafile=self.root)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    def expiry_of(self, chain):
        """In seconds since 1970."""
        text = self._openssl("x509", "-in", chain, "-noout", "-enddate")
        return ssl.cert_time_to_seconds(text.strip().removeprefix("notAfter="))

    @staticmethod
    def _openssl(*arguments):
        found = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr
        return found.stdout
