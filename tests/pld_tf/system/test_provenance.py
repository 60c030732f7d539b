import sys
from importlib import metadata

from pld_tf.system import provenance
from pld_tf.system.provenance import package_versions


def test_versions_are_those_installed():
    versions = package_versions()
    assert versions["numpy"] == metadata.version("numpy")
    assert versions["python"] == sys.version.split()[0]


def test_a_missing_package_is_named_as_missing(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    assert package_versions()["no-such-package"] == "not installed"
