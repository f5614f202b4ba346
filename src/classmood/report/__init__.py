"""A timeline as a page that a teacher can read; ``page`` puts it together."""

from classmood.report.page import compose_report, write_report

__all__ = ["compose_report", "write_report"]
