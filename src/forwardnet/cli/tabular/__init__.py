"""Tables on the command line: from a file to a validated network, its report, and predictions for other files."""

from __future__ import annotations
