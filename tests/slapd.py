"""A real LDAP server on loopback (Debian's slapd), and servers that are broken on purpose.

`missing()` says "" or what is not here. Under `.ci/run`, SLAPD=required makes that a failure.
"""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")
SLAPD, SLAPADD = (
    shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    for name in ("slapd", "slapadd")
)
try:
    import ldap  # noqa: F401

    HAS_LDAP = True
except ImportError:
    HAS_LDAP = False

BASE = "dc=harbour,dc=example"
PEOPLE, GROUPS = "ou=people," + BASE, "ou=groups," + BASE
READER = "cn=stackstorm," + BASE
PASSWORD = "canary7f3a-bind"
# A DN with a comma, quotes, brackets and a star in a name, as LDAP writes it (RFC 4514).
ODD_GROUP = 'cn=Night \\, \\"ops\\" (all)*\\\\{x},' + GROUPS
ODD_PERSON = "o'brien (ops)*\\{0}"

CONFIG = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/nis.schema
include {schemas}/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
pidfile {folder}/pid
argsfile {folder}/args
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
access to attrs=userPassword by * auth
access to * by users read by * none
database mdb
maxsize 10485760
suffix "{base}"
rootdn "cn=root,{base}"
directory {folder}/data
"""


def missing():
    """What is needed and not here, in words."""
    lacks = [] if SLAPD and SLAPADD and SCHEMAS.is_dir() else ["slapd (apt-get install slapd)"]
    if not HAS_LDAP:
        lacks.append("python-ldap (pip install -r requirements-ldap.txt)")
    return " and ".join(lacks)


def needed():
    """Skip the test where LDAP is not to be had; fail it where it has to be."""
    lacks = missing()
    if lacks and os.environ.get("SLAPD") == "required":
        pytest.fail("SLAPD=required, but there is no " + lacks)
    if lacks:
        pytest.skip("needs an LDAP server: " + lacks)


def entry(dn, *classes, **attributes):
    """One entry of an LDIF file, base64 throughout: whatever stands in it."""
    from base64 import b64encode

    lines = [("dn", dn), *(("objectClass", each) for each in classes)]
    for name, values in attributes.items():
        lines += [(name, each) for each in ([values] if isinstance(values, str) else values)]
    coded = ["%s:: %s" % (name, b64encode(text.encode()).decode()) for name, text in lines]
    return "\n".join(coded) + "\n\n"


def person(uid, mail, number, **more):
    """A posixAccount and its DN."""
    name = "".join("\\" + each if each in ',\\"+<>;#=' else each for each in uid)
    dn = "uid=%s,%s" % (name, PEOPLE)
    attributes = dict(
        uid=uid, cn=uid, sn=uid, mail=mail, uidNumber=str(number), gidNumber="100", **more
    )
    attributes.update(homeDirectory="/home/x", userPassword="canary7f3a-own")
    return dn, entry(dn, "inetOrgPerson", "posixAccount", **attributes)


def harbour():
    """The people and groups of Harbour Works, as LDIF."""
    text = entry(BASE, "dcObject", "organization", dc="harbour", o="Harbour Works")
    text += entry(PEOPLE, "organizationalUnit", ou="people")
    text += entry(GROUPS, "organizationalUnit", ou="groups")
    text += entry(
        READER, "organizationalRole", "simpleSecurityObject", cn="stackstorm", userPassword=PASSWORD
    )
    dns = {}
    for number, (uid, mail) in enumerate(
        [
            ("tomasz", "tomasz@harbour-works.example"),
            ("priya.r", "priya@harbour-works.example"),
            ("mara", "mara@harbour-works.example"),
            ("lea", "lea@harbour-works.example"),
            ("jonas", "jonas@harbour-works.example"),
            ("twin1", "twins@harbour-works.example"),
            ("twin2", "twins@harbour-works.example"),
            (ODD_PERSON, "o'brien+(ops)*\\x@harbour-works.example"),
            ("žofie", "Zofie@harbour-works.example"),
        ]
    ):
        dns[uid], ldif = person(uid, mail, 1000 + number)
        text += ldif

    def group(cn, *members, kind="groupOfNames", attribute="member"):
        dns[cn] = cn if "," in cn else "cn=%s,%s" % (cn, GROUPS)
        name = {"cn": cn} if "," not in cn else {"cn": 'Night , "ops" (all)*\\{x}'}
        return entry(dns[cn], kind, **name, **{attribute: list(members)})

    text += group("operators", dns["tomasz"])
    text += group("masters", dns["mara"], kind="groupOfUniqueNames", attribute="uniqueMember")
    for cn, number, members in (
        ("deployers", "501", ["priya.r", "someone"]),
        ("impostors", "502", ["priya@harbour-works.example", "priya"]),
    ):
        dns[cn] = "cn=%s,%s" % (cn, GROUPS)
        text += entry(dns[cn], "posixGroup", cn=cn, gidNumber=number, memberUid=members)
    text += group("release", dns["deployers"])
    text += group("staff", dns["operators"], dns["release"])
    text += group("all", dns["staff"], kind="groupOfUniqueNames", attribute="uniqueMember")
    text += group(ODD_GROUP, dns[ODD_PERSON], dns["žofie"])
    text += group("above-odd", ODD_GROUP)
    text += group("ring1", dns["operators"], "cn=ring2," + GROUPS)
    text += group("ring2", "cn=ring1," + GROUPS)
    below = dns["lea"]
    for number in range(12):
        text += group("level%d" % number, below)
        below = dns["level%d" % number]
    return text, dns


class Slapd:
    """The server: `port` for LDAP and StartTLS, `tls_port` for ldaps, `cacert` signed both."""

    def __init__(self, folder):
        self.folder = folder
        self.cacert = str(folder / "ca.pem")
        self._certificates()
        (folder / "data").mkdir()
        config = folder / "slapd.conf"
        config.write_text(
            CONFIG.format(schemas=SCHEMAS, modules=MODULES, folder=folder, base=BASE),
            encoding="utf-8",
        )
        ldif, self.dns = harbour()
        (folder / "harbour.ldif").write_text(ldif, encoding="utf-8")
        load = [SLAPADD, "-f", str(config), "-l", str(folder / "harbour.ldif")]
        subprocess.run(load, check=True, capture_output=True)
        self._start(config)

    def _certificates(self):
        import trustme

        ca = trustme.CA()
        certificate = ca.issue_cert("127.0.0.1", "localhost")
        ca.cert_pem.write_to_path(self.cacert)
        certificate.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(self.folder / "cert.pem"))

    def _start(self, config):
        for _ in range(5):  # somebody else may take a free port first
            self.port, self.tls_port = free_port(), free_port()
            urls = "ldap://127.0.0.1:%d ldaps://127.0.0.1:%d" % (self.port, self.tls_port)
            self._process = subprocess.Popen(
                [SLAPD, "-f", str(config), "-h", urls, "-d", "0"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if self._answers():
                return
            self.stop()
        raise AssertionError("slapd does not start")

    def _answers(self):
        while self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.tls_port), 5).close()
                return True
        return False

    def stop(self):
        self._process.terminate()
        self._process.wait()

    def settings(self, how="ldaps"):
        """`ldap` of the pack's config. `how`: ldaps, StartTLS or clear."""
        found = {
            "host": "127.0.0.1",
            "port": self.tls_port if how == "ldaps" else self.port,
            "bind_dn": READER,
            "bind_password": PASSWORD,
            "base_ou": PEOPLE,
            "base_ou_group": GROUPS,
            "cacert": self.cacert,
            "max_wait": 60,  # a machine that is busy must not decide how a test ends
            "network_timeout": 60,
        }
        if how == "clear":
            del found["cacert"]
            return dict(found, insecure=True)
        return dict(found, **{"use_ssl" if how == "ldaps" else "use_tls": True})


