"""Recognise expressions resembling eight classroom emotions in photos and videos, on one's own machine."""
