"""Options that all tests written in Python share."""
import hashlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every case, where the default is a seeded sample")
    parser.addoption("--sample", action="store_true", help="half of the cases, in smaller samples than the default, without long ones")
    parser.addoption("--seed", type=int, help="of the samples; another one each time if none is given")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: left out of --sample")
    if config.option.seed is None:
        config.option.seed = int(time.time()) % 100_000


def pytest_report_header(config):
    return f"seed {config.option.seed}"


def pytest_collection_modifyitems(config, items):
    if config.option.sample:
        kept = [item for item in items if not item.get_closest_marker("long") and _is_of_half(config.option.seed, item.nodeid)]
        config.hook.pytest_deselected(items=list(set(items).difference(kept)))
        items[:] = kept


def _is_of_half(seed, nodeid):
    return hashlib.sha256(f"{seed} {nodeid}".encode()).digest()[0] % 2 == 0