def free_port():
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return each.getsockname()[1]


class Broken:
    """A server that takes connections and goes on as `habit` says.

    silent: says nothing; handshake: TLS is agreed on, then nothing; hangs up: at once; babbles:
    what is no LDAP, for ever.
    """

    def __init__(self, habit, context=None):
        self._habit, self._context = habit, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.taken = 0
        self._open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.taken += 1
                self._open.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with contextlib.suppress(OSError, ssl.SSLError):
            if self._habit == "hangs up":
                connection.close()
            elif self._habit == "handshake":
                self._open.append(self._context.wrap_socket(connection, server_side=True))
            elif self._habit == "babbles":
                while True:
                    connection.sendall(b"\x30\x84\x00\x00\x00\x05hello")

    def close(self):
        for each in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class Slow:
    """Hands everything on to another server, each piece of its answers late by `late` seconds."""

    def __init__(self, target, late):
        self._target, self._late = target, late
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.pieces = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for source, sink, late in ((near, far, 0), (far, near, self._late)):
                    arguments = (source, sink, late)
                    threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(self, source, sink, late):
        with contextlib.suppress(OSError), sink:
            while True:
                piece = source.recv(65536)
                if not piece or (late and self._over.wait(late)):
                    break
                self.pieces += 1
                sink.sendall(piece)

    def close(self):
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
