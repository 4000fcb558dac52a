"""The sheet of the PDF: fonts, headings, tables, boxes; knows nothing of what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, VAlign, XPos, YPos
from fpdf.fonts import FontFace
from PIL import Image

from backend.report.notices import SCOPE

FONTS = Path(__file__).parent / "fonts"
MARGIN, WIDTH, INDENT = 18, 174, 6  # mm; WIDTH is what is left of an A4 sheet
INK, QUIET, RULE = "#16191d", "#545a63", "#c9c6bd"
TINTS = {"fake": "#fbe9e7", "unsure": "#f4ebf6", "real": "#e2f2eb"}


class Paper(FPDF):
    """A4 sheets with a running foot.

    Args:
        label: what the foot says of the document; nothing of a stranger's.
        when: the date of creation in the file's own properties.
        maker: the program's name and version.
    """

    def __init__(self, label: str, when: datetime, maker: str):
        super().__init__(format="A4", enforce_compliance="PDF/A-2B")
        self._label = label
        self.add_font("Text", "", FONTS / "DejaVuSans.ttf")
        self.add_font("Text", "B", FONTS / "DejaVuSans-Bold.ttf")
        self.add_font("Asian", "", FONTS / "wqy-microhei.ttc")
        self.set_fallback_fonts(["Asian"], exact_match=False)
        self._drawn = {*self.fonts["text"].cmap, *self.fonts["asian"].cmap}
        self.set_text_shaping(True)  # joins Arabic letters and turns their direction
        self.set_margins(MARGIN, MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(True, 20)
        self.set_title(f"Deepfake Detector: {label}")
        self.set_creator(maker)
        self.set_lang("en")
        self.set_creation_date(when)
        self.add_page()

    def header(self) -> None:
        self.set_font("Text", "B", 9)
        self.set_text_color(QUIET)
        self.cell(WIDTH / 2, 5, "Deepfake Detector")
        self.set_font("Text", "", 8)
        right = {"new_x": XPos.LMARGIN, "new_y": YPos.NEXT}
        self.cell(WIDTH / 2, 5, self._label, align="R", **right)
        self.ln(5)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("Text", "", 8)
        self.set_text_color(QUIET)
        self.cell(WIDTH - 30, 5, SCOPE)
        with self.local_context(text_shaping=None):  # the number of pages is filled in afterwards
            self.cell(30, 5, f"Page {self.page_no()} of {{nb}}", align="R")

    def drawable(self, text: str) -> str:
        """The text with each character that no font has as its code point: nothing is left out."""
        return "".join(
            c if ord(c) in self._drawn or c.isspace() else f"<U+{ord(c):04X}>" for c in text
        )

    def finished(self) -> bytes:
        """The file."""
        return bytes(self.output())

    def write_block(
        self,
        text: str,
        points: float,
        *,
        bold: bool = False,
        tone: str = INK,
        width: float = 0,
        indent: float = 0,
        x: float | None = None,
    ) -> None:
        """Write a paragraph below the last; `x` or an `indent` from the margin says where."""
        self.set_font("Text", "B" if bold else "", points)
        self.set_text_color(tone)
        if x is not None:
            self.set_x(x)
        elif indent:
            self.set_x(self.l_margin + indent)
        height = points * 0.5
        self.multi_cell(width, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def heading(self, text: str, keep: float = 34) -> None:
        """Begin a section, on a new sheet when less than `keep` mm are left."""
        if self.will_page_break(keep):
            self.add_page()
        self.ln(5)
        self.write_block(text, 13, bold=True)
        self.ln(1.5)

    def points(self, sentences: Sequence[str]) -> None:
        """A list."""
        for sentence in sentences:
            self.set_font("Text", "", 9.5)
            self.set_text_color(INK)
            self.cell(5, 4.75, "•")
            self.multi_cell(
                WIDTH - 5, 4.75, sentence, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
            )
            self.ln(1)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """A table of names and texts."""
        self.grid(pairs, (44, 130), head=False)

    def grid(
        self, rows: Sequence[Sequence[str]], widths: Sequence[float], head: bool = True
    ) -> None:
        """A table with rules between its rows."""
        self.set_font("Text", "", 8.5)
        self.set_text_color(INK)
        self.set_draw_color(RULE)
        self.set_line_width(0.2)
        self.set_fill_color("#ffffff")  # cells are filled with the colour in use
        quiet = FontFace(color=QUIET)
        with self.table(
            rows=(),
            col_widths=tuple(widths),
            width=sum(widths),
            align="L",
            text_align="L",
            v_align=VAlign.T,
            line_height=4.4,
            padding=(1.1, 2, 1.1, 0),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            first_row_as_headings=head,
            headings_style=quiet,
            wrapmode="CHAR",
        ) as table:
            for number, cells in enumerate(rows):
                row = table.row()
                for place, text in enumerate(cells):
                    name = not head and place == 0
                    row.cell(
                        self.drawable(text) or " ",
                        style=quiet if name or (head and not number) else None,
                    )
        self.ln(2)

    def frame(self, top: float, tone: str) -> None:
        """Frame what was written since `top`, with a bar of its tone at the left."""
        height = self.get_y() - top
        self.set_draw_color(tone)
        self.set_fill_color(tone)
        self.set_line_width(0.3)
        self.rect(self.l_margin, top, WIDTH, height)
        self.rect(self.l_margin, top, 2.2, height, style="F")

    def fitted(self, path: Path, width: float, height: float) -> tuple[Path, float, float]:
        """A picture with the size it has, in mm, when it fits into a box."""
        with Image.open(path) as image:
            across, down = image.size
        factor = min(width / across, height / down)
        return path, across * factor, down * factor

    def pictures(self, shown: Sequence[tuple[Path, str]]) -> None:
        """Pictures with captions, side by side: as many as there are share the width."""
        gap = 4
        column = min(84, (WIDTH + gap) / len(shown) - gap)
        fitted = [(self.fitted(path, column, 75), text) for path, text in shown]
        tallest = max(height for (_, _, height), _ in fitted)
        if self.will_page_break(tallest + 12):
            self.add_page()
        top, bottom = self.get_y(), 0.0
        for number, ((path, width, height), text) in enumerate(fitted):
            left = self.l_margin + number * (column + gap)
            self.image(str(path), left, top, width, height, alt_text=text)
            self.set_xy(left, top + height + 1)
            self.write_block(text, 8, width=column, x=left)
            bottom = max(bottom, self.get_y())
        self.set_y(bottom + 3)

    def person(self, name: str, answer: str, words: str, images: Sequence[Path]) -> None:
        """One person: pictures at the left, words beside them."""
        side, gap = 18, 1.5
        if self.will_page_break(side + 4):
            self.add_page()
        top = self.get_y()
        for place, path in enumerate(images):
            left = self.l_margin + place * (side + gap)
            self.image(str(path), left, top, side, side, alt_text=name)
        indent = len(images) * (side + gap) + 3 if images else 0
        for text, points, bold in ((name, 10, True), (answer, 9.5, False), (words, 8.5, False)):
            self.write_block(text, points, bold=bold, indent=indent, width=WIDTH - indent)
        self.set_y(max(self.get_y(), top + (side if images else 0)) + 4)
