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

    @property
    def verdict(self):
        return "" if self.bar is None else "holds" if self.value <= self.bar else "**over**"

    def row(self):
        """Of a Markdown table."""
        limit = "" if self.bar is None else number(self.bar, self.unit)
        besides = [number(self.others[name], self.unit) if name in self.others else "" for name in ("mbsync", "interimap")]
        return f"| {' | '.join([self.what, number(self.value, self.unit), limit, self.verdict, *besides, self.note])} |"


def number(value, unit=""):
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:.{digits}f} {unit}".rstrip()


HEAD = "| what | mailtree | at most | | mbsync | interimap | |\n|---|---:|---:|---|---:|---:|---|"


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
        print(row.row(), flush=True)

    def verdict(self):
        """Of all, in a line."""
        barred = [each for each in self.all if each.bar is not None]
        over = [each.what for each in barred if each.value > each.bar]
        return f"{len(barred) - len(over)} of {len(barred)} bars hold" + "".join(f"\nover: {what}" for what in over)

    def table(self):
        return "\n".join([HEAD, *[each.row() for each in self.all]]) + "\n"

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
