"""What was measured: a table that grows, and what the plot is made of."""
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Figure:
    what: str
    value: float
    bar: float = None    # at most
    unit: str = ""
    others: dict = field(default_factory=dict) # {program: value}
    note: str = ""

    @property
    def share(self):
        """Of the bar."""
        return self.value / self.bar


def number(value, unit=""):
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:.{digits}f} {unit}".rstrip()


HEAD = "| what | mailtree | at most | mbsync | interimap | |\n|---|---:|---:|---:|---:|---|"


class Figures:
    """Prints each as a row of a Markdown table."""

    def __init__(self):
        self.all = []
        self._begun = False

    def say(self, text):
        print(f"{text}", flush=True)

    def add(self, what, value, bar=None, unit="", others=None, note=""):
        if not self._begun:
            print(HEAD)
        self._begun = True
        row = Figure(what, value, bar, unit, others or {}, note)
        self.all.append(row)
        limit = "" if bar is None else number(bar, unit)
        besides = [number(row.others[name], unit) if name in row.others else "" for name in ("mbsync", "interimap")]
        over = "" if bar is None or value <= bar else "over; "
        print(f"| {what} | {number(value, unit)} | {limit} | {besides[0]} | {besides[1]} | {(over + note).rstrip('; ')} |", flush=True)

    def save(self, path):
        Path(path).write_text(json.dumps({"figures": [asdict(each) for each in self.all]}, indent=1,
                                         ensure_ascii=False) + "\n")

    @classmethod
    def kept(cls, paths):
        """What save() has kept."""
        figures = cls()
        for path in paths:
            for each in json.loads(Path(path).read_text())["figures"]:
                figures.add(**each)
        return figures
