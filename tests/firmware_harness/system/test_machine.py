import pytest

from firmware_harness.system.machine import (
    cpu_name,
    describe_machine,
    package_versions,
    usable_cores,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: Chip A\n\nprocessor\t: 1\nmodel name\t: Chip B\n",
            "Chip A",
        ),
        (
            "processor : 0\nBogoMIPS : 48\n\nHardware : BCM2835\nModel\t\t: Board 4: rev 1\n",
            "Board 4: rev 1",
        ),
    ],
)
def test_the_processor_is_named_from_cpuinfo(tmp_path, text, name):
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_name(tmp_path / "cpuinfo") == name


def test_without_cpuinfo_python_names_the_processor(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert cpu_name(tmp_path / "missing") == "arm64"


def test_packages_that_are_not_installed_are_left_out():
    assert set(package_versions(("numpy", "no-such-package-here"))) == {"numpy"}


def test_a_machine_has_cores_and_names():
    machine = describe_machine()
    assert machine["cores"] == usable_cores() >= 1
    assert machine["cpu"] and machine["os"] and machine["python"].startswith("3.")
    assert machine["packages"]["numpy"]
