"""`python -m forwardnet` is the command `forwardnet`."""

from __future__ import annotations

from forwardnet.cli import main

if __name__ == "__main__":
    main()
