"""Options that all tests written in Python share."""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="every case, where the default is a seeded sample")
    parser.addoption("--sample", action="store_true", help="a smaller sample than the default, without what is marked as long")
    parser.addoption("--seed", type=int, help="of the samples; another one each time if none is given")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: left out of --sample")
    if config.option.seed is None:
        config.option.seed = int(time.time()) % 100_000


def pytest_report_header(config):
    return f"seed {config.option.seed}"


def pytest_collection_modifyitems(config, items):
    if config.option.sample:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
