"""Draws the figures: how much of its bar each takes, and the seconds beside other programs."""
from html import escape

from bench.figures import number

WIDTH, LEFT, RIGHT, ROW = 900, 430, 120, 19
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #222 } .head { font-weight: 600 } .dim { fill: #666 }
.ok { fill: #2a78b8 } .over { fill: #c8502c } .other { fill: #9aa4ad } .line { stroke: #222; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
text { fill: #ddd } .dim { fill: #999 } .ok { fill: #58a6e0 } .over { fill: #e8825c } .other { fill: #68727c } .line { stroke: #ddd } }
"""


class Sheet:
    def __init__(self):
        self.y = 10
        self.parts = []

    def text(self, x, words, kind="", end=False):
        anchor = ' text-anchor="end"' if end else ""
        self.parts.append(f'<text x="{x:.0f}" y="{self.y + 13}" class="{kind}"{anchor}>{escape(words)}</text>')

    def bar(self, share, kind):
        length = max(1.5, share * (WIDTH - LEFT - RIGHT))
        self.parts.append(f'<rect x="{LEFT}" y="{self.y + 3}" width="{length:.1f}" height="{ROW - 6}" rx="2" class="{kind}"/>')
        return LEFT + length

    def head(self, words):
        self.y += 8
        self.text(10, words, "head")
        self.y += ROW + 2

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.y + 12}" role="img">\n<style>{STYLE}</style>\n'
                + "\n".join(self.parts) + "\n</svg>\n")


def draw_beside(sheet, figures):
    """Seconds, each group on a scale of its own."""
    for figure in figures:
        values = {"mailtree": figure.value, **figure.others}
        longest = max(values.values())
        for index, (name, value) in enumerate(values.items()):
            if index == 0:
                sheet.text(10, figure.what)
            sheet.text(LEFT - 8, name, "dim", end=True)
            end = sheet.bar(value / longest, "ok" if name == "mailtree" else "other")
            sheet.text(end + 6, number(value, figure.unit))
            sheet.y += ROW
        sheet.y += 5


def draw_shares(sheet, figures):
    """The bar is at two thirds."""
    at = 2 / 3
    top, x = sheet.y, LEFT + at * (WIDTH - LEFT - RIGHT)
    for figure in figures:
        over = figure.value > figure.bar
        sheet.text(LEFT - 8, figure.what, end=True)
        end = sheet.bar(min(max(figure.share, 0) * at, 1), "over" if over else "ok")
        sheet.text(max(end, x) + 6, f"{number(figure.value, figure.unit)} of {number(figure.bar, figure.unit)}")
        sheet.y += ROW
    sheet.parts.append(f'<line x1="{x:.0f}" y1="{top}" x2="{x:.0f}" y2="{sheet.y}" class="line"/>')


def draw(figures):
    sheet = Sheet()
    beside = [each for each in figures if each.others and each.unit == "s"]
    barred = [each for each in figures if each.bar is not None]
    if beside:
        sheet.head("Seconds beside other programs")
        draw_beside(sheet, beside)
    if barred:
        sheet.head("Part of what is allowed (dashed line: the bar)")
        draw_shares(sheet, barred)
    return sheet.svg()
